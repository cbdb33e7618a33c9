//! Bounds of partitions that the server refuses.

use std::cmp::Ordering;

use switchback_sql::schema::Table;

use crate::rule::prelude::*;

pub(in crate::rules) const RULE: Rule = Rule {
    code: "SR1210",
    name: "partition-strategy-mismatch",
    severity: Severity::Error,
    style: false,
    page: include_str!("partition_strategy_mismatch.md"),
    look: Look::Statement(look),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::CreateTable(create) if !create.if_not_exists || at.schema.table(&create.name).is_none() => {
            if let Some(partition) = &create.partition_of {
                one(at, &partition.table, partition, &create.name, 0, out);
            }
        }
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            for action in actions {
                if let ActionKind::Attach(partition) = &action.kind {
                    one(at, table, partition, &partition.table, action.at, out);
                }
            }
        }
        _ => {}
    }
}

fn one(at: &At<'_>, parent: &Relation, bounds: &Partition, name: &Relation, byte: usize, out: &mut Out<'_>) {
    let Some(known) = at.schema.table(parent) else { return };
    let Some(wrong) = wrong(at, known, bounds, name) else { return };
    let found = Found::new(wrong, "the server refuses it").at(byte);
    let help = "look how the table is partitioned, and which bounds its partitions have: psql's \\d+";
    out.push(at, found.help(help));
}

fn wrong(at: &At<'_>, parent: &Table, bounds: &Partition, name: &Relation) -> Option<String> {
    let table = at.schema.short(&parent.name);
    let Some(strategy) = parent.strategy.as_deref() else {
        let plain = parent.all_columns && parent.kind == TableKind::Table;
        return plain
            .then(|| format!("`{table}` is not partitioned, and `{name}` is to be a partition of it"));
    };
    if bounds.default {
        if strategy == "hash" {
            return Some(format!("`{table}` is partitioned by hash, which has no default partition"));
        }
        let before = others(at, parent, name).find(|other| other.default_partition)?;
        return Some(format!(
            "`{table}` has a default partition already, `{}`",
            at.schema.short(&before.name)
        ));
    }
    if bounds.strategy != strategy {
        return Some(format!(
            "`{table}` is partitioned by {strategy}, and the bounds of `{name}` are those of {}",
            bounds.strategy
        ));
    }
    let columns = parent.partition_key.len();
    if strategy == "range" && bounds.bounds.len() != 2 * columns {
        return Some(format!(
            "the key of `{table}` has {columns} columns, and the bounds of `{name}` another number"
        ));
    }
    let own = own(strategy, &bounds.bounds);
    if own.is_some() {
        return own.map(|wrong| format!("the bounds of `{name}` {wrong}"));
    }
    let other = others(at, parent, name).find(|other| {
        let taken = other.bounds.as_ref().filter(|taken| taken.strategy == strategy);
        taken.is_some_and(|taken| overlap(strategy, &bounds.bounds, &taken.bounds))
    })?;
    Some(format!("the bounds of `{name}` overlap those of `{}`", at.schema.short(&other.name)))
}

/// The partitions that are there, but for itself.
fn others<'a>(at: &At<'a>, parent: &Table, name: &Relation) -> impl Iterator<Item = &'a Table> {
    let own = at.schema.resolve(name);
    at.schema.partitions_of(&parent.name).into_iter().filter(move |other| other.name != own)
}

/// What is wrong with bounds by themselves.
fn own(strategy: &str, bounds: &[String]) -> Option<&'static str> {
    match (strategy, bounds) {
        ("hash", [modulus, remainder]) => {
            let (modulus, remainder) = (modulus.parse::<i64>().ok()?, remainder.parse::<i64>().ok()?);
            (remainder >= modulus || modulus <= 0 || remainder < 0)
                .then_some("have a remainder that is no remainder of their modulus")
        }
        ("range", [from, to]) => matches!(compare(from, to)?, Ordering::Equal | Ordering::Greater)
            .then_some("begin where they end, or behind it"),
        _ => None,
    }
}

/// Whether both certainly have a value in common.
fn overlap(strategy: &str, one: &[String], other: &[String]) -> bool {
    match (strategy, one, other) {
        ("list", ..) => one.iter().any(|value| !value.is_empty() && other.contains(value)),
        ("hash", [modulus, remainder], [other_modulus, other_remainder]) => {
            let numbers =
                [modulus, remainder, other_modulus, other_remainder].map(|text| text.parse::<i64>());
            let [Ok(modulus), Ok(remainder), Ok(other_modulus), Ok(other_remainder)] = numbers else {
                return false;
            };
            let common = gcd(modulus, other_modulus);
            common > 0 && (remainder - other_remainder) % common == 0
        }
        ("range", [from, to], [other_from, other_to]) => {
            let before = |a: &str, b: &str| compare(a, b) == Some(Ordering::Less);
            before(from, other_to) && before(other_from, to)
        }
        _ => false,
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// Which is less, where that can be told without the column's type: of numbers, and of dates and times in
/// ISO's form without a zone, of which a date is its first moment.
fn compare(one: &str, other: &str) -> Option<Ordering> {
    match (one, other) {
        ("minvalue", "maxvalue") => return Some(Ordering::Less),
        ("maxvalue", "minvalue") => return Some(Ordering::Greater),
        ("minvalue" | "maxvalue", _) if one == other => return Some(Ordering::Equal),
        ("minvalue", _) | (_, "maxvalue") => return Some(Ordering::Less),
        ("maxvalue", _) | (_, "minvalue") => return Some(Ordering::Greater),
        _ => {}
    }
    if let (Ok(one), Ok(other)) = (one.parse::<i64>(), other.parse::<i64>()) {
        return Some(one.cmp(&other));
    }
    Some(moment(one)?.cmp(&moment(other)?))
}

/// `2026-01-31`, `2026-01-31 12:00:00`: both of one length.
fn moment(text: &str) -> Option<String> {
    let text = text.replace('T', " ");
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    match shape.as_str() {
        "0000-00-00" => Some(format!("{text} 00:00:00")),
        "0000-00-00 00:00" => Some(format!("{text}:00")),
        "0000-00-00 00:00:00" => Some(text),
        _ => None,
    }
}
