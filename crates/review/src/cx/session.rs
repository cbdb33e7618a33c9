//! What a session has set, begun and locked when a statement begins.

use std::collections::BTreeMap;

use switchback_sql::Relation;
use switchback_sql::ast::{Expr, ObjectKind, Stmt, Transaction};
use switchback_sql::locks::Effects;

use super::held::{Held, Locks, Taker};

/// A transaction that is open.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// The number of its `BEGIN`; nothing: whoever runs the script began it.
    pub begun: Option<usize>,
    /// Locks on relations that others use.
    pub held: Locks,
    /// Nobody began it: several statements were sent as one query. A `BEGIN` in it is in order, and makes
    /// it one that was begun.
    pub implicit: bool,
}

/// What a session has set, begun and locked.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The open transaction; nothing: each statement is one of its own.
    pub transaction: Option<Running>,
    /// Variables that were set, and not reset.
    pub settings: BTreeMap<String, String>,
    /// Those of them that end with the transaction, with their value before.
    local: BTreeMap<String, Option<String>>,
    /// The statement before left the transaction of whoever runs the script.
    was_outside: bool,
    /// All statements are sent as one query.
    one_query: bool,
}

/// Of a session, what the body of a `DO` block does not change for the statements behind it.
pub(crate) struct Outside {
    /// No transaction was open.
    alone: bool,
    settings: BTreeMap<String, String>,
    local: BTreeMap<String, Option<String>>,
}

impl Session {
    /// At the beginning of a script; `wrapped`: whoever runs it begins a transaction; `one_query`: they
    /// send its statements, of which there are several, as one query.
    pub fn new(wrapped: bool, one_query: bool) -> Self {
        let running = Running { implicit: !wrapped, ..Running::default() };
        Self { transaction: (wrapped || one_query).then_some(running), one_query, ..Self::default() }
    }

    /// Leaves the transaction that whoever runs the script began, where a statement does, and begins
    /// another behind it.
    pub(crate) fn stands(&mut self, outside: bool, wrapped: bool) {
        if outside {
            self.transaction = None;
        } else if std::mem::take(&mut self.was_outside) && wrapped {
            self.transaction = Some(Running::default());
        }
        self.was_outside |= outside;
    }

    /// Goes into the body of a `DO` block, which is a transaction of its own where it is in no other.
    /// [`Session::leave`] wants to have what this gives.
    pub(crate) fn enter(&mut self, number: usize) -> Outside {
        let alone = self.transaction.is_none();
        self.transaction.get_or_insert_with(|| Running { begun: Some(number), ..Running::default() });
        Outside { alone, settings: self.settings.clone(), local: self.local.clone() }
    }

    /// Leaves the body of a `DO` block: what it locked is held, and settings are as they were before it.
    pub(crate) fn leave(&mut self, outside: Outside) {
        if outside.alone {
            self.transaction = None;
        }
        (self.settings, self.local) = (outside.settings, outside.local);
    }

    /// The variable's value, where it was set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Whether the session's time zone has no offset.
    pub fn utc(&self) -> bool {
        let zone = self.setting("timezone").unwrap_or_default();
        ["utc", "gmt", "etc/utc", "zulu", "uct", "0", "+00", "+00:00"]
            .iter()
            .any(|utc| zone.eq_ignore_ascii_case(utc))
    }

    /// The strongest lock that is held on a relation.
    pub fn held(&self, relation: &Relation) -> Option<&Held> {
        self.transaction.as_ref()?.held.on(relation).max_by_key(|held| held.mode)
    }

    /// Takes in what a statement does. `used` says of a relation whether others use it.
    pub fn apply(&mut self, number: usize, stmt: &Stmt, effects: &Effects, used: impl Fn(&Relation) -> bool) {
        match stmt {
            Stmt::Transaction(word) => return self.transaction(number, *word),
            _ => {
                for (name, value, local) in settings(stmt) {
                    self.set(&name, value, local);
                }
            }
        }
        let Some(running) = &mut self.transaction else { return };
        if let Stmt::Rename { kind: ObjectKind::Table, relation, to, .. } = stmt {
            running.held.rename(relation, to);
        }
        let taker = Taker::of(stmt);
        for lock in effects.locks.iter().filter(|lock| used(&lock.relation)) {
            running.held.take(&lock.relation, lock.mode, (number, taker));
        }
    }

    fn transaction(&mut self, number: usize, word: Transaction) {
        match word {
            Transaction::Begin if self.transaction.is_none() => {
                self.transaction = Some(Running { begun: Some(number), ..Running::default() });
            }
            Transaction::Begin => {
                if let Some(running) = self.transaction.as_mut().filter(|running| running.implicit) {
                    (running.begun, running.implicit) = (Some(number), false);
                }
            }
            Transaction::Commit | Transaction::Rollback | Transaction::Prepare => {
                let next = Running { implicit: true, ..Running::default() };
                self.transaction = self.one_query.then_some(next);
                for (name, value) in std::mem::take(&mut self.local) {
                    match value {
                        Some(value) => self.settings.insert(name, value),
                        None => self.settings.remove(&name),
                    };
                }
            }
            _ => {}
        }
    }

    fn set(&mut self, name: &str, value: Option<&str>, local: bool) {
        if name == "all" && value.is_none() {
            return self.settings.clear();
        }
        if local {
            let before = self.settings.get(name).cloned();
            self.local.entry(name.to_owned()).or_insert(before);
        }
        match value {
            Some(value) => self.settings.insert(name.to_owned(), value.to_owned()),
            None => self.settings.remove(name),
        };
    }
}

/// The variables that a statement sets: name in lower case, value, and whether until the transaction
/// ends. `set_config` with texts that stand there counts as `SET` does.
pub fn settings(stmt: &Stmt) -> Vec<(String, Option<&str>, bool)> {
    match stmt {
        Stmt::Set { name, value, local } => vec![(name.clone(), value.as_deref(), *local)],
        Stmt::Select(query) if query.constant => {
            query.columns.iter().filter_map(|(_, value)| configured(value)).collect()
        }
        _ => Vec::new(),
    }
}

fn configured(expr: &Expr) -> Option<(String, Option<&str>, bool)> {
    let Expr::Call { name, args } = expr.bare() else { return None };
    if name.name != "set_config" || name.schema.is_some() {
        return None;
    }
    match args.as_slice() {
        [Expr::Text(variable), Expr::Text(value), Expr::Bool(local)] => {
            Some((variable.to_ascii_lowercase(), Some(value), *local))
        }
        _ => None,
    }
}
