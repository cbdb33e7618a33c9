//! What a statement does to what is known, if it succeeds.

mod alter;
mod constraints;
mod drops;
mod renames;
mod tables;

use std::collections::BTreeSet;

use super::names::{For, beside, index_columns};
use super::{
    Born, Function, Index, Made, MadeKind, Relation, Schema, SequenceState, TEMPORARY, Table, TableKind,
};
use crate::ast::{
    ActionKind, ConstraintKind, CreateFunction, CreateIndex, CreateView, Expr, Publication, Query, Sequence,
    Stmt, Transaction,
};

/// The server's own limit: no table has more columns, so that nobody has to search longer.
const MOST_COLUMNS: usize = 1600;

impl Schema {
    /// Takes in what a statement does, if it succeeds. What it says of relations that were never seen
    /// being made is kept too: they become tables of which not all columns are known.
    pub fn apply(&mut self, statement: &Stmt, born: Born) {
        match statement {
            Stmt::Transaction(part) => self.end_of_transaction(*part),
            Stmt::Set { name, value, local } => self.set(name, value.as_deref(), *local),
            Stmt::Discard { all: true } => self.search_path.clone_from(&self.home_path),
            Stmt::Comment { .. } | Stmt::Grant(_) | Stmt::Unread | Stmt::Other => {}
            _ => {
                self.apply_to_rows(statement);
                self.apply_to_relations(statement, born);
                self.apply_to_others(statement, born);
            }
        }
    }

    /// A new session begins: the search path is as it was before the first script.
    pub fn new_session(&mut self) {
        self.search_path.clone_from(&self.home_path);
        self.path_after = None;
    }

