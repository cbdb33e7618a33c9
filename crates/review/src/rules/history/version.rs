//! What the target's version does not have yet, or no more.

mod names;
mod phrases;

use crate::rule::prelude::*;
use names::{FUNCTIONS, JSON, SETTINGS, since};
use phrases::Phrases;

pub(super) const RULE: Rule = Rule {
    code: "SR1221",
    name: "unsupported-on-target-version",
    severity: Severity::Error,
    style: false,
    page: include_str!("unsupported_on_target_version.md"),
    look: Look::Statement(look),
};

/// The last version that takes `SET UNLOGGED` of a partitioned table, of which it makes nothing.
const UNLOGGED_PARTS: u32 = 17;

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let mut needs = Needs { at, version: at.script.options.version, missing: Vec::new() };
    needs.statement(at.stmt);
    let Some(missing) = needs.missing.into_iter().max_by_key(|missing| missing.since) else { return };
    let Missing { what, since, until, byte } = missing;
    let version = at.script.options.version;
    let message = match until {
        Some(until) => format!("PostgreSQL {} has {what} no more, and the target is {version}", until + 1),
        None => format!("{what} came with PostgreSQL {since}, and the target is {version}"),
    };
    let found = Found::new(message, "the server refuses the statement");
    let help = "write it as the target's version has it; or, where the target is of another version, say so: \
                --server-version, or [review] in switchback.toml";
    out.push(at, found.at(byte).help(help));
}

/// Something that the target does not have.
struct Missing {
    what: String,
    since: u32,
    /// The last version that has it.
    until: Option<u32>,
    byte: usize,
}

/// What a statement needs that the target does not have.
struct Needs<'n, 'a> {
    at: &'n At<'a>,
    version: u32,
    missing: Vec<Missing>,
}

impl Needs<'_, '_> {
    fn since(&mut self, what: &str, since: u32, byte: usize) {
        if since > self.version {
            self.missing.push(Missing { what: what.to_owned(), since, until: None, byte });
        }
    }

    fn until(&mut self, what: &str, until: u32, byte: usize) {
        if until < self.version {
            self.missing.push(Missing { what: what.to_owned(), since: 0, until: Some(until), byte });
        }
    }

    /// What its text says, where a version below `since` would have to know.
    fn phrases(&mut self, since: u32, look: impl FnOnce(&mut Self, &Phrases)) {
        if since > self.version {
            let phrases = Phrases::of(self.at.text);
            look(self, &phrases);
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::CreateTable(table) => self.table(table),
            Stmt::AlterTable { kind, table, actions, .. } => {
                for action in actions {
                    self.action(*kind, table, action);
                }
            }
            Stmt::CreateView(view) => {
                self.view_options(&view.options);
                self.query(&view.query);
            }
            Stmt::Select(query) | Stmt::Insert { source: Some(query), .. } => self.query(query),
            Stmt::Update { assignments, filter, .. } => {
                let values = assignments.iter().map(|(_, value)| value).chain(filter);
                values.for_each(|value| self.expr(value, 0));
                self.rows();
            }
            Stmt::Delete { filter, .. } => {
                if let Some(filter) = filter {
                    self.expr(filter, 0);
                }
                self.rows();
            }
            Stmt::Merge { .. } => self.merge(),
            Stmt::CreateIndex(index) if index.nulls_not_distinct => self.since("NULLS NOT DISTINCT", 15, 0),
            Stmt::Set { name, .. } => {
                if let Some(since) = since(SETTINGS, name) {
                    self.since(&format!("the setting `{name}`"), since, 0);
                }
            }
            _ => {
                self.tending(stmt);
                self.others(stmt);
            }
        }
    }

