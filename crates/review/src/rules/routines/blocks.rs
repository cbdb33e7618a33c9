//! `DO` blocks: what is done in them, and what nobody can see.

use crate::rule::prelude::*;
use switchback_sql::locks::{self, Effects};
use switchback_sql::schema::Born;
use switchback_sql::{plpgsql, read};

pub(super) const DYNAMIC: Rule = Rule {
    code: "SR0510",
    name: "unchecked-dynamic-sql",
    severity: Severity::Warning,
    style: false,
    page: include_str!("unchecked_dynamic_sql.md"),
    look: Look::Statement(dynamic),
};

pub(super) const DDL: Rule = Rule {
    code: "SR0511",
    name: "ddl-in-do-block",
    severity: Severity::Error,
    style: false,
    page: include_str!("ddl_in_do_block.md"),
    look: Look::Statement(ddl),
};

fn dynamic(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Do { body: (body, start), .. } = at.stmt else { return };
    let Some(first) = plpgsql::statements(body).into_iter().find(|found| found.text.is_none()) else {
        return;
    };
    let found = Found::new(
        "a DO block runs statements that it puts together while it runs",
        "nobody can tell from the text what they do: which tables they change, what they lock, what they drop",
    );
    out.push(at, found.at(start + first.at).help(
        "write the statements out, or have Switchback trace the migration on a copy, which sees what they do",
    ));
}

fn ddl(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Do { body: (body, start), .. } = at.stmt else { return };
    let mut schema: Option<Schema> = None;
    let (mut locked, mut heavy, mut first): (Vec<Relation>, bool, Option<usize>) = (Vec::new(), false, None);
    for found in plpgsql::statements(body) {
        let Some(Ok(stmt)) = found.text.as_deref().map(read::read) else { continue };
        if !is_ddl(&stmt) {
            continue;
        }
        // Only where a block changes the schema is the schema followed through it.
        let schema = schema.get_or_insert_with(|| at.schema.clone());
        let effects = locks::effects(&stmt, locks::Place { schema, ..at.place() });
        let inner = At { stmt: &stmt, schema, effects: &effects, ..*at };
        let strong: Vec<Relation> = strong(&inner, &effects);
        if !strong.is_empty() {
            first = first.or(Some(found.at));
            heavy |= matches!(stmt, Stmt::Drop { .. });
            heavy |= effects.scans.iter().chain(&effects.rewrites).any(|table| inner.is_used(table));
            locked.extend(strong);
        }
        schema.apply(&stmt, Born { script: at.script.number, statement: at.number });
    }
    locked.sort();
    locked.dedup();
    let Some(first) = first.filter(|_| heavy || locked.len() > 1) else { return };
    let mut names: Vec<String> = locked.iter().take(6).map(|table| format!("`{table}`")).collect();
    if locked.len() > 6 {
        names.push("…".to_owned());
    }
    let found = Found::new(
        format!("a DO block changes the schema of {}", names.join(", ")),
        "a block is one statement: each lock in it is held until its last line is done, nothing in it can be \
         CONCURRENTLY or be committed between, and most tools don't look into it",
    );
    let found = if heavy { found } else { found.severity(Severity::Warning) };
    out.push(
        at,
        found.at(start + first).help(
            "write the statements out at the top level, with IF EXISTS or IF NOT EXISTS where they need it",
        ),
    );
}

fn is_ddl(stmt: &Stmt) -> bool {
    matches!(
        stmt,
        Stmt::AlterTable { .. }
            | Stmt::Drop { .. }
            | Stmt::CreateTable(_)
            | Stmt::CreateIndex(_)
            | Stmt::CreateTrigger(_)
            | Stmt::CreateRule { .. }
            | Stmt::Rename { .. }
            | Stmt::SetSchema { .. }
            | Stmt::Truncate { .. }
            | Stmt::AlterDomain { .. }
            | Stmt::AlterType { .. }
    )
}

/// The relations that others use and can't write meanwhile.
fn strong(at: &At<'_>, effects: &Effects) -> Vec<Relation> {
    let locks = effects.locks.iter().filter(|lock| lock.mode >= Mode::Share && at.is_used(&lock.relation));
    locks.map(|lock| lock.relation.clone()).collect()
}
