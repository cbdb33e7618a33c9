//! Objects other than tables that are dropped.

use crate::rule::prelude::*;

pub(super) const SCHEMA: Rule = Rule {
    code: "SR0603",
    name: "drop-schema",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_schema.md"),
    look: Look::Statement(schema),
};

pub(super) const DATABASE: Rule = Rule {
    code: "SR0604",
    name: "drop-database",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_database.md"),
    look: Look::Statement(database),
};

pub(super) const TYPE: Rule = Rule {
    code: "SR0606",
    name: "drop-type",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_type.md"),
    look: Look::Statement(types),
};

pub(super) const SEQUENCE: Rule = Rule {
    code: "SR0607",
    name: "drop-sequence",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_sequence.md"),
    look: Look::Statement(sequence),
};

pub(super) const EXTENSION: Rule = Rule {
    code: "SR0608",
    name: "drop-extension",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_extension.md"),
    look: Look::Statement(extension),
};

pub(super) const OWNED: Rule = Rule {
    code: "SR0610",
    name: "drop-owned",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_owned.md"),
    look: Look::Statement(owned),
};

pub(super) const ROLE: Rule = Rule {
    code: "SR0611",
    name: "drop-role",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_role.md"),
    look: Look::Statement(role),
};

pub(super) const TABLESPACE: Rule = Rule {
    code: "SR0612",
    name: "drop-tablespace",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_tablespace.md"),
    look: Look::Statement(tablespace),
};

pub(super) const POLICY: Rule = Rule {
    code: "SR0613",
    name: "drop-policy",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_policy.md"),
    look: Look::Statement(policy),
};

pub(super) const PUBLICATION: Rule = Rule {
    code: "SR0614",
    name: "drop-publication",
    severity: Severity::Error,
    style: false,
    page: include_str!("drop_publication.md"),
    look: Look::Statement(publication),
};

/// The objects of one kind that a statement drops, without those of the same deploy; and `CASCADE`.
fn dropped<'a>(at: &At<'a>, kinds: &[ObjectKind]) -> (Vec<&'a Relation>, bool) {
    let Stmt::Drop { kind, names, cascade, .. } = at.stmt else { return (Vec::new(), false) };
    if !kinds.contains(kind) {
        return (Vec::new(), false);
    }
    (names.iter().filter(|name| !super::is_new(at, *kind, name)).collect(), *cascade)
}

fn schema(at: &At<'_>, out: &mut Out<'_>) {
    let (names, cascade) = dropped(at, &[ObjectKind::Schema]);
    for name in names {
        let tables: Vec<String> =
            at.schema.tables_in(&name.name).iter().take(6).map(|table| format!("`{table}`")).collect();
        let found = if cascade {
            let known = if tables.is_empty() { String::new() } else { format!(": {}", list(tables)) };
            Found::new(
                format!("the schema `{name}` is dropped with everything in it{known}"),
                "every table in it, with its rows, every view, type and function is gone for good, and running code \
                 that uses them fails",
            )
        } else {
            let found = Found::new(
                format!("the schema `{name}` is dropped"),
                "it fails where anything is in the schema; running code that has it in its search_path or names it \
                 fails",
            );
            found.severity(Severity::Warning)
        };
        out.push(
            at,
            found.help("drop what is in it by name, one release after the code that uses it has gone"),
        );
    }
}

