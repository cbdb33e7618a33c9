//! `review --fix`, in every layout: what is written, and that a real server comes to the same by it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use switchback_testkit::{Host, Shape, cluster};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");
const OURS: &str = "[migrations]\ntool = \"sql\"\ndirectory = \"m\"\n";
const TABLES: &str = "create table users (id bigint primary key, email text, age integer);\n\
    create table orders (id bigint primary key, user_id bigint, total numeric(8, 2));\n";

/// A folder, what was said, and the files as they are afterwards.
struct Fixed {
    _folder: TempDir,
    said: String,
    status: Option<i32>,
    files: BTreeMap<String, String>,
}

fn fix(files: &[(&str, &str)], words: &[&str]) -> Fixed {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut command = Command::new(PROGRAM);
    let output = command.current_dir(folder.path()).args(["review", "--fix"]).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let mut found = BTreeMap::new();
    read(folder.path(), folder.path(), &mut found);
    Fixed { _folder: folder, said, status: output.status.code(), files: found }
}

fn read(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, found);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
}

impl Fixed {
    #[track_caller]
    fn is(&self, path: &str, text: &str) {
        let there = self.files.get(path).unwrap_or_else(|| panic!("no {path}\n{}", self.said));
        assert_eq!(there, text, "{path}\n{}", self.said);
    }

    #[track_caller]
    fn is_proven(&self) {
        assert!(self.said.contains("proven   both make the same schema"), "{}", self.said);
        assert_eq!(self.status, Some(0), "{}", self.said);
    }
}

/// Each transaction becomes a migration; what each takes back goes with it.
#[test]
fn migrations_that_one_transaction_holds_are_put_apart() {
    let fixed = fix(
        &[
            ("switchback.toml", OURS),
            ("m/0001_a.up.sql", TABLES),
            ("m/0001_a.down.sql", "drop table orders; drop table users;\n"),
            (
                "m/0002_b.up.sql",
                "-- Orders belong to users.\n\ncreate table notes (id bigint primary key);\n\n-- who ordered\n\
                 alter table orders add constraint orders_user foreign key (user_id) references users (id);\n\
                 create index orders_user_idx on orders (user_id); -- for the joins\n\
                 alter table users alter column email set not null;\n",
            ),
            (
                "m/0002_b.down.sql",
                "alter table users alter column email drop not null;\n\
                 drop index orders_user_idx;\n\
                 alter table orders drop constraint orders_user;\n\
                 -- nobody misses them\ndrop table notes;\n",
            ),
        ],
        &["m/0002_b.up.sql"],
    );
    fixed.is_proven();
    assert!(fixed.said.contains("; now nothing"), "{}", fixed.said);
    fixed
        .is("m/0002_b.up.sql", "-- Orders belong to users.\n\ncreate table notes (id bigint primary key);\n");
    fixed.is("m/0002_b.down.sql", "-- nobody misses them\ndrop table notes;\n");
    fixed.is(
        "m/0003_b_2.up.sql",
        "-- who ordered\nalter table orders add constraint orders_user foreign key (user_id) references users (id) \
         NOT VALID;\n",
    );
    fixed.is("m/0003_b_2.down.sql", "alter table orders drop constraint orders_user;\n");
    fixed.is("m/0004_b_3.up.sql", "ALTER TABLE orders VALIDATE CONSTRAINT orders_user;\n");
    fixed.is("m/0004_b_3.down.sql", "-- Nothing to take back.\nSELECT 1;\n");
    fixed.is(
        "m/0005_b_4.up.sql",
        "-- switchback: no-transaction\ncreate index CONCURRENTLY orders_user_idx on orders (user_id); -- for the joins\n",
    );
    fixed.is("m/0005_b_4.down.sql", "drop index orders_user_idx;\n");
    fixed.is(
        "m/0006_b_5.up.sql",
        "ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;\n",
    );
    fixed.is("m/0006_b_5.down.sql", "ALTER TABLE users DROP CONSTRAINT users_email_not_null;\n");
    fixed.is(
        "m/0008_b_7.up.sql",
        "ALTER TABLE users ALTER COLUMN email SET NOT NULL;\nALTER TABLE users DROP CONSTRAINT users_email_not_null;\n",
    );
    fixed.is(
        "m/0008_b_7.down.sql",
        "ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;\n\
         alter table users alter column email drop not null;\n",
    );
}

#[test]
fn a_unique_index_that_becomes_a_constraint_goes_back_too() {
    let fixed = fix(
        &[
            ("switchback.toml", OURS),
            ("m/0001_a.up.sql", TABLES),
            ("m/0002_b.up.sql", "alter table users add constraint users_email unique (email);\n"),
            ("m/0002_b.down.sql", "alter table users drop constraint users_email;\n"),
        ],
        &["m/0002_b.up.sql"],
    );
    fixed.is_proven();
    fixed.is(
        "m/0002_b.up.sql",
        "-- switchback: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);\n",
    );
    fixed.is("m/0002_b.down.sql", "DROP INDEX CONCURRENTLY IF EXISTS users_email;\n");
    fixed.is(
        "m/0003_b_2.up.sql",
        "ALTER TABLE users ADD CONSTRAINT users_email UNIQUE USING INDEX users_email;\n",
    );
    fixed.is("m/0003_b_2.down.sql", "alter table users drop constraint users_email;\n");
}

