//! What `CONCURRENTLY` demands: no transaction, and a way to try again.

use crate::rule::prelude::*;

pub(super) const CREATE: Rule = Rule {
    code: "SR0304",
    name: "concurrently-in-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("concurrently_in_transaction.md"),
    look: Look::Statement(create),
};

pub(super) const DROP: Rule = Rule {
    code: "SR0305",
    name: "concurrently-drop-in-transaction",
    severity: Severity::Error,
    style: false,
    page: include_str!("concurrently_drop_in_transaction.md"),
    look: Look::Statement(drop),
};

/// A matter of a house's own way to try again.
pub(super) const UNGUARDED: Rule = Rule {
    code: "SR0307",
    name: "concurrently-unguarded",
    severity: Severity::Info,
    style: true,
    page: include_str!("concurrently_unguarded.md"),
    look: Look::Statement(unguarded),
};

pub(super) const IF_NOT_EXISTS: Rule = Rule {
    code: "SR0308",
    name: "concurrently-if-not-exists-invalid",
    severity: Severity::Warning,
    style: false,
    page: include_str!("concurrently_if_not_exists_invalid.md"),
    look: Look::Statement(if_not_exists),
};

fn create(at: &At<'_>, out: &mut Out<'_>) {
    let what = match at.stmt {
        Stmt::CreateIndex(create) if create.concurrently => "CREATE INDEX CONCURRENTLY",
        Stmt::Reindex { concurrently: true, .. } => "REINDEX CONCURRENTLY",
        Stmt::AlterTable { actions, .. } if actions.iter().any(detaches) => "DETACH PARTITION CONCURRENTLY",
        _ => return,
    };
    refused(at, out, what);
}

fn detaches(action: &Action) -> bool {
    matches!(action.kind, ActionKind::Detach { concurrently: true, .. })
}

fn drop(at: &At<'_>, out: &mut Out<'_>) {
    if matches!(at.stmt, Stmt::Drop { kind: ObjectKind::Index, concurrently: true, .. }) {
        refused(at, out, "DROP INDEX CONCURRENTLY");
    }
}

fn refused(at: &At<'_>, out: &mut Out<'_>, what: &str) {
    if !at.in_transaction() {
        return;
    }
    let where_ = match &at.session.transaction {
        _ if at.embedded => "in a DO block",
        Some(running) if running.begun.is_some() => "in a transaction",
        Some(running) if !running.implicit => "in the transaction that the script runs in",
        _ => "in a query with other statements, which is a transaction",
    };
    let found = Found::new(
        format!("{what} stands {where_}"),
        "the server refuses it there, and the migration fails: it commits several times itself",
    );
    let fix =
        (!at.embedded).then(|| Fix::new("run it outside of a transaction", vec![FixStep::outside(at.text)]));
    let found = found.help("let it stand alone in a migration that runs outside of a transaction");
    out.push(at, found.fix(fix));
}

/// What builds an index beside the traffic, and its name; silent where the script has dropped an index
/// of that name shortly before.
fn built<'a>(at: &At<'a>) -> Option<(&'a CreateIndex, Relation)> {
    let Stmt::CreateIndex(create) = at.stmt else { return None };
    let name = create.name.as_ref().filter(|_| create.concurrently)?;
    let index = Relation { schema: create.table.schema.clone(), name: name.clone() };
    let mut before = at.script.before_near(at.number);
    let dropped = before.any(|stmt| match stmt {
        Stmt::Drop { kind: ObjectKind::Index, names, .. } => names.iter().any(|name| name.name == index.name),
        _ => false,
    });
    (!dropped).then_some((create, index))
}

fn is_invalid(at: &At<'_>, index: &Relation) -> bool {
    let full = at.schema.resolve(index).to_string();
    let live = &at.script.live.invalid_indexes;
    live.contains_key(&full) || live.contains_key(&index.name)
}

fn unguarded(at: &At<'_>, out: &mut Out<'_>) {
    let Some((create, index)) = built(at) else { return };
    if create.if_not_exists {
        return;
    }
    let found = if is_invalid(at, &index) {
        let message = format!("the target has an invalid index `{index}`, which a build left that failed");
        Found::new(message, "the name is taken: it fails").severity(Severity::Error)
    } else {
        Found::new(
            format!("the index `{index}` is built with no way to try again"),
            "a build that fails or is cancelled leaves an invalid index of this name: every write keeps it up, no query \
             uses it, and the next try fails because the name is taken",
        )
    };
    out.push(at, found.help("drop what a failed build left first").fix(fix(at, &index)));
}

fn if_not_exists(at: &At<'_>, out: &mut Out<'_>) {
    let Some((create, index)) = built(at) else { return };
    if !create.if_not_exists {
        return;
    }
    let found = if is_invalid(at, &index) {
        let message = format!("the target has an invalid index `{index}`, and IF NOT EXISTS keeps it");
        Found::new(message, "nothing is built, and nobody is told: no query uses the index")
            .severity(Severity::Error)
    } else {
        Found::new(
            format!("IF NOT EXISTS keeps an invalid index `{index}` that a failed build left"),
            "the next try then does nothing and counts as done: every write keeps the index up, and no query uses it",
        )
    };
    out.push(at, found.help("drop what a failed build left first, under the same name").fix(fix(at, &index)));
}

fn fix(at: &At<'_>, index: &Relation) -> Option<Fix> {
    let drop = FixStep::outside(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", quoted(index)));
    let steps = vec![drop, FixStep::outside(at.text)];
    (!at.embedded).then(|| Fix::new("drop what a failed build left, then build", steps))
}
