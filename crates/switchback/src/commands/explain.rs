//! `explain CODE`.

use switchback_model::code::{ALL, Code};
use switchback_model::{Exit, Failure, Result, code};
use switchback_workflow::review;

use crate::app::App;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// An error code or a rule (also another linter's), as in SB0101, add-fk-validated; without one, all
    /// are listed
    code: Option<String>,
}

pub(crate) fn run(args: &Args, app: &App) -> Result<Exit> {
    let Some(asked) = &args.code else {
        for code in ALL {
            app.print(&format!(
                "{}\n",
                code.page().lines().next().unwrap_or_default().trim_start_matches("# ")
            ));
        }
        for rule in review::rules() {
            app.print(&format!("{} {}: {}\n", rule.code, rule.name, rule.title()));
        }
        return Ok(Exit::Done);
    };
    if let Some(rule) = review::rule(asked) {
        app.print(rule.page);
        return Ok(Exit::Done);
    }
    if let Some(alias) = review::alias(asked) {
        app.say(&format!("{}\n", review::foreign_name(alias)));
        let pages: Vec<&str> = review::named(asked).iter().map(|rule| rule.page).collect();
        app.print(&pages.join("\n"));
        return Ok(Exit::Done);
    }
    let found = Code::find(asked).ok_or_else(|| {
        Failure::new(code::USAGE, format!("there is no code `{asked}`")).hint("list them: switchback explain")
    })?;
    app.print(found.page());
    Ok(Exit::Done)
}
