//! Every check against a real server: silent on a good migration, and finds the planted damage.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail where they stand")]

use std::cell::RefCell;
use std::path::Path;

use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_engine::exec::Program;
use switchback_model::{Config, code};
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{self, Scope};
use switchback_postgres::snapshot::SnapshotHolder;
use switchback_testkit::{TestDatabase, cluster};
use switchback_workflow::checks::{self, CheckCx, CheckResult, Facts, Pick};

const APPLICATION: &str = "switchback tests";

/// A shop before a migration.
const SHOP: &str = "
create table users (id serial primary key, email text not null, note text);
create table profiles (id serial primary key, user_id int not null references users on delete cascade);
create table orders (id serial primary key, user_id int references users, total int not null);
create table settings (name text primary key, value text);
create sequence invoices;
insert into users (email) select 'u' || n || '@example.org' from generate_series(1, 50) n;
insert into profiles (user_id) select id from users;
insert into orders (user_id, total) select id, id * 10 from users, generate_series(1, 2);
insert into settings values ('theme', 'dark'), ('page', '20');
select nextval('invoices'), nextval('invoices')";

/// A database with what was known of it before a migration.
struct Case {
    database: TestDatabase,
    before: Option<Facts>,
    settings: String,
    model_check: Option<Program>,
    models_were_clean: Option<bool>,
    applied: RefCell<Vec<(String, String)>>,
}

async fn case(setup: &str) -> Case {
    let database = cluster().await.database("checks").await;
    database.run(setup).await;
    let mut case = bare(database);
    case.before = Some(case.facts(true).await);
    case
}

/// Without a restore point.
fn bare(database: TestDatabase) -> Case {
    Case {
        database,
        before: None,
        settings: String::new(),
        model_check: None,
        models_were_clean: None,
        applied: RefCell::default(),
    }
}

impl Case {
    fn config(&self) -> Config {
        let text = format!(
            "[migrations]\ntool = \"alembic\"\n{}\n[environments.test]\ndatabase_url = \"{}\"\n",
            self.settings.split("\n---\n").nth(1).unwrap_or_default(),
            self.database.url().expose()
        );
        let text = text + self.settings.split("\n---\n").next().unwrap_or_default();
        Config::parse(&text, Path::new("/tmp/switchback.toml"), None, &|_| None).unwrap()
    }

    /// With settings of the environment and what stands below it.
    fn with(mut self, settings: &str) -> Self {
        settings.clone_into(&mut self.settings);
        self
    }

    async fn facts(&self, flaws: bool) -> Facts {
        let (url, cancel) = (self.database.url(), Cancel::never());
        let holder = SnapshotHolder::open(&url, APPLICATION).await.unwrap();
        let scope = Scope { snapshot: Some(holder.id()), jobs: 2, only: None };
        let data = digest::read(&url, APPLICATION, scope, &cancel, &mut |_, _| {}).await.unwrap();
        let mut facts = Facts::new(data, Catalog::read(holder.session()).await.unwrap());
        if flaws {
            let found = checks::flaws(&url, APPLICATION, holder.id(), 2, &self.config(), &cancel).await;
            facts.flaws = Some(found.unwrap());
        }
        facts
    }

    /// Applies a script and checks, with all that were applied before.
    async fn apply(&self, script: &str) -> Vec<CheckResult> {
        self.database.run(script).await;
        self.applied.borrow_mut().push(("0001.sql".to_owned(), script.to_owned()));
        let applied = self.applied.borrow().clone();
        self.check(&applied).await
    }

    async fn check(&self, scripts: &[(String, String)]) -> Vec<CheckResult> {
        self.run(scripts, &Cancel::never()).await.unwrap()
    }

    async fn run(
        &self,
        scripts: &[(String, String)],
        cancel: &Cancel,
    ) -> switchback_model::Result<Vec<CheckResult>> {
        let (after, config, url) = (self.facts(false).await, self.config(), self.database.url());
        let holder = SnapshotHolder::open(&url, APPLICATION).await.unwrap();
        let cx = CheckCx {
            url: &url,
            application: APPLICATION,
            snapshot: holder.id(),
            jobs: 2,
            before: self.before.as_ref(),
            after: &after,
            config: &config,
            scripts,
            model_check: self.model_check.clone(),
            models_were_clean: self.models_were_clean,
            pick: &Pick::ALL,
            cancel,
        };
        checks::run_all(&cx, &mut |_, _, _| {}).await
    }
}

