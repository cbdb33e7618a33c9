//! How fast a step goes, and how long it takes yet.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use switchback_model::event::Unit;

use crate::text::{about, between, bytes};
use crate::theme::Theme;

/// The rate is that of the last seconds: a backup of one large table and many small ones has no
/// other honest one.
const WINDOW: Duration = Duration::from_secs(15);
/// A rate from less time than this is noise.
const ENOUGH: Duration = Duration::from_secs(1);

/// What was seen of one part of a step.
#[derive(Default)]
pub(super) struct Pace {
    what: String,
    done: u64,
    total: u64,
    unit: Option<Unit>,
    seen: VecDeque<(Timestamp, u64)>,
}

impl Pace {
    /// Takes in how far it is. Another part of the step, or a count that goes back, begins anew.
    pub(super) fn see(&mut self, at: Timestamp, what: &str, done: u64, total: u64, unit: Unit) {
        if what != self.what || done < self.done || self.unit != Some(unit) {
            self.seen.clear();
            what.clone_into(&mut self.what);
        }
        (self.done, self.total, self.unit) = (done, total, Some(unit));
        self.seen.push_back((at, done));
        while self.seen.get(1).is_some_and(|(second, _)| between(*second, at) >= WINDOW) {
            self.seen.pop_front();
        }
    }

    /// How much of it is done, where that is known.
    pub(super) fn share(&self) -> Option<(u64, u64)> {
        (self.total > 0).then_some((self.done.min(self.total), self.total))
    }

    /// What is done, how much of it, how fast, how long yet.
    pub(super) fn text(&self, theme: Theme) -> String {
        let mut facts = vec![crate::text::clean(&self.what)];
        match self.unit {
            None => return String::new(),
            Some(Unit::Millis) => facts.push(self.of(|ms| about(Duration::from_millis(ms)))),
            Some(Unit::Bytes) => {
                facts.push(self.of(bytes));
                facts.extend(self.rate().map(|rate| format!("{}/s", bytes(rate))));
            }
            Some(Unit::Items) => facts.push(self.of(|n| n.to_string())),
        }
        facts.extend(self.left().map(|left| format!("{} left", about(left))));
        facts.retain(|fact| !fact.is_empty());
        facts.join(theme.dot())
    }

    fn of(&self, show: fn(u64) -> String) -> String {
        match (self.done, self.total) {
            (0, 0) => String::new(),
            (done, 0) => show(done),
            (done, total) => format!("{} of {}", without_unit(&show(done), &show(total)), show(total)),
        }
    }

    /// A second's worth.
    fn rate(&self) -> Option<u64> {
        let ((first, from), (last, to)) = (*self.seen.front()?, *self.seen.back()?);
        let span = between(first, last);
        let ms = u64::try_from(span.as_millis()).ok()?;
        if span < ENOUGH { None } else { (to - from).checked_mul(1000)?.checked_div(ms) }
    }

    fn left(&self) -> Option<Duration> {
        let left = self.total.checked_sub(self.done).filter(|left| *left > 0 && self.total > 0)?;
        if self.unit == Some(Unit::Millis) {
            return Some(Duration::from_millis(left));
        }
        left.checked_div(self.rate()?).map(Duration::from_secs)
    }
}

/// `1.2 of 4.8 GB`, but `900.0 MB of 4.8 GB`.
fn without_unit<'a>(done: &'a str, total: &str) -> &'a str {
    let unit = |text: &str| text.split_once(' ').map(|(_, unit)| unit.to_owned());
    if unit(done) == unit(total) { done.split(' ').next().unwrap_or(done) } else { done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    const THEME: Theme = Theme { color: false, unicode: true };

    #[test]
    fn a_rate_needs_some_time_and_forgets_what_was_long_ago() {
        let mut pace = Pace::default();
        assert_eq!(pace.text(THEME), "");
        pace.see(at(0), "dumping", 0, 1_000_000_000, Unit::Bytes);
        assert_eq!(pace.text(THEME), "dumping · 0 B of 1.0 GB");
        pace.see(at(500), "dumping", 90_000_000, 1_000_000_000, Unit::Bytes);
        assert_eq!(pace.text(THEME), "dumping · 90.0 MB of 1.0 GB");
        pace.see(at(2_000), "dumping", 200_000_000, 1_000_000_000, Unit::Bytes);
        assert_eq!(pace.text(THEME), "dumping · 200.0 MB of 1.0 GB · 100.0 MB/s · 8 s left");
        pace.see(at(40_000), "dumping", 300_000_000, 1_000_000_000, Unit::Bytes);
        pace.see(at(60_000), "dumping", 320_000_000, 1_000_000_000, Unit::Bytes);
        assert_eq!(pace.text(THEME), "dumping · 320.0 MB of 1.0 GB · 1.0 MB/s · 11 min 20 s left");
    }

    #[test]
    fn another_part_begins_anew() {
        let mut pace = Pace::default();
        pace.see(at(0), "dumping", 0, 100, Unit::Items);
        pace.see(at(5_000), "dumping", 50, 100, Unit::Items);
        assert_eq!(pace.text(Theme::plain()), "dumping, 50 of 100, 5 s left");
        pace.see(at(6_000), "comparing", 1, 0, Unit::Items);
        assert_eq!((pace.text(Theme::plain()).as_str(), pace.share()), ("comparing, 1", None));
    }

    #[test]
    fn a_step_that_waits_says_how_long_yet() {
        let mut pace = Pace::default();
        pace.see(at(0), "watching the log", 8_000, 30_000, Unit::Millis);
        assert_eq!(pace.text(Theme::plain()), "watching the log, 8 of 30 s, 22 s left");
        pace.see(at(30_000), "watching the log", 31_000, 30_000, Unit::Millis);
        assert_eq!(pace.share(), Some((30_000, 30_000)));
    }
}
