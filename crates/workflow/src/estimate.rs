//! What a plan will cost, told beforehand: times, downtime, disk, locks.
//!
//! The best source for a step's time is the same step of an earlier run, scaled by the size of the
//! target where the step reads or copies all of it. Without one, data is taken at a rate that an
//! idle machine of two cores reaches with room to spare, and what waits is taken at its limit.
//! Nothing here is slower than a status query, and nothing is changed.

use std::time::Duration;

use switchback_engine::journal;
use switchback_model::config::RestorePointKind;
use switchback_model::plan::{Estimate, Outlook, PlannedStep};
use switchback_model::run::RunView;
use switchback_model::units::{Size, human};
use switchback_model::{Plan, Result};
use switchback_postgres::server;

use crate::examine::disk_needed;
use crate::runbook;
use crate::steps::preflight::Preflight;
use crate::steps::restore_point::RestorePoint;
use crate::world::World;

/// So many of the newest runs are looked through for one that was like this.
const RUNS: usize = 40;

/// Bytes of database a second, rounded down: `pgbench -i -s 30` with two more indexes (496 MiB),
/// `jobs = 2`, on two cores that other work had too. 67 s to back it up and prove it, 51 s to restore
/// and compare it, 16 s to copy it, 15 s to count and digest it.
mod rate {
    const MIB: u64 = 1 << 20;
    /// Dump, restore with its indexes, comparison.
    pub(super) const BACKUP: u64 = 7 * MIB;
    /// Restore with its indexes, and comparison.
    pub(super) const RESTORE: u64 = 9 * MIB;
    /// `CREATE DATABASE … TEMPLATE`.
    pub(super) const COPY: u64 = 30 * MIB;
    /// Counting and digesting every row.
    pub(super) const DIGEST: u64 = 30 * MIB;
}

/// Two renames in one transaction, and the settings that a copy loses.
const SWAP: Duration = Duration::from_secs(1);
/// The start of a migrator, before it does anything.
const MIGRATOR: Duration = Duration::from_secs(2);

/// The steps whose time grows with the target.
const SCALES: &[&str] = &["backup", "restore_point", "apply", "validate", "restore", "losses"];

/// Fills in what the plan costs.
///
/// # Errors
/// Those of a query.
pub async fn fill(world: &World, plan: &mut Plan) -> Result<()> {
    let admin = world.admin().await?;
    let bytes = server::size(&admin, &plan.target).await?;
    let clerk = Clerk { world, bytes, point: restore_point(plan), earlier: earlier(world) };
    for step in &mut plan.steps {
        step.estimate = clerk.estimate(step);
    }
    let needs = plan.steps.iter().find(|step| step.kind == "preflight");
    let needs = needs.and_then(|step| serde_json::from_value::<Preflight>(step.params.clone()).ok());
    let disk = match needs {
        Some(preflight) => disk_needed(&admin, &world.config, &preflight.needs).await?,
        None => Vec::new(),
    };
    let at_least = plan.steps.iter().any(|step| step.estimate.as_ref().is_none_or(is_lower_bound));
    let back = runbook::Back {
        swap: ms(SWAP),
        restore: clerk.restore(),
        look: clerk.at(rate::DIGEST).ms,
        copy: clerk.at(rate::COPY).ms,
    };
    plan.outlook = Outlook { disk, at_least, target_bytes: Some(bytes), ..Outlook::default() };
    runbook::write(&world.config, plan, &back);
    Ok(())
}

/// What a lower bound begins with.
const AT_LEAST: &str = "at least: ";

fn is_lower_bound(estimate: &Estimate) -> bool {
    estimate.basis.starts_with(AT_LEAST)
}

fn restore_point(plan: &Plan) -> Option<RestorePointKind> {
    let step = plan.steps.iter().find(|step| step.kind == "restore_point")?;
    Some(serde_json::from_value::<RestorePoint>(step.params.clone()).ok()?.kind)
}

/// The newest runs of every environment that is kept here, the newest first. One that can't be read
/// says nothing about time; whoever lists the runs says that it is there.
fn earlier(world: &World) -> Vec<RunView> {
    let folder = world.config.state.join("runs");
    let newest = journal::list(&folder).into_iter().rev().take(RUNS);
    newest.filter_map(|run| journal::read(&folder, &run).ok()).collect()
}

struct Clerk<'a> {
    world: &'a World,
    bytes: u64,
    point: Option<RestorePointKind>,
    earlier: Vec<RunView>,
}