fn list(mut names: Vec<String>) -> String {
    if names.len() > 5 {
        names.truncate(5);
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn database(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Database, names, .. } = at.stmt else { return };
    for name in names {
        let found = Found::new(
            format!("the database `{name}` is dropped"),
            "everything in it is gone for good; it can't be rolled back, and nothing but a backup brings it back",
        );
        out.push(
            at,
            found.help("leave databases to whoever runs the server; a migration changes the one it is in"),
        );
    }
}

fn types(at: &At<'_>, out: &mut Out<'_>) {
    for name in dropped(at, &[ObjectKind::Type, ObjectKind::Domain]).0 {
        let columns = at.schema.columns_of_type(name).into_iter().take(6);
        let columns: Vec<String> = columns
            .map(|(table, column)| format!("`{}.{}`", at.schema.short(&table.name), column.name))
            .collect();
        let used = if columns.is_empty() { String::new() } else { format!(", which {} have", list(columns)) };
        let found = Found::new(
            format!("the type `{name}` is dropped"),
            format!("running code that casts to it, or looked up its number at its start, fails{used}"),
        );
        out.push(at, found.help(
            "give its columns and functions another type first, and drop it one release after the code that uses it",
        ));
    }
}

fn sequence(at: &At<'_>, out: &mut Out<'_>) {
    for name in dropped(at, &[ObjectKind::Sequence]).0 {
        let found = Found::new(
            format!("the sequence `{name}` is dropped"),
            "its last value is lost: one that is made anew gives numbers that were given before; and every INSERT or \
             code that calls nextval() on it fails",
        );
        out.push(at, found.help(
            "look which columns and code take numbers from it; where it is made anew, start it above the greatest \
             number",
        ));
    }
}

fn extension(at: &At<'_>, out: &mut Out<'_>) {
    let (names, cascade) = dropped(at, &[ObjectKind::Extension]);
    for name in names {
        let found = if cascade {
            Found::new(
                format!("the extension `{name}` is dropped with every column and index that uses it"),
                "its types, functions and operators go, and CASCADE drops the columns of its types with their values, \
                 the indexes of its operators, and views",
            )
        } else {
            Found::new(
                format!("the extension `{name}` is dropped"),
                "its types, functions and operators go, and running code that uses them fails; it fails itself where \
                 a column or an index uses it",
            )
        };
        out.push(at, found.help(
            "change what uses it first, by name, and drop it without CASCADE one release after the code that uses it",
        ));
    }
}

fn owned(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::DropOwned { roles, .. } = at.stmt else { return };
    let roles = roles.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", ");
    let found = Found::new(
        format!("everything that {roles} owns in this database is dropped"),
        "tables with their rows, views, functions that nobody has named are gone for good, and every privilege of the \
         role; what that is, the database decides on which it runs",
    );
    out.push(at, found.help("REASSIGN OWNED first, so that nothing but privileges is left, or drop by name"));
}

fn role(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::DropRole { names } = at.stmt else { return };
    let made = |name: &str| {
        at.script
            .before_near(at.number)
            .any(|stmt| matches!(stmt, Stmt::Role { name: made, alter: false, .. } if made == name))
    };
    for name in names.iter().filter(|name| !made(name)) {
        let found = Found::new(
            format!("the role `{name}` is dropped"),
            "roles belong to the whole server: whoever connects as it in any database can't any more, and a backup of \
             this database doesn't bring it back",
        );
        out.push(
            at,
            found.help(
                "leave roles to whoever runs the server; take its LOGIN away first, and look who misses it",
            ),
        );
    }
}

fn tablespace(at: &At<'_>, out: &mut Out<'_>) {
    for name in dropped(at, &[ObjectKind::Tablespace]).0 {
        let found = Found::new(
            format!("the tablespace `{name}` is dropped"),
            "it belongs to the whole server, can't stand in a transaction block, and fails where any database has \
             something in it",
        );
        out.push(
            at,
            found.help("leave tablespaces to whoever runs the server; they are not part of a schema"),
        );
    }
}

fn policy(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Policy, names, parts, .. } = at.stmt else { return };
    for (table, name) in names.iter().zip(parts).filter(|(table, _)| at.is_used(table)) {
        let again = at.script.after_near(at.number).any(|stmt| match stmt {
            Stmt::Policy(policy) => !policy.alter && policy.name == *name && policy.table.same(table),
            _ => false,
        });
        let found = Found::new(
            format!("the policy `{name}` of `{table}` is dropped"),
            "other rows are seen and written from now on: fewer where it let some through, more where it was \
             restrictive; ACCESS EXCLUSIVE waits for every query on the table",
        );
        let found = if again {
            let found =
                found.help("it is made anew: ALTER POLICY changes it in one step, with no time without it");
            if at.in_transaction() { found.severity(Severity::Info) } else { found }
        } else {
            found.help("make the policy that takes its place first, in the same transaction")
        };
        out.push(at, found);
    }
}

fn publication(at: &At<'_>, out: &mut Out<'_>) {
    for name in dropped(at, &[ObjectKind::Publication]).0 {
        let found = Found::new(
            format!("the publication `{name}` is dropped"),
            "subscribers to it stop with an error, while their slots keep WAL on this server until its disk is full",
        );
        out.push(at, found.help("drop the subscriptions first, or have them follow another publication"));
    }
}
