//! Settings of a database: read, lost by a copy, put back.

use switchback_model::{DatabaseUrl, code};
use switchback_postgres::Session;
use switchback_postgres::session::ident;
use switchback_postgres::settings::{DatabaseSettings, read_comment, write_comment};

use crate::server::{Database, database, maintenance};

/// Runs statements in the maintenance database, with `{d}` for the database, `{a}` and `{b}` for two
/// roles of the test.
async fn run(database: &Database, sql: &str) {
    let name = database.url.database();
    let sql = sql
        .replace("{d}", &ident(name))
        .replace("{a}", &format!("{name}_a"))
        .replace("{b}", &format!("{name}_b"));
    maintenance(&database.url).await.batch(&sql).await.expect(&sql);
}

const DRESSED: &str = r#"
    create role {a} login createdb;
    create role {b};
    alter database {d} owner to {a};
    alter database {d} with connection limit 17;
    comment on database {d} is 'it''s \ ours';
    alter database {d} set search_path = "$user", "odd, ""name""", public;
    alter database {d} set app.greeting = 'a, "b" = c';
    alter database {d} set work_mem = '8MB';
    alter database {d} set temp_tablespaces = '';
    alter role {b} in database {d} set statement_timeout = '5s';
    alter role {b} in database {d} set search_path = '';
    revoke all on database {d} from public;
    grant connect on database {d} to {b} with grant option;
    set role {b};
    grant connect on database {d} to pg_monitor;
    reset role;
    revoke temporary on database {d} from {a};
"#;

async fn dressed() -> Database {
    let database = database().await;
    run(&database, DRESSED).await;
    database
}

async fn undress(database: Database) {
    let name = database.url.database().to_owned();
    let server = maintenance(&database.url).await;
    database.end().await;
    server.batch(&format!("drop role {name}_a, {name}_b")).await.unwrap();
}

async fn read(database: &Database) -> DatabaseSettings {
    DatabaseSettings::read(&maintenance(&database.url).await, database.url.database()).await.unwrap()
}

#[tokio::test]
async fn a_copy_loses_them_and_gets_them_back() {
    let database = dressed().await;
    let copy = database.copy().await;
    let settings = read(&database).await;
    assert!(settings.differences(&read(&copy).await).len() > 8);
    let server = maintenance(&database.url).await;
    settings.apply(&server, copy.url.database()).await.unwrap();
    assert_eq!(settings.differences(&read(&copy).await), Vec::<String>::new());
    assert_eq!(settings, read(&copy).await);
    settings.apply(&server, copy.url.database()).await.unwrap();
    assert_eq!(settings, read(&copy).await);
    copy.end().await;
    undress(database).await;
}

#[tokio::test]
async fn what_is_too_much_goes() {
    let plain = database().await;
    let dressed = dressed().await;
    let settings = read(&plain).await;
    run(&dressed, "alter database {d} with is_template true allow_connections false").await;
    settings.apply(&maintenance(&plain.url).await, dressed.url.database()).await.unwrap();
    assert_eq!(settings, read(&dressed).await);
    plain.end().await;
    undress(dressed).await;
}

#[tokio::test]
async fn every_single_difference_is_named() {
    let database = dressed().await;
    let before = read(&database).await;
    for (sql, word) in [
        ("alter database {d} owner to {b}", "owner"),
        ("alter database {d} with connection limit 3", "connection limit"),
        ("alter database {d} with is_template true", "is template"),
        ("comment on database {d} is 'x'", "comment"),
        ("alter database {d} reset work_mem", "setting work_mem is missing"),
        ("alter database {d} set work_mem = '9MB'", "setting work_mem has another value"),
        ("alter database {d} set jit = off", "setting jit is new"),
        ("alter role {b} in database {d} set statement_timeout = '6s'", "setting statement_timeout of role"),
        ("grant temporary on database {d} to {b}", "privilege TEMPORARY"),
        ("revoke connect on database {d} from {b} cascade", "of pg_monitor"),
    ] {
        run(&database, sql).await;
        let found = before.differences(&read(&database).await);
        assert!(found.iter().any(|difference| difference.contains(word)), "{sql}: {found:?}");
        before.apply(&maintenance(&database.url).await, database.url.database()).await.unwrap();
        assert_eq!(before, read(&database).await, "{sql}");
    }
    undress(database).await;
}

#[tokio::test]
async fn what_needs_a_superuser_is_named_and_the_rest_is_done() {
    let database = dressed().await;
    run(&database, "alter database {d} set log_statement = 'all'").await;
    let settings = read(&database).await;
    run(&database, "alter database {d} reset log_statement; alter database {d} reset work_mem").await;
    let name = database.url.database();
    let login = database.url.with_database("postgres").expose().replace("postgres@", &format!("{name}_a@"));
    let session = Session::connect(&DatabaseUrl::parse(&login).unwrap(), "test").await.unwrap();
    let failure = settings.apply(&session, name).await.unwrap_err();
    assert_eq!(failure.code, code::METADATA);
    let statement = format!("alter database \"{name}\" set \"log_statement\" to 'all'");
    assert!(failure.message.contains(&statement), "{failure:?}");
    assert!(failure.hints.iter().any(|hint| hint.contains(&statement)), "{failure:?}");
    assert_eq!(settings.differences(&read(&database).await), ["setting log_statement is missing"]);
    drop(session);
    undress(database).await;
}

#[tokio::test]
async fn a_marker_stays_until_it_is_lifted() {
    let database = dressed().await;
    let settings = read(&database).await;
    let server = maintenance(&database.url).await;
    let name = database.url.database();
    write_comment(&server, name, Some("switchback: run 1")).await.unwrap();
    assert_eq!(settings.differences(&read(&database).await), Vec::<String>::new());
    settings.apply(&server, name).await.unwrap();
    assert_eq!(read_comment(&server, name).await.unwrap().as_deref(), Some("switchback: run 1"));
    write_comment(&server, name, None).await.unwrap();
    assert_eq!(read_comment(&server, name).await.unwrap(), None);
    settings.apply(&server, name).await.unwrap();
    assert_eq!(settings, read(&database).await);
    assert_eq!(read_comment(&server, "no such").await.unwrap_err().code, code::DATABASE_MISSING);
    drop(server);
    undress(database).await;
}