/// Where nobody begins a transaction, the steps stand where the statement stood, and nothing else moves.
#[test]
fn scripts_that_psql_runs_are_fixed_in_their_place() {
    let fixed = fix(
        &[
            ("1_a.sql", TABLES),
            (
                "2_b.sql",
                "\\set ON_ERROR_STOP on\n/* one */ create index i\n  on orders (user_id) -- why\n  where total > 0;\n\n\
                 select 1;\n\
                 alter table orders add constraint positive check (total > 0);",
            ),
        ],
        &["--unproven", "2_b.sql"],
    );
    fixed.is(
        "2_b.sql",
        "\\set ON_ERROR_STOP on\n/* one */ create index CONCURRENTLY i\n  on orders (user_id) -- why\n  where total > 0;\n\n\
         select 1;\n\
         alter table orders add constraint positive check (total > 0) NOT VALID;\n\
         ALTER TABLE orders VALIDATE CONSTRAINT positive;",
    );
    assert!(fixed.said.contains("not proven: nothing was run"), "{}", fixed.said);
}

/// The block's own settings hold in each of its halves.
#[test]
fn a_block_is_closed_before_the_fix_and_begun_again_behind_it() {
    let fixed = fix(
        &[
            ("1_a.sql", TABLES),
            (
                "2_b.sql",
                "BEGIN;\nSET LOCAL lock_timeout = '2s';\ncreate table notes (id bigint primary key);\n\n-- fast joins\n\
                 create index i on orders (user_id);\n\
                 alter table orders add constraint positive check (total > 0);\n\
                 comment on table notes is 'x';\nCOMMIT;\n",
            ),
        ],
        &["2_b.sql"],
    );
    fixed.is_proven();
    fixed.is(
        "2_b.sql",
        "BEGIN;\nSET LOCAL lock_timeout = '2s';\ncreate table notes (id bigint primary key);\nCOMMIT;\n\n-- fast joins\n\
         create index CONCURRENTLY i on orders (user_id);\n\n\
         BEGIN;\nSET LOCAL lock_timeout = '2s';\n\
         alter table orders add constraint positive check (total > 0) NOT VALID;\nCOMMIT;\n\
         BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE orders VALIDATE CONSTRAINT positive;\nCOMMIT;\n\n\
         BEGIN;\nSET LOCAL lock_timeout = '2s';\ncomment on table notes is 'x';\nCOMMIT;\n",
    );
}

#[test]
fn every_layout_says_no_transaction_in_its_own_words() {
    let index = "create index i on orders (user_id);";
    let concurrently = "create index CONCURRENTLY i on orders (user_id);";
    let section = |up: &str, down: &str, text: &str| format!("{up}\n{text}\n\n{down}\ndrop index i;\n");
    for (first, path, was, now) in [
        (
            section("-- migrate:up", "-- migrate:down", TABLES),
            "m/2_b.sql",
            section("-- migrate:up", "-- migrate:down", index),
            section("-- migrate:up transaction:false", "-- migrate:down", concurrently),
        ),
        (
            section("-- +goose Up", "-- +goose Down", TABLES),
            "m/2_b.sql",
            section("-- +goose Up", "-- +goose Down", index),
            section("-- +goose NO TRANSACTION\n-- +goose Up", "-- +goose Down", concurrently),
        ),
        (
            section("-- +migrate Up", "-- +migrate Down", TABLES),
            "m/2_b.sql",
            section("-- +migrate Up", "-- +migrate Down", index),
            section("-- +migrate Up notransaction", "-- +migrate Down", concurrently),
        ),
        (TABLES.to_owned(), "m/V2__b.sql", format!("{index}\n"), format!("{concurrently}\n")),
    ] {
        let earlier = if path.contains("V2") { "m/V1__a.sql" } else { "m/1_a.sql" };
        let first = first.replace("drop index i", "drop table orders; drop table users");
        let fixed = fix(&[(earlier, &first), (path, &was)], &[path]);
        fixed.is_proven();
        fixed.is(path, &now);
    }
    // golang-migrate and sqlx run all of a file in one transaction, whoever has no configuration here.
    let pair = [
        ("m/1_a.up.sql", TABLES),
        (
            "m/2_b.up.sql",
            "alter table orders add constraint positive check (total > 0);\ncreate index i on orders (user_id);\n",
        ),
    ];
    let fixed = fix(&pair, &["m/2_b.up.sql"]);
    fixed.is_proven();
    fixed.is("m/2_b.up.sql", "alter table orders add constraint positive check (total > 0) NOT VALID;\n");
    fixed.is("m/3_b_2.up.sql", "ALTER TABLE orders VALIDATE CONSTRAINT positive;\n");
    fixed.is("m/4_b_3.up.sql", &format!("-- no-transaction\n{concurrently}\n"));
    let diesel = [("m/2024-01-01-000000_a/up.sql", TABLES), ("m/2024-01-02-000000_b/up.sql", index)];
    let fixed = fix(&diesel, &["m/2024-01-02-000000_b/up.sql"]);
    fixed.is("m/2024-01-02-000000_b/metadata.toml", "run_in_transaction = false\n");
    // A script of node-pg-migrate has no word for it.
    let node = format!("-- Up Migration\n{index}\n");
    let fixed = fix(
        &[("m/1_a.sql", "-- Up Migration\ncreate table orders (user_id bigint);\n"), ("m/2_b.sql", &node)],
        &["m/2_b.sql"],
    );
    fixed.is("m/2_b.sql", &node);
    assert!(fixed.said.contains("can't say that it runs outside"), "{}", fixed.said);
}

