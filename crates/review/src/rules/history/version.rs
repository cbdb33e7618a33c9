//! What the target's version does not have yet.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR1221",
    name: "unsupported-on-target-version",
    severity: Severity::Error,
    style: false,
    page: include_str!("unsupported_on_target_version.md"),
    look: Look::Statement(look),
};

/// Functions that came with a version.
const FUNCTIONS: &[(&str, u32)] = &[
    ("gen_random_uuid", 13),
    ("date_bin", 14),
    ("string_to_table", 14),
    ("unistr", 14),
    ("regexp_like", 15),
    ("regexp_count", 15),
    ("regexp_instr", 15),
    ("regexp_substr", 15),
    ("json_arrayagg", 16),
    ("json_objectagg", 16),
    ("json_table", 17),
    ("any_value", 16),
    ("array_shuffle", 16),
    ("array_sample", 16),
    ("random_normal", 16),
    ("to_oct", 17),
    ("to_bin", 17),
    ("uuid_extract_timestamp", 17),
    ("uuid_extract_version", 17),
    ("uuidv7", 18),
    ("uuidv4", 18),
    ("casefold", 18),
    ("array_sort", 18),
    ("array_reverse", 18),
];

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let version = at.script.options.version;
    // Nothing newer is known.
    if version >= 18 {
        return;
    }
    let mut needs = Vec::new();
    statement(at.stmt, &mut needs);
    words(at, &mut needs);
    needs.retain(|(what, ..)| !is_own(at, what));
    let Some((what, since, byte)) =
        needs.into_iter().filter(|(_, since, _)| *since > version).max_by_key(|need| need.1)
    else {
        return;
    };
    let found = Found::new(
        format!("{what} came with PostgreSQL {since}, and the target is {version}"),
        "the server refuses the statement",
    );
    let help = "write it as the target's version has it; or, where the target is newer, say so: --server-version, \
                or [review] in switchback.toml";
    out.push(at, found.at(byte).help(help));
}

/// A function that the files made themselves.
fn is_own(at: &At<'_>, what: &str) -> bool {
    let name = what.strip_prefix('`').and_then(|what| what.strip_suffix("()`"));
    name.is_some_and(|name| at.schema.functions(&Relation::named(name)).next().is_some())
}

type Needs = Vec<(String, u32, usize)>;

/// What the tree does not say, and words do.
fn words(at: &At<'_>, needs: &mut Needs) {
    let has = |words: &[&str]| {
        let all: Vec<_> = switchback_sql::words(at.text).collect();
        all.windows(words.len()).any(|some| some.iter().eq(words))
    };
    let mut need = |what: &str, since: u32| needs.push((what.to_owned(), since, 0));
    match at.stmt {
        // Whoever has it need not look for it.
        Stmt::CreateTable(_) | Stmt::AlterTable { .. }
            if at.script.options.version < 15 && has(&["nulls", "not", "distinct"]) =>
        {
            need("NULLS NOT DISTINCT", 15);
        }
        Stmt::Reindex { .. } if has(&["tablespace"]) => need("REINDEX (TABLESPACE …)", 14),
        Stmt::CreateFunction(made) if made.language == "sql" && made.body.is_none() => {
            need("a body that is not a text", 14);
        }
        _ => {}
    }
}

fn statement(stmt: &Stmt, needs: &mut Needs) {
    let mut need = |what: &str, since: u32| needs.push((what.to_owned(), since, 0));
    match stmt {
        Stmt::CreateTable(table) => {
            for column in &table.columns {
                added(column, needs);
            }
            for one in &table.constraints {
                constraint(one, needs);
            }
            table.query.iter().for_each(|query| functions(query, needs));
        }
        Stmt::AlterTable { kind: ObjectKind::Table, actions, .. } => {
            for one in actions {
                action(one, needs);
            }
        }
        Stmt::CreateIndex(index) if index.nulls_not_distinct => need("NULLS NOT DISTINCT", 15),
        Stmt::Merge { .. } => need("MERGE", 15),
        Stmt::CreateTrigger(trigger) if trigger.replace => need("CREATE OR REPLACE TRIGGER", 14),
        Stmt::CreateView(view) => {
            if view.options.iter().any(|(name, _)| name == "security_invoker") {
                need("a view with security_invoker", 15);
            }
            functions(&view.query, needs);
        }
        Stmt::Select(query) | Stmt::Insert { source: Some(query), .. } => functions(query, needs),
        Stmt::Update { assignments, filter, .. } => {
            let values = assignments.iter().map(|(_, value)| value).chain(filter);
            values.for_each(|value| called(value, 0, needs));
        }
        _ => {}
    }
}

fn action(action: &Action, needs: &mut Needs) {
    let mut need = |what: &str, since: u32| needs.push((what.to_owned(), since, action.at));
    match &action.kind {
        ActionKind::AddColumn { column, .. } => added(column, needs),
        ActionKind::AddConstraint(one) => constraint(one, needs),
        ActionKind::SetDefault { value, .. } => called(value, action.at, needs),
        ActionKind::SetExpression { .. } => need("SET EXPRESSION", 17),
        ActionKind::SetCompression => need("SET COMPRESSION", 14),
        ActionKind::SetAccessMethod => need("SET ACCESS METHOD", 15),
        ActionKind::Detach { concurrently: true, .. } => need("DETACH PARTITION CONCURRENTLY", 14),
        ActionKind::Detach { finalize: true, .. } => need("DETACH PARTITION FINALIZE", 14),
        _ => {}
    }
}

fn added(column: &Column, needs: &mut Needs) {
    if column.generated_virtual {
        needs.push(("a virtual generated column".to_owned(), 18, column.at));
    }
    column.default.iter().chain(&column.generated).for_each(|value| called(value, column.at, needs));
    column.constraints.iter().for_each(|one| constraint(one, needs));
}

fn constraint(constraint: &Constraint, needs: &mut Needs) {
    let mut need = |what: &str| needs.push((what.to_owned(), 18, constraint.at));
    if constraint.not_enforced {
        need("NOT ENFORCED");
    }
    if let ConstraintKind::NotNull { column } = &constraint.kind
        && !column.is_empty()
        && constraint.not_valid
    {
        need("NOT NULL as a constraint of its own");
    }
}

fn functions(query: &Query, needs: &mut Needs) {
    if query.unnamed {
        needs.push(("a query in FROM without a name".to_owned(), 16, 0));
    }
    query.walk(&mut |expr| function(expr, 0, needs));
}

fn called(expr: &Expr, byte: usize, needs: &mut Needs) {
    expr.walk(&mut |expr| function(expr, byte, needs));
}

fn function(expr: &Expr, byte: usize, needs: &mut Needs) {
    let Expr::Call { name, .. } = expr else { return };
    // One with a schema is somebody's own.
    if name.schema.is_some() {
        return;
    }
    if let Some((name, since)) = FUNCTIONS.iter().find(|(own, _)| *own == name.name) {
        needs.push((format!("`{name}()`"), *since, byte));
    }
}
