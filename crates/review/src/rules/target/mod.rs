//! What the target says of itself: rules that know little or nothing without it.
//!
//! They stand in the list of `history`, whose codes they have.

use switchback_sql::Relation;
use switchback_sql::ast::Stmt;
use switchback_sql::locks::Mode;

use crate::cx::At;
use crate::live::Fact;
use crate::out::{Found, Out};

pub(super) mod applied;
pub(super) mod busy;
pub(super) mod drift;
pub(super) mod indexes;
pub(super) mod limits;
mod names;
pub(super) mod partition;
pub(super) mod rights;
pub(super) mod size;

/// The locks on tables that others use: by the name that the statement has for it, and by that of the
/// target.
fn locks<'a>(at: &'a At<'_>) -> impl Iterator<Item = (&'a Relation, String, Mode)> {
    let tables = at.effects.locks.iter().filter(|lock| at.schema.index(&lock.relation).is_none());
    let used = tables.filter(|lock| at.is_used(&lock.relation));
    used.filter_map(|lock| Some((&lock.relation, key(at, &lock.relation)?, lock.mode)))
}

/// The name that the target has for it.
fn key(at: &At<'_>, relation: &Relation) -> Option<String> {
    at.script.live.key(&at.schema.resolve(relation))
}

/// The tables whose every row the statement writes, and the bytes of them with their indexes.
fn written<'a>(at: &'a At<'_>) -> (Vec<&'a Relation>, u64) {
    let every: Vec<&Relation> = match at.stmt {
        Stmt::Update { table, filter: None, .. } => vec![table],
        _ => at.effects.rewrites.iter().collect(),
    };
    let used: Vec<&Relation> = every.into_iter().filter(|table| at.is_used(table)).collect();
    let size =
        |table: &&Relation| at.script.live.table(&at.schema.resolve(table)).map_or(0, |t| t.total_bytes);
    let bytes = used.iter().map(size).sum();
    (used, bytes)
}

/// Says once in a script that something is not known of the target that would matter here; nothing where
/// it is known.
fn not_known(at: &At<'_>, fact: Fact, message: &str, out: &mut Out<'_>) {
    let Some(why) = at.script.live.unknown.get(&fact) else { return };
    let found = Found::new(message, format!("the target does not tell {}: {why}", fact.words()));
    let found = found.help("find it out before this runs").severity(switchback_model::Severity::Info);
    out.push(at, found.once("unknown"));
}

/// As people read it: `45 s`, `14 min 05 s`, `2 h 10 min`.
fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `a`, `a and b`, `a, b and 3 more`: in backticks.
fn list<T: std::fmt::Display>(all: &[T]) -> String {
    let names: Vec<String> = all.iter().take(3).map(|one| format!("`{one}`")).collect();
    match (names.as_slice(), all.len()) {
        ([first, second], 2) => format!("{first} and {second}"),
        (names, count) if count > names.len() => {
            format!("{} and {} more", names.join(", "), count - names.len())
        }
        (names, _) => names.join(", "),
    }
}