/// What did not hold, as `check: detail`.
fn failed(results: &[CheckResult]) -> Vec<String> {
    results
        .iter()
        .filter(|result| !result.ok)
        .map(|result| format!("{}: {}", result.name, result.detail))
        .collect()
}

fn warnings(results: &[CheckResult]) -> Vec<String> {
    results
        .iter()
        .filter(|result| result.warning)
        .map(|result| format!("{}: {}", result.name, result.detail))
        .collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

/// Asserts that exactly these did not hold, by the beginning and by a part of each.
#[track_caller]
fn assert_failed(results: &[CheckResult], expected: &[(&str, &str)]) {
    let found = failed(results);
    let fits = |(name, part): &(&str, &str)| {
        found.iter().any(|text| text.starts_with(&format!("{name}: ")) && text.contains(part))
    };
    assert!(found.len() == expected.len() && expected.iter().all(fits), "{found:#?}\nexpected {expected:#?}");
}

#[tokio::test]
async fn a_good_migration_is_silent() {
    let case = case(SHOP).await;
    let results = case
        .apply(
            "alter table users add points int not null default 0;
             update users set points = 3;
             create table addresses (id serial primary key, user_id int not null references users);
             insert into addresses (user_id) select id from users;
             create index on orders (user_id);
             delete from users where false",
        )
        .await;
    assert_eq!(failed(&results), none());
    assert_eq!(warnings(&results), none());
    let names: Vec<_> = results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["constraints", "indexes", "orphans", "sequences", "untouched", "counts", "models"]);
    assert!(results[5].detail.contains("public.addresses none → 50"), "{}", results[5].detail);
}

#[tokio::test]
async fn constraints_that_are_not_validated() {
    let case = case(&format!(
        "{SHOP}; alter table orders add constraint old check (total > 100000) not valid;
         create domain positive as int"
    ))
    .await;
    let results = case
        .apply(
            "alter table orders rename constraint old to older;
             alter table orders drop constraint orders_user_id_fkey;
             alter table orders add constraint orders_user_id_fkey foreign key (user_id) references users not valid;
             alter domain positive add constraint above check (value > 0) not valid",
        )
        .await;
    assert_failed(
        &results,
        &[(
            "constraints",
            "constraint above on domain public.positive, constraint orders_user_id_fkey on public.orders",
        )],
    );
    assert_eq!(
        warnings(&results),
        ["constraints: not validated, as before: constraint older on public.orders"]
    );
}

#[tokio::test]
async fn indexes_that_are_not_valid() {
    let failing = "create unique index concurrently ";
    let mut case = case(SHOP).await;
    let session = case.database.session().await;
    session.batch(&format!("{failing} old_one on public.orders (user_id)")).await.unwrap_err();
    case.before = Some(case.facts(true).await);
    session.batch(&format!("{failing} new_one on public.orders (user_id)")).await.unwrap_err();
    let results = case.check(&[]).await;
    assert_failed(&results, &[("indexes", "public.new_one on public.orders")]);
    assert_eq!(
        warnings(&results),
        ["indexes: not valid, as before: public.old_one on public.orders (not ready)"]
    );
}

#[tokio::test]
async fn orphans_of_a_foreign_key_that_was_dropped() {
    let case = case(SHOP).await;
    let results = case
        .apply("alter table orders drop constraint orders_user_id_fkey; delete from users where id in (7, 8)")
        .await;
    let expected = "the foreign key is gone: public.orders(user_id) → public.users(id): \
                    4 rows refer to nothing, (user_id) = (7), (8)";
    assert_failed(&results, &[("orphans", expected)]);
}

#[tokio::test]
async fn orphans_of_a_foreign_key_that_came_back_without_a_look() {
    let case = case(SHOP).await;
    let results = case
        .apply(
            "alter table orders drop constraint orders_user_id_fkey; delete from users where id = 9;
             alter table orders add foreign key (user_id) references users not valid",
        )
        .await;
    assert_failed(
        &results,
        &[("constraints", "orders_user_id_fkey"), ("orphans", "not validated: public.orders(user_id)")],
    );
}

