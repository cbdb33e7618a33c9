//! `window = { … }`: it is open, and for longer than what must fit into it.
//!
//! What must fit is the time in which users see no application, and the way back. What comes before
//! (preflight, lease, record, backup) disturbs nobody and may begin earlier: where the window opens
//! before the backup is expected to end, or a person says `--wait`. A step of the run looks again
//! before anything is taken away from users.

use std::time::Duration;

use jiff::Timestamp;
use switchback_engine::clock;
use switchback_model::config::Window;
use switchback_model::event::Direction;
use switchback_model::plan::PlannedStep;
use switchback_model::run::StepState;
use switchback_model::units::human;
use switchback_model::{Config, Failure, Plan, Result, RunView, code};

use super::{Asked, Gate, Verdict};
use crate::steps::DOWN_FROM;
use crate::steps::window::LookAtWindow;
use crate::window;
use switchback_engine::step::Step;

pub(super) const GATE: Gate =
    Gate { name: "window", asked: |environment| environment.window.is_some(), look };

/// What a run needs of its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Until users see no application.
    pub before: Option<Duration>,
    /// From then to the end, with the way back; `None`: it is not known.
    pub inside: Option<Duration>,
}

impl Needs {
    /// What a plan is expected to need.
    pub fn of(plan: &Plan) -> Self {
        let first = plan.steps.iter().position(|step| DOWN_FROM.contains(&step.kind.as_str()));
        let (before, after) = plan.steps.split_at(first.unwrap_or(plan.steps.len()));
        let down = plan.outlook.downtime_ms.map(Duration::from_millis).or_else(|| sum(after));
        let back = Duration::from_millis(plan.outlook.way_back_ms.unwrap_or_default());
        Self { before: sum(before), inside: down.map(|down| down + back) }
    }
}

/// The time of steps, where that of every one is known that takes any.
fn sum(steps: &[PlannedStep]) -> Option<Duration> {
    let known = steps.iter().map(|step| step.estimate.as_ref().map(|estimate| estimate.ms));
    known.sum::<Option<u64>>().filter(|_| !steps.is_empty()).map(Duration::from_millis)
}

/// How a window stands to a run that would begin now.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is open, for as long as is needed.
    Open(Duration),
    /// It is shut, and opens before the run comes to what needs it.
    Soon(Timestamp),
    /// It is shut.
    Shut(Timestamp),
    /// It is open for less than is needed.
    Short { open: Duration, needed: Duration },
    /// It is never open for as long as is needed.
    TooSmall { opens: Timestamp, long: Duration, needed: Duration },
}

/// Looks at a window.
///
/// # Errors
/// As [`window::remaining`].
pub fn standing(wanted: &Window, now: Timestamp, needs: Needs) -> Result<Standing> {
    let before = needs.before.unwrap_or_default();
    let inside = needs.inside.unwrap_or_default();
    if let Some(open) = window::remaining(wanted, now)? {
        let needed = before + inside;
        let open = open.0;
        return Ok(if open >= needed { Standing::Open(open) } else { Standing::Short { open, needed } });
    }
    let opens = window::next_open(wanted, now)?;
    let long = window::remaining(wanted, opens)?.map(|span| span.0).unwrap_or_default();
    if long < inside {
        return Ok(Standing::TooSmall { opens, long, needed: inside });
    }
    let soon = needs.before.is_some_and(|before| opens.duration_since(now).unsigned_abs() <= before);
    Ok(if soon { Standing::Soon(opens) } else { Standing::Shut(opens) })
}

fn look(cx: &Asked<'_>) -> Result<Verdict> {
    let Some(wanted) = &cx.world.config.environment.window else {
        return Ok(Verdict::Passed("always open".into()));
    };
    let needs = Needs::of(cx.plan);
    let unknown = if needs.inside.is_some() { "" } else { "; how long the run takes is not known" };
    let place = format!("change `window` in [environments.{}]", cx.plan.environment);
    let told = |opens: &Timestamp| window::told(wanted, *opens);
    let words = window::words(wanted);
    Ok(match standing(wanted, cx.now, needs)? {
        Standing::Open(open) => Verdict::Passed(format!("open for another {}{unknown}", human(open))),
        Standing::Soon(opens) => Verdict::Passed(format!(
            "opens on {}, before the preparations are expected to end{unknown}",
            told(&opens)?
        )),
        Standing::Shut(opens) => Verdict::Missing {
            why: format!("the window is shut: it is {words}"),
            cure: format!(
                "it opens next on {}; to begin now and wait for it: switchback deploy -e {} --wait; or {place}",
                told(&opens)?,
                cx.plan.environment
            ),
        },
        Standing::Short { open, needed } => Verdict::Missing {
            why: format!(
                "the window is open for another {}, and the run needs about {} with its way back",
                human(open),
                human(needed)
            ),
            cure: format!("it opens next on {}; or {place}", told(&window::next_open(wanted, cx.now)?)?),
        },
        Standing::TooSmall { opens, long, needed } => Verdict::Missing {
            why: format!(
                "the window that opens on {} is open for {}, and the run needs about {} with its way back",
                told(&opens)?,
                human(long),
                human(needed)
            ),
            cure: place,
        },
    })
}

