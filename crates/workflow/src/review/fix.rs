//! Writes the fixes of findings into the scripts: one after the other, each only where a review of what
//! comes out says that it is better.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use switchback_model::config::Tool;
use switchback_model::{Failure, Result, Severity, code};
use switchback_review::fix::{Back, Target, Written, ways};
use switchback_review::layout::Part;
use switchback_review::{Direction, Live, Options, Raw};

use super::{File, Known, cut, files, review};
use crate::services::files::write_whole;

/// What came of fixing.
#[derive(Debug, Default)]
pub struct Fixed {
    /// All files as they would be, in the order in which they run.
    pub files: Vec<File>,
    /// What would be written: files that change, and new ones.
    pub written: Vec<Written>,
    /// What was fixed.
    pub done: Vec<Done>,
    /// What has a fix that is not written, and why.
    pub left: Vec<(Done, String)>,
}

/// One finding, and its fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The rule.
    pub rule: String,
    /// The file.
    pub file: String,
    /// The line at which the statement stood in its file, as that was then.
    pub line: usize,
    /// What the fix does, as an imperative without a period.
    pub title: String,
}

/// How a review is made.
pub struct How<'a> {
    /// Its options.
    pub options: &'a Options,
    /// What the target says of itself.
    pub live: &'a Live,
    /// The files are one deploy.
    pub together: bool,
    /// Who runs them.
    pub tool: Option<Tool>,
    /// What the project knows of, which stays as it is.
    pub known: &'a Known,
}

impl How<'_> {
    fn review(&self, files: &[File]) -> Vec<Raw> {
        let mut raw = review(files, self.options.clone(), self.live, self.together, self.tool);
        self.known.forget(&mut raw, files, self.options);
        raw
    }
}

/// Fixes what is likely to hurt, on the way up, as far as it has a fix.
pub fn fix(start: &[File], how: &How<'_>) -> Fixed {
    let mut fixed = Fixed { files: start.to_vec(), ..Fixed::default() };
    let (mut beside, mut tried) = (BTreeMap::new(), BTreeSet::new());
    let mut raw = how.review(&fixed.files);
    while let Some(next) = raw.iter().find(|raw| wanted(raw) && !tried.contains(&key(raw))).cloned() {
        tried.insert(key(&next));
        let done = done(&next);
        match attempt(&fixed.files, &raw, &next, how) {
            Ok((files, others, again)) => {
                (fixed.files, raw) = (files, again);
                beside.extend(others.into_iter().map(|written| (written.path.clone(), written)));
                fixed.done.push(done);
            }
            Err(reason) => fixed.left.push((done, reason)),
        }
    }
    let before: BTreeMap<&str, &str> =
        start.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let differs = |file: &&File| before.get(file.path.as_str()).is_none_or(|text| *text != file.text);
    let changed = fixed.files.iter().filter(differs);
    fixed.written =
        changed.map(|file| Written { path: file.path.clone(), text: file.text.clone() }).collect();
    fixed.written.extend(beside.into_values());
    fixed
}

fn wanted(raw: &Raw) -> bool {
    let fix = raw.finding.fix.as_ref().filter(|fix| !fix.changes_result);
    raw.finding.severity >= Severity::Warning && fix.is_some() && raw.statement.is_some()
}

/// A finding, wherever its statement moves.
fn key(raw: &Raw) -> (Cow<'static, str>, Arc<str>) {
    (raw.finding.rule.clone(), Arc::clone(&raw.finding.statement))
}

fn done(raw: &Raw) -> Done {
    let finding = &raw.finding;
    let title = finding.fix.as_ref().map(|fix| fix.title.clone()).unwrap_or_default();
    Done { rule: finding.rule.to_string(), file: finding.file.to_string(), line: finding.line, title }
}

type Attempt = (Vec<File>, Vec<Written>, Vec<Raw>);

