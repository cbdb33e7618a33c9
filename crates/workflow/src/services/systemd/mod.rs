//! systemd, asked through `systemctl`.
//!
//! The application is a set of units: services, and the sockets, timers and paths that start them.
//! A block is a drop-in for each unit ([`block`]), so that every start is refused by systemd itself,
//! whoever asks for it, and after a reboot too. Nothing is believed done because a command said so:
//! [`unit::Unit`] is what `systemctl show` says afterwards, and `/proc` says what is left.

mod block;
mod control;
mod left;
mod looks;
pub(crate) mod unit;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use switchback_model::config::Service;
use switchback_model::{Effect, Failure, Result, code};
use tokio::time::{Instant, sleep};

use self::block::Block;
pub(crate) use self::control::program;
use self::unit::{Activity, Unit};
use super::{ServiceManager, ServiceState};
use crate::examine::Look;

const POLL: Duration = Duration::from_millis(100);
/// A service that ends within this time after its start did not start.
const SETTLED: Duration = Duration::from_millis(500);
/// How long sockets, timers and paths may take to end: they have nothing to finish.
const TRIGGERS: Duration = Duration::from_secs(10);
/// How long the kernel and systemd may take to clear away what was killed.
const KILLED: Duration = Duration::from_secs(10);
/// How long a start may take; the units' own `TimeoutStartSec` is nearly always shorter.
const STARTING: Duration = Duration::from_mins(15);

/// The manager `systemd`.
#[derive(Debug)]
pub struct SystemdManager {
    environment: String,
    service: Service,
    units: Vec<String>,
    block: Block,
    /// What must not be seen in the words of the application.
    secrets: Vec<String>,
}

impl SystemdManager {
    /// The manager of one environment's units; see [`super::manager`].
    pub fn new(service: &Service, environment: &str, state: &Path, secrets: &[String]) -> Self {
        let units: Vec<String> = service.units.iter().map(|name| unit::with_kind(name)).collect();
        let folder = state.join("services").join(environment);
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self {
            environment: environment.to_owned(),
            service: service.clone(),
            block: Block::new(&units, folder),
            secrets: secrets.to_vec(),
            units,
        }
    }

    /// The units as they are now, all of them known to systemd.
    async fn see(&self) -> Result<Vec<Unit>> {
        let units = control::show(&self.units).await?;
        match units.iter().find(|unit| unit.is_unknown()) {
            Some(unit) => Err(unit.unknown()),
            None => Ok(units),
        }
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(code::SERVICE, format!("the service of {} {what}", self.environment))
    }

    fn allowed(&self, run: Option<&str>) -> Result<Option<String>> {
        match self.block.run()? {
            Some(by) if run != Some(by.as_str()) => Err(super::blocked(&self.environment, &by)),
            by => Ok(by),
        }
    }

    /// Stops some units and waits until they are down; what does not end is killed, and named.
    async fn end(&self, units: &[&Unit], grace: Duration) -> Result<Vec<String>> {
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        control::run(&["stop", "--no-block"], &names).await?;
        let start = Instant::now();
        let mut killed: Vec<String> = Vec::new();
        loop {
            let up: Vec<Unit> = self.see().await?.into_iter().filter(|unit| unit.goes_on(&names)).collect();
            if up.is_empty() {
                return Ok(killed.iter().map(|name| was_killed(name, grace)).collect());
            }
            if start.elapsed() > grace && killed.is_empty() {
                killed = up.iter().map(|unit| unit.name.clone()).collect();
                kill(&killed).await?;
            }
            if start.elapsed() > grace + KILLED {
                return Err(self.unending(&up));
            }
            sleep(POLL).await;
        }
    }

    fn unending(&self, up: &[Unit]) -> Failure {
        let names: Vec<&str> = up.iter().map(|unit| unit.name.as_str()).collect();
        let names = names.join(" ");
        self.failure("does not end, not even when killed")
            .effect(Effect::Unknown)
            .cause(format!("still there: {names}"))
            .hint(format!("see what it waits for: systemctl status {names}"))
    }

