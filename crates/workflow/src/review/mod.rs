//! The review of migrations: which files are read, as what, and what the project says of them.
//!
//! Reading the scripts is the crate `review`'s; here is everything around it that needs a disk, git or
//! a server.

mod allow;
mod baseline;
mod files;
pub mod fix;
mod known;
pub mod live;
mod names;
pub mod order;
pub mod prove;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use switchback_model::config::{Review, RuleLevel, Tool};
use switchback_model::{Failure, Result, Severity, code};
use switchback_review::cx::leaves_transaction;
use switchback_review::layout::{Part, parts, says_no_transaction};
use switchback_review::rules::Alias;
use switchback_review::{Level, Script};

pub use allow::Allowed;
pub use baseline::BASELINE;
pub use files::{Asked, File, gather};
pub use known::{Asking, Known, Left};
pub use names::Names;
pub use switchback_review::secrets::Secrets;
pub use switchback_review::{Fact, Live, Options, Raw, Rule, alias, all as rules, find as rule, named};

/// Reviews files in the order in which they are given. `options.pending_from` is found here: the first
/// script of a file that is asked about, where several files are one deploy. `tool` runs them, where that
/// is known.
pub fn review(
    files: &[File],
    mut options: Options,
    live: &Live,
    together: bool,
    tool: Option<Tool>,
) -> Vec<Raw> {
    let cut: Vec<Vec<Part>> = files.iter().map(|file| cut(file, tool)).collect();
    let scripts: Vec<Script<'_>> = files
        .iter()
        .zip(&cut)
        .flat_map(|(file, parts)| {
            parts.iter().map(|part| Script { applied: file.applied, ..part.script(&file.path, &file.text) })
        })
        .collect();
    if together {
        options.pending_from = scripts.iter().position(|script| !script.applied);
    }
    switchback_review::raw(&scripts, &options, live)
}

/// The ways up and down of a file. Switchback itself runs each script in one transaction, but for one
/// that says otherwise or has a statement that can't stand in it.
fn cut(file: &File, tool: Option<Tool>) -> Vec<Part> {
    let mut parts = parts(&file.path, &file.text);
    for part in parts.iter_mut().filter(|_| tool == Some(Tool::Sql)) {
        let text = &file.text[part.range.clone()];
        part.one_query = false;
        part.wrapped |= !says_no_transaction(text) && !leaves_transaction(text);
    }
    parts
}

/// What a project says of its review, as the review takes it.
///
/// # Errors
/// [`code::CONFIG_INVALID`] for a rule that there is not, with the nearest one.
pub fn options(review: &Review) -> Result<Options> {
    let mut names = review.rules.keys().chain(review.environment.keys());
    if let Some(unknown) = names.find(|name| named(name).is_empty()) {
        return Err(no_such(unknown));
    }
    allow::check(review)?;
    let mut options = Options {
        all: review.all,
        required_columns: review.required_columns.clone(),
        naming: review.naming.clone(),
        rules: levels(review),
        ..Options::default()
    };
    options.version = review.server_version.unwrap_or(options.version);
    options.safe_below = review.safe_below.map_or(options.safe_below, |size| size.0);
    Ok(options)
}

/// By the names of rules here. What is said of one by its own name goes before what is said by another
/// tool's, and what the environment says before all that the project says.
fn levels(review: &Review) -> BTreeMap<String, Level> {
    let own_last = |levels: &BTreeMap<String, RuleLevel>| {
        let each = levels.iter().map(|(name, level)| (name.clone(), *level));
        let (own, others): (Vec<_>, Vec<_>) = each.partition(|(name, _)| rule(name).is_some());
        [others, own].concat()
    };
    let each = [own_last(&review.rules), own_last(&review.environment)].concat();
    let levels = each.into_iter().flat_map(|(name, level)| {
        named(&name).into_iter().map(move |rule| (rule.name.to_owned(), level_of(level)))
    });
    levels.collect()
}

/// What the names of other tools' rules in a configuration mean here, as sentences without a period.
pub fn foreign_names(review: &Review) -> Vec<String> {
    let said = review
        .allow
        .iter()
        .flat_map(|allow| &allow.rules)
        .chain(review.rules.keys())
        .chain(review.environment.keys());
    let names: BTreeSet<&str> = said.map(String::as_str).collect();
    names.into_iter().filter_map(alias).map(foreign_name).collect()
}

/// What another tool's name of a rule means here.
pub fn foreign_name(alias: &Alias) -> String {
    let rules: Vec<String> = alias.rules.iter().map(|rule| format!("`{rule}`")).collect();
    format!("`{}` of {} is {} here", alias.name, alias.tool, rules.join(", "))
}

fn no_such(unknown: &str) -> Failure {
    let like = |name: &str| strsim::jaro_winkler(name, unknown);
    let nearest = rules().map(|rule| rule.name).max_by(|a, b| like(a).total_cmp(&like(b)));
    Failure::new(code::CONFIG_INVALID, format!("there is no rule `{unknown}` of reviews"))
        .changed("nothing was reviewed")
        .hint(format!("did you mean `{}`?", nearest.unwrap_or_default()))
        .hint("it stands in [review] or in an environment's `review`; all rules: switchback explain")
}

fn level_of(level: RuleLevel) -> Level {
    match level {
        RuleLevel::Off => Level::Off,
        RuleLevel::On => Level::On,
        RuleLevel::Info => Level::As(Severity::Info),
        RuleLevel::Warning => Level::As(Severity::Warning),
        RuleLevel::Error => Level::As(Severity::Error),
    }
}

/// Reads a file's text. What is not UTF-8 is read as far as it is: the statement in which it stands is
/// a finding then.
///
/// # Errors
/// `USAGE` where it can't be read.
pub fn read(path: &Path) -> Result<String> {
    files::read(path)
}
