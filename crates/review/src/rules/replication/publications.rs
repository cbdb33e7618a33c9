//! Publications: what subscribers get.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const IDENTITY: Rule = Rule {
    code: "SR1101",
    name: "replica-identity",
    severity: Severity::Warning,
    style: false,
    page: include_str!("replica_identity.md"),
    look: Look::Statement(identity),
};

pub(super) const WITHOUT: Rule = Rule {
    code: "SR1102",
    name: "publication-without-identity",
    severity: Severity::Error,
    style: false,
    page: include_str!("publication_without_identity.md"),
    look: Look::Statement(without),
};

pub(super) const CHANGE: Rule = Rule {
    code: "SR1103",
    name: "publication-change",
    severity: Severity::Warning,
    style: false,
    page: include_str!("publication_change.md"),
    look: Look::Statement(change),
};

pub(super) const DDL: Rule = Rule {
    code: "SR1104",
    name: "published-table-ddl",
    severity: Severity::Warning,
    style: false,
    page: include_str!("published_table_ddl.md"),
    look: Look::Statement(ddl),
};

fn identity(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let (message, why, help) = match &action.kind {
            ActionKind::ReplicaIdentity(ReplicaIdentity::Nothing) => (
                format!("rows of `{table}` can't be told apart by subscribers any more"),
                "where the table is published with updates and deletes, every UPDATE and DELETE on it fails from the commit on",
                "leave it at its primary key, or give it a unique index of NOT NULL columns: REPLICA IDENTITY USING INDEX",
            ),
            ActionKind::ReplicaIdentity(ReplicaIdentity::Full) => (
                format!("the old rows of `{table}` are written to WAL in full"),
                "every UPDATE and DELETE writes the whole old row to WAL, and a subscriber without a fitting index looks for \
                 it through its whole table",
                "give it a primary key, or a unique index of NOT NULL columns: REPLICA IDENTITY USING INDEX",
            ),
            _ => continue,
        };
        out.push(at, Found::new(message, why).at(action.at).help(help));
    }
}

fn without(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Publication(publication) = at.stmt else { return };
    if inserts_only(at.text) {
        return;
    }
    let blind = |table: &Table| {
        let rows = matches!(table.kind, TableKind::Table | TableKind::Partitioned)
            && !table.temporary
            && !table.unlogged;
        let key = table.constraints.iter().any(|one| matches!(one.kind, ConstraintKind::Primary { .. }));
        let identity = match &table.replica_identity {
            Some(ReplicaIdentity::Full | ReplicaIdentity::Index(_)) => true,
            Some(ReplicaIdentity::Nothing) => false,
            Some(ReplicaIdentity::Default) | None => key,
        };
        let known = table.all_columns || table.replica_identity == Some(ReplicaIdentity::Nothing);
        rows && known && !identity
    };
    let mut names: Vec<Relation> = Vec::new();
    if publication.all_tables {
        let all = at.schema.tables().filter(|table| table.partition_of.is_none() && blind(table));
        names.extend(all.take(6).map(|table| at.schema.short(&table.name)));
    }
    names.extend(publication.adds.iter().filter(|name| at.schema.table(name).is_some_and(blind)).cloned());
    let later = |name: &Relation| {
        at.script.after_near(at.number).any(|stmt| match stmt {
            Stmt::AlterTable { table, actions, .. } if table.same(name) => {
                actions.iter().any(|action| match &action.kind {
                    ActionKind::ReplicaIdentity(identity) => *identity != ReplicaIdentity::Nothing,
                    ActionKind::AddConstraint(one) => matches!(one.kind, ConstraintKind::Primary { .. }),
                    _ => false,
                })
            }
            _ => false,
        })
    };
    for name in names.iter().filter(|name| !later(name)) {
        let found = Found::new(
            format!("`{name}` is published by `{}`, and has no replica identity", publication.name),
            "every UPDATE and DELETE on it fails from the commit on: a subscriber could not tell which row is meant",
        );
        out.push(at, found.help(
            "give it a primary key first, or REPLICA IDENTITY USING INDEX with a unique index of NOT NULL columns, or FULL",
        ));
    }
}

