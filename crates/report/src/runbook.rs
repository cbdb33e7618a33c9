//! The parts of a runbook, as plain data: what text and Markdown have in common.

use serde_json::Value;
use switchback_model::Plan;
use switchback_model::plan::{DiskNeed, PlannedStep, StepOutlook};

use crate::facts;
use crate::text::{about, bytes, clean};

/// A step and what is known of it beforehand.
pub(crate) struct Entry<'a> {
    pub(crate) number: usize,
    pub(crate) step: &'a PlannedStep,
    pub(crate) outlook: &'a StepOutlook,
}

impl Entry<'_> {
    /// When it begins, counted from the first step.
    pub(crate) fn clock(&self) -> String {
        clock(self.outlook.at_ms)
    }

    /// How long it takes, in a few letters.
    pub(crate) fn takes(&self) -> String {
        self.step.estimate.as_ref().map_or_else(|| "not known".to_owned(), |estimate| lasting(estimate.ms))
    }

    /// How long it takes, and how that is known.
    pub(crate) fn estimate(&self) -> String {
        match &self.step.estimate {
            Some(estimate) => format!("{}: {}", self.takes(), clean(&estimate.basis)),
            None => "not known".to_owned(),
        }
    }

    /// How it goes back from here, and how long that takes.
    pub(crate) fn way_back(&self) -> String {
        let how = clean(&self.outlook.way_back);
        match self.outlook.way_back_ms {
            None => how,
            Some(0) => format!("{how} (at once)"),
            Some(ms) => format!("{how} (about {})", lasting(ms)),
        }
    }
}

/// The plan's steps, where it has an outlook on them.
pub(crate) fn entries(plan: &Plan) -> Vec<Entry<'_>> {
    let both = plan.steps.iter().zip(&plan.outlook.steps).enumerate();
    both.map(|(index, (step, outlook))| Entry { number: index + 1, step, outlook }).collect()
}

/// The step with which users lose the application.
pub(crate) fn down_from<'a, 'p>(entries: &'a [Entry<'p>]) -> Option<&'a Entry<'p>> {
    entries.iter().find(|entry| entry.outlook.down)
}

/// `T+01:05`, `T+1:01:05`: what a person who looks at the clock compares with.
pub(crate) fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("T+{minutes:02}:{seconds:02}")
    } else {
        format!("T+{hours}:{minutes:02}:{seconds:02}")
    }
}

/// Whole seconds are exact enough beforehand, and nothing takes none.
pub(crate) fn lasting(ms: u64) -> String {
    about(std::time::Duration::from_millis(ms.max(1).div_ceil(1000) * 1000))
}

/// What the run costs: a name and a value each.
pub(crate) fn costs(plan: &Plan) -> Vec<(&'static str, String)> {
    let outlook = &plan.outlook;
    let least = if outlook.at_least { "at least " } else { "about " };
    let entries = entries(plan);
    let mut lines = Vec::new();
    if let Some(total) = outlook.total_ms {
        lines.push(("total", format!("{least}{}, from the first step to the end", lasting(total))));
        lines.push((
            "downtime",
            match (outlook.downtime_ms, down_from(&entries)) {
                (Some(ms), Some(from)) => {
                    format!("{least}{}, from step {} ({}) to the end", lasting(ms), from.number, from.clock())
                }
                _ => "none".to_owned(),
            },
        ));
    }
    if let Some(ms) = outlook.way_back_ms {
        lines.push(("way back", format!("{least}{} for the longest, from the decision on", lasting(ms))));
    }
    let disk: Vec<_> = outlook.disk.iter().map(disk).collect();
    for (name, all) in [("disk", disk), ("locks", outlook.locks.iter().map(|line| clean(line)).collect())] {
        for (index, line) in all.into_iter().enumerate() {
            lines.push((if index == 0 { name } else { "" }, line));
        }
    }
    lines
}

fn disk(need: &DiskNeed) -> String {
    let free = need.free.map_or_else(
        || "what is free can't be seen from here".to_owned(),
        |free| format!("{} free", bytes(free)),
    );
    format!("{} for {}; {free}", bytes(need.bytes), clean(&need.what))
}

/// What a person types, and when.
pub(crate) fn commands(plan: &Plan) -> Vec<(String, &'static str)> {
    let environment = format!("-e {}", plan.environment);
    let release = plan.release_after.as_ref().filter(|after| plan.release_before.as_ref() != Some(after));
    let release = release.map_or_else(String::new, |release| format!(" --release {}", release.name));
    let begin = match facts::restores(plan) {
        Some(backup) => format!("switchback restore {backup} --swap{}{release} {environment}", accepts(plan)),
        None => format!("switchback deploy{release} {environment}"),
    };
    vec![
        (begin, "begin"),
        (format!("switchback status {environment}"), "look, from another terminal"),
        ("Ctrl-C".to_owned(), "turn round where it is; it goes back by itself"),
        (format!("switchback resume {environment}"), "go on after a crash, forward or back"),
        (format!("switchback abort {environment}"), "take an open run back"),
        (format!("switchback rollback {environment}"), "take it back later"),
        (
            format!("switchback rollback --accept-loss {environment}"),
            "take it back and lose what was written since",
        ),
    ]
}

fn accepts(plan: &Plan) -> &'static str {
    let agreed = |step: &PlannedStep| step.params.get("accept").and_then(Value::as_bool) == Some(true);
    if plan.steps.iter().any(agreed) { " --accept-loss" } else { "" }
}

/// The settings that the run goes by, one line each. Values of variables may be secrets; their
/// names are enough to know them by.
pub(crate) fn settings(plan: &Plan) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    flatten(&plan.settings, String::new(), &mut lines);
    // There is one environment in a plan, and its name stands at the top.
    let prefix = format!("environments.{}.", plan.environment);
    for (key, _) in &mut lines {
        if let Some(short) = key.strip_prefix(&prefix) {
            *key = short.to_owned();
        }
    }
    lines
}

fn flatten(value: &Value, path: String, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if key == "env" && value.is_object() {
                    let names: Vec<_> =
                        value.as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
                    lines.push((name, names.join(", ")));
                } else {
                    flatten(value, name, lines);
                }
            }
        }
        Value::String(text) => lines.push((path, clean(text))),
        other => lines.push((path, clean(&other.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_clock_has_hours_only_where_there_are_any() {
        assert_eq!([clock(0), clock(65_400), clock(3_600_000 + 65_000)], ["T+00:00", "T+01:05", "T+1:01:05"]);
        assert_eq!([lasting(0), lasting(1), lasting(61_001)], ["1 s", "1 s", "1 min 02 s"]);
    }

    #[test]
    fn values_of_variables_are_not_settings() {
        let mut plan = crate::testing::Story::good().plan();
        plan.settings = json!({"migrations": {"env": {"TOKEN": "hunter2"}, "tool": "alembic"}, "keep": 7});
        let lines = settings(&plan);
        assert!(!format!("{lines:?}").contains("hunter2"));
        assert!(lines.contains(&("migrations.env".into(), "TOKEN".into())));
        assert!(lines.contains(&("keep".into(), "7".into())));
    }
}
