//! Matters of a house: off until they are switched on.

use crate::rule::prelude::*;

pub(super) const PLANS: Rule = Rule {
    code: "SR1204",
    name: "cached-plan-breakage",
    severity: Severity::Warning,
    style: true,
    page: include_str!("cached_plan_breakage.md"),
    look: Look::Statement(plans),
};

pub(super) const NAMING: Rule = Rule {
    code: "SR1230",
    name: "naming-convention",
    severity: Severity::Info,
    style: true,
    page: include_str!("naming_convention.md"),
    look: Look::Statement(naming),
};

fn plans(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters() else { return };
    let changes = actions.iter().find(|action| {
        matches!(
            action.kind,
            ActionKind::AddColumn { .. } | ActionKind::DropColumn { .. } | ActionKind::AlterType { .. }
        )
    });
    let Some(action) = changes else { return };
    let found = Found::new(
        format!("the columns of `{table}` change: SELECT * gives another result than before"),
        "statements that sessions prepared before fail once with \"cached plan must not change result type\"",
    );
    let help =
        "name columns in queries, or have the application's connections made anew behind the migration";
    out.push(at, found.at(action.at).help(help));
}

fn naming(at: &At<'_>, out: &mut Out<'_>) {
    if at.script.options.naming.is_empty() {
        return;
    }
    let mut say = |kind: &str, name: &str, byte: usize| {
        let Some(patterns) = at.script.options.naming.get(kind) else { return };
        if patterns.iter().any(|pattern| fits(name, pattern)) {
            return;
        }
        let found = Found::new(
            format!("the {kind} `{name}` is not named as {kind} names are here"),
            "whoever looks for it by the rule does not find it",
        );
        let help = format!("a name like {}", patterns.join(" or "));
        out.push(at, found.at(byte).help(help));
    };
    match at.stmt {
        Stmt::CreateTable(table) => {
            say("table", &table.name.name, 0);
            for column in &table.columns {
                say("column", &column.name, column.at);
                named(&column.constraints, &mut say);
            }
            named(&table.constraints, &mut say);
        }
        Stmt::AlterTable { kind: ObjectKind::Table, actions, .. } => {
            for action in actions {
                match &action.kind {
                    ActionKind::AddColumn { column, .. } => {
                        say("column", &column.name, column.at);
                        named(&column.constraints, &mut say);
                    }
                    ActionKind::AddConstraint(one) => named(std::slice::from_ref(one), &mut say),
                    _ => {}
                }
            }
        }
        Stmt::CreateIndex(index) => index.name.iter().for_each(|name| say("index", name, 0)),
        Stmt::CreateView(view) => say("view", &view.name.name, 0),
        Stmt::Sequence(sequence) if !sequence.alter => say("sequence", &sequence.name.name, 0),
        Stmt::CreateFunction(function) => say("function", &function.name.name, 0),
        Stmt::CreateEnum { name, .. } | Stmt::CreateType { name, .. } | Stmt::CreateDomain { name, .. } => {
            say("type", &name.name, 0);
        }
        Stmt::Rename { kind, to, .. } => {
            let kind = match kind {
                ObjectKind::Table => "table",
                ObjectKind::Column => "column",
                ObjectKind::Constraint => "constraint",
                ObjectKind::Index => "index",
                ObjectKind::View | ObjectKind::MaterializedView => "view",
                ObjectKind::Sequence => "sequence",
                ObjectKind::Function | ObjectKind::Procedure => "function",
                ObjectKind::Type | ObjectKind::Domain => "type",
                _ => return,
            };
            say(kind, to, 0);
        }
        _ => {}
    }
}

fn named(constraints: &[Constraint], say: &mut impl FnMut(&str, &str, usize)) {
    for one in constraints {
        if let Some(name) = &one.name {
            say("constraint", name, one.at);
        }
    }
}

/// Whether a name is like a pattern, in which `*` is any part of one.
fn fits(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_part() {
        for (name, pattern, is) in [
            ("users", "*s", true),
            ("user", "*s", false),
            ("a", "a", true),
            ("ab", "a", false),
            ("t_a_idx", "*_*_idx", true),
            ("t_idx", "*_*_idx", false),
            ("", "*", true),
            ("aa", "a*a*a", false),
        ] {
            assert_eq!(fits(name, pattern), is, "{name} {pattern}");
        }
    }
}
