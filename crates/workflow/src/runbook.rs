//! A plan in words: what each step does, how that is known, and what happens when it fails there.
//!
//! The words belong to kinds of steps and to where a step stands in its plan; a step that is not
//! known here has its title, and the test below fails.

use std::time::Duration;

use switchback_model::config::{FenceKind, RestorePointKind};
use switchback_model::plan::{PlannedStep, StepOutlook};
use switchback_model::units::human;
use switchback_model::{Config, Plan};

/// Milliseconds of the parts of a way back.
pub(crate) struct Back {
    /// The renames.
    pub(crate) swap: u64,
    /// Until a dump is a database again, where that is the restore point.
    pub(crate) restore: Option<u64>,
    /// Looking what was written since.
    pub(crate) look: u64,
    /// The copy that a downgrade is tried on.
    pub(crate) copy: u64,
}

impl Back {
    /// The downgrade, tried first: a copy goes down and up again and is read before, between and after
    /// it; then the target goes down.
    fn downgrade(&self, plan: &Plan) -> u64 {
        self.copy + self.look * 3 + time_of(plan, "apply") * 3
    }
}

/// Where a step stands: what it would take to go back from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Nothing of target, code or service was touched.
    Untouched,
    /// The application is down, the data as it was.
    Down,
    /// The data is being changed, or was.
    Changed,
    /// The application runs on it, behind the page.
    Started,
    /// Users are in again.
    Open,
}

/// Writes clock, words and costs into the plan's outlook.
pub(crate) fn write(config: &Config, plan: &mut Plan, back: &Back) {
    let down_from = plan.steps.iter().position(|step| crate::steps::DOWN_FROM.contains(&step.kind.as_str()));
    let start = time_of(plan, "start") + time_of(plan, "health").min(config_start(config));
    let mut at_ms = 0;
    let mut steps = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let part = part(plan, index);
        let (does, verified) = words(config, plan, step);
        let (way_back, way_back_ms, loses) = going_back(config, plan, part, back, start);
        let down = down_from.is_some_and(|from| from <= index);
        steps.push(StepOutlook {
            step: step.id.clone(),
            at_ms,
            down,
            does,
            verified,
            way_back,
            way_back_ms,
            loses,
        });
        at_ms += step.estimate.as_ref().map_or(0, |estimate| estimate.ms);
    }
    let outlook = &mut plan.outlook;
    outlook.total_ms = Some(at_ms);
    outlook.downtime_ms = steps.iter().find(|step| step.down).map(|first| at_ms - first.at_ms);
    outlook.way_back_ms = steps.iter().filter_map(|step| step.way_back_ms).max();
    outlook.steps = steps;
    plan.outlook.locks = locks(config, plan);
    plan.outlook.prerequisites = prerequisites(config, plan);
}

fn time_of(plan: &Plan, kind: &str) -> u64 {
    let steps = plan.steps.iter().filter(|step| step.kind == kind);
    steps.filter_map(|step| step.estimate.as_ref()).map(|estimate| estimate.ms).sum()
}

