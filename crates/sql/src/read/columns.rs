//! Columns and constraints.

use pg_query::protobuf::node::Node;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint as Parsed};

use crate::ast::{Column, Constraint, ConstraintKind, ForeignKey, Identity, OnDelete};

use super::{expr, names, place, types};

/// A column with what stands at it.
pub(super) fn column(definition: &ColumnDef) -> Column {
    let mut column = Column {
        at: place::of(definition.location),
        name: definition.colname.clone(),
        of: types::of(definition.type_name.as_ref()),
        collation: collation(definition),
        not_null: definition.is_not_null,
        storage: !definition.storage_name.is_empty(),
        default: expr::optional(definition.raw_default.as_deref()),
        ..Column::default()
    };
    for node in names::inner(&definition.constraints) {
        if let Node::Constraint(constraint) = node {
            take(&mut column, constraint);
        }
    }
    column
}

/// `COLLATE`.
pub(super) fn collation(definition: &ColumnDef) -> Option<String> {
    let collate = definition.coll_clause.as_ref()?;
    names::words(&collate.collname).pop()
}

fn take(column: &mut Column, constraint: &Parsed) {
    match constraint.contype() {
        ConstrType::ConstrNotnull => column.not_null = true,
        ConstrType::ConstrDefault => column.default = expr::optional(constraint.raw_expr.as_deref()),
        ConstrType::ConstrIdentity => column.identity = Some(identity(&constraint.generated_when)),
        ConstrType::ConstrGenerated => {
            column.generated = expr::optional(constraint.raw_expr.as_deref());
            column.generated_virtual = constraint.generated_kind == "v";
        }
        // These speak of the constraint before them.
        ConstrType::ConstrAttrDeferrable => last(column, |last| last.deferrable = true),
        ConstrType::ConstrAttrNotEnforced => last(column, |last| last.not_enforced = true),
        kind => {
            column.not_null |= kind == ConstrType::ConstrPrimary;
            column.constraints.extend(self::constraint(constraint));
        }
    }
}

fn last(column: &mut Column, change: impl FnOnce(&mut Constraint)) {
    if let Some(last) = column.constraints.last_mut() {
        change(last);
    }
}

fn identity(when: &str) -> Identity {
    if when == "a" { Identity::Always } else { Identity::ByDefault }
}

/// A constraint; nothing for what is none of ours (`NULL`, `DEFAULT` of a domain).
pub(super) fn constraint(constraint: &Parsed) -> Option<Constraint> {
    let kind = kind(constraint)?;
    // The parser says that of these two only.
    let enforceable = matches!(kind, ConstraintKind::Check(_) | ConstraintKind::Foreign(_));
    Some(Constraint {
        at: place::of(constraint.location),
        name: names::word(&constraint.conname),
        not_valid: constraint.skip_validation,
        not_enforced: enforceable && !constraint.is_enforced,
        no_inherit: constraint.is_no_inherit,
        deferrable: constraint.deferrable,
        kind,
    })
}

fn kind(constraint: &Parsed) -> Option<ConstraintKind> {
    let columns = || names::words(&constraint.keys);
    let using_index = || names::word(&constraint.indexname);
    Some(match constraint.contype() {
        ConstrType::ConstrCheck => ConstraintKind::Check(expr::optional(constraint.raw_expr.as_deref())?),
        ConstrType::ConstrNotnull => ConstraintKind::NotNull { column: columns().pop().unwrap_or_default() },
        ConstrType::ConstrPrimary => {
            ConstraintKind::Primary { columns: columns(), using_index: using_index() }
        }
        ConstrType::ConstrUnique => ConstraintKind::Unique { columns: columns(), using_index: using_index() },
        ConstrType::ConstrExclusion => ConstraintKind::Exclude,
        ConstrType::ConstrForeign => ConstraintKind::Foreign(foreign(constraint)),
        _ => return None,
    })
}

fn foreign(constraint: &Parsed) -> ForeignKey {
    ForeignKey {
        columns: names::words(&constraint.fk_attrs),
        table: names::relation(constraint.pktable.as_ref()),
        referenced: names::words(&constraint.pk_attrs),
        on_delete: match constraint.fk_del_action.as_str() {
            "c" => OnDelete::Cascade,
            "n" | "d" => OnDelete::Set,
            _ => OnDelete::Refuse,
        },
    }
}

/// A constraint of a domain. What is `NOT NULL` is the value, which is no column.
pub(super) fn of_domain(parsed: &Parsed) -> Option<Constraint> {
    let mut constraint = constraint(parsed)?;
    if let ConstraintKind::NotNull { column } = &mut constraint.kind {
        column.clear();
    }
    Some(constraint)
}
