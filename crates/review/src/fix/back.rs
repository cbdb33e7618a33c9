//! The way down of a migration, put apart as its way up was: each new one takes back what it did.

use switchback_sql::ast::{Action, ActionKind, Stmt};
use switchback_sql::{PieceKind, Relation, split as pieces_of};

use super::split::Piece;
use super::{Back, Place, joined};
use crate::cx::{Read, What, read_script};
use crate::layout::Part;
use crate::made::{Made, Thing, public};
use crate::rule::{ident, quoted};

/// What takes a migration back.
pub(super) struct Undo {
    /// Its text.
    pub(super) text: String,
    /// It is what was there.
    pub(super) unchanged: bool,
}

/// What a migration has that only looked, or that goes with another one. A way down without a statement
/// is read as none by many tools.
const NOTHING: &str = "-- Nothing to take back.\nSELECT 1;";

/// The way down of each piece; nothing where there is none.
pub(super) fn parts(at: &Place<'_>, pieces: &[Piece]) -> Result<Option<Vec<Undo>>, String> {
    let (path, text, part);
    match at.target.back {
        Back::Nowhere => return Ok(None),
        Back::Section(section) => (path, text, part) = (at.target.path, at.target.text, section.clone()),
        Back::File { path: file, text: all } => {
            (path, text) = (file, all);
            part = Part { range: 0..all.len(), ..at.target.part.clone() };
        }
    }
    let reads = read_script(&part.script(path, text));
    if reads.is_empty() {
        return Ok(None);
    }
    let ups: Vec<Up> = pieces.iter().map(Up::of).collect();
    let mut owners = Vec::new();
    for read in &reads {
        owners.push(owner(read, &ups, pieces).ok_or_else(|| {
            let statement: Vec<&str> = text[read.range.clone()].split_whitespace().take(6).collect();
            format!("it can't be seen what `{} …` takes back", statement.join(" "))
        })?);
    }
    let section = &text[part.range.clone()];
    if owners.iter().all(|owner| *owner == 0) && !ups.iter().any(|up| up.fixed && up.makes_anything(&reads)) {
        let rest = (1..pieces.len()).map(|_| Undo { text: NOTHING.to_owned(), unchanged: false });
        let first = Undo { text: section.trim().to_owned(), unchanged: true };
        return Ok(Some([first].into_iter().chain(rest).collect()));
    }
    let mut undos = Vec::new();
    for (number, up) in ups.iter().enumerate() {
        let mut statements = up.inverse(&ups[..number], &reads)?;
        let own = reads.iter().zip(&owners).filter(|(_, owner)| **owner == number);
        statements.extend(own.map(|(read, _)| text[read.from..read.range.end].trim().to_owned()));
        let text =
            if statements.is_empty() { NOTHING.to_owned() } else { format!("{};", joined(statements)) };
        undos.push(Undo { text, unchanged: false });
    }
    Ok(Some(undos))
}

/// A piece of the way up, read.
struct Up {
    stmts: Vec<(Stmt, String)>,
    fixed: bool,
    outside: bool,
}

impl Up {
    fn of(piece: &Piece) -> Self {
        let text = &piece.text;
        let found = pieces_of(text).filter(|found| found.kind == PieceKind::Statement);
        let stmts = found.filter_map(|found| {
            let own = found.text(text).to_owned();
            Some((switchback_sql::read::read(&own).ok()?, own))
        });
        Self { stmts: stmts.collect(), fixed: piece.fixed, outside: piece.outside }
    }

    fn made(&self) -> Option<Made> {
        Made::of_stmts(self.stmts.iter().map(|(stmt, _)| stmt))
    }

    fn makes_anything(&self, down: &[Read]) -> bool {
        !self.inverse(&[], down).is_ok_and(|statements| statements.is_empty())
    }

