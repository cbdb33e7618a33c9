//! A unit as `systemctl show` tells it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use switchback_model::{Failure, code};

/// What is asked of every unit.
pub(super) const PROPERTIES: &str = "Id,LoadState,LoadError,ActiveState,SubState,Type,Result,MainPID,NRestarts,\
     UnitFileState,DropInPaths,ActiveEnterTimestampMonotonic,Triggers,TriggeredBy,RequiredBy,BoundBy,ConsistsOf,\
     NeedDaemonReload,Transient,Job";

/// The kinds of units that can belong to an application.
const KINDS: &[&str] =
    &[".service", ".socket", ".timer", ".path", ".target", ".automount", ".mount", ".slice"];
/// The kinds that start others.
const TRIGGERS: &[&str] = &[".socket", ".timer", ".path", ".automount"];

/// The name with its kind: `ada-app` is `ada-app.service`, as `systemctl` takes it.
pub(crate) fn with_kind(name: &str) -> String {
    if KINDS.iter().any(|kind| name.ends_with(kind)) { name.to_owned() } else { format!("{name}.service") }
}

/// Whether a unit starts others.
pub(super) fn is_trigger(name: &str) -> bool {
    TRIGGERS.iter().any(|kind| name.ends_with(kind))
}

/// Whether a unit listens for its service. (Names of units are case-sensitive.)
pub(super) fn is_socket(name: &str) -> bool {
    name.ends_with(TRIGGERS[0])
}

/// What a unit does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Active,
    Inactive,
    Failed,
    /// On its way up, down, or to the next try.
    Between,
}

/// A unit.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// As the configuration names it.
    pub(super) name: String,
    pub(super) activity: Activity,
    pub(super) pid: Option<i32>,
    pub(super) since: Option<Timestamp>,
    pub(super) restarts: u32,
    /// Its files were changed since systemd read them.
    pub(super) needs_reload: bool,
    properties: BTreeMap<String, String>,
}

impl Unit {
    /// One block of the output.
    pub(super) fn read(name: &str, text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let properties: BTreeMap<String, String> =
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let number = |key: &str| properties.get(key).and_then(|value| value.parse::<u64>().ok());
        let activity = match properties.get("ActiveState").map(String::as_str) {
            Some("active" | "reloading" | "refreshing") => Activity::Active,
            Some("inactive") => Activity::Inactive,
            Some("failed") => Activity::Failed,
            _ => Activity::Between,
        };
        Self {
            name: name.to_owned(),
            activity,
            pid: number("MainPID").and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid != 0),
            since: number("ActiveEnterTimestampMonotonic").filter(|at| *at != 0).and_then(of_monotonic),
            restarts: number("NRestarts").and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
            needs_reload: properties.get("NeedDaemonReload").is_some_and(|value| value == "yes"),
            properties,
        }
    }

    /// A property; empty where systemd has none.
    pub(super) fn get(&self, key: &str) -> &str {
        self.properties.get(key).map_or("", String::as_str)
    }

    /// The units that a property lists.
    pub(super) fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        self.get(key).split_whitespace()
    }

    pub(super) fn is_unknown(&self) -> bool {
        !matches!(self.get("LoadState"), "loaded" | "masked")
    }

    /// Why it can't be worked with.
    pub(super) fn unknown(&self) -> Failure {
        let failure = match self.get("LoadState") {
            "not-found" => Failure::new(code::SERVICE, format!("systemd knows no unit {}", self.name))
                .hint("look what it is called: systemctl list-unit-files")
                .hint("then name it in [environments.NAME.service] units"),
            other => Failure::new(code::SERVICE, format!("systemd can't load {} ({other})", self.name))
                .hint(format!("see why: systemctl status {0}; systemd-analyze verify {0}", self.name)),
        };
        // "org.freedesktop… "what it means""
        let error =
            self.get("LoadError").split_once(' ').map(|(_, words)| words.trim_matches('"').to_owned());
        failure.cause(error.unwrap_or_default())
    }

    pub(super) fn is_trigger(&self) -> bool {
        is_trigger(&self.name)
    }

    pub(super) fn runs(&self) -> bool {
        self.activity == Activity::Active
    }

    /// Whether it is one of these and not down yet.
    pub(super) fn goes_on(&self, names: &[&str]) -> bool {
        let down =
            matches!(self.activity, Activity::Inactive | Activity::Failed) && self.get("Job").is_empty();
        names.contains(&self.name.as_str()) && !down
    }

    /// Whether it runs or is to run; a job that a timer starts now and then is neither, though it
    /// may be at work.
    pub(super) fn is_wanted(&self) -> bool {
        self.runs() || (self.get("ActiveState") == "activating" && self.get("Type") != "oneshot")
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        let at_work = self.get("Type") == "oneshot" && self.get("ActiveState") == "activating";
        self.activity == Activity::Failed || (self.activity == Activity::Between && !at_work)
    }

    /// Whether it was started just now and is not what a started unit is. One that did its work and
    /// ended well (`oneshot`) is.
    pub(super) fn has_fallen(&self) -> bool {
        let done = self.get("Type") == "oneshot" && self.get("Result") == "success";
        !done && (!self.runs() || self.restarts > 0)
    }

    /// What it does, as the end of a sentence.
    pub(super) fn told(&self) -> String {
        let result = self.get("Result");
        match (self.activity, self.get("SubState")) {
            (Activity::Failed, _) => format!("failed ({result})"),
            (Activity::Between, "auto-restart" | "auto-restart-queued") => {
                format!("ended ({result}) and is started again soon (restarts so far: {})", self.restarts)
            }
            (Activity::Between, state) => format!("is {} ({state})", self.get("ActiveState")),
            (Activity::Inactive, _) => format!("does not run ({result})"),
            (Activity::Active, _) if self.restarts > 0 => {
                format!("ended and was started again ({} times)", self.restarts)
            }
            (Activity::Active, state) => format!("runs ({state})"),
        }
    }

    pub(super) fn has_drop_in(&self, file: &str) -> bool {
        self.list("DropInPaths").any(|path| path.ends_with(&format!("/{file}")))
    }

    /// Whether systemd's memory of it may differ from the files.
    pub(super) fn is_changed(&self) -> bool {
        self.needs_reload || self.has_drop_in(super::block::FILE)
    }
}

