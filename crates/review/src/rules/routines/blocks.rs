//! `DO` blocks: what is done in them, and what nobody can see.

use crate::rule::prelude::*;
use switchback_sql::locks::Effects;
use switchback_sql::plpgsql;

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
    look: Look::Block(ddl),
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

fn ddl(at: &At<'_>, inner: &[Inner], out: &mut Out<'_>) {
    let Stmt::Do { body: (_, start), .. } = at.stmt else { return };
    let (mut locked, mut heavy, mut first): (Vec<Relation>, bool, Option<usize>) = (Vec::new(), false, None);
    for found in inner.iter().filter(|found| is_ddl(&found.stmt)) {
        let strong = strong(&found.effects);
        if !strong.is_empty() {
            first = first.or(Some(found.at));
            heavy |= matches!(found.stmt, Stmt::Drop { .. });
            heavy |= !(found.effects.scans.is_empty() && found.effects.rewrites.is_empty());
            locked.extend(strong);
        }
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

/// The relations that can't be written meanwhile.
fn strong(effects: &Effects) -> Vec<Relation> {
    let locks = effects.locks.iter().filter(|lock| lock.mode >= Mode::Share);
    locks.map(|lock| lock.relation.clone()).collect()
}