#[tokio::test]
async fn orphans_that_triggers_did_not_stop() {
    let case = case(SHOP).await;
    let results = case.apply("set session_replication_role = replica; delete from users where id = 9").await;
    assert_failed(
        &results,
        &[("orphans", "public.orders(user_id)"), ("orphans", "public.profiles(user_id)")],
    );
}

/// Several columns, both kinds of match, another operator class, partitions, a table and itself.
const KEYS: &str = "
create schema ext; create extension citext schema ext;
create table parent (a int, b ext.citext, primary key (a, b)) partition by hash (a);
create table parent_0 partition of parent for values with (modulus 2, remainder 0);
create table parent_1 partition of parent for values with (modulus 2, remainder 1);
create table simple (a int, b ext.citext, foreign key (a, b) references parent);
create table whole (a int, b ext.citext, foreign key (a, b) references parent match full);
create table parts (a int, b ext.citext, foreign key (a, b) references parent) partition by list (a);
create table parts_1 partition of parts for values in (1, 2);
create table tree (id int primary key, up int references tree);
insert into parent values (1, 'one'), (2, 'two');
insert into simple values (1, 'ONE'), (null, 'nothing'), (7, null);
insert into whole values (1, 'ONE'), (null, null);
insert into parts values (1, 'One'), (2, 'Two');
insert into tree values (1, null), (2, 1)";

#[tokio::test]
async fn orphans_of_keys_of_every_shape() {
    let case = case(KEYS).await;
    assert_eq!(failed(&case.check(&[]).await), none());
    let results = case
        .apply(
            "set session_replication_role = replica;
             insert into simple values (8, 'x'); insert into whole values (1, null), (null, 'y'), (9, 'z');
             insert into parts values (1, 'two'); insert into tree values (3, 5); select 'parent'",
        )
        .await;
    assert_failed(
        &results,
        &[
            (
                "orphans",
                "public.simple(a, b) → public.parent(a, b): 1 row refers to nothing, (a, b) = (8, x)",
            ),
            (
                "orphans",
                "public.whole(a, b) → public.parent(a, b): 3 rows refer to nothing, (a, b) = (1, null), (9, z), (null, y)",
            ),
            ("orphans", "public.parts(a, b) → public.parent(a, b): 1 row refers"),
            ("orphans", "public.tree(up) → public.tree(id): 1 row refers to nothing, (up) = (5)"),
        ],
    );
    let drop =
        "alter table simple drop constraint simple_a_b_fkey; alter table tree drop constraint tree_up_fkey";
    let results = case.apply(drop).await;
    assert!(failed(&results).iter().any(|text| text.contains("gone: public.simple(a, b)")), "{results:#?}");
    assert!(failed(&results).iter().any(|text| text.contains("gone: public.tree(up)")), "{results:#?}");
}

#[tokio::test]
async fn a_foreign_key_that_moved_is_not_lost() {
    let case = case(&format!("{SHOP}; create table customers (id int primary key); insert into customers select id + 100 from users")).await;
    let results = case
        .apply(
            "alter table orders drop constraint orders_user_id_fkey;
             update orders set user_id = user_id + 100;
             alter table orders add foreign key (user_id) references customers;
             alter table profiles drop constraint profiles_user_id_fkey;
             alter table profiles alter user_id type text",
        )
        .await;
    assert_eq!(failed(&results), none());
    assert!(warnings(&results)[0].contains("public.profiles(user_id)"), "{results:#?}");
}

#[tokio::test]
async fn references_of_the_configuration() {
    let settings = "references = [{ from = \"notes.user_id\", to = \"users.id\" }]";
    let database = cluster().await.database("checks").await;
    database
        .run(&format!(
            "{SHOP}; create table notes (user_id bigint); insert into notes values (1), (77), (78)"
        ))
        .await;
    let mut case = bare(database).with(settings);
    // Without a restore point every orphan counts; with one, the new ones do.
    assert_failed(&case.check(&[]).await, &[("orphans", "2 rows refer to nothing, (user_id) = (77), (78)")]);
    case.before = Some(case.facts(true).await);
    let results = case.apply("update users set note = 'x'").await;
    assert_eq!(failed(&results), none());
    assert!(warnings(&results)[0].ends_with("; 2 before"), "{results:#?}");
    let results =
        case.apply("delete from notes where user_id = 77; insert into notes values (79), (80)").await;
    assert_failed(
        &results,
        &[("orphans", "3 rows refer to nothing, (user_id) = (78), (79), (80); 2 before")],
    );
    let case = case.with("references = [{ from = \"notes.nothing\", to = \"users.id\" }]");
    assert_failed(
        &case.check(&[("a.sql".into(), "notes users".into())]).await,
        &[("orphans", "there are no such tables")],
    );
}

