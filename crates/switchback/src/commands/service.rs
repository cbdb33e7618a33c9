//! `service start|stop|status`.

use clap::Subcommand;
use switchback_model::{Exit, Failure, Result, code};
use switchback_workflow::pairs;
use switchback_workflow::services::ServiceState;

use crate::app::App;

#[derive(Subcommand)]
pub(crate) enum Service {
    /// Start the application, where its release knows the target's revision
    Start {
        /// Start it without looking at the target
        #[arg(long)]
        unchecked: bool,
    },
    /// Stop the application
    Stop,
    /// Look whether it runs; exit status 1 where it does not
    Status,
}

pub(crate) async fn run(command: &Service, app: &App) -> Result<Exit> {
    let world = app.world()?;
    let service = world.service().ok_or_else(|| {
        Failure::new(code::CONFIG_INVALID, "this environment has no service")
            .hint("add [environments.NAME.service] manager = \"systemd\", units = […]; or manager = \"process\", command = […]")
    })?;
    match command {
        Service::Start { unchecked } => {
            // A start that a run forbids is refused with that run's name, not with what it does.
            if !unchecked && service.blocked_by().await?.is_none() {
                pairs::check_in_place(&world).await.map_err(|failure| {
                    failure.hint("or start it all the same: switchback service start --unchecked")
                })?;
            }
            service.start(None).await?;
        }
        Service::Stop => {
            for sentence in service.stop().await? {
                app.say(&sentence);
            }
        }
        Service::Status => {}
    }
    let state = service.state().await?;
    if app.json() {
        app.print_json(&serde_json::json!({ "state": state, "blocked_by": service.blocked_by().await? }))?;
    } else {
        let text = match &state {
            ServiceState::Running { pid, since, restarts } => {
                let process = pid.map_or_else(String::new, |pid| format!(": process {pid}"));
                let since = since.map_or_else(String::new, |since| format!(" since {since}"));
                format!("runs{process}{since}, {restarts} restarts")
            }
            ServiceState::Stopped => "stopped".into(),
            ServiceState::Failed { why } => format!("failed: {why}"),
        };
        app.print(&format!("{text}\n"));
    }
    let well = matches!(state, ServiceState::Running { .. }) || matches!(command, Service::Stop);
    Ok(if well { Exit::Done } else { Exit::NotFine })
}
