//! What the role that runs migrations may not do there.

use super::{key, list, not_known};
use crate::live::Fact;
use crate::rule::prelude::*;

pub(in crate::rules) const EXTENSION: Rule = Rule {
    code: "SR1238",
    name: "extension-not-available",
    severity: Severity::Error,
    style: false,
    page: include_str!("extension_not_available.md"),
    look: Look::Statement(extension),
};

pub(in crate::rules) const PRIVILEGE: Rule = Rule {
    code: "SR1239",
    name: "missing-privilege",
    severity: Severity::Error,
    style: false,
    page: include_str!("missing_privilege.md"),
    look: Look::Statement(privilege),
};

fn extension(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateExtension { name, if_not_exists, version } = at.stmt else { return };
    let Some(known) = &at.script.live.extensions else { return };
    if *if_not_exists && at.schema.has_extension(name) {
        return;
    }
    let message = match (known.get(name), version) {
        (None, _) => format!("the extension `{name}` is not installed on the target's server"),
        (Some(there), Some(version)) if !there.versions.contains(version) => {
            format!(
                "the target's server has the extension `{name}` in {}, and not in `{version}`",
                list(&there.versions)
            )
        }
        _ => return,
    };
    let found = Found::new(message, "the server has no files of it: the statement fails there");
    out.push(at, found.help(
        "have its package installed on the server and on every standby (with a hoster: switched on), before this is \
         deployed",
    ));
}

/// What a statement asks for.
enum Need<'s> {
    /// Something of an object: `ownership`, `INSERT`.
    On(&'s Relation, &'static str),
    /// A function's ownership.
    Function(&'s Relation),
    /// To make something in the schema of a name.
    Within(&'s Relation),
    /// The ownership of a schema.
    Schema(&'s str),
    /// CREATE in the database.
    Database,
    /// CREATEROLE.
    Roles,
    /// CREATEDB.
    Databases,
    /// To be superuser.
    Superuser(&'static str),
}

fn privilege(at: &At<'_>, out: &mut Out<'_>) {
    let live = at.script.live;
    let Some(role) = &live.role else {
        if live.unknown.contains_key(&Fact::Rights) && !needs(at).is_empty() {
            not_known(at, Fact::Rights, "whether the role may do this there is not known", out);
        }
        return;
    };
    // Another role does it, and in a block of code a condition may stand before it.
    let other = at.session.setting("role").is_some() || at.session.setting("session_authorization").is_some();
    if role.superuser || other || at.embedded {
        return;
    }
    for need in needs(at) {
        let Some((lacks, help)) = lacks(at, &need) else { continue };
        let found = Found::new(format!("`{}` {lacks}", role.name), "the server refuses the statement");
        out.push(at, found.help(help).once(format!("{} {lacks}", role.name)));
    }
}

/// What the role lacks for it, and what to do about that; nothing where it has it.
fn lacks(at: &At<'_>, need: &Need<'_>) -> Option<(String, String)> {
    let live = at.script.live;
    let role = live.role.as_ref()?;
    let name = ident(&role.name);
    match need {
        Need::On(relation, what) => {
            if !at.is_used(relation) {
                return None;
            }
            let known = live.lacks.get(&key(at, relation)?)?;
            known
                .lacks
                .iter()
                .any(|lacks| lacks == what)
                .then(|| owner_or(relation, what, &known.owner, &name))
        }
        Need::Function(function) => {
            let born = at.schema.functions(function).next()?.born;
            let known = live.lacks.get(&format!("{}()", key(at, function)?))?;
            let text = format!("does not own the function `{function}`: `{}` does", known.owner);
            born.is_none().then(|| (text, format!("GRANT {} TO {name}", ident(&known.owner))))
        }
        Need::Within(relation) => {
            let within = relation.schema.clone().or_else(|| at.schema.resolve(relation).schema)?;
            let missing = live.schemas.as_ref()?.get(&within)?;
            missing.iter().any(|one| one == "CREATE").then(|| {
                let help = format!("GRANT CREATE ON SCHEMA {} TO {name}", ident(&within));
                (format!("may not create anything in the schema `{within}`"), help)
            })
        }
        Need::Schema(schema) => {
            let missing = live.schemas.as_ref()?.get(*schema)?;
            let help = format!("ALTER SCHEMA {} OWNER TO {name}", ident(schema));
            missing
                .iter()
                .any(|one| one == "ownership")
                .then(|| (format!("does not own the schema `{schema}`"), help))
        }
        Need::Database => (!role.creates_in_database).then(|| {
            ("has no CREATE on the database".to_owned(), format!("GRANT CREATE ON DATABASE … TO {name}"))
        }),
        Need::Roles => (!role.creates_roles).then(|| {
            (
                "may not make or change roles".to_owned(),
                format!("ALTER ROLE {name} CREATEROLE; or let a superuser do it beforehand"),
            )
        }),
        Need::Databases => (!role.creates_databases)
            .then(|| ("may not make databases".to_owned(), format!("ALTER ROLE {name} CREATEDB"))),
        Need::Superuser(what) => Some((
            format!("is no superuser, which {what} asks for"),
            "let whoever runs the server do it beforehand".to_owned(),
        )),
    }
}

fn owner_or(relation: &Relation, what: &str, owner: &str, name: &str) -> (String, String) {
    if what == "ownership" {
        let text = format!("does not own `{relation}`: `{owner}` does");
        return (
            text,
            format!("let `{owner}` run it, or make the role a member: GRANT {} TO {name}", ident(owner)),
        );
    }
    (format!("has no {what} on `{relation}`"), format!("GRANT {what} ON {} TO {name}", quoted(relation)))
}

fn needs<'a>(at: &At<'a>) -> Vec<Need<'a>> {
    let mut needs = Vec::new();
    of_tables(at.stmt, &mut needs);
    of_rows(at.stmt, &mut needs);
    of_others(at, &mut needs);
    needs
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
    )
}

