//! What a project knows of its findings: which it allows, and which are of old. They are left out of what
//! is shown, and how many they are is always said.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use switchback_model::config::Review;
use switchback_model::{Failure, Finding, Result, Severity, code};
use switchback_review::secrets::Secrets;
use switchback_review::{Options, Raw, sort, weight};

use super::allow::{self, Allowed};
use super::baseline::{BASELINE, Baseline, Marks};
use super::names::Names;
use super::{File, rule};

/// What a project knows of its findings.
#[derive(Clone, Debug, Default)]
pub struct Known {
    review: Review,
    names: Names,
    /// The configuration's file and text.
    config: Option<(PathBuf, String)>,
    /// Where the baseline is, or would be.
    path: PathBuf,
    baseline: Option<Baseline>,
}

/// What is asked of it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The files that findings are about, as they are shown.
    pub read: &'a [String],
    /// Everything that the project has was read: what is not found now is gone.
    pub whole: bool,
    /// The texts of all files, by the path that findings have.
    pub sources: &'a BTreeMap<String, String>,
    /// The secrets in them.
    pub secrets: &'a Secrets,
    /// How the review was made.
    pub options: &'a Options,
}

/// What was left out.
#[derive(Debug, Default)]
pub struct Left {
    /// What the configuration allows.
    pub allowed: Vec<Allowed>,
    /// How many findings stand in the baseline.
    pub baseline: usize,
    /// Texts of files in which findings about those entries stand, by their paths.
    pub sources: BTreeMap<String, String>,
}

impl Known {
    /// What the configuration in `folder` says, and the baseline beside it. Findings show paths from
    /// `base`.
    ///
    /// # Errors
    /// [`code::CONFIG_INVALID`] where the baseline can't be used, or is named and not there; where it will
    /// be written, it need not be there.
    pub fn read(
        review: &Review,
        folder: &Path,
        base: &Path,
        config: Option<(PathBuf, String)>,
        will_be_written: bool,
    ) -> Result<Self> {
        let named = review.baseline.as_ref();
        let path = folder.join(named.map_or(Path::new(BASELINE), PathBuf::as_path));
        let baseline = Baseline::read(&path)?;
        if named.is_some() && baseline.is_none() && !will_be_written {
            let message = format!("the baseline {} is not there", path.display());
            return Err(Failure::new(code::CONFIG_INVALID, message)
                .changed("nothing was reviewed")
                .hint("write it: switchback review --write-baseline")
                .hint("or take `baseline` out of [review]"));
        }
        Ok(Self { review: review.clone(), names: Names::new(folder, base), config, path, baseline })
    }

    /// Takes out what is known, and puts in what is to be said of entries that nothing is found for.
    pub fn leave_out(&self, raw: &mut Vec<Raw>, asking: &Asking<'_>) -> Left {
        let mut left = self.allow(raw, asking);
        let Some(baseline) = &self.baseline else {
            sort(raw);
            return left;
        };
        let read: BTreeSet<String> = asking.read.iter().map(|file| self.names.of(file)).collect();
        let gone = |file: &str| asking.whole && !self.names.path(file).exists();
        let judged = |file: &str| read.contains(file) || gone(file);
        let (count, stale) = baseline.take_out(raw, &self.marks(asking), judged);
        left.baseline = count;
        self.say_stale(baseline, &stale, asking.options, raw, &mut left);
        sort(raw);
        left
    }

    /// Takes out what the configuration allows, and nothing by the baseline; gives how many findings stand
    /// in that.
    pub fn leave_in_baseline(&self, raw: &mut Vec<Raw>, asking: &Asking<'_>) -> (Left, usize) {
        let left = self.allow(raw, asking);
        let count = self.baseline.as_ref().map(|baseline| baseline.count(raw, &self.marks(asking)));
        (left, count.unwrap_or_default())
    }

    /// Takes out what is known, and says nothing of it.
    pub(super) fn forget(&self, raw: &mut Vec<Raw>, files: &[File], options: &Options) {
        if self.review.allow.is_empty() && self.baseline.is_none() {
            return;
        }
        let texts = files.iter().map(|file| (file.path.clone(), file.text.clone()));
        let sources: BTreeMap<String, String> = texts.collect();
        let secrets = Secrets::of(sources.values().map(String::as_str));
        let asking = Asking { read: &[], whole: false, sources: &sources, secrets: &secrets, options };
        allow::take_out(raw, &self.review.allow, &self.names);
        if let Some(baseline) = &self.baseline {
            baseline.take_out(raw, &self.marks(&asking), |_| false);
        }
    }

