//! What some rules call refused, the server refuses: their pages' examples, on a real one.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;

use switchback_review::find;
use switchback_sql::{PieceKind, split};
use switchback_testkit::cluster;

/// Rules that say that a statement fails, with what the server says to it.
const RULES: &[(&str, &str)] = &[
    ("fk-without-key", "for referenced table"),
    ("refresh-matview-without-key", "concurrently"),
    ("drop-blocked", "because other objects depend on it"),
    ("enum-value-used-in-transaction", "unsafe use of new value"),
];

/// The words behind a block's fence, and its text.
type Block<'a> = (&'a str, String);

/// The blocks of a page by their sections.
fn blocks(page: &str) -> BTreeMap<&str, Vec<Block<'_>>> {
    let mut found: BTreeMap<&str, Vec<Block<'_>>> = BTreeMap::new();
    let (mut section, mut open): (&str, Option<Block<'_>>) = ("", None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => open = Some((words, String::new())),
            (Some(_), Some(_)) => found.entry(section).or_default().extend(open.take()),
            (Some((_, text)), None) => text.extend([line, "\n"]),
            (None, None) => section = line.strip_prefix("## ").unwrap_or(section),
        }
    }
    found
}

/// Runs statement after statement in a database of its own; gives what the server says to the first that it
/// refuses.
async fn run(schema: &str, words: &str, text: &str) -> Option<String> {
    let database = cluster().await.database("refused").await;
    let session = database.session().await;
    session.batch(&format!("set search_path = public; {schema}")).await.unwrap();
    let wrapped = words.contains("wrapped");
    let pieces = split(text).filter(|piece| piece.kind == PieceKind::Statement);
    let texts = pieces.map(|piece| piece.text(text));
    let texts = wrapped.then_some("BEGIN").into_iter().chain(texts).chain(wrapped.then_some("COMMIT"));
    for text in texts {
        if let Err(failure) = session.batch(text).await {
            return Some(format!("{}: {text}", failure.message));
        }
    }
    None
}

#[tokio::test]
async fn the_server_refuses_what_a_page_calls_refused_and_nothing_else() {
    let major = cluster().await.major();
    let is_for = |words: &str| match words.split_once("version=") {
        Some((_, version)) => version.split(' ').next() == Some(&major.to_string()),
        None => major == 15,
    };
    let mut wrong = Vec::new();
    for (rule, says) in RULES {
        let page = blocks(find(rule).unwrap().page);
        let schema: String = page["Schema"].iter().map(|(_, text)| text.as_str()).collect();
        for (section, refused) in [("Bad", true), ("Good", false)] {
            for (words, text) in page[section].iter().filter(|(words, _)| is_for(words)) {
                let said = run(&schema, words, text).await;
                let is_refused = said.as_ref().is_some_and(|said| said.contains(says));
                if said.is_some() != refused || is_refused != refused {
                    wrong.push(format!("{rule}, {section}:\n{text}=> {said:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}
