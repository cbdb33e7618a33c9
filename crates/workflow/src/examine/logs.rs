//! Whether the application's log can be watched.

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, Look, Site};
use crate::logs::{JournalWatch, Watch};
use crate::services::systemd;

pub(super) struct Logs;

#[async_trait(?Send)]
impl Examination for Logs {
    fn name(&self) -> &'static str {
        "logs"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let Some(logs) = &site.world.config.environment.logs else {
            return Ok(vec![Look::note("logs", "no log is configured: errors in it are not noticed")]);
        };
        let watch = match Watch::begin(logs).await? {
            Watch::File(watch) => watch,
            Watch::Journal(watch) => return journal(&watch).await,
        };
        let file = watch.path().display();
        if watch.missing().is_none() {
            return Ok(vec![Look::good("logs", format!("{file} can be read"))]);
        }
        if watch.path().parent().is_some_and(std::path::Path::is_dir) {
            return Ok(vec![Look::note(
                "logs",
                format!("{file} is not there yet: it is watched when it appears"),
            )]);
        }
        Ok(vec![
            Look::bad("logs", format!("{file} can't appear: its folder is not there"))
                .cure("let `file` in [environments.NAME.logs] name what the application writes"),
        ])
    }
}

async fn journal(watch: &JournalWatch) -> Result<Vec<Look>> {
    let unit = watch.unit();
    // The journal of a unit that is not there is silent for ever.
    if !systemd::knows(unit).await? {
        return Ok(vec![
            Look::bad("logs", format!("systemd knows no unit {unit}, so its journal stays empty"))
                .cure("name the application's unit: `journal` in [environments.NAME.logs]"),
        ]);
    }
    Ok(vec![Look::good("logs", format!("the journal of {unit} can be read"))])
}