    /// What takes back the statements of a fix that the old way down knows nothing of, the last first.
    fn inverse(&self, before: &[Self], down: &[Read]) -> Result<Vec<String>, String> {
        if !self.fixed {
            return Ok(Vec::new());
        }
        let known = taken(down);
        let mut statements = Vec::new();
        for (stmt, text) in self.stmts.iter().rev() {
            let unknown = || format!("what `{text}` does can't be taken back by itself");
            match stmt {
                Stmt::CreateIndex(index) => {
                    let name = index.name.clone().ok_or_else(unknown)?;
                    let index = Relation { schema: index.table.schema.clone(), name };
                    if !known.contains(&Thing::Index(public(&index))) {
                        let word = if self.outside { "CONCURRENTLY " } else { "" };
                        statements.push(format!("DROP INDEX {word}IF EXISTS {}", quoted(&index)));
                    }
                }
                Stmt::AlterTable { table, actions, .. } => {
                    let [action] = actions.as_slice() else { return Err(unknown()) };
                    statements.extend(undone(table, action, before, &known).ok_or_else(unknown)?);
                }
                // Rows, settings, statistics; and what stood there before, which the old way down knows or
                // nobody does.
                _ => {}
            }
        }
        Ok(statements)
    }
}

/// What takes an action back; nothing where it can't be said.
fn undone(table: &Relation, action: &Action, before: &[Up], known: &[Thing]) -> Option<Vec<String>> {
    let (on, of) = (quoted(table), public(table));
    let unless = |thing: Thing, statement: String| {
        if known.contains(&thing) { Vec::new() } else { vec![statement] }
    };
    Some(match &action.kind {
        ActionKind::ValidateConstraint { .. } => Vec::new(),
        ActionKind::AddConstraint(constraint) => {
            let name = constraint.name.clone()?;
            let drop = format!("ALTER TABLE {on} DROP CONSTRAINT {}", ident(&name));
            unless(Thing::Constraint(of, name), drop)
        }
        ActionKind::DropConstraint { name, .. } => {
            let added = |stmt: &Stmt| adds(stmt, table, name);
            let statements = before.iter().filter(|up| up.fixed).flat_map(|up| &up.stmts);
            vec![statements.filter(|(stmt, _)| added(stmt)).map(|(_, text)| text.clone()).next()?]
        }
        ActionKind::SetNotNull { column } => {
            let drop = format!("ALTER TABLE {on} ALTER COLUMN {} DROP NOT NULL", ident(column));
            unless(Thing::NotNull(of, column.clone()), drop)
        }
        ActionKind::AddColumn { column, .. } => {
            let drop = format!("ALTER TABLE {on} DROP COLUMN {}", ident(&column.name));
            unless(Thing::Column(of, column.name.clone()), drop)
        }
        // It goes with the column that was added with it.
        ActionKind::SetDefault { column, .. } => {
            if !known.contains(&Thing::Column(of, column.clone())) {
                return None;
            }
            Vec::new()
        }
        _ => return None,
    })
}

fn adds(stmt: &Stmt, table: &Relation, name: &str) -> bool {
    let Stmt::AlterTable { table: on, actions, .. } = stmt else { return false };
    on.same(table)
        && actions.iter().any(|action| {
            matches!(&action.kind, ActionKind::AddConstraint(constraint) if constraint.name.as_deref() == Some(name))
        })
}

/// Everything that a way down takes back.
fn taken(down: &[Read]) -> Vec<Thing> {
    down.iter().filter_map(Read::stmt).filter_map(|stmt| Made::of_stmts([stmt])).flat_map(things).collect()
}

fn things(made: Made) -> Vec<Thing> {
    made.created.into_keys().chain(made.dropped.into_keys()).chain(made.changed.into_keys()).collect()
}

/// The piece that a statement of the way down takes back: the last that did something to the same.
fn owner(read: &Read, ups: &[Up], pieces: &[Piece]) -> Option<usize> {
    let What::Statement(stmt) = &read.what else { return None };
    let wanted = things(Made::of_stmts([&**stmt])?);
    let found = ups.iter().rposition(|up| {
        up.made().is_some_and(|made| things(made).iter().any(|thing| wanted.contains(thing)))
    });
    // What is no definition, as rows that are put back, belongs to what was there.
    let mut there = (0..pieces.len()).filter(|number| !pieces[*number].fixed);
    found.or_else(|| there.next().filter(|_| there.next().is_none()))
}
