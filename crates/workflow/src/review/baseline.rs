//! The baseline: findings of old that a project knows of and leaves out, so that what is new stands alone.
//!
//! A finding is recognised by its rule, its file and the words of its statement, wherever in the file
//! that stands by now. One entry is for as many findings as it says: the same statement once more is new.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchback_model::{Failure, Finding, Result, code};
use switchback_review::Raw;
use switchback_review::secrets::Secrets;
use switchback_sql::{Kind, tokens};

use super::names::Names;

/// Where it is, when nothing else is said: beside the configuration.
pub const BASELINE: &str = "switchback-baseline.json";

/// The version of the files that are written.
const VERSION: u64 = 1;

/// A project's baseline, as it was read.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    path: PathBuf,
    entries: Vec<Entry>,
    /// The line of the file at which each entry stands.
    lines: Vec<usize>,
}

/// Findings of one rule about one text in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The rule's code.
    code: String,
    /// The rule's name, for people.
    rule: String,
    /// The file, from the configuration's folder.
    file: String,
    /// Of the statement's words.
    fingerprint: String,
    /// How many there are.
    count: usize,
}

/// Which finding it is: code, file, fingerprint.
type Identity = (String, String, String);

/// What it takes to recognise findings.
pub(super) struct Marks<'a> {
    pub(super) names: &'a Names,
    pub(super) sources: &'a BTreeMap<String, String>,
    pub(super) secrets: &'a Secrets,
    /// Where the lines of files begin that were asked for.
    pub(super) lines: RefCell<BTreeMap<String, Vec<usize>>>,
}

