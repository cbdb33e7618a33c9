//! `doctor`.

use switchback_model::{Exit, Result};
use switchback_report::tables::{Check, checks};
use switchback_report::theme::Mark as Sign;
use switchback_workflow::examine::{Look, Mark, Needs, examine};

use crate::app::App;

#[derive(clap::Args)]
#[command(
    after_help = "Example: switchback doctor -e production\nExit status 1: something stands in the way of a run."
)]
pub(crate) struct Args {}

pub(crate) async fn run(_args: &Args, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let needs = Needs::of(&world.config);
    let looks = examine(&world, &needs, &mut |_| {}).await;
    let bad = looks.iter().any(|look| look.mark == Mark::Bad);
    if app.json() {
        app.print_json(
            &serde_json::json!({ "environment": world.config.environment_name, "looks": looks, "ok": !bad }),
        )?;
    } else {
        let shown: Vec<Check> = looks.into_iter().map(shown).collect();
        app.print(&checks(&shown, app.theme_out()));
    }
    Ok(if bad { Exit::NotFine } else { Exit::Done })
}

fn shown(look: Look) -> Check {
    let mark = match look.mark {
        Mark::Good => Sign::Ok,
        Mark::Note => Sign::Warn,
        Mark::Bad => Sign::Fail,
    };
    Check { mark, title: look.title, detail: look.detail, cure: look.cure }
}
