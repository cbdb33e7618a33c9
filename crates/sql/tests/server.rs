//! What is said of statements, asked of a real server.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use switchback_sql::{Block, PieceKind, Statement, split};
use switchback_testkit::{TestDatabase, cluster};

/// Statements with what they need. `$db` is the database's name.
const STATEMENTS: &[&str] = &[
    "create index concurrently on t (a)",
    "create index i2 on t (a)",
    "drop index concurrently i",
    "drop index i",
    "reindex index i",
    "reindex table t",
    "reindex (verbose) index concurrently i",
    "reindex (concurrently off) index i",
    "reindex schema s",
    "reindex database $db",
    "reindex system $db",
    "alter table parts detach partition part concurrently",
    "alter table parts detach partition part",
    "alter type mood add value 'sad'",
    "alter type mood rename value 'ok' to 'fine'",
    "vacuum t",
    "vacuum (analyze) t",
    "analyze t",
    "cluster",
    "cluster t using i",
    "refresh materialized view concurrently v",
    "refresh materialized view v",
    "create database $db_2",
    "drop database if exists $db_3",
    "alter database $db set tablespace pg_default",
    "alter database $db set work_mem = '1MB'",
    "create tablespace $db_t location '/nowhere'",
    "drop tablespace if exists $db_t",
    "alter system set work_mem = '4MB'",
    "create subscription $db_s connection 'dbname=nowhere' publication p",
    "create subscription $db_s connection 'dbname=nowhere' publication p with (connect = false)",
    "create subscription $db_s connection 'dbname=nowhere' publication p with (create_slot = off, slot_name = 'x', connect = false)",
    "alter subscription $db_on refresh publication",
    "alter subscription $db_on set publication q",
    "alter subscription $db_on set publication q with (refresh = false)",
    "alter subscription $db_on disable",
    "discard all",
    "discard plans",
    "commit prepared 'nothing'",
    "rollback prepared 'nothing'",
    "create table n (a int)",
    "truncate t",
    "do $$ begin perform 1; end $$",
    "comment on table t is 'a'",
    "lock table t",
    "grant select on t to public",
    "create extension if not exists plpgsql",
];

const GROUND: &str =
    "create table t (a int); create index i on t (a); create schema s; create type mood as enum ('ok');
    create table parts (a int) partition by range (a);
    create table part partition of parts for values from (1) to (2);
    create materialized view v as select 1 as a; create unique index on v (a);
    create subscription $db_on connection 'dbname=nowhere' publication p with (connect = false)";

/// Whether the server refuses the statement because it is in a transaction block.
async fn refused_in_block(database: &TestDatabase, statement: &str) -> bool {
    let session = database.session().await;
    session.batch("set search_path = public").await.unwrap();
    session.batch("begin").await.unwrap();
    let ended = session.batch(statement).await;
    session.batch("rollback").await.unwrap();
    ended.is_err_and(|failure| failure.message.contains("(25001)"))
}

#[tokio::test]
async fn what_can_not_run_in_a_transaction_is_what_the_server_refuses_there() {
    let cluster = cluster().await;
    let database = cluster.database("block").await;
    let named = |text: &str| text.replace("$db", database.name());
    for statement in named(GROUND).split(';') {
        database.run(statement).await;
    }
    // The server asks this only of subscriptions that are switched on.
    let on = "update pg_subscription set subenabled = true";
    let session = database.session().await;
    session.batch("set allow_system_table_mods = on").await.unwrap();
    session.batch(on).await.unwrap();
    let mut wrong = Vec::new();
    for statement in STATEMENTS {
        let statement = named(statement);
        let said = Statement::read(&statement).unwrap().in_block();
        let refused = refused_in_block(&database, &statement).await;
        if refused != (said == Block::Impossible) {
            wrong.push(format!("{statement}: we say {said:?}, the server refuses it: {refused}"));
        }
    }
    session.batch("update pg_subscription set subenabled = false").await.unwrap();
    session.batch(&named("alter subscription $db_on set (slot_name = none)")).await.unwrap();
    session.batch(&named("drop subscription $db_on")).await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What depends on the database is allowed in one and refused in another.
#[tokio::test]
async fn what_depends_does() {
    let database = cluster().await.database("depends").await;
    database.run("create table parts (a int) partition by range (a)").await;
    database.run("create table part partition of parts for values from (1) to (2)").await;
    database.run("create index parts_a on parts (a)").await;
    for statement in ["reindex table parts", "reindex index parts_a", "cluster parts using parts_a"] {
        assert_eq!(Statement::read(statement).unwrap().in_block(), Block::Depends);
        let newer = cluster().await.major() >= 15 || !statement.starts_with("cluster");
        assert!(refused_in_block(&database, statement).await || !newer, "{statement}");
    }
}

/// A dump of `pg_dump`, but for what only `psql` understands, is cut as the server would cut it.
#[tokio::test]
async fn each_piece_is_one_statement_for_the_server() {
    let database = cluster().await.database("pieces").await;
    let script = "create function f(n int) returns int language sql begin atomic; select case n when 1 then 2 end; end;
        create table \"a;b\" (x text default E'\\';', y int[]); insert into \"a;b\" values ('it''s;', array[1,2]);
        create rule r as on insert to \"a;b\" do also (select 1; select 2);
        create function g() returns trigger language plpgsql as $body$ begin if tg_op = 'INSERT' then return new; end if; return null; end $body$;
        select y[1:2], $$;$$, U&'\\0061;' from \"a;b\" /* ; /* ; */ */ ; -- ;
        create or replace procedure p() begin atomic select 1; select 2; end";
    let pieces: Vec<_> = split(script).filter(|piece| piece.kind == PieceKind::Statement).collect();
    assert_eq!(pieces.len(), 7);
    for piece in pieces {
        Statement::read(piece.text(script)).unwrap();
        // A prepared statement is one statement, or it is refused.
        database.run(piece.text(script)).await;
    }
}
