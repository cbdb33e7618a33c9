//! Names that running code uses, and that change.

use crate::rule::prelude::*;
use crate::rules::data_loss::is_new;

pub(super) const COLUMN: Rule = Rule {
    code: "SR0701",
    name: "rename-column",
    severity: Severity::Error,
    style: false,
    page: include_str!("rename_column.md"),
    look: Look::Statement(column),
};

pub(super) const TABLE: Rule = Rule {
    code: "SR0702",
    name: "rename-table",
    severity: Severity::Error,
    style: false,
    page: include_str!("rename_table.md"),
    look: Look::Statement(table),
};

pub(super) const SCHEMA: Rule = Rule {
    code: "SR0703",
    name: "rename-schema",
    severity: Severity::Error,
    style: false,
    page: include_str!("rename_schema.md"),
    look: Look::Statement(schema),
};

pub(super) const OBJECT: Rule = Rule {
    code: "SR0704",
    name: "rename-object",
    severity: Severity::Warning,
    style: false,
    page: include_str!("rename_object.md"),
    look: Look::Statement(object),
};

pub(super) const MOVED: Rule = Rule {
    code: "SR0710",
    name: "set-schema",
    severity: Severity::Error,
    style: false,
    page: include_str!("set_schema.md"),
    look: Look::Statement(moved),
};

pub(super) const OWNER: Rule = Rule {
    code: "SR0715",
    name: "alter-owner",
    severity: Severity::Warning,
    style: false,
    page: include_str!("alter_owner.md"),
    look: Look::Statement(owner),
};

fn column(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Rename { kind: ObjectKind::Column, relation, part: Some(part), to, .. } = at.stmt else {
        return;
    };
    if at.is_new_column(relation, part) {
        return;
    }
    let found = Found::new(
        format!("`{relation}.{part}` is renamed to `{to}`"),
        "running code that names the old column fails from the commit on, and new code fails until then: there is no \
         moment at which both work",
    );
    out.push(at, found.help(format!(
        "add `{to}` beside it, have code (or a trigger) write both, copy the old values in batches, read the new one, \
         and drop `{part}` one release later",
    )));
}

fn table(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Rename { kind, relation, to, part: None, .. } = at.stmt else { return };
    if !matches!(kind, ObjectKind::Table | ObjectKind::ForeignTable) || at.is_new(relation) {
        return;
    }
    let view = |known: &Table| matches!(known.kind, TableKind::View | TableKind::MaterializedView);
    if at.schema.table(relation).is_some_and(view) {
        return;
    }
    // The index or view of an `ALTER TABLE … RENAME` has a rule of its own.
    if at.schema.table(relation).is_none() && at.schema.index(relation).is_some() {
        return;
    }
    if at.in_transaction() && stays(at, relation) {
        return;
    }
    let found = Found::new(
        format!("the table `{relation}` is renamed to `{to}`"),
        "running code that uses the old name fails from the commit on, and new code fails until then",
    );
    out.push(at, found.help(format!(
        "make a view of the old name in the same transaction (CREATE VIEW {} AS SELECT * FROM …, with the table's \
         privileges), and drop it one release later",
        quoted(relation)
    )));
}

/// Something of the same name takes its place in the same transaction.
fn stays(at: &At<'_>, relation: &Relation) -> bool {
    let rest = at.script.after_near(at.number);
    let rest = rest
        .take_while(|stmt| !matches!(stmt, Stmt::Transaction(Transaction::Commit | Transaction::Rollback)));
    let wanted = at.schema.resolve(relation);
    rest.into_iter().any(|stmt| match stmt {
        Stmt::CreateView(view) => !view.materialized && at.schema.resolve(&view.name) == wanted,
        Stmt::CreateTable(table) => at.schema.resolve(&table.name) == wanted,
        Stmt::Rename { relation: other, to, part: None, .. } => {
            *to == wanted.name && at.schema.resolve(other).schema == wanted.schema
        }
        _ => false,
    })
}

fn schema(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Rename { kind: ObjectKind::Schema, relation, part, to, .. } = at.stmt else { return };
    let name = part.as_deref().unwrap_or(&relation.name);
    if is_new(at, ObjectKind::Schema, &Relation::named(name)) {
        return;
    }
    let found = Found::new(
        format!("the schema `{name}` is renamed to `{to}`"),
        "everything in it has another name from the commit on: running code that names it, or has it in its \
         search_path, fails, and so do bodies of functions",
    );
    out.push(
        at,
        found
            .help("make the new schema beside it, with views of what is in the old one, and move code first"),
    );
}

