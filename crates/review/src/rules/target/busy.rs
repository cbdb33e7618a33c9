//! Who is in the way of a lock there, and whom it is in the way of.

use switchback_sql::locks::MODES;

use super::{key, list, locks, not_known, time};
use crate::live::{Fact, LiveTransaction};
use crate::rule::prelude::*;

pub(in crate::rules) const QUEUE: Rule = Rule {
    code: "SR1232",
    name: "lock-queue-risk",
    severity: Severity::Warning,
    style: false,
    page: include_str!("lock_queue_risk.md"),
    look: Look::Statement(queue),
};

pub(in crate::rules) const HOT: Rule = Rule {
    code: "SR1233",
    name: "hot-table-strong-lock",
    severity: Severity::Warning,
    style: false,
    page: include_str!("hot_table_strong_lock.md"),
    look: Look::Statement(hot),
};

pub(in crate::rules) const VACUUM: Rule = Rule {
    code: "SR1234",
    name: "wraparound-vacuum-conflict",
    severity: Severity::Warning,
    style: false,
    page: include_str!("wraparound_vacuum_conflict.md"),
    look: Look::Statement(vacuum),
};

pub(in crate::rules) const STANDBY: Rule = Rule {
    code: "SR1235",
    name: "standby-conflict",
    severity: Severity::Warning,
    style: false,
    page: include_str!("standby_conflict.md"),
    look: Look::Statement(standby),
};

/// Locks that readers, or writers, wait for.
fn strong<'a>(at: &'a At<'_>) -> impl Iterator<Item = (&'a Relation, String, Mode)> {
    locks(at).filter(|(_, _, mode)| mode.blocks_writes())
}

fn queue(at: &At<'_>, out: &mut Out<'_>) {
    let live = at.script.live;
    if live.transactions.is_empty() && !live.unknown.contains_key(&Fact::Sessions) {
        return;
    }
    if waits_for_all(at.stmt) {
        return behind_all(at, out);
    }
    for (table, key, mode) in strong(at) {
        let holds = |open: &&LiveTransaction| {
            let held = open.holds.get(&key).into_iter().flatten();
            held.filter_map(|name| MODES.into_iter().find(|mode| mode.name() == name))
                .any(|held| mode.conflicts(held))
        };
        let mut open = live.transactions.iter().filter(holds);
        let Some(oldest) = open.next() else { continue };
        let others = match open.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let idle = if oldest.idle { " and does nothing" } else { "" };
        let found = Found::new(
            format!(
                "{} has been in a transaction for {}{idle}{others}, and holds `{table}`",
                oldest.who,
                time(oldest.seconds)
            ),
            format!(
                "{mode} on `{table}` would queue behind it, and everybody who comes later behind this lock"
            ),
        );
        out.push(at, found.help(help(oldest)).once(key));
    }
    if live.transactions.is_empty() && strong(at).next().is_some() {
        not_known(at, Fact::Sessions, "who is in the way of this lock there is not known", out);
    }
}

fn help(open: &LiveTransaction) -> String {
    let end = if open.end.is_empty() { String::new() } else { format!(", or end it: {}", open.end) };
    format!(
        "let it end before{end}; and set a lock_timeout, so that the lock gives up before others have waited long"
    )
}

/// What locks nobody out, and waits until every transaction is over that could see the state before.
fn waits_for_all(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::CreateIndex(index) => index.concurrently,
        Stmt::Reindex { concurrently, .. } | Stmt::Drop { concurrently, .. } => *concurrently,
        Stmt::AlterTable { actions, .. } => {
            actions.iter().any(|action| matches!(action.kind, ActionKind::Detach { concurrently: true, .. }))
        }
        _ => false,
    }
}

fn behind_all(at: &At<'_>, out: &mut Out<'_>) {
    let Some(oldest) = at.script.live.transactions.first() else { return };
    let found = Found::new(
        format!("{} has been in a transaction for {}", oldest.who, time(oldest.seconds)),
        "CONCURRENTLY waits until every transaction is over that began before it: so long it is not done, and where it \
         is given up an invalid index is left",
    );
    out.push(at, found.help(help(oldest)).once("concurrently"));
}

fn hot(at: &At<'_>, out: &mut Out<'_>) {
    for (table, key, mode) in strong(at) {
        let Some(known) = at.script.live.tables.get(&key).filter(|known| known.hot) else { continue };
        let who = if mode.blocks_reads() { "readers and writers" } else { "writers" };
        let found = Found::new(
            format!(
                "`{table}` is among the busiest tables there: read {} times, {} rows written",
                known.reads, known.writes
            ),
            format!("{mode} waits for whoever uses it, and meanwhile all {who} queue behind it"),
        );
        let found = found.help(
            "let it run in a quiet hour and alone in its transaction; with a lock_timeout of a few seconds, and again \
             until it gets the lock",
        );
        let found = if is_short(at, table) { found.severity(Severity::Info) } else { found };
        out.push(at, found.once(key));
    }
}

/// The lock is held for a moment, and waiting for it has a limit.
fn is_short(at: &At<'_>, table: &Relation) -> bool {
    let limited = at.script.options.runner_sets_lock_timeout || at.session.setting("lock_timeout").is_some();
    let effects = at.effects;
    let mut long = effects.rewrites.iter().chain(&effects.maybe_rewrites).chain(&effects.scans);
    limited && !long.any(|long| long.same(table))
}

fn vacuum(at: &At<'_>, out: &mut Out<'_>) {
    for (table, key, mode) in locks(at) {
        let conflicts = mode.conflicts(Mode::ShareUpdateExclusive);
        if !conflicts || !at.script.live.wraparound_vacuums.contains(&key) {
            continue;
        }
        let found = Found::new(
            format!("a vacuum against wraparound works on `{table}` there now"),
            format!(
                "an ordinary autovacuum gives way to a lock, this one does not: {mode} waits until it is through, and \
                 everybody who comes later waits behind this lock"
            ),
        );
        let help = "wait until it is through (pg_stat_progress_vacuum says how far it is); it must not be cancelled again \
                    and again, for the server stops taking writes in the end";
        out.push(at, found.help(help).once(key));
    }
}

fn standby(at: &At<'_>, out: &mut Out<'_>) {
    let standbys = &at.script.live.standbys;
    if standbys.is_empty() {
        return;
    }
    for (table, _, mode) in locks(at).filter(|(_, _, mode)| *mode == Mode::AccessExclusive) {
        let long = at.effects.rewrites.iter().chain(&at.effects.scans).any(|long| long.same(table));
        let found = Found::new(
            format!(
                "{mode} on `{table}` is taken on the standby {} too, when it is replayed there",
                list(standbys)
            ),
            "a query on the table there holds up the replay of everything until max_standby_streaming_delay (30 s, unless \
             set otherwise), and is cancelled then",
        );
        let help = "keep long reports away from the standby meanwhile, and the transaction short";
        let found = if long { found } else { found.severity(Severity::Info) };
        out.push(at, found.help(help).once(key(at, table).unwrap_or_default()));
    }
}
