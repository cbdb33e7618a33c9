//! Made-up runs with fixed times.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Value, json};
use switchback_model::event::{Direction, Durations, Operator, RunStatus, Unit};
use switchback_model::monitor::{Blocker, Sample, Waiter};
use switchback_model::plan::{
    DiskNeed, Estimate, Outlook, Pending, PlannedStep, Release, StepOutlook, UndoPolicy, WayBack,
};
use switchback_model::{Effect, Event, Exit, Failure, Plan, RunId, RunView, What, code};

use crate::Reporter;

/// A moment of the story, in milliseconds from its beginning.
pub(crate) fn at(ms: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T02:14:07Z".parse().unwrap();
    Timestamp::from_millisecond(start.as_millisecond() + ms).unwrap()
}

/// A writer whose text can be read afterwards.
#[derive(Clone, Default)]
pub(crate) struct Sink(Rc<RefCell<Vec<u8>>>);

impl Sink {
    pub(crate) fn writer(&self) -> Box<dyn Write> {
        Box::new(self.clone())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The events of a run, and the time of the next one.
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    now: i64,
}

const APPLY: &str = "apply:c21b";

impl Story {
    pub(crate) fn planned() -> Self {
        let mut story = Self { events: Vec::new(), now: 0 };
        story.say(0, What::Planned { plan: Box::new(plan()) });
        story.started(Direction::Forward)
    }

    /// A run that goes well.
    pub(crate) fn good() -> Self {
        Self::planned()
            .preflight()
            .backup()
            .step("stop", 1_800, json!({}), "ada-app.service is inactive (dead)")
            .step(
                "restore_point",
                3_100,
                json!({"database": "ada_rp_7f3a", "bytes": 4_812_000_000_u64}),
                "clone with equal counts",
            )
            .step(APPLY, 12_300, json!({"revision": "c21b"}), "the target says c21b")
            .step("validate", 2_200, validated(), "2 of 2 checks hold")
            .step("start", 2_400, json!({}), "GET /api/health: 200 for 20 s")
            .finished(RunStatus::Succeeded, Exit::Done, None)
    }

    /// A run whose migration fails, and that is taken back.
    pub(crate) fn unwound() -> Self {
        Self::until_apply()
            .output(APPLY, "INFO  [alembic.runtime.migration] Running upgrade 8f3a -> c21b")
            .output(APPLY, "\u{1b}[31mpsycopg.errors.UndefinedColumn\u{1b}[0m: column \"x\" does not exist")
            .failed(APPLY, 3_100, &broken())
            .then(0, What::Unwinding { why: Box::new(broken()) })
            .undone(APPLY, 900, "ada is the restore point, 14 tables compared")
            .undone("restore_point", 10, "became ada")
            .undone("stop", 2_100, "ada-app.service is active (running)")
            .undone("backup", 5, "kept")
            .undone("preflight", 0, "nothing to take back")
            .finished(RunStatus::Undone, Exit::TakenBack, Some(broken()))
    }

    /// A run whose way back ends at a service that can't be started.
    pub(crate) fn stuck() -> Self {
        let service = Failure::new(code::UNDO_FAILED, "`ada-app.service` did not start again")
            .cause("Job for ada-app.service failed because the control process exited with error code")
            .effect(Effect::Unknown)
            .changed("the data is as before the run; the application is down")
            .hint("systemctl status ada-app.service");
        Self::until_apply()
            .failed(APPLY, 3_100, &broken())
            .then(0, What::Unwinding { why: Box::new(broken()) })
            .undone(APPLY, 900, "ada is the restore point, 14 tables compared")
            .undone("restore_point", 10, "became ada")
            .then(0, What::UndoStarted { step: "stop".into() })
            .then(
                9_000,
                What::UndoFailed { step: "stop".into(), failure: Box::new(service.clone()), ms: 9_000 },
            )
            .finished(RunStatus::Stuck, Exit::Stuck, Some(service))
    }

    fn until_apply() -> Self {
        Self::planned()
            .preflight()
            .backup()
            .step("stop", 1_800, json!({}), "ada-app.service is inactive (dead)")
            .step("restore_point", 3_100, json!({"database": "ada_rp_7f3a"}), "clone with equal counts")
            .then(0, What::StepStarted { step: APPLY.into() })
    }

    pub(crate) fn preflight(self) -> Self {
        self.step("preflight", 412, json!({}), "11 checks hold")
    }

    /// A step that is long enough to say how far it is.
    pub(crate) fn backup(self) -> Self {
        let warning = What::Warning { message: "a replica is 12 s behind".into() };
        let output =
            json!({"directory": "/var/backups/ada/20261122-021407", "bytes": 512_000_000, "parts": ["a"]});
        self.then(0, What::StepStarted { step: "backup".into() })
            .progress("backup", 1_000, "dumping", 80_000_000)
            .progress("backup", 2_000, "dumping", 250_000_000)
            .then(100, warning)
            .progress("backup", 9_000, "dumping", 950_000_000)
            .progress("backup", 4_000, "dumping", 1_280_000_000)
            .then(
                0,
                What::StepNoted {
                    step: "backup".into(),
                    key: "scratch_cluster".into(),
                    value: json!("kept | 7f3a"),
                },
            )
            .then(25_900, finished("backup", output, "restored and compared: 14 tables equal", 42_000))
    }

