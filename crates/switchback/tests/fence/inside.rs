//! Who gets in another way: seen, said, and never dropped in silence.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

use switchback_postgres::Session;
use switchback_postgres::programs::find_client;

use crate::shop::Site;

/// A write that comes with a transaction prepared before the fence.
const LATE: &str = "begin; insert into public.attempts (client, n) values (1, 1); prepare transaction 'late'";

#[tokio::test]
async fn a_transaction_prepared_before_the_deploy_refuses_it() {
    let site = Site::new().await;
    site.host.database().session().await.batch(LATE).await.unwrap();
    let ran = site.run(&["deploy"]);
    assert_eq!(ran.status, Some(3), "{}", ran.stderr);
    for word in ["SB0301", "`late`", "rollback prepared", "nothing was changed"] {
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
    site.host.database().session().await.batch("commit prepared 'late'").await.unwrap();
    let ran = site.run(&["deploy"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(site.attempts(site.name()).await.starts_with("1 "));
}

/// The preflight saw none: it was prepared while the backup was taken.
#[tokio::test]
async fn a_transaction_prepared_after_the_preflight_stops_the_fence() {
    let site = Site::new().await;
    let real = find_client(site.host.cluster().major()).await.unwrap();
    for name in ["pg_dump", "pg_restore", "pg_dumpall", "psql"] {
        let mut script = format!("#!/bin/sh\nset -e\n{} \"$@\"\n", real.program(name).display());
        if name == "pg_dump" {
            let url = site.host.url().expose();
            writeln!(script, "case $* in *--version*) ;; *) psql -X -q -c \"{LATE}\" '{url}' ;; esac")
                .unwrap();
        }
        site.host.write(&format!("bin/{name}"), &script);
        let mode = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(site.host.path(&format!("bin/{name}")), mode).unwrap();
    }
    let deploy = site.command(&["deploy"]).env("SWITCHBACK_PG_BIN", site.host.path("bin")).output().unwrap();
    let said = String::from_utf8_lossy(&deploy.stderr);
    assert_eq!(deploy.status.code(), Some(4), "{said}");
    for word in ["SB0501", "rollback prepared 'late'", "prepared transactions are open"] {
        assert!(said.contains(word), "no {word} in {said}");
    }
    site.host.database().session().await.batch("commit prepared 'late'").await.unwrap();
    let ran = site.run(&["deploy"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(site.attempts(site.name()).await.starts_with("1 "), "the prepared write is lost");
}

/// A superuser lists the databases and finds the target under its other name.
#[tokio::test]
async fn a_superuser_who_finds_the_target_is_seen_and_nothing_of_theirs_is_dropped() {
    let site = Site::new().await;
    let deploy = site.held_deploy("hold r2");
    let intruder = intruder(&site).await;
    intruder.batch("insert into public.attempts (client, n) values (1, 1)").await.unwrap();
    site.until("the run has seen the intruder", || noted(&site));
    drop(intruder);
    site.let_go();
    let ran = deploy.ended();
    assert_eq!(ran.status, Some(5), "{}", ran.stderr);
    for word in ["SB0507", "mallory", "--accept-loss", "public.attempts"] {
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
    // Still there, while a person thinks.
    assert!(site.attempts(&site.fenced()).await.starts_with("1 "));
}

/// A session of another superuser, as psql would begin one.
async fn intruder(site: &Site) -> Session {
    let cluster = site.host.cluster();
    let role = cluster.role("mallory", "superuser login").await;
    Session::connect(&cluster.url_as(&role, &site.fenced()), "psql").await.unwrap()
}

fn noted(site: &Site) -> bool {
    site.host.journal().iter().any(|line| line.contains("seen_inside"))
}

/// What they wrote is in a table that the migration works on: the deploy keeps it, and says who.
#[tokio::test]
async fn a_superuser_who_was_inside_is_named_by_a_deploy_that_succeeds() {
    let site = Site::new().await;
    let deploy = site.held_deploy("hold r2");
    let intruder = intruder(&site).await;
    intruder.batch("update public.users set name = 'Mallory' where id = 1").await.unwrap();
    site.until("the run has seen the intruder", || noted(&site));
    drop(intruder);
    site.let_go();
    let ran = deploy.ended();
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("mallory"), "nobody was named in {}", ran.stderr);
    let name = "select name from public.users where id = 1";
    assert_eq!(site.host.database().text(name).await, "Mallory");
}

/// Somebody makes a database of the target's name while that is free, and writes there.
#[tokio::test]
async fn a_new_database_of_the_old_name_stops_the_run_and_is_left_alone() {
    let site = Site::new().await;
    let deploy = site.held_deploy("hold r2");
    let (cluster, name) = (site.host.cluster(), site.name().to_owned());
    let creator = cluster.url_as(&site.role, "postgres");
    let session = Session::connect(&creator, "psql").await.unwrap();
    session.batch(&format!("create database {name}")).await.unwrap();
    let other = Session::connect(&cluster.url(&name), "psql").await.unwrap();
    other
        .batch("create table public.attempts (client int, n int); insert into public.attempts values (7, 7)")
        .await
        .unwrap();
    site.let_go();
    let ran = deploy.ended();
    assert_eq!(ran.status, Some(5), "{}", ran.stderr);
    for word in ["SB0705", "both are there", "\\l", "switchback"] {
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
    assert!(site.attempts(&name).await.starts_with("1 "), "what was written there is gone");
    // The way out that is said: put it right by hand, then go on.
    drop(other);
    cluster.run(&format!("alter database {name} rename to {name}_strange")).await;
    let ran = site.run(&["resume"]);
    assert!(matches!(ran.status, Some(0 | 4)), "{:?} {}", ran.status, ran.stderr);
    let users = site.host.database().text("select count(*)::text from public.users").await;
    assert_eq!(users, "200");
}
