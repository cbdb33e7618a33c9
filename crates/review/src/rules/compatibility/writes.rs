//! What running code writes, and is refused or changed from now on.

use crate::rule::prelude::*;
use crate::rules::safe;
use crate::rules::text::Text;

pub(super) const REQUIRED: Rule = Rule {
    code: "SR0711",
    name: "add-required-column",
    severity: Severity::Error,
    style: false,
    page: include_str!("add_required_column.md"),
    look: Look::Statement(required),
};

pub(super) const DEFAULT: Rule = Rule {
    code: "SR0712",
    name: "set-default-change",
    severity: Severity::Info,
    style: false,
    page: include_str!("set_default_change.md"),
    look: Look::Statement(default),
};

pub(super) const RESTRICTION: Rule = Rule {
    code: "SR0713",
    name: "new-write-restriction",
    severity: Severity::Warning,
    style: true,
    page: include_str!("new_write_restriction.md"),
    look: Look::Statement(restriction),
};

pub(super) const COLUMNS: Rule = Rule {
    code: "SR0716",
    name: "column-order-dependence",
    severity: Severity::Info,
    style: true,
    page: include_str!("column_order_dependence.md"),
    look: Look::Statement(columns),
};

fn required(at: &At<'_>, out: &mut Out<'_>) {
    for (table, column, action) in at.adds_columns() {
        let serial = matches!(column.of.name.as_str(), "serial" | "bigserial" | "smallserial");
        let filled = column.identity.is_some() || column.generated.is_some() || serial;
        let null = column.default.as_ref().is_none_or(|value| *value.bare() == Expr::Null);
        let primary = column.constraints.iter().any(|one| matches!(one.kind, ConstraintKind::Primary { .. }));
        if !(column.not_null || primary) || filled || !null {
            continue;
        }
        // A domain may bring a default with it.
        if at.schema.made_type(&column.of).is_some_and(|made| matches!(made.kind, MadeKind::Domain(..))) {
            continue;
        }
        let found = Found::new(
            format!("`{table}.{}` is added NOT NULL, and nothing fills it", column.name),
            "it fails where the table has a row; where it has none, INSERTs of running code, which doesn't know the \
             column, fail from then on",
        );
        let found =
            found.ask(safe::rows(table, "true"), "fails: the table has {n} rows", "the table has no rows");
        out.push(at, found.at(action.at).help(
            "add it without NOT NULL (or with a DEFAULT), fill the old rows in batches, and set it NOT NULL by a check \
             that is NOT VALID first, when all code writes it",
        ));
    }
}

fn default(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::SetDefault { column, value } = &action.kind else { continue };
        if at.is_new_column(table, column) {
            continue;
        }
        let known = at.schema.column(table, column);
        // It had none, or the same; a type is changed in between.
        let seen = at.schema.table(table).is_some_and(|table| table.all_columns);
        let same = known.is_some_and(|known| known.default.as_ref().map_or(seen, |before| before == value));
        let dance = actions.iter().any(|other| match &other.kind {
            ActionKind::DropDefault { column: other } | ActionKind::AlterType { column: other, .. } => {
                other == column
            }
            _ => false,
        });
        if same || dance {
            continue;
        }
        let found = Found::new(
            format!("the default of `{table}.{column}` changes"),
            "running code that leaves the column out writes another value from the commit on, with nothing changed in \
             itself; old rows keep what they have",
        );
        out.push(
            at,
            found.at(action.at).help("have code write the column itself before its default changes"),
        );
    }
}

fn restriction(at: &At<'_>, out: &mut Out<'_>) {
    let why =
        "it holds for new rows at once, NOT VALID or not: running code that writes others gets an error";
    let help = "deploy code that keeps to it first, and look for rows of the last days that would break it";
    for (table, constraint) in at.adds_constraints() {
        let (what, columns) = match &constraint.kind {
            ConstraintKind::Check(expr) => ("a check", expr.columns()),
            ConstraintKind::NotNull { column } => ("NOT NULL", vec![column.as_str()]),
            ConstraintKind::Unique { columns, using_index: None }
            | ConstraintKind::Primary { columns, using_index: None } => {
                ("a key", columns.iter().map(String::as_str).collect())
            }
            ConstraintKind::Foreign(key) => {
                ("a foreign key", key.columns.iter().map(String::as_str).collect())
            }
            ConstraintKind::Exclude => ("an exclusion constraint", Vec::new()),
            _ => continue,
        };
        let new = !columns.is_empty() && columns.iter().all(|column| at.is_new_column(table, column));
        if new || constraint.not_enforced {
            continue;
        }
        let found = Found::new(format!("`{table}` refuses writes by {what} from now on"), why);
        out.push(at, found.at(constraint.at).help(help));
    }
    match at.stmt {
        Stmt::CreateIndex(index) if index.unique && at.is_used(&index.table) => {
            let found =
                Found::new(format!("`{}` refuses writes by a unique index from now on", index.table), why);
            out.push(at, found.help(help));
        }
        Stmt::AlterDomain { name, action } if !at.is_new_type(name) => {
            let what = match action {
                ActionKind::AddConstraint(constraint) if !constraint.not_enforced => "values by a check",
                ActionKind::SetNotNull { .. } => "nulls",
                _ => return,
            };
            let found = Found::new(format!("the domain `{name}` refuses {what} from now on"), why);
            out.push(at, found.help(help));
        }
        Stmt::AlterTable { .. } => {
            not_null(at, why, help, out);
            always(at, why, out);
        }
        _ => {}
    }
}

/// An identity that is always the server's: who writes a value is refused.
fn always(at: &At<'_>, why: &'static str, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::AddIdentity { column } = &action.kind else { continue };
        if at.is_new_column(table, column) || !Text::of(at.text).has(&["always"]) {
            continue;
        }
        let found =
            Found::new(format!("`{table}.{column}` refuses values that are written from now on"), why);
        out.push(
            at,
            found
                .at(action.at)
                .help("GENERATED BY DEFAULT AS IDENTITY, until all code leaves the column to the server"),
        );
    }
}

fn not_null(at: &At<'_>, why: &'static str, help: &'static str, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let ActionKind::SetNotNull { column } = &action.kind else { continue };
        let known = at.schema.column(table, column);
        let filled = known.is_some_and(|known| known.default.is_some() || known.not_null);
        // A check that is there refuses nulls already.
        let checked = at.schema.table(table).is_some_and(|table| {
            table.constraints.iter().any(|one| match &one.kind {
                ConstraintKind::Check(Expr::IsNotNull(inner)) => inner.columns() == [column.as_str()],
                _ => false,
            })
        });
        if checked || filled && at.is_new_column(table, column) {
            continue;
        }
        let found = Found::new(format!("`{table}.{column}` refuses nulls from now on"), why);
        out.push(at, found.at(action.at).help(help));
    }
}

fn columns(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Insert { table, columns, source: Some(_), .. } = at.stmt else { return };
    if !columns.is_empty() || at.is_new(table) {
        return;
    }
    let found = Found::new(
        format!("rows are inserted into `{table}` without the names of its columns"),
        "it goes by the order of the columns: where one was added or dropped, the values land in others, or it fails",
    );
    out.push(at, found.help("name the columns"));
}
