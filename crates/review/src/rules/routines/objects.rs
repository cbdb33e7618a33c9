//! Views and functions that are dropped, replaced or described otherwise.

use crate::rule::prelude::*;
use crate::rules::compatibility::signature::made_again;
use crate::rules::data_loss::is_new;

pub(super) const REPLACE: Rule = Rule {
    code: "SR0505",
    name: "replace-view-function",
    severity: Severity::Info,
    style: true,
    page: include_str!("replace_view_function.md"),
    look: Look::Statement(replace),
};

pub(super) const VIEW: Rule = Rule {
    code: "SR0506",
    name: "drop-view",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_view.md"),
    look: Look::Statement(view),
};

pub(super) const FUNCTION: Rule = Rule {
    code: "SR0507",
    name: "drop-function",
    severity: Severity::Warning,
    style: false,
    page: include_str!("drop_function.md"),
    look: Look::Statement(function),
};

pub(super) const CHANGE: Rule = Rule {
    code: "SR0508",
    name: "function-volatility-change",
    severity: Severity::Warning,
    style: false,
    page: include_str!("function_volatility_change.md"),
    look: Look::Statement(change),
};

pub(super) const MISSING: Rule = Rule {
    code: "SR0509",
    name: "function-missing-volatility",
    severity: Severity::Info,
    style: true,
    page: include_str!("function_missing_volatility.md"),
    look: Look::Statement(missing),
};

fn replace(at: &At<'_>, out: &mut Out<'_>) {
    let (what, name, new) = match at.stmt {
        Stmt::CreateView(view) if view.replace => ("view", &view.name, at.is_new(&view.name)),
        Stmt::CreateFunction(made) if made.replace => {
            let what = if made.procedure { "procedure" } else { "function" };
            (what, &made.name, is_new(at, ObjectKind::Function, &made.name))
        }
        _ => return,
    };
    if new {
        return;
    }
    let found = Found::new(
        format!("the {what} `{name}` is replaced"),
        "what it was before is nowhere in the database any more: the way down needs a copy of it",
    );
    out.push(at, found.help(format!("write the old {what} into the way down")));
}

fn view(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::View, names, .. } = at.stmt else { return };
    for name in names.iter().filter(|name| at.is_used(name)) {
        let again = at.script.after_near(at.number).any(|stmt| match stmt {
            Stmt::CreateView(view) => view.name.same(name),
            Stmt::CreateTable(table) => table.name.same(name),
            Stmt::Rename { to, part: None, .. } => *to == name.name,
            _ => false,
        });
        let found = if again && at.in_transaction() {
            let found = Found::new(
                format!("the view `{name}` is dropped and made again"),
                "privileges that were granted on it are gone, and ACCESS EXCLUSIVE is held on it until the commit",
            );
            found
                .severity(Severity::Info)
                .help("CREATE OR REPLACE VIEW keeps them, where columns are only added; else GRANT again")
        } else {
            let found = Found::new(
                format!("the view `{name}` is dropped"),
                "running code that reads it fails from the commit on",
            );
            found.help("drop it one release after the last code that reads it has gone")
        };
        out.push(at, found);
    }
}

fn function(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind, names, .. } = at.stmt else { return };
    let what = match kind {
        ObjectKind::Function => "function",
        ObjectKind::Procedure => "procedure",
        ObjectKind::Aggregate => "aggregate",
        _ => return,
    };
    for name in names.iter().filter(|name| !is_new(at, *kind, name)) {
        // Made again with other arguments, it is said by another rule; with the same, nobody notices.
        if made_again(at, name).is_some() && at.in_transaction() {
            continue;
        }
        let found = Found::new(
            format!("the {what} `{name}` is dropped"),
            "running code that calls it fails from the commit on; bodies of other functions that call it are not \
             looked at, and fail when they run",
        );
        out.push(at, found.help("drop it one release after the last code that calls it has gone; to change it, CREATE OR REPLACE"));
    }
}

fn change(at: &At<'_>, out: &mut Out<'_>) {
    let (name, to) = match at.stmt {
        Stmt::AlterFunction { name, changes } => {
            strict(at, name, changes, out);
            let Some((_, to)) = changes.iter().find(|(what, _)| what == "volatility") else { return };
            (name, to.as_str())
        }
        Stmt::CreateFunction(made) if made.replace => {
            (&made.name, made.volatility.as_deref().unwrap_or("volatile"))
        }
        _ => return,
    };
    if is_new(at, ObjectKind::Function, name) {
        return;
    }
    let mut known = at.schema.functions(name).filter(|function| match at.stmt {
        Stmt::CreateFunction(made) => function.arguments == made.arguments,
        _ => true,
    });
    let before = known.next().map(|function| function.volatility.as_str()).filter(|_| known.next().is_none());
    let replaced = matches!(at.stmt, Stmt::CreateFunction(_));
    if before == Some(to) || replaced && before.is_none() {
        return;
    }
    let from = before.map_or_else(String::new, |before| format!(" from {}", before.to_uppercase()));
    let found = Found::new(
        format!("the function `{name}` changes{from} to {}", to.to_uppercase()),
        "plans that relied on it change (an index that served a condition may serve it no more), and what indexes, \
         checks and generated columns kept by it is not looked at again",
    );
    out.push(at, found.help("look for indexes and checks that call it, and at the plans of queries that do; REINDEX where its results changed"));
}

fn strict(at: &At<'_>, name: &Relation, changes: &[(String, String)], out: &mut Out<'_>) {
    let Some((_, to)) = changes.iter().find(|(what, _)| what == "strict") else { return };
    if is_new(at, ObjectKind::Function, name) {
        return;
    }
    let (message, why) = if to == "true" {
        (
            format!("the function `{name}` answers null from now on where an argument is null"),
            "it is not called then: what it made of nulls, code gets no more, and no error says so",
        )
    } else {
        (
            format!("the function `{name}` is called with nulls from now on"),
            "it answered null without being called: where it was not written for nulls, it fails or says something else",
        )
    };
    out.push(
        at,
        Found::new(message, why).help("look who calls it with nulls, and what indexes and checks keep by it"),
    );
}

fn missing(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateFunction(made) = at.stmt else { return };
    let trigger =
        made.returns.as_ref().is_some_and(|of| matches!(of.name.as_str(), "trigger" | "event_trigger"));
    if made.procedure || trigger || made.volatility.is_some() {
        return;
    }
    let found = Found::new(
        format!("the function `{}` doesn't say whether it is IMMUTABLE, STABLE or VOLATILE", made.name),
        "it is taken as VOLATILE: it runs once for each row, and no index serves a condition with it",
    );
    out.push(at, found.help("say IMMUTABLE where it depends on its arguments alone, STABLE where it only reads, VOLATILE else"));
}
