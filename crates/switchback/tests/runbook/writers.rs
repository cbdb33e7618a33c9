//! Rows 3, 5 and 6: who writes meanwhile, and who waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use switchback_postgres::Session;
use switchback_testkit::Host;

use crate::hand::{BARE, HALF, Hand, at, checkout, host, pause, until};
use crate::shop::{Shop, Wish, run};

mod writes_after_the_backup {
    use super::*;

    async fn the_usual_way() {
        let host = host(BARE).await;
        let hand = Hand::at(&host.url()).await;
        hand.does("pg_dump -Fc $DB > b.dump");
        hand.does("psql -qc \"insert into notes (user_id, body) values (1, 'acknowledged')\"");
        // Now the application is stopped, and the migration fails half-way.
        let half = format!(
            "cd {} && DATABASE_URL=$URL MIGRATE_FAULT='commit r2' ../migrate upgrade r2",
            host.path("code").display()
        );
        hand.fails(&half);
        hand.does("dropdb --force $DB && createdb $DB && pg_restore -d $DB b.dump");
        assert_eq!(hand.does("psql -Atc \"select count(*) from notes where body = 'acknowledged'\""), "0");
    }

    /// Somebody writes all the time, until the fence is closed.
    async fn ours() {
        let host = host(BARE).await;
        let hand = Hand::at(&host.url()).await;
        let stop = AtomicBool::new(false);
        let acknowledged = std::thread::scope(|scope| {
            let writer = scope.spawn(|| write(&hand, &stop));
            let ran = host.run_with(&["deploy"], &HALF);
            stop.store(true, Ordering::SeqCst);
            assert_eq!(ran.status, Some(4), "{}", ran.stderr);
            writer.join().unwrap()
        });
        let backup = at(&host, "step.finished", "backup");
        let later = acknowledged.iter().filter(|(_, at)| *at > backup).count();
        assert!(later > 0, "nothing was written after the backup");
        for (number, _) in &acknowledged {
            let there = format!("psql -Atc \"select count(*) from notes where body = 'write {number}'\"");
            assert_eq!(hand.does(&there), "1", "write {number} of {} is lost", acknowledged.len());
        }
    }

    fn write(hand: &Hand, stop: &AtomicBool) -> Vec<(u32, jiff::Timestamp)> {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let line = format!("psql -qc \"insert into notes (user_id, body) values (1, 'write {number}')\"");
            if hand.types(&line).status == Some(0) {
                acknowledged.push((number, jiff::Timestamp::now()));
            }
            pause();
        }
        acknowledged
    }

    #[tokio::test]
    async fn what_is_written_between_backup_and_stop_is_lost_by_the_rollback() {
        the_usual_way().await;
        ours().await;
    }
}

mod writers_that_nobody_stopped {
    use super::*;

    /// A worker under a restart policy, and a job that comes every moment.
    const WORKER: &str = "while :; do echo $$ > worker.pid.new; mv worker.pid.new worker.pid; \
                          psql -qc \"insert into starts (release) values ('worker')\" || true; sleep 0.05; done";
    const SUPERVISOR: &str = "while :; do bash -c \"$WORKER\" || true; sleep 0.05; done";
    const CRON: &str =
        "while :; do psql -qc \"insert into starts (release) values ('cron')\" || true; sleep 0.05; done";

    fn begin(hand: &Hand) -> [crate::hand::Background; 2] {
        let supervisor = format!("export WORKER='{}'; {SUPERVISOR}", WORKER.replace('\'', "'\\''"));
        [hand.begins(&supervisor), hand.begins(CRON)]
    }

    fn count(hand: &Hand, who: &str) -> u32 {
        hand.does(&format!("psql -Atc \"select count(*) from starts where release = '{who}'\""))
            .parse()
            .unwrap()
    }

    async fn clocked() -> Host {
        let host = host(BARE).await;
        host.database().run("alter table starts add column at timestamptz default clock_timestamp()").await;
        host
    }

    async fn the_usual_way() {
        let host = clocked().await;
        let hand = Hand::at(&host.url()).await;
        let _at_work = begin(&hand);
        until("they write", || count(&hand, "worker") > 0 && count(&hand, "cron") > 0);
        // systemctl stop: the process gets its signal. Its supervisor does not know of it.
        hand.does("kill $(cat worker.pid)");
        hand.does("psql -qc 'create table stopped as select clock_timestamp() as at'");
        hand.does(&format!(
            "cd {} && sleep 0.5 && DATABASE_URL=$URL ../migrate upgrade r2",
            host.path("code").display()
        ));
        let during = "select count(distinct release) from starts where at > (select at from stopped)";
        until("both wrote in the middle of it", || hand.does(&format!("psql -Atc '{during}'")) == "2");
    }

