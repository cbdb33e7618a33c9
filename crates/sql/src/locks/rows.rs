//! Statements on rows.

use super::Mode;
use super::builder::Builder;
use crate::ast::{ConstraintKind, Expr, OnDelete, Query, Stmt};
use crate::statement::Relation;

/// What happens to rows of a table, as far as foreign keys ask.
enum Touch<'s> {
    Insert,
    Update(Vec<&'s str>),
    Delete,
}

impl Builder<'_> {
    pub(super) fn rows(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Insert { table, source, .. } => {
                self.write(table, &Touch::Insert);
                self.query(source.as_deref());
            }
            Stmt::Update { table, assignments, reads, filter, writes } => {
                let columns = assignments.iter().map(|(column, _)| column.as_str()).collect();
                self.write(table, &Touch::Update(columns));
                self.read(reads, Mode::AccessShare);
                self.unfiltered(table, filter.as_ref());
                self.all(writes);
            }
            Stmt::Delete { table, reads, filter, writes } => {
                self.write(table, &Touch::Delete);
                self.read(reads, Mode::AccessShare);
                self.unfiltered(table, filter.as_ref());
                self.all(writes);
            }
            Stmt::Merge { table, reads, writes } => {
                self.lock(table, Mode::RowExclusive);
                self.read(reads, Mode::AccessShare);
                self.all(writes);
            }
            Stmt::Copy { table: Some(table), from, .. } => {
                if *from {
                    self.write(table, &Touch::Insert);
                } else {
                    self.lock(table, Mode::AccessShare);
                    self.scan(table);
                }
            }
            Stmt::Select(query) => self.query(Some(query)),
            _ => {}
        }
    }

    /// What a query locks and, where nothing chooses among the rows, reads through.
    pub(super) fn query(&mut self, query: Option<&Query>) {
        let Some(query) = query else { return };
        let mode = if query.locking { Mode::RowShare } else { Mode::AccessShare };
        self.read(&query.tables, mode);
        let nested = query.others.iter().any(|expr| matches!(expr, Expr::Query(_)));
        if let ([table], None, false, false) = (query.tables.as_slice(), &query.filter, query.limited, nested)
        {
            self.scan(table);
        }
        self.all(&query.writes);
    }

    fn all(&mut self, statements: &[Stmt]) {
        for statement in statements {
            self.rows(statement);
        }
    }

    fn unfiltered(&mut self, table: &Relation, filter: Option<&Expr>) {
        if filter.is_none_or(Expr::is_constant) {
            self.scan(table);
        }
    }

    fn write(&mut self, table: &Relation, touch: &Touch<'_>) {
        let schema = self.place.schema;
        let name = schema.resolve(table);
        // Which partitions an insert goes to depends on its rows.
        let family = if matches!(touch, Touch::Insert) { vec![name] } else { schema.family(&name) };
        self.lock_all(&family, Mode::RowExclusive);
        for table in &family {
            self.referenced(table, touch);
            self.referencing(table, touch);
        }
    }

    /// A new row looks for the one that it points to.
    fn referenced(&mut self, table: &Relation, touch: &Touch<'_>) {
        let constraints = self.table(table).map(|table| table.constraints.as_slice()).unwrap_or_default();
        for constraint in constraints.iter().filter(|constraint| constraint.enforced) {
            if let ConstraintKind::Foreign(key) = &constraint.kind {
                let asks = match touch {
                    Touch::Insert => true,
                    Touch::Update(columns) => key.columns.iter().any(|own| columns.contains(&own.as_str())),
                    Touch::Delete => false,
                };
                if asks {
                    self.lock(&key.table, Mode::RowShare);
                }
            }
        }
    }

    /// A row that goes looks for those that point to it.
    fn referencing(&mut self, table: &Relation, touch: &Touch<'_>) {
        let mut next = vec![self.place.schema.resolve(table)];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(table) = next.pop() {
            if !seen.insert(table.clone()) {
                continue;
            }
            for (other, key) in self.place.schema.enforced_keys_to(&table) {
                let asks = match touch {
                    Touch::Insert => false,
                    Touch::Update(columns) => {
                        key.referenced.iter().any(|own| columns.contains(&own.as_str()))
                    }
                    Touch::Delete => true,
                };
                if !asks {
                    continue;
                }
                let refuses = key.on_delete == OnDelete::Refuse || !matches!(touch, Touch::Delete);
                self.lock(&other.name, if refuses { Mode::RowShare } else { Mode::RowExclusive });
                if key.on_delete == OnDelete::Cascade && !refuses {
                    next.push(other.name.clone());
                }
            }
        }
    }
}