#[tokio::test]
async fn sequences_that_are_behind() {
    let setup = "
        create table counted (id int primary key default 0); create sequence loose;
        alter table counted alter id set default nextval('loose');
        create table down (id int generated always as identity (increment -1 minvalue -1000 maxvalue -1));
        create table far (id serial primary key);
        create table old (id serial primary key); insert into old values (10);
        insert into counted select from generate_series(1, 5); insert into down select from generate_series(1, 5);
        insert into far select from generate_series(1, 5); insert into far values (2147483647)";
    let case = case(&format!("{SHOP}; {setup}")).await;
    let quiet = case.apply("update far set id = id where false; select nextval('loose')").await;
    assert_eq!(failed(&quiet), none());
    let results = case
        .apply(
            "insert into profiles (id, user_id) values (900, 1); insert into counted values (900);
             insert into down overriding system value values (-900); insert into old values (20)",
        )
        .await;
    assert_failed(
        &results,
        &[
            ("sequences", "public.profiles_id_seq is at 50 and public.profiles.id at 900"),
            ("sequences", "public.loose is at 6 and public.counted.id at 900"),
            ("sequences", "public.down_id_seq is at -5 and public.down.id at -900"),
        ],
    );
    assert!(
        warnings(&results)
            .iter()
            .any(|text| text.contains("public.old.id at 20") && text.ends_with("as before"))
    );
}

#[tokio::test]
async fn sequences_that_went_back() {
    let case = case(SHOP).await;
    let results = case.apply("alter sequence invoices restart").await;
    assert_failed(&results, &[("sequences", "public.invoices was at 2 and is at 1 (not yet used)")]);
    let results = case
        .apply("select setval('invoices', 9); delete from profiles where id > 40; select setval('profiles_id_seq', 40)")
        .await;
    assert_eq!(failed(&results), none());
    assert!(warnings(&results)[0].contains("public.profiles_id_seq was at 50 and is at 40"), "{results:#?}");
}

#[tokio::test]
async fn tables_that_no_script_names() {
    let case = case(SHOP).await;
    case.database
        .run("update settings set value = 'light' where name = 'theme'; delete from orders where id = 1")
        .await;
    case.database.run("select nextval('invoices')").await;
    let script = |text: &str| [("0001_x.py".to_owned(), text.to_owned())];
    let results = case.check(&script("op.execute('UPDATE users SET note = 1')")).await;
    let expected = "public.orders (100 → 99 rows), public.settings (2 rows, other values), sequence public.invoices 2 → 3";
    assert_failed(&results, &[("untouched", expected)]);
    let results = case.check(&script("op.execute('UPDATE orders, settings, invoices')")).await;
    assert_eq!(failed(&results), none());
    let results = case.check(&script("for t in inspector.get_table_names(): pass")).await;
    assert_eq!(failed(&results), none());
    assert!(warnings(&results)[0].contains("get_table_names"), "{results:#?}");
}

#[tokio::test]
async fn what_triggers_and_cascades_reach_is_touched() {
    let case = case(&format!(
        "{SHOP}; create table log (what text);
         create function note() returns trigger language plpgsql as $$
         begin insert into public.log values (tg_op); return null; end $$;
         create trigger t after update on users for each statement execute function note()"
    ))
    .await;
    let results = case
        .apply("update users set note = 'x'; delete from orders where user_id = 3; delete from users where id = 3")
        .await;
    assert_eq!(failed(&results), none());
}

