//! A backup in the target's place: nothing is lost without a word, and the target as it was is kept.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use switchback_testkit::{Host, Shape, State, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A host with a backup, and the backup's name.
async fn host() -> (Host, String) {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    let made = host.expect(&["backup", "create", "--format", "json"], 0);
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    (host, made["id"].as_str().unwrap().to_owned())
}

fn assert_same(wanted: &State, found: &State, what: &str) {
    let differences = wanted.differences(found);
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

async fn write(host: &Host, note: &str) {
    host.database().run(&format!("insert into public.notes (user_id, body) values (1, '{note}')")).await;
}

async fn notes(host: &Host, note: &str) -> String {
    host.database().text(&format!("select count(*)::text from public.notes where body = '{note}'")).await
}

/// The databases that a run leaves, by what they were to it.
async fn kept(host: &Host) -> Vec<String> {
    let name = host.database().name();
    let sql = "select datname::text from pg_database where datname like $1 order by 1";
    let rows = host.cluster().session().await.rows(sql, &[&format!("{name}\\_%")]).await.unwrap();
    let kind = |name: String| name.split('_').nth(2).unwrap().to_owned();
    rows.iter().map(|row| kind(row.get(0))).collect()
}

#[tokio::test]
async fn what_the_backup_lacks_is_named_and_needs_a_word_and_comes_back_with_the_former_target() {
    let (host, backup) = host().await;
    let then = host.state().await;
    write(&host, "later").await;
    let now = host.state().await;
    let refused = host.expect(&["restore", &backup, "--swap"], 3);
    assert!(refused.stderr.contains("public.notes: 501 rows here, 500 in the backup"), "{}", refused.stderr);
    assert!(refused.stderr.contains("SB0606"), "{}", refused.stderr);
    assert_same(&now, &host.state().await, "refused");
    assert!(kept(&host).await.is_empty());

    let ran = host.expect(&["restore", &backup, "--swap", "--accept-loss"], 0);
    assert!(ran.stderr.contains("left behind in `app_"), "{}", ran.stderr);
    let page = host.expect(&["report", "--format", "html"], 0).stdout;
    assert!(page.contains("The restore of backup") && !page.contains("no data was lost"), "{page}");
    assert!(page.contains("public.notes: 501 rows here, 500 in the backup"), "{page}");
    assert_same(&then, &host.state().await, "restored");
    assert_eq!(kept(&host).await, ["old"]);
    host.expect(&["rollback"], 0);
    assert_same(&now, &host.state().await, "rolled back");
    assert_eq!(kept(&host).await, ["failed"]);
    assert_eq!(notes(&host, "later").await, "1");
}

#[tokio::test]
async fn with_nothing_written_since_no_word_is_needed_and_what_belongs_to_the_target_stays() {
    let (host, backup) = host().await;
    let name = host.database().name().to_owned();
    let role = host.cluster().role("reader", "login").await;
    let settings = format!(
        "alter database {name} connection limit 77; alter database {name} set work_mem = '7MB'; \
         comment on database {name} is 'the shop'; grant connect on database {name} to {role}; \
         alter role {role} in database {name} set statement_timeout = '3s'; alter database {name} owner to {role}"
    );
    for statement in settings.split("; ") {
        host.cluster().run(statement).await;
    }
    let start = host.state().await;
    let plan = host.expect(&["restore", &backup, "--swap", "--dry-run", "--format", "json"], 0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["revision_after"], serde_json::json!(["r1"]));
    assert!(plan["ways_back"].as_array().unwrap().len() >= 4);
    assert_same(&start, &host.state().await, "planned");
    host.expect(&["restore", &backup, "--swap"], 0);
    assert_same(&start, &host.state().await, "restored");
    // What the next `rollback` needs is not offered for dropping.
    let doctor = host.run(&["doctor"]).stdout;
    assert!(doctor.contains("would take back with it") && !doctor.contains("drop database"), "{doctor}");
}

#[tokio::test]
async fn what_only_the_backup_has_is_no_loss_and_needs_no_word() {
    let (host, backup) = host().await;
    let then = host.state().await;
    host.database().run("drop table public.notes").await;
    let now = host.state().await;
    let ran = host.expect(&["restore", &backup, "--swap"], 0);
    assert!(!ran.stderr.contains("left behind in `app_"), "{}", ran.stderr);
    assert_same(&then, &host.state().await, "restored");
    host.expect(&["rollback"], 0);
    assert_same(&now, &host.state().await, "rolled back");
}

/// Without a terminal the question stands in the refusal.
#[tokio::test]
async fn the_question_says_whose_data_is_at_stake() {
    let (host, backup) = host().await;
    let asked = |words: &[&str]| {
        let with = host.command(words);
        let mut without = std::process::Command::new(with.get_program());
        without.args(with.get_args().filter(|word| *word != "--yes")).current_dir(host.path("."));
        without.env("APP_URL", host.url().expose()).stdin(std::process::Stdio::null());
        let ended = without.output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let folder = host.path("backups").join(&backup);
    let own = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let write = |text: &str| {
        std::fs::write(folder.join("manifest.json"), text).unwrap();
        let mut sum = std::process::Command::new("sha256sum");
        let sum = sum.arg("manifest.json").current_dir(&folder).output().unwrap();
        std::fs::write(folder.join("manifest.sha256"), sum.stdout).unwrap();
    };
    let name = host.database().name();
    let other = own.replace(&format!("\"database\": \"{name}\""), "\"database\": \"staging\"");
    assert_ne!(own, other);
    write(&other);
    let (status, said) = asked(&["restore", &backup, "--swap"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("it was taken of `staging`, not of this target"), "{said}");
    write(&own);
    let (status, said) = asked(&["restore", &backup, "--swap", "--accept-loss"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("is left behind") && !said.contains("staging"), "{said}");
    host.expect(&["restore", &backup, "--swap"], 0);
    let (status, said) = asked(&["rollback", "--accept-loss"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains(&format!("leave what was written to `{name}` since 20")), "{said}");
}

#[tokio::test]
async fn what_is_written_after_the_swap_is_not_left_behind_in_silence() {
    let (host, backup) = host().await;
    host.expect(&["restore", &backup, "--swap"], 0);
    write(&host, "acknowledged").await;
    let before = host.state().await;
    let refused = host.expect(&["rollback"], 3);
    assert!(
        refused.stderr.contains("SB0310") && refused.stderr.contains("public.notes"),
        "{}",
        refused.stderr
    );
    assert_same(&before, &host.state().await, "refused");
    host.expect(&["rollback", &host.last_run(), "--accept-loss"], 0);
    assert_eq!(notes(&host, "acknowledged").await, "0");
    assert_eq!(kept(&host).await, ["failed"]);
    assert_eq!(host.service(), "running, free");
}

/// As above, where it is written when the look before the fence is over.
#[tokio::test]
async fn what_is_written_while_the_way_back_begins_is_not_left_behind_in_silence() {
    let (host, backup) = host().await;
    host.expect(&["restore", &backup, "--swap"], 0);
    let killed = host.run_with(&["rollback"], &[("SWITCHBACK_FAULT", "kill-in-undo:close")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    write(&host, "acknowledged").await;
    let stuck = host.expect(&["resume"], 5);
    assert!(stuck.stderr.contains("SB0507") && stuck.stderr.contains("public.notes"), "{}", stuck.stderr);
    host.expect(&["rollback", "--accept-loss"], 0);
    assert_eq!(host.service(), "running, free");
}

/// In the middle of the steps that only a restore has, and of those round them: the effect is there,
/// nobody has looked at it yet.
#[tokio::test]
async fn killed_in_the_middle_of_a_step_it_finishes_or_goes_back() {
    let (host, backup) = host().await;
    let then = host.state().await;
    write(&host, "later").await;
    let now = host.state().await;
    let words = ["restore", &backup, "--swap", "--accept-loss"];
    for (step, forward) in
        [("restore", true), ("losses:fenced", false), ("swap", true), ("swap", false), ("start", false)]
    {
        let fault = format!("kill-in:{step}");
        let ran = host.run_with(&words, &[("SWITCHBACK_FAULT", &fault)]);
        assert_eq!(ran.status, None, "{fault} did not kill it\n{}", ran.stderr);
        if forward {
            host.expect(&["resume"], 0);
            assert_same(&then, &host.state().await, &format!("{fault}, resumed"));
        }
        host.expect(&["rollback"], 0);
        assert_same(&now, &host.state().await, &format!("{fault}, rolled back"));
    }
}

/// The way back is killed after each of its entries, and resumed.
#[tokio::test]
async fn a_way_back_that_is_killed_is_finished_by_resume() {
    let (host, backup) = host().await;
    write(&host, "later").await;
    let start = host.state().await;
    host.expect(&["restore", &backup, "--swap", "--accept-loss"], 0);
    let (mut entry, mut words) = (1, vec!["rollback"]);
    loop {
        let ran = host.run_with(&words, &[("SWITCHBACK_FAULT", &format!("kill-after:{entry}"))]);
        if ran.status.is_some() {
            assert!(matches!(ran.status, Some(0 | 4)), "{:?}\n{}", ran.status, ran.stderr);
            break;
        }
        // Killed after its last entry, it is over.
        if host.journal().last().unwrap().contains("run.finished") {
            break;
        }
        words = vec!["resume"];
        // Three entries are written at the least, so that it comes further each time.
        entry = 3 + (entry + 1) % 3;
        assert!(host.journal().len() < 300, "it never ends");
    }
    assert_same(&start, &host.state().await, "rolled back through kills");
}

#[tokio::test]
async fn an_application_that_does_not_come_up_on_it_gets_the_former_target_again() {
    let (host, backup) = host().await;
    write(&host, "later").await;
    let start = host.state().await;
    let failed = host.run_with(
        &["restore", &backup, "--swap", "--accept-loss"],
        &[("SWITCHBACK_FAULT", "fail-before:health")],
    );
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    assert_same(&start, &host.state().await, "taken back");
}

#[tokio::test]
async fn an_open_run_and_its_fence_refuse_a_restore() {
    let (host, backup) = host().await;
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:restore_point")]);
    assert_eq!(killed.status, None);
    let refused = host.expect(&["restore", &backup, "--swap", "--accept-loss"], 3);
    assert!(refused.stderr.contains("switchback resume"), "{}", refused.stderr);
    // Behind the fence the target's own name is free, and must stay so.
    let refused = host.expect(&["restore", &backup, "--into", host.database().name()], 3);
    assert!(refused.stderr.contains("SB0303"), "{}", refused.stderr);
    host.expect(&["rollback"], 0);
    // A journal of another machine: the marker alone says so.
    let killed = host.run_with(&host.deploy(), &[("SWITCHBACK_FAULT", "kill-in:lease")]);
    assert_eq!(killed.status, None);
    std::fs::rename(host.path(".switchback/runs"), host.path(".switchback/elsewhere")).unwrap();
    let refused = host.expect(&["restore", &backup, "--swap"], 3);
    assert!(refused.stderr.contains("SB0303"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_backup_from_before_a_deploy_goes_with_its_release() {
    let (host, backup) = host().await;
    let before = host.state().await;
    host.expect(&host.deploy(), 0);
    let after = host.state().await;
    let refused = host.expect(&["restore", &backup, "--swap", "--accept-loss"], 3);
    assert!(refused.stderr.contains("SB0607") && refused.stderr.contains("--release"), "{}", refused.stderr);
    host.expect(&["restore", &backup, "--swap", "--accept-loss", "--release", "v1"], 0);
    assert_same(&before, &host.state().await, "the old release on the old backup");
    host.expect(&["rollback"], 0);
    assert_same(&after, &host.state().await, "the new release on the former target");
}

#[tokio::test]
async fn side_by_side_it_says_what_they_do_not_share() {
    let (host, backup) = host().await;
    host.database().run("delete from public.notes where id <= 2; create table public.later (n int)").await;
    let start = host.state().await;
    let into = format!("{}_beside", host.database().name());
    let shown = host.expect(&["restore", &backup, "--into", &into, "--compare"], 0);
    for line in ["public.notes: 498 rows here, 500 in the backup", "public.later is not in the backup"] {
        assert!(shown.stdout.contains(line), "{}", shown.stdout);
    }
    let other = format!("{into}_again");
    let shown = host.expect(&["restore", &backup, "--into", &other, "--compare", "--format", "json"], 0);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let tables = shown["differences"]["tables"].as_array().unwrap().clone();
    assert!(tables.contains(&serde_json::json!({ "table": "public.notes", "backup": 500, "target": 498 })));
    let mut differences = start.differences(&host.state().await);
    differences.retain(|line| !line.starts_with("databases: "));
    assert!(differences.is_empty(), "{differences:?}");
}

/// What a run left is the way back of the last one that succeeded; what only older ones need goes
/// when it is old enough.
#[tokio::test]
async fn pruning_keeps_what_the_next_rollback_and_an_open_run_need() {
    let (host, backup) = host().await;
    host.configure("jobs = 1\n", "jobs = 1\nkeep_restore_points = \"0s\"\n");
    let prune = |words: &[&str]| -> serde_json::Value {
        let words: Vec<_> =
            ["backup", "prune", "--keep", "0", "--format", "json"].iter().chain(words).copied().collect();
        serde_json::from_str(&host.expect(&words, 0).stdout).unwrap()
    };
    // An older run that was taken back leaves `_failed_`, the last one its way back.
    host.expect(&["restore", &backup, "--swap"], 0);
    host.expect(&["rollback"], 0);
    host.expect(&["restore", &backup, "--swap"], 0);
    assert_eq!(kept(&host).await, ["failed", "old"]);
    let would = prune(&["--dry-run"]);
    assert_eq!(would["databases"]["dropped"].as_array().unwrap().len(), 1, "{would}");
    assert_eq!(kept(&host).await, ["failed", "old"]);
    let pruned = prune(&[]);
    assert_eq!(pruned["databases"]["dropped"], would["databases"]["dropped"]);
    assert_eq!(kept(&host).await, ["old"], "{pruned}");
    host.expect(&["rollback"], 0);

    let newer = host.expect(&["backup", "create", "--format", "json"], 0);
    let killed = host.run_with(&["restore", &backup, "--swap"], &[("SWITCHBACK_FAULT", "kill-in:restore")]);
    assert_eq!(killed.status, None);
    let pruned = prune(&[]);
    assert!(pruned["spared"][&backup].as_str().unwrap().contains("is open"), "{pruned} {}", newer.stdout);
    host.expect(&["resume"], 0);
    // Without a word nothing is removed where nobody can be asked.
    let with = host.command(&["backup", "prune"]);
    let mut without = std::process::Command::new(with.get_program());
    without.args(with.get_args().filter(|word| *word != "--yes")).current_dir(host.path("."));
    without.env("APP_URL", host.url().expose()).stdin(std::process::Stdio::null());
    assert_eq!(without.output().unwrap().status.code(), Some(2));
}
