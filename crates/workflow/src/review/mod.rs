//! The review of migrations: which files are read, as what, and what the project says of them.
//!
//! Reading the scripts is the crate `review`'s; here is everything around it that needs a disk, git or
//! a server.

mod files;
pub mod live;
pub mod order;

use std::path::Path;

use switchback_model::config::{Review, RuleLevel};
use switchback_model::{Result, Severity};
use switchback_review::layout::{Part, parts};
use switchback_review::{Level, Options, Script};

pub use files::{Asked, File, gather};
pub use switchback_review::{Live, Raw, Rule, all as rules, find as rule};

/// Reviews files in the order in which they are given. `options.pending_from` is found here: the first
/// script of a file that is asked about, where several files are one deploy.
pub fn review(files: &[File], mut options: Options, live: &Live, together: bool) -> Vec<Raw> {
    let cut: Vec<Vec<Part>> = files.iter().map(|file| parts(&file.path, &file.text)).collect();
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

/// What a project says of its review, as the review takes it.
pub fn options(review: &Review) -> Options {
    let mut options = Options {
        all: review.all,
        required_columns: review.required_columns.clone(),
        naming: review.naming.clone(),
        rules: review.rules.iter().map(|(rule, level)| (rule.clone(), level_of(*level))).collect(),
        ..Options::default()
    };
    options.version = review.server_version.unwrap_or(options.version);
    options.safe_below = review.safe_below.map_or(options.safe_below, |size| size.0);
    options
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
