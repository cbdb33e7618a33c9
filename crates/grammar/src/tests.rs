//! Trees that are read from memory, held against those that `pg_query` writes and reads again.

use std::path::Path;
use std::{env, fs};

use proptest::prelude::*;

use super::*;

const STATEMENTS: &str = include_str!("statements.sql");

/// Texts that may be statements: one cut wrongly is good here too.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(";\n")
}

/// Whether both ways say the same of a text; what differs otherwise.
fn compared(text: &str) -> Result<(), String> {
    let of_refused = |refused: Refused| pg_query::Error::Parse(refused.message);
    let memory = c::parsed(text, read::statements).map_err(of_refused);
    let protobuf = pg_query::parse(text, 0);
    match (memory, protobuf) {
        (Ok(Some(trees)), Ok(_)) if Some(&trees) == through_protobuf(text).as_ref() => Ok(()),
        (Ok(None), Err(pg_query::Error::Decode(_))) => Ok(()),
        (Err(one), Err(other)) if one == other => Ok(()),
        (memory, protobuf) => {
            Err(format!("{text}\n{memory:?}\n{:?}", protobuf.map(|parsed| parsed.protobuf)))
        }
    }
}

#[test]
fn every_node_is_read_as_protobuf_has_it() {
    let mut unmet = nodes::NAMES.to_vec();
    for statement in pieces(STATEMENTS) {
        compared(statement).unwrap_or_else(|different| panic!("{different}"));
        let trees = parse(statement).unwrap_or_else(|refused| panic!("{statement}: {refused:?}"));
        let text = format!("{trees:?}");
        let is_met =
            |name: &&str| text.contains(&format!("{name} {{")) || text.contains(&format!("({name})"));
        unmet.retain(|name| !is_met(name));
    }
    // What stands around each statement is not kept.
    assert_eq!(unmet, ["RawStmt"], "no statement meets these");
}

#[test]
fn a_mistake_has_its_place() {
    let refused = |text| parse(text).expect_err("no SQL");
    assert_eq!(refused("SELECT é FROM FROM").at, Some(15), "bytes, not characters");
    assert_eq!(refused("SELECT (1").at, Some(9));
    assert_eq!(refused("SELECT\0").at, Some(6));
    assert_eq!(refused("SELEC").message, "syntax error at or near \"SELEC\"");
}

#[test]
fn depth_is_counted_as_protobuf_counts_it() {
    for depth in 20..60 {
        let text = format!("SELECT {}1{}", "f(".repeat(depth), ")".repeat(depth));
        compared(&text).unwrap_or_else(|different| panic!("{depth}: {different}"));
    }
    let deep = format!("SELECT {}1{}", "(-".repeat(20_000), ")".repeat(20_000));
    assert!(parse(&deep).is_err() || parse(&deep) == Ok(None));
}

proptest! {
    /// Statements with characters lost, doubled and changed: all that C makes of them is read.
    #[test]
    fn broken_statements_are_read_or_refused(at in 0..STATEMENTS.len(), length in 0usize..4, with in "[ -~é\n]{0,3}") {
        let from = STATEMENTS.floor_char_boundary(at);
        let to = STATEMENTS.ceil_char_boundary((from + length).min(STATEMENTS.len()));
        let piece = STATEMENTS[..from].rfind(";\n").map_or(0, |end| end + 2);
        let end = STATEMENTS[to..].find(";\n").map_or(STATEMENTS.len(), |end| to + end);
        let text = format!("{}{with}{}", &STATEMENTS[piece..from], &STATEMENTS[to..end]);
        prop_assert_eq!(compared(&text), Ok(()));
    }
}

/// `GRAMMAR_CORPUS=FOLDER` holds both ways against each other over other people's SQL.
#[test]
#[ignore = "needs a folder of SQL"]
fn a_corpus_is_read_the_same() {
    let folder = env::var_os("GRAMMAR_CORPUS").expect("GRAMMAR_CORPUS names a folder");
    let mut tried = 0;
    let mut different = Vec::new();
    each_file(Path::new(&folder), &mut |text| {
        for piece in pieces(text).filter(|piece| !piece.contains('\0')) {
            tried += 1;
            different.extend(compared(piece).err());
        }
    });
    assert!(different.is_empty(), "{} of {tried}:\n{}", different.len(), different.join("\n\n"));
    println!("{tried} texts");
}

fn each_file(folder: &Path, look: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_file(&path, look);
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            look(&fs::read_to_string(path).unwrap_or_default());
        }
    }
}
