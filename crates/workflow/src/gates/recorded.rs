//! What the gates share that ask for a record.

use switchback_model::record::{Record, RecordKind, RecordResult};

use super::{Asked, Verdict};

impl Asked<'_> {
    /// The records of a kind about exactly these migrations that still count, newest first.
    pub(super) fn counting(&self, kind: RecordKind) -> Vec<&Record> {
        let all = self.about(kind);
        let withdrawn = |record: &Record| {
            record.run.is_some()
                && all.iter().any(|other| {
                    other.result == RecordResult::Withdrawn
                        && (&other.run, &other.environment) == (&record.run, &record.environment)
                })
        };
        let counts = |record: &&Record| {
            record.result == RecordResult::Succeeded && !self.expired(record) && !withdrawn(record)
        };
        all.iter().copied().filter(counts).collect()
    }

    /// Every record of a kind about exactly these migrations, newest first.
    pub(super) fn about(&self, kind: RecordKind) -> Vec<&Record> {
        let fits = |record: &&Record| {
            record.kind == kind
                && record.digest == self.plan.digest
                // No migrations have the same digest in every release.
                && (!self.plan.pending.is_empty() || commit(record.release.as_ref()) == commit(self.plan.release_after.as_ref()))
        };
        self.records.iter().rev().map(|sealed| &sealed.record).filter(fits).collect()
    }

    pub(super) fn expired(&self, record: &Record) -> bool {
        record.expires.is_some_and(|expires| expires <= self.now)
    }
}

fn commit(release: Option<&switchback_model::plan::Release>) -> Option<&str> {
    release.map(|release| release.commit.as_str())
}

/// Who, where and when, as a person says it.
pub(super) fn by(record: &Record) -> String {
    let note = record.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("by {} on {}, {}{note}", record.operator, record.host, record.at.strftime("%Y-%m-%d %H:%M UTC"))
}

/// A gate that any record of its kind opens, wherever it was made.
pub(super) fn any(cx: &Asked<'_>, kind: RecordKind) -> Verdict {
    let name = kind.name();
    match cx.counting(kind).first() {
        Some(record) => Verdict::Passed(format!("on record, {}", by(record))),
        None => Verdict::Missing {
            why: format!("no {name} of these migrations is on record"),
            cure: cure(cx, kind),
        },
    }
}

/// What to type to have it.
fn cure(cx: &Asked<'_>, kind: RecordKind) -> String {
    let import = "bring its record from where it was made: switchback record import FILE";
    match kind {
        RecordKind::Review => {
            let release = cx.plan.release_after.as_ref();
            let release = release.map(|release| format!(" --release {}", release.name)).unwrap_or_default();
            format!("switchback review -e {}{release} --record; or {import}", cx.plan.environment)
        }
        _ => import.to_owned(),
    }
}