/// What could never have run has nothing to be compared with: that is said, and only of that.
#[test]
fn what_the_server_refuses_in_a_transaction_is_proven_by_what_runs() {
    let was = "begin;\ncreate index concurrently i on orders (user_id);\ncommit;\n";
    let fixed = fix(&[("1_a.sql", TABLES), ("2_b.sql", was)], &["2_b.sql"]);
    assert_eq!(fixed.status, Some(0), "{}", fixed.said);
    assert!(fixed.said.contains("proven   the server refuses what was there"), "{}", fixed.said);
    fixed.is("2_b.sql", "create index concurrently i on orders (user_id);\n");
}

#[test]
fn what_cannot_be_proven_or_numbered_is_not_written() {
    let up = "create index i on orders (user_id);\n";
    let two = format!("{up}alter table orders add constraint positive check (total > 0);\n");
    for (files, words, said) in [
        // It failed before, for a reason that has nothing to do with the fix.
        (
            vec![
                ("1_a.sql", TABLES),
                ("2_b.sql", "create index i on orders (user_id);\ngrant select on orders to nobody_here;\n"),
            ],
            vec!["2_b.sql"],
            "role \"nobody_here\" does not exist",
        ),
        // Nobody made the table.
        (vec![("a.sql", up)], vec!["a.sql"], "SB0415"),
        (
            vec![
                ("switchback.toml", OURS),
                ("m/0001_a.up.sql", TABLES),
                ("m/0002_b.up.sql", &two),
                ("m/0003_c.up.sql", "select 1;\n"),
            ],
            vec!["m/0002_b.up.sql"],
            "there is no number left between 0002 and 0003",
        ),
        (vec![("m/0001_a.up.sql", TABLES)], vec!["m"], "must be told which"),
        (vec![("a.sql", up)], vec!["a.sql", "--record"], "cannot be used with"),
    ] {
        let fixed = fix(&files, &words);
        assert!(fixed.said.contains(said), "{said}\n{}", fixed.said);
        assert_ne!(fixed.status, Some(0), "{}", fixed.said);
        let unchanged: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert_eq!(fixed.files, unchanged);
    }
}

/// What was put apart is deployed, taken back by its own ways down, and deployed again.
#[tokio::test]
async fn what_was_written_goes_there_and_back_on_the_target() {
    let shape = Shape {
        fence: "closed",
        restore_point: "down",
        service: false,
        code: true,
        page: false,
        tool: "sql",
        migrations: "many",
    };
    let host = Host::new(cluster().await, PROGRAM, shape).await;
    let start = host.state().await;
    host.git(&["checkout", "--quiet", "-b", "later", "v2"]);
    let script = |name: &str| format!("code/migrations/0004_late.{name}.sql");
    host.write(
        &script("up"),
        "alter table notes add constraint notes_long check (length(body) < 10000);\n\
         create index notes_late on notes (body);\n",
    );
    host.write(&script("down"), "drop index notes_late;\nalter table notes drop constraint notes_long;\n");
    let fixed = host.expect(&["review", "--fix", &script("up")], 0);
    assert!(fixed.stderr.contains("proven"), "{}", fixed.stderr);
    assert!(host.path("code/migrations/0006_late_3.up.sql").exists(), "{}", fixed.stderr);
    host.git(&["add", "."]);
    host.git(&["commit", "--quiet", "-m", "later"]);
    host.git(&["tag", "v3"]);
    host.git(&["checkout", "--quiet", "v1"]);
    let deploy = ["deploy", "--release", "v3"];
    let back = host.run_with(&deploy, &[("SWITCHBACK_FAULT", "fail-after:validate")]);
    assert_eq!(back.status, Some(4), "{}", back.stderr);
    start.assert_same(&host.state().await);
    host.expect(&deploy, 0);
    assert_eq!(host.revision().await, "late_3");
}