fn object(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Rename { kind, relation, part, to, .. } = at.stmt else { return };
    let (what, name, new) = match kind {
        ObjectKind::View => ("view", relation.to_string(), at.is_new(relation)),
        // `ALTER TABLE` takes views too.
        ObjectKind::Table => match at.schema.table(relation).map(|known| known.kind) {
            Some(TableKind::View) => ("view", relation.to_string(), at.is_new(relation)),
            Some(TableKind::MaterializedView) => {
                ("materialised view", relation.to_string(), at.is_new(relation))
            }
            _ if of_constraint(at, relation) => ("constraint", relation.to_string(), at.is_new(relation)),
            _ => return,
        },
        // The constraint takes its index's name.
        ObjectKind::Index if of_constraint(at, relation) => {
            ("constraint", relation.to_string(), at.is_new(relation))
        }
        ObjectKind::MaterializedView => ("materialised view", relation.to_string(), at.is_new(relation)),
        ObjectKind::Type | ObjectKind::Domain => ("type", relation.to_string(), at.is_new_type(relation)),
        ObjectKind::Sequence => ("sequence", relation.to_string(), is_new(at, *kind, relation)),
        ObjectKind::Function => ("function", relation.to_string(), is_new(at, *kind, relation)),
        ObjectKind::Procedure => ("procedure", relation.to_string(), is_new(at, *kind, relation)),
        ObjectKind::Aggregate => ("aggregate", relation.to_string(), false),
        ObjectKind::Attribute => {
            ("attribute", attribute(relation, part.as_deref()), at.is_new_type(relation))
        }
        ObjectKind::Constraint => ("constraint", attribute(relation, part.as_deref()), at.is_new(relation)),
        ObjectKind::DomainConstraint => {
            ("constraint", attribute(relation, part.as_deref()), at.is_new_type(relation))
        }
        ObjectKind::Trigger => ("trigger", attribute(relation, part.as_deref()), at.is_new(relation)),
        ObjectKind::Policy => ("policy", attribute(relation, part.as_deref()), at.is_new(relation)),
        ObjectKind::Role => ("role", part.clone().unwrap_or_else(|| relation.name.clone()), false),
        ObjectKind::Database => ("database", part.clone().unwrap_or_else(|| relation.name.clone()), false),
        _ => return,
    };
    if new || part.is_none() && at.in_transaction() && stays(at, relation) {
        return;
    }
    let found = Found::new(
        format!("the {what} `{name}` is renamed to `{to}`"),
        match what {
            "constraint" => {
                "code that looks for the name in errors, or says ON CONFLICT ON CONSTRAINT, finds it no more"
            }
            "trigger" => "triggers of one event fire by the order of their names",
            "policy" => "nothing fails, but scripts that alter or drop it by the old name do",
            _ => "running code and bodies of functions that use the old name fail from the commit on",
        },
    );
    let small = ["constraint", "trigger", "policy"].contains(&what);
    let found = if small { found.severity(Severity::Info) } else { found };
    out.push(
        at,
        found.help(
            "make one of the new name beside it, move code to it, and drop the old one one release later",
        ),
    );
}

fn of_constraint(at: &At<'_>, index: &Relation) -> bool {
    at.schema.index(index).is_some_and(|known| known.constraint.is_some())
}

fn attribute(relation: &Relation, part: Option<&str>) -> String {
    format!("{relation}.{}", part.unwrap_or_default())
}

fn moved(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::SetSchema { kind, name, schema } = at.stmt else { return };
    if is_new(at, *kind, name) || at.is_new(name) {
        return;
    }
    let found = Found::new(
        format!("`{name}` moves to the schema `{schema}`"),
        format!(
            "running code that finds it in its search_path, or names its schema, fails unless it looks into `{schema}` too"
        ),
    );
    out.push(at, found.help(
        "make a view of the old name in the same transaction, or have every client's search_path hold the new schema \
         first",
    ));
}

fn owner(at: &At<'_>, out: &mut Out<'_>) {
    let found = |name: &str, role: &str| {
        let found = Found::new(
            format!("`{name}` belongs to `{role}` from now on"),
            "the new owner may alter and drop it, and is above its row level security; the old one, who perhaps runs \
             the migrations, may do neither any more",
        );
        found
            .help("keep one owner for all objects, the role that runs migrations, and GRANT what others need")
    };
    match at.stmt {
        Stmt::AlterTable { table, actions, .. } if at.is_used(table) => {
            for action in actions {
                if let ActionKind::Owner { role } = &action.kind {
                    out.push(at, found(&table.to_string(), role).at(action.at));
                }
            }
        }
        Stmt::Owner { kind: ObjectKind::Role, name, role } => {
            out.push(at, found(&format!("everything of {name}"), role));
        }
        Stmt::Owner { kind, name, role } if !is_new(at, *kind, name) => {
            out.push(at, found(&name.to_string(), role));
        }
        _ => {}
    }
}