impl Baseline {
    /// Reads it; nothing where there is no file.
    ///
    /// # Errors
    /// [`code::CONFIG_INVALID`] with what is wrong.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, "it can't be read").because(&error)),
        };
        let entries = entries(&text, path)?;
        let places = text.lines().enumerate().filter(|(_, line)| line.contains("\"fingerprint\""));
        let lines = places.map(|(number, _)| number + 1).collect();
        Ok(Some(Self { path: path.to_owned(), entries, lines }))
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which findings stand in it, and which entries stand for one. Of findings that are the same, the
    /// first ones are of old.
    fn matched(&self, raw: &[Raw], marks: &Marks<'_>) -> (Vec<bool>, Vec<bool>) {
        let mut open: HashMap<Identity, (usize, usize)> = HashMap::new();
        for (number, entry) in self.entries.iter().enumerate() {
            let identity = (entry.code.clone(), entry.file.clone(), entry.fingerprint.clone());
            let (_, count) = open.entry(identity).or_insert((number, 0));
            *count = count.saturating_add(entry.count);
        }
        let mut used = vec![false; self.entries.len()];
        let known = raw.iter().map(|raw| {
            let entry = open.get_mut(&marks.identity(&raw.finding)).filter(|(_, count)| *count > 0);
            let Some((number, count)) = entry else { return false };
            *count -= 1;
            used[*number] = true;
            true
        });
        (known.collect(), used)
    }

    /// How many of the findings stand in it.
    pub(super) fn count(&self, raw: &[Raw], marks: &Marks<'_>) -> usize {
        self.matched(raw, marks).0.into_iter().filter(|known| *known).count()
    }

    /// Takes out what stands in it; how many that were, and the entries about files that `judged` names,
    /// of which nothing is left: each with its line and in words.
    pub(super) fn take_out(
        &self,
        raw: &mut Vec<Raw>,
        marks: &Marks<'_>,
        judged: impl Fn(&str) -> bool,
    ) -> (usize, Vec<(usize, String)>) {
        let (known, used) = self.matched(raw, marks);
        let mut each = known.iter();
        raw.retain(|_| !each.next().copied().unwrap_or_default());
        let stale = self.entries.iter().zip(&used).enumerate();
        let stale = stale.filter(|(_, (entry, used))| !**used && judged(&entry.file));
        let told = stale.map(|(number, (entry, _))| {
            let line = self.lines.get(number).copied().unwrap_or(1);
            (line, format!("`{}` in {}", entry.rule, entry.file))
        });
        (known.iter().filter(|known| **known).count(), told.collect())
    }

    /// What findings make of it: those of the files that were read, and the entries that it has of others
    /// that `keep` names.
    pub(super) fn renewed(
        &self,
        path: &Path,
        raw: &[Raw],
        marks: &Marks<'_>,
        keep: impl Fn(&str) -> bool,
    ) -> Self {
        let mut counts: BTreeMap<(String, String, String, String), usize> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| keep(&entry.file)) {
            let Entry { code, rule, file, fingerprint, count } = entry.clone();
            *counts.entry((file, code, rule, fingerprint)).or_default() += count;
        }
        for raw in raw {
            let (code, file, fingerprint) = marks.identity(&raw.finding);
            *counts.entry((file, code, raw.finding.rule.to_string(), fingerprint)).or_default() += 1;
        }
        let each = counts.into_iter();
        let entries = each.map(|((file, code, rule, fingerprint), count)| Entry {
            code,
            rule,
            file,
            fingerprint,
            count,
        });
        Self { path: path.to_owned(), entries: entries.collect(), lines: Vec::new() }
    }

    /// How many findings it is about, in how many files.
    pub fn size(&self) -> (usize, usize) {
        let files: BTreeSet<&str> = self.entries.iter().map(|entry| entry.file.as_str()).collect();
        (self.entries.iter().map(|entry| entry.count).sum(), files.len())
    }

    /// Writes it. The file is whole when this returns, or as it was.
    ///
    /// # Errors
    /// [`code::USAGE`] where it can't be written.
    pub fn write(&self) -> Result<()> {
        let part = self.path.with_extension("json.part");
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &self.path)?;
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        })();
        written.map_err(|error: std::io::Error| {
            // It may not be there at all.
            let _cleared = std::fs::remove_file(&part);
            Failure::new(code::USAGE, format!("{} can't be written", self.path.display()))
                .because(&error)
                .changed("the baseline is as it was")
                .hint(format!(
                    "look at the folder's owner and mode: ls -ld {}",
                    folder.unwrap_or(Path::new(".")).display()
                ))
        })
    }

    /// An entry a line, in order: what changes in it is seen in a diff.
    fn text(&self) -> String {
        let lines: Vec<String> = self.entries.iter().map(|entry| format!("    {}", one(entry))).collect();
        let list = if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n  ]", lines.join(",\n")) };
        format!("{{\n  \"version\": {VERSION},\n  \"findings\": {list}\n}}\n")
    }
}

fn one(entry: &Entry) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let Entry { code, rule, file, fingerprint, count } = entry;
    format!(
        "{{\"file\": {}, \"code\": {}, \"rule\": {}, \"fingerprint\": {}, \"count\": {count}}}",
        text(file),
        text(code),
        text(rule),
        text(fingerprint)
    )
}

fn entries(text: &str, path: &Path) -> Result<Vec<Entry>> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| unusable(path, "it is no JSON, or not all of it is there").because(&error))?;
    let version = value["version"].as_u64().ok_or_else(|| unusable(path, "it has no `version`"))?;
    if version > VERSION {
        let why = format!("it has version {version}, and this program reads {VERSION}");
        return Err(unusable(path, &why).hint("use the version of Switchback that wrote it, or a newer one"));
    }
    let findings = value["findings"].as_array().ok_or_else(|| unusable(path, "it has no list `findings`"))?;
    let entry = |(number, value): (usize, &Value)| {
        serde_json::from_value(value.clone())
            .map_err(|error| unusable(path, &format!("entry {} can't be read", number + 1)).because(&error))
    };
    findings.iter().enumerate().map(entry).collect()
}

fn unusable(path: &Path, why: &str) -> Failure {
    Failure::new(code::CONFIG_INVALID, format!("the baseline {} can't be used: {why}", path.display()))
        .changed("nothing was reviewed")
        .hint("bring it back from the repository, or write it anew: switchback review --write-baseline")
}

