//! Data facts: what they hold, what changes them, what doesn't.

use std::time::Duration;

use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_model::code;
use switchback_postgres::digest::{DataFacts, Scope, read};
use switchback_postgres::snapshot::SnapshotHolder;

use crate::server::{Database, database, maintenance};

const SCHEMA: &str = r#"
    create schema "App x";
    create table "App x"."Users" (id int generated always as identity primary key, t text, n numeric, j json);
    insert into "App x"."Users" (t, n, j) values ('a', 1.0, '{"a": 1}'), ('a', 1.0, '{"a": 1}'), (null, null, null);
    create table "App x".nothing ();
    insert into "App x".nothing default values;
    create table "App x".events (at date, what text) partition by range (at);
    create table "App x".events_1 partition of "App x".events for values from ('2026-01-01') to ('2027-01-01');
    insert into "App x".events values ('2026-05-01', 'x');
    create table public.child () inherits ("App x"."Users");
    insert into public.child (id, t) values (7, 'child');
    create unlogged table public.cache (x int);
    create materialized view public.full_view as select count(*) from "App x"."Users";
    create materialized view public.empty_view as select 1 as one with no data;
    select lo_from_bytea(4242, 'hello'), lo_from_bytea(4243, convert_to(repeat('x', 20000000), 'UTF8'));
"#;

async fn facts(database: &Database, jobs: usize) -> DataFacts {
    let scope = Scope { jobs, ..Scope::default() };
    read(&database.url, "test", scope, &Cancel::never(), &mut |_, _| {}).await.unwrap()
}

async fn sample() -> Database {
    let database = database().await;
    database.run(SCHEMA).await;
    database
}

