//! Every rule is registered, every page is true.

use std::collections::{BTreeMap, BTreeSet};

use switchback_sql::schema::{Born, Schema};

use super::{GROUPS, all, find};
use crate::rule::Rule;
use crate::{Direction, Live, Options, Script};

#[test]
fn every_file_is_registered() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
    let listed: BTreeSet<String> = all().map(|rule| rule.name.replace('-', "_")).collect();
    let mut pages = BTreeSet::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                pages.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(pages, listed, "pages, and rules in the registries");
}

#[test]
fn codes_and_names_are_given_once() {
    let (mut codes, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (group, rules) in GROUPS.iter().enumerate() {
        for rule in *rules {
            assert!(codes.insert(rule.code), "{} twice", rule.code);
            assert!(names.insert(rule.name), "{} twice", rule.name);
            let number = rule.code.strip_prefix(&format!("SR{:02}", group + 1));
            assert!(
                number.is_some_and(|number| number.len() == 2),
                "{} is not of the group {}",
                rule.code,
                group + 1
            );
            assert!(rule.page.starts_with(&format!("# {}\n", rule.name)), "the page of {}", rule.name);
            assert_eq!(find(rule.code).unwrap().name, rule.name);
        }
    }
}

/// `## Bad` fires, `## Good` and `## Fixed` are silent. A block may begin with settings in its first
/// line (```` ```sql version=18 wrapped pending ````); a comment `-- file: NAME` begins another file;
/// `## Schema` stands before all of them, as scripts that were applied long ago; `## Facts` is what is
/// known of the target, as JSON, but for blocks that say `healthy`; a file `*.applied.*` is applied; `## Catalog` is what its own catalog
/// tells, and then `## Schema` is only what the files tell.
#[test]
fn every_page_is_true() {
    let mut wrong = Vec::new();
    for rule in all() {
        let page = Page::read(rule.page);
        let (bad, good) = (page.blocks("Bad"), page.blocks("Good"));
        if bad.is_empty() || good.is_empty() {
            wrong.push(format!("{} has no examples", rule.name));
        }
        for block in bad {
            if found(rule, &page, block) == 0 {
                wrong.push(format!("{} is silent on:\n{}", rule.name, block.text));
            }
        }
        for block in good.iter().chain(page.blocks("Fixed")) {
            if found(rule, &page, block) > 0 {
                wrong.push(format!("{} fires on:\n{}", rule.name, block.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} pages are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn found(rule: &Rule, page: &Page, block: &Block) -> usize {
    let findings = page.review(rule, block);
    findings.iter().filter(|finding| finding.rule == rule.name).count()
}

/// What is fixed is silent for the rule that fixed it, and the server understands it.
#[test]
fn every_fix_is_silent() {
    let mut wrong = Vec::new();
    for rule in all().filter(|rule| is_whole(rule)) {
        let page = Page::read(rule.page);
        for block in page.blocks("Bad") {
            let findings = page.review(rule, block);
            let own = findings.iter().filter(|finding| finding.rule == rule.name);
            let fixed: Vec<_> =
                own.filter_map(|finding| Some((&finding.statement, finding.fix.as_ref()?))).collect();
            let mut text = block.text.clone();
            for word in ["BEGIN;", "START TRANSACTION;", "COMMIT;", "END;"] {
                text = text.lines().filter(|line| *line != word).collect::<Vec<_>>().join("\n");
            }
            for (statement, fix) in &fixed {
                text = text.replacen(&***statement, fix.sql.trim_end_matches(';'), 1);
            }
            let settings = block.settings.iter().filter(|word| word.starts_with("version=")).cloned();
            let after = Block { settings: settings.collect(), text };
            let all_fixed =
                fixed.len() == page.review(rule, block).iter().filter(|f| f.rule == rule.name).count();
            if !fixed.is_empty() && all_fixed && found(rule, &page, &after) > 0 {
                wrong.push(format!("{} fires on its own fix:\n{}", rule.name, after.text));
            }
            wrong.extend(mistakes(&after).into_iter().map(|mistake| format!("{}: {mistake}", rule.name)));
        }
    }
    assert!(wrong.is_empty(), "{} fixes are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Every block is SQL: one that the server would not understand is silent for nothing.
#[test]
fn every_block_is_sql() {
    let mut wrong = Vec::new();
    for rule in all().filter(|rule| is_whole(rule)) {
        let page = Page::read(rule.page);
        let blocks = ["Schema", "Bad", "Good", "Fixed"].into_iter().flat_map(|section| page.blocks(section));
        for block in blocks {
            wrong.extend(mistakes(block).into_iter().map(|mistake| format!("{}: {mistake}", rule.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The groups whose pages are held to that already.
fn is_whole(rule: &Rule) -> bool {
    rule.code < "SR05" || rule.code.starts_with("SR08") || rule.code.starts_with("SR09")
}

fn mistakes(block: &Block) -> Vec<String> {
    let reads = crate::cx::read_script(&Script::new("it.sql", &block.text));
    let wrong = reads.into_iter().filter_map(|read| match read.what {
        crate::cx::What::Mistake(mistake) => {
            Some(format!("{}\n{}", mistake.message, &block.text[read.range]))
        }
        _ => None,
    });
    wrong.collect()
}

/// A page, cut into its blocks of code.
struct Page {
    sections: BTreeMap<String, Vec<Block>>,
}

/// A block of code.
struct Block {
    settings: Vec<String>,
    text: String,
}

impl Page {
    fn read(page: &str) -> Self {
        let mut sections: BTreeMap<String, Vec<Block>> = BTreeMap::new();
        let (mut section, mut open) = (String::new(), None);
        for line in page.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(settings)) => {
                    let settings = settings.split_whitespace().map(str::to_owned).collect();
                    open = Some(Block { settings, text: String::new() });
                }
                (Some(_), Some(_)) => sections.entry(section.clone()).or_default().extend(open.take()),
                (Some(block), None) => block.text.extend([line, "\n"]),
                (None, None) => {
                    if let Some(title) = line.strip_prefix("## ") {
                        section = title.to_owned();
                    }
                }
            }
        }
        Self { sections }
    }

    fn blocks(&self, section: &str) -> &[Block] {
        self.sections.get(section).map_or(&[], Vec::as_slice)
    }

    fn review(&self, rule: &Rule, block: &Block) -> Vec<crate::Finding> {
        let healthy = block.settings.iter().any(|setting| setting == "healthy");
        let facts = self.blocks("Facts").first().filter(|_| !healthy).map_or("{}", |facts| &facts.text);
        let mut live: Live = serde_json::from_str(facts).unwrap();
        live.schema = self.blocks("Catalog").first().map(|catalog| catalog_of(&catalog.text));
        let mut options = Options { all: true, database: "ada".into(), ..Options::default() };
        options.required_columns = vec!["created_at".into()];
        options.naming.insert("table".into(), vec!["*s".into()]);
        let schema: Vec<(String, String)> = self
            .blocks("Schema")
            .iter()
            .enumerate()
            .map(|(number, block)| (format!("0000_{number}.sql"), block.text.clone()))
            .collect();
        let files = files(block);
        for setting in &block.settings {
            if let Some(version) = setting.strip_prefix("version=") {
                options.version = version.parse().unwrap();
            }
            if setting == "pending" {
                options.pending_from = Some(schema.len());
            }
        }
        let has = |word: &str| block.settings.iter().any(|setting| setting == word);
        let before = schema.iter().map(|(path, text)| Script { applied: true, ..Script::new(path, text) });
        let asked = files.iter().map(|(path, text)| Script {
            wrapped: has("wrapped"),
            one_query: has("one-query"),
            applied: path.contains(".applied."),
            direction: if path.contains(".down.") { Direction::Down } else { Direction::Up },
            revision: path.split(['_', '.']).next().unwrap_or_default(),
            ..Script::new(path, text)
        });
        let scripts: Vec<Script<'_>> = before.chain(asked).collect();
        let findings = crate::review(&scripts, &options, &live).findings;
        assert!(!findings.iter().any(|finding| finding.message.is_empty()), "{}", rule.name);
        for finding in findings.iter().filter(|finding| finding.rule == rule.name) {
            let says = !finding.help.is_empty() || finding.fix.is_some();
            assert!(says && !finding.why.is_empty(), "{} has no help: {}", rule.name, finding.message);
            assert!(
                !finding.message.ends_with('.') && !finding.why.ends_with('.'),
                "{}: a period",
                rule.name
            );
        }
        findings
    }
}

/// What the target has after these statements.
fn catalog_of(text: &str) -> Schema {
    let mut schema = Schema::new();
    for read in crate::cx::read_script(&Script::new("catalog.sql", text)) {
        schema.apply(read.stmt().unwrap(), Born { script: 0, statement: 0 });
    }
    schema.set_found();
    schema
}

/// The files of a block; one without a name is `0001_it.sql`, or `.py`.
fn files(block: &Block) -> Vec<(String, String)> {
    let end = if block.settings.iter().any(|setting| setting == "python") { "py" } else { "sql" };
    let mut files = vec![(format!("0001_it.{end}"), String::new())];
    for line in block.text.lines() {
        if let Some(name) = line.strip_prefix("-- file: ") {
            files.push((name.trim().to_owned(), String::new()));
            continue;
        }
        files.last_mut().unwrap().1.extend([line, "\n"]);
    }
    let named = files.len() > 1;
    files.into_iter().skip(usize::from(named)).collect()
}
