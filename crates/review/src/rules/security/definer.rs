//! What runs with the rights of its owner.

use crate::rule::prelude::*;
use crate::rules::text::Text;

pub(super) const FUNCTION: Rule = Rule {
    code: "SR1001",
    name: "security-definer-search-path",
    severity: Severity::Error,
    style: false,
    page: include_str!("security_definer_search_path.md"),
    look: Look::Statement(function),
};

pub(super) const VIEW: Rule = Rule {
    code: "SR1012",
    name: "security-definer-view",
    severity: Severity::Warning,
    style: false,
    page: include_str!("security_definer_view.md"),
    look: Look::Statement(view),
};

fn function(at: &At<'_>, out: &mut Out<'_>) {
    let (name, sets) = match at.stmt {
        Stmt::CreateFunction(made) if made.security_definer => {
            (&made.name, made.sets.iter().any(|set| set == "search_path"))
        }
        Stmt::AlterFunction { name, changes } if has(changes, "security", "true") => {
            (name, has(changes, "set", "search_path"))
        }
        _ => return,
    };
    let later = at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::AlterFunction { name: other, changes } => {
            other.same(name) && (has(changes, "set", "search_path") || has(changes, "security", "false"))
        }
        _ => false,
    });
    if sets || later {
        return;
    }
    let found = Found::new(
        format!("the SECURITY DEFINER function `{name}` has no search_path of its own"),
        "it runs with its owner's rights, and looks for tables, functions and operators where its caller says: whoever \
         may call it can put one of the same name in front, and have it run as the owner",
    );
    out.push(at, found.fix(fix(at, name)).help(
        "give it SET search_path = …, pg_temp with the schemas that it needs, none of which others may write to",
    ));
}

fn has(changes: &[(String, String)], what: &str, value: &str) -> bool {
    changes.iter().any(|(name, to)| name == what && to == value)
}

fn fix(at: &At<'_>, name: &Relation) -> Option<Fix> {
    let schema = ident(name.schema.as_deref().unwrap_or("public"));
    let set = format!("SET search_path = {schema}, pg_temp");
    let text = Text::of(at.text).with_behind("definer", &set)?;
    Some(Fix::new("fix the path in which it looks for names", vec![FixStep::new(text)]).changing())
}

fn view(at: &At<'_>, out: &mut Out<'_>) {
    let on = |options: &[(String, String)]| {
        options.iter().any(|(name, value)| {
            name == "security_invoker"
                && !matches!(value.to_ascii_lowercase().as_str(), "false" | "off" | "no" | "0")
        })
    };
    let (name, reads) = match at.stmt {
        Stmt::CreateView(view) if !view.materialized && !view.temporary && !on(&view.options) => {
            (&view.name, view.query.tables.clone())
        }
        Stmt::AlterTable { kind: ObjectKind::View, table, actions, .. } => {
            let off = actions.iter().any(|action| match &action.kind {
                ActionKind::ResetOptions(names) => names.iter().any(|name| name == "security_invoker"),
                ActionKind::SetOptions(options) => {
                    options.iter().any(|(name, _)| name == "security_invoker") && !on(options)
                }
                _ => false,
            });
            let Some(known) = at.schema.table(table).filter(|_| off) else { return };
            (table, known.reads.clone())
        }
        _ => return,
    };
    let Some(table) = reads.iter().find(|read| at.schema.table(read).is_some_and(|table| table.rls)) else {
        return;
    };
    let later = at.script.after_near(at.number).any(|stmt| match stmt {
        Stmt::AlterTable { table, actions, .. } if table.same(name) => actions
            .iter()
            .any(|action| matches!(&action.kind, ActionKind::SetOptions(options) if on(options))),
        _ => false,
    });
    if later {
        return;
    }
    let found = Found::new(
        format!("the view `{name}` shows rows of `{}` past its policies", at.schema.short(table)),
        "a view reads with its owner's rights: whoever may read the view sees every row that the owner sees, whatever \
         the policies of the table say of themselves",
    );
    let help = if at.script.options.version >= 15 {
        "make it WITH (security_invoker = true), so that it reads with the rights of who asks"
    } else {
        "let a role own it that the policies hold for; from PostgreSQL 15 on WITH (security_invoker = true) does it"
    };
    out.push(at, found.help(help));
}