/// `WITH (publish = 'insert')`: without updates and deletes nobody needs to know which row is meant.
fn inserts_only(text: &str) -> bool {
    let read = Text::of(text);
    if !read.has(&["publish"]) {
        return false;
    }
    let text = text.to_ascii_lowercase();
    let behind = text.rsplit("publish").next().unwrap_or_default();
    !behind.contains("update") && !behind.contains("delete")
}

fn change(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Publication(publication) = at.stmt else { return };
    if publication.alter && Text::of(at.text).has(&["publish", "publish_via_partition_root"]) {
        let found = Found::new(
            format!("what the publication `{}` publishes changes", publication.name),
            "changes of a kind that is left out stop at its subscribers without an error: they keep rows that are gone, \
             and old values",
        );
        out.push(
            at,
            found.help("look at what its subscribers keep; what was left out meanwhile must be copied anew"),
        );
        return;
    }
    if !publication.alter || publication.adds.is_empty() && publication.drops.is_empty() && !publication.sets
    {
        return;
    }
    let name = &publication.name;
    let list =
        |tables: &[Relation]| tables.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>().join(", ");
    let (message, why) = if publication.sets {
        (
            format!("the publication `{name}` has only {} from now on", list(&publication.adds)),
            "tables that it had and that are not named stop at their subscribers without an error; new ones begin only \
             when a subscriber refreshes",
        )
    } else if publication.drops.is_empty() {
        (
            format!("{} comes into the publication `{name}`", list(&publication.adds)),
            "its subscribers don't get it until each of them refreshes, and then copy all of its rows",
        )
    } else {
        (
            format!("{} leaves the publication `{name}`", list(&publication.drops)),
            "its subscribers get no more changes of it, without an error, and keep what they have",
        )
    };
    out.push(at, Found::new(message, why).help(
        "make the table at the subscribers first, and run ALTER SUBSCRIPTION … REFRESH PUBLICATION at each of them after it",
    ));
}

fn ddl(at: &At<'_>, out: &mut Out<'_>) {
    let (table, done) = match at.stmt {
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            let Some(done) = actions.iter().find_map(|action| changed(&action.kind)) else { return };
            (table, done)
        }
        Stmt::Rename { kind: ObjectKind::Column, relation, part: Some(part), .. } => {
            (relation, format!("the column `{part}` is renamed"))
        }
        Stmt::Rename { kind: ObjectKind::Table, relation, part: None, .. } => {
            (relation, "it is renamed".to_owned())
        }
        _ => return,
    };
    if at.is_new(table)
        || at.schema.table(table).is_some_and(|table| {
            matches!(table.kind, TableKind::View | TableKind::MaterializedView | TableKind::Foreign)
        })
    {
        return;
    }
    let publications = at.schema.publications_of(table);
    let Some(publication) = publications.first() else { return };
    let found = Found::new(
        format!("`{table}` is published by `{publication}`: {done}, and subscribers are not told"),
        "logical replication carries rows, not changes of tables: at the first row that doesn't fit, the subscriber's \
         worker stops with an error, and its slot keeps WAL on this server",
    );
    out.push(
        at,
        found.help(
            "add columns at the subscribers first and here second; drop them here first and there second",
        ),
    );
}

fn changed(kind: &ActionKind) -> Option<String> {
    match kind {
        ActionKind::AddColumn { column, .. } => Some(format!("the column `{}` is added", column.name)),
        ActionKind::DropColumn { name, .. } => Some(format!("the column `{name}` is dropped")),
        ActionKind::AlterType { column, .. } => Some(format!("the column `{column}` changes its type")),
        _ => None,
    }
}
