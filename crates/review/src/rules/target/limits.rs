//! What there is only so much of: columns of a table, numbers of a sequence.

use switchback_sql::ast::Stmt;

use crate::live::LiveSequence;
use crate::rule::prelude::*;

pub(in crate::rules) const COLUMNS: Rule = Rule {
    code: "SR1209",
    name: "column-limit",
    severity: Severity::Warning,
    style: false,
    page: include_str!("column_limit.md"),
    look: Look::Statement(columns),
};

pub(in crate::rules) const SEQUENCE: Rule = Rule {
    code: "SR1240",
    name: "sequence-near-limit",
    severity: Severity::Warning,
    style: false,
    page: include_str!("sequence_near_limit.md"),
    look: Look::History(sequence),
};

/// PostgreSQL manual, appendix K: columns of a table, with those that were dropped.
const MOST: usize = 1600;
/// So many are near it.
const NEAR: usize = 1400;
/// A sequence that has given so many of a hundred numbers is near its end; and so many: very near.
const USED: i128 = 75;
const USED_UP: i128 = 95;

fn columns(at: &At<'_>, out: &mut Out<'_>) {
    let (table, count) = match at.stmt {
        Stmt::CreateTable(create) => (&create.name, create.columns.len()),
        Stmt::AlterTable { kind: ObjectKind::Table, table, actions, .. } => {
            let added = actions.iter().filter(|action| adds(at, table, action)).count();
            if added == 0 {
                return;
            }
            (table, before(at, table) + added)
        }
        _ => return,
    };
    if count < NEAR {
        return;
    }
    let found = Found::new(
        format!("`{table}` has {count} columns then, of {MOST} that are possible; dropped ones count"),
        if count > MOST {
            "the statement fails"
        } else {
            "a column that is dropped keeps its place for ever: when none is left, only a new table helps"
        },
    );
    let found = if count > MOST { found.severity(Severity::Error) } else { found };
    let help = "move columns that belong together into a table of their own; a new table with the rows copied begins to \
                count anew";
    out.push(at, found.help(help));
}

fn adds(at: &At<'_>, table: &Relation, action: &Action) -> bool {
    match &action.kind {
        ActionKind::AddColumn { column, if_not_exists } => {
            !if_not_exists || at.schema.column(table, &column.name).is_none()
        }
        _ => false,
    }
}

/// Those that the target has, with dropped ones, and those that earlier statements add.
fn before(at: &At<'_>, table: &Relation) -> usize {
    let known = at.schema.table(table).map(|table| table.columns.as_slice()).unwrap_or_default();
    let first = at.script.options.pending_from.unwrap_or(at.script.number);
    let live = at.script.live.table(&at.schema.resolve(table)).filter(|_| at.is_used(table));
    match live {
        Some(live) => {
            let new =
                known.iter().filter(|column| column.born.is_some_and(|born| born.script >= first)).count();
            usize::try_from(live.attributes).unwrap_or_default().max(known.len() - new) + new
        }
        None => known.len(),
    }
}

fn sequence(history: &History<'_>, out: &mut Out<'_>) {
    if history.live.sequences.is_empty() {
        return;
    }
    let scripts = history.scripts();
    let Some(first) = scripts.values().next() else { return };
    for (name, known) in &history.live.sequences {
        let column_max = known.column_max.filter(|_| !is_widened(history, known));
        let max = if is_altered(&scripts, name) { i64::MAX } else { known.max };
        let limit = column_max.unwrap_or(i64::MAX).min(max);
        let percent = i128::from(known.last) * 100 / i128::from(limit.max(1));
        if percent < USED {
            continue;
        }
        let what = match (&known.owned_by, column_max) {
            (Some((table, column)), Some(max)) if max <= known.max => {
                format!(
                    "`{table}.{column}` ends at {limit}, and its sequence `{name}` has given {}",
                    known.last
                )
            }
            _ => format!("the sequence `{name}` ends at {limit}, and has given {}", known.last),
        };
        let found = Found::new(
            format!("{what}: {percent} %"),
            "when it is used up every INSERT that asks it for a number fails",
        );
        let found = if percent >= USED_UP { found.severity(Severity::Error) } else { found };
        out.push_script(first, None, found.help(
            "make both bigint while there is time: the column by a new one beside it, filled in batches and then \
             exchanged; the sequence by ALTER SEQUENCE … AS bigint, which is done at once",
        ));
    }
}

/// A pending script makes the column wide.
fn is_widened(history: &History<'_>, known: &LiveSequence) -> bool {
    let Some((table, column)) = &known.owned_by else { return false };
    let Some((schema, name)) = table.split_once('.') else { return false };
    let table = Relation { schema: Some(schema.to_owned()), name: name.to_owned() };
    let of = history.schema.column(&table, column).and_then(|column| column.of.as_ref());
    of.is_some_and(|of| of.name == "int8")
}

fn is_altered(scripts: &std::collections::BTreeMap<usize, &ScriptAt<'_>>, name: &str) -> bool {
    let mut stmts = scripts.values().flat_map(|script| script.stmts());
    stmts.any(|(_, stmt)| match stmt {
        Stmt::Sequence(sequence) => {
            sequence.alter
                && name.rsplit('.').next() == Some(sequence.name.name.as_str())
                && !sequence.restart
        }
        _ => false,
    })
}