/// On the way back the application must be well once, not for long.
fn config_start(config: &Config) -> u64 {
    let within = config.environment.health.as_ref().map(|health| health.stable_for.0);
    u64::try_from(within.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn has(plan: &Plan, kind: &str) -> bool {
    plan.steps.iter().any(|step| step.kind == kind)
}

fn part(plan: &Plan, index: usize) -> Part {
    let reached =
        |kinds: &[&str]| plan.steps[..=index].iter().any(|step| kinds.contains(&step.kind.as_str()));
    match () {
        () if reached(&["close"]) => Part::Open,
        () if reached(&["start"]) => Part::Started,
        () if reached(&["apply", "swap"]) => Part::Changed,
        () if reached(&["prepare", "maintenance", "stop", "fence", "switch_code"]) => Part::Down,
        () => Part::Untouched,
    }
}

/// What it takes to go back from a part of the run: how, how long, and what is lost with it.
fn going_back(
    config: &Config,
    plan: &Plan,
    part: Part,
    back: &Back,
    start: u64,
) -> (String, Option<u64>, Option<String>) {
    let environment = &config.environment;
    let exchange = has(plan, "swap");
    let down = environment.fence == FenceKind::ReadOnly || point(plan) == Some(RestorePointKind::Down);
    let swap = match (exchange, down, back.restore) {
        (true, ..) => "the former target takes its place again by rename",
        (_, true, _) => "each migration is downgraded, after that was tried on a copy",
        (_, _, Some(_)) => "the dump is restored, compared, and takes the target's place by rename",
        (..) => "the restore point takes the target's place by rename",
    };
    let downgrade = back.downgrade(plan);
    let data = if down && !exchange { downgrade } else { back.swap + back.restore.unwrap_or(0) };
    let code = if has(plan, "switch_code") {
        "; the previous release is put back and started"
    } else {
        "; the application is started"
    };
    if plan.pending.is_empty() && !exchange {
        return match part {
            Part::Untouched => (nothing(), Some(0), None),
            _ => (format!("the target is not touched{code}"), Some(start), None),
        };
    }
    match part {
        Part::Untouched => (nothing(), Some(0), None),
        Part::Down => (format!("the fence is lifted{code}, the page opened"), Some(start), None),
        Part::Changed => (format!("{swap}{code}"), Some(data + start), None),
        Part::Started | Part::Open => {
            let rollback = if part == Part::Open { "`switchback rollback`: " } else { "" };
            let how = match (exchange, down) {
                (true, _) => format!("if nothing was written since: {swap}{code}; else a person is asked"),
                (false, true) => {
                    format!("{swap}{code}; where it would lose what was written since, a person is asked")
                }
                (false, false) => format!(
                    "if nothing was written since: {swap}{code}; else the downgrade, tried on a copy first, {} more at least; else a person is asked",
                    human(Duration::from_millis(downgrade))
                ),
            };
            // What was written is not known beforehand, so the dearer way is the one to reckon with.
            let data = if exchange { data } else { data.max(downgrade) };
            let loses = loss(config, plan, part);
            (format!("{rollback}{how}"), Some(back.look + data + start), Some(loses))
        }
    }
}

fn nothing() -> String {
    "the run ends here; target, code and service were not touched".to_owned()
}

fn loss(config: &Config, plan: &Plan, part: Part) -> String {
    let exchange = has(plan, "swap");
    if !exchange && point(plan) == Some(RestorePointKind::Down) {
        return "nothing: there is no copy that --accept-loss could take".to_owned();
    }
    let since = if exchange { "the swap" } else { "the restore point" };
    let word = format!("nothing, but with --accept-loss what was written since {since}, named");
    match config.environment.disposable.as_slice() {
        [] => word,
        _ if part == Part::Open => word,
        tables => format!("what the new release wrote to {} (disposable); else {word}", tables.join(", ")),
    }
}

fn point(plan: &Plan) -> Option<RestorePointKind> {
    let step = plan.steps.iter().find(|step| step.kind == "restore_point")?;
    serde_json::from_value(step.params.get("kind")?.clone()).ok()
}

/// What a step does, and how it is known that it was done.
fn words(config: &Config, plan: &Plan, step: &PlannedStep) -> (String, String) {
    let environment = &config.environment;
    let page = || match environment.maintenance.as_ref().and_then(|page| page.closed_when.as_ref()) {
        Some(when) => format!("{} answers {}", when.url, when.status),
        None => "the page itself is not looked at: `closed_when` is not set".to_owned(),
    };
    let health = || match &environment.health {
        Some(health) => {
            format!("{} is asked until it is well for {}", health.url, human(health.stable_for.0))
        }
        None => "no health URL is configured".to_owned(),
    };
    let text = |does: &str, verified: &str| (does.to_owned(), verified.to_owned());
    match step.kind.as_str() {
        "preflight" => text(
            "looks at versions, rights, disk, replication, page, log and service; touches nothing",
            "one bad look ends the run",
        ),
        "lease" => text(
            "takes a lock in the maintenance database and marks the target, so that no second run begins",
            "lock and marker are read back from a new session",
        ),
        "record" => text(
            "writes down revision, schema, owner, grants and settings",
            "the schema is read twice and is the same",
        ),
        "backup" => text(
            "dumps the target while the application runs, restores the dump on a scratch server",
            "rows, digests, sequences and definitions of both are equal",
        ),
        "restore" => text(
            "restores the backup into a new database beside the target while the application runs",
            "rows, digests, sequences and definitions are those of its manifest; the release in place knows its revision",
        ),
        "losses" => text(
            "compares the target with the restored backup, table by table",
            "what the backup has not is named; without --accept-loss the run ends here",
        ),
        "prepare" => text(
            "runs the command of `code.prepare` in a copy of the release's files",
            "its exit status is 0",
        ),
        "maintenance" => ("closes the page for users".to_owned(), page()),
        "stop" => text(
            "stops the application and blocks its start, over a reboot too",
            "the service manager says that it is down and starts are refused",
        ),
        "fence" if environment.fence == FenceKind::ReadOnly => text(
            "ends every other session; new ones read only (a session can override that)",
            "a new session reads only",
        ),
        "fence" => (
            format!("ends every other session and renames the target to `{}_sb_RUN`", plan.target),
            format!("a new session finds no `{}`, and nobody is inside", plan.target),
        ),
        "restore_point" => (
            restore_point(point(plan)).to_owned(),
            "rows are counted and digested; the schema is the target's".to_owned(),
        ),
        "switch_code" => text("checks out the release", "git says which commit is checked out"),
        "swap" => text(
            "the restored database and the target change places in one transaction; the former target is kept, closed",
            "a new session finds the restored database, with its revision and schema, and the target's settings",
        ),
        "apply" => (apply(plan, step), "the target's own history table has the revision".to_owned()),
        "verify_version" => text("reads the target's revision", "it is the release's"),
        "validate" => (
            format!(
                "makes the built-in checks and {} of the configuration, against the restore point",
                config.validations.len()
            ),
            "a check that fails, or that can't be made, ends the run".to_owned(),
        ),
        "start" => text(
            "lifts the fence and starts the application, behind the page",
            "the target answers and the service manager says that it runs",
        ),
        "health" => (
            format!("{}; the log is watched", health()),
            "all of it was seen, and the application still runs".to_owned(),
        ),
        "smoke" => (
            format!("makes {} against the application, behind the page", step.title),
            "each was well, and the application still runs".to_owned(),
        ),
        "tests" => text(
            "runs the application's own tests against the new release and its migrated data, behind the page",
            "each command's exit status is 0, and the application still runs",
        ),
        "window" => text(
            "waits for the window where the run was begun before it opens; nothing is taken from users until then",
            "what is left of the window is enough for the steps that follow",
        ),
        "close" => text(
            "opens the page and takes block, marker and lock away",
            "the page is open and no marker is left",
        ),
        _ => (step.title.clone(), "it is looked at again before the next step".to_owned()),
    }
}

fn restore_point(kind: Option<RestorePointKind>) -> &'static str {
    match kind {
        Some(RestorePointKind::Down) => "counts and digests every row; the way back is the downgrade",
        Some(RestorePointKind::Dump) => {
            "dumps the target inside the fence: every acknowledged write is in it"
        }
        _ => "copies the target on its server, inside the fence: every acknowledged write is in it",
    }
}

fn apply(plan: &Plan, step: &PlannedStep) -> String {
    let revision = step.params.get("revision").and_then(|revision| revision.as_str()).unwrap_or_default();
    let path = plan.pending.iter().find(|pending| pending.revision == revision);
    let path = path.map_or_else(String::new, |pending| format!(" {}", pending.path));
    let outside = step.params.get("leaves_transaction").and_then(serde_json::Value::as_bool) == Some(true);
    let how = if outside { "parts of it outside of a transaction" } else { "in one transaction" };
    format!("{} applies{path}, {how}", plan.tool)
}

/// What is known of locks without reading the migrations.
fn locks(config: &Config, plan: &Plan) -> Vec<String> {
    let mut locks = Vec::new();
    let timeout = human(config.migrations.lock_timeout.0);
    if has(plan, "backup") {
        locks.push(
            "the backup holds ACCESS SHARE on every table while it reads: nobody waits for it but DDL"
                .to_owned(),
        );
    }
    if !plan.pending.is_empty() {
        locks.push(match config.environment.fence {
            FenceKind::Closed => format!(
                "each migration runs with lock_timeout {timeout} behind a closed fence: nobody is connected, so nobody waits for it"
            ),
            FenceKind::ReadOnly => format!(
                "each migration runs with lock_timeout {timeout}; readers behind the read-only fence wait for its locks as long as it holds them"
            ),
        });
    }
    if has(plan, "swap") || (!plan.pending.is_empty() && config.environment.fence == FenceKind::Closed) {
        locks.push(
            "the target takes no connection while it is renamed or copied, and none behind the fence"
                .to_owned(),
        );
    }
    locks
}

fn prerequisites(config: &Config, plan: &Plan) -> Vec<String> {
    let environment = &plan.environment;
    let mut all =
        vec![format!("nothing is bad in `switchback doctor -e {environment}`; the preflight looks again")];
    all.push(format!("no run is open on `{}`", plan.target));
    if let Some(window) = config.environment.window.as_ref().filter(|_| !has(plan, "swap")) {
        let days = window.days.as_deref().unwrap_or("every day");
        all.push(format!(
            "the window is open: {days} from {} to {} ({})",
            window.from, window.to, window.time_zone
        ));
    }
    if let Some(release) = plan.release_after.as_ref().filter(|_| has(plan, "switch_code")) {
        all.push(format!("the repository is clean and has {}", release.name));
    }
    let state = config.state.display();
    all.push(format!("{state} is on a disk that survives this machine's restart: the journal is there"));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::STEPS;
    use serde_json::json;
    use switchback_model::RunId;
    use switchback_model::plan::{Outlook, UndoPolicy};

    fn config() -> Config {
        let text = "[migrations]\ntool = \"alembic\"\n[environments.production]\ndatabase_url = \"postgresql://db/ada\"\n";
        Config::parse(text, std::path::Path::new("/srv/switchback.toml"), None, &|_| None).unwrap()
    }

    fn plan(kinds: &[&str]) -> Plan {
        let step = |kind: &&str| PlannedStep {
            id: (*kind).to_owned(),
            kind: (*kind).to_owned(),
            title: "a title".to_owned(),
            undo: UndoPolicy::NoEffect,
            params: json!({}),
            estimate: Some(switchback_model::plan::Estimate { ms: 1000, basis: String::new() }),
        };
        let mut plan: Plan = serde_json::from_value(json!({
            "format": 1, "run": RunId("r".into()), "made_at": "2026-11-22T02:14:07Z", "environment": "production",
            "target": "ada", "server": "db", "server_version": "15.1", "tool": "alembic", "release_before": null,
            "release_after": null, "revision_before": [], "revision_after": [],
            "pending": [{"revision": "r1", "name": "one", "path": "r1.py"}], "digest": "", "gates": [],
            "ways_back": [], "notes": [], "steps": [], "settings": {}
        }))
        .unwrap();
        plan.steps = kinds.iter().map(step).collect();
        plan.outlook = Outlook::default();
        plan
    }

    #[test]
    fn every_kind_of_step_has_its_words() {
        for entry in STEPS {
            let plan = plan(&[entry.kind]);
            let (does, verified) = words(&config(), &plan, &plan.steps[0]);
            assert!(
                does != "a title" && !verified.is_empty(),
                "say in runbook.rs what step {} does",
                entry.kind
            );
        }
    }

    #[test]
    fn downtime_is_counted_from_the_page_to_the_end_and_the_way_back_grows() {
        let mut plan = plan(&["preflight", "backup", "maintenance", "fence", "apply", "start", "close"]);
        write(&config(), &mut plan, &Back { swap: 1, restore: None, look: 10, copy: 5 });
        let outlook = &plan.outlook;
        assert_eq!((outlook.total_ms, outlook.downtime_ms), (Some(7000), Some(5000)));
        let clock: Vec<_> = outlook.steps.iter().map(|step| step.at_ms).collect();
        assert_eq!(clock, [0, 1000, 2000, 3000, 4000, 5000, 6000]);
        let costs: Vec<_> = outlook.steps.iter().map(|step| step.way_back_ms.unwrap()).collect();
        assert!(costs.is_sorted(), "{costs:?}");
        let loses = |id: &str| outlook.steps.iter().find(|step| step.step == id).unwrap().loses.clone();
        assert_eq!(loses("apply"), None);
        assert!(loses("close").unwrap().contains("--accept-loss"));
    }

    fn outlook_of(kind: &str) -> Outlook {
        let mut plan = plan(&["fence", "restore_point", "apply", "start", "close"]);
        plan.steps[1].params = json!({ "kind": kind });
        write(&config(), &mut plan, &Back { swap: 1, restore: None, look: 10, copy: 5 });
        plan.outlook
    }

    #[test]
    fn once_users_are_in_the_way_back_is_reckoned_as_the_downgrade() {
        for kind in ["clone", "down"] {
            let outlook = outlook_of(kind);
            let closed = outlook.steps.last().unwrap();
            // A look; a copy, three looks at it and down, up and down again; the start.
            let downgrade = 10 + (5 + 3 * 10 + 3 * 1000) + 1000;
            assert_eq!(closed.way_back_ms, Some(downgrade), "{kind}: {}", closed.way_back);
            assert_eq!(outlook.way_back_ms, Some(downgrade), "{kind}");
        }
    }

    #[test]
    fn without_a_copy_none_is_promised() {
        let outlook = outlook_of("down");
        let closed = outlook.steps.last().unwrap();
        assert!(!closed.way_back.contains("restore point"), "{}", closed.way_back);
        assert!(closed.loses.as_ref().unwrap().contains("there is no copy"), "{:?}", closed.loses);
        assert!(outlook_of("clone").steps.last().unwrap().way_back.contains("restore point"));
    }
}
