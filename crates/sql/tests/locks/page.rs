//! The page that says what came of it.

use std::fmt::Write as _;
use std::path::Path;

use crate::observe::Ended;
use crate::{Case, Tried};

/// One server.
pub(crate) struct Column {
    pub(crate) major: u16,
    /// As it says it.
    pub(crate) version: String,
    /// In the order of the cases.
    pub(crate) tried: Vec<Tried>,
}

const HEAD: &str = "# What statements lock, asked of every version

The [lock model](../../crates/sql/src/locks/mod.rs) says what a statement locks, writes anew and reads through on each version of the server. Here it is compared with servers: each statement of [statements.sql](../../crates/sql/tests/locks/statements.sql) is run in a transaction on [ground.sql](../../crates/sql/tests/locks/ground.sql), the server's own tables are looked at, and it is taken back. This page is made by that test:

```sh
script/servers
SWITCHBACK_SERVERS=target/servers SWITCHBACK_WRITE=1 cargo test -p switchback-sql --test locks
```

- *equal*: the strongest lock on every table and view, the tables with new files and the tables read through are exactly those that the model says.
- *not in a block*: the server refuses it in a transaction block, and so says the model; what it locks is not looked at there.
- *not there*: this version does not have it. The server refuses it, and the rule `unsupported-on-target-version` names it.

| PostgreSQL | server | statements | equal | not in a block | not there | different |
|---|---|---|---|---|---|---|
";

/// What the servers did, and where they differ.
pub(crate) fn page(cases: &[Case], columns: &[Column]) -> String {
    let mut page = HEAD.to_owned();
    for column in columns {
        let count = |is: fn(&Ended) -> bool| {
            let right = column.tried.iter().filter(|tried| tried.wrong.is_none());
            right.filter_map(|tried| tried.ended.as_ref()).filter(|ended| is(ended)).count()
        };
        let asked = column.tried.iter().filter(|tried| tried.ended.is_some()).count();
        let equal = count(|ended| matches!(ended, Ended::Ran(_)));
        let apart = count(|ended| matches!(ended, Ended::NotInBlock));
        let absent = count(|ended| matches!(ended, Ended::Refused(_)));
        let different = asked - equal - apart - absent;
        let server = column.version.split(' ').next().unwrap_or_default();
        let _ = writeln!(
            page,
            "| {} | {server} | {} | {equal} | {apart} | {absent} | {different} |",
            column.major, asked
        );
    }
    page.push_str("\n## Where versions differ\n\nAs the servers do it; statements that only some versions have stand below.\n");
    let (mut differing, mut partial) = (String::new(), String::new());
    for (number, case) in cases.iter().enumerate() {
        let ways = ways(number, columns);
        let refused = |ended: &Ended| matches!(ended, Ended::Refused(_));
        let ran = ways.iter().filter(|(_, ended)| !refused(ended)).count();
        if ran > 1 {
            let lines = ways.iter().map(|(which, ended)| format!("    - {which}: {ended}\n"));
            let _ = write!(differing, "- `{}`\n{}", case.text, lines.collect::<String>());
        } else if ways.len() > 1 {
            let which = ways.iter().find(|(_, ended)| !refused(ended));
            let _ = writeln!(
                partial,
                "| `{}` | {} | {} |",
                case.text,
                which.map_or("none", |(which, _)| which),
                which.map_or(String::new(), |(_, ended)| ended.to_string())
            );
        }
    }
    let _ = write!(
        page,
        "\n{differing}\n## What only some versions have\n\n| statement | versions | does |\n|---|---|---|\n{partial}"
    );
    page
}

/// Each thing that servers do, with those that do it (`13 to 15`), the oldest first.
fn ways(number: usize, columns: &[Column]) -> Vec<(String, Ended)> {
    let mut ways: Vec<(u16, u16, &Ended)> = Vec::new();
    for column in columns {
        let Some(ended) = &column.tried[number].ended else { continue };
        match ways.last_mut() {
            Some((_, last, same)) if alike(same, ended) => *last = column.major,
            _ => ways.push((column.major, column.major, ended)),
        }
    }
    let named = |(first, last, ended): (u16, u16, &Ended)| {
        let which = if first == last { first.to_string() } else { format!("{first} to {last}") };
        (which, ended.clone())
    };
    ways.into_iter().map(named).collect()
}

/// The words of a refusal are not compared.
fn alike(one: &Ended, other: &Ended) -> bool {
    one == other || matches!((one, other), (Ended::Refused(_), Ended::Refused(_)))
}

/// Writes the page where that is asked for; else it must be there as it is.
pub(crate) fn check(path: &Path, page: &str) {
    if std::env::var_os("SWITCHBACK_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "{} is of another time: SWITCHBACK_WRITE=1 writes it anew", path.display());
}