    /// Makes findings the baseline: those that were found in the files that were read. Entries about other
    /// files stay, unless everything was read.
    ///
    /// # Errors
    /// As [`Baseline::write`].
    pub fn write_baseline(&mut self, raw: &[Raw], asking: &Asking<'_>) -> Result<&Baseline> {
        let (mut raw, read) = (raw.to_vec(), asking.read.iter());
        let read: BTreeSet<String> = read.map(|file| self.names.of(file)).collect();
        // What is to be said of entries that allow nothing is about the configuration, not a migration.
        self.allow(&mut raw, &Asking { whole: false, ..*asking });
        let old = self.baseline.take().unwrap_or_default();
        let keep = |file: &str| !asking.whole && !read.contains(file);
        let new = old.renewed(&self.path, &raw, &self.marks(asking), keep);
        new.write()?;
        Ok(self.baseline.insert(new))
    }

    fn allow(&self, raw: &mut Vec<Raw>, asking: &Asking<'_>) -> Left {
        let (allowed, used) = allow::take_out(raw, &self.review.allow, &self.names);
        let mut left = Left { allowed, ..Left::default() };
        if asking.whole {
            self.say_unused(&used, asking.options, raw, &mut left);
        }
        left
    }

    fn marks<'a>(&'a self, asking: &Asking<'a>) -> Marks<'a> {
        Marks {
            names: &self.names,
            sources: asking.sources,
            secrets: asking.secrets,
            lines: RefCell::default(),
        }
    }

    fn say_unused(&self, used: &[bool], options: &Options, raw: &mut Vec<Raw>, left: &mut Left) {
        let Some((path, text)) = &self.config else { return };
        let file = allow::shown(path, self.names.base());
        let unused: Vec<usize> = (0..used.len()).filter(|number| !used[*number]).collect();
        let lines: Vec<usize> = unused.iter().map(|number| allow::line(text, *number)).collect();
        if !unused.is_empty() {
            left.sources.insert(file.clone(), allow::only(text, &lines));
        }
        for (number, line) in unused.into_iter().zip(lines) {
            let told = allow::told(&self.review.allow[number]);
            let words = Words {
                message: format!("the configuration allows {told}, and nothing of that is found"),
                why: "what it was written for is gone, or a name or a pattern is not right; the next hazard there would \
                      be allowed unseen",
                help: "take the entry away, or correct its rules and paths",
            };
            raw.extend(found(options, &file, (text, line), words));
        }
    }

    fn say_stale(
        &self,
        baseline: &Baseline,
        stale: &[(usize, String)],
        options: &Options,
        raw: &mut Vec<Raw>,
        left: &mut Left,
    ) {
        let Some((line, _)) = stale.first() else { return };
        let file = allow::shown(baseline.path(), self.names.base());
        let text = std::fs::read_to_string(baseline.path()).unwrap_or_default();
        let mut first: Vec<&str> = stale.iter().take(3).map(|(_, told)| told.as_str()).collect();
        let more = format!("and {} more", stale.len().saturating_sub(3));
        if stale.len() > 3 {
            first.push(&more);
        }
        let count = if stale.len() == 1 { "an entry".to_owned() } else { format!("{} entries", stale.len()) };
        let words = Words {
            message: format!("{count} of the baseline stand for nothing any more: {}", first.join(", ")),
            why: "what they stood for was changed or is gone; the same statement, written again, would be left out unseen",
            help: "write it anew: switchback review --write-baseline",
        };
        raw.extend(found(options, &file, (&text, *line), words));
        left.sources.insert(file, text);
    }
}

/// What a finding says.
struct Words {
    message: String,
    why: &'static str,
    help: &'static str,
}

/// A finding about something that allows, where such findings are wanted.
fn found(options: &Options, file: &str, (text, line): (&str, usize), words: Words) -> Option<Raw> {
    let rule = rule("unused-suppression")?;
    let severity: Severity = weight(rule, options)?;
    let finding = Finding {
        code: rule.code.into(),
        rule: rule.name.into(),
        severity,
        file: file.into(),
        line,
        column: 1,
        end_line: line,
        end_column: text.lines().nth(line - 1).map_or(0, |line| line.chars().count()) + 1,
        statement: "".into(),
        message: words.message,
        why: words.why.into(),
        help: words.help.into(),
        fix: None,
        lock: None,
    };
    Some(Raw { finding: Box::new(finding), statement: None, script: 0, question: None, once: None })
}
