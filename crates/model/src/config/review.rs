//! `[review]`: what a project says of its migrations' review.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Size;

/// `[review]`: what a project says of its migrations' review.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// Rules by name, and what becomes of their findings.
    pub rules: BTreeMap<String, RuleLevel>,
    /// Rules that are off by default too.
    pub all: bool,
    /// Files that are not reviewed: paths from the configuration's folder, `*` for any part of one.
    pub ignore: Vec<String>,
    /// Tables below this size are small: what locks them for long weighs less.
    pub safe_below: Option<Size>,
    /// The server's major version, where no target is asked.
    pub server_version: Option<u32>,
    /// Columns that every new table must have.
    pub required_columns: Vec<String>,
    /// What new names must look like: a kind and its patterns, as in `table = ["*s"]`.
    pub naming: BTreeMap<String, Vec<String>>,
    /// From which weight on findings are not fine.
    pub fail_on: FailOn,
    /// What is allowed by rule and by path, and why.
    pub allow: Vec<Allow>,
    /// The file with the findings of old that are left out; default: `switchback-baseline.json` beside
    /// this file, where it is there.
    pub baseline: Option<PathBuf>,
    /// What the environment says of rules; it goes before `rules`.
    #[serde(skip)]
    pub environment: BTreeMap<String, RuleLevel>,
}

/// `[[review.allow]]`: findings that are in order, and why.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// Of these rules; none: of any.
    #[serde(default)]
    pub rules: Vec<String>,
    /// In these files: paths from the configuration's folder, `*` for any part of one; none: in any.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Why that is in order, for whoever reads it later.
    #[serde(deserialize_with = "reason")]
    pub because: String,
}

/// A reason that says nothing is none.
fn reason<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.trim().is_empty() {
        return Err(serde::de::Error::custom("`because` is empty: say why these findings are in order"));
    }
    Ok(text)
}

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleLevel {
    /// There are none.
    Off,
    /// They weigh as much as the rule says; this switches on what is off by default.
    On,
    /// Good to know.
    Info,
    /// Likely to hurt.
    Warning,
    /// It will fail, or do harm.
    Error,
}

/// From which weight on findings are not fine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Errors.
    #[default]
    Error,
    /// Warnings too.
    Warning,
    /// Anything.
    Info,
}
