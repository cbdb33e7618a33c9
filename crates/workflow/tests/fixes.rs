//! Every fix that a rule's page leads to, on a real server: what is written comes to the same schema.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]
#![expect(clippy::print_stdout, reason = "what was tried is said")]

use switchback_engine::cancel::Cancel;
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_workflow::review::fix::{Fixed, How, fix};
use switchback_workflow::review::prove::prove_on;
use switchback_workflow::review::{File, Live, Options, rules};

/// The text of each block of a section, with the words behind its fence.
fn blocks(page: &str, section: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut here, mut open): (bool, Option<(String, String)>) = (false, None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => open = Some((words.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take().filter(|_| here)),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) if line.starts_with("## ") => here = line == format!("## {section}"),
            (None, None) => {}
        }
    }
    found
}

/// The files of a page's example: its schema, and what is bad.
fn files(schema: &[(String, String)], words: &str, bad: &str) -> Option<Vec<File>> {
    let plain =
        |words: &str| !["version=", "python", "one-query", "pending"].iter().any(|word| words.contains(word));
    if !plain(words) || bad.contains("-- file:") {
        return None;
    }
    let file =
        |path: &str, text: &str, applied| File { path: path.to_owned(), text: text.to_owned(), applied };
    let schema: String = schema.iter().map(|(_, text)| text.as_str()).collect();
    // Flyway begins the transaction; nobody does where no layout is seen.
    let path = if words.contains("wrapped") { "m/V2__b.sql" } else { "m/2_b.sql" };
    Some(vec![file("m/V1__a.sql", &schema, true), file(path, bad, false)])
}

/// What a server without the page's objects, or of this version, can't do says nothing of the fix.
fn is_of_the_example(said: &str) -> bool {
    let fixed_alone = ["differs in", "hold more", "V2.", "cannot run inside a transaction"];
    !fixed_alone.iter().any(|words| said.contains(words))
}

#[tokio::test]
async fn every_fix_of_a_page_comes_to_the_same_schema() {
    let scratch = Scratch::start(&ScratchOptions::default(), &Cancel::never()).await.unwrap();
    let (mut proven, mut rules_proven, mut not_run, mut wrong) = (0, 0, Vec::new(), Vec::new());
    for rule in rules() {
        let schema = blocks(rule.page, "Schema");
        let before = proven;
        for (words, bad) in blocks(rule.page, "Bad") {
            let Some(files) = files(&schema, &words, &bad) else { continue };
            let how =
                How { options: &Options::default(), live: &Live::default(), together: false, tool: None };
            let Fixed { files: after, done, .. } = fix(&files, &how);
            if done.is_empty() {
                continue;
            }
            match prove_on(&scratch, &files, &after, None).await {
                Ok(_) => proven += 1,
                Err(failure) if is_of_the_example(&failure.message) => {
                    not_run.push(format!("{}: {}", rule.name, failure.message))
                }
                Err(failure) => {
                    let texts: Vec<String> =
                        after.iter().skip(1).map(|file| format!("{}\n{}", file.path, file.text)).collect();
                    wrong.push(format!(
                        "{}: {}\n{bad}\n=>\n{}",
                        rule.name,
                        failure.message,
                        texts.join("\n")
                    ));
                }
            }
        }
        rules_proven += usize::from(proven > before);
    }
    println!(
        "{proven} examples of {rules_proven} rules proven, {} not run:\n{}",
        not_run.len(),
        not_run.join("\n")
    );
    scratch.stop().await.unwrap();
    assert!(wrong.is_empty(), "{} fixes are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(proven > 40, "only {proven} examples could be run");
}
