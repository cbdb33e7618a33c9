//! Whoever starts and stops the application.

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, Look, Mark, Site};
use crate::services::ServiceState;

pub(super) struct Service;

#[async_trait(?Send)]
impl Examination for Service {
    fn name(&self) -> &'static str {
        "service"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let Some(service) = site.world.service() else {
            let seen =
                "none is configured: nothing is stopped, and the fence alone keeps the application out";
            return Ok(vec![Look::note("service", seen).cure("add [environments.NAME.service]")]);
        };
        let mut looks = service.looks().await?;
        match service.state().await {
            Ok(seen) => looks.insert(0, state(service.name(), &seen)),
            // The looks at its parts may have said it already, and better.
            Err(_) if looks.iter().any(|look| look.mark == Mark::Bad) => {}
            Err(failure) => return Err(failure),
        }
        let others = service.blocked_by().await?.filter(|run| *run != site.world.run.0);
        looks.extend(others.map(|run| {
            Look::bad("service", format!("run {run} blocks every start"))
                .cure(format!("bring it to an end: switchback resume {run}, or switchback abort {run}"))
        }));
        Ok(looks)
    }
}

fn state(manager: &str, state: &ServiceState) -> Look {
    match state {
        ServiceState::Running { pid, restarts, .. } => {
            let process = pid.map_or_else(String::new, |pid| format!(" as process {pid}"));
            match restarts {
                0 => Look::good("service", format!("{manager}: runs{process}")),
                _ => Look::note(
                    "service",
                    format!("{manager}: runs{process}, and was started again {restarts} times: it crashes"),
                ),
            }
        }
        ServiceState::Stopped => {
            Look::note("service", format!("{manager}: does not run, so a run will not start it either"))
        }
        ServiceState::Failed { why } => Look::bad("service", format!("{manager}: {why}")),
    }
}