    pub(crate) fn progress(self, step: &str, after: i64, what: &str, done: u64) -> Self {
        let (step, what) = (step.to_owned(), what.to_owned());
        self.then(after, What::Progress { step, what, done, total: 4_800_000_000, unit: Unit::Bytes })
    }

    pub(crate) fn started(self, direction: Direction) -> Self {
        let operator = Operator { user: "deploy".into(), host: "ops-1".into(), pid: 4711 };
        self.then(5, What::Started { operator, direction, accept_loss: false })
    }

    pub(crate) fn step(self, step: &str, ms: u64, output: Value, proof: &str) -> Self {
        self.then(0, What::StepStarted { step: step.into() })
            .then(i64::try_from(ms).unwrap(), finished(step, output, proof, ms))
    }

    pub(crate) fn output(self, step: &str, line: &str) -> Self {
        self.then(0, What::Output { step: step.into(), line: line.into() })
    }

    fn failed(self, step: &str, ms: u64, failure: &Failure) -> Self {
        let failure = Box::new(failure.clone());
        self.then(i64::try_from(ms).unwrap(), What::StepFailed { step: step.into(), failure, ms })
    }

    pub(crate) fn undone(self, step: &str, ms: u64, proof: &str) -> Self {
        self.then(0, What::UndoStarted { step: step.into() }).then(
            i64::try_from(ms).unwrap(),
            What::UndoFinished { step: step.into(), proof: proof.into(), ms },
        )
    }

    pub(crate) fn finished(self, status: RunStatus, exit: Exit, failure: Option<Failure>) -> Self {
        let durations = Durations { total_ms: u64::try_from(self.now).unwrap(), downtime_ms: Some(21_800) };
        let report = Some(".switchback/runs/20261122-021407-7f3a/report.md".into());
        self.then(1, What::Finished { status, exit, durations, report, failure: failure.map(Box::new) })
    }

    pub(crate) fn then(mut self, after: i64, what: What) -> Self {
        self.say(after, what);
        self
    }

    fn say(&mut self, after: i64, what: What) {
        self.now += after;
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event { seq, at: at(self.now), run: RunId(RUN.into()), what });
    }

    pub(crate) fn plan(&self) -> Plan {
        self.begin().plan
    }

    /// A text about the run without the fingerprint, which changes with every field of a plan.
    pub(crate) fn steady(&self, text: &str) -> String {
        text.replace(&self.plan().fingerprint(), "[fingerprint]")
    }

    pub(crate) fn begin(&self) -> RunView {
        RunView::begin(&self.events[0]).unwrap()
    }

    /// The run after its last event.
    pub(crate) fn view(&self) -> RunView {
        let mut view = self.begin();
        self.events[1..].iter().for_each(|event| view.apply(event).unwrap());
        view
    }

    /// Tells the story from its beginning.
    pub(crate) fn play(&self, reporter: &mut dyn Reporter) {
        self.play_from(0, reporter);
    }

    /// Tells it to somebody who comes later: a process that goes on with the run.
    pub(crate) fn play_from(&self, first: usize, reporter: &mut dyn Reporter) {
        let mut view = self.begin();
        for (n, event) in self.events.iter().enumerate() {
            if n > 0 {
                view.apply(event).unwrap();
            }
            if n >= first {
                reporter.event(event, &view).unwrap();
            }
        }
        reporter.finish(&view).unwrap();
    }
}

const RUN: &str = "20261122-021407-7f3a";

fn finished(step: &str, output: Value, proof: &str, ms: u64) -> What {
    What::StepFinished { step: step.into(), output, proof: proof.into(), ms }
}

fn validated() -> Value {
    json!({"checks": [
        {"name": "users have profiles", "ok": true, "detail": "0 rows"},
        {"name": "a|b `c`", "ok": false, "detail": null},
    ]})
}

fn broken() -> Failure {
    Failure::new(code::MIGRATION_FAILED, "`c21b` (add profiles) failed")
        .cause("column \"x\" does not exist")
        .changed("nothing: its transaction was rolled back")
        .hint("switchback rehearse -e production shows it on a copy")
}

