//! What a house wants of new tables.

use crate::rule::prelude::*;

pub(super) const NULLABLE: Rule = Rule {
    code: "SR0922",
    name: "nullable-fk-or-boolean",
    severity: Severity::Info,
    style: true,
    page: include_str!("nullable_fk_or_boolean.md"),
    look: Look::Statement(nullable),
};

pub(super) const COMMENT: Rule = Rule {
    code: "SR0923",
    name: "missing-comment",
    severity: Severity::Info,
    style: true,
    page: include_str!("missing_comment.md"),
    look: Look::Statement(comment),
};

/// Silent until a project names columns.
pub(super) const REQUIRED: Rule = Rule {
    code: "SR0924",
    name: "required-columns",
    severity: Severity::Info,
    style: false,
    page: include_str!("required_columns.md"),
    look: Look::Statement(required),
};

fn nullable(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::CreateTable(create) if !create.temporary => {
            for column in &create.columns {
                let not_null = create.constraints.iter().any(|constraint| forbids_null(constraint, column));
                let points = create.constraints.iter().any(|constraint| points(constraint, column));
                if !not_null {
                    say(at, out, &create.name, column, points);
                }
            }
        }
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            for action in actions {
                if let ActionKind::AddColumn { column, .. } = &action.kind {
                    say(at, out, table, column, false);
                }
            }
        }
        _ => {}
    }
}

fn forbids_null(constraint: &Constraint, of: &Column) -> bool {
    match &constraint.kind {
        ConstraintKind::Primary { columns, .. } => columns.contains(&of.name),
        ConstraintKind::NotNull { column } => *column == of.name,
        _ => false,
    }
}

fn points(constraint: &Constraint, column: &Column) -> bool {
    match &constraint.kind {
        ConstraintKind::Foreign(key) => key.columns.is_empty() || key.columns.contains(&column.name),
        _ => false,
    }
}

fn say(at: &At<'_>, out: &mut Out<'_>, table: &Relation, column: &Column, points_already: bool) {
    let key = points_already || column.constraints.iter().any(|constraint| points(constraint, column));
    let boolean = column.of.name == "bool" && !column.of.array;
    if column.not_null || column.generated.is_some() || !(key || boolean) {
        return;
    }
    let (what, why) = if boolean {
        (
            "boolean",
            "it has three values: WHERE flag and WHERE NOT flag both leave out the rows that are null",
        )
    } else {
        (
            "foreign key",
            "rows without it fall out of every inner join, and MATCH SIMPLE does not check a key of \
                         several columns of which one is null",
        )
    };
    let found = Found::new(format!("the {what} `{table}.{}` can be null", column.name), why);
    out.push(
        at,
        found.help("NOT NULL, with a default where there is one, unless null means something").at(column.at),
    );
}

fn comment(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::CreateTable(create) if wants_comment(create) && !is_commented(at, &create.name, None) => {
            let found = said(format!("table `{}` is made without a comment", create.name));
            out.push(at, found.help(format!("COMMENT ON TABLE {} IS '…'", quoted(&create.name))));
        }
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            for action in actions {
                let ActionKind::AddColumn { column, .. } = &action.kind else { continue };
                if !is_commented(at, table, Some(&column.name)) {
                    let found = said(format!("column `{table}.{}` is added without a comment", column.name));
                    let help = format!("COMMENT ON COLUMN {}.{} IS '…'", quoted(table), ident(&column.name));
                    out.push(at, found.help(help).at(column.at));
                }
            }
        }
        _ => {}
    }
}

fn wants_comment(create: &CreateTable) -> bool {
    !create.temporary && create.partition_of.is_none()
}

fn said(message: String) -> Found {
    Found::new(message, "what it is for is known now, and asked for later by people who can't ask its author")
}

fn is_commented(at: &At<'_>, of: &Relation, column: Option<&str>) -> bool {
    at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::Comment { name, part, .. } => name.same(of) && part.as_deref() == column,
        _ => false,
    })
}

fn required(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTable(create) = at.stmt else { return };
    let elsewhere = create.partition_of.is_some() || create.query.is_some() || !create.inherits.is_empty();
    if elsewhere || create.temporary || create.foreign || !create.like.is_empty() {
        return;
    }
    let has = |wanted: &str| create.columns.iter().any(|column| column.name == wanted);
    let wanted = &at.script.options.required_columns;
    let missing: Vec<String> =
        wanted.iter().filter(|wanted| !has(wanted)).map(|wanted| format!("`{wanted}`")).collect();
    if missing.is_empty() {
        return;
    }
    let found = Found::new(
        format!("table `{}` lacks {}", create.name, missing.join(", ")),
        "this project wants these columns in every table: what counts on them does not work here",
    );
    out.push(at, found.help("add them"));
}
