//! `restore`.

use switchback_engine::clock;
use switchback_model::units::human;
use switchback_model::{Exit, Result};
use switchback_workflow::{backups, world};

use super::backup::{find, hearing};
use crate::app::App;

#[derive(clap::Args)]
#[command(
    after_help = "Example: switchback restore 2026 --into ada_yesterday\nNever replaces a database: it makes one beside it."
)]
pub(crate) struct Args {
    /// The backup: its name, the beginning of it, or its folder
    backup: String,
    /// The new database; default: the target's name and the time
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let found = find(&world, Some(&args.backup))?;
    let into = args.into.clone().unwrap_or_else(|| {
        format!("{}_restored_{}", world.names.target, clock::now().strftime("%Y%m%d_%H%M%S"))
    });
    let mut hear = hearing(app);
    let restored = backups::restore(&world, &found.folder, &into, &world::uncancelled(), &mut hear).await?;
    if app.json() {
        app.print_json(&serde_json::json!({ "database": restored.database, "compared": restored.compared, "notes": restored.notes }))?;
        return Ok(Exit::Done);
    }
    for note in &restored.notes {
        app.say(&format!("! {note}\n"));
    }
    let compared = &restored.compared;
    app.print(&format!(
        "`{}` is equal to the backup: {} tables, {} rows; {}\n",
        restored.database,
        compared.tables,
        compared.rows,
        human(restored.took)
    ));
    Ok(Exit::Done)
}
