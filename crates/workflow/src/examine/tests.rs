//! Against a real server. Everything that is looked at stays as it was.

use std::path::Path;

use switchback_model::event::Operator;
use switchback_model::{Config, DatabaseUrl, RunId};
use switchback_testkit::cluster;

use super::*;

/// A project without an application: its migrator is `true`, which knows no heads.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("migrations/versions")).unwrap();
        std::fs::write(folder.path().join("migrations/env.py"), "").unwrap();
        Self { folder }
    }

    fn world(&self, url: &DatabaseUrl, more: &str) -> World {
        let text = format!(
            "[migrations]\ntool = \"alembic\"\ncommand = [\"true\"]\n\
             [environments.production]\ndatabase_url = \"{}\"\n{more}",
            url.expose()
        );
        let path = self.folder.path().join("switchback.toml");
        let config = Config::parse(&text, &path, None, &|_| None).unwrap();
        let operator = Operator { user: "ada".into(), host: "here".into(), pid: 1 };
        World::new(config, RunId(String::new()), operator, self.folder.path().to_owned(), "switchback".into())
    }

    async fn looks(&self, url: &DatabaseUrl) -> Vec<Look> {
        examine_all(&self.world(url, "")).await
    }
}

async fn examine_all(world: &World) -> Vec<Look> {
    examine(world, &Needs::of(&world.config), &mut |_| {}).await
}

fn find<'a>(looks: &'a [Look], title: &str) -> &'a Look {
    looks.iter().find(|look| look.title == title).unwrap_or_else(|| panic!("no `{title}` in {looks:#?}"))
}

fn bad(looks: &[Look]) -> Vec<&Look> {
    looks.iter().filter(|look| look.mark == Mark::Bad).collect()
}

#[test]
fn every_file_is_registered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/examine");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<String> =
        names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    files.retain(|name| name != "mod" && name != "tests");
    files.sort();
    let mut registered: Vec<&str> = EXAMINATIONS.iter().map(|examination| examination.name()).collect();
    registered.sort_unstable();
    assert_eq!(files, registered);
}

