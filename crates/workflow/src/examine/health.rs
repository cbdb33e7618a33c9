//! What the health URL answers now.

use std::time::Duration;

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, HEALTH, Look, Site};
use crate::health;

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Health;

#[async_trait(?Send)]
impl Examination for Health {
    fn name(&self) -> &'static str {
        "health"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let Some(settings) = &site.world.config.environment.health else {
            let seen = "no URL is configured: an application that starts and does not work is not noticed";
            return Ok(vec![Look::note(HEALTH, seen).cure("set `url` in [environments.NAME.health]")]);
        };
        let outcome = health::ask(&settings.url, PATIENCE).await?;
        let url = health::shown(&settings.url);
        let seen = format!("{url} {}", outcome.told());
        // An application that is down or ill now may be why somebody deploys.
        Ok(vec![if outcome.is_well() {
            Look::good(HEALTH, seen)
        } else {
            Look::note(HEALTH, format!("{seen}; a run ends as failed where it stays so")).cure(
                "if the application is well, the URL is wrong: `url` in [environments.NAME.health]; else look at its log",
            )
        }])
    }
}
