//! What of the monitor's looks is worth a line: each thing once.

use std::collections::BTreeSet;

use switchback_model::monitor::{CommandProgress, Replica, Sample, Waiter};

use crate::monitor::{blocker, transaction};
use crate::text::{bytes, took};

/// Who waits for less is gone before anybody could have read it.
const WAITS_MS: u64 = 1_000;
/// From when on a transaction is worth a line.
const LONG_MS: u64 = 60_000;
/// A standby that is behind by less will catch up.
const LAG_MS: u64 = 10_000;
const LAG_BYTES: u64 = 256 << 20;

/// What was said already.
#[derive(Default)]
pub(super) struct Watch {
    blockers: BTreeSet<(i32, String)>,
    long: BTreeSet<(i32, String)>,
    lagging: BTreeSet<String>,
}

impl Watch {
    /// The lines that are new with this look.
    pub(super) fn news(&mut self, sample: &Sample) -> Vec<String> {
        let mut news: Vec<_> = sample.missing.clone();
        // The run itself says when its migration waits.
        let others = sample.waiters.iter().filter(|waiter| !is_migrator(waiter));
        for waiter in others.filter(|waiter| waiter.waited_ms >= WAITS_MS) {
            news.extend(self.in_the_way(waiter));
        }
        for long in sample.long_transactions.iter().filter(|long| long.open_ms >= LONG_MS) {
            let name = if long.pid == 0 { long.statement.clone() } else { String::new() };
            if self.long.insert((long.pid, name)) {
                news.push(format!("a long transaction: {}", transaction(long)));
            }
        }
        for replica in sample.replicas.iter().filter(|replica| is_behind(replica)) {
            if self.lagging.insert(replica.name.clone()) {
                news.push(behind(replica));
            }
        }
        news
    }

    fn in_the_way(&mut self, waiter: &Waiter) -> Option<String> {
        let mut new = Vec::new();
        for one in &waiter.blocked_by {
            if self.blockers.insert((one.pid, one.who.clone())) {
                new.push(blocker(one));
            }
        }
        let who = format!("session {} of {} waits for {}", waiter.pid, waiter.who, waiter.wants);
        (!new.is_empty()).then(|| format!("{who}; in its way: {}", new.join("; ")))
    }
}

/// What belongs onto the live line: what the migration waits for, or how far the server is with it.
pub(super) fn at_work(sample: &Sample) -> Option<String> {
    let waiting = sample.waiters.iter().find(|waiter| is_migrator(waiter));
    if let Some(waiter) = waiting {
        let pids: Vec<_> = waiter.blocked_by.iter().map(|one| one.pid.to_string()).collect();
        let behind =
            if pids.is_empty() { String::new() } else { format!(", behind session {}", pids.join(", ")) };
        return Some(format!("waits for {}{behind}", waiter.wants));
    }
    let shown = |command: &&CommandProgress| !matches!(command.command.as_str(), "BASE BACKUP" | "COPY TO");
    sample.commands.iter().find(shown).map(far)
}

fn far(command: &CommandProgress) -> String {
    let on = command.relation.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
    let share =
        (command.done * 100).checked_div(command.total).map(|share| format!(", {} %", share.min(100)));
    format!("{}{on}: {}{}", command.command, command.phase, share.unwrap_or_default())
}

fn is_migrator(waiter: &Waiter) -> bool {
    waiter.who.contains("(switchback ") && waiter.who.ends_with(" migrator)")
}

fn is_behind(replica: &Replica) -> bool {
    replica.lag_ms.is_some_and(|ms| ms >= LAG_MS) || replica.lag_bytes.is_some_and(|lag| lag >= LAG_BYTES)
}

fn behind(replica: &Replica) -> String {
    let lag =
        [replica.lag_bytes.map(bytes), replica.lag_ms.map(took)].into_iter().flatten().collect::<Vec<_>>();
    format!("standby `{}` is behind by {}", replica.name, lag.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_model::monitor::LongTransaction;

    use crate::testing::{sample, waiter};

    #[test]
    fn each_thing_is_said_once() {
        let mut watch = Watch::default();
        let look = |ms| sample(0, |sample| sample.waiters = vec![waiter("app (web)", ms)]);
        assert_eq!(watch.news(&look(900)), Vec::<String>::new());
        assert_eq!(
            watch.news(&look(1_900)),
            ["session 41 of app (web) waits for AccessExclusiveLock on public.users; \
              in its way: session 99 of report (psql): select '…' from users"]
        );
        assert_eq!(watch.news(&look(2_900)), Vec::<String>::new());
    }

    #[test]
    fn the_migration_waits_on_the_live_line() {
        let look = sample(0, |sample| sample.waiters = vec![waiter("app (switchback 2026 migrator)", 5_000)]);
        assert_eq!(Watch::default().news(&look), Vec::<String>::new());
        assert_eq!(
            at_work(&look).unwrap(),
            "waits for AccessExclusiveLock on public.users, behind session 99"
        );
    }

    #[test]
    fn how_far_an_index_is_stands_on_the_live_line() {
        let command = CommandProgress {
            pid: 1,
            command: "CREATE INDEX".into(),
            relation: Some("public.users".into()),
            phase: "building index: scanning table".into(),
            done: 40,
            total: 160,
            unit: "blocks".into(),
        };
        let look = sample(0, |sample| sample.commands = vec![command.clone()]);
        assert_eq!(
            at_work(&look).unwrap(),
            "CREATE INDEX on public.users: building index: scanning table, 25 %"
        );
    }

    #[test]
    fn a_transaction_is_called_long_after_a_minute() {
        let long = |open_ms| LongTransaction {
            pid: 12,
            database: "ada".into(),
            who: "report (psql)".into(),
            statement: "select 1".into(),
            open_ms,
        };
        let mut watch = Watch::default();
        let mut look =
            |open_ms| watch.news(&sample(0, |sample| sample.long_transactions = vec![long(open_ms)]));
        assert!(look(59_000).is_empty());
        assert_eq!(
            look(60_000),
            ["a long transaction: session 12 of report (psql) in ada, for 1 min 00 s: select 1"]
        );
        assert!(look(61_000).is_empty());
    }

    #[test]
    fn a_standby_is_named_when_it_is_far_behind() {
        let replica =
            |lag| Replica { name: "b".into(), state: "streaming".into(), lag_bytes: Some(lag), lag_ms: None };
        let mut watch = Watch::default();
        assert!(watch.news(&sample(0, |sample| sample.replicas = vec![replica(1 << 20)])).is_empty());
        let said = watch.news(&sample(0, |sample| sample.replicas = vec![replica(1 << 30)]));
        assert_eq!(said, ["standby `b` is behind by 1.0 GB"]);
        assert!(watch.news(&sample(0, |sample| sample.replicas = vec![replica(2 << 30)])).is_empty());
    }
}