#[tokio::test]
async fn every_relation_is_there_or_named() {
    let database = sample().await;
    let facts = facts(&database, 2).await;
    let rows: Vec<_> = facts.tables.iter().map(|(name, table)| (name.as_str(), table.rows)).collect();
    let expected = [
        ("\"App x\".\"Users\"", 3),
        ("\"App x\".events_1", 1),
        ("\"App x\".nothing", 1),
        ("public.cache", 0),
        ("public.child", 1),
        ("public.full_view", 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(facts.sequences["\"App x\".\"Users_id_seq\""].last_value, 3);
    assert_eq!(facts.large_objects.rows, 2);
    assert_eq!(facts.left_out.keys().collect::<Vec<_>>(), ["public.empty_view"]);
    database.end().await;
}

#[tokio::test]
async fn every_change_of_data_is_seen() {
    let database = sample().await;
    let before = facts(&database, 1).await;
    for (change, object) in [
        (r#"update "App x"."Users" set n = 1.00 where id = 1"#, r#"table "App x"."Users""#),
        (r#"update "App x"."Users" set j = '{"a":1}' where id = 1"#, r#"table "App x"."Users""#),
        (r#"update "App x"."Users" set t = '' where id = 3"#, r#"table "App x"."Users""#),
        (r#"insert into "App x".nothing default values"#, r#"table "App x".nothing"#),
        (r#"insert into "App x".nothing default values"#, r#"table "App x".nothing"#),
        (r#"update "App x".events set what = 'y'"#, r#"table "App x".events_1"#),
        ("delete from public.child", "table public.child"),
        ("refresh materialized view public.empty_view", "table public.empty_view"),
        (r#"select nextval('"App x"."Users_id_seq"')"#, r#"sequence "App x"."Users_id_seq""#),
        (r#"select setval('"App x"."Users_id_seq"', 3, false)"#, r#"sequence "App x"."Users_id_seq""#),
        ("select lo_put(4243, 17000000, 'y')", "large objects"),
        ("select lo_unlink(4242)", "large objects"),
    ] {
        database.run(change).await;
        let found = before.diff(&facts(&database, 1).await);
        assert!(found.iter().any(|difference| difference.object == object), "{change}: {found:?}");
    }
    database.end().await;
}

#[tokio::test]
async fn order_and_row_versions_and_jobs_make_no_difference() {
    let database = sample().await;
    let copy = database.copy().await;
    copy.run(r#"update "App x"."Users" set t = t"#).await;
    copy.run(r#"vacuum full "App x"."Users""#).await;
    copy.run(r#"create table public.x as table "App x".events; delete from "App x".events"#).await;
    copy.run(r#"insert into "App x".events select * from public.x; drop table public.x"#).await;
    assert_eq!(facts(&database, 1).await.diff(&facts(&copy, 3).await), []);
    database.end().await;
    copy.end().await;
}

#[tokio::test]
async fn a_big_table_in_pieces_is_the_same_as_whole() {
    let database = database().await;
    database.run("create table public.big as select i, repeat(md5(i::text), 30) as t from generate_series(1, 150000) i").await;
    let mut seen = Vec::new();
    let scope = Scope { jobs: 2, ..Scope::default() };
    let pieces =
        read(&database.url, "test", scope, &Cancel::never(), &mut |done, total| seen.push((done, total)))
            .await
            .unwrap();
    assert!(seen.len() > 1, "it was read in one piece: {seen:?}");
    assert!(seen.is_sorted() && seen.iter().all(|(done, total)| done <= total));
    assert_eq!(pieces.tables["public.big"].rows, 150_000);
    assert_eq!(pieces, facts(&database, 1).await);
    database.end().await;
}

#[tokio::test]
async fn a_snapshot_keeps_its_view() {
    let database = sample().await;
    let before = facts(&database, 1).await;
    let holder = SnapshotHolder::open(&database.url, "test").await.unwrap();
    database.run("delete from public.child").await;
    let scope = Scope { snapshot: Some(holder.id()), jobs: 2, only: None };
    let seen = read(&database.url, "test", scope, &Cancel::never(), &mut |_, _| {}).await.unwrap();
    assert_eq!(before.diff(&seen), []);
    let id = holder.id().to_owned();
    drop(holder.release().await.unwrap());
    let scope = Scope { snapshot: Some(&id), ..Scope::default() };
    let failure = read(&database.url, "test", scope, &Cancel::never(), &mut |_, _| {}).await.unwrap_err();
    assert_eq!(failure.code, code::QUERY_FAILED);
    database.end().await;
}

#[tokio::test]
async fn a_part_is_read_alone() {
    let database = sample().await;
    let names = ["public.child".to_owned(), "public.none".to_owned()];
    let scope = Scope { only: Some(&names), ..Scope::default() };
    let part = read(&database.url, "test", scope, &Cancel::never(), &mut |_, _| {}).await.unwrap();
    assert_eq!(part, facts(&database, 1).await.restricted_to(&names));
    assert_eq!((part.tables.len(), part.left_out.len()), (1, 1));
    database.end().await;
}

#[tokio::test]
async fn what_must_not_be_read_is_a_failure() {
    let database = sample().await;
    let role = format!("{}_reader", database.url.database());
    let grants = format!(
        r#"create role {role} login; grant usage on schema "App x" to {role};
        grant select on all tables in schema "App x", public to {role};
        grant select on all sequences in schema "App x" to {role}"#
    );
    database.run(&grants).await;
    let text = database.url.expose().replace("postgres@", &format!("{role}@"));
    let url = switchback_model::DatabaseUrl::parse(&text).unwrap();
    let read_it = async || read(&url, "test", Scope::default(), &Cancel::never(), &mut |_, _| {}).await;
    let failure = read_it().await.unwrap_err();
    assert!(failure.message.contains("large object"), "{failure:?}");
    database
        .run(&format!(
            "grant select on large object 4242 to {role}; grant select on large object 4243 to {role}"
        ))
        .await;
    read_it().await.unwrap();
    database.run("alter table public.child enable row level security").await;
    let failure = read_it().await.unwrap_err();
    assert!(failure.message.contains("row-level security"), "{failure:?}");
    database.run(&format!("drop owned by {role}; drop role {role}")).await;
    database.end().await;
}

#[tokio::test]
async fn cancelling_ends_the_queries_on_the_server() {
    let database = database().await;
    database.run("create table public.t as select 1 as x").await;
    // A lock is the quickest way to a query that runs for ever.
    let blocker = database.session().await;
    blocker.batch("begin; lock table public.t in access exclusive mode").await.unwrap();
    let (canceller, cancel) = cancel_pair();
    let mut ignore = |_, _| {};
    let reading =
        read(&database.url, "sb cancel", Scope { jobs: 2, ..Scope::default() }, &cancel, &mut ignore);
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        canceller.cancel();
    };
    let (result, ()) = tokio::join!(reading, cancelling);
    assert_eq!(result.unwrap_err().code, code::INTERRUPTED);
    let left =
        "select count(*) from pg_stat_activity where application_name = 'sb cancel' and state = 'active'";
    assert_eq!(maintenance(&database.url).await.one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    drop(blocker);
    database.end().await;
}