#[tokio::test]
async fn a_server_that_is_well_has_nothing_bad() {
    let database = cluster().await.database("well").await;
    let looks = Project::new().looks(&database.url()).await;
    assert_eq!(bad(&looks), Vec::<&Look>::new());
    for title in [
        "server version",
        "pooler before maintenance_url",
        "private scratch cluster",
        "target",
        "replication",
        "migrator",
    ] {
        assert_eq!(find(&looks, title).mark, Mark::Good, "{title}");
    }
    assert!(looks.iter().all(|look| !look.detail.contains('\n')));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_reported_once() {
    let url = DatabaseUrl::parse("postgresql://ada:hush@127.0.0.1:1/ada").unwrap();
    let looks = Project::new().looks(&url).await;
    let named: Vec<&Look> = looks.iter().filter(|look| look.detail.contains("no server answers")).collect();
    assert_eq!(named.len(), 1, "{looks:#?}");
    assert_eq!(find(&looks, "rights").detail, "not looked at: no connection");
    assert_eq!(find(&looks, "migrator").mark, Mark::Good);
    assert!(!format!("{looks:?}").contains("hush"));
}

#[tokio::test]
async fn a_missing_database_is_named_and_the_server_still_looked_at() {
    let url = cluster().await.url("no_such_database");
    let looks = Project::new().looks(&url).await;
    assert!(find(&looks, "connection by database_url").detail.contains("no_such_database"));
    assert!(!format!("{looks:?}").contains("db error"), "{looks:#?}");
    let history = find(&looks, "migrations");
    assert_eq!(history.mark, Mark::Note);
    assert!(history.detail.contains("not known") && !history.detail.contains(" pending:"), "{history:?}");
    assert_eq!(find(&looks, "server version").mark, Mark::Good);
    assert_eq!(find(&looks, "target").detail, "not looked at: no connection");
}

#[tokio::test]
async fn missing_rights_say_what_they_cost_and_what_grants_them() {
    let cluster = cluster().await;
    let database = cluster.database("rights").await;
    let role = cluster.role("plain", "login").await;
    database.run("create table secrets (id int); create table rows (id int); alter table rows enable row level security").await;
    database.run(&format!("grant select on rows to {role}")).await;
    let other = database.session().await;
    let looks = Project::new().looks(&cluster.url_as(&role, database.name())).await;
    for title in
        ["owner of the target", "CREATEDB", "reading every table", "row security", "sessions of superusers"]
    {
        let look = find(&looks, title);
        assert_eq!(look.mark, Mark::Bad, "{look:?}");
        assert!(look.cure.as_ref().unwrap().contains("psql "), "{look:?}");
    }
    assert!(find(&looks, "reading every table").detail.contains("public.secrets"));
    assert!(find(&looks, "row security").detail.contains("public.rows"));
    drop(other);
}

#[tokio::test]
async fn the_grants_that_are_named_cure() {
    let cluster = cluster().await;
    let database = cluster.database("cured").await;
    database.run("create table secrets (id int); create sequence numbers").await;
    let role = cluster.role("cured", "login createdb").await;
    let name = database.name();
    let owner = cluster.role("owner", "").await;
    cluster.run(&format!("alter database {name} owner to {owner}; grant {owner} to {role}")).await;
    cluster.run(&format!("grant pg_signal_backend, pg_read_all_stats, pg_read_all_data to {role}")).await;
    let looks = Project::new().looks(&cluster.url_as(&role, name)).await;
    assert_eq!(find(&looks, "rights").mark, Mark::Good, "{looks:#?}");
    // The tables are a superuser's, and nobody else may create any.
    let migrator: Vec<&Look> = looks.iter().filter(|look| look.title == "rights of the migrator").collect();
    assert!(migrator[0].detail.contains("public.secrets"), "{migrator:?}");
}

/// What was dumped is made again by a role that may not make everything.
#[tokio::test]
async fn what_a_plain_role_can_not_restore_is_found_before_it_is_needed() {
    let cluster = cluster().await;
    let database = cluster.database("guarded").await;
    database
        .run("create extension if not exists hstore; create schema app; create table app.theirs (id int); \
              create function f() returns event_trigger language plpgsql as 'begin end'; \
              create event trigger watcher on ddl_command_start execute function f(); alter event trigger watcher disable")
        .await;
    let (role, other) = (cluster.role("plain", "login createdb").await, cluster.role("other", "").await);
    cluster
        .run(&format!("alter database {} owner to {role}; grant pg_read_all_data to {role}", database.name()))
        .await;
    database.run(&format!("alter table app.theirs owner to {other}")).await;
    let url = cluster.url_as(&role, database.name());
    let more = format!("scratch_url = \"{}\"\n", cluster.url_as(&role, "postgres").expose());
    let looks = examine_all(&Project::new().world(&url, &more)).await;
    let title = "making the backup again on scratch_url";
    let seen: Vec<&Look> =
        looks.iter().filter(|look| look.title == title && look.mark == Mark::Bad).collect();
    assert!(seen.iter().any(|look| look.detail.contains(&other)), "{looks:#?}");
    assert!(seen.iter().any(|look| look.detail.contains("event trigger watcher")), "{looks:#?}");
    assert!(!seen.iter().any(|look| look.detail.contains("hstore")), "{looks:#?}");
}

#[tokio::test]
async fn a_server_that_hides_its_identity_says_which_grant_helps() {
    let cluster = cluster().await;
    let database = cluster.database("hidden").await;
    let role = cluster.role("blind", "login createdb").await;
    let name = database.name();
    cluster.run(&format!("alter database {name} owner to {role}")).await;
    database.run("revoke execute on function pg_control_system() from public").await;
    let text = format!("maintenance_url = \"{}\"\n", cluster.url_as(&role, name).expose());
    let looks = examine_all(&Project::new().world(&cluster.url_as(&role, name), &text)).await;
    let look = looks.iter().find(|look| look.detail.contains("pg_control_system")).unwrap();
    assert!(
        look.cure.as_ref().unwrap().contains("grant execute on function pg_control_system()"),
        "{look:?}"
    );
}

#[tokio::test]
async fn what_stands_in_the_way_is_found_in_the_target() {
    let cluster = cluster().await;
    let database = cluster.database("ill").await;
    database.run("create table a (id int); insert into a values (1), (1)").await;
    database.run("alter table a add constraint positive check (id > 0) not valid").await;
    if cluster.major() >= 18 {
        // It is named by nobody: the cure would be refused.
        database.run("alter table a add constraint declared check (id > 5) not enforced").await;
    }
    let index = database.session().await;
    index.batch("create unique index concurrently once on public.a (id)").await.unwrap_err();
    let transaction = database.session().await;
    transaction.batch("begin; insert into public.a values (2); prepare transaction 'left'").await.unwrap();
    let slot = "select pg_create_logical_replication_slot('follower', 'test_decoding')";
    // A slot waits for transactions that are under way.
    transaction.batch("commit prepared 'left'").await.unwrap();
    database.session().await.rows(slot, &[]).await.unwrap();
    transaction.batch("begin; insert into public.a values (2); prepare transaction 'left'").await.unwrap();
    let looks = Project::new().looks(&database.url()).await;
    assert_eq!(find(&looks, "invalid indexes").mark, Mark::Note);
    assert!(
        find(&looks, "unvalidated constraints")
            .cure
            .as_ref()
            .unwrap()
            .contains("validate constraint positive")
    );
    assert!(find(&looks, "prepared transaction").cure.as_ref().unwrap().contains("rollback prepared"));
    assert_eq!(find(&looks, "logical replication slot").mark, Mark::Bad);
    transaction.batch("rollback prepared 'left'").await.unwrap();
    database.session().await.rows("select pg_drop_replication_slot('follower')", &[]).await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_run_left_is_named() {
    let cluster = cluster().await;
    let database = cluster.database("left").await;
    let copy = format!("{}_rp_20260102_0304_abcd", database.name());
    cluster.run(&format!("create database {copy}")).await;
    let looks = Project::new().looks(&database.url()).await;
    let look = find(&looks, "left by an earlier run");
    assert!(look.detail.contains(&copy) && look.cure.as_ref().unwrap().contains("drop database"), "{look:?}");
}

#[tokio::test]
async fn a_migrator_that_fails_is_told_by_its_last_words() {
    let database = cluster().await.database("import").await;
    let project = Project::new();
    let mut world = project.world(&database.url(), "");
    let script = "echo Traceback >&2; echo \"ModuleNotFoundError: No module named 'flask'\" >&2; exit 1";
    world.config.migrations.command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let look = examine_all(&world).await;
    assert!(
        find(&look, "migrator").detail.ends_with("ModuleNotFoundError: No module named 'flask'"),
        "{look:#?}"
    );
    world.config.migrations.command = vec!["no-such-migrator".into()];
    let look = examine_all(&world).await;
    assert!(find(&look, "migrator").detail.contains("`no-such-migrator` was not found"));
}

#[tokio::test]
async fn the_application_around_it_is_looked_at() {
    let database = cluster().await.database("around").await;
    let project = Project::new();
    let more = "health = { url = \"http://127.0.0.1:1/\" }\nlogs = { file = \"nowhere/app.log\" }\n\
                maintenance = { flag = \"nowhere/flag\" }\ntests = [[\"no-such-program\"]]\n";
    let looks = examine_all(&project.world(&database.url(), more)).await;
    assert_eq!(find(&looks, "health").mark, Mark::Note);
    assert_eq!(find(&looks, "logs").mark, Mark::Bad);
    assert_eq!(find(&looks, "maintenance page").mark, Mark::Bad);
    assert!(find(&looks, "commands").detail.contains("no-such-program"));
    assert!(Path::new(project.folder.path()).read_dir().unwrap().count() == 1);
}

#[tokio::test]
async fn a_script_that_names_its_database_is_bad_behind_a_closed_fence() {
    let database = cluster().await.database("named").await;
    let world = Project::new().world(&database.url(), "");
    let text = format!("select 1;\nalter database {} set work_mem = '1MB';\n", database.name());
    for (closed_fence, mark) in [(true, Mark::Bad), (false, Mark::Note)] {
        let needs = Needs { closed_fence, scripts: vec![("a.sql".into(), text.clone())], ..Needs::default() };
        let looks = examine(&world, &needs, &mut |_| {}).await;
        let look = find(&looks, "script that names its database");
        assert_eq!(look.mark, mark);
        assert!(look.detail.starts_with("a.sql:2: "), "{look:?}");
    }
}
