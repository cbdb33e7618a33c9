//! Whether statements became dearer, as far as their number lets anybody say.

use switchback_model::monitor::{Impact, StatementCost, StatementImpact};

/// Fewer calls say nothing: the first ones after a start read from disk and fill caches.
const ENOUGH: u64 = 20;
/// A mean that changed by less is the same.
const NOTABLE: f64 = 1.5;
/// And one that changed by less than this many milliseconds is nobody's concern.
const FELT_MS: f64 = 0.5;

/// What can be said of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// So many times as dear.
    Slower(f64),
    /// So many times as cheap.
    Faster(f64),
    /// No difference that counts.
    Same,
    /// It was not there before.
    New,
    /// It did not run since.
    Unseen,
    /// Too few calls, now or before.
    TooFew,
}

pub(crate) fn verdict(statement: &StatementImpact) -> Verdict {
    match (statement.before, statement.after) {
        (_, None) => Verdict::Unseen,
        (None, Some(_)) => Verdict::New,
        (Some(before), Some(after)) if before.calls.min(after.calls) < ENOUGH => Verdict::TooFew,
        (Some(before), Some(after)) => compared(before, after),
    }
}

fn compared(before: StatementCost, after: StatementCost) -> Verdict {
    let (before, after) = (before.mean_ms, after.mean_ms);
    if (after - before).abs() < FELT_MS || before <= 0.0 || after <= 0.0 {
        return Verdict::Same;
    }
    match after / before {
        ratio if ratio >= NOTABLE => Verdict::Slower(ratio),
        ratio if ratio <= 1.0 / NOTABLE => Verdict::Faster(1.0 / ratio),
        _ => Verdict::Same,
    }
}

impl Verdict {
    /// In a few words.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Slower(ratio) => format!("slower: takes {ratio:.1} times as long"),
            Self::Faster(ratio) => format!("faster: {ratio:.1} times as quick"),
            Self::Same => "as before".to_owned(),
            Self::New => "new".to_owned(),
            Self::Unseen => "did not run since".to_owned(),
            Self::TooFew => "not enough calls to say".to_owned(),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Slower(_) => 0,
            Self::New => 1,
            Self::Faster(_) => 2,
            Self::Same => 3,
            Self::TooFew => 4,
            Self::Unseen => 5,
        }
    }
}

/// The statements, those first that a person should look at.
pub(crate) fn ranked(impact: &Impact) -> Vec<(&StatementImpact, Verdict)> {
    let mut ranked: Vec<_> = impact.statements.iter().map(|one| (one, verdict(one))).collect();
    ranked.sort_by_key(|(_, verdict)| verdict.rank());
    ranked
}

/// In a sentence.
pub(crate) fn summary(impact: &Impact) -> String {
    let count = |wanted: fn(&Verdict) -> bool| {
        impact.statements.iter().filter(|statement| wanted(&verdict(statement))).count()
    };
    let compared = count(|v| matches!(v, Verdict::Slower(_) | Verdict::Faster(_) | Verdict::Same));
    let (slower, new) = (count(|v| matches!(v, Verdict::Slower(_))), count(|v| *v == Verdict::New));
    let few = count(|v| *v == Verdict::TooFew);
    if impact.statements.iter().all(|one| one.after.is_none()) {
        return "the application was not measured after the run".to_owned();
    }
    let mut parts = vec![match (compared, slower) {
        (0, _) => "no statement ran often enough to be compared".to_owned(),
        (n, 0) => format!("none of {n} statements that can be compared became slower"),
        (n, slower) => format!("{slower} of {n} statements that can be compared became slower"),
    }];
    if new > 0 {
        parts.push(format!("{new} new"));
    }
    if few > 0 && compared > 0 {
        parts.push(format!("{few} with too few calls to say"));
    }
    parts.join(", ")
}

/// Milliseconds as a person reads them beside others.
pub(crate) fn ms(ms: f64) -> String {
    if ms < 1.0 {
        format!("{ms:.3} ms")
    } else if ms < 100.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(before: Option<(u64, f64)>, after: Option<(u64, f64)>) -> StatementImpact {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let cost =
            |(calls, mean_ms): (u64, f64)| StatementCost { calls, mean_ms, total_ms: mean_ms * calls as f64 };
        StatementImpact {
            query_id: 1,
            query: "select 1".into(),
            before: before.map(cost),
            after: after.map(cost),
        }
    }

    #[test]
    fn few_calls_say_nothing() {
        for (before, after, wanted) in [
            (Some((900, 2.0)), Some((19, 80.0)), Verdict::TooFew),
            (Some((3, 2.0)), Some((500, 80.0)), Verdict::TooFew),
            (Some((900, 2.0)), Some((20, 5.0)), Verdict::Slower(2.5)),
            (Some((900, 5.0)), Some((20, 2.0)), Verdict::Faster(2.5)),
            (Some((900, 2.0)), Some((20, 2.2)), Verdict::Same),
            (Some((900, 0.01)), Some((20, 0.2)), Verdict::Same),
            (None, Some((1, 1.0)), Verdict::New),
            (Some((900, 2.0)), None, Verdict::Unseen),
        ] {
            assert_eq!(verdict(&statement(before, after)), wanted, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_sentence_says_only_what_was_measured() {
        let impact = |statements| Impact { missing: None, statements };
        let slow = || statement(Some((900, 2.0)), Some((20, 5.0)));
        assert_eq!(
            summary(&impact(vec![
                slow(),
                statement(None, Some((1, 1.0))),
                statement(Some((1, 1.0)), Some((1, 1.0)))
            ])),
            "1 of 1 statements that can be compared became slower, 1 new, 1 with too few calls to say"
        );
        assert!(
            summary(&impact(vec![statement(Some((1, 1.0)), Some((1, 9.0)))])).starts_with("no statement ran")
        );
        assert!(summary(&impact(vec![statement(Some((1, 1.0)), None)])).contains("not measured"));
    }
}
