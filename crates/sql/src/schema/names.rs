//! The names that the server gives where none is written: `orders_total_check`, `t_pkey`, `t_a_idx1`
//! (`makeObjectName`, `ChooseRelationName`, `ChooseConstraintName` in its source).

use std::collections::BTreeMap;

use hashbrown::Equivalent;

use super::map::Map;
use super::{Relation, Schema};
use crate::ast::{Expr, Key};

/// No name is longer, in bytes.
const LONGEST: usize = 63;

/// A name that is looked up: as a [`Relation`], and nothing is copied for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name<'n> {
    pub(super) schema: Option<&'n str>,
    pub(super) name: &'n str,
}

impl<'n> Name<'n> {
    pub(super) fn of(relation: &'n Relation) -> Self {
        Self { schema: relation.schema.as_deref(), name: &relation.name }
    }

    pub(super) fn owned(self) -> Relation {
        Relation { schema: self.schema.map(str::to_owned), name: self.name.to_owned() }
    }
}

/// Its fields are hashed as those of a `Relation` are: in the same order, a `str` as a `String`.
impl Equivalent<Relation> for Name<'_> {
    fn equivalent(&self, relation: &Relation) -> bool {
        *self == Name::of(relation)
    }
}

/// Names of constraints, and how far numbers behind names are used up.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Constraints of a schema by name: how many.
    constraints: Map<Relation, usize>,
    /// The first number behind a name that was not found taken; without this a thousand indexes of one
    /// name would be counted through a thousand times.
    numbers: BTreeMap<Relation, usize>,
    /// The same at the mark.
    numbers_before: BTreeMap<Relation, usize>,
}

impl Names {
    pub(super) fn mark(&mut self) {
        self.constraints.mark();
        self.numbers_before = std::mem::take(&mut self.numbers);
    }

    pub(super) fn back(&mut self) {
        self.constraints.back();
        self.numbers = std::mem::take(&mut self.numbers_before);
    }

    /// A constraint of a table has a name.
    pub(super) fn take(&mut self, table: &Relation, constraint: &str) {
        *self.constraints.get_or_insert_with(beside(table, constraint), || 0) += 1;
    }

    /// It has it no more.
    pub(super) fn free(&mut self, table: &Relation, constraint: &str) {
        let name = beside(table, constraint);
        if let Some(count) = self.constraints.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.constraints.remove(&name);
            }
        }
        self.freed();
    }

    /// Some name is free again.
    pub(super) fn freed(&mut self) {
        self.numbers.clear();
    }
}

/// What a name is chosen for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A constraint without an index.
    Constraint,
    /// An index of a constraint.
    ConstraintIndex,
    /// An index, a sequence.
    Relation,
}

impl Schema {
    /// A name that is free, in the table's schema: `table_columns_label`, with a number where needed.
    pub(super) fn choose(&mut self, table: &Relation, columns: &str, label: &str, purpose: For) -> String {
        let first = beside(table, &object_name(&table.name, columns, label));
        let start = self.names.numbers.get(&first).copied().unwrap_or(0);
        for number in start.. {
            let label = if number == 0 { label.to_owned() } else { format!("{label}{number}") };
            let name = beside(table, &object_name(&table.name, columns, &label));
            if !self.is_taken(&name, purpose) {
                self.names.numbers.insert(first, number + 1);
                return name.name;
            }
        }
        first.name
    }

    fn is_taken(&self, name: &Relation, purpose: For) -> bool {
        let relation = || {
            self.tables.contains_key(name)
                || self.indexes.contains_key(name)
                || self.sequences.contains_key(name)
        };
        let constraint = || self.names.constraints.contains_key(name);
        match purpose {
            For::Constraint => constraint(),
            For::ConstraintIndex => relation() || constraint(),
            For::Relation => relation(),
        }
    }
}

/// A name in a relation's schema.
pub(super) fn beside(relation: &Relation, name: &str) -> Relation {
    Relation { schema: relation.schema.clone(), name: name.to_owned() }
}

/// `table_columns_label`, where the longer of the first two loses what is too much.
fn object_name(table: &str, columns: &str, label: &str) -> String {
    let around = label.len() + 1 + usize::from(!columns.is_empty());
    let room = LONGEST.saturating_sub(around);
    let (table_len, columns_len) = share(table.len(), columns.len(), room);
    let table = &table[..table.floor_char_boundary(table_len)];
    let columns = &columns[..columns.floor_char_boundary(columns_len)];
    if columns.is_empty() { format!("{table}_{label}") } else { format!("{table}_{columns}_{label}") }
}

/// How much of each stays, so that both fit: the longer one gives first, of equals the second.
fn share(first: usize, second: usize, room: usize) -> (usize, usize) {
    if first + second <= room {
        return (first, second);
    }
    if first >= room - room / 2 && second >= room / 2 {
        (room - room / 2, room / 2)
    } else if first < second {
        (first, room - first)
    } else {
        (room - second, second)
    }
}

/// The columns of an index as its name has them (`FigureIndexColname`).
pub(super) fn index_columns(keys: &[Key], include: &[String]) -> String {
    let mut names: Vec<String> = Vec::new();
    let keys = keys.iter().map(|key| match key {
        Key::Column(name) => name.as_str(),
        Key::Expr(expr) => expr_name(expr).unwrap_or("expr"),
    });
    for name in keys.chain(include.iter().map(String::as_str)) {
        // An index has at most 32 columns, so there is always a number soon.
        let free = (0..).map(|n| if n == 0 { name.to_owned() } else { format!("{name}{n}") });
        names.extend(free.take(names.len() + 1).find(|free| !names.contains(free)));
        if names.len() > 32 {
            break;
        }
    }
    names.join("_")
}

fn expr_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(path) => path.last().map(String::as_str),
        Expr::Call { name, .. } => Some(&name.name),
        Expr::Cast(inner, of) => expr_name(inner).or(Some(&of.name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_from_their_longer_part() {
        assert_eq!(object_name("t", "a_b", "key"), "t_a_b_key");
        assert_eq!(object_name("t", "", "pkey"), "t_pkey");
        let long = object_name(&"t".repeat(63), "c", "check");
        assert_eq!(long, format!("{}_c_check", "t".repeat(55)));
        let both = object_name(&"t".repeat(63), &"c".repeat(63), "fkey");
        assert_eq!(both, format!("{}_{}_fkey", "t".repeat(29), "c".repeat(28)));
        assert_eq!(object_name(&"ä".repeat(31), "c", "check"), format!("{}_c_check", "ä".repeat(27)));
    }

    #[test]
    fn shares_are_as_if_bytes_were_taken_one_by_one() {
        for (first, second, room) in (0..70).flat_map(|a| (0..70).map(move |b| (a, b, 57))) {
            let (mut a, mut b) = (first, second);
            while a + b > room {
                if a > b { a -= 1 } else { b -= 1 }
            }
            assert_eq!(share(first, second, room), (a, b), "{first} {second}");
        }
    }
}