fn of_tables<'s>(stmt: &'s Stmt, needs: &mut Vec<Need<'s>>) {
    match stmt {
        Stmt::AlterTable { kind, table, actions, .. } if is_relation(*kind) => {
            needs.push(Need::On(table, "ownership"));
            for action in actions {
                match &action.kind {
                    ActionKind::AddConstraint(constraint) => {
                        if let ConstraintKind::Foreign(key) = &constraint.kind {
                            needs.push(Need::On(&key.table, "REFERENCES"));
                        }
                    }
                    ActionKind::Attach(partition) => needs.push(Need::On(&partition.table, "ownership")),
                    _ => {}
                }
            }
        }
        Stmt::CreateTable(create) if !create.temporary => {
            needs.push(Need::Within(&create.name));
            let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
            for constraint in of_columns.chain(&create.constraints) {
                if let ConstraintKind::Foreign(key) = &constraint.kind {
                    needs.push(Need::On(&key.table, "REFERENCES"));
                }
            }
            let parents =
                create.inherits.iter().chain(create.partition_of.iter().map(|parent| &parent.table));
            needs.extend(parents.map(|parent| Need::On(parent, "ownership")));
        }
        Stmt::CreateIndex(create) => needs.push(Need::On(&create.table, "ownership")),
        Stmt::Reindex { kind: ObjectKind::Table, name: Some(name), .. } => {
            needs.push(Need::On(name, "ownership"));
        }
        Stmt::Drop { kind, names, .. } if is_relation(*kind) => {
            needs.extend(names.iter().map(|name| Need::On(name, "ownership")));
        }
        Stmt::Drop { kind: ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule, names, .. } => {
            needs.extend(names.iter().map(|name| Need::On(name, "ownership")));
        }
        Stmt::Rename { kind, relation, .. } if is_relation(*kind) || is_part(*kind) => {
            needs.push(Need::On(relation, "ownership"));
        }
        Stmt::SetSchema { kind, name, .. } if is_relation(*kind) => needs.push(Need::On(name, "ownership")),
        Stmt::Comment { kind, name, .. } if is_relation(*kind) || *kind == ObjectKind::Column => {
            needs.push(Need::On(name, "ownership"));
        }
        Stmt::CreateTrigger(create) => needs.push(Need::On(&create.table, "TRIGGER")),
        Stmt::CreateRule { table, .. } | Stmt::Cluster { table: Some(table) } => {
            needs.push(Need::On(table, "ownership"));
        }
        Stmt::Policy(policy) => needs.push(Need::On(&policy.table, "ownership")),
        Stmt::Refresh { name, .. } => needs.push(Need::On(name, "ownership")),
        Stmt::Publication(publication) => {
            needs.extend(publication.adds.iter().map(|table| Need::On(table, "ownership")));
            if publication.all_tables {
                needs.push(Need::Superuser("FOR ALL TABLES"));
            }
        }
        _ => {}
    }
}

