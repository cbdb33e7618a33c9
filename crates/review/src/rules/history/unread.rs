//! What the review can't see.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR1242",
    name: "unread-statement",
    severity: Severity::Info,
    style: false,
    page: include_str!("unread_statement.md"),
    look: Look::Script(look),
};

fn look(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    for (number, read) in at.reads.iter().enumerate() {
        let why = match &read.what {
            What::Unread(why) => why.clone(),
            What::Statement(stmt) if **stmt == Stmt::Unread => "it is nested too deeply".to_owned(),
            _ => continue,
        };
        let found = Found::new(
            format!("this was not reviewed: {why}"),
            "what it does to the target is not known before it runs",
        );
        out.push_statement(
            at,
            number,
            found.help("read it yourself, or write it as a statement that stands there as it is"),
        );
    }
}
