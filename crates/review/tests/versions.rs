//! What a version of the server does not have is named: the statements are those that the lock model's
//! test runs on real servers of each version, which refuse them there.

use std::collections::{BTreeMap, BTreeSet};

use switchback_review::{Live, Options, Script, review};
use switchback_sql::{Piece, PieceKind, split};

const GROUND: &str = include_str!("../../sql/tests/locks/ground.sql");
const STATEMENTS: &str = include_str!("../../sql/tests/locks/statements.sql");
const RULE: &str = "unsupported-on-target-version";

/// The number behind a word in the comments before a statement.
fn marked(script: &str, piece: &Piece, word: &str) -> Option<u32> {
    let number = |line: &str| line.trim().strip_prefix("-- ")?.strip_prefix(word)?.trim().parse().ok();
    piece.before(script).lines().find_map(number)
}

fn pieces(script: &str) -> impl Iterator<Item = Piece> {
    split(script).filter(|piece| piece.kind == PieceKind::Statement)
}

/// The tables as that version has them.
fn ground(version: u32) -> String {
    let there = |piece: &Piece| marked(GROUND, piece, "since").is_none_or(|since| since <= version);
    let texts = pieces(GROUND).filter(there).map(|piece| piece.text(GROUND));
    texts.collect::<Vec<_>>().join(";\n")
}

/// The versions on both sides of each step: between them nothing changes.
fn versions(since: Option<u32>, until: Option<u32>) -> BTreeSet<u32> {
    let steps =
        since.iter().map(|since| since - 1).chain(since).chain(until).chain(until.map(|until| until + 1));
    steps.collect()
}

#[test]
fn what_a_version_does_not_have_is_named() {
    let grounds: BTreeMap<u32, String> = (13..=18).map(|version| (version, ground(version))).collect();
    let mut wrong = Vec::new();
    for piece in pieces(STATEMENTS) {
        let text = piece.text(STATEMENTS);
        let (since, until) = (marked(STATEMENTS, &piece, "since"), marked(STATEMENTS, &piece, "until"));
        for version in versions(since, until) {
            let has =
                since.is_none_or(|since| since <= version) && until.is_none_or(|until| version <= until);
            if named(&grounds[&version], text, version) == has {
                wrong.push(format!("{version}: {}: {text}", if has { "named" } else { "not named" }));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_every_version_has_is_not_named() {
    let everywhere = |piece: &Piece| piece.before(STATEMENTS).lines().all(|line| !is_mark(line));
    let texts = pieces(STATEMENTS).filter(everywhere).map(|piece| piece.text(STATEMENTS));
    let all = texts.collect::<Vec<_>>().join(";\n");
    for version in [13, 18] {
        assert!(!named(&ground(version), &all, version), "{version}");
    }
}

fn is_mark(line: &str) -> bool {
    ["-- since ", "-- until ", "-- ground "].iter().any(|mark| line.trim().starts_with(mark))
}

fn named(ground: &str, text: &str, version: u32) -> bool {
    let before = Script { applied: true, ..Script::new("0000_ground.sql", ground) };
    let options = Options { version, ..Options::default() };
    let found = review(&[before, Script::new("0001_it.sql", text)], &options, &Live::default());
    found.findings.iter().any(|finding| finding.rule == RULE && *finding.file == *"0001_it.sql")
}
