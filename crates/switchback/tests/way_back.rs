//! The way back of the data: what was acknowledged is kept, or a person is asked.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use switchback_testkit::{Host, Shape, State, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

async fn host(shape: Shape) -> Host {
    Host::new(cluster().await, PROGRAM, shape).await
}

/// The newest run's decision, as its journal has it.
fn decision(host: &Host) -> serde_json::Value {
    let lines =
        host.journal().into_iter().map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
    let mut noted = lines.map(|line| line["event"].clone()).filter(|event| event["key"] == "way_back");
    noted.next_back().map(|event| event["value"].clone()).unwrap_or_default()
}

/// Lets something be written after the looks of `rollback`, while the run is on its way back already.
async fn write_after_the_looks(host: &Host, sql: &str) {
    let killed = host.run_with(&["rollback"], &[("SWITCHBACK_FAULT", "kill-in-undo:close")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    host.database().run(sql).await;
}

#[tokio::test]
async fn a_row_written_after_the_deploy_is_kept_by_the_downgrade() {
    let host = host(Shape::default()).await;
    host.expect(&host.deploy(), 0);
    host.database().run("insert into public.notes (user_id, body) values (1, 'acknowledged')").await;
    let back = host.expect(&["rollback"], 0);
    let copy = format!("{}_rp_{}", host.database().name(), host.last_run());
    let kept = format!("the restore point is kept beside the target as `{copy}`");
    assert!(back.stderr.contains(&kept), "{}", back.stderr);
    assert_eq!(decision(&host)["way"], "down");
    // The looks tried it already, and nobody wrote since.
    assert!(decision(&host)["why"].as_str().unwrap().contains("nothing has changed since"));
    let kept =
        host.database().text("select count(*)::text from public.notes where body = 'acknowledged'").await;
    assert_eq!(kept, "1");
    assert_eq!(host.database().text("select version_num from public.alembic_version").await, "r1");
}

/// The downgrade does not need it, and nobody is told of a copy that is not there.
#[tokio::test]
async fn a_restore_point_that_somebody_dropped_is_not_said_to_be_kept() {
    let host = host(Shape { tool: "sql", ..Shape::BARE }).await;
    host.expect(&["deploy"], 0);
    host.database().run("insert into public.notes (user_id, body) values (1, 'acknowledged')").await;
    let copy = format!("{}_rp_{}", host.database().name(), host.last_run());
    host.cluster().run(&format!("drop database \"{copy}\"")).await;
    let back = host.expect(&["rollback"], 0);
    assert!(back.stderr.contains("is gone: somebody dropped it"), "{}", back.stderr);
}

/// The dump becomes a database under a name of the run's own, so whoever goes on finds the half of it.
#[tokio::test]
async fn a_killed_restore_of_the_dump_leaves_no_database() {
    let host = host(Shape { restore_point: "dump", tool: "sql", ..Shape::BARE }).await;
    let start = host.state().await;
    host.expect(&["deploy"], 0);
    let bin = switchback_postgres::programs::find_client(host.cluster().major()).await.unwrap();
    for name in ["pg_dump", "pg_restore", "pg_dumpall", "psql"] {
        let kill =
            if name == "pg_restore" { "case $* in *--version*) ;; *) kill -9 $PPID ;; esac\n" } else { "" };
        let text = format!("#!/bin/sh\n{kill}exec {} \"$@\"\n", bin.program(name).display());
        host.write(&format!("bin/{name}"), &text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(host.path(&format!("bin/{name}")), mode).unwrap();
    }
    let places = host.path("bin").display().to_string();
    let killed = host.run_with(&["rollback"], &[("SWITCHBACK_PG_BIN", &places)]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    host.expect(&["rollback"], 0);
    start.assert_same(&host.state().await);
    let left = "select count(*) from pg_database where datname like 'sb_%' or datname like '%_part_%'";
    let left: i64 = host.cluster().session().await.one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

/// Whoever is killed while he tries a downgrade leaves the copy. The next look drops it, also one that
/// tries nothing.
#[tokio::test]
async fn a_copy_that_a_killed_look_left_is_gone_behind_the_next() {
    let host = host(Shape { tool: "sql", ..Shape::BARE }).await;
    host.expect(&["deploy"], 0);
    let run = host.last_run();
    let copy = format!("{}_try_{run}", host.database().name());
    host.cluster().run(&format!("create database \"{copy}\"")).await;
    let behind = [("SWITCHBACK_FAULT", "kill-in-undo:close")];
    assert_eq!(host.run_with(&["rollback", &run, "--accept-loss"], &behind).status, None);
    let left = format!("select count(*)::text from pg_database where datname = '{copy}'");
    assert_eq!(host.database().text(&left).await, "0");
}

/// What the looks tried says nothing of another target, and nothing of another downgrade.
#[tokio::test]
async fn a_downgrade_is_tried_again_where_anything_has_changed_since_the_looks() {
    for changed in ["rows", "definitions", "files", "what was kept"] {
        let host = host(Shape { tool: "sql", ..Shape::BARE }).await;
        host.expect(&["deploy"], 0);
        let first = "insert into public.notes (user_id, body) values (1, 'first')";
        host.database().run(first).await;
        let second = match changed {
            "rows" => "insert into public.notes (user_id, body) values (1, 'second')",
            "definitions" => "alter table public.notes alter column body set statistics 7",
            _ => "select 1",
        };
        write_after_the_looks(&host, second).await;
        if changed == "files" {
            let down = "code/migrations/0003_r3.down.sql";
            let text = std::fs::read_to_string(host.path(down)).unwrap();
            host.write(down, &format!("{text}select 'corrected';\n"));
        }
        let kept = format!(".switchback/runs/{}/tried.json", host.last_run());
        assert!(host.path(&kept).is_file(), "{changed}");
        if changed == "what was kept" {
            host.write(&kept, "{");
        }
        host.run(&["rollback"]);
        let why = decision(&host)["why"].as_str().unwrap_or_default().to_owned();
        assert!(!why.contains("nothing has changed since"), "{changed}: {why}");
        assert!(!host.path(&kept).exists(), "{changed}");
    }
}

/// The old shape has no place for these: the downgrade would drop them without a word.
#[tokio::test]
async fn values_that_only_the_new_shape_can_hold_need_a_persons_word() {
    for write in [
        "update public.users set points = 777 where id = 3",
        "update public.addresses set email = 'new' where user_id = 3",
    ] {
        let host = host(Shape::default()).await;
        let start = host.state().await;
        host.expect(&host.deploy(), 0);
        write_after_the_looks(&host, write).await;
        let stuck = host.expect(&["rollback"], 5);
        assert!(
            stuck.stderr.contains("SB0507") && stuck.stderr.contains("--accept-loss"),
            "{}",
            stuck.stderr
        );
        // Nothing is lost while the person thinks; a resume asks again.
        host.expect(&["resume"], 5);
        let run = host.last_run();
        host.expect(&["rollback", &run, "--accept-loss"], 0);
        assert_eq!(decision(&host)["way"], "swap");
        assert!(!decision(&host)["dropped"].as_array().unwrap().is_empty());
        start.assert_same(&host.state().await);
    }
}

#[tokio::test]
async fn a_definition_made_after_the_deploy_is_not_dropped_in_silence() {
    let host = host(Shape::default()).await;
    host.expect(&host.deploy(), 0);
    write_after_the_looks(&host, "create table public.made_by_hand (n int)").await;
    let stuck = host.expect(&["rollback"], 5);
    assert!(stuck.stderr.contains("made_by_hand"), "{}", stuck.stderr);
}

/// What can be known while the application runs is no reason to stop it.
#[tokio::test]
async fn a_way_back_that_would_lose_writes_is_refused_while_the_application_runs() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    host.expect(&host.deploy(), 0);
    host.database().run("update public.users set points = 777 where id = 3").await;
    let before = host.state().await;
    let journal = host.journal();
    let run = host.last_run();
    // As a look that was killed leaves it.
    host.cluster().run(&format!("create database {}_try_{run}", host.database().name())).await;
    let refused = host.expect(&["rollback"], 3);
    for words in ["SB0310", "public.users", "nothing was changed", &format!("rollback {run} --accept-loss")] {
        assert!(refused.stderr.contains(words), "no `{words}` in\n{}", refused.stderr);
    }
    before.assert_same(&host.state().await);
    assert_eq!(host.journal(), journal);
    for left in ["looks", "trial"] {
        assert!(!host.path(&format!(".switchback/runs/{run}/{left}")).exists(), "{left} is left");
    }
    host.expect(&["rollback", &run, "--accept-loss"], 0);
    start.assert_same(&host.state().await);
}

/// What somebody sets or grants after the deploy is theirs, whichever way the data goes.
#[tokio::test]
async fn settings_and_grants_made_after_the_deploy_are_kept_by_either_way() {
    for (way, write) in
        [("swap", None), ("down", Some("insert into public.notes (user_id, body) values (1, 'w')"))]
    {
        let host = host(Shape::BARE).await;
        host.expect(&host.deploy(), 0);
        let (name, role) = (host.database().name().to_owned(), host.cluster().role("late", "login").await);
        for statement in [
            format!("alter database {name} set statement_timeout = '77s'"),
            format!("alter role {role} in database {name} set work_mem = '9MB'"),
            format!("alter database {name} connection limit 77"),
            format!("revoke connect on database {name} from public"),
            format!("grant connect on database {name} to {role}"),
            format!("comment on database {name} is 'said later'"),
        ] {
            host.cluster().run(&statement).await;
        }
        let wanted = host.state().await.settings;
        if let Some(write) = write {
            host.database().run(write).await;
        }
        let killed = host.run_with(&["rollback"], &[("SWITCHBACK_FAULT", "kill-in-undo:start")]);
        assert_eq!(killed.status, None, "{}", killed.stderr);
        assert!(killed.stderr.contains("kept: setting statement_timeout is new"), "{}", killed.stderr);
        host.expect(&["resume"], 0);
        assert_eq!(decision(&host)["way"], way);
        let differences = wanted.differences(&host.state().await.settings);
        assert!(differences.is_empty(), "{way}: {}", differences.join("\n"));
    }
}

/// The backup may take hours; what is set meanwhile is not reset by the end of the fence.
#[tokio::test]
async fn settings_made_before_the_fence_goes_up_outlive_it() {
    let host = host(Shape::BARE).await;
    let name = host.database().name().to_owned();
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:backup")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    host.cluster().run(&format!("alter database {name} set statement_timeout = '77s'")).await;
    let wanted = host.state().await.settings;
    host.expect(&["resume"], 0);
    let differences = wanted.differences(&host.state().await.settings);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Their identities are given by who writes them: they are data, and no schema has them.
#[tokio::test]
async fn a_large_object_written_after_the_deploy_is_kept_by_the_downgrade() {
    let host = host(Shape::BARE).await;
    host.database().run("select lo_from_bytea(0, '\\x01')").await;
    host.expect(&host.deploy(), 0);
    host.database().run("select lo_from_bytea(4711, '\\x1234')").await;
    host.expect(&["rollback"], 0);
    assert_eq!(decision(&host)["way"], "down");
    let kept = "select count(*) || ' ' || encode(lo_get(4711), 'hex') from pg_largeobject_metadata";
    assert_eq!(host.database().text(kept).await, "2 1234");
}

/// The way back of a later run puts another database in the target's place; the earlier run's must
/// not take that for its own.
#[tokio::test]
async fn an_older_run_goes_back_after_a_newer_one_was_taken_back() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    host.third_release();
    host.expect(&host.deploy(), 0);
    let older = host.last_run();
    let failed =
        host.run_with(&["deploy", "--release", "v3"], &[("SWITCHBACK_FAULT", "fail-after:validate")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    let refused = host.expect(&["rollback"], 3);
    assert!(refused.stderr.contains(&format!("switchback rollback {older}")), "{}", refused.stderr);
    host.expect(&["rollback", &older], 0);
    assert_eq!(host.database().text("select version_num from public.alembic_version").await, "r1");
    let mut differences = start.differences(&host.state().await);
    differences.retain(|line| !line.starts_with("databases: "));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A migration that commits and then fails leaves no trace in schema or history.
#[tokio::test]
async fn a_part_that_was_committed_before_the_failure_goes_back() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "commit r2")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    assert_eq!(decision(&host)["way"], "swap");
    start.assert_same(&host.state().await);
}

/// Behind a read-only fence the same write could be anybody's: it is not dropped, and not kept in
/// silence either.
#[tokio::test]
async fn behind_a_read_only_fence_an_unexplained_write_needs_a_persons_word() {
    let host = host(Shape { fence: "read-only", ..Shape::default() }).await;
    let start = host.state().await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "commit r2")]);
    assert_eq!(failed.status, Some(5), "{}", failed.stderr);
    assert!(failed.stderr.contains("public.users"), "{}", failed.stderr);
    host.expect(&["rollback", &host.last_run(), "--accept-loss"], 0);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_marker_that_somebody_overwrote_is_written_again() {
    let host = host(Shape::default()).await;
    let start = host.state().await;
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:maintenance")]);
    assert_eq!(killed.status, None);
    let name = host.database().name().to_owned();
    host.cluster().run(&format!("comment on database {name} is 'mine now'")).await;
    host.expect(&["rollback"], 0);
    start.assert_same(&host.state().await);
}

#[tokio::test]
async fn a_run_is_never_taken_to_another_database() {
    let host = host(Shape::default()).await;
    host.expect(&host.deploy(), 0);
    let other = host.cluster().database("other").await;
    let refused = host.run_with(&["rollback"], &[("APP_URL", &other.url().expose())]);
    assert_eq!(refused.status, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains(other.name()), "{}", refused.stderr);
}

/// What a person told the server by hand, in the words of the guide.
const BY_HAND: &[&str] = &[
    "alter database \"FENCED\" rename to \"NAME\"",
    "grant connect, temporary on database \"NAME\" to public",
    "comment on database \"NAME\" is null",
];

/// A run that is stuck behind the fence, because of a write that only the new shape can hold.
async fn stuck_host() -> (Host, State) {
    let host = host(Shape::default()).await;
    host.expect(&host.deploy(), 0);
    let deployed = host.state().await;
    write_after_the_looks(&host, "update public.users set points = 777 where id = 3").await;
    let stuck = host.expect(&["rollback"], 5);
    assert!(
        stuck.stderr.contains("switchback abort") && stuck.stderr.contains("--leave"),
        "{}",
        stuck.stderr
    );
    (host, deployed)
}

/// The run is over, and the next one may begin.
async fn assert_left(host: &Host, deployed: &State) {
    let shown = host.expect(&["runs", "show", &host.last_run()], 0);
    assert!(shown.stdout.contains("left by hand"), "{}", shown.stdout);
    host.expect(&["service", "start"], 0);
    host.listening().await;
    std::fs::remove_file(host.path("maintenance.flag")).unwrap();
    let now = host.state().await;
    let differences = deployed.settings.differences(&now.settings);
    assert!(differences.is_empty() && now.wrong.is_empty(), "{differences:?} {:?}", now.wrong);
    assert_eq!((host.revision().await.as_str(), host.service().as_str()), ("r3", "running, free"));
    assert_eq!(host.database().text("select points::text from public.users where id = 3").await, "777");
    let nothing = host.expect(&["rollback"], 3);
    assert!(nothing.stderr.contains("SB0305"), "{}", nothing.stderr);
    host.expect(&host.deploy(), 0);
}

#[tokio::test]
async fn a_stuck_run_is_left_as_it_is_by_a_persons_word() {
    let (host, deployed) = stuck_host().await;
    host.expect(&["abort", "--leave"], 0);
    assert_left(&host, &deployed).await;
}

#[tokio::test]
async fn a_stuck_run_whose_target_was_put_right_by_hand_can_be_ended() {
    let (host, deployed) = stuck_host().await;
    let name = host.database().name().to_owned();
    let fenced = format!("{name}_sb_{}", host.last_run());
    for statement in BY_HAND {
        host.cluster().run(&statement.replace("FENCED", &fenced).replace("NAME", &name)).await;
    }
    host.expect(&["abort", "--leave"], 0);
    assert_left(&host, &deployed).await;
}

#[tokio::test]
async fn a_run_that_goes_forward_is_not_left() {
    let host = host(Shape::BARE).await;
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:restore_point")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    let refused = host.expect(&["abort", "--leave"], 3);
    assert!(
        refused.stderr.contains("SB0305") && refused.stderr.contains("switchback resume"),
        "{}",
        refused.stderr
    );
    host.expect(&["abort"], 0);
}
