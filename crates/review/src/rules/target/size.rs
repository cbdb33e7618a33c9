//! What the size of a table there makes of a statement.

use switchback_model::units::Size;

use super::{list, not_known, time, written};
use crate::live::Fact;
use crate::rule::prelude::*;

pub(in crate::rules) const SIZE: Rule = Rule {
    code: "SR1231",
    name: "table-size-severity",
    severity: Severity::Warning,
    style: false,
    page: include_str!("table_size_severity.md"),
    look: Look::Statement(size),
};

pub(in crate::rules) const DISK: Rule = Rule {
    code: "SR1236",
    name: "disk-space-for-rewrite",
    severity: Severity::Error,
    style: false,
    page: include_str!("disk_space_for_rewrite.md"),
    look: Look::Statement(disk),
};

pub(in crate::rules) const SLOT: Rule = Rule {
    code: "SR1237",
    name: "logical-slot-lag",
    severity: Severity::Warning,
    style: false,
    page: include_str!("logical_slot_lag.md"),
    look: Look::Statement(slot),
};

/// As many times what is small is large, and very large.
const LARGE: u64 = 100;
const VERY_LARGE: u64 = 10_000;
/// What a server reads or writes in a second, for a guess.
const PACE: u64 = 100 << 20;
/// A slot that is so far behind is not being read as fast as is written.
const BEHIND: u64 = 1 << 30;

fn size(at: &At<'_>, out: &mut Out<'_>) {
    let effects = at.effects;
    let rewrites = effects.rewrites.iter().map(|table| (table, "every row is written anew"));
    let scans = effects.scans.iter().map(|table| (table, "every row is read"));
    for (table, what) in rewrites.chain(scans).filter(|(table, _)| at.is_used(table)) {
        let (Some(mode), Some(known)) = (effects.on(table), at.script.live.table(&at.schema.resolve(table)))
        else {
            continue;
        };
        let rewrite = effects.rewrites.contains(table);
        let bytes = if rewrite { known.total_bytes.max(known.bytes) } else { known.bytes };
        let small = at.script.options.safe_below.max(1);
        if !mode.blocks_writes() || bytes < small.saturating_mul(LARGE) {
            continue;
        }
        let who = if mode.blocks_reads() { "nobody can read or write" } else { "nobody can write" };
        let found = Found::new(
            format!("`{table}` has {} and {} rows there: {what} under {mode}", Size(bytes), known.rows),
            format!(
                "at {} in a second that is about {}, in which {who}",
                Size(PACE),
                time((bytes / PACE).max(1))
            ),
        );
        let very = bytes >= small.saturating_mul(VERY_LARGE);
        let found = if very { found.severity(Severity::Error) } else { found };
        let help = "take the way that needs no such lock, where there is one; else plan an hour in which nobody needs it";
        out.push(at, found.help(help));
    }
}

fn disk(at: &At<'_>, out: &mut Out<'_>) {
    let (tables, bytes) = written(at);
    if bytes == 0 || bytes < at.script.options.safe_below {
        return;
    }
    let Some(free) = at.script.live.free_bytes else {
        let message = format!("{} is written a second time: {} more on disk", list(&tables), Size(bytes));
        return not_known(at, Fact::Disk, &message, out);
    };
    if free >= bytes.saturating_mul(2) {
        return;
    }
    let found = Found::new(
        format!(
            "{} is written a second time: {} more on disk until that is committed, and {} are free there",
            list(&tables),
            Size(bytes),
            Size(free)
        ),
        "about as much again goes into the WAL; a full disk takes the statement back, and where the WAL is on it the \
         server stops",
    );
    // With room for the copy it depends on where the WAL is, and how fast it is archived.
    let found = if free < bytes { found } else { found.severity(Severity::Warning) };
    out.push(at, found.help("make room first, or take the way that writes in batches"));
}

fn slot(at: &At<'_>, out: &mut Out<'_>) {
    let live = at.script.live;
    let (tables, bytes) = written(at);
    if live.slots.is_empty() || bytes == 0 || bytes < at.script.options.safe_below {
        return;
    }
    for (name, slot) in live.slots.iter().filter(|(_, slot)| !slot.active || slot.behind >= BEHIND) {
        let state = if slot.active { "is read too slowly" } else { "is read by nobody" };
        let kind = if slot.logical { "logical slot" } else { "replication slot" };
        let after = slot.behind.saturating_add(bytes);
        let lost = live.slot_limit.is_some_and(|limit| after > limit);
        let full = live.free_bytes.is_some_and(|free| bytes > free);
        let found = Found::new(
            format!(
                "the {kind} `{name}` {state}, {} behind, and {} adds about {} of WAL",
                Size(slot.behind),
                list(&tables),
                Size(bytes)
            ),
            if lost {
                "that is more than max_slot_wal_keep_size: the slot is lost, and who reads from it must begin anew"
            } else {
                "the server keeps all of it until the slot has been read that far: its disk fills"
            },
        );
        let found = if lost || full { found.severity(Severity::Error) } else { found };
        let help = format!(
            "let its reader catch up before; where there is none any more: SELECT pg_drop_replication_slot('{}')",
            name.replace('\'', "''")
        );
        out.push(at, found.help(help));
    }
}