    /// What keeps tables in order.
    fn tending(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Reindex { kind, name, .. } => {
                let index = name.as_ref().and_then(|name| self.at.schema.index(name));
                if *kind == ObjectKind::Index && index.is_some_and(|index| self.is_partitioned(&index.table))
                {
                    self.since("REINDEX of a partitioned index", 14, 0);
                }
                if name.is_none() && *kind == ObjectKind::Database {
                    self.phrases(16, |needs, phrases| {
                        if phrases.has(&["database"]) && phrases.between("database", ";").is_empty() {
                            needs.since("REINDEX without the name of the database", 16, 0);
                        }
                    });
                }
                self.phrases(14, |needs, phrases| {
                    if phrases.between("(", ")").iter().any(|word| word == "tablespace") {
                        needs.since("REINDEX (TABLESPACE …)", 14, 0);
                    }
                });
            }
            Stmt::Cluster { table: Some(table) } if self.is_partitioned(table) => {
                self.since("CLUSTER of a partitioned table", 15, 0);
            }
            Stmt::Analyze { only, .. } if !only.is_empty() => self.since("ANALYZE ONLY", 18, 0),
            Stmt::Vacuum { .. } => self.phrases(18, |needs, phrases| {
                if phrases.has(&["only"]) {
                    needs.since("VACUUM ONLY", 18, 0);
                }
            }),
            _ => {}
        }
    }

    fn others(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::CreateTrigger(trigger) if trigger.replace => self.since("CREATE OR REPLACE TRIGGER", 14, 0),
            Stmt::CreateFunction(function) => {
                if function.body.is_none() && function.language == "sql" {
                    self.since("a body that is SQL itself", 14, 0);
                }
                if function.procedure {
                    self.phrases(14, |needs, phrases| {
                        if phrases.has(&["(", "out"]) || phrases.has(&[",", "out"]) {
                            needs.since("an OUT argument of a procedure", 14, 0);
                        }
                    });
                }
            }
            Stmt::AlterDomain { action: ActionKind::AddConstraint(constraint), .. } => {
                if matches!(constraint.kind, ConstraintKind::NotNull { .. }) {
                    self.since("NOT NULL as a constraint of a domain's own", 17, 0);
                }
            }
            Stmt::CreateStatistics { .. } => self.phrases(16, |needs, phrases| {
                if phrases.has(&["statistics", "on"]) {
                    needs.since("CREATE STATISTICS without a name", 16, 0);
                }
                if phrases.between("on", "from").iter().any(|token| token == "(") {
                    needs.since("statistics of an expression", 14, 0);
                }
            }),
            Stmt::Publication(_) => self.phrases(15, |needs, phrases| {
                if phrases.has(&["tables", "in", "schema"]) {
                    needs.since("a publication of the tables in a schema", 15, 0);
                }
                if phrases.between("table", "with").iter().any(|token| token == "(") {
                    needs.since("a publication of some columns or rows", 15, 0);
                }
            }),
            Stmt::Sequence(sequence) if !sequence.alter => self.phrases(15, |needs, phrases| {
                if phrases.has(&["unlogged", "sequence"]) {
                    needs.since("an unlogged sequence", 15, 0);
                }
            }),
            Stmt::Grant(grant) => {
                if grant.privileges.iter().any(|privilege| privilege == "maintain") {
                    self.since("the privilege MAINTAIN", 17, 0);
                }
                self.phrases(16, |needs, phrases| {
                    if phrases.has(&["on", "parameter"]) {
                        needs.since("a privilege on a parameter", 15, 0);
                    }
                    if phrases.has(&["with", "inherit"]) || phrases.has(&["with", "set"]) {
                        needs.since("GRANT … WITH INHERIT", 16, 0);
                    }
                });
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &CreateTable) {
        table.columns.iter().for_each(|column| self.column(column));
        let of_columns = table.columns.iter().flat_map(|column| &column.constraints);
        let texts = of_columns.chain(&table.constraints).any(|one| is_in_text(&one.kind));
        table.constraints.iter().for_each(|one| self.constraint(one));
        table.query.iter().for_each(|query| self.query(query));
        if table.unlogged && table.partition_by.is_some() {
            self.until("an unlogged partitioned table", UNLOGGED_PARTS, 0);
        }
        if texts {
            self.phrases(18, |needs, phrases| needs.constraint_text(phrases, 0));
        }
        if !table.like.is_empty() {
            self.phrases(14, |needs, phrases| {
                if phrases.has(&["including", "compression"]) {
                    needs.since("INCLUDING COMPRESSION", 14, 0);
                }
            });
        }
    }

    fn action(&mut self, kind: ObjectKind, table: &Relation, action: &Action) {
        let byte = action.at;
        match &action.kind {
            ActionKind::AddColumn { column, .. } => {
                self.column(column);
                if column.identity.is_some() && !self.at.schema.children_of(table).is_empty() {
                    self.since("an identity column in partitions", 17, byte);
                }
            }
            ActionKind::AddConstraint(one) => {
                self.constraint(one);
                if is_in_text(&one.kind) {
                    self.phrases(18, |needs, phrases| needs.constraint_text(phrases, byte));
                }
                if self.is_partitioned(table) {
                    self.partitioned_constraint(one);
                }
            }
            ActionKind::AlterConstraint { enforced, .. } => {
                if enforced.is_some() {
                    self.since("ALTER CONSTRAINT … ENFORCED", 18, byte);
                }
                self.phrases(18, |needs, phrases| {
                    let inherits =
                        [["alter", "constraint", "*", "inherit"], ["constraint", "*", "no", "inherit"]];
                    if inherits.iter().any(|phrase| phrases.has(phrase)) {
                        needs.since("ALTER CONSTRAINT … INHERIT", 18, byte);
                    }
                });
            }
            ActionKind::AlterType { to, .. } => self.of_type(to, byte),
            ActionKind::SetDefault { value, .. } => self.expr(value, byte),
            ActionKind::SetExpression { .. } => self.since("SET EXPRESSION", 17, byte),
            ActionKind::SetOptions(options) if kind == ObjectKind::View => self.view_options(options),
            ActionKind::Detach { concurrently: true, .. } => {
                self.since("DETACH PARTITION CONCURRENTLY", 14, byte);
            }
            ActionKind::Detach { finalize: true, .. } => self.since("DETACH PARTITION FINALIZE", 14, byte),
            _ => self.storage(kind, table, action),
        }
    }

    fn storage(&mut self, kind: ObjectKind, table: &Relation, action: &Action) {
        let byte = action.at;
        match &action.kind {
            ActionKind::SetCompression => self.since("SET COMPRESSION", 14, byte),
            ActionKind::SetStorage => self.phrases(16, |needs, phrases| {
                if phrases.has(&["set", "storage", "default"]) {
                    needs.since("SET STORAGE DEFAULT", 16, byte);
                }
            }),
            ActionKind::SetStatistics => self.phrases(17, |needs, phrases| {
                if phrases.has(&["set", "statistics", "default"]) {
                    needs.since("SET STATISTICS DEFAULT", 17, byte);
                }
            }),
            ActionKind::SetAccessMethod => {
                self.since("SET ACCESS METHOD", 15, byte);
                if self.is_partitioned(table) {
                    self.since("SET ACCESS METHOD of a partitioned table", 17, byte);
                }
                self.phrases(17, |needs, phrases| {
                    if phrases.has(&["access", "method", "default"]) {
                        needs.since("SET ACCESS METHOD DEFAULT", 17, byte);
                    }
                });
            }
            ActionKind::SetLogged | ActionKind::SetUnlogged if self.is_partitioned(table) => {
                self.until("SET LOGGED and SET UNLOGGED of a partitioned table", UNLOGGED_PARTS, byte);
            }
            ActionKind::SetLogged | ActionKind::SetUnlogged
                if kind == ObjectKind::Sequence || self.at.schema.sequence(table).is_some() =>
            {
                self.since("an unlogged sequence", 15, byte);
            }
            _ => {}
        }
    }

    fn view_options(&mut self, options: &[(String, String)]) {
        if options.iter().any(|(name, _)| name == "security_invoker") {
            self.since("a view with security_invoker", 15, 0);
        }
    }

    fn is_partitioned(&self, table: &Relation) -> bool {
        self.at.schema.table(table).is_some_and(|known| known.kind == TableKind::Partitioned)
    }

    fn column(&mut self, column: &Column) {
        if column.generated_virtual {
            self.since("a virtual generated column", 18, column.at);
        }
        if column.storage {
            self.since("STORAGE at a new column", 16, column.at);
        }
        self.of_type(&column.of, column.at);
        column.default.iter().chain(&column.generated).for_each(|value| self.expr(value, column.at));
        column.constraints.iter().for_each(|one| self.constraint(one));
    }

    fn of_type(&mut self, of: &Type, byte: usize) {
        if of.schema.is_none() && of.name.ends_with("multirange") {
            self.since(&format!("the type `{}`", of.name), 14, byte);
        }
        if let ("numeric", [precision, scale]) = (of.name.as_str(), of.modifiers.as_slice())
            && !(0..=*precision).contains(scale)
        {
            self.since("a scale of `numeric` outside of its precision", 15, byte);
        }
    }

    fn constraint(&mut self, constraint: &Constraint) {
        let byte = constraint.at;
        if constraint.not_enforced {
            self.since("NOT ENFORCED", 18, byte);
        }
        match &constraint.kind {
            ConstraintKind::NotNull { column } if !column.is_empty() => {
                self.since("NOT NULL as a constraint of its own", 18, byte);
            }
            ConstraintKind::Check(check) => self.expr(check, byte),
            _ => {}
        }
    }

    fn partitioned_constraint(&mut self, constraint: &Constraint) {
        match &constraint.kind {
            ConstraintKind::Exclude => {
                self.since("EXCLUDE on a partitioned table", 17, constraint.at);
            }
            ConstraintKind::Foreign(_) if constraint.not_valid => {
                self.since("a NOT VALID foreign key of a partitioned table", 18, constraint.at);
            }
            _ => {}
        }
    }

    fn constraint_text(&mut self, phrases: &Phrases, byte: usize) {
        if phrases.has(&["nulls", "not", "distinct"]) {
            self.since("NULLS NOT DISTINCT", 15, byte);
        }
        if phrases.has(&["without", "overlaps"]) {
            self.since("WITHOUT OVERLAPS", 18, byte);
        }
        if phrases.has(&["delete", "set", "null", "("]) || phrases.has(&["delete", "set", "default", "("]) {
            self.since("ON DELETE SET of some columns", 15, byte);
        }
    }

    fn merge(&mut self) {
        self.since("MERGE", 15, 0);
        self.phrases(17, |needs, phrases| {
            if phrases.has(&["matched", "by"]) {
                needs.since("WHEN NOT MATCHED BY SOURCE", 17, 0);
            }
            if phrases.has(&["returning"]) {
                needs.since("MERGE … RETURNING", 17, 0);
            }
        });
    }

    /// `UPDATE`, `DELETE`.
    fn rows(&mut self) {
        self.phrases(18, |needs, phrases| {
            let returned = phrases.between("returning", ";");
            let old = |pair: &[String]| matches!(pair[0].as_str(), "old" | "new") && pair[1] == ".";
            if returned.windows(2).any(old) {
                needs.since("OLD and NEW in RETURNING", 18, 0);
            }
            if phrases.has_new_number() {
                needs.since("a number such as 0x1F or 1_000", 16, 0);
            }
        });
    }

    fn query(&mut self, query: &Query) {
        self.written(query, 0);
        query.walk(&mut |expr| self.part(expr, 0));
    }

    fn expr(&mut self, expr: &Expr, byte: usize) {
        expr.walk(&mut |expr| self.part(expr, byte));
    }

    fn written(&mut self, query: &Query, byte: usize) {
        for (what, since) in &query.newer {
            self.since(what, *since, byte);
        }
    }

    fn part(&mut self, expr: &Expr, byte: usize) {
        match expr {
            Expr::Call { name, args } => self.call(name, args, byte),
            Expr::Op(name, _) => {
                if let Some(since) = since(JSON, name) {
                    self.since(&name.to_uppercase(), since, byte);
                }
            }
            Expr::Cast(_, of) => self.of_type(of, byte),
            Expr::Query(query) | Expr::InQuery(_, query) => self.written(query, byte),
            _ => {}
        }
    }

    fn call(&mut self, name: &Relation, args: &[Expr], byte: usize) {
        // One with a schema is somebody's own.
        if name.schema.is_some() {
            return;
        }
        let ranged = name.name == "random" && !args.is_empty();
        let since = if ranged { Some(17) } else { since(FUNCTIONS, &name.name) };
        if let Some(since) = since.filter(|since| *since > self.version)
            && self.at.schema.functions(name).next().is_none()
        {
            let what =
                if ranged { "`random()` with bounds".to_owned() } else { format!("`{}()`", name.name) };
            self.since(&what, since, byte);
        }
    }
}

/// Whether more may be written of the constraint than our tree keeps.
fn is_in_text(kind: &ConstraintKind) -> bool {
    match kind {
        ConstraintKind::Primary { .. } | ConstraintKind::Unique { .. } => true,
        ConstraintKind::Foreign(key) => key.on_delete == OnDelete::Set,
        _ => false,
    }
}
