//! `review -e ENV` on a real target: what is pending is read against the catalog, and what the history and
//! the files differ about is named.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use switchback_model::DatabaseUrl;
use switchback_testkit::{Ran, TestDatabase, cluster};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

const USERS: &str = "create table users (id bigint primary key, age int);\n";
const ORDERS: &str = "create table orders (id bigint primary key, user_id bigint references users);\n";

/// A project with two migrations that are applied, as its role `url`.
fn project(database: &TestDatabase, url: &DatabaseUrl) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("m")).unwrap();
    let text = format!(
        "[migrations]\ntool = \"sql\"\ndirectory = \"m\"\n\n[review]\nsafe_below = \"1B\"\n\n\
         [environments.production]\ndatabase_url = \"{}\"\nmaintenance_url = \"{}\"\n",
        url.expose(),
        database.url().with_database("postgres").expose()
    );
    write(folder.path(), "switchback.toml", &text);
    write(folder.path(), "m/0001_users.up.sql", USERS);
    write(folder.path(), "m/0003_orders.up.sql", ORDERS);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn run(folder: &Path, words: &[&str]) -> Ran {
    let output = Command::new(PROGRAM).current_dir(folder).args(words).output().unwrap();
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Each finding as `file rule`, with the exit status.
fn found(folder: &Path, words: &[&str]) -> (Option<i32>, Vec<String>, Ran) {
    let ran = run(folder, &[&["review", "-e", "production", "--format", "json"], words].concat());
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    let line = |finding: &Value| {
        format!("{} {}", finding["file"].as_str().unwrap(), finding["rule"].as_str().unwrap())
    };
    (ran.status, document["findings"].as_array().unwrap().iter().map(line).collect(), ran)
}

async fn applied() -> (TestDatabase, TempDir) {
    let database = cluster().await.database("review").await;
    let folder = project(&database, &database.url());
    let up = run(folder.path(), &["up", "-e", "production"]);
    assert_eq!(up.status, Some(0), "{}", up.stderr);
    (database, folder)
}

#[tokio::test]
async fn what_is_pending_meets_what_is_there() {
    let (database, folder) = applied().await;
    let folder = folder.path();
    // Somebody made it wide by hand: nothing is rewritten any more, and that is said.
    write(folder, "m/0004_wide.up.sql", "alter table users alter column age type bigint;\n");
    let (status, before, _) = found(folder, &[]);
    assert!(
        status == Some(1) && before.iter().any(|line| line.contains("type-change-rewrite")),
        "{before:?}"
    );
    database.run("alter table users alter column age type bigint").await;
    let (status, after, ran) = found(folder, &[]);
    assert!(after.contains(&"m/0004_wide.up.sql schema-drift".to_owned()), "{after:?} {}", ran.stderr);
    assert!(!after.iter().any(|line| line.contains("rewrite") || line.contains("size")), "{after:?}");
    assert!(status == Some(1) && ran.stdout.contains("the files say `int4`"), "{}", ran.stdout);
    // A file that is named alone stands behind those that are pending before it.
    write(folder, "m/0004_wide.up.sql", "create table notes (id bigint primary key);\n");
    write(
        folder,
        "m/0005_more.up.sql",
        "alter table notes add column a int; alter table gone add column a int;\n",
    );
    database.run("alter table users alter column age type int").await;
    let (_, named, ran) = found(folder, &["m/0005_more.up.sql"]);
    let drift = named.iter().filter(|line| line.contains("schema-drift")).count();
    assert_eq!(drift, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("`gone` is not in the target"), "{}", ran.stdout);
    // One that is applied there is read against the files before it.
    let (_, old, ran) = found(folder, &["m/0003_orders.up.sql"]);
    assert!(!old.iter().any(|line| line.contains("drift")), "{old:?}");
    assert!(ran.stderr.contains("m/0003_orders.up.sql is applied there already"), "{}", ran.stderr);
}

#[tokio::test]
async fn an_edited_file_and_one_that_was_passed_over_are_findings() {
    let (_database, folder) = applied().await;
    let folder = folder.path();
    write(folder, "m/0001_users.up.sql", &format!("{USERS}-- a word more\n"));
    let (status, edited, ran) = found(folder, &[]);
    assert_eq!(
        (status, edited),
        (Some(1), vec!["m/0001_users.up.sql edited-applied-migration".to_owned()]),
        "{}",
        ran.stderr
    );
    // The gate stays closed, and so does the way to a deploy.
    let record = run(folder, &["review", "-e", "production", "--record", "--accept", "it is fine"]);
    assert!(
        record.status == Some(3) && record.stderr.contains("was changed after it was applied"),
        "{}",
        record.stderr
    );
    write(folder, "m/0001_users.up.sql", USERS);
    write(folder, "m/0002_late.up.sql", "create table late (id bigint primary key);\n");
    write(folder, "m/0004_new.up.sql", "create table new (id bigint primary key);\n");
    let (status, late, ran) = found(folder, &[]);
    assert_eq!(
        (status, late),
        (Some(1), vec!["m/0002_late.up.sql out-of-order-migration".to_owned()]),
        "{}",
        ran.stderr
    );
    std::fs::remove_file(folder.join("m/0002_late.up.sql")).unwrap();
    std::fs::remove_file(folder.join("m/0001_users.up.sql")).unwrap();
    let (_, gone, ran) = found(folder, &[]);
    assert_eq!(gone, ["m/0004_new.up.sql schema-drift"], "{}", ran.stderr);
    assert!(ran.stdout.contains("`0001` is applied in the target"), "{}", ran.stdout);
}

#[tokio::test]
async fn the_role_that_migrates_is_the_one_that_is_asked_for() {
    let (database, folder) = applied().await;
    let role = cluster().await.role("migrator", "login").await;
    database.run(&format!("grant select on all tables in schema public to {role}")).await;
    let url = cluster().await.url_as(&role, database.name());
    let text = std::fs::read_to_string(folder.path().join("switchback.toml")).unwrap();
    write(
        folder.path(),
        "switchback.toml",
        &text.replacen(database.url().expose().as_str(), url.expose().as_str(), 1),
    );
    write(folder.path(), "m/0004_new.up.sql", "alter table users add column note text;\n");
    let (status, refused, ran) = found(folder.path(), &[]);
    assert_eq!(
        (status, refused),
        (Some(1), vec!["m/0004_new.up.sql missing-privilege".to_owned()]),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout.contains(&format!("`{role}` does not own `users`: `postgres` does")),
        "{}",
        ran.stdout
    );
}
