//! Rows 1, 2, 4 and 9: what is called a backup, and what is called a rollback.

use std::time::{Duration, Instant};

use serde_json::Value;
use switchback_postgres::settings::DatabaseSettings;
use switchback_testkit::{Host, Shape};

use crate::hand::{BARE, HALF, Hand, assert_same, at, cut_off, host, spoil};

const DUMP: Shape = Shape { restore_point: "dump", ..BARE };

mod a_plain_dump_is_no_archive {
    use super::*;

    async fn the_usual_way() {
        let host = host(BARE).await;
        let hand = Hand::at(&host.url()).await;
        hand.does("pg_dump $DB > b.sql");
        for line in ["pg_restore --list b.sql", "createdb ${DB}_again; pg_restore -d ${DB}_again b.sql"] {
            let said = hand.fails(line);
            assert!(said.contains("input file appears to be a text format dump"), "{said}");
        }
        assert_eq!(
            hand.does("psql -Atd ${DB}_again -c \"select count(*) from pg_class where relname = 'users'\""),
            "0"
        );
    }

    async fn ours() {
        let host = host(BARE).await;
        let hand = Hand::at(&host.url()).await;
        let made: Value =
            serde_json::from_str(&host.expect(&["backup", "create", "--format", "json"], 0).stdout).unwrap();
        assert_eq!(made["proof"]["compared"]["rows"], 701, "{made}");
        let folder = made["folder"].as_str().unwrap();
        // And whoever has nothing but PostgreSQL's own programs can use it too.
        assert!(hand.does(&format!("pg_restore --list {folder}/dump")).contains("TABLE DATA public users"));
        hand.does(&format!("cd {folder} && sha256sum -c manifest.sha256"));
        hand.does(&format!("createdb ${{DB}}_again && pg_restore -d ${{DB}}_again {folder}/dump"));
        assert_eq!(hand.does("psql -Atd ${DB}_again -c 'select count(*) from users'"), "200");
    }

    #[tokio::test]
    async fn a_plain_dump_can_not_be_listed_or_restored() {
        the_usual_way().await;
        ours().await;
    }
}

mod the_only_copy {
    use super::*;

    async fn the_usual_way() {
        let host = host(BARE).await;
        let hand = Hand::at(&host.url()).await;
        hand.does("pg_dump -Fc $DB > b.dump");
        // The disk, the network, the wrong file: nobody has looked.
        cut_off(&hand.path("b.dump"));
        hand.fails("dropdb --force $DB && createdb $DB && pg_restore -d $DB b.dump");
        let left = hand.types("psql -Atc 'select count(*) from notes'");
        assert_ne!(left.stdout.trim(), "500", "nothing was lost");
    }

    /// The very dump that the way back needs is cut off at the worst moment.
    async fn ours() {
        let host = host(DUMP).await;
        spoil(
            &host,
            "for file in ../.switchback/runs/*/restore-point/*/dump/*.gz; do truncate -s 9 \"$file\"; done",
        );
        let stuck = host.run_with(&["deploy"], &HALF);
        assert_eq!(stuck.status, Some(5), "{}", stuck.stderr);
        for word in ["bytes instead of", "switchback resume"] {
            assert!(stuck.stderr.contains(word), "no {word} in {}", stuck.stderr);
        }
        let hand = Hand::at(&host.url()).await;
        let fenced = format!("{}_sb_{}", host.database().name(), host.last_run());
        let counts = "select count(*) || ' ' || (select count(*) from notes) from users";
        assert_eq!(hand.does(&format!("psql -Atd {fenced} -c \"{counts}\"")), "200 500");
        // The run's proven backup is another file, and a restore makes a database beside the others.
        let backups = host.expect(&["backup", "list", "--format", "json"], 0).stdout;
        let backups: Value = serde_json::from_str(&backups).unwrap();
        let into = format!("{}_beside", host.database().name());
        host.expect(&["restore", backups[0]["name"].as_str().unwrap(), "--into", &into], 0);
        assert_eq!(hand.does(&format!("psql -Atd {into} -c \"{counts}\"")), "200 500");
    }

    #[tokio::test]
    async fn the_only_copy_is_gone_before_its_replacement_is_known_to_work() {
        the_usual_way().await;
        ours().await;
    }
}

mod what_a_new_database_lacks {
    use super::*;

