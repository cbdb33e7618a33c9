//! Where the target's history and the files tell different stories.

use crate::rule::prelude::*;

pub(in crate::rules) const EDITED: Rule = Rule {
    code: "SR1216",
    name: "edited-applied-migration",
    severity: Severity::Error,
    style: false,
    page: include_str!("edited_applied_migration.md"),
    look: Look::History(edited),
};

pub(in crate::rules) const ORDER: Rule = Rule {
    code: "SR1218",
    name: "out-of-order-migration",
    severity: Severity::Warning,
    style: false,
    page: include_str!("out_of_order_migration.md"),
    look: Look::History(order),
};

/// The script of a path, and where there is none the first that is reviewed.
fn script<'h, 'a>(history: &'h History<'a>, path: &str) -> Option<&'h ScriptAt<'a>> {
    let ups = || history.migrations.iter().map(|migration| &migration.up);
    ups().find(|up| up.script.path == path).or_else(|| ups().find(|up| !up.script.applied))
}

fn edited(history: &History<'_>, out: &mut Out<'_>) {
    for path in &history.live.edited {
        let Some(script) = script(history, path) else { continue };
        let found = Found::new(
            format!("`{path}` was changed after it was applied there"),
            "what it says now was never run there: the target is not what its files tell, and neither is what the next \
             migration was tried on",
        );
        out.push_script(script, None, found.help(
            "put the file back as it was applied (its history is in git), and write the change as a new migration; where \
             the target is right as it is: switchback stamp REVISION",
        ));
    }
}

fn order(history: &History<'_>, out: &mut Out<'_>) {
    for (path, newest) in &history.live.passed_over {
        let Some(script) = script(history, path) else { continue };
        let found = Found::new(
            format!("`{path}` is not applied there, and `{newest}`, which is newer, is"),
            "it would run behind that there, and before it wherever the database is made anew: two orders, two schemas; \
             Switchback and most migrators refuse to go on",
        );
        let help =
            "give it a version behind the newest that is applied anywhere, and look whether it still fits";
        out.push_script(script, None, found.help(help));
    }
}
