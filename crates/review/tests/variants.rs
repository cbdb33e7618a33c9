//! Hazards in other words than the pages have: each is named, and what only looks like one is not.
//!
//! A line of a file in `variants/` is a variant; ` /* next file */ ` cuts it into migrations, each a
//! deploy of its own. The last line with `-- names RULE` or `-- silent RULE` before it says what the
//! rule does; behind it stand settings: `version=18`, `wrapped` (somebody begins a transaction around
//! it), `alone` (nothing is known of a schema). `-- silent` without a rule: nothing is said at all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use switchback_review::{Direction, Live, Options, Script, find, review};

const SCHEMA: &str = include_str!("variants/schema.sql");
const NEXT: &str = " /* next file */ ";

/// What a line must do, and how it is run.
#[derive(Clone, Default)]
struct Asked {
    named: bool,
    rule: String,
    version: Option<u32>,
    wrapped: bool,
    alone: bool,
}

impl Asked {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("-- ")?.split_whitespace();
        let named = match words.next()? {
            "names" => true,
            "silent" => false,
            _ => return None,
        };
        let mut asked = Self { named, ..Self::default() };
        for word in words {
            match word.split_once('=') {
                Some(("version", version)) => asked.version = version.parse().ok(),
                _ if word == "wrapped" => asked.wrapped = true,
                _ if word == "alone" => asked.alone = true,
                _ => word.clone_into(&mut asked.rule),
            }
        }
        Some(asked)
    }

    /// The rules that speak of the files; those that are off by default only where they are asked for.
    fn rules(&self, text: &str) -> BTreeSet<String> {
        let files: Vec<&str> = text.split(NEXT).collect();
        let paths: Vec<String> = (1..=files.len()).map(|number| format!("{number:04}_it.sql")).collect();
        let before = Script { applied: true, ..Script::new("0000_schema.sql", SCHEMA) };
        let asked = paths.iter().zip(files).map(|(path, text)| Script {
            direction: Direction::Up,
            revision: path.split('_').next().unwrap_or_default(),
            wrapped: self.wrapped,
            ..Script::new(path, text)
        });
        let before = (!self.alone).then_some(before);
        let scripts: Vec<Script<'_>> = before.into_iter().chain(asked).collect();
        let mut options = Options {
            all: find(&self.rule).is_some_and(|rule| rule.style),
            version: self.version.unwrap_or(15),
            database: "ada".to_owned(),
            required_columns: vec!["created_at".to_owned()],
            ..Options::default()
        };
        options.naming.insert("table".to_owned(), vec!["*s".to_owned()]);
        let findings = review(&scripts, &options, &Live::default()).findings;
        findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }
}

fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/variants"));
    let entries = std::fs::read_dir(folder).expect("the folder of variants").flatten();
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(entry.path()).expect("a file of variants"))
        })
        .filter(|(name, _)| name != "schema.sql")
        .collect();
    files.sort();
    files
}

#[test]
fn every_variant_is_named_and_what_looks_like_one_is_not() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (name, text) in files() {
        let mut asked = Asked::default();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with("--") {
                asked = Asked::read(line).unwrap_or(asked);
                continue;
            }
            tried += 1;
            let said = asked.rules(line);
            let right = match (asked.named, asked.rule.is_empty()) {
                (true, _) => said.contains(&asked.rule),
                (false, true) => said.is_empty(),
                (false, false) => !said.contains(&asked.rule),
            };
            if !right {
                let must = if asked.named { "is not named" } else { "is named" };
                let said = Vec::from_iter(said).join(", ");
                wrong.push(format!("{name}:{} {} {must}: {line}\n    said: {said}", number + 1, asked.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}

/// A variant under a name that no rule has would be right for nothing.
#[test]
fn every_variant_asks_for_a_rule_that_there_is() {
    let names = files().into_iter().flat_map(|(_, text)| {
        let asked: Vec<Asked> = text.lines().filter_map(Asked::read).collect();
        asked.into_iter().filter(|asked| asked.named).map(|asked| asked.rule).collect::<Vec<_>>()
    });
    let unknown: BTreeSet<String> = names.filter(|name| find(name).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
