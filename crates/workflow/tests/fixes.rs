//! Every fix that a rule's page leads to, on a real server: what is written comes to the same schema.

#![expect(clippy::disallowed_methods, reason = "how much is tried is told by the environment")]
#![expect(clippy::print_stdout, reason = "what was tried is said")]

use switchback_engine::cancel::Cancel;
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_workflow::review::fix::{Fixed, How, fix};
use switchback_workflow::review::prove::prove_on;
use switchback_workflow::review::{File, Known, Live, Options, rules};

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

/// What is bad on a page, and what is written in its place.
struct Example {
    rule: &'static str,
    bad: String,
    files: Vec<File>,
    after: Vec<File>,
}

fn examples() -> Vec<Example> {
    let (options, live, known) = (Options::default(), Live::default(), Known::default());
    let how = How { options: &options, live: &live, together: false, tool: None, known: &known };
    let mut examples = Vec::new();
    for rule in rules() {
        let schema = blocks(rule.page, "Schema");
        for (words, bad) in blocks(rule.page, "Bad") {
            let Some(files) = files(&schema, &words, &bad) else { continue };
            let Fixed { files: after, done, .. } = fix(&files, &how);
            if !done.is_empty() {
                examples.push(Example { rule: rule.name, bad, files, after });
            }
        }
    }
    examples
}

/// What a server without the page's objects, or of this version, can't do says nothing of the fix.
fn is_of_the_example(said: &str) -> bool {
    let fixed_alone = ["differs in", "hold more", "V2.", "inside a transaction"];
    !fixed_alone.iter().any(|words| said.contains(words))
}

/// How many of the examples are tried: all of them take minutes. `SWITCHBACK_CASES=1000` is all.
fn wanted() -> usize {
    std::env::var("SWITCHBACK_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

/// Some examples by the seed that is printed, each rule's as likely as another's.
fn sample(all: usize) -> impl Fn(usize) -> bool {
    let seed = std::env::var("SWITCHBACK_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: usize = seed.unwrap_or_else(|| std::process::id() as usize);
    println!("SWITCHBACK_SEED={seed}");
    let every = (all / wanted().max(1)).max(1);
    move |number| (number + seed).is_multiple_of(every)
}

#[tokio::test]
async fn every_fix_of_a_page_comes_to_the_same_schema() {
    let scratch = Scratch::start(&ScratchOptions::default(), &Cancel::never()).await.unwrap();
    let (mut proven, mut not_run, mut wrong) = (0, Vec::new(), Vec::new());
    let examples = examples();
    let is_wanted = sample(examples.len());
    for (_, example) in examples.iter().enumerate().filter(|(number, _)| is_wanted(*number)) {
        let Example { rule, bad, files, after } = example;
        match prove_on(&scratch, files, after, None).await {
            Ok(_) => proven += 1,
            Err(failure) if is_of_the_example(&failure.message) => {
                not_run.push(format!("{rule}: {}", failure.message));
            }
            Err(failure) => {
                let texts = after.iter().skip(1).map(|file| format!("{}\n{}", file.path, file.text));
                let texts = texts.collect::<Vec<_>>().join("\n");
                wrong.push(format!("{rule}: {}\n{bad}\n=>\n{texts}", failure.message));
            }
        }
    }
    println!(
        "{proven} of {} examples proven, {} not run:\n{}",
        examples.len(),
        not_run.len(),
        not_run.join("\n")
    );
    scratch.stop().await.unwrap();
    assert!(wrong.is_empty(), "{} fixes are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(proven > not_run.len(), "only {proven} examples could be run");
}
