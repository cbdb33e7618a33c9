//! Sixteen migrations that hold up nobody. A review that speaks of them is one that people stop reading.

use crate::{Live, Options, Script};

/// A migration that is harmless.
struct Case {
    name: &'static str,
    /// What an earlier migration made.
    schema: &'static str,
    /// What was applied before, and makes it harmless, whether or not the rest of the schema is known.
    before: &'static str,
    /// Its files, in their order.
    files: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "an index on a table of the same file",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);",
        before: "",
        files: &["CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shop bigint NOT NULL);
                  CREATE INDEX visits_shop ON visits (shop);"],
    },
    Case {
        name: "constraints on a table of the same file",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);",
        before: "",
        files: &["CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, minutes bigint, door text);
                  ALTER TABLE visits ADD CONSTRAINT visits_minutes_check CHECK (minutes >= 0);
                  ALTER TABLE visits ALTER COLUMN door SET NOT NULL;"],
    },
    Case {
        name: "varchar(50) to text",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, title varchar(50));",
        before: "",
        files: &["ALTER TABLE shops ALTER COLUMN title TYPE text;"],
    },
    Case {
        name: "varchar(50) to varchar(100)",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, title varchar(50));",
        before: "",
        files: &["ALTER TABLE shops ALTER COLUMN title TYPE varchar(100);"],
    },
    Case {
        name: "numeric(10,2) to numeric(12,2)",
        schema: "CREATE TABLE bills (id bigint PRIMARY KEY, amount numeric(10,2));",
        before: "",
        files: &["ALTER TABLE bills ALTER COLUMN amount TYPE numeric(12,2);"],
    },
    Case {
        name: "cidr to inet",
        schema: "CREATE TABLE hosts (id bigint PRIMARY KEY, net cidr);",
        before: "",
        files: &["ALTER TABLE hosts ALTER COLUMN net TYPE inet;"],
    },
    Case {
        name: "a column with a constant default",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);",
        before: "",
        files: &["ALTER TABLE shops ADD COLUMN state text NOT NULL DEFAULT 'open';"],
    },
    Case {
        name: "a column with a stable default",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);",
        before: "",
        files: &["ALTER TABLE shops ADD COLUMN opened_at timestamptz NOT NULL DEFAULT now();"],
    },
    Case {
        name: "SET NOT NULL behind a check that is valid",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, owner bigint);",
        before: "ALTER TABLE shops ADD CONSTRAINT shops_owner_there CHECK (owner IS NOT NULL);",
        files: &["ALTER TABLE shops ALTER COLUMN owner SET NOT NULL;"],
    },
    Case {
        name: "NOT VALID, VALIDATE, SET NOT NULL, each in its transaction",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, owner bigint);",
        before: "",
        files: &[
            "BEGIN;
             ALTER TABLE shops ADD CONSTRAINT shops_owner_there CHECK (owner IS NOT NULL) NOT VALID;
             COMMIT;",
            "BEGIN;
             ALTER TABLE shops VALIDATE CONSTRAINT shops_owner_there;
             COMMIT;
             BEGIN;
             ALTER TABLE shops ALTER COLUMN owner SET NOT NULL;
             ALTER TABLE shops DROP CONSTRAINT shops_owner_there;
             COMMIT;",
        ],
    },
    Case {
        name: "UNIQUE by an index that was built beside the writers",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, title text);",
        before: "",
        files: &[
            "CREATE UNIQUE INDEX CONCURRENTLY shops_title_key ON shops (title);",
            "ALTER TABLE shops ADD CONSTRAINT shops_title_key UNIQUE USING INDEX shops_title_key;",
        ],
    },
    Case {
        name: "VALIDATE CONSTRAINT alone",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);
                 CREATE TABLE visits (id bigint PRIMARY KEY, shop bigint);
                 CREATE INDEX visits_shop ON visits (shop);
                 ALTER TABLE visits ADD CONSTRAINT visits_shop_fkey FOREIGN KEY (shop) REFERENCES shops (id) NOT VALID;",
        before: "",
        files: &["ALTER TABLE visits VALIDATE CONSTRAINT visits_shop_fkey;"],
    },
    Case {
        name: "a temporary table",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);",
        before: "",
        files: &["CREATE TEMPORARY TABLE picked (shop bigint);
                  CREATE INDEX picked_shop ON picked (shop);
                  DELETE FROM picked;
                  DROP TABLE picked;"],
    },
    Case {
        name: "dangerous words in texts and comments",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, title text);",
        before: "",
        files: &["-- DROP TABLE shops; TRUNCATE shops;
                  /* ALTER TABLE shops ALTER COLUMN title TYPE int; */
                  COMMENT ON TABLE shops IS 'DELETE FROM shops; VACUUM FULL shops;';"],
    },
    Case {
        name: "a table that is made and dropped in one file",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY);",
        before: "",
        files: &["CREATE TABLE scratch (id bigint PRIMARY KEY);
                  DROP TABLE scratch;"],
    },
    Case {
        name: "SET STATISTICS",
        schema: "CREATE TABLE shops (id bigint PRIMARY KEY, title text);",
        before: "",
        files: &["ALTER TABLE shops ALTER COLUMN title SET STATISTICS 500;"],
    },
];

#[test]
fn nothing_is_said_of_what_is_harmless() {
    assert_eq!(CASES.len(), 16);
    let spoken: Vec<String> =
        CASES.iter().flat_map(|case| [said(case, true), said(case, false)].concat()).collect();
    assert!(spoken.is_empty(), "{} findings\n{}", spoken.len(), spoken.join("\n"));
}

fn said(case: &Case, known: bool) -> Vec<String> {
    let schema = if known { case.schema } else { "" };
    let applied = [("0000_schema.sql", schema), ("0001_before.sql", case.before)];
    let applied = applied.map(|(path, text)| Script { applied: true, ..Script::new(path, text) });
    let names: Vec<String> =
        (0..case.files.len()).map(|number| format!("{:04}_it.sql", number + 2)).collect();
    let asked = names.iter().zip(case.files).map(|(path, text)| Script::new(path, text));
    let scripts: Vec<Script<'_>> = applied.into_iter().chain(asked).collect();
    let findings = crate::review(&scripts, &Options::default(), &Live::default()).findings;
    let place = if known { "with its schema" } else { "alone" };
    let tell = |finding: &crate::Finding| {
        format!("{}, {place}: {} {}: {}", case.name, finding.code, finding.rule, finding.message)
    };
    findings.iter().map(tell).collect()
}