    /// Clears what a stop or an earlier crash left: the state "failed", counters of starts.
    async fn forget_failures(&self) -> Result<()> {
        let units = self.see().await?;
        let failed = units.iter().filter(|unit| unit.activity == Activity::Failed || unit.restarts > 0);
        let names: Vec<&str> = failed.map(|unit| unit.name.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        match control::run(&["reset-failed"], &names).await {
            // A unit that systemd has put out of its memory meanwhile has nothing to be reset.
            Err(failure) if self.see().await?.iter().any(|unit| unit.activity == Activity::Failed) => {
                Err(failure)
            }
            _ => Ok(()),
        }
    }

    /// Starts units and waits until their services have settled; whatever is up again is stopped
    /// where they don't.
    async fn bring_up(&self, run: Option<&str>, names: &[String]) -> Result<()> {
        if let Some(by) = self.allowed(run)? {
            self.block.permit(&by)?;
        }
        let units = self.see().await?;
        let wanted = |unit: &&Unit| names.contains(&unit.name);
        if units.iter().filter(wanted).all(Unit::runs) {
            return Ok(());
        }
        let come = self.come_up(names).await;
        if come.is_err() {
            self.stop().await?;
        }
        come
    }

    async fn come_up(&self, names: &[String]) -> Result<()> {
        self.forget_failures().await?;
        // A unit file that is a link into the checkout is another one after the switch.
        if self.see().await?.iter().any(|unit| unit.needs_reload) {
            control::run(&["daemon-reload"], &[]).await?;
        }
        for words in in_order(names).iter().filter(|words| !words.is_empty()) {
            if let Err(failure) = control::run_within(&["start"], words, STARTING).await {
                return Err(self.not_started(names, failure).await);
            }
        }
        let start = Instant::now();
        while start.elapsed() < SETTLED {
            let units = self.see().await?;
            let fallen =
                units.iter().filter(|unit| names.contains(&unit.name)).find(|unit| unit.has_fallen());
            if let Some(unit) = fallen {
                let failure = Failure::new(code::SERVICE, format!("{} {}", unit.name, unit.told()));
                return Err(self.not_started(names, failure).await);
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn not_started(&self, names: &[String], why: Failure) -> Failure {
        let mut failure = self.failure("did not start").changed("nothing of it is left running");
        failure = failure.cause(why.message);
        for cause in why.causes {
            failure = failure.cause(cause);
        }
        failure = failure.cause(control::last_words(names, &self.secrets).await);
        let units = names.join(" -u ");
        why.hints
            .iter()
            .fold(failure, Failure::hint)
            .hint(format!("read what it wrote: journalctl -n 50 -u {units}"))
    }
}

/// Sockets first: one whose service runs already is refused, and `systemctl start` of several units
/// starts one after the other, as they are named. Timers and paths last: they start services.
fn in_order(names: &[String]) -> [Vec<&str>; 3] {
    let mut order: [Vec<&str>; 3] = Default::default();
    for name in names {
        let place = match (unit::is_socket(name), unit::is_trigger(name)) {
            (true, _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        };
        order[place].push(name);
    }
    order
}

fn was_killed(name: &str, grace: Duration) -> String {
    format!("{name} did not end within {} and was killed", switchback_model::units::human(grace))
}

/// Whether systemd has a unit of this name.
///
/// # Errors
/// `SERVICE` where it can't be asked.
pub(crate) async fn knows(name: &str) -> Result<bool> {
    let units = control::show(&[name.to_owned()]).await?;
    Ok(units.iter().any(|unit| !unit.is_unknown()))
}

async fn kill(names: &[String]) -> Result<()> {
    for name in names {
        // Each for itself: a unit that ended just now has nothing left to be killed, and says so.
        let _ended_just_now = control::run(&["kill", "--signal=KILL"], &[name]).await;
    }
    Ok(())
}

/// What several units come to.
fn judge(units: &[&Unit]) -> ServiceState {
    if let Some(unit) = units.iter().find(|unit| unit.is_in_trouble()) {
        return ServiceState::Failed { why: format!("{} {}", unit.name, unit.told()) };
    }
    let up: Vec<&&Unit> = units.iter().filter(|unit| unit.runs()).collect();
    if up.is_empty() {
        return ServiceState::Stopped;
    }
    let main = up.iter().find(|unit| unit.pid.is_some());
    let since: Option<Timestamp> = main.or(up.first()).and_then(|unit| unit.since);
    let restarts = up.iter().map(|unit| unit.restarts).sum();
    ServiceState::Running { pid: main.and_then(|unit| unit.pid), since, restarts }
}

#[async_trait(?Send)]
impl ServiceManager for SystemdManager {
    fn name(&self) -> &'static str {
        "systemd"
    }

    async fn state(&self) -> Result<ServiceState> {
        let units = self.see().await?;
        Ok(judge(&units.iter().collect::<Vec<_>>()))
    }

    /// The permit goes first, so that nothing that is stopped comes again; then whatever starts
    /// services, so that nobody asks; then the services.
    async fn stop(&self) -> Result<Vec<String>> {
        self.block.revoke()?;
        let units = self.see().await?;
        let (triggers, services): (Vec<&Unit>, Vec<&Unit>) = units.iter().partition(|unit| unit.is_trigger());
        let mut said = self.end(&triggers, TRIGGERS).await?;
        said.extend(self.end(&services, self.service.grace.0).await?);
        said.extend(left::end(&self.units, KILLED).await?);
        self.forget_failures().await?;
        Ok(said)
    }

    async fn start(&self, run: Option<&str>) -> Result<()> {
        self.bring_up(run, &self.units).await
    }

    async fn block(&self, run: &str) -> Result<()> {
        self.see().await?;
        match self.block.run()? {
            Some(by) if by != run => return Err(super::blocked(&self.environment, &by)),
            _ => self.block.set(run)?,
        }
        control::run(&["daemon-reload"], &[]).await?;
        self.look_blocked(run).await.map(drop)
    }

    /// Files first, systemd's memory of them next, the permit last: as long as anything of the block
    /// is there, the application may be brought up again by what watches over it.
    async fn unblock(&self, run: &str) -> Result<()> {
        match self.block.run()? {
            Some(by) if by != run => return Err(super::blocked(&self.environment, &by)),
            _ => self.block.lift()?,
        }
        if self.see().await?.iter().any(Unit::is_changed) {
            control::run(&["daemon-reload"], &[]).await?;
        }
        match self.see().await?.iter().find(|unit| unit.has_drop_in(block::FILE)) {
            Some(unit) => Err(self.failure(&format!("is still blocked: {} has its drop-in", unit.name))),
            None => self.block.revoke(),
        }
    }

    async fn blocked_by(&self) -> Result<Option<String>> {
        self.block.run()
    }

    async fn parts(&self) -> Result<Vec<String>> {
        let units = self.see().await?;
        Ok(units.into_iter().filter(Unit::is_wanted).map(|unit| unit.name).collect())
    }

    async fn start_parts(&self, run: &str, parts: &[String]) -> Result<()> {
        self.bring_up(Some(run), parts).await
    }

    async fn state_of(&self, parts: &[String]) -> Result<ServiceState> {
        let units = self.see().await?;
        let mine: Vec<&Unit> = units.iter().filter(|unit| parts.contains(&unit.name)).collect();
        match (judge(&mine), mine.iter().find(|unit| !unit.runs())) {
            (ServiceState::Running { .. }, Some(unit)) => {
                Ok(ServiceState::Failed { why: format!("{} {}", unit.name, unit.told()) })
            }
            (state, _) => Ok(state),
        }
    }

    async fn look_blocked(&self, run: &str) -> Result<String> {
        if self.block.holders()?.iter().any(|by| by.as_deref() != Some(run)) {
            return Err(self.failure("is not blocked in all its units"));
        }
        let units = self.see().await?;
        match units.iter().find(|unit| !unit.has_drop_in(block::FILE) || unit.needs_reload) {
            Some(unit) => Err(self
                .failure(&format!("is not blocked: systemd does not know of the drop-in of {}", unit.name))
                .hint(format!("look what it knows: systemctl cat {}", unit.name))),
            None => Ok(format!("systemd refuses starts of {}", self.units.join(", "))),
        }
    }

    async fn looks(&self) -> Result<Vec<Look>> {
        looks::looks(&self.units, &control::show(&self.units).await?).await
    }
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn sockets_come_before_services_and_timers_after_them() {
        let names = ["a.service", "a.timer", "a.socket", "b.service", "b.path"].map(String::from);
        assert_eq!(
            in_order(&names),
            [vec!["a.socket"], vec!["a.service", "b.service"], vec!["a.timer", "b.path"]]
        );
    }
}