fn plan() -> Plan {
    Plan {
        format: 1,
        run: RunId(RUN.into()),
        made_at: at(-60_000),
        environment: "production".into(),
        target: "ada".into(),
        server: "db.example:5432".into(),
        server_version: "15.18".into(),
        tool: "alembic".into(),
        release_before: Some(Release { name: "v1.4.0".into(), commit: "0f1e2d3c4b5a69788796".into() }),
        release_after: Some(Release { name: "v1.5.0".into(), commit: "a1b2c3d4e5f60718293a".into() }),
        revision_before: vec!["8f3a".into()],
        revision_after: vec!["c21b".into()],
        pending: vec![Pending {
            revision: "c21b".into(),
            name: "add profiles".into(),
            path: "migrations/versions/c21b_add_profiles.py".into(),
        }],
        digest: "3f786850e387550fdab836ed7e6dc881de23001b6b6f8f2f1c0a4e2d5c9b7a10".into(),
        gates: vec!["review".into(), "rehearsal".into()],
        gate_states: Vec::new(),
        ways_back: vec![
            WayBack { when: "until the first migration".into(), how: "the fence is lifted; nothing was changed".into() },
            WayBack {
                when: "until the application starts".into(),
                how: "the restore point takes the target's place by two renames, in under a second; the failed database is kept".into(),
            },
        ],
        notes: vec!["WAL that is archived during the run belongs to both databases".into()],
        outlook: outlook(),
        steps: steps(),
        settings: json!({"environments": {"production": {"fence": "closed", "requires": ["review", "rehearsal"]}}}),
    }
}

fn outlook() -> Outlook {
    let disk = |what: &str, bytes, free| DiskNeed { what: what.into(), bytes, free };
    Outlook {
        total_ms: Some(64_000),
        downtime_ms: Some(32_000),
        way_back_ms: Some(9_000),
        disk: vec![
            disk("the backup, in /var/backups/ada", 4_812_000_000, Some(40_000_000_000)),
            disk("the copy of the target, on the server", 9_624_000_000, None),
        ],
        locks: vec![
            "each migration runs with lock_timeout 5.0 s behind a closed fence: nobody waits for it".into(),
        ],
        at_least: true,
        target_bytes: Some(9_624_000_000),
        prerequisites: vec!["nothing is bad in `switchback doctor -e production`".into()],
        steps: step_outlooks(),
    }
}

fn step_outlooks() -> Vec<StepOutlook> {
    let nothing = "the run ends here; target, code and service were not touched";
    let steps = [
        ("preflight", 0, false, nothing, 0, None),
        ("backup", 1000, false, nothing, 0, None),
        ("stop", 32_000, true, "the application is started", 3000, None),
        ("restore_point", 35_000, true, "the fence is lifted, the application started", 4000, None),
        (APPLY, 50_000, true, "the restore point takes the target's place by rename", 5000, None),
        ("validate", 52_000, true, "the restore point takes the target's place by rename", 5000, None),
        (
            "start",
            60_000,
            true,
            "`switchback rollback`: as before, if nothing was written",
            9000,
            Some("nothing, but with --accept-loss what was written since the restore point, named"),
        ),
    ];
    let step =
        |(id, at_ms, down, way_back, ms, loses): (&str, u64, bool, &str, u64, Option<&str>)| StepOutlook {
            step: id.into(),
            at_ms,
            down,
            does: format!("what {id} does"),
            verified: format!("how {id} is looked at"),
            way_back: way_back.into(),
            way_back_ms: Some(ms),
            loses: loses.map(str::to_owned),
        };
    steps.into_iter().map(step).collect()
}

fn steps() -> Vec<PlannedStep> {
    let steps = [
        ("preflight", "look at server, privileges and disk", UndoPolicy::NoEffect),
        ("backup", "take a backup and prove it", UndoPolicy::Bookkeeping),
        ("stop", "stop ada-app.service", UndoPolicy::Reversible),
        ("restore_point", "make a restore point", UndoPolicy::Bookkeeping),
        (APPLY, "apply c21b add profiles", UndoPolicy::Reversible),
        ("validate", "validate the data", UndoPolicy::NoEffect),
        ("start", "start ada-app.service", UndoPolicy::Reversible),
    ];
    let step = |(id, title, undo): (&str, &str, UndoPolicy)| PlannedStep {
        id: id.into(),
        kind: id.split(':').next().unwrap().into(),
        title: title.into(),
        undo,
        params: json!({}),
        estimate: (id != APPLY).then(|| Estimate { ms: 2000, basis: "9.6 GB at 100 MB/s".into() }),
    };
    steps.into_iter().map(step).collect()
}

/// A look at the server, in which something was seen.
pub(crate) fn sample(ms: i64, change: impl FnOnce(&mut Sample)) -> Sample {
    let mut sample = Sample {
        at: at(ms),
        step: APPLY.into(),
        waiters: Vec::new(),
        long_transactions: Vec::new(),
        replicas: Vec::new(),
        commands: Vec::new(),
        wal_bytes: Some(0),
        database_bytes: Some(4_800_000_000),
        disk_free_bytes: None,
        sessions: Some(0),
        missing: Vec::new(),
    };
    change(&mut sample);
    sample
}

/// Somebody who waits behind session 99.
pub(crate) fn waiter(who: &str, waited_ms: u64) -> Waiter {
    Waiter {
        pid: 41,
        who: who.into(),
        statement: "alter table users add column b int".into(),
        wants: "AccessExclusiveLock on public.users".into(),
        waited_ms,
        blocked_by: vec![Blocker {
            pid: 99,
            who: "report (psql)".into(),
            statement: "select '…' from users".into(),
        }],
    }
}
