//! A foreign key whose columns no index begins with.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    code: "SR0121",
    name: "fk-without-index",
    severity: Severity::Warning,
    style: false,
    page: include_str!("fk_without_index.md"),
    look: Look::History(look),
};

fn look(history: &History<'_>, out: &mut Out<'_>) {
    let scripts = history.scripts();
    for table in history.schema.tables().filter(|table| table.partition_of.is_none() && !table.temporary) {
        for constraint in &table.constraints {
            let (ConstraintKind::Foreign(key), Some(born)) = (&constraint.kind, constraint.born) else {
                continue;
            };
            let Some(script) = scripts.get(&born.script) else { continue };
            if !is_known(history, table, &key.columns) || has_index(history, table, &key.columns) {
                continue;
            }
            let is_new = table.born.is_some_and(|made| made.script == born.script);
            out.push_statement(
                script,
                born.statement,
                found(history, table, key, script, born.statement, is_new),
            );
        }
    }
}

/// Whether every index on the columns would have been seen.
fn is_known(history: &History<'_>, table: &Table, columns: &[String]) -> bool {
    let made = |column: &String| {
        table.columns.iter().any(|known| known.name == *column && (table.all_columns || known.born.is_some()))
    };
    !columns.is_empty() && (history.schema.knows_all() || columns.iter().any(made))
}

/// Whether an index begins with the columns, in any order, or is over the first of them alone.
fn has_index(history: &History<'_>, table: &Table, columns: &[String]) -> bool {
    history.schema.indexes_of(&table.name).any(|index| {
        let begins = |(place, key): (usize, &Key)| match key {
            Key::Column(name) => place < columns.len() && columns.contains(name),
            Key::Expr(_) => false,
        };
        let leading = index.keys.iter().enumerate().take_while(|key| begins(*key)).count();
        !index.partial && index.method != "brin" && leading >= columns.len().min(index.keys.len()).max(1)
    })
}

fn found(
    history: &History<'_>,
    table: &Table,
    key: &ForeignKey,
    script: &ScriptAt<'_>,
    statement: usize,
    is_new: bool,
) -> Found {
    let (on, other) = (history.schema.short(&table.name), history.schema.short(&key.table));
    let columns = key.columns.join("`, `");
    let found = Found::new(
        format!("no index of `{on}` begins with `{columns}`, which points to `{other}`"),
        format!(
            "whoever deletes a row of `{other}`, or changes its key, reads all of `{on}` for it, under a row lock"
        ),
    );
    let name = format!("{}_{}_idx", on.name, key.columns.join("_"));
    let list: Vec<String> = key.columns.iter().map(|column| ident(column)).collect();
    let tail = format!("{} ON {} ({})", ident(&name), quoted(&on), list.join(", "));
    let first = FixStep::new(script.text(statement));
    let index = if is_new {
        FixStep::along(format!("CREATE INDEX {tail}"))
    } else {
        FixStep::outside(format!("CREATE INDEX CONCURRENTLY {tail}"))
    };
    let partitioned = table.kind == TableKind::Partitioned && !is_new;
    let fix = (name.len() <= 63 && !partitioned && !script.is_do(statement))
        .then(|| Fix::new("make an index with it", vec![first, index]).changing());
    found.help("make an index that begins with these columns, before the foreign key is validated").fix(fix)
}