/// When the window opens for which a run may be begun that is shut now: soon, or because a person
/// said that they wait. `None`: it is open, or there is none.
///
/// # Errors
/// As [`standing`].
pub fn opens_for(config: &Config, plan: &Plan, wait: bool) -> Result<Option<Timestamp>> {
    let Some(wanted) = &config.environment.window else { return Ok(None) };
    Ok(match standing(wanted, clock::now(), Needs::of(plan))? {
        Standing::Soon(opens) => Some(opens),
        Standing::Shut(opens) if wait => Some(opens),
        _ => None,
    })
}

/// Gives the run's look at the window the moment for which it may wait, and the gate its leave.
///
/// # Errors
/// [`code::INTERNAL`] where the step can't be written down.
pub fn wait_for(plan: &mut Plan, opens: Timestamp) -> Result<()> {
    for step in plan.steps.iter_mut().filter(|step| step.kind == LookAtWindow::KIND) {
        *step = switchback_engine::step::planned(&LookAtWindow { opens: Some(opens) }, None)?;
    }
    for state in plan.gate_states.iter_mut().filter(|state| state.name == GATE.name && !state.passed) {
        state.passed = true;
        state.detail = format!("{}; the run waits for it", state.detail);
        state.cure = None;
    }
    Ok(())
}

