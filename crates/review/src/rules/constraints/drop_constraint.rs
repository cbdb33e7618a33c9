//! Constraints that are dropped.

use crate::rule::prelude::*;

pub(super) const FOREIGN: Rule = Rule {
    code: "SR0116",
    name: "drop-foreign-key",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_foreign_key.md"),
    look: Look::Statement(foreign),
};

pub(super) const OTHER: Rule = Rule {
    code: "SR0117",
    name: "drop-constraint",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_constraint.md"),
    look: Look::Statement(other),
};

pub(super) const PRIMARY: Rule = Rule {
    code: "SR0118",
    name: "drop-primary-key",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_primary_key.md"),
    look: Look::Statement(primary),
};

/// A constraint that is dropped.
struct Dropped<'a> {
    table: &'a Relation,
    name: &'a str,
    action: &'a Action,
    /// What it demands, where that is known.
    kind: Option<&'a ConstraintKind>,
    /// It was made by the same deploy, or never looked at old rows.
    harmless: bool,
    /// `IF EXISTS`, and as far as the files tell it does not.
    absent: bool,
}

fn dropped<'a>(at: &At<'a>) -> Vec<Dropped<'a>> {
    let Some((table, actions)) = at.alters() else { return Vec::new() };
    let first = at.script.options.pending_from.unwrap_or(at.script.number);
    let dropped = actions.iter().filter_map(|action| {
        let ActionKind::DropConstraint { name, if_exists, .. } = &action.kind else { return None };
        let whole = at.schema.table(table)?.all_columns;
        let known = at.schema.table(table)?.constraints.iter().find(|known| known.name == *name);
        let harmless = known.is_some_and(|known| known.born.is_some_and(|born| born.script >= first));
        let absent = *if_exists && whole && known.is_none();
        Some(Dropped { table, name, action, kind: known.map(|known| &known.kind), harmless, absent })
    });
    let unknown = actions.iter().filter_map(|action| match &action.kind {
        ActionKind::DropConstraint { name, .. } if at.schema.table(table).is_none() => {
            Some(Dropped { table, name, action, kind: None, harmless: false, absent: false })
        }
        _ => None,
    });
    dropped.chain(unknown).collect()
}

impl Dropped<'_> {
    fn is_foreign(&self) -> bool {
        let words = ["_fkey", "_fk", "_foreign"];
        match self.kind {
            Some(kind) => matches!(kind, ConstraintKind::Foreign(_)),
            None => words.iter().any(|end| self.name.ends_with(end)) || self.name.starts_with("fk_"),
        }
    }

    fn is_primary(&self) -> bool {
        match self.kind {
            Some(kind) => matches!(kind, ConstraintKind::Primary { .. }),
            None => {
                ["_pkey", "_pk"].iter().any(|end| self.name.ends_with(end)) || self.name.starts_with("pk_")
            }
        }
    }

    /// The column that a check proves not to be null.
    fn proves_not_null(&self) -> Option<&str> {
        let Some(ConstraintKind::Check(Expr::IsNotNull(inner))) = self.kind else { return None };
        match inner.bare() {
            Expr::Column(path) => path.last().map(String::as_str),
            _ => None,
        }
    }

    /// The same statement adds one of that name.
    fn is_replaced(&self, actions: &[Action]) -> bool {
        actions.iter().any(|action| match &action.kind {
            ActionKind::AddConstraint(constraint) => constraint.name.as_deref() == Some(self.name),
            _ => false,
        })
    }
}

fn foreign(at: &At<'_>, out: &mut Out<'_>) {
    for dropped in dropped(at).into_iter().filter(Dropped::is_foreign) {
        let Dropped { table, name, .. } = dropped;
        let other = match dropped.kind {
            Some(ConstraintKind::Foreign(key)) => format!("`{}`", at.schema.short(&key.table)),
            _ => "the table that it points to".to_owned(),
        };
        let found = Found::new(
            format!("the foreign key `{name}` of `{table}` is dropped"),
            format!(
                "ACCESS EXCLUSIVE on `{table}` and on {other}: while one of the two is waited for, nobody can read or \
                 write the other; from then on rows may point to nothing"
            ),
        );
        out.push(at, found.at(dropped.action.at).help(
            "drop it alone in its transaction, under a short lock_timeout with another try, and lock the table that \
             it points to first",
        ));
    }
}

fn other(at: &At<'_>, out: &mut Out<'_>) {
    of_domain(at, out);
    let Some((table, actions)) = at.alters() else { return };
    for dropped in dropped(at) {
        let not_null = dropped.proves_not_null().and_then(|column| at.schema.column(table, column));
        let proven = not_null.is_some_and(|column| column.not_null);
        if dropped.is_foreign() || dropped.is_primary() || dropped.harmless || proven {
            continue;
        }
        let found = Found::new(
            format!("the {} `{}` of `{table}` is dropped", what(dropped.kind), dropped.name),
            "rows that it refused are taken from now on; to have it back, every row must be looked at again",
        );
        let replaced = dropped.is_replaced(actions);
        let found = if replaced || dropped.absent { found.severity(Severity::Info) } else { found };
        let help = if replaced {
            "add the new one under another name NOT VALID, validate it, then drop the old one"
        } else {
            "look whether code relies on it; drop it one release after the code that needs it has gone"
        };
        out.push(at, found.at(dropped.action.at).help(help));
    }
}

/// A domain's constraint is that of every column of it.
fn of_domain(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::AlterDomain { name, action: ActionKind::DropConstraint { name: constraint, .. } } = at.stmt
    else {
        return;
    };
    if at.is_new_type(name) {
        return;
    }
    let found = Found::new(
        format!("the constraint `{constraint}` of the domain `{name}` is dropped"),
        "values that it refused are taken from now on in every column of the domain; to have it back, all of their \
         tables are read",
    );
    out.push(
        at,
        found.help(
            "look whether code relies on it; drop it one release after the code that needs it has gone",
        ),
    );
}

fn what(kind: Option<&ConstraintKind>) -> &'static str {
    match kind {
        Some(ConstraintKind::Check(_)) => "check",
        Some(ConstraintKind::Unique { .. }) => "unique constraint",
        Some(ConstraintKind::Exclude) => "exclusion constraint",
        Some(ConstraintKind::NotNull { .. }) => "NOT NULL constraint",
        _ => "constraint",
    }
}

fn primary(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for dropped in dropped(at).into_iter().filter(Dropped::is_primary) {
        let adds = |action: &Action| match &action.kind {
            ActionKind::AddConstraint(constraint) => {
                matches!(constraint.kind, ConstraintKind::Primary { .. })
            }
            _ => false,
        };
        // A key that takes the place of another in the same statement.
        if dropped.harmless || actions.iter().any(adds) {
            continue;
        }
        let known = at.schema.table(table).and_then(|table| table.replica_identity.as_ref());
        let other = known
            .is_some_and(|identity| matches!(identity, ReplicaIdentity::Full | ReplicaIdentity::Index(_)));
        let why = if other {
            "rows may be there twice from now on, and to have it back, its index is built again"
        } else {
            "it is the replica identity: where the table is published, every UPDATE and DELETE on it fails from now \
             on; and rows may be there twice"
        };
        let found = Found::new(format!("the primary key `{}` of `{table}` is dropped", dropped.name), why);
        let found = if other { found.severity(Severity::Warning) } else { found };
        out.push(at, found.at(dropped.action.at).help(
            "build the new key's index with CREATE UNIQUE INDEX CONCURRENTLY, then drop the old key and add the new \
             one USING INDEX in one ALTER TABLE",
        ));
    }
}