    /// All that belongs to a database and is not in it.
    async fn dress(host: &Host) {
        let (cluster, name) = (host.cluster(), host.database().name());
        let (owner, reader) = (cluster.role("owner", "login").await, cluster.role("reader", "login").await);
        cluster
            .run(&format!(
                "alter database {name} owner to {owner}; alter database {name} connection limit 42; \
                 comment on database {name} is 'the shop'; alter database {name} set work_mem = '7MB'; \
                 alter role {reader} in database {name} set statement_timeout = '9s'; \
                 grant connect on database {name} to {reader}; revoke connect on database {name} from public"
            ))
            .await;
    }

    async fn settings(host: &Host) -> DatabaseSettings {
        DatabaseSettings::read(&host.cluster().session().await, host.database().name()).await.unwrap()
    }

    async fn the_usual_way() {
        let host = host(BARE).await;
        dress(&host).await;
        let before = settings(&host).await;
        let hand = Hand::at(&host.url()).await;
        hand.does(
            "pg_dump -Fc $DB > b.dump && dropdb --force $DB && createdb $DB && pg_restore -d $DB b.dump",
        );
        let lost = before.differences(&settings(&host).await).join("\n");
        for what in ["owner", "connection limit", "comment", "work_mem", "statement_timeout", "CONNECT"] {
            assert!(lost.contains(what), "{what} was kept: {lost}");
        }
    }

    async fn ours() {
        for shape in [BARE, DUMP] {
            let host = host(shape).await;
            dress(&host).await;
            let start = host.state().await;
            let ran = host.run_with(&["deploy"], &HALF);
            assert_eq!(ran.status, Some(4), "{}", ran.stderr);
            assert_same(&start, &host.state().await);
        }
    }

    #[tokio::test]
    async fn owner_grants_settings_limit_and_comment_are_lost_by_createdb() {
        the_usual_way().await;
        ours().await;
    }
}

mod how_long_it_takes {
    use super::*;

    /// Enough rows for a restore to take its time.
    const ROWS: &str = "create table history (id bigserial primary key, at timestamptz default now(), what text); \
                        insert into history (what) select 'entry ' || md5(n::text) from generate_series(1, 200000) n; \
                        create index on history (what); create index on history (at, what)";

    async fn big() -> Host {
        let host = host(BARE).await;
        host.database().run(ROWS).await;
        host
    }

    async fn the_usual_way() -> Duration {
        let host = big().await;
        let hand = Hand::at(&host.url()).await;
        hand.does("pg_dump -Fc $DB > b.dump");
        hand.does(&format!("cd {} && DATABASE_URL=$URL ../migrate upgrade r2", host.path("code").display()));
        // The application is open, and somebody is told that their note is kept.
        hand.does("psql -qc \"insert into notes (user_id, body) values (1, 'acknowledged')\"");
        let start = Instant::now();
        hand.does("dropdb --force $DB && createdb $DB && pg_restore -d $DB b.dump");
        let took = start.elapsed();
        assert_eq!(hand.does("psql -Atc \"select count(*) from notes where body = 'acknowledged'\""), "0");
        took
    }

    /// Failed before anybody could write: a rename. Taken back after somebody wrote: the downgrade.
    async fn ours() -> Duration {
        let host = big().await;
        let start = host.state().await;
        let failed = host.run_with(&["deploy"], &HALF);
        assert_eq!(failed.status, Some(4), "{}", failed.stderr);
        let (from, to) = (
            at(&host, "step.undo_started", "restore_point"),
            at(&host, "step.undo_finished", "restore_point"),
        );
        assert_same(&start, &host.state().await);
        host.expect(&["deploy"], 0);
        host.database().run("insert into notes (user_id, body) values (1, 'acknowledged')").await;
        host.expect(&["rollback"], 0);
        let kept = "select count(*)::text from public.notes where body = 'acknowledged'";
        assert_eq!(host.database().text(kept).await, "1");
        assert_eq!(host.database().text("select version_num::text from public.alembic_version").await, "r1");
        to.duration_since(from).unsigned_abs()
    }

    #[tokio::test]
    async fn a_restore_takes_its_time_and_loses_what_was_written() {
        let (usual, ours) = (the_usual_way().await, ours().await);
        println!("restore of a dump: {} ms; swap: {} ms", usual.as_millis(), ours.as_millis());
        assert!(ours < usual, "the swap took {ours:?}, the restore {usual:?}");
    }
}