fn is_part(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Trigger | ObjectKind::Policy)
}

fn of_rows<'s>(stmt: &'s Stmt, needs: &mut Vec<Need<'s>>) {
    let reads: &[Relation] = match stmt {
        Stmt::Truncate { tables, .. } => {
            return needs.extend(tables.iter().map(|table| Need::On(table, "TRUNCATE")));
        }
        Stmt::Insert { table, source, .. } => {
            needs.push(Need::On(table, "INSERT"));
            source.as_ref().map_or(&[], |query| query.tables.as_slice())
        }
        Stmt::Update { table, reads, .. } => {
            needs.push(Need::On(table, "UPDATE"));
            reads
        }
        Stmt::Delete { table, reads, .. } => {
            needs.push(Need::On(table, "DELETE"));
            reads
        }
        Stmt::Select(query) => &query.tables,
        Stmt::Copy { table: Some(table), from, .. } => {
            return needs.push(Need::On(table, if *from { "INSERT" } else { "SELECT" }));
        }
        _ => return,
    };
    needs.extend(reads.iter().map(|table| Need::On(table, "SELECT")));
}

fn of_others<'a>(at: &At<'a>, needs: &mut Vec<Need<'a>>) {
    match at.stmt {
        Stmt::CreateView(create) if !create.temporary => {
            needs.push(Need::Within(&create.name));
            if create.replace {
                needs.push(Need::On(&create.name, "ownership"));
            }
        }
        Stmt::CreateFunction(create) => {
            needs.push(Need::Within(&create.name));
            if create.replace {
                needs.push(Need::Function(&create.name));
            }
        }
        Stmt::AlterFunction { name, .. } => needs.push(Need::Function(name)),
        Stmt::Drop { kind: ObjectKind::Function | ObjectKind::Procedure, names, .. } => {
            needs.extend(names.iter().map(Need::Function));
        }
        Stmt::Sequence(sequence) if sequence.alter => needs.push(Need::On(&sequence.name, "ownership")),
        Stmt::Sequence(sequence) => needs.push(Need::Within(&sequence.name)),
        Stmt::CreateEnum { name, .. } | Stmt::CreateType { name, .. } | Stmt::CreateDomain { name, .. } => {
            needs.push(Need::Within(name));
        }
        Stmt::AlterEnum { name, .. } | Stmt::AlterDomain { name, .. } => {
            needs.push(Need::On(name, "ownership"));
        }
        Stmt::CreateSchema { .. } => needs.push(Need::Database),
        Stmt::Rename { kind: ObjectKind::Schema, relation, .. } => needs.push(Need::Schema(&relation.name)),
        Stmt::Drop { kind: ObjectKind::Schema, names, .. } => {
            needs.extend(names.iter().map(|name| Need::Schema(&name.name)));
        }
        Stmt::CreateExtension { name, if_not_exists, .. } => {
            let there = *if_not_exists && at.schema.has_extension(name);
            let known = at.script.live.extensions.as_ref().and_then(|all| all.get(name));
            match known {
                Some(known) if known.superuser && !there => needs.push(Need::Superuser("the extension")),
                Some(_) if !there => needs.push(Need::Database),
                _ => {}
            }
        }
        Stmt::Role { .. } | Stmt::DropRole { .. } => needs.push(Need::Roles),
        Stmt::Database { create: true, .. } => needs.push(Need::Databases),
        Stmt::AlterSystem { .. } => needs.push(Need::Superuser("ALTER SYSTEM")),
        Stmt::EventTrigger { .. } => needs.push(Need::Superuser("an event trigger")),
        Stmt::CreateTablespace { .. } => needs.push(Need::Superuser("a tablespace")),
        Stmt::Publication(publication) if !publication.alter => needs.push(Need::Database),
        _ => {}
    }
}