impl Marks<'_> {
    fn identity(&self, finding: &Finding) -> Identity {
        let text = self.text(finding);
        // A password's digest could be tried out by whoever reads the file.
        let python = Path::new(&*finding.file).extension().is_some_and(|end| end == "py");
        let words = words(&self.secrets.hide(text), python);
        let fingerprint = hex::encode(&Sha256::digest(words)[..12]);
        (finding.code.to_string(), self.names.of(&finding.file), fingerprint)
    }

    /// The statement; the lines that it is about, where it is of none; nothing, where it is about the file.
    fn text<'f>(&'f self, finding: &'f Finding) -> &'f str {
        if !finding.statement.is_empty() {
            return &finding.statement;
        }
        let whole = (finding.line, finding.column) == (finding.end_line, finding.end_column);
        let Some(source) = self.sources.get(&*finding.file).filter(|_| !whole) else { return "" };
        let mut lines = self.lines.borrow_mut();
        let starts = lines.entry(finding.file.to_string()).or_insert_with(|| starts(source));
        let start = |line: usize| starts.get(line - 1).copied().unwrap_or(source.len());
        &source[start(finding.line)..start(finding.end_line + 1)]
    }
}

fn starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The words of a statement, whatever is between them and whatever their case is, where that means nothing.
fn words(text: &str, python: bool) -> String {
    if python {
        return python_words(text);
    }
    let kept = tokens(text).filter(|token| !token.is_comment());
    let words: Vec<String> = kept
        .map(|token| match token.kind {
            Kind::Word => token.of(text).to_lowercase(),
            _ => token.of(text).to_owned(),
        })
        .collect();
    words.join(" ")
}

/// Without comments and white space outside of texts.
fn python_words(text: &str) -> String {
    let (mut out, mut quote, mut chars) = (String::new(), None, text.chars());
    while let Some(c) = chars.next() {
        match quote {
            Some(open) => {
                out.push(c);
                if c == '\\' {
                    out.extend(chars.next());
                } else if c == open {
                    quote = None;
                }
            }
            None if c == '#' => {
                chars.by_ref().find(|c| *c == '\n');
            }
            None if c.is_whitespace() => {}
            None => {
                quote = Some(c).filter(|c| "'\"".contains(*c));
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_comments_and_case_are_no_words() {
        let same = [
            "alter table a\n  drop column b",
            "ALTER TABLE a DROP COLUMN b",
            "alter /* why */ table a -- not\n drop column B",
        ];
        for text in same {
            assert_eq!(words(text, false), words(same[0], false), "{text}");
        }
        for other in ["alter table a drop column \"B\"", "alter table a drop column c", "select 'A'"] {
            assert_ne!(words(other, false), words(same[0], false), "{other}");
        }
        assert_ne!(words("select 'A'", false), words("select 'a'", false));
    }

    #[test]
    fn operations_of_python_are_the_same_in_any_layout() {
        let same = ["op.drop_column('a', 'b # c')", "op.drop_column(\n    'a',  # the table\n    'b # c')"];
        assert_eq!(words(same[0], true), words(same[1], true));
        assert_ne!(words("f('a b')", true), words("f('ab')", true));
    }

    #[test]
    fn a_file_that_can_not_be_used_says_why() {
        let path = Path::new("b.json");
        for (text, why) in [
            ("", "no JSON"),
            ("{\"version\": 1, \"findings\": [", "no JSON"),
            ("[]", "no `version`"),
            ("{\"version\": 2, \"findings\": []}", "it has version 2, and this program reads 1"),
            ("{\"version\": 1}", "no list `findings`"),
            ("{\"version\": 1, \"findings\": [{\"code\": \"SR0501\"}]}", "entry 1 can't be read"),
        ] {
            let failure = entries(text, path).unwrap_err();
            assert_eq!(failure.code, code::CONFIG_INVALID);
            assert!(failure.message.contains(why), "{text}: {}", failure.message);
        }
    }
}
