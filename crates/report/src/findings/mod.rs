//! What a review found, in every form that people and other programs read: one file a form, one line
//! of [`FORMATS`] each.
//!
//! Migrations are texts of somebody else. Nothing of them gets to a terminal, a page or a log but
//! through `text::clean` or an escape: a comment in a script must not paint the screen, end a cell,
//! or speak to the program that reads our output.

mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod parts;
mod sarif;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use switchback_model::Severity;
use switchback_model::finding::Findings;

use crate::theme::Theme;

/// What a review came to, and what it takes to show it.
#[derive(Clone, Copy)]
pub struct Reviewed<'a> {
    /// The findings, by file, line and column.
    pub findings: &'a Findings,
    /// Every file that was read. Only JUnit needs it, to name those in which nothing was found.
    pub files: &'a [String],
    /// The texts of the files.
    pub sources: &'a dyn Sources,
    /// The rules, by any order. Only SARIF carries them, and only those that found something.
    pub rules: &'a [Rule<'a>],
    /// What the findings' columns count.
    pub columns: Columns,
    /// What the terminal can show. Only the text depends on it.
    pub theme: Theme,
    /// How wide the terminal is. Only the text depends on it.
    pub width: usize,
}

/// The texts of the files that were reviewed.
pub trait Sources {
    /// The text of a file, by the path that findings have. Where there is none, what needs it (the
    /// line under a finding, a replacement in SARIF) is left out.
    fn text(&self, path: &str) -> Option<Cow<'_, str>>;
}

impl Sources for BTreeMap<String, String> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.get(path).map(|text| Cow::Borrowed(text.as_str()))
    }
}

/// What is known of a rule besides its findings.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// `SR0101`.
    pub code: &'a str,
    /// `add-fk-validated`.
    pub name: &'a str,
    /// What it is about, in a sentence.
    pub title: &'a str,
    /// Its page, in Markdown.
    pub page: &'a str,
    /// How much its findings weigh, where nothing else was said.
    pub severity: Severity,
}

/// What a column counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// Characters: what Unicode calls code points.
    #[default]
    Characters,
    /// Units of UTF-16, as editors' protocols count.
    Utf16,
}

impl Columns {
    /// How many columns a text takes.
    fn of(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
        }
    }
}

/// A form of the findings, by the name that `--format` takes.
pub struct Format {
    /// `text`, `sarif`, …
    pub name: &'static str,
    /// Who reads it.
    pub about: &'static str,
    /// Writes it, up to its last line end.
    pub write: fn(&Reviewed<'_>, &mut dyn io::Write) -> io::Result<()>,
}

/// Every form; the first one is what people get who ask for nothing.
pub const FORMATS: &[Format] = &[
    Format { name: "text", about: "people, on a terminal", write: text::write },
    Format { name: "json", about: "scripts", write: json::write },
    Format { name: "sarif", about: "code scanning, as SARIF 2.1.0", write: sarif::write },
    Format { name: "github", about: "annotations of a GitHub workflow", write: github::write },
    Format { name: "gitlab", about: "GitLab's code quality reports", write: gitlab::write },
    Format { name: "markdown", about: "a comment on a pull request", write: markdown::write },
    Format { name: "junit", about: "whatever shows test results", write: junit::write },
];

/// The form of this name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// The findings in this form as one text. What may be long is better written by [`Format::write`],
/// which does not hold it in memory.
pub fn write(format: &Format, reviewed: &Reviewed<'_>) -> String {
    let mut out = Vec::new();
    // A `Vec` takes everything in, and what we write is UTF-8.
    let _always_works = (format.write)(reviewed, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::parts::testing::{Sample, hostile};
    use super::*;

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/findings");
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = file.strip_suffix(".rs").filter(|name| *name != "mod") else { continue };
            assert!(format(name).is_some(), "{file} is no form of the table");
            files += 1;
        }
        assert_eq!(files, FORMATS.len());
        assert!(format("yaml").is_none());
    }

    #[test]
    fn every_form_is_in_the_guide() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/review-in-ci.md");
        let page = std::fs::read_to_string(page).unwrap();
        for format in FORMATS {
            assert!(
                page.contains(&format!("\n| `{}` |", format.name)),
                "{} is not in the guide",
                format.name
            );
        }
    }

    /// Control characters, escape sequences and marks of direction stand in every text of the
    /// finding. In JSON they may be written as escapes, and only so.
    #[test]
    fn nothing_of_a_script_reaches_the_terminal_as_it_is() {
        let sample = hostile();
        for format in FORMATS {
            let out = write(format, &sample.reviewed());
            let raw = out.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(raw, None, "{}: {out}", format.name);
            assert!(out.contains("SR0666") && out.contains("🐘"), "{}: {out}", format.name);
        }
    }

    /// GitLab's report is a list of findings and nothing else; there the command says it.
    #[test]
    fn what_was_left_out_is_said() {
        for format in FORMATS.iter().filter(|format| format.name != "gitlab") {
            for mut sample in [Sample::some(), Sample::nothing(2)] {
                let before = write(format, &sample.reviewed());
                (sample.findings.summary.baseline, sample.findings.summary.allowed) = (4711, 815);
                let text = write(format, &sample.reviewed());
                for wanted in ["4711", "815"] {
                    assert!(text.contains(wanted), "{}: no {wanted} in\n{text}", format.name);
                    assert!(!before.contains(wanted), "{}", format.name);
                }
            }
        }
    }

    #[test]
    fn every_form_ends_with_its_line_and_lives_without_sources_rules_and_findings() {
        for format in FORMATS {
            let mut sample = Sample::some();
            assert!(write(format, &sample.reviewed()).ends_with('\n'), "{}", format.name);
            sample.sources.clear();
            let bare = write(format, &Reviewed { rules: &[], files: &[], ..sample.reviewed() });
            assert!(bare.contains("SR0101") && bare.ends_with('\n'), "{}: {bare}", format.name);
            let none = write(format, &Sample::nothing(2).reviewed());
            assert!(none.ends_with('\n') && !none.contains("SR0"), "{}: {none}", format.name);
        }
    }

    /// A file with one statement a line, and a finding in each; once more with all in one line.
    #[test]
    fn places_are_found_in_one_walk_through_the_file() {
        for end in ["\n", " "] {
            let sample = Sample::many(10_000, end);
            for format in ["text", "sarif"].map(|name| format(name).unwrap()) {
                let start = std::time::Instant::now();
                (format.write)(&sample.reviewed(), &mut io::sink()).unwrap();
                // Some seconds in a debug build; a walk from the beginning to each finding takes
                // minutes.
                assert!(start.elapsed().as_secs() < 30, "{}: {:?}", format.name, start.elapsed());
            }
        }
    }
}
