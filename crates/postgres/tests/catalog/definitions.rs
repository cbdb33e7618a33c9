//! The catalog: equal for a copy, different for every single change.

use std::time::{Duration, Instant};

use switchback_postgres::catalog::{Catalog, Change};
use switchback_postgres::session::ident;

use crate::server::{Database, database, maintenance};

const SAMPLE: &str = include_str!("sample.sql");

/// Roles belong to the server, which the tests share.
async fn sample() -> Database {
    let database = database().await;
    let roles = "do $$ begin
        perform pg_advisory_xact_lock(42);
        if not exists (select from pg_roles where rolname = 'test_reader') then
            create role test_reader; create role test_owner;
        end if;
    end $$";
    maintenance(&database.url).await.batch(roles).await.unwrap();
    database.run(SAMPLE).await;
    database
}

async fn catalog(database: &Database) -> Catalog {
    Catalog::read(&database.session().await).await.unwrap()
}

#[tokio::test]
async fn every_kind_of_object_is_there() {
    let database = sample().await;
    let catalog = catalog(&database).await;
    for kind in [
        "schema",
        "extension",
        "table",
        "column",
        "column order of",
        "constraint",
        "index",
        "sequence",
        "view",
        "materialized view",
        "function",
        "procedure",
        "aggregate",
        "trigger",
        "event trigger",
        "rule",
        "policy",
        "type",
        "domain",
        "operator",
        "cast",
        "operator class",
        "operator family",
        "statistics",
        "publication",
        "foreign data wrapper",
        "server",
        "foreign table",
        "user mapping for",
        "text search configuration",
        "text search dictionary",
        "collation",
        "default privileges of",
        "owner of",
        "acl of",
        "acl of column",
        "comment on",
        "large objects of",
        "dependency of",
    ] {
        assert!(catalog.objects.keys().any(|key| key.starts_with(&format!("{kind} "))), "no {kind}");
    }
    let text = serde_json::to_string(&catalog).unwrap();
    assert!(!text.contains("hush"), "a password is in the catalog");
    assert!(!catalog.objects.contains_key("function app.crypt(text, text)"), "an extension's function");
    assert_eq!(catalog.objects["acl of function app.gen_random_uuid()"].matches("test_reader").count(), 1);
    assert!(catalog.objects.contains_key("acl of function pg_catalog.pg_read_file(text)"));
    assert!(catalog.objects.contains_key("operator app.!!(none, numeric)"));
    database.end().await;
}

#[tokio::test]
async fn no_definition_holds_an_object_id() {
    let (one, other) = (sample().await, sample().await);
    let (one_catalog, other_catalog) = (catalog(&one).await, catalog(&other).await);
    assert_eq!(one_catalog.diff(&other_catalog), []);
    assert_eq!(one_catalog.digest(), other_catalog.digest());
    one.end().await;
    other.end().await;
}

#[tokio::test]
async fn settings_of_the_session_make_no_difference() {
    let database = sample().await;
    let session = database.session().await;
    session.batch("set search_path = app, public; set quote_all_identifiers = on").await.unwrap();
    assert_eq!(catalog(&database).await.diff(&Catalog::read(&session).await.unwrap()), []);
    drop(session);
    database.end().await;
}

#[tokio::test]
async fn a_copy_by_template_is_equal() {
    let database = sample().await;
    let copy = database.copy().await;
    assert_eq!(catalog(&database).await.diff(&catalog(&copy).await), []);
    database.end().await;
    copy.end().await;
}

#[tokio::test]
async fn a_dump_and_restore_is_equal() {
    let database = sample().await;
    let restored = database.restored().await;
    assert_eq!(catalog(&database).await.diff(&catalog(&restored).await), []);
    database.end().await;
    restored.end().await;
}

#[tokio::test]
async fn a_role_without_rights_may_read_it() {
    let database = sample().await;
    let session = database.session().await;
    let full = Catalog::read(&session).await.unwrap();
    session.batch("set session authorization test_reader").await.unwrap();
    let seen = Catalog::read(&session).await.unwrap();
    let differing: Vec<_> = full.diff(&seen).into_iter().map(|difference| difference.object).collect();
    assert!(differing.iter().all(|object| object.starts_with("user mapping for")), "{differing:?}");
    drop(session);
    database.end().await;
}

#[tokio::test]
async fn every_single_change_is_seen() {
    let database = sample().await;
    let session = database.session().await;
    let before = Catalog::read(&session).await.unwrap();
    let changes = include_str!("changes.txt");
    let lines = changes.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut missed = Vec::new();
    for line in lines {
        let (object, sql) = line.split_once(" | ").expect(line);
        session.batch("begin").await.unwrap();
        let found = match session.batch(sql).await {
            Ok(()) => before.diff(&Catalog::read(&session).await.unwrap()),
            Err(failure) => {
                missed.push(format!("{line}: {failure}"));
                Vec::new()
            }
        };
        session.batch("rollback").await.unwrap();
        if !found.iter().any(|difference| difference.object == object) {
            let objects: Vec<_> = found.iter().map(|difference| &difference.object).collect();
            missed.push(format!("{line}: {objects:?}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    assert_eq!(before.diff(&Catalog::read(&session).await.unwrap()), []);
    drop(session);
    database.end().await;
}

#[tokio::test]
async fn a_difference_says_before_and_after() {
    let database = sample().await;
    let before = catalog(&database).await;
    database.run("alter table app.users drop column tags cascade").await;
    let found = before.diff(&catalog(&database).await);
    let column = found.iter().find(|difference| difference.object == "column app.users.tags").unwrap();
    assert_eq!((column.kind, column.after.as_ref()), (Change::Removed, None));
    assert_eq!(column.before.as_deref(), Some("text[]\ndefault '{}'::text[]"));
    database.end().await;
}

/// 500 tables are read in a moment; the bound is wide, for the machine may be busy.
#[tokio::test]
async fn it_is_quick() {
    let database = database().await;
    let many = "do $$ begin for i in 1..500 loop
        execute format('create table public.t%s (id bigint generated always as identity primary key, a text not null
            default ''x'', b int check (b > 0), c timestamptz, d varchar(10), e numeric, f jsonb, g uuid)', i);
        execute format('create index on public.t%s (a, b)', i);
    end loop; end $$";
    database.run(many).await;
    let session = database.session().await;
    Catalog::read(&session).await.unwrap();
    let start = Instant::now();
    let read = Catalog::read(&session).await.unwrap();
    let took = start.elapsed();
    println!("{} entries in {took:?}", read.objects.len());
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop(session);
    maintenance(&database.url)
        .await
        .batch(&format!("drop database {}", ident(database.url.database())))
        .await
        .unwrap();
}
