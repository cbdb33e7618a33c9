//! What does no harm is silent by default: statements that other tools warn of, and good migrations.

use switchback_review::{Direction, Live, Options, Script, review};

const SCHEMA: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, name varchar(50), amount numeric(10,2),
        addr cidr, bio text, age int);
    CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total numeric, note text, status text,
        CONSTRAINT note_set CHECK (note IS NOT NULL));
    CREATE UNIQUE INDEX users_email_idx ON users (email);
";

/// The files of a migration, by their contents; each is run in a transaction where `wrapped`.
struct Case {
    name: &'static str,
    files: &'static [&'static str],
    /// It is silent without the schema too: nothing that it needs is known from there only.
    alone: bool,
}

const fn case(name: &'static str, files: &'static [&'static str]) -> Case {
    Case { name, files, alone: true }
}

/// What proves that it does no harm stands in the schema.
const fn known(name: &'static str, files: &'static [&'static str]) -> Case {
    Case { name, files, alone: false }
}

const CASES: &[Case] = &[
    case(
        "index on a new table",
        &["CREATE TABLE lines (id bigint PRIMARY KEY, n int); CREATE INDEX lines_n_idx ON lines (n);"],
    ),
    case(
        "constraints on a new table",
        &["CREATE TABLE lines (id bigint PRIMARY KEY, n bigint);
           ALTER TABLE lines ADD CONSTRAINT n_pos CHECK (n > 0);
           ALTER TABLE lines ALTER COLUMN n SET NOT NULL;"],
    ),
    known("varchar to text", &["ALTER TABLE users ALTER COLUMN name TYPE text;"]),
    known("varchar gets longer", &["ALTER TABLE users ALTER COLUMN name TYPE varchar(100);"]),
    known("numeric gets longer", &["ALTER TABLE users ALTER COLUMN amount TYPE numeric(12,2);"]),
    known("cidr to inet", &["ALTER TABLE users ALTER COLUMN addr TYPE inet;"]),
    case("constant default", &["ALTER TABLE users ADD COLUMN n bigint NOT NULL DEFAULT 5;"]),
    case("stable default", &["ALTER TABLE users ADD COLUMN made timestamptz DEFAULT now();"]),
    known("not null behind a valid check", &["ALTER TABLE orders ALTER COLUMN note SET NOT NULL;"]),
    case(
        "not null, step by step",
        &[
            "ALTER TABLE orders ADD CONSTRAINT user_set CHECK (user_id IS NOT NULL) NOT VALID;",
            "ALTER TABLE orders VALIDATE CONSTRAINT user_set;",
            "ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL; ALTER TABLE orders DROP CONSTRAINT user_set;",
        ],
    ),
    case(
        "unique, by an index",
        &["CREATE UNIQUE INDEX CONCURRENTLY users_bio_key ON users (bio);
           ALTER TABLE users ADD CONSTRAINT users_bio_key UNIQUE USING INDEX users_bio_key;"],
    ),
    case("validate alone", &["ALTER TABLE orders VALIDATE CONSTRAINT total_pos;"]),
    case(
        "temporary table",
        &[
            "CREATE TEMP TABLE scratch (id int, n int); CREATE INDEX ON scratch (id); DELETE FROM scratch; DROP TABLE scratch;",
        ],
    ),
    case(
        "words in comments and texts",
        &["-- DROP TABLE users; ALTER TABLE users ALTER COLUMN id TYPE int
           COMMENT ON TABLE users IS 'DROP TABLE users; TRUNCATE orders';"],
    ),
    case("own table dropped", &["CREATE TABLE lines (id bigint PRIMARY KEY); DROP TABLE lines;"]),
    case("set statistics", &["ALTER TABLE users ALTER COLUMN email SET STATISTICS 500;"]),
    case(
        "a new table",
        &[
            "CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, made timestamptz NOT NULL DEFAULT now());",
        ],
    ),
    case("a column", &["ALTER TABLE users ADD COLUMN phone text;"]),
    case("an index", &["CREATE INDEX CONCURRENTLY users_bio_idx ON users (bio);"]),
    case(
        "a foreign key, step by step",
        &[
            "CREATE INDEX CONCURRENTLY orders_user_idx ON orders (user_id);",
            "ALTER TABLE orders ADD CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;",
            "ALTER TABLE orders VALIDATE CONSTRAINT orders_user_fk;",
        ],
    ),
];

fn found(files: &[&str], schema: bool) -> Vec<String> {
    let paths: Vec<String> = (1..=files.len()).map(|n| format!("{n:04}_it.up.sql")).collect();
    let before = Script { applied: true, ..Script::new("0000_schema.up.sql", SCHEMA) };
    let asked = paths.iter().zip(files).map(|(path, text)| Script {
        direction: Direction::Up,
        revision: path.split('_').next().unwrap_or_default(),
        ..Script::new(path, text)
    });
    let scripts: Vec<Script<'_>> = schema.then_some(before).into_iter().chain(asked).collect();
    // Switchback's own runner sets lock_timeout.
    let options = Options { runner_sets_lock_timeout: true, ..Options::default() };
    let findings = review(&scripts, &options, &Live::default()).findings;
    findings
        .into_iter()
        .map(|finding| format!("{} {}: {}", finding.code, finding.rule, finding.message))
        .collect()
}

#[test]
fn harmless_migrations_are_silent() {
    let mut wrong = Vec::new();
    for case in CASES {
        for schema in [true, false] {
            if schema || case.alone {
                let said = found(case.files, schema);
                let with = if schema { "with" } else { "without" };
                wrong.extend(
                    said.into_iter().map(|said| format!("{} ({with} the schema): {said}", case.name)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
