//! Tables and types of kinds that people regret.

use super::columns::is;
use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const ENUM: Rule = Rule {
    code: "SR0913",
    name: "create-enum",
    severity: Severity::Info,
    style: true,
    page: include_str!("create_enum.md"),
    look: Look::Statement(create_enum),
};

pub(super) const INHERITS: Rule = Rule {
    code: "SR0915",
    name: "table-inheritance",
    severity: Severity::Info,
    style: false,
    page: include_str!("table_inheritance.md"),
    look: Look::Statement(inherits),
};

pub(super) const UNLOGGED: Rule = Rule {
    code: "SR0916",
    name: "unlogged-table",
    severity: Severity::Warning,
    style: false,
    page: include_str!("unlogged_table.md"),
    look: Look::Statement(unlogged),
};

pub(super) const ALIGNMENT: Rule = Rule {
    code: "SR0921",
    name: "data-alignment",
    severity: Severity::Info,
    style: true,
    page: include_str!("data_alignment.md"),
    look: Look::Statement(alignment),
};

fn create_enum(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateEnum { name, .. } = at.stmt else { return };
    let found = Found::new(
        format!("type `{name}` is an enum"),
        "its values can be added and renamed, never dropped: taking one away is a new type and a rewrite of every \
         table that uses it",
    );
    out.push(at, found.help("a table of the values with a foreign key to it, or text with a CHECK"));
}

fn inherits(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTable(create) = at.stmt else { return };
    let Some(parent) = create.inherits.first().filter(|_| !create.temporary) else { return };
    let found = Found::new(
        format!("table `{}` inherits from `{parent}`", create.name),
        "its rows are rows of the parent too, but the parent's primary key, unique and foreign keys and indexes do not \
         hold for them: two equal ids are possible",
    );
    let help = "a partitioned table where rows are parted, LIKE where only the columns are wanted";
    out.push(at, found.help(help));
}

fn unlogged(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTable(create) = at.stmt else { return };
    if !create.unlogged || create.temporary {
        return;
    }
    let found = Found::new(
        format!("table `{}` is UNLOGGED", create.name),
        "it is emptied after a crash, is not on standbys, and not in a restore to a point in time",
    );
    let text = Text::of(at.text).without_word("unlogged").filter(|_| !at.embedded);
    let fix = text.map(|text| Fix::new("log it", vec![FixStep::new(text)]).changing());
    out.push(at, found.help("leave UNLOGGED out, unless all of its rows may be lost at any time").fix(fix));
}

/// Bytes a row that are worth a word.
const MUCH: usize = 8;

fn alignment(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateTable(create) = at.stmt else { return };
    let lost = padding(at, create);
    if lost < MUCH {
        return;
    }
    let found = Found::new(
        format!("the order of the columns of `{}` costs {lost} bytes a row", create.name),
        "a value of eight bytes begins at a multiple of eight: what lies before it is filled up in every row",
    );
    out.push(at, found.help("the widest columns first, then narrower ones, texts last"));
}

/// The bytes that fill up what lies before wider columns. Behind a column of no fixed length nothing can
/// be said.
fn padding(at: &At<'_>, create: &CreateTable) -> usize {
    let (mut offset, mut lost) = (0_usize, 0_usize);
    for column in &create.columns {
        let Some((size, align)) = width(at.base_type(&column.of)) else {
            offset = 0;
            continue;
        };
        let fill = offset.next_multiple_of(align) - offset;
        lost += fill;
        offset += fill + size;
    }
    lost
}

fn width(of: &Type) -> Option<(usize, usize)> {
    const EIGHT: &[&str] =
        &["int8", "float8", "timestamp", "timestamptz", "time", "bigserial", "serial8", "money"];
    if of.array {
        return None;
    }
    if is(of, EIGHT) {
        return Some((8, 8));
    }
    if is(of, &["int4", "float4", "date", "serial", "serial4", "oid"]) {
        return Some((4, 4));
    }
    if is(of, &["int2", "smallserial", "serial2"]) {
        return Some((2, 2));
    }
    match of.name.as_str() {
        _ if of.schema.is_some() => None,
        "bool" => Some((1, 1)),
        "uuid" => Some((16, 1)),
        "interval" => Some((16, 8)),
        "timetz" => Some((12, 8)),
        _ => None,
    }
}
