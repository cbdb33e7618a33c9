//! How long a statement may wait, run, or hold its locks idle.

use super::{slow, strong};
use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const LOCK: Rule = Rule {
    code: "SR0801",
    name: "missing-lock-timeout",
    severity: Severity::Warning,
    style: true,
    page: include_str!("missing_lock_timeout.md"),
    look: Look::Statement(lock),
};

pub(super) const STATEMENT: Rule = Rule {
    code: "SR0802",
    name: "missing-statement-timeout",
    severity: Severity::Warning,
    style: true,
    page: include_str!("missing_statement_timeout.md"),
    look: Look::Statement(statement),
};

pub(super) const IDLE: Rule = Rule {
    code: "SR0803",
    name: "missing-idle-timeout",
    severity: Severity::Info,
    style: true,
    page: include_str!("missing_idle_timeout.md"),
    look: Look::Statement(idle),
};

pub(super) const ORDER: Rule = Rule {
    code: "SR0804",
    name: "timeout-order",
    severity: Severity::Info,
    style: false,
    page: include_str!("timeout_order.md"),
    look: Look::Statement(order),
};

pub(super) const NOT_LOCAL: Rule = Rule {
    code: "SR0805",
    name: "set-without-local",
    severity: Severity::Info,
    style: true,
    page: include_str!("set_without_local.md"),
    look: Look::Statement(not_local),
};

fn is_set(at: &At<'_>, name: &str) -> bool {
    at.session.setting(name).is_some_and(|value| millis(value) != Some(0))
}

/// A lock of this kind is held in the transaction already: what is missing was said there.
fn said_before(at: &At<'_>) -> bool {
    let mut held = at.session.transaction.iter().flat_map(|running| running.held.iter());
    held.any(|held| held.mode.blocks_writes())
}

fn lock(at: &At<'_>, out: &mut Out<'_>) {
    if at.script.options.runner_sets_lock_timeout {
        return;
    }
    let Some((table, mode)) = strong(at).max_by_key(|(_, mode)| *mode) else { return };
    if is_set(at, "lock_timeout") || said_before(at) {
        return;
    }
    let found = Found::new(
        format!("{mode} on `{table}` is waited for without a lock_timeout"),
        "while it waits behind one long query, every query that comes later waits behind it: the table stands still \
         for as long as that query runs",
    );
    let help = "SET lock_timeout = '2s' before it, and try again when it is reached";
    out.push(at, found.help(help).fix(before(at, "lock_timeout = '2s'")));
}

/// The statement with a setting before it, in the transaction where there is one.
fn before(at: &At<'_>, setting: &str) -> Option<Fix> {
    if at.embedded {
        return None;
    }
    let within = at.session.transaction.is_some();
    let set = if within { format!("SET LOCAL {setting}") } else { format!("SET {setting}") };
    let steps = match (within, at.effects.block) {
        (true, _) => vec![FixStep::new(set), FixStep::along(at.text)],
        (false, Block::Possible) => vec![FixStep::new(set), FixStep::new(at.text)],
        (false, _) => vec![FixStep::outside(set), FixStep::outside(at.text)],
    };
    Some(Fix::new("set a limit before it", steps))
}

fn statement(at: &At<'_>, out: &mut Out<'_>) {
    let Some(table) = slow(at) else { return };
    if is_set(at, "statement_timeout") {
        return;
    }
    let found = Found::new(
        format!("a statement that goes through all of `{table}`{} has no statement_timeout", at.size(table)),
        "nobody knows how long it takes, and nothing ends it: its locks and its snapshot are held until somebody notices",
    );
    let help =
        "set statement_timeout to what the window allows; for CONCURRENTLY a long one, or 0 said on purpose";
    out.push(at, found.help(help).on(table).fix(before(at, "statement_timeout = '15min'")));
}

fn idle(at: &At<'_>, out: &mut Out<'_>) {
    const NAME: &str = "idle_in_transaction_session_timeout";
    // A block of code is one statement: nobody is idle in it.
    if at.session.transaction.is_none() || at.embedded {
        return;
    }
    let Some((table, mode)) = strong(at).max_by_key(|(_, mode)| *mode) else { return };
    if is_set(at, NAME) || said_before(at) {
        return;
    }
    let found = Found::new(
        format!("{mode} on `{table}` is held in a transaction without an {NAME}"),
        "if the client hangs or loses its connection before COMMIT, the lock stays until somebody ends the session",
    );
    let help = format!("SET {NAME} = '10s' before the transaction");
    out.push(at, found.help(help).fix(before(at, &format!("{NAME} = '10s'"))));
}

fn order(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Set { name, value: Some(value), .. } = at.stmt else { return };
    let other = |name: &str| at.session.setting(name);
    let (lock, statement) = match name.as_str() {
        "lock_timeout" => (Some(value.as_str()), other("statement_timeout")),
        "statement_timeout" => (other("lock_timeout"), Some(value.as_str())),
        _ => return,
    };
    let (Some(lock), Some(statement)) = (lock, statement) else { return };
    let (Some(short), Some(long)) = (millis(lock), millis(statement)) else { return };
    if short < long || short == 0 || long == 0 {
        return;
    }
    let found = Found::new(
        format!("lock_timeout (`{lock}`) is not below statement_timeout (`{statement}`)"),
        "waiting for a lock counts for both: the statement's limit is reached first, so that the lock's never is, and \
         what could be tried again looks like a statement that is too slow",
    );
    out.push(at, found.help("a lock_timeout of a few seconds, well below statement_timeout"));
}

/// A duration as the server reads it; milliseconds where no unit is written.
pub(super) fn millis(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let factor = match unit.trim() {
        "us" => return Some(0).filter(|_| number.parse() == Ok(0_u64)).or(Some(1)),
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let (whole, part) = number.split_once('.')?;
    let tenths: u64 = part.get(..1)?.parse().ok()?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    Some(whole.checked_mul(factor)?.checked_add(tenths * factor / 10)?.max(1))
}

fn not_local(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Set { name, value: Some(_), local: false } = at.stmt else { return };
    // A block may run in a transaction or alone.
    if at.session.transaction.is_none() || at.embedded {
        return;
    }
    let found = Found::new(
        format!("`{name}` is set for the session, not for the transaction"),
        "it stays when the transaction is over: behind a pooler the next client of the connection has it",
    );
    let text = Text::of(at.text).without_word("session").unwrap_or_else(|| at.text.to_owned());
    let text = Text::of(&text).with_behind("set", "LOCAL");
    let fix = text.map(|text| Fix::new("set it for the transaction alone", vec![FixStep::new(text)]));
    out.push(at, found.help("SET LOCAL").fix(fix));
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn durations_are_read_as_the_server_does() {
        let all =
            [("500", 500), ("5s", 5_000), ("1 min", 60_000), ("1.5s", 1_500), ("2h", 7_200_000), ("0", 0)];
        for (text, wanted) in all {
            assert_eq!(millis(text), Some(wanted), "{text}");
        }
        assert_eq!(millis("soon"), None);
    }
}
