//! Fixes that stay in their file.

use switchback_model::finding::FixStep;
use switchback_sql::ast::{Stmt, Transaction};

use super::{Place, Written, joined};

/// The steps where each statement is a transaction of its own.
pub(super) fn bare(at: &Place<'_>) -> String {
    joined(at.groups().into_iter().map(|group| block(group, "BEGIN", &[])))
}

/// A block around statements that belong together, or that need settings.
fn block(group: &[FixStep], begin: &str, settings: &[&str]) -> String {
    let statements = || group.iter().map(|step| step.sql.as_str());
    let outside = group.iter().any(|step| step.outside_transaction);
    if outside || (group.len() < 2 && settings.is_empty()) {
        return joined(statements());
    }
    joined([begin].into_iter().chain(settings.iter().copied()).chain(statements()).chain(["COMMIT"]))
}

/// The steps in the transaction that is there.
pub(super) fn within(at: &Place<'_>) -> Result<Vec<Written>, String> {
    if at.steps.iter().any(|step| step.outside_transaction) {
        return Err("a step can't run in a transaction".to_owned());
    }
    let text = joined(at.steps.iter().map(|step| step.sql.as_str()));
    if text == at.text(at.number) {
        return Err("it must have a transaction of its own".to_owned());
    }
    Ok(at.instead(&text))
}

/// The block that a statement of the script begins is closed before the steps, and begun again behind
/// them; a half of it in which nothing is left is not there any more.
pub(super) fn apart(at: &Place<'_>, begin: usize) -> Result<Vec<Written>, String> {
    let settings: Vec<&str> = at
        .settings(begin + 1)
        .filter(|(_, stmt)| matches!(stmt, Stmt::Set { local: true, .. }))
        .map(|(number, _)| at.text(number))
        .collect();
    let words = at.text(begin);
    if !settings.is_empty() && at.steps.iter().any(|step| step.outside_transaction && needs_names(at, begin))
    {
        return Err("a step outside of the transaction would not have its search_path".to_owned());
    }
    let steps = joined(at.groups().into_iter().map(|group| block(group, words, &settings)));
    let end = at.reads[at.number..].iter().position(
        |read| matches!(read.stmt(), Some(Stmt::Transaction(kind)) if *kind != Transaction::Savepoint),
    );
    let end = at.number + end.ok_or("the transaction around it is not ended")?;
    let text = at.target.text;
    let before = if at.is_first(begin + 1) {
        format!("{}{}", &text[..at.reads[begin].range.start], comments(at))
    } else {
        let open = text[..at.read().from].trim_end();
        format!("{open}\nCOMMIT;\n{}{}", gap(at), comments(at))
    };
    let behind = if end == at.number + 1 {
        text[at.reads[end].range.end..].to_owned()
    } else {
        let again = joined([words].into_iter().chain(settings.iter().copied()));
        format!(";\n\n{again}{}", &text[at.read().range.end..])
    };
    Ok(at.changed(format!("{before}{steps}{behind}")))
}

fn needs_names(at: &Place<'_>, begin: usize) -> bool {
    at.settings(begin + 1).any(|(_, stmt)| {
        matches!(stmt, Stmt::Set { name, local: true, .. } if name == "search_path" || name == "role")
    })
}

/// The comments that stand before the statement.
fn comments<'a>(at: &Place<'a>) -> &'a str {
    at.target.text[at.read().from..at.read().range.start].trim_start()
}

/// An empty line, where one stands before the statement.
fn gap(at: &Place<'_>) -> &'static str {
    let before = &at.target.text[at.read().from..at.read().range.start];
    let blank = before.len() - before.trim_start().len();
    if before[..blank].matches('\n').count() > 1 { "\n" } else { "" }
}