fn attempt(files: &[File], raw: &[Raw], next: &Raw, how: &How<'_>) -> std::result::Result<Attempt, String> {
    let (Some(fix), Some(number)) = (&next.finding.fix, next.statement) else {
        return Err("it has no fix".to_owned());
    };
    let cut: Vec<Vec<Part>> = files.iter().map(|file| cut(file, how.tool)).collect();
    let (index, part) = script(&cut, next.script).ok_or("its script is not there any more")?;
    if part.direction == Direction::Down {
        return Err("it is on the way down: only ways up are fixed".to_owned());
    }
    let file = &files[index];
    // Also what runs later, which a review does not read.
    let beside = files::beside(&file.path).map_err(|failure| failure.message)?;
    let others: Vec<&str> =
        files.iter().map(|file| file.path.as_str()).chain(beside.iter().map(String::as_str)).collect();
    let back = back(files, &cut, index, part);
    let target = Target { path: &file.path, text: &file.text, part, back, others: &others };
    let mut reason = "it can't be written".to_owned();
    for way in ways(&target, number, fix) {
        match way.and_then(|written| judged(files, raw, next, written, how)) {
            Ok(attempt) => return Ok(attempt),
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

/// The file and the part of the script of that number.
fn script(cut: &[Vec<Part>], number: usize) -> Option<(usize, &Part)> {
    let all = cut.iter().enumerate().flat_map(|(index, parts)| parts.iter().map(move |part| (index, part)));
    all.into_iter().nth(number)
}

fn back<'a>(files: &'a [File], cut: &'a [Vec<Part>], index: usize, up: &Part) -> Back<'a> {
    let goes_back = |part: &&Part| part.direction == Direction::Down && part.revision == up.revision;
    if let Some(section) = cut[index].iter().find(goes_back) {
        return Back::Section(section);
    }
    let pair = cut.iter().position(|parts| parts.iter().any(|part| goes_back(&part)));
    pair.map_or(Back::Nowhere, |pair| Back::File { path: &files[pair].path, text: &files[pair].text })
}

/// The files with what would be written, if that is better than before.
fn judged(
    files: &[File],
    raw: &[Raw],
    next: &Raw,
    written: Vec<Written>,
    how: &How<'_>,
) -> std::result::Result<Attempt, String> {
    let is_script = |written: &Written| Path::new(&written.path).extension().is_none_or(|end| end != "toml");
    let (scripts, others): (Vec<Written>, Vec<Written>) = written.into_iter().partition(is_script);
    let mut after = files.to_vec();
    for written in scripts {
        match after.iter_mut().find(|file| file.path == written.path) {
            Some(file) => file.text = written.text,
            None => after.push(File { path: written.path, text: written.text, applied: false }),
        }
    }
    let after = files::as_they_run(after);
    let again = how.review(&after);
    let least = next.finding.severity;
    let (before, now) = (counts(raw, least), counts(&again, least));
    let rule = &*next.finding.rule;
    if now.get(rule) >= before.get(rule) {
        return Err(format!("{rule} would still be found"));
    }
    if let Some((worse, _)) = now.iter().find(|(rule, count)| before.get(*rule) < Some(count)) {
        return Err(format!("it would bring {worse}"));
    }
    Ok((after, others, again))
}

/// How often each rule finds something that weighs as much.
fn counts(raw: &[Raw], least: Severity) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for raw in raw.iter().filter(|raw| raw.finding.severity >= least) {
        *counts.entry(&*raw.finding.rule).or_default() += 1;
    }
    counts
}

/// Writes the files: those that are new first, and all of them or none.
///
/// # Errors
/// [`code::USAGE`] where one that was there is not what was read any more, one that is new is there
/// already, or one can't be written.
pub fn write(fixed: &Fixed, read: &[File]) -> Result<()> {
    let was = |written: &Written| read.iter().find(|file| file.path == written.path);
    for written in &fixed.written {
        let path = Path::new(&written.path);
        match was(written) {
            Some(was) if files::read(path)? != was.text => return Err(refused(path, "changed meanwhile")),
            None if path.exists() => return Err(refused(path, "is there already, and is not overwritten")),
            _ => {}
        }
    }
    let (changed, new): (Vec<&Written>, Vec<&Written>) =
        fixed.written.iter().partition(|written| was(written).is_some());
    let mut made = Vec::new();
    for written in new.into_iter().chain(changed) {
        let path = Path::new(&written.path);
        if let Err(error) = put(path, &written.text) {
            for path in made {
                let _stays_where_it_cannot_be_removed = std::fs::remove_file(path);
            }
            return Err(refused(path, "can't be written").because(&error));
        }
        if was(written).is_none() {
            made.push(path);
        }
    }
    Ok(())
}

/// With the rights that the file had.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mode = std::fs::metadata(path).map_or(0o644, |facts| facts.permissions().mode() & 0o777);
    write_whole(path, text.as_bytes(), mode)
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::new(code::USAGE, format!("{} {why}", path.display()))
        .changed("no script is other than it was")
        .hint("look at it, then the same command again")
}
