//! Time as a distance on paper. Where nothing happened for long, the time between is drawn short: a
//! run that is taken back days later shall be seen in both its parts.

use jiff::Timestamp;

/// How wide every drawing is, in its own units.
pub(super) const WIDTH: f64 = 1000.0;
/// How wide a shortened time is drawn.
const BREAK: f64 = 24.0;
/// From how many milliseconds on a time without anything is shortened.
const IDLE: i64 = 120_000;

/// A time axis.
pub(super) struct Axis {
    /// Milliseconds, from and to, in order and apart.
    busy: Vec<(i64, i64)>,
    scale: f64,
}

impl Axis {
    /// An axis on which all of these times are seen.
    pub(super) fn of(times: impl Iterator<Item = (Timestamp, Timestamp)>) -> Option<Self> {
        let mut times: Vec<_> =
            times.map(|(from, to)| (from.as_millisecond(), to.as_millisecond())).collect();
        times.sort_unstable();
        let mut busy: Vec<(i64, i64)> = Vec::new();
        for (from, to) in times {
            match busy.last_mut() {
                Some(last) if from - last.1 < IDLE => last.1 = last.1.max(to),
                _ => busy.push((from, to.max(from))),
            }
        }
        let (first, last) = (busy.first()?.0, busy.last()?.1);
        let length: i64 = busy.iter().map(|(from, to)| to - from).sum();
        if first == last || length == 0 {
            return None;
        }
        let breaks = number(busy.len() - 1) * BREAK;
        Some(Self { scale: (WIDTH - breaks).max(WIDTH / 2.0) / wide(length), busy })
    }

    /// Where a moment is drawn.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let at = at.as_millisecond();
        let mut x = 0.0;
        for (n, (from, to)) in self.busy.iter().enumerate() {
            if at < *from {
                return x;
            }
            x += wide(at.min(*to) - from) * self.scale;
            if at <= *to {
                return x;
            }
            if n + 1 < self.busy.len() {
                x += BREAK;
            }
        }
        x
    }

    /// Its first and its last moment.
    pub(super) fn ends(&self) -> Option<(Timestamp, Timestamp)> {
        let moment = |ms: i64| Timestamp::from_millisecond(ms).ok();
        Some((moment(self.busy.first()?.0)?, moment(self.busy.last()?.1)?))
    }

    /// Whether some time is drawn short.
    pub(super) fn is_broken(&self) -> bool {
        self.busy.len() > 1
    }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than 52 bits")]
fn wide(ms: i64) -> f64 {
    ms as f64
}

#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than 52 bits")]
fn number(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn moments_are_where_they_belong() {
        let axis = Axis::of([(at(0), at(4_000)), (at(2_000), at(10_000))].into_iter()).unwrap();
        let places = [-5_000, 0, 5_000, 10_000, 99_000].map(|ms| axis.x(at(ms)));
        assert!(
            places.iter().zip([0.0, 0.0, 500.0, 1000.0, 1000.0]).all(|(x, wanted)| (x - wanted).abs() < 0.01)
        );
        assert!(!axis.is_broken());
    }

    #[test]
    fn a_long_time_without_anything_is_drawn_short() {
        let day = 86_400_000;
        let axis = Axis::of([(at(0), at(10_000)), (at(day), at(day + 10_000))].into_iter()).unwrap();
        assert!(axis.is_broken());
        assert!((axis.x(at(10_000)) - 488.0).abs() < 0.01 && (axis.x(at(day)) - 512.0).abs() < 0.01);
        assert!((axis.x(at(day + 10_000)) - WIDTH).abs() < 0.01);
    }

    #[test]
    fn a_run_without_time_has_no_axis() {
        assert!(Axis::of(std::iter::empty()).is_none());
        assert!(Axis::of([(at(3), at(3))].into_iter()).is_none());
    }
}
