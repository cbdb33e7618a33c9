//! What destroys data.

use switchback_sql::Relation;
use switchback_sql::ast::{ObjectKind, Publication, Stmt};

use crate::cx::At;
use crate::rule::Rule;

mod column_promises;
mod drop_cascade;
mod drop_object;
mod drop_table;
mod truncate;
mod whole_table;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &drop_table::TABLE,
    &drop_table::COLUMN,
    &drop_object::SCHEMA,
    &drop_object::DATABASE,
    &drop_cascade::RULE,
    &drop_object::TYPE,
    &drop_object::SEQUENCE,
    &drop_object::EXTENSION,
    &drop_table::MATERIALIZED,
    &drop_object::OWNED,
    &drop_object::ROLE,
    &drop_object::TABLESPACE,
    &drop_object::POLICY,
    &drop_object::PUBLICATION,
    &truncate::RULE,
    &truncate::CASCADE,
    &whole_table::DELETE,
    &whole_table::TRUE,
    &whole_table::UPDATE,
    &whole_table::NULLS,
    &column_promises::NOT_NULL,
    &column_promises::DEFAULT,
    &column_promises::IDENTITY,
    &column_promises::COPIED,
];

/// The same deploy made the object, as far as that is known: nobody uses it yet.
pub(super) fn is_new(at: &At<'_>, kind: ObjectKind, name: &Relation) -> bool {
    let first = at.script.options.pending_from.unwrap_or(at.script.number);
    let born = |born: Option<switchback_sql::schema::Born>| born.is_some_and(|born| born.script >= first);
    let made = |is: &dyn Fn(&Stmt) -> bool| at.script.before_near(at.number).any(is);
    match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Index => at.is_new(name),
        ObjectKind::Type | ObjectKind::Domain => at.is_new_type(name),
        ObjectKind::Sequence => at.schema.sequence(name).is_some_and(|sequence| born(sequence.born)),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
            let mut known = at.schema.functions(name).peekable();
            known.peek().is_some() && known.all(|function| born(function.born))
        }
        ObjectKind::Schema => made(&|stmt| match stmt {
            // `IF NOT EXISTS`: it may have been there before.
            Stmt::CreateSchema { name: made, if_not_exists } => *made == name.name && !if_not_exists,
            _ => false,
        }),
        ObjectKind::Extension => made(&|stmt| match stmt {
            Stmt::CreateExtension { name: made, if_not_exists, .. } => *made == name.name && !if_not_exists,
            _ => false,
        }),
        ObjectKind::Publication => made(&|stmt| match stmt {
            Stmt::Publication(Publication { name: made, alter: false, .. }) => *made == name.name,
            _ => false,
        }),
        _ => false,
    }
}