/// Refuses to go on with a run that has not yet taken the application away from users, outside of
/// its window. Later than that it may always go on: ahead is where its users are served again.
///
/// # Errors
/// [`code::WINDOW_CLOSED`].
pub fn before_going_on(config: &Config, run: &RunView) -> Result<()> {
    let looked = run.step(LookAtWindow::KIND).is_some_and(|step| step.state == StepState::Done);
    let down = run.planned().any(|(planned, step)| {
        DOWN_FROM.contains(&planned.kind.as_str()) && step.state != StepState::Pending
    });
    let Some(wanted) = config.environment.window.as_ref().filter(|_| looked && !down) else { return Ok(()) };
    if run.direction == Direction::Back {
        return Ok(());
    }
    let needed = Needs::of(&run.plan).inside.unwrap_or_default();
    window::check(wanted, clock::now(), needed).map_err(|failure: Failure| {
        debug_assert!(failure.code == code::WINDOW_CLOSED || failure.code == code::CONFIG_INVALID);
        let (run, environment) = (&run.plan.run, &run.plan.environment);
        failure.hint(format!("go on then: switchback resume {run} -e {environment}")).hint(format!(
            "or take it back, which no window forbids: switchback abort {run} -e {environment}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sunday() -> Window {
        let (days, time_zone) = (Some("Sun".to_owned()), "Europe/Berlin".to_owned());
        Window { days, from: "02:00".into(), to: "04:00".into(), time_zone }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn minutes(before: Option<u64>, inside: Option<u64>) -> Needs {
        Needs { before: before.map(Duration::from_mins), inside: inside.map(Duration::from_mins) }
    }

    #[test]
    fn what_must_fit_is_what_is_left_when_the_preparations_are_done() {
        // Open from 01:00Z to 03:00Z; on 2026-03-29 (02:00 to 03:00 is skipped) to 02:00Z only; on
        // 2026-10-25 (02:00 to 03:00 comes twice) from 00:00Z to 03:00Z.
        let open = |mins| Standing::Open(Duration::from_mins(mins));
        let short = |open, needed| Standing::Short {
            open: Duration::from_mins(open),
            needed: Duration::from_mins(needed),
        };
        let table = [
            ("2026-01-04T01:00:00Z", minutes(None, None), open(120)),
            ("2026-01-04T01:00:00Z", minutes(Some(60), Some(60)), open(120)),
            ("2026-01-04T01:00:00Z", minutes(Some(60), Some(61)), short(120, 121)),
            ("2026-01-04T02:30:00Z", minutes(None, Some(31)), short(30, 31)),
            ("2026-03-29T01:00:00Z", minutes(None, Some(60)), open(60)),
            ("2026-03-29T01:00:00Z", minutes(None, Some(61)), short(60, 61)),
            ("2026-10-25T00:00:00Z", minutes(None, Some(180)), open(180)),
            ("2026-10-25T01:30:00Z", minutes(None, Some(91)), short(90, 91)),
            (
                "2026-01-04T00:50:00Z",
                minutes(Some(10), Some(120)),
                Standing::Soon(at("2026-01-04T01:00:00Z")),
            ),
            (
                "2026-01-04T00:49:00Z",
                minutes(Some(10), Some(120)),
                Standing::Shut(at("2026-01-04T01:00:00Z")),
            ),
            ("2026-01-04T00:49:00Z", minutes(None, Some(120)), Standing::Shut(at("2026-01-04T01:00:00Z"))),
            (
                "2026-01-04T00:50:00Z",
                minutes(Some(10), Some(121)),
                Standing::TooSmall {
                    opens: at("2026-01-04T01:00:00Z"),
                    long: Duration::from_hours(2),
                    needed: Duration::from_mins(121),
                },
            ),
        ];
        for (now, needs, expected) in table {
            assert_eq!(standing(&sunday(), at(now), needs).unwrap(), expected, "{now} {needs:?}");
        }
    }

    fn plan(outlook: &serde_json::Value, estimates: [Option<u64>; 4]) -> Plan {
        let kinds = ["preflight", "backup", "stop", "close"];
        let steps = kinds.iter().zip(estimates).map(|(kind, ms)| {
            let estimate = ms.map(|ms| serde_json::json!({ "ms": ms, "basis": "measured" }));
            serde_json::json!({ "id": kind, "kind": kind, "title": kind, "undo": "no_effect", "params": {},
                "estimate": estimate })
        });
        let value = serde_json::json!({
            "format": 1, "run": "r", "made_at": "2026-11-22T02:14:07Z", "environment": "production",
            "target": "ada", "server": "db", "server_version": "15", "tool": "alembic",
            "release_before": null, "release_after": null, "revision_before": [], "revision_after": [],
            "pending": [], "digest": "d", "gates": [], "ways_back": [], "notes": [], "settings": {},
            "outlook": outlook, "steps": steps.collect::<Vec<_>>()
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_need_is_the_downtime_with_the_way_back_and_unknown_where_a_part_is() {
        let none = serde_json::json!({ "total_ms": null, "downtime_ms": null, "way_back_ms": null });
        let ms = |before: Option<u64>, inside: Option<u64>| Needs {
            before: before.map(Duration::from_millis),
            inside: inside.map(Duration::from_millis),
        };
        let of = |outlook, estimates| Needs::of(&plan(outlook, estimates));
        assert_eq!(of(&none, [None; 4]), ms(None, None));
        assert_eq!(of(&none, [Some(1), Some(20), Some(300), Some(4000)]), ms(Some(21), Some(4300)));
        assert_eq!(of(&none, [Some(1), None, Some(300), None]), ms(None, None));
        let told = serde_json::json!({ "total_ms": 9, "downtime_ms": 5000, "way_back_ms": 700 });
        assert_eq!(of(&told, [Some(1), Some(20), None, None]), ms(Some(21), Some(5700)));
    }

    #[test]
    fn over_midnight_in_another_zone_the_time_that_is_left_is_the_same() {
        let wanted = Window {
            days: Some("Sat".into()),
            from: "23:00".into(),
            to: "01:00".into(),
            time_zone: "Pacific/Auckland".into(),
        };
        // Auckland is UTC+13 in January.
        let left = standing(&wanted, at("2026-01-03T11:30:00Z"), minutes(None, Some(30))).unwrap();
        assert_eq!(left, Standing::Open(Duration::from_mins(30)));
        let short = standing(&wanted, at("2026-01-03T11:30:00Z"), minutes(None, Some(31))).unwrap();
        assert!(matches!(short, Standing::Short { .. }), "{short:?}");
    }
}
