//! Every rule: one file, one page, one line in [`RULES`].

use crate::finding::{Facts, Finding, Script};

mod names_database;

/// Every rule, by name.
pub const RULES: &[&dyn Rule] = &[&names_database::NamesDatabase];

/// A rule.
pub trait Rule: Sync {
    /// Its name, which is its file's.
    fn name(&self) -> &'static str;

    /// Its page, in Markdown. Its blocks of code below `## Bad` and `## Good` are its tests; they
    /// are read as scripts for a database `ada`.
    fn page(&self) -> &'static str;

    /// What it finds in a script.
    fn check(&self, script: &Script<'_>, facts: &Facts<'_>) -> Vec<Finding>;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        let names = RULES.iter().flat_map(|rule| ["rs", "md"].map(|end| format!("{}.{end}", rule.name())));
        let expected: BTreeSet<String> = names.chain(["mod.rs".to_owned()]).collect();
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(files, expected);
    }

    #[test]
    fn every_page_is_true() {
        for rule in RULES {
            let (good, bad) = (blocks(rule.page(), "Good"), blocks(rule.page(), "Bad"));
            assert!(!good.is_empty() && !bad.is_empty(), "{} has no examples", rule.name());
            for (path, text) in &bad {
                assert_eq!(found(*rule, path, text), 1, "{} is silent on:\n{text}", rule.name());
            }
            for (path, text) in &good {
                assert_eq!(found(*rule, path, text), 0, "{} fires on:\n{text}", rule.name());
            }
        }
    }

    fn found(rule: &dyn Rule, path: &str, text: &str) -> usize {
        rule.check(&Script { path, text }, &Facts { database: "ada" }).len()
    }

    /// The blocks of code of a section, with a path by their language.
    fn blocks(page: &str, section: &str) -> Vec<(&'static str, String)> {
        let (mut blocks, mut inside, mut open) = (Vec::new(), false, None);
        for line in page.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => open = Some((language == "python", String::new())),
                (Some(_), Some(_)) => {
                    let (python, text) = open.take().unwrap();
                    if inside {
                        blocks.push((if python { "a.py" } else { "a.sql" }, text));
                    }
                }
                (Some((_, text)), None) => text.extend([line, "\n"]),
                (None, None) if line.starts_with("## ") => inside = line == format!("## {section}"),
                (None, None) => {}
            }
        }
        blocks
    }
}
