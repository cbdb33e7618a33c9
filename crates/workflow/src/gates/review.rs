//! `requires = ["review"]`: the scripts were reviewed, and what was found was accepted.

use std::collections::BTreeMap;

use switchback_engine::clock;
use switchback_model::record::{Accepted, Record, RecordKind};
use switchback_model::{Plan, Result, config};

use super::{Asked, Gate, recorded, requires};
use crate::records::Store;
use crate::world::World;

pub(super) const GATE: Gate = Gate {
    name: "review",
    asked: |environment| requires(environment, config::Gate::Review),
    look: |cx| Ok(recorded::any(cx, RecordKind::Review)),
};

/// What was accepted, by whom and why, as notes of the plan.
pub(super) fn accepted(world: &World, plan: &Plan) -> Result<Vec<String>> {
    if !requires(&world.config.environment, config::Gate::Review) {
        return Ok(Vec::new());
    }
    let records = Store::of(&world.config).all()?;
    let cx = Asked { world, plan, records: &records, now: clock::now() };
    let found = cx.counting(RecordKind::Review).first().copied();
    Ok(found.map(notes).unwrap_or_default())
}

/// One a rule and reason, those of the person first.
fn notes(record: &Record) -> Vec<String> {
    let mut groups: BTreeMap<(Option<&str>, &str), Vec<&Accepted>> = BTreeMap::new();
    for finding in &record.accepted {
        let group = (finding.because.as_deref(), finding.rule.as_str());
        groups.entry(group).or_default().push(finding);
    }
    groups.into_iter().map(|((because, rule), findings)| note(record, because, rule, &findings)).collect()
}

fn note(record: &Record, because: Option<&str>, rule: &str, findings: &[&Accepted]) -> String {
    let said = record.note.as_deref().unwrap_or("nothing was said");
    let by = because.map_or_else(
        || format!("accepted by {} ({said})", record.operator),
        |because| format!("allowed by the configuration ({because})"),
    );
    let [first, rest @ ..] = findings else { return by };
    let Accepted { file, line, message, .. } = first;
    let more = match rest.len() {
        0 => String::new(),
        1 => "; and one more".to_owned(),
        more => format!("; and {more} more"),
    };
    format!("{by}: {rule} at {file}:{line}: {message}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, line: usize, because: Option<&str>) -> Accepted {
        let (file, message) = ("m/1.sql".to_owned(), format!("line {line}"));
        Accepted { rule: rule.to_owned(), file, line, message, because: because.map(str::to_owned) }
    }

    #[test]
    fn a_plan_names_what_was_accepted_by_whom_and_why() {
        let findings =
            [("drop-column", 3, None), ("b", 9, None), ("drop-column", 4, None), ("a", 5, Some("c"))];
        let record = Record {
            kind: RecordKind::Review,
            note: Some("closed meanwhile".into()),
            accepted: findings.map(|(rule, line, because)| finding(rule, line, because)).to_vec(),
            ..crate::records::sample()
        };
        assert_eq!(
            notes(&record),
            [
                "accepted by eve (closed meanwhile): b at m/1.sql:9: line 9",
                "accepted by eve (closed meanwhile): drop-column at m/1.sql:3: line 3; and one more",
                "allowed by the configuration (c): a at m/1.sql:5: line 5",
            ]
        );
    }
}
