//! Row level security and its policies.

use crate::rule::prelude::*;
use crate::rules::truth;

pub(super) const DISABLE: Rule = Rule {
    code: "SR1004",
    name: "disable-rls",
    severity: Severity::Error,
    style: false,
    page: include_str!("disable_rls.md"),
    look: Look::Statement(disable),
};

pub(super) const ENABLE: Rule = Rule {
    code: "SR1005",
    name: "enable-rls-without-policy",
    severity: Severity::Error,
    style: false,
    page: include_str!("enable_rls_without_policy.md"),
    look: Look::Statement(enable),
};

pub(super) const TRUE: Rule = Rule {
    code: "SR1006",
    name: "policy-always-true",
    severity: Severity::Warning,
    style: false,
    page: include_str!("policy_always_true.md"),
    look: Look::Statement(always),
};

pub(super) const RESTRICTIVE: Rule = Rule {
    code: "SR1007",
    name: "restrictive-policy",
    severity: Severity::Warning,
    style: false,
    page: include_str!("restrictive_policy.md"),
    look: Look::Statement(restrictive),
};

pub(super) const UNCACHED: Rule = Rule {
    code: "SR1008",
    name: "policy-uncached-function",
    severity: Severity::Info,
    style: false,
    page: include_str!("policy_uncached_function.md"),
    look: Look::Statement(uncached),
};

fn disable(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    for action in actions {
        let (message, why, severity) = match action.kind {
            ActionKind::DisableRls => (
                format!("row level security of `{table}` is switched off"),
                "whoever may read the table sees every row of it from the commit on; its policies are kept, and do nothing",
                Severity::Error,
            ),
            ActionKind::ForceRls { force: false } => (
                format!("the owner of `{table}` is above its policies from now on"),
                "code that connects as the owner sees and writes every row",
                Severity::Warning,
            ),
            ActionKind::ForceRls { force: true } => (
                format!("the policies of `{table}` hold for its owner too from now on"),
                "an application that connects as the owner sees and writes only what they let through, without an error \
                 where it reads; so do a dump, checks and backfills of that role",
                Severity::Warning,
            ),
            _ => continue,
        };
        let help = match action.kind {
            ActionKind::ForceRls { force: true } => {
                "look as whom the application and the migrations connect, and make a policy for that role first"
            }
            _ => "leave it on, and make a policy for the roles that need all rows; or let one role BYPASSRLS",
        };
        out.push(at, Found::new(message, why).severity(severity).at(action.at).help(help));
    }
}

fn enable(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters_any() else { return };
    let Some(action) = actions.iter().find(|action| action.kind == ActionKind::EnableRls) else { return };
    let known = at.schema.table(table);
    let has = known.is_some_and(|known| !known.policies.is_empty() || known.temporary || known.rls);
    let later = at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::Policy(policy) => policy.table.same(table),
        Stmt::AlterTable { table: other, actions, .. } => {
            other.same(table) && actions.iter().any(|action| action.kind == ActionKind::DisableRls)
        }
        _ => false,
    });
    if has || later {
        return;
    }
    let found = Found::new(
        format!("row level security of `{table}` is switched on, and it has no policy"),
        "all but its owner see no row from the commit on and can write none, without an error",
    );
    let found = if at.is_new(table) { found.severity(Severity::Info) } else { found };
    out.push(at, found.at(action.at).help("make its policies first, in the same transaction"));
}

fn always(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Policy(policy) = at.stmt else { return };
    let yes = |expr: &Option<Expr>| expr.as_ref().is_some_and(|expr| truth::truth(expr) == Some(true));
    let (using, check) = (yes(&policy.using), yes(&policy.check));
    if policy.restrictive || !(using || check) {
        return;
    }
    let what = if using { "lets every row through" } else { "lets every row be written" };
    let found = Found::new(
        format!("the policy `{}` of `{}` {what}", policy.name, policy.table),
        "one policy that lets a row through is enough: all others of the table mean nothing for the commands and roles \
         of this one",
    );
    out.push(
        at,
        found.help("say which rows are meant; where all are, narrow it by FOR SELECT and TO a role"),
    );
}

fn restrictive(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Policy(policy) = at.stmt else { return };
    let changed = policy.alter && (policy.using.is_some() || policy.check.is_some());
    if !(policy.restrictive || changed) || at.is_new(&policy.table) {
        return;
    }
    let found = if policy.alter {
        Found::new(
            format!("the policy `{}` of `{}` changes", policy.name, policy.table),
            "running code sees and writes other rows from the commit on; rows that it sees no more are missing without \
             an error",
        )
    } else {
        Found::new(
            format!("the policy `{}` hides rows of `{}` from now on", policy.name, policy.table),
            "a restrictive policy holds beside every other: rows that running code used to see are missing without an \
             error, and its writes of them fail",
        )
    };
    out.push(
        at,
        found.help("look with the roles that code connects as which rows they see before and after"),
    );
}

fn uncached(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Policy(policy) = at.stmt else { return };
    let mut calls = Vec::new();
    for expr in policy.using.iter().chain(&policy.check) {
        for_each_row(expr, &mut calls);
    }
    calls.sort();
    calls.dedup();
    let Some(first) = calls.first() else { return };
    let found = Found::new(
        format!("the policy `{}` of `{}` calls `{first}()` once for each row", policy.name, policy.table),
        "every query on the table calls it for each row that it looks at; as a query of its own it is called once",
    );
    out.push(
        at,
        found.help(format!(
            "write (SELECT {first}(…)) for it: the server keeps what a query gives that depends on no row"
        )),
    );
}

/// Functions that give one value for a whole query, where they stand outside of a query of their own.
fn for_each_row(expr: &Expr, calls: &mut Vec<String>) {
    match expr {
        Expr::Call { name, args } => {
            let auth = name.schema.as_deref() == Some("auth");
            // What depends on a row can't be called once.
            if (auth || name.schema.is_none() && name.name == "current_setting")
                && args.iter().all(Expr::is_constant)
            {
                calls.push(name.to_string());
            }
            for arg in args {
                for_each_row(arg, calls);
            }
        }
        Expr::Op(_, args) | Expr::Other(args) => {
            for arg in args {
                for_each_row(arg, calls);
            }
        }
        Expr::Cast(inner, _) | Expr::IsNull(inner) | Expr::IsNotNull(inner) | Expr::InQuery(inner, _) => {
            for_each_row(inner, calls);
        }
        _ => {}
    }
}
