//! Functions and views whose shape matters to others.

use crate::rule::prelude::*;

pub(super) const SIGNATURE: Rule = Rule {
    code: "SR0714",
    name: "change-function-signature",
    severity: Severity::Warning,
    style: false,
    page: include_str!("change_function_signature.md"),
    look: Look::Statement(signature),
};

pub(super) const STAR: Rule = Rule {
    code: "SR0717",
    name: "select-star-in-view",
    severity: Severity::Info,
    style: true,
    page: include_str!("select_star_in_view.md"),
    look: Look::Statement(star),
};

fn signature(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::Drop { kind: ObjectKind::Function | ObjectKind::Procedure, names, arguments, .. } = at.stmt
    else {
        return;
    };
    for (index, name) in names.iter().enumerate() {
        let written = arguments.get(index).and_then(Option::as_ref);
        let Some(made) = made_again(at, name) else { continue };
        let mut known = at.schema.functions(name).map(|function| &function.arguments);
        let before = written.or_else(|| known.next().filter(|_| known.next().is_none()));
        if before.is_some_and(|before| *before == made.arguments)
            || crate::rules::data_loss::is_new(at, ObjectKind::Function, name)
        {
            continue;
        }
        let found = Found::new(
            format!("the function `{name}` is dropped and made again with other arguments"),
            "running code calls it as it was, and gets `function does not exist` from the commit on",
        );
        out.push(at, found.help(
            "make the new one beside it (functions may share a name where their arguments differ), and drop the old \
             one one release later",
        ));
    }
}

/// The function of that name that the script makes behind a statement.
pub(in crate::rules) fn made_again<'a>(
    at: &At<'a>,
    name: &Relation,
) -> Option<&'a switchback_sql::ast::CreateFunction> {
    at.script.after_near(at.number).find_map(|stmt| match stmt {
        Stmt::CreateFunction(made) if made.name.same(name) => Some(&**made),
        _ => None,
    })
}

fn star(at: &At<'_>, out: &mut Out<'_>) {
    let Stmt::CreateView(view) = at.stmt else { return };
    let stars = view.query.columns.iter().any(|(_, value)| match value {
        Expr::Column(path) => path.last().is_some_and(|name| name == "*"),
        _ => false,
    });
    if !stars {
        return;
    }
    let found = Found::new(
        format!("the view `{}` shows `*`", view.name),
        "the columns are those of the moment at which it is made: later ones don't show, and none of them can be \
         dropped or change its type while the view is there",
    );
    out.push(at, found.help("name the columns that the view's readers need"));
}
