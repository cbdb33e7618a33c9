//! What a target says of itself, asked of real servers that were brought into that state: each rule
//! that knows it speaks there, and is silent where all is well.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]
#![expect(clippy::disallowed_methods, reason = "how many tables there are is told by the environment")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use switchback_model::config::Tool;
use switchback_postgres::Session;
use switchback_postgres::programs::Places;
use switchback_review::Fact;
use switchback_sql::locks::{Place, effects};
use switchback_sql::schema::{Born, Schema};
use switchback_sql::{Piece, PieceKind, Relation, read, split};
use switchback_testkit::{TestDatabase, cluster};
use switchback_workflow::review::{File, Live, Options, live, review};

/// A deadline, not a measure: the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// The ground of the lock model's own test, and its statements.
const GROUND: &str = include_str!("../../sql/tests/locks/ground.sql");
const STATEMENTS: &str = include_str!("../../sql/tests/locks/statements.sql");

/// The statements that PostgreSQL 15 has.
fn statements(script: &str) -> Vec<&str> {
    let newer = |piece: &Piece| {
        let before = &script[piece.whole.start..piece.statement.start];
        ["-- since 16", "-- since 17", "-- since 18"].iter().any(|mark| before.contains(mark))
    };
    let pieces = split(script).filter(|piece| piece.kind == PieceKind::Statement && !newer(piece));
    pieces.map(|piece| piece.text(script)).collect()
}

fn told(script: &str) -> Schema {
    let mut schema = Schema::new();
    for (number, text) in statements(script).into_iter().enumerate() {
        schema.apply(&read::read(text).unwrap(), Born { script: 0, statement: number });
    }
    schema.set_found();
    schema
}

async fn look(database: &TestDatabase) -> Live {
    live::look_as(&database.session().await, "postgres", None).await.unwrap()
}