#[tokio::test]
async fn tables_that_lost_all_rows() {
    let case = case(&format!(
        "{SHOP}; create table big (a int) partition by list (a); create table big_1 partition of big for values in (1);
         create table big_2 partition of big for values in (2); insert into big values (1)"
    ))
    .await;
    let good = case.apply("update big set a = 2").await;
    assert_eq!(failed(&good), none());
    let results = case.apply("delete from settings; drop table profiles").await;
    assert_failed(&results, &[("counts", "public.settings (2 → 0)")]);
    let results =
        case.check(&[("a.sql".into(), "drop schema public; delete from settings; update big".into())]).await;
    assert_failed(&results, &[("counts", "public.settings (2 → 0)")]);
    let results = case.check(&[("a.sql".into(), "update settings, big".into())]).await;
    assert!(
        failed(&results)
            .iter()
            .any(|text| text.contains("no script names them: public.profiles (50 → gone)"))
    );
}

#[tokio::test]
async fn models_and_target() {
    let mut case = case(SHOP).await;
    let shell = |script: &str| Some(Program::new("sh").args(["-c", script]));
    case.models_were_clean = Some(true);
    case.model_check = shell("echo No new upgrade operations detected.");
    assert_eq!(failed(&case.check(&[]).await), none());
    case.model_check = shell(
        "echo \"New upgrade operations detected: [('add_column', None, 'users', Column('x'))]\"; exit 1",
    );
    assert_failed(&case.check(&[]).await, &[("models", "add_column users x")]);
    case.model_check = Some(Program::new("no-such-program"));
    assert_failed(&case.check(&[]).await, &[("models", "could not run")]);
    case.models_were_clean = None;
    let results = case.check(&[]).await;
    assert!(failed(&results).is_empty() && warnings(&results)[0].contains("no-such-program"), "{results:#?}");
}

#[tokio::test]
async fn the_users_own_queries() {
    let settings = r#"
[[validations]]
name = "users have profiles"
sql = "select count(*) from users u left join profiles p on p.user_id = u.id where p.id is null; -- each"
expect = 0
[[validations]]
name = "true"
sql = "select bool_and(email like '%@%') from users"
[[validations]]
name = "text"
sql = "select value from settings where name = 'theme'"
expect = "dark"
[[validations]]
name = "sum"
sql = "select sum(total)::numeric(12, 2) from orders"
expect = 25500
"#;
    let case = case(SHOP).await.with(settings);
    assert_eq!(failed(&case.check(&[]).await), none());
    let results = case.apply("delete from profiles where id = 5; update users set email = '' where id = 1; update settings set value = null; delete from orders where id = 2").await;
    assert_failed(
        &results,
        &[
            ("users have profiles", "1, expected 0"),
            ("true", "false, expected true"),
            ("text", "it gave null"),
            ("sum", "25480.00, expected 25500"),
        ],
    );
}

#[tokio::test]
async fn queries_that_are_none() {
    let one = |sql: &str| format!("[[validations]]\nname = \"v\"\nsql = \"{sql}\"\n");
    let mut case = case(SHOP).await;
    for (sql, part) in [
        ("select 1, 2", "2 columns"),
        ("select id from users", "more than one row"),
        ("select id from users where false", "no row"),
        ("select 1; drop table users", "could not run"),
        ("delete from users returning true", "could not run"),
        ("with d as (delete from users returning 1) select true", "could not run"),
        ("select nextval('invoices') > 0", "read-only"),
        ("select true from nothing", "does not exist"),
    ] {
        case = case.with(&one(sql));
        assert_failed(&case.check(&[]).await, &[("v", part)]);
    }
}

#[tokio::test]
async fn queries_see_the_names_of_the_application() {
    let case = case(SHOP).await.with("[[validations]]\nname = \"v\"\nsql = \"select true from inner_one\"\n");
    case.database
        .run("create schema app; create table app.inner_one (); insert into app.inner_one default values")
        .await;
    assert_failed(&case.check(&[]).await, &[("v", "does not exist")]);
    let name = case.database.name();
    case.database.run(&format!("alter database {name} set search_path = app")).await;
    assert_eq!(failed(&case.check(&[]).await), none());
}