    async fn ours() {
        let host = clocked().await;
        let hand = Hand::at(&host.url()).await;
        let _at_work = begin(&hand);
        until("they write", || count(&hand, "worker") > 0 && count(&hand, "cron") > 0);
        host.expect(&["deploy"], 0);
        let (from, to) = (at(&host, "step.finished", "fence"), at(&host, "step.started", "start"));
        let during = format!("psql -Atc \"select count(*) from starts where at > '{from}' and at < '{to}'\"");
        assert_eq!(hand.does(&during), "0");
        // They were never told, and go on where they were.
        let (workers, crons) = (count(&hand, "worker"), count(&hand, "cron"));
        until("they write again", || count(&hand, "worker") > workers && count(&hand, "cron") > crons);
    }

    #[tokio::test]
    async fn a_restart_policy_and_cron_write_into_the_migration() {
        the_usual_way().await;
        ours().await;
    }
}

mod a_queue_behind_a_lock {
    use super::*;

    const FIRST: &str = "0d5a3be7f912";
    /// A user of the shop who waits for so many seconds at most.
    fn read(seconds: u32) -> String {
        format!("PGOPTIONS='-c statement_timeout={seconds}s' psql -Atc 'select count(*) from users'")
    }

    fn flask(shop: &Shop, words: &[&str]) -> std::process::Command {
        let mut flask = std::process::Command::new(crate::shop::venv("flask"));
        flask.current_dir(shop.repository()).env("DATABASE_URL", shop.url().expose()).env("FLASK_APP", "app");
        flask.args(words);
        flask
    }

    /// A report that reads for long, as every report does.
    async fn report(shop: &Shop) -> Session {
        let session = shop.session(shop.name()).await;
        session.batch("begin; select count(*) from public.users").await.unwrap();
        session
    }

    async fn waits(shop: &Shop) -> bool {
        let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        shop.number(sql).await > 0
    }

    async fn migration_waits(shop: &Shop) {
        crate::shop::until("the migration waits for the report", async || waits(shop).await.then_some(()))
            .await;
    }

    async fn the_usual_way(shop: &Shop, hand: &Hand) {
        let report = report(shop).await;
        let mut upgrade = flask(shop, &["db", "upgrade", FIRST]).spawn().unwrap();
        migration_waits(shop).await;
        // A reader waits behind the migration that waits behind a reader.
        assert!(hand.fails(&read(3)).contains("canceling statement due to statement timeout"));
        report.batch("commit").await.unwrap();
        assert!(upgrade.wait().unwrap().success());
        run(&mut flask(shop, &["db", "downgrade", crate::shop::V1]));
    }

    async fn ours(shop: &Shop, hand: &Hand) {
        let settings = std::fs::read_to_string(shop.path("switchback.toml")).unwrap();
        let short = settings.replacen("[migrations]\n", "[migrations]\nlock_timeout = \"3s\"\n", 1);
        std::fs::write(shop.path("switchback.toml"), short).unwrap();
        let report = report(shop).await;
        let upgrade = shop.begin(&["up", "--to", FIRST]);
        migration_waits(shop).await;
        let start = Instant::now();
        let mut reads = 0;
        while start.elapsed() < std::time::Duration::from_secs(5) {
            assert_eq!(hand.does(&read(10)), "200");
            reads += 1;
        }
        assert!(reads > 0);
        report.batch("commit").await.unwrap();
        let ran = upgrade.ended();
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let pid = report.pid();
        for word in
            ["could not have its lock (try 1 of 5)", &format!("in its way: session {pid} of postgres")]
        {
            assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
        }
        assert_eq!(shop.revision().await, FIRST);
    }

    #[tokio::test]
    async fn readers_queue_behind_flask_db_upgrade() {
        let shop = Shop::new(Wish { running: false, ..Wish::default() }).await;
        checkout(&shop, "v2");
        let hand = Hand::at(&shop.url()).await;
        the_usual_way(&shop, &hand).await;
        ours(&shop, &hand).await;
    }
}
