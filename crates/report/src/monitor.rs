//! What many looks at the server come to: who waited for whom and for how long, what was long, who
//! lagged.

use std::collections::BTreeMap;

use jiff::Timestamp;
use switchback_model::monitor::{Blocker, LongTransaction, Sample, Waiter};

use crate::text::{bytes, count, took};

/// A session that waited, over all looks.
pub(crate) struct Waited<'a> {
    /// When it was seen first.
    pub at: Timestamp,
    /// The step that was at work then.
    pub step: &'a str,
    /// As it was seen when it had waited longest.
    pub waiter: &'a Waiter,
    /// Everybody who was seen in its way.
    pub blockers: Vec<&'a Blocker>,
}

/// Who waited, and whom for, in the order in which they were seen.
pub(crate) fn waited(samples: &[Sample]) -> Vec<Waited<'_>> {
    let mut found: Vec<Waited<'_>> = Vec::new();
    for sample in samples {
        for waiter in &sample.waiters {
            let known = found.iter().position(|one| {
                let (seen, now) = (one.waiter, waiter);
                // Who waits for less long than before waits anew.
                seen.pid == now.pid && seen.wants == now.wants && seen.waited_ms <= now.waited_ms
            });
            let place = known.unwrap_or(found.len());
            if known.is_none() {
                found.push(Waited { at: sample.at, step: &sample.step, waiter, blockers: Vec::new() });
            }
            let one = &mut found[place];
            one.waiter = waiter;
            for blocker in &waiter.blocked_by {
                if one.blockers.iter().all(|seen| seen.pid != blocker.pid) {
                    one.blockers.push(blocker);
                }
            }
        }
    }
    found
}

/// Long transactions, each as it was seen last; the longest first.
pub(crate) fn long(samples: &[Sample]) -> Vec<&LongTransaction> {
    let mut found: BTreeMap<(i32, &str, &str), &LongTransaction> = BTreeMap::new();
    for long in samples.iter().flat_map(|sample| &sample.long_transactions) {
        // A prepared transaction has no process but a name.
        let name = if long.pid == 0 { long.statement.as_str() } else { "" };
        let seen = found.entry((long.pid, &long.database, name)).or_insert(long);
        if long.open_ms >= seen.open_ms {
            *seen = long;
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|long| std::cmp::Reverse(long.open_ms));
    found
}

/// A standby over all looks.
#[derive(Default)]
pub(crate) struct Lagged {
    /// Bytes that it lacked at most.
    pub bytes: Option<u64>,
    /// Milliseconds that it was behind at most.
    pub ms: Option<u64>,
    /// What it was doing, last.
    pub state: String,
}

/// Standbys by name.
pub(crate) fn lagged(samples: &[Sample]) -> BTreeMap<&str, Lagged> {
    let mut found: BTreeMap<&str, Lagged> = BTreeMap::new();
    for replica in samples.iter().flat_map(|sample| &sample.replicas) {
        let seen = found.entry(&replica.name).or_default();
        seen.bytes = seen.bytes.max(replica.lag_bytes);
        seen.ms = seen.ms.max(replica.lag_ms);
        seen.state.clone_from(&replica.state);
    }
    found
}

/// A command of the server over all looks.
pub(crate) struct Worked<'a> {
    /// `CREATE INDEX on public.users`.
    pub what: String,
    /// The phases that were seen, in order.
    pub phases: Vec<&'a str>,
    /// From when to when it was seen.
    pub seen: (Timestamp, Timestamp),
}

/// The commands whose progress the server told.
pub(crate) fn worked(samples: &[Sample]) -> Vec<Worked<'_>> {
    let mut found: Vec<(i32, Worked<'_>)> = Vec::new();
    for sample in samples {
        for command in &sample.commands {
            let what = match &command.relation {
                Some(relation) => format!("{} on {relation}", command.command),
                None => command.command.clone(),
            };
            let known = found.iter_mut().find(|(pid, one)| *pid == command.pid && one.what == what);
            if let Some((_, one)) = known {
                one.seen.1 = sample.at;
                if one.phases.last() != Some(&command.phase.as_str()) && !command.phase.is_empty() {
                    one.phases.push(&command.phase);
                }
            } else {
                let phases =
                    vec![command.phase.as_str()].into_iter().filter(|phase| !phase.is_empty()).collect();
                found.push((command.pid, Worked { what, phases, seen: (sample.at, sample.at) }));
            }
        }
    }
    found.into_iter().map(|(_, one)| one).collect()
}

/// The most that was seen of something.
pub(crate) fn most(samples: &[Sample], of: impl Fn(&Sample) -> Option<u64>) -> Option<u64> {
    samples.iter().filter_map(of).max()
}

/// What the target grew by, from the first look to the last.
pub(crate) fn growth(samples: &[Sample]) -> Option<(u64, u64)> {
    let mut sizes = samples.iter().filter_map(|sample| sample.database_bytes);
    let first = sizes.next()?;
    Some((first, sizes.next_back().unwrap_or(first)))
}

/// A session in another's way, in a few words.
pub(crate) fn blocker(blocker: &Blocker) -> String {
    let who = if blocker.pid == 0 {
        blocker.who.clone()
    } else {
        format!("session {} of {}", blocker.pid, blocker.who)
    };
    if blocker.statement.is_empty() { who } else { format!("{who}: {}", blocker.statement) }
}

/// A long transaction, in a few words.
pub(crate) fn transaction(long: &LongTransaction) -> String {
    let open = took(long.open_ms);
    if long.pid == 0 {
        return format!(
            "prepared transaction '{}' of {} in {}, for {open}",
            long.statement, long.who, long.database
        );
    }
    format!("session {} of {} in {}, for {open}: {}", long.pid, long.who, long.database, long.statement)
}

/// All of it in a sentence or two.
pub(crate) fn summary(samples: &[Sample]) -> String {
    let mut parts = vec![format!("{} at the server", count(samples.len(), "look"))];
    parts
        .extend(most(samples, |sample| sample.wal_bytes).map(|wal| format!("{} of WAL written", bytes(wal))));
    parts.extend(growth(samples).map(|(from, to)| {
        if from == to {
            format!("the database stayed at {}", bytes(to))
        } else {
            format!("the database went from {} to {}", bytes(from), bytes(to))
        }
    }));
    let waited = waited(samples);
    parts.push(match waited.iter().map(|one| one.waiter.waited_ms).max() {
        None => "nobody was seen waiting for a lock".to_owned(),
        Some(ms) => format!("{} for a lock, the longest {}", count(waited.len(), "wait"), took(ms)),
    });
    let long = long(samples);
    if !long.is_empty() {
        parts.push(count(long.len(), "long transaction"));
    }
    let lag = most(samples, |sample| sample.replicas.iter().filter_map(|replica| replica.lag_bytes).max());
    parts.extend(lag.map(|lag| format!("standbys at most {} behind", bytes(lag))));
    format!("{}.", parts.join("; "))
}
