//! Sequences that begin again, run out, or belong to nothing.

use crate::rule::prelude::*;
use crate::rules::data_loss::is_new;

pub(super) const RESTART: Rule = Rule {
    code: "SR1105",
    name: "sequence-restart",
    severity: Severity::Error,
    style: false,
    page: include_str!("sequence_restart.md"),
    look: Look::Statement(restart),
};

pub(super) const EXHAUSTION: Rule = Rule {
    code: "SR1106",
    name: "sequence-int-exhaustion",
    severity: Severity::Warning,
    style: false,
    page: include_str!("sequence_int_exhaustion.md"),
    look: Look::Statement(exhaustion),
};

pub(super) const OWNER: Rule = Rule {
    code: "SR1107",
    name: "sequence-owner-lost",
    severity: Severity::Info,
    style: false,
    page: include_str!("sequence_owner_lost.md"),
    look: Look::Statement(owner),
};

fn restart(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::Sequence(sequence)
            if sequence.alter
                && sequence.restart
                && !is_new(at, ObjectKind::Sequence, &sequence.name)
                && !serves_new(at, &sequence.name) =>
        {
            out.push(at, again(&sequence.name.to_string()));
        }
        Stmt::AlterTable { table, actions, .. } if at.is_used(table) => {
            for action in actions {
                if let ActionKind::SetIdentity { column, restart: true } = &action.kind
                    && !at.is_new_column(table, column)
                {
                    out.push(at, again(&format!("{table}.{column}")).at(action.at));
                }
            }
        }
        Stmt::Select(query) => {
            for (_, value) in &query.columns {
                set(at, value, out);
            }
        }
        _ => {}
    }
}

fn again(name: &str) -> Found {
    let found = Found::new(
        format!("the numbers of `{name}` begin again"),
        "it gives numbers that it gave before: INSERTs fail by `duplicate key` where the column is unique, and are not \
         told apart from old rows where it is not",
    );
    found.help("set it from the rows: SELECT setval('…', (SELECT max(…) FROM …)), with writers locked out")
}

/// `setval` of a number that stands there; one that comes from the rows is as it should be.
fn set(at: &At<'_>, value: &Expr, out: &mut Out<'_>) {
    value.walk(&mut |part| {
        let Expr::Call { name, args } = part else { return };
        if name.name != "setval" || name.schema.is_some() || !args.get(1).is_some_and(Expr::is_constant) {
            return;
        }
        let sequence = match args[0].bare() {
            Expr::Text(sequence) => sequence.clone(),
            _ => "a sequence".to_owned(),
        };
        if !is_new(at, ObjectKind::Sequence, &relation(&sequence)) && !serves_new(at, &relation(&sequence)) {
            out.push(at, again(&sequence));
        }
    });
}

/// The sequence of a table that nobody uses yet.
fn serves_new(at: &At<'_>, sequence: &Relation) -> bool {
    let state = at.schema.sequence(sequence);
    state.and_then(|state| state.owned_by.as_ref()).is_some_and(|(table, _)| at.is_new(table))
}

/// A name as it stands in a text.
fn relation(text: &str) -> Relation {
    let plain = |part: &str| match part.strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => part.to_ascii_lowercase(),
    };
    match text.split_once('.') {
        Some((schema, name)) => Relation { schema: Some(plain(schema)), name: plain(name) },
        None => Relation::named(&plain(text)),
    }
}

fn is_small(name: &str) -> bool {
    matches!(name, "int2" | "int4" | "serial" | "smallserial")
}

fn exhaustion(at: &At<'_>, out: &mut Out<'_>) {
    match at.stmt {
        Stmt::Sequence(sequence) if sequence.cycle => {
            let found = Found::new(
                format!("the sequence `{}` begins again when it is at its end", sequence.name),
                "it gives numbers that it gave before: INSERTs fail by `duplicate key`, or rows are not told apart",
            );
            out.push(at, found.help("make it a bigint sequence with NO CYCLE: that is never at its end"));
        }
        Stmt::Sequence(sequence) => {
            let of = sequence.of.as_ref().map(|of| of.name.as_str());
            let Some([path @ .., column]) = sequence.owned_by.as_deref() else { return };
            let table = match path {
                [table] => Relation::named(table),
                [.., schema, table] => Relation { schema: Some(schema.clone()), name: table.clone() },
                [] => return,
            };
            let wide = at.schema.column(&table, column).and_then(|column| column.of.as_ref());
            if of.is_some_and(is_small) && wide.is_some_and(|of| of.name == "int8") {
                out.push(at, narrow(&sequence.name, &table, column));
            }
        }
        Stmt::AlterTable { table, actions, .. } => {
            for action in actions {
                let ActionKind::AlterType { column, to, .. } = &action.kind else { continue };
                if to.name == "int8" {
                    widened(at, table, column, action, out);
                }
            }
        }
        _ => {}
    }
}

/// The column of a `serial` becomes a bigint, and its sequence stays an integer.
fn widened(at: &At<'_>, table: &Relation, column: &str, action: &Action, out: &mut Out<'_>) {
    let serial = at
        .schema
        .column(table, column)
        .and_then(|known| known.of.as_ref())
        .is_some_and(|of| is_small(&of.name));
    for (name, state) in at.schema.sequences_of(table) {
        if state.owned_by.as_ref().is_none_or(|(_, owner)| owner != column) {
            continue;
        }
        let small = state.of.as_ref().map_or(serial, |of| is_small(&of.name));
        let later = at.script.after_near(at.number).any(|stmt| match stmt {
            Stmt::Sequence(other) => {
                other.alter
                    && other.name.name == name.name
                    && other.of.as_ref().is_some_and(|of| of.name == "int8")
            }
            _ => false,
        });
        if small && !later {
            let short = at.schema.short(name);
            let sql = format!("ALTER SEQUENCE {} AS bigint", quoted(&short));
            let fix = (!at.embedded).then(|| {
                Fix::new(
                    "make the sequence as wide as its column",
                    vec![FixStep::new(at.text), FixStep::along(sql)],
                )
                .changing()
            });
            out.push(at, narrow(&short, table, column).at(action.at).fix(fix));
        }
    }
}

fn narrow(sequence: &Relation, table: &Relation, column: &str) -> Found {
    let found = Found::new(
        format!("`{table}.{column}` is a bigint, and its sequence `{sequence}` is not"),
        "it is at its end at 2,147,483,647 (32,767 for smallint): from then on every INSERT fails, though the column has \
         room",
    );
    found.help(format!("ALTER SEQUENCE {} AS bigint", quoted(sequence)))
}

fn owner(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Sequence(sequence) = at.stmt else { return };
    if !sequence.alter || sequence.owned_by.as_ref().is_none_or(|owner| *owner != ["none"]) {
        return;
    }
    if is_new(at, ObjectKind::Sequence, &sequence.name) {
        return;
    }
    let found = Found::new(
        format!("the sequence `{}` belongs to no column any more", sequence.name),
        "it stays when the table or the column is dropped, and TRUNCATE … RESTART IDENTITY passes it by",
    );
    out.push(at, found.help("let it belong to the column that takes its numbers: ALTER SEQUENCE … OWNED BY"));
}
