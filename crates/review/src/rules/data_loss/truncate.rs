//! Tables that are emptied.

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const RULE: Rule = Rule {
    code: "SR0615",
    name: "truncate",
    severity: Severity::Error,
    style: false,
    page: include_str!("truncate.md"),
    look: Look::Statement(look),
};

pub(super) const CASCADE: Rule = Rule {
    code: "SR0616",
    name: "truncate-cascade",
    severity: Severity::Error,
    style: false,
    page: include_str!("truncate_cascade.md"),
    look: Look::Statement(cascade),
};

fn look(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Truncate { tables, .. } = at.stmt else { return };
    for table in tables.iter().filter(|table| at.is_used(table)) {
        let found = Found::new(
            format!("`{table}` is emptied"),
            format!(
                "its rows{} are gone for good; ACCESS EXCLUSIVE waits for every query on it, all others wait behind \
                 it, and transactions with an older snapshot see it empty",
                at.size(table)
            ),
        );
        let found = found.ask(safe::rows(table, "true"), "{n} rows are lost", "it has no rows");
        out.push(
            at,
            found.help("DELETE in batches what is not wanted any more, and keep a copy of what could be"),
        );
    }
}

fn cascade(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Truncate { tables, cascade: true, .. } = at.stmt else { return };
    let named: Vec<Relation> = tables.iter().map(|table| at.schema.resolve(table)).collect();
    let mut reached = named.clone();
    let mut next = 0;
    while let Some(table) = reached.get(next).cloned() {
        let pointing = at.schema.foreign_keys_to(&table).into_iter();
        let more: Vec<Relation> = pointing.map(|(from, _)| from.name.clone()).collect();
        for name in more {
            if !reached.contains(&name) && reached.len() < 1000 {
                reached.push(name);
            }
        }
        next += 1;
    }
    let others = reached[named.len()..].iter().filter(|name| at.is_used(name));
    let others: Vec<String> = others.map(|name| format!("`{}`", at.schema.short(name))).collect();
    if others.is_empty() && tables.iter().all(|table| at.is_new(table)) {
        return;
    }
    let message = if others.is_empty() {
        "CASCADE empties every table that points to it, without a name".to_owned()
    } else {
        format!("CASCADE empties {} too", others.join(", "))
    };
    let found = Found::new(
        message,
        "every table with a foreign key to one that is emptied loses all of its rows, whether they point anywhere or \
         not, under ACCESS EXCLUSIVE",
    );
    out.push(at, found.help("leave CASCADE out and name the tables that are to be emptied"));
}