    fn apply_to_rows(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Insert { source, .. } => self.apply_query(source.as_deref()),
            Stmt::Select(query) => self.apply_query(Some(query)),
            Stmt::Update { writes, .. } | Stmt::Delete { writes, .. } => {
                for written in writes {
                    self.apply_to_rows(written);
                }
            }
            _ => {}
        }
    }

    fn apply_to_relations(&mut self, statement: &Stmt, born: Born) {
        match statement {
            Stmt::CreateTable(create) => self.create_table(create, born),
            Stmt::AlterTable { kind, table, if_exists, only, actions } => {
                self.alter_table(*kind, table, *if_exists, *only, actions, born);
            }
            Stmt::CreateIndex(create) => self.create_index(create, born),
            Stmt::CreateView(create) => self.create_view(create, born),
            Stmt::Drop { kind, names, parts, arguments, .. } => {
                self.drop_objects(*kind, names, parts, arguments, born);
            }
            Stmt::Rename { kind, relation, part, to, .. } => {
                self.rename(*kind, relation, part.as_deref(), to);
            }
            Stmt::SetSchema { kind, name, schema } => self.set_schema(*kind, name, schema),
            Stmt::Sequence(sequence) => self.apply_sequence(sequence, born),
            Stmt::CreateTrigger(create) => {
                let triggers = &mut self.table_or_unknown(&create.table).triggers;
                if !triggers.contains(&create.name) {
                    triggers.push(create.name.clone());
                }
            }
            Stmt::Policy(policy) if !policy.alter => {
                self.table_or_unknown(&policy.table).policies.push(policy.name.clone());
            }
            _ => {}
        }
    }

    fn apply_to_others(&mut self, statement: &Stmt, born: Born) {
        match statement {
            Stmt::CreateFunction(create) => self.create_function(create, born),
            Stmt::AlterFunction { name, changes } => self.alter_function(name, changes),
            Stmt::CreateEnum { name, labels } => {
                self.make_type(name, MadeKind::Enum(labels.clone()), born);
            }
            Stmt::CreateType { name, .. } => self.make_type(name, MadeKind::Other, born),
            Stmt::CreateDomain { name, base, constraints } => {
                let kind = MadeKind::Domain(base.clone(), !constraints.is_empty());
                self.make_type(name, kind, born);
            }
            Stmt::AlterEnum { name, old, new, .. } => self.alter_enum(name, old.as_deref(), new),
            Stmt::AlterDomain { name, action } => self.alter_domain(name, action),
            Stmt::CreateExtension { name, .. } => {
                self.extensions.insert(name.clone());
            }
            Stmt::Publication(publication) => self.apply_publication(publication),
            _ => {}
        }
    }

    fn set(&mut self, name: &str, value: Option<&str>, local: bool) {
        if name != "search_path" && name != "all" {
            return;
        }
        if local && self.path_after.is_none() {
            self.path_after = Some(self.search_path.clone());
        }
        self.search_path = value.map_or_else(|| self.home_path.clone(), path);
    }

    fn end_of_transaction(&mut self, part: Transaction) {
        if matches!(part, Transaction::Commit | Transaction::Rollback | Transaction::Prepare)
            && let Some(path) = self.path_after.take()
        {
            self.search_path = path;
        }
    }

    /// What a query does besides reading: statements in its `WITH` that write, and `set_config`, by which
    /// a dump sets the search path.
    fn apply_query(&mut self, query: Option<&Query>) {
        let Some(query) = query else { return };
        for written in &query.writes {
            self.apply_to_rows(written);
        }
        for (_, column) in &query.columns {
            if let Expr::Call { name, args } = column
                && name.name == "set_config"
                && let [Expr::Text(variable), Expr::Text(value), local] = args.as_slice()
            {
                self.set(&variable.to_lowercase(), Some(value), *local == Expr::Bool(true));
            }
        }
    }

    /// The full name of something that is made.
    fn new_name(&self, name: &Relation, temporary: bool) -> Relation {
        let schema = name.schema.as_deref().unwrap_or_else(|| self.first_schema());
        let schema = if temporary { TEMPORARY } else { schema };
        Relation { schema: Some(schema.to_owned()), name: name.name.clone() }
    }

    /// A table; one of which nothing was known so far is from before the scripts.
    fn table_or_unknown(&mut self, name: &Relation) -> &mut Table {
        let name = self.resolve(name);
        self.made_under(&name);
        self.tables.get_or_insert_with(name.clone(), || Table { name, ..Table::default() })
    }

    fn create_index(&mut self, create: &CreateIndex, born: Born) {
        let table = self.resolve(&create.table);
        if let Some(name) = &create.name
            && create.if_not_exists
            && self.indexes.contains_key(&beside(&table, name))
        {
            return;
        }
        let partitioned = self.tables.get(&table).is_some_and(|table| table.kind == TableKind::Partitioned);
        let index = Index {
            unique: create.unique,
            method: create.method.clone(),
            keys: create.keys.clone(),
            special: create.special,
            include: create.include.clone(),
            partial: create.filter.is_some(),
            valid: !(create.only && partitioned),
            born: Some(born),
            ..Index::default()
        };
        let parts = if create.only { vec![table.clone()] } else { self.partition_family(&table) };
        for part in parts {
            let given = create.name.clone().filter(|_| part == table);
            self.build_index(&part, given, index.clone());
        }
    }

    /// Keeps an index on a table, under the name that is given or under the server's.
    fn build_index(&mut self, table: &Relation, given: Option<String>, index: Index) {
        let name = given.unwrap_or_else(|| {
            let columns = index_columns(&index.keys, &index.include);
            self.choose(table, &columns, "idx", For::Relation)
        });
        self.keep_index(Index { name: beside(table, &name), table: table.clone(), ..index });
    }

    fn create_view(&mut self, create: &CreateView, born: Born) {
        let name = self.new_name(&create.name, create.temporary);
        if create.if_not_exists && self.tables.contains_key(&name) {
            return;
        }
        let (columns, all_columns) = self.query_columns(&create.query);
        let mut reads_columns = Vec::new();
        create.query.walk(&mut |expr| {
            if let Expr::Column(path) = expr {
                reads_columns.extend(path.last().filter(|name| *name != "*").cloned());
            }
        });
        // `*` stands for the columns that are there when the view is made.
        for table in &create.query.whole {
            match self.table(table).filter(|table| table.all_columns) {
                Some(table) => {
                    reads_columns.extend(table.columns.iter().map(|column| column.name.clone()));
                }
                None => reads_columns.push("*".into()),
            }
        }
        reads_columns.sort();
        reads_columns.dedup();
        let before = self.tables.get(&name).map(|before| (before.born, before.triggers.clone()));
        let (born, triggers) = before.unwrap_or((Some(born), Vec::new()));
        let kind = if create.materialized { TableKind::MaterializedView } else { TableKind::View };
        let view = Table {
            kind,
            columns,
            all_columns,
            triggers,
            reads: create.query.tables.iter().map(|table| self.resolve(table)).collect(),
            reads_columns,
            temporary: create.temporary,
            born,
            name: name.clone(),
            ..Table::default()
        };
        if self.tables.get(&name).is_some_and(|before| before.kind == kind) {
            // `OR REPLACE` leaves what stands on the view.
            self.take_table(&name);
        } else {
            self.forget_table(&name);
        }
        self.keep_table(view);
    }

    fn create_function(&mut self, create: &CreateFunction, born: Born) {
        let name = self.new_name(&create.name, false);
        let known = self.functions.get(&name).into_iter().flatten();
        let mut same = known.filter(|known| create.replace && known.arguments == create.arguments);
        let before = same.next().map(|known| known.born);
        self.keep_function(Function {
            name,
            arguments: create.arguments.clone(),
            volatility: create.volatility.clone().unwrap_or_else(|| "volatile".to_owned()),
            language: create.language.clone(),
            born: before.unwrap_or(Some(born)),
        });
    }

    /// Which of several functions of one name is meant isn't said; so all of them are.
    fn alter_function(&mut self, name: &Relation, changes: &[(String, String)]) {
        let name = self.resolve_function(name);
        let volatility = changes.iter().rev().find(|(what, _)| what == "volatility");
        let (Some((_, volatility)), Some(functions)) = (volatility, self.functions.get_mut(&name)) else {
            return;
        };
        for function in functions {
            function.volatility.clone_from(volatility);
        }
    }

    fn make_type(&mut self, name: &Relation, kind: MadeKind, born: Born) {
        let name = self.new_name(name, false);
        self.keep_type(name, Made { kind, born: Some(born) });
    }

    fn alter_enum(&mut self, name: &Relation, old: Option<&str>, new: &str) {
        let name = self.resolve(name);
        let unknown = || Made { kind: MadeKind::Enum(Vec::new()), born: None };
        self.made_under(&name);
        let MadeKind::Enum(labels) = &mut self.types.get_or_insert_with(name, unknown).kind else { return };
        match old.and_then(|old| labels.iter().position(|label| label == old)) {
            Some(place) => new.clone_into(&mut labels[place]),
            None if labels.last().is_some_and(|last| last == new) => {}
            None => labels.push(new.to_owned()),
        }
    }

    fn alter_domain(&mut self, name: &Relation, action: &ActionKind) {
        let demands = matches!(action, ActionKind::AddConstraint(_) | ActionKind::SetNotNull { .. });
        let name = self.resolve(name);
        if demands
            && let Some(Made { kind: MadeKind::Domain(_, constrained), .. }) = self.types.get_mut(&name)
        {
            *constrained = true;
        }
    }

    fn apply_sequence(&mut self, sequence: &Sequence, born: Born) {
        let (name, mut state) = if sequence.alter {
            let name = self.resolve(&sequence.name);
            let state = self.take_sequence(&name).unwrap_or_default();
            (name, state)
        } else {
            let state = SequenceState { born: Some(born), ..SequenceState::default() };
            (self.new_name(&sequence.name, false), state)
        };
        if let Some(of) = &sequence.of {
            state.of = Some(of.clone());
        }
        if let Some(owner) = &sequence.owned_by {
            state.owned_by = self.owner(owner);
        }
        self.keep_sequence(name, state);
    }

    /// Table and column of `OWNED BY a.b.c`; nothing for `NONE`.
    fn owner(&self, parts: &[String]) -> Option<(Relation, String)> {
        let (table, schema, column) = match parts {
            [table, column] => (table, None, column),
            [.., schema, table, column] => (table, Some(schema.clone()), column),
            _ => return None,
        };
        Some((self.resolve(&Relation { schema, name: table.clone() }), column.clone()))
    }

    fn apply_publication(&mut self, publication: &Publication) {
        let adds = publication.adds.iter().map(|table| self.resolve(table)).collect::<Vec<_>>();
        let drops = publication.drops.iter().map(|table| self.resolve(table)).collect::<Vec<_>>();
        if publication.all_tables {
            self.publications.insert(publication.name.clone(), None);
            return;
        }
        let known =
            self.publications.entry(publication.name.clone()).or_insert_with(|| Some(BTreeSet::new()));
        let Some(tables) = known else { return };
        if publication.sets || !publication.alter {
            tables.clear();
        }
        tables.extend(adds);
        for table in drops {
            tables.remove(&table);
        }
    }
}

/// The schemas of a search path as it is written, those that everybody has left out.
fn path(value: &str) -> Vec<String> {
    let schemas = value.split(',').map(|schema| schema.trim().trim_matches(['"', '\'']).trim());
    let own = ["", "$user", "pg_catalog", "pg_temp"];
    schemas.filter(|schema| !own.contains(schema)).map(str::to_owned).collect()
}