#[tokio::test]
async fn rows_of_the_users_tables() {
    let settings = r#"
[[validations]]
name = "unchanged"
table = "orders"
rows = "unchanged"
[[validations]]
name = "some"
table = "public.users"
rows = { min = 1, max = 60, change = "-1..+0" }
"#;
    let mut case = case(SHOP).await.with(settings);
    assert_eq!(failed(&case.check(&[]).await), none());
    let results = case.apply("delete from orders where id = 1; insert into users (email) values ('a')").await;
    assert_failed(&results, &[("unchanged", "100 → 99 rows, a change of -1"), ("some", "50 → 51 rows")]);
    case.before = None;
    let results = case.check(&[]).await;
    assert_eq!(failed(&results), none());
    assert!(
        results.iter().any(|result| result.detail == "99 rows; not compared: no restore point"),
        "{results:#?}"
    );
    let case = case.with("[[validations]]\nname = \"v\"\ntable = \"nothing\"\nrows = { min = 1 }\n");
    assert_failed(&case.check(&[]).await, &[("v", "does not exist")]);
}

#[tokio::test]
async fn commands_of_the_user() {
    let settings = "[[validations]]\nname = \"url\"\ncommand = [\"sh\", \"-c\", \"test -n \\\"$SHOP_URL\\\" && echo $MORE && pwd\"]\n\
                    [[validations]]\nname = \"bad\"\ncommand = [\"sh\", \"-c\", \"echo no such order; exit 3\"]\n\
                    \n---\ndatabase_url_variable = \"SHOP_URL\"\nworking_directory = \"/\"\nenv = { MORE = \"x\" }";
    let case = case(SHOP).await.with(settings);
    assert_failed(&case.check(&[]).await, &[("bad", "exit status 3: no such order")]);
}

#[tokio::test]
async fn a_validation_is_exactly_one_thing() {
    let mut case = case(SHOP).await;
    for wrong in [
        "",
        "sql = 'select true'\ncommand = ['true']",
        "table = 'users'",
        "table = 'users'\nrows = {}",
        "table = 'users'\nrows = { change = 'many' }",
        "command = []",
        "expect = 0\ncommand = ['true']",
    ] {
        case = case.with(&format!("[[validations]]\nname = 'v'\n{wrong}\n"));
        let failure = case.run(&[], &Cancel::never()).await.unwrap_err();
        assert_eq!(failure.code, code::CONFIG_INVALID, "{wrong}");
    }
}

#[tokio::test]
async fn without_a_restore_point() {
    let mut case =
        case(&format!("{SHOP}; alter table orders add constraint c check (total > 1000000) not valid")).await;
    case.before = None;
    let results = case.check(&[]).await;
    assert_eq!(failed(&results), none());
    assert_eq!(warnings(&results), ["constraints: not validated: constraint c on public.orders"]);
}

#[tokio::test]
async fn what_could_not_run_has_failed() {
    let case = case(SHOP).await;
    let (after, config, url, cancel) =
        (case.facts(false).await, case.config(), case.database.url(), Cancel::never());
    let cx = CheckCx {
        url: &url,
        application: APPLICATION,
        snapshot: "00000000-00000000-0",
        jobs: 2,
        before: None,
        after: &after,
        config: &config,
        scripts: &[],
        model_check: None,
        models_were_clean: None,
        pick: &Pick::ALL,
        cancel: &cancel,
    };
    let mut seen = Vec::new();
    let results = checks::run_all(&cx, &mut |name, done, total| seen.push((name.to_owned(), done, total)))
        .await
        .unwrap();
    let names: Vec<_> =
        failed(&results).iter().map(|text| text.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["constraints", "indexes", "orphans", "sequences"]);
    assert_eq!(seen.last().map(|(_, done, total)| (*done, *total)), Some((8, 8)));
}

#[tokio::test]
async fn an_interruption_ends_queries_and_commands() {
    let settings = "[[validations]]\nname = \"slow\"\nsql = \"select pg_sleep(60) is null\"\n\
                    [[validations]]\nname = \"slow too\"\ncommand = [\"sleep\", \"60\"]\n";
    let case = case(SHOP).await.with(settings);
    let (canceller, cancel) = cancel_pair();
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        canceller.cancel();
    };
    let start = std::time::Instant::now();
    let (result, ()) = tokio::join!(case.run(&[], &cancel), stop);
    assert_eq!(result.unwrap_err().code, code::INTERRUPTED);
    assert!(start.elapsed().as_secs() < 20);
    let busy = "select count(*)::text from pg_stat_activity where datname = current_database() and query like '%pg_sleep(60)%' \
                and pid <> pg_backend_pid()";
    assert_eq!(case.database.text(busy).await, "0");
}
