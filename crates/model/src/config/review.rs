//! `[review]`: what a project says of its migrations' review.

use std::collections::BTreeMap;

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