impl Clerk<'_> {
    fn estimate(&self, step: &PlannedStep) -> Option<Estimate> {
        self.measured(step).or_else(|| self.reckoned(step))
    }

    /// From the same step of a run of this environment in which it was done, whatever became of that
    /// run later; a migration runs once in an environment, so another environment's run is the better
    /// source for that than none.
    fn measured(&self, step: &PlannedStep) -> Option<Estimate> {
        let here = &self.world.config.environment_name;
        let ours = self.earlier.iter().filter(|run| run.plan.environment == *here);
        let others = self.earlier.iter().filter(|_| step.kind == "apply");
        ours.chain(others).find_map(|run| self.scaled(step, run))
    }

    fn scaled(&self, step: &PlannedStep, run: &RunView) -> Option<Estimate> {
        let (planned, seen) = run.planned().find(|(planned, _)| planned.id == step.id)?;
        let (from, to) = (seen.started_at?, seen.finished_at?);
        // The same kind of restore point, the same fence: else it is another piece of work.
        if planned.title != step.title || seen.output.is_none() {
            return None;
        }
        let took = u64::try_from(to.duration_since(from).as_millis()).ok()?;
        let whose = if run.plan.environment == self.world.config.environment_name {
            String::new()
        } else {
            format!(" on {}", run.plan.environment)
        };
        let basis = format!("as in run {}{whose}", run.plan.run);
        let then = run.plan.outlook.target_bytes.filter(|_| SCALES.contains(&step.kind.as_str()));
        let Some(then) = then.filter(|then| *then > 0) else { return Some(Estimate { ms: took, basis }) };
        let scaled = u128::from(took) * u128::from(self.bytes) / u128::from(then);
        // A smaller target is no promise: what is not data takes as long as it took.
        let ms = u64::try_from(scaled).unwrap_or(u64::MAX).max(took);
        let grew = if self.bytes > then {
            format!(", {} then and {} now", Size(then), Size(self.bytes))
        } else {
            String::new()
        };
        Some(Estimate { ms, basis: format!("{basis}{grew}") })
    }

    /// From sizes, rates and limits.
    fn reckoned(&self, step: &PlannedStep) -> Option<Estimate> {
        let environment = &self.world.config.environment;
        let checks = self.world.config.validations.len();
        let limit = |span: Duration, basis: &str| Some(Estimate { ms: ms(span), basis: basis.to_owned() });
        let seconds = Duration::from_secs;
        match step.kind.as_str() {
            "backup" => Some(self.at(rate::BACKUP).plus(seconds(3), "and a scratch cluster")),
            "restore" => Some(self.at(rate::RESTORE)),
            "losses" | "validate" => {
                let each = seconds(1).saturating_mul(u32::try_from(checks).unwrap_or(1));
                Some(self.at(rate::DIGEST).plus(each + seconds(1), "and a second for each check"))
            }
            "restore_point" => Some(self.restore_point()),
            "apply" => limit(
                MIGRATOR,
                "at least: the start of the migrator; what the migration takes was measured nowhere",
            ),
            "stop" => {
                let grace = environment.service.as_ref().map(|service| service.grace.0).unwrap_or_default();
                limit(grace, "its grace period, at worst")
            }
            "health" => Some(self.health()),
            "maintenance" | "start" | "close" => limit(seconds(3), "a few seconds, by experience"),
            "prepare" => limit(seconds(30), "at least: what `prepare` does was measured nowhere"),
            _ => limit(seconds(1), "a few queries"),
        }
    }

    fn restore_point(&self) -> Estimate {
        let digests = self.at(rate::DIGEST);
        let made = match self.point {
            Some(RestorePointKind::Down) => return digests,
            Some(RestorePointKind::Dump) => self.at(rate::BACKUP * 2),
            _ => self.at(rate::COPY),
        };
        Estimate { ms: made.ms + digests.ms, basis: format!("{}, then {}", made.basis, digests.basis) }
    }

    fn health(&self) -> Estimate {
        let (config, environment) = (&self.world.config, &self.world.config.environment);
        let mut parts = Vec::new();
        let mut lasting = Duration::from_secs(config.smoke.len() as u64);
        if let Some(health) = &environment.health {
            lasting += health.stable_for.0;
            parts.push(format!("well for {}", human(health.stable_for.0)));
        }
        if let Some(logs) = &environment.logs {
            lasting += logs.watch.0;
            parts.push(format!("the log watched for {}", human(logs.watch.0)));
        }
        if let Some(health) = &environment.health {
            parts.push(format!("at worst {} more until it is well", human(health.within.0)));
        }
        let basis =
            if parts.is_empty() { "nothing is configured to look at".to_owned() } else { parts.join(", ") };
        let at_least = if environment.tests.is_empty() { "" } else { AT_LEAST };
        Estimate { ms: ms(lasting), basis: format!("{at_least}{basis}") }
    }

    /// How long it takes until a dump is a database again, where a dump is the restore point.
    fn restore(&self) -> Option<u64> {
        (self.point == Some(RestorePointKind::Dump)).then(|| self.at(rate::RESTORE).ms)
    }

    /// The whole target at so many bytes a second.
    fn at(&self, rate: u64) -> Estimate {
        let ms = u64::try_from(u128::from(self.bytes) * 1000 / u128::from(rate)).unwrap_or(u64::MAX);
        Estimate { ms, basis: format!("{} at {}/s", Size(self.bytes), Size(rate)) }
    }
}

trait Plus {
    fn plus(self, more: Duration, why: &str) -> Self;
}

impl Plus for Estimate {
    fn plus(self, more: Duration, why: &str) -> Self {
        Self { ms: self.ms + ms(more), basis: format!("{} {why}", self.basis) }
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
