//! Roles that can connect no more.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const LOCKED_OUT: Rule = Rule {
    code: "SR1014",
    name: "role-locked-out",
    severity: Severity::Warning,
    style: false,
    page: include_str!("role_locked_out.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Role { name, alter: true, .. } = at.stmt else { return };
    let made = |stmt: &Stmt| matches!(stmt, Stmt::Role { name: made, alter: false, .. } if made == name);
    if at.script.before_near(at.number).any(made) {
        return;
    }
    let text = Text::of(at.text);
    let (message, why) = if text.has(&["nologin"]) {
        (
            format!("the role `{name}` can't log in any more"),
            "every new connection as it is refused, in all databases of the server; open ones stay, so that a pool fails \
             later and bit by bit",
        )
    } else if text.since_words(("password", "null")).is_some() {
        (
            format!("the role `{name}` has no password any more"),
            "every new connection as it that is asked for a password is refused; open ones stay, so that a pool fails later",
        )
    } else if text.since_words(("valid", "until")).is_some_and(|until| !until.contains("infinity")) {
        (
            format!("the password of the role `{name}` ends at a time"),
            "from then on every new connection as it by password is refused, long after anybody looked at this migration",
        )
    } else if text.since_words(("connection", "limit")).is_some_and(|limit| !limit.contains("-1")) {
        (
            format!("the role `{name}` may have only so many connections"),
            "a pool or another instance of the application that wants one more is refused; open ones count",
        )
    } else {
        return;
    };
    out.push(
        at,
        Found::new(message, why).help(
            "leave roles to whoever runs the server, and look in pg_stat_activity who connects as it before",
        ),
    );
}
