//! The locks that a transaction holds.

use std::collections::BTreeMap;

use switchback_sql::Relation;
use switchback_sql::ast::{Action, ActionKind, Constraint, ConstraintKind, ObjectKind, Stmt};
use switchback_sql::locks::Mode;

/// A lock that is held.
#[derive(Clone, Debug)]
pub struct Held {
    /// On what.
    pub relation: Relation,
    /// How strong.
    pub mode: Mode,
    /// The number of the statement that took it.
    pub by: usize,
    /// What that is.
    pub taker: Taker,
}

/// The kind of statement that took a lock; it may stand in the body of a `DO` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// `ALTER TABLE`.
    Alter {
        /// A foreign key is added by it.
        foreign_key: bool,
    },
    /// `DROP` of a view, an index, …: of anything but a table.
    DropOther,
    /// A query.
    Select,
    /// Any other.
    Other,
}

impl Taker {
    pub(super) fn of(stmt: &Stmt) -> Self {
        match stmt {
            Stmt::AlterTable { actions, .. } => {
                Self::Alter { foreign_key: actions.iter().any(adds_foreign_key) }
            }
            Stmt::Drop { kind, .. } if *kind != ObjectKind::Table => Self::DropOther,
            Stmt::Select(_) => Self::Select,
            _ => Self::Other,
        }
    }
}

fn adds_foreign_key(action: &Action) -> bool {
    let is_foreign = |one: &Constraint| matches!(one.kind, ConstraintKind::Foreign(_));
    match &action.kind {
        ActionKind::AddConstraint(constraint) => is_foreign(constraint),
        ActionKind::AddColumn { column, .. } => column.constraints.iter().any(is_foreign),
        _ => false,
    }
}

/// Locks in the order in which they were taken. Those on one relation are found at once, however many
/// there are on others: a transaction may have a hundred thousand statements.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    all: Vec<Held>,
    /// Where those on relations of a name, in any schema, stand.
    by_name: BTreeMap<String, Vec<usize>>,
    /// Where those in ACCESS EXCLUSIVE mode stand.
    exclusive: Vec<usize>,
}

impl Locks {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.all.iter()
    }

    /// The locks on a relation.
    pub fn on(&self, relation: &Relation) -> impl DoubleEndedIterator<Item = &Held> {
        let places = self.by_name.get(&relation.name).into_iter().flatten();
        places.map(|place| &self.all[*place]).filter(move |held| held.relation.same(relation))
    }

    /// The locks in ACCESS EXCLUSIVE mode.
    pub fn exclusive(&self) -> impl Iterator<Item = &Held> {
        self.exclusive.iter().map(|place| &self.all[*place])
    }

    /// Takes a lock, unless one that is as strong is held on the relation already.
    pub(super) fn take(&mut self, relation: &Relation, mode: Mode, (by, taker): (usize, Taker)) {
        if self.on(relation).any(|held| held.mode >= mode && held.relation == *relation) {
            return;
        }
        let place = self.all.len();
        self.by_name.entry(relation.name.clone()).or_default().push(place);
        if mode == Mode::AccessExclusive {
            self.exclusive.push(place);
        }
        self.all.push(Held { relation: relation.clone(), mode, by, taker });
    }

    /// The relation has another name from here on.
    pub(super) fn rename(&mut self, relation: &Relation, to: &str) {
        let Some(places) = self.by_name.remove(&relation.name) else { return };
        let (moved, kept): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|place| self.all[*place].relation.same(relation));
        for place in &moved {
            to.clone_into(&mut self.all[*place].relation.name);
        }
        self.by_name.insert(relation.name.clone(), kept);
        let there = self.by_name.entry(to.to_owned()).or_default();
        there.extend(moved);
        there.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_found_by_any_name_of_their_relation() {
        let (bare, full) =
            (Relation::named("a"), Relation { schema: Some("public".into()), name: "a".into() });
        let mut locks = Locks::default();
        let by = |number| (number, Taker::Other);
        locks.take(&bare, Mode::AccessShare, by(0));
        locks.take(&bare, Mode::AccessShare, by(1));
        locks.take(&full, Mode::AccessExclusive, by(2));
        locks.take(&Relation { schema: Some("other".into()), name: "a".into() }, Mode::Share, by(3));
        let by = |locks: &Locks, on: &Relation| locks.on(on).map(|held| held.by).collect::<Vec<_>>();
        assert_eq!(by(&locks, &full), [0, 2]);
        assert_eq!(by(&locks, &bare), [0, 2]);
        locks.rename(&bare, "b");
        assert_eq!(by(&locks, &bare), [0_usize; 0]);
        assert_eq!(by(&locks, &Relation::named("b")), [0, 2]);
        assert_eq!(locks.exclusive().map(|held| held.by).collect::<Vec<_>>(), [2]);
        assert_eq!(locks.iter().count(), 3);
    }
}
