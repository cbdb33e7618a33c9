//! What the health URL answers now.

use std::time::Duration;

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, Look, Site};
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
            return Ok(vec![Look::note("health", seen).cure("set `url` in [environments.NAME.health]")]);
        };
        let outcome = health::ask(&settings.url, PATIENCE).await?;
        let seen = format!("the health URL {}", outcome.told());
        // An application that is down or ill now may be why somebody deploys.
        let look = if outcome.is_well() { Look::good("health", seen) } else { Look::note("health", seen) };
        Ok(vec![if outcome.is_well() {
            look
        } else {
            look.cure("look at the application's log before a run")
        }])
    }
}
