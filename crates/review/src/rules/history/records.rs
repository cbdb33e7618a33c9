//! Rules that are found elsewhere: by `suppress`, and where a way down is looked at.

use crate::rule::prelude::*;

pub(super) const UNUSED: Rule = Rule {
    code: "SR1228",
    name: "unused-suppression",
    severity: Severity::Info,
    style: false,
    page: include_str!("unused_suppression.md"),
    look: Look::Script(|_, _| {}),
};

pub(super) const NO_REASON: Rule = Rule {
    code: "SR1229",
    name: "suppression-without-reason",
    severity: Severity::Warning,
    style: false,
    page: include_str!("suppression_without_reason.md"),
    look: Look::Script(|_, _| {}),
};

pub(super) const ROLLBACK: Rule = Rule {
    code: "SR1215",
    name: "rollback-needs-lock",
    severity: Severity::Info,
    style: false,
    page: include_str!("rollback_needs_lock.md"),
    look: Look::Script(|_, _| {}),
};