/// A time that systemd says in microseconds since the boot: the words for a date depend on its
/// version and the locale, this does not.
fn of_monotonic(at: u64) -> Option<Timestamp> {
    let now = clock_gettime(ClockId::Monotonic);
    let now = SignedDuration::new(now.tv_sec, i32::try_from(now.tv_nsec).ok()?);
    let ago = now - SignedDuration::from_micros(i64::try_from(at).ok()?);
    switchback_engine::clock::now().checked_sub(ago).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        Unit::read("ada-app.service", text)
    }

    #[test]
    fn a_name_without_a_kind_is_a_service() {
        assert_eq!(with_kind("ada-app"), "ada-app.service");
        assert_eq!(with_kind("ada.timer"), "ada.timer");
        assert_eq!(with_kind("ada-worker@1"), "ada-worker@1.service");
        assert_eq!(with_kind("ada.web"), "ada.web.service");
    }

    #[test]
    fn what_a_unit_does_is_read_from_its_states() {
        let running = unit("ActiveState=active\nSubState=running\nMainPID=42\nNRestarts=2\nJob=\n");
        assert!(running.runs() && running.is_wanted() && !running.is_in_trouble() && running.has_fallen());
        assert_eq!((running.pid, running.restarts), (Some(42), 2));
        let loop_ = unit(
            "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nNRestarts=3\nType=simple\n",
        );
        assert!(loop_.is_in_trouble() && loop_.is_wanted());
        assert_eq!(loop_.told(), "ended (exit-code) and is started again soon (restarts so far: 3)");
        let job = unit("ActiveState=activating\nSubState=start\nType=oneshot\nResult=success\n");
        assert!(!job.is_wanted() && !job.is_in_trouble() && !job.has_fallen());
        let down = unit("ActiveState=inactive\nSubState=dead\nJob=\n");
        assert!(
            !down.goes_on(&["ada-app.service"])
                && unit("ActiveState=inactive\nJob=17\n").goes_on(&["ada-app.service"])
        );
    }

    #[test]
    fn a_unit_that_systemd_does_not_know_is_an_error_with_its_words() {
        let unknown =
            unit("LoadState=not-found\nLoadError=org.x.NoSuchUnit \"Unit nope.service not found.\"\n");
        assert!(unknown.is_unknown());
        assert_eq!(unknown.unknown().causes, ["Unit nope.service not found."]);
        assert!(unit("").is_unknown(), "what says nothing is not known");
        assert!(!unit("LoadState=masked").is_unknown());
    }

    #[test]
    fn a_drop_in_is_known_by_its_file() {
        let paths = "DropInPaths=/etc/systemd/system/x.service.d/10-a.conf /etc/systemd/system/x.service.d/50-switchback.conf";
        assert!(unit(paths).has_drop_in("50-switchback.conf"));
        assert!(!unit(paths).has_drop_in("switchback.conf"));
    }

    #[test]
    fn since_is_told_from_the_time_since_the_boot() {
        let now = clock_gettime(ClockId::Monotonic).tv_sec;
        let unit = unit(&format!("ActiveEnterTimestampMonotonic={}\n", (now - 5) * 1_000_000));
        let ago = switchback_engine::clock::now().duration_since(unit.since.unwrap()).as_secs();
        assert!((4..=7).contains(&ago), "{ago}");
    }
}
