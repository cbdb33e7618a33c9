//! Whoever starts and stops the application.

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, Look, Site};
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
        let mut looks = vec![state(service.name(), &service.state().await?)];
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
        ServiceState::Running { pid, restarts: 0, .. } => {
            Look::good("service", format!("{manager}: runs as process {pid}"))
        }
        ServiceState::Running { pid, restarts, .. } => Look::note(
            "service",
            format!("{manager}: runs as process {pid}, and was started again {restarts} times: it crashes"),
        ),
        ServiceState::Stopped => {
            Look::note("service", format!("{manager}: does not run, so a run will not start it either"))
        }
        ServiceState::Failed { why } => Look::bad("service", format!("{manager}: {why}")),
    }
}