#[tokio::test]
async fn the_catalog_says_what_the_statements_said() {
    let database = cluster().await.database("ground").await;
    database.run(&statements(GROUND).join(";\n")).await;
    let live = look(&database).await;
    assert!(live.unknown.is_empty(), "{:?}", live.unknown);
    let (there, told) = (live.schema.unwrap(), told(GROUND));
    let mut wrong = Vec::new();
    let all = statements(STATEMENTS);
    assert!(all.len() > 200, "{}", all.len());
    for text in all {
        let stmt = read::read(text).unwrap();
        let of = |schema| effects(&stmt, Place { version: 15, schema, utc: false });
        let sorted = |schema| {
            let mut effects = of(schema);
            effects.locks.sort_by(|a, b| a.relation.cmp(&b.relation));
            effects
        };
        let (by_catalog, by_script) = (sorted(&there), sorted(&told));
        if by_catalog != by_script {
            wrong.push(format!("{text}\n  the catalog: {by_catalog:?}\n  the script:  {by_script:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} statements\n\n{}", wrong.len(), wrong.join("\n\n"));
    let names = |schema: &Schema| schema.tables().map(|table| table.name.clone()).collect::<Vec<Relation>>();
    assert_eq!(names(&there), names(&told));
}

/// Rules that know nothing without a target.
const RULES: &[&str] = &[
    "SR1207", "SR1208", "SR1209", "SR1210", "SR1216", "SR1218", "SR1220", "SR1231", "SR1232", "SR1233",
    "SR1234", "SR1235", "SR1236", "SR1237", "SR1238", "SR1239", "SR1240",
];

/// What such rules say of a script that runs next, each line with the rule's name and the weight.
fn said_after(live: &Live, applied: &[&str], text: &str) -> Vec<String> {
    let file = |number: usize, text: &str, applied| File {
        path: format!("{number:04}_it.up.sql"),
        text: text.to_owned(),
        applied,
    };
    let mut files: Vec<File> = applied.iter().enumerate().map(|(n, text)| file(n, text, true)).collect();
    files.push(file(files.len(), text, false));
    // Every table is large.
    let options = Options { safe_below: 1, ..Options::default() };
    let raw = review(&files, options, live, true, Some(Tool::Sql));
    let found = raw.into_iter().map(|raw| raw.finding).filter(|found| RULES.contains(&&*found.code));
    found
        .map(|found| format!("{} {:?}: {} ({})", found.rule, found.severity, found.message, found.why))
        .collect()
}

fn said(live: &Live, text: &str) -> Vec<String> {
    said_after(live, &[], text)
}

/// One line, of this rule, with these words.
#[track_caller]
fn one(said: &[String], rule: &str, words: &[&str]) {
    let of_rule: Vec<&String> = said.iter().filter(|line| line.starts_with(rule)).collect();
    assert!(of_rule.len() == 1 && words.iter().all(|word| of_rule[0].contains(word)), "{rule}: {said:#?}");
}

#[track_caller]
fn silent(said: &[String]) {
    assert!(said.is_empty(), "{said:#?}");
}

#[track_caller]
fn silent_of(said: &[String], rule: &str) {
    assert!(!said.iter().any(|line| line.starts_with(rule)), "{rule}: {said:#?}");
}

/// Looks until it is so.
async fn until(database: &TestDatabase, so: impl Fn(&Live) -> bool) -> Live {
    let begun = Instant::now();
    loop {
        let live = look(database).await;
        if so(&live) {
            return live;
        }
        assert!(begun.elapsed() < PATIENCE, "{live:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

const SHOP: &str = "create table users (id serial primary key, email text, age int);
    create table orders (id bigint generated always as identity primary key, user_id int references users, total int);
    create index orders_user_idx on orders (user_id); create schema app; create table app.notes (id bigint);
    insert into users (email, age) select 'a' || n, n from generate_series(1, 100) n;
    insert into orders (user_id, total) select id, 1 from users";

/// What is said where all is well: nothing, or what the size makes of it, for here every table is large.
#[tokio::test]
async fn a_healthy_target_is_silent() {
    let database = cluster().await.database("healthy").await;
    database.run(SHOP).await;
    let live = look(&database).await;
    assert!(live.unknown.is_empty(), "{:?}", live.unknown);
    silent(&said_after(
        &live,
        &["create table users (id serial primary key, email text, age int)"],
        "alter table users add column note text; create table more (id bigint primary key references users);
         create index concurrently users_age_idx on users (age); alter table orders drop column total;
         create extension if not exists plpgsql; insert into app.notes select id from users;
         create view late as select * from orders; select nextval('users_id_seq')",
    ));
    // The schema is known: this one is proven, and that one is wide enough.
    let free =
        "alter table users alter column email type varchar; alter table users alter column id set not null";
    let free = said(&live, free);
    silent(&free);
    let own = &live.schema.as_ref().unwrap().table(&Relation::named("orders")).unwrap().constraints;
    assert_eq!(own.iter().filter(|constraint| constraint.valid).count(), 2);
}

#[tokio::test]
async fn an_index_that_a_build_left_is_named() {
    let database = cluster().await.database("invalid").await;
    database.run(&format!("{SHOP}; insert into users (email) values ('twice'), ('twice')")).await;
    let session = database.session().await;
    session
        .batch("create unique index concurrently users_email_key on public.users (email)")
        .await
        .unwrap_err();
    let live = look(&database).await;
    let again = "create unique index concurrently if not exists users_email_key on users (email)";
    one(&said(&live, again), "invalid-index-left Error", &["public.users_email_key"]);
    one(&said(&live, "alter table orders add column x int"), "invalid-index-left Info", &["public.users"]);
    silent(&said(&live, "drop index concurrently users_email_key"));
    // A partitioned table's index waits for those of its partitions: nothing failed.
    database.run("drop index users_email_key; create table p (a int) partition by range (a); create index on only p (a)").await;
    silent(&said(&look(&database).await, "alter table p add column b int"));
}

#[tokio::test]
async fn who_is_in_the_way_is_named() {
    let database = cluster().await.database("queue").await;
    database.run(SHOP).await;
    let other = database.session().await;
    other.batch("begin; select from public.users").await.unwrap();
    let prepares = database.session().await;
    prepares.batch("begin; lock public.orders in share mode; prepare transaction 'left'").await.unwrap();
    let live = until(&database, |live| live.transactions.len() == 2).await;
    let pid = other.pid().to_string();
    let words = ["holds `users`", "does nothing", "switchback tests", &pid, "ACCESS EXCLUSIVE on `users`"];
    one(&said(&live, "alter table users add column note text"), "lock-queue-risk", &words);
    one(
        &said(&live, "create trigger t before insert on orders execute function f()"),
        "lock-queue-risk",
        &["'left'"],
    );
    one(
        &said(&live, "create index concurrently on app.notes (id)"),
        "lock-queue-risk",
        &["CONCURRENTLY waits"],
    );
    silent_of(&said(&live, "alter table app.notes add column x int"), "lock-queue-risk");
    // A reader does not mind who reads, and SHARE goes with SHARE.
    silent_of(&said(&live, "create index on users (age); create index on orders (total)"), "lock-queue-risk");
    other.batch("commit").await.unwrap();
    prepares.batch("rollback prepared 'left'").await.unwrap();
    silent(&said(&look(&database).await, "alter table users add column note text"));
}

#[tokio::test]
async fn slots_and_standbys_are_named() {
    let cluster = cluster().await;
    let database = cluster.database("slots").await;
    database.run(SHOP).await;
    let rewrite = "alter table users alter column age type bigint";
    silent_of(&said(&look(&database).await, rewrite), "logical-slot-lag");
    let session = database.session().await;
    session.rows("select pg_create_logical_replication_slot('nobody', 'pgoutput')", &[]).await.unwrap();
    let live = look(&database).await;
    one(&said(&live, rewrite), "logical-slot-lag Warning", &["`nobody`", "read by nobody", "users"]);
    silent_of(&said(&live, "alter table users add column note text"), "logical-slot-lag");
    let lost = Live { slot_limit: Some(1), ..live };
    one(&said(&lost, rewrite), "logical-slot-lag Error", &["the slot is lost"]);
    session.rows("select pg_drop_replication_slot('nobody')", &[]).await.unwrap();
    silent_of(&said(&look(&database).await, rewrite), "logical-slot-lag");
    // Whoever receives WAL under a name of its own is taken for a standby.
    let folder = tempfile::tempdir().unwrap();
    let program = Places::system().find_server(None).await.unwrap().program("pg_receivewal");
    let url = format!("{}&application_name=replica-1", cluster.url("postgres").expose());
    let mut standby = std::process::Command::new(program);
    standby.args(["--no-loop", "-D"]).arg(folder.path()).arg("-d").arg(url);
    let mut standby = standby.stderr(std::process::Stdio::null()).spawn().unwrap();
    let live = until(&database, |live| !live.standbys.is_empty()).await;
    standby.kill().unwrap();
    standby.wait().unwrap();
    one(&said(&live, rewrite), "standby-conflict Warning", &["`replica-1`", "ACCESS EXCLUSIVE on `users`"]);
    silent_of(&said(&live, "create index concurrently on users (age)"), "standby-conflict");
}

#[tokio::test]
async fn what_there_is_only_so_much_of_is_counted() {
    let database = cluster().await.database("limits").await;
    database.run(SHOP).await;
    let columns: Vec<String> = (0..1410).map(|number| format!("c{number} int")).collect();
    let drops: Vec<String> = (1..1400).map(|number| format!("drop c{number}")).collect();
    database
        .run(&format!("create table wide ({}); alter table wide {}", columns.join(", "), drops.join(", ")))
        .await;
    database
        .run("select setval('users_id_seq', 2050000000); create sequence tickets as smallint maxvalue 10")
        .await;
    let live = look(&database).await;
    let said_of = said(&live, "alter table wide add column x int");
    one(&said_of, "column-limit", &["1411 columns"]);
    one(
        &said_of,
        "sequence-near-limit Error",
        &["`public.users.id` ends at 2147483647", "2050000000", "95 %"],
    );
    let cure = "alter sequence users_id_seq as bigint; alter table users alter column id type bigint";
    silent_of(&said(&live, cure), "sequence-near-limit");
    silent_of(&said(&live, "alter table users alter column id type bigint").split_off(0), "column-limit");
    one(
        &said(&live, "alter table users alter column id type bigint"),
        "sequence-near-limit",
        &["the sequence"],
    );
}

#[tokio::test]
async fn what_the_role_may_not_do_is_named() {
    let cluster = cluster().await;
    let database = cluster.database("rights").await;
    let role = cluster.role("deployer", "login").await;
    database.run(&format!("{SHOP}; grant usage, create on schema app to {role}; alter table app.notes owner to {role};
        alter role {role} set search_path = app, public; create function f() returns int language sql as 'select 1';
        grant select, insert on users to {role}; create type mood as enum ('well')")).await;
    let live = live::look_as(&database.session().await, &role, None).await.unwrap();
    assert_eq!(live.search_path, ["app", "public"]);
    for (text, words) in [
        ("alter table users add column x int", "does not own `users`: `postgres` does"),
        ("create index on public.orders (total)", "does not own `public.orders`"),
        ("alter table notes add foreign key (id) references users (id)", "no REFERENCES on `users`"),
        ("create table public.more (id int)", "may not create anything in the schema `public`"),
        ("update users set age = 1 where id = 1", "no UPDATE on `users`"),
        ("create schema more", "no CREATE on the database"),
        ("create role more", "may not make or change roles"),
        (
            "create or replace function public.f() returns int language sql as 'select 2'",
            "does not own the function",
        ),
        ("alter type mood add value 'ill'", "does not own `mood`"),
        ("create event trigger e on ddl_command_end execute function f()", "is no superuser"),
        ("drop table orders", "does not own `orders`"),
    ] {
        let found = said(&live, text);
        assert!(
            found.iter().any(|line| line.starts_with("missing-privilege") && line.contains(words)),
            "{text}: {found:#?}"
        );
        // What the server says to it, for that role.
        let session = Session::connect(&cluster.url_as(&role, database.name()), "test").await.unwrap();
        session.batch("set search_path = app, public; begin").await.unwrap();
        let refused = session.batch(text).await.unwrap_err();
        let why = format!("{refused} {:?}", refused.causes);
        assert!(why.contains("permission denied") || why.contains("must be owner"), "{text}: {why}");
    }
    let may =
        "alter table notes add column x int; create table more (id int); alter table more add column b int;
        insert into users (email) select 'a' from users; create view v as select * from more";
    silent_of(&said(&live, may), "missing-privilege");
    let superuser = look(&database).await;
    silent_of(&said(&superuser, "alter table users add column x int; create role more"), "missing-privilege");
}

/// A role that sees little says so where it matters, and nowhere else.
#[tokio::test]
async fn what_can_not_be_seen_is_said() {
    let cluster = cluster().await;
    let database = cluster.database("unseen").await;
    let role = cluster.role("plain", "login").await;
    database.run(&format!("{SHOP}; select setval('users_id_seq', 7)")).await;
    let _other = database.session().await;
    let session = Session::connect(&cluster.url_as(&role, database.name()), "test").await.unwrap();
    let live = live::look_as(&session, &role, None).await.unwrap();
    assert!(live.schema.is_some() && live.tables.len() == 3);
    assert_eq!(
        live.unknown.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([Fact::Sessions, Fact::Vacuum, Fact::Sequences])
    );
    let alter =
        said(&live, "alter table users add column note text; alter table orders add column note text");
    one(&alter, "lock-queue-risk Info", &["GRANT pg_read_all_stats TO"]);
    silent_of(&said(&live, "insert into users (email) values ('b')"), "lock-queue-risk");
    let nobody = live::look_as(&database.session().await, "no_such_role", None).await.unwrap();
    one(
        &said(&nobody, "alter table users add column note text"),
        "missing-privilege Info",
        &["no role `no_such_role`"],
    );
}

#[tokio::test]
async fn busy_tables_and_full_disks_are_named() {
    let database = cluster().await.database("busy").await;
    database
        .run(&format!("{SHOP}; insert into users (email) select 'b' from generate_series(1, 30000)"))
        .await;
    let live = until(&database, |live| live.tables["public.users"].hot).await;
    one(&said(&live, "alter table users add column note text"), "hot-table-strong-lock", &["rows written"]);
    silent_of(&said(&live, "alter table app.notes add column note text"), "hot-table-strong-lock");
    let rewrite = "alter table users alter column age type bigint";
    let bytes = live.tables["public.users"].total_bytes;
    assert!(bytes > 1 << 20, "{bytes}");
    one(&said(&live, rewrite), "table-size-severity", &["every row is written anew under ACCESS EXCLUSIVE"]);
    let full = Live { free_bytes: Some(bytes / 2), ..live.clone() };
    one(&said(&full, rewrite), "disk-space-for-rewrite Error", &["free there"]);
    let tight = Live { free_bytes: Some(bytes * 3 / 2), ..live.clone() };
    one(&said(&tight, rewrite), "disk-space-for-rewrite Warning", &["free there"]);
    let free = Live { free_bytes: Some(bytes * 3), ..live };
    silent_of(&said(&free, rewrite), "disk-space-for-rewrite");
}

#[tokio::test]
async fn what_is_not_as_the_files_tell_is_named() {
    let database = cluster().await.database("drift").await;
    database.run(SHOP).await;
    let files = [SHOP];
    silent(&said_after(&look(&database).await, &files, "alter table users add column note text"));
    database.run("alter table users add column by_hand int, alter column age type bigint, alter column age set not null;
        alter table orders drop constraint orders_user_id_fkey; drop index orders_user_idx; drop table app.notes;
        create extension if not exists plpgsql; create table of_others (id int)").await;
    let live = look(&database).await;
    let found = said_after(&live, &files, "alter table users add column note text");
    one(
        &found,
        "schema-drift Error",
        &["`users`", "`age` is `int8`, and the files say `int4`", "`by_hand` is in no file"],
    );
    assert!(
        found.iter().any(|line| line.contains("orders_user_id_fkey") && line.contains("Warning")),
        "{found:#?}"
    );
    assert!(found.iter().any(|line| line.contains("orders_user_idx")), "{found:#?}");
    assert!(
        found.iter().any(|line| line.contains("`app.notes`") && line.contains("not there")),
        "{found:#?}"
    );
    for (text, words) in [
        ("alter table app.notes add column x int", "`app.notes` is not in the target"),
        ("alter table users add column by_hand int", "`users.by_hand` is in the target already"),
        ("create table of_others (id int)", "`of_others` is in the target already"),
        ("alter table orders drop constraint orders_user_id_fkey", "no constraint"),
        ("drop index orders_user_idx", "`orders_user_idx` is not in the target"),
        ("update users set nobody = 1", "no column `nobody`"),
    ] {
        let found = said(&live, text);
        one(&found, "schema-drift Error", &[words]);
        let session = database.session().await;
        session.batch("set search_path = public; begin").await.unwrap();
        session.batch(text).await.unwrap_err();
    }
}

#[tokio::test]
async fn partitions_and_extensions_of_the_target_are_known() {
    let database = cluster().await.database("parts").await;
    database.run("create table events (id int, at date) partition by range (at);
        create table events_25 partition of events for values from ('2025-01-01') to ('2026-01-01');
        create table hits (id int) partition by hash (id); create table hits_0 partition of hits for values with (modulus 2, remainder 0);
        create table lands (c text) partition by list (c); create table lands_de partition of lands for values in ('de', 'at')").await;
    let live = look(&database).await;
    for text in [
        "create table x partition of events for values from ('2025-05-01') to ('2026-05-01')",
        "create table x partition of events for values in ('2025-05-01')",
        "create table x partition of hits for values with (modulus 4, remainder 2)",
        "create table x partition of hits default",
        "create table x partition of lands for values in ('at')",
        "create extension no_such_extension",
        "create extension plpgsql version '77'",
    ] {
        let found = said(&live, text);
        assert!(found.len() == 1 && found[0].contains("Error"), "{text}: {found:#?}");
        database.session().await.batch(&format!("set search_path = public; {text}")).await.unwrap_err();
    }
    silent(&said(
        &live,
        "create table x partition of events for values from ('2026-01-01') to ('2027-01-01');
        create table y partition of hits for values with (modulus 4, remainder 1);
        create table z partition of lands for values in ('ch'); create table zz partition of lands default",
    ));
}

/// Somebody holds a table with the strongest lock there is: the look waits for nobody.
#[tokio::test]
async fn the_look_stands_in_no_queue() {
    let database = cluster().await.database("held").await;
    database
        .run(&format!(
            "{SHOP}; alter table users alter age set default 1 + 1, add check (age > 0);
        create table p (a int) partition by list (a); create table p1 partition of p for values in (1)"
        ))
        .await;
    let other = database.session().await;
    other
        .batch("begin; lock public.users, public.p, public.users_id_seq in access exclusive mode")
        .await
        .unwrap_err();
    other.batch("rollback; begin; lock public.users, public.p in access exclusive mode").await.unwrap();
    let session = database.session().await;
    let live = live::look_as(&session, "postgres", None).await.unwrap();
    assert!(live.unknown.is_empty(), "{:?}", live.unknown);
    let schema = live.schema.unwrap();
    let users = schema.table(&Relation::named("users")).unwrap();
    assert!(users.columns.iter().any(|column| column.name == "age" && column.default.is_some()));
    assert_eq!(schema.partitions_of(&Relation::named("p")).len(), 1);
    // Nothing is kept either.
    let held = "select count(*) from pg_locks where pid = $1 and locktype = 'relation'";
    let held: i64 = database.session().await.one(held, &[&session.pid()]).await.unwrap().get(0);
    assert_eq!(held, 0);
}

/// However many tables there are, they are read by the same few queries. `SWITCHBACK_TABLES=5000` measures.
#[tokio::test]
async fn thousands_of_tables_are_read_at_once() {
    let tables: u32 =
        std::env::var("SWITCHBACK_TABLES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let database = cluster().await.database("many").await;
    for from in (0..tables).step_by(100) {
        let text: Vec<String> = (from..tables.min(from + 100))
            .map(|n| {
                format!("create table t{n} (id serial primary key, a int default 1 check (a > 0), b text not null, c numeric(10,2),
                    d timestamptz default now(), e int references t{}); create index on t{n} (lower(b))", n.saturating_sub(1))
            })
            .collect();
        database.run(&text.join(";")).await;
    }
    let session = database.session().await;
    let begun = Instant::now();
    let live = live::look_as(&session, "postgres", Some(&["t1".to_owned()])).await.unwrap();
    println!("{tables} tables: {} ms", begun.elapsed().as_millis());
    assert!(live.unknown.is_empty(), "{:?}", live.unknown);
    let schema = live.schema.unwrap();
    let last = schema.table(&Relation::named(&format!("t{}", tables - 1))).unwrap();
    assert_eq!((last.columns.len(), last.constraints.len(), live.tables.len()), (6, 3, tables as usize));
}
