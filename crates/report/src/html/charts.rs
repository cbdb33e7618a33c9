//! What the monitor saw, drawn over time. A drawing stretches with the page, so its words stand
//! beside it and not in it.

use jiff::Timestamp;
use switchback_model::monitor::Sample;

use super::axis::{Axis, WIDTH};
use super::markup::Html;
use super::timeline::{clock, downtime, open};
use crate::papers::Papers;
use crate::text::{bytes, took};

const HEIGHT: f64 = 120.0;
/// More points than this can't be told apart.
const POINTS: usize = 400;
/// A line is not drawn over a time in which nobody looked.
const UNSEEN_MS: i64 = 15_000;

/// One thing that was measured.
struct Chart {
    title: &'static str,
    of: fn(&Sample) -> Option<u64>,
    show: fn(u64) -> String,
    /// Whether it is drawn from zero on; else from the least that was seen.
    zero: bool,
    /// Whether it is worth its place where it was always zero.
    dull_at_zero: bool,
}

const CHARTS: &[Chart] = &[
    Chart { title: "WAL written", of: |s| s.wal_bytes, show: bytes, zero: true, dull_at_zero: false },
    Chart {
        title: "Size of the database",
        of: |s| s.database_bytes,
        show: bytes,
        zero: false,
        dull_at_zero: false,
    },
    Chart {
        title: "Sessions, ours left out",
        of: |s| s.sessions.map(u64::from),
        show: plain,
        zero: true,
        dull_at_zero: false,
    },
    Chart { title: "Sessions that wait", of: waiting, show: plain, zero: true, dull_at_zero: true },
    Chart { title: "Longest wait", of: longest_wait, show: took, zero: true, dull_at_zero: true },
    Chart { title: "Replication lag, bytes", of: lag_bytes, show: bytes, zero: true, dull_at_zero: false },
    Chart { title: "Replication lag, time", of: lag_ms, show: took, zero: true, dull_at_zero: false },
    Chart {
        title: "Free disk of the server",
        of: |s| s.disk_free_bytes,
        show: bytes,
        zero: false,
        dull_at_zero: false,
    },
];

fn plain(n: u64) -> String {
    n.to_string()
}

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
fn waiting(sample: &Sample) -> Option<u64> {
    Some(sample.waiters.len() as u64)
}

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
fn longest_wait(sample: &Sample) -> Option<u64> {
    Some(sample.waiters.iter().map(|waiter| waiter.waited_ms).max().unwrap_or(0))
}

fn lag_bytes(sample: &Sample) -> Option<u64> {
    sample.replicas.iter().filter_map(|replica| replica.lag_bytes).max()
}

fn lag_ms(sample: &Sample) -> Option<u64> {
    sample.replicas.iter().filter_map(|replica| replica.lag_ms).max()
}

/// Every chart for which there is something to draw.
pub(super) fn all(papers: &Papers) -> Html {
    let times = papers.samples.windows(2).map(|two| (two[0].at, two[1].at));
    let near = times.filter(|(one, other)| other.as_millisecond() - one.as_millisecond() < UNSEEN_MS);
    let Some(axis) = Axis::of(near) else { return Html::new() };
    let drawn = CHARTS.iter().filter_map(|chart| figure(chart, &axis, papers));
    let drawn = drawn.fold(Html::new(), |out, figure| out.add(&figure));
    if drawn.is_empty() { drawn } else { Html::new().within("<div class=\"charts\">", &drawn, "</div>") }
}

fn figure(chart: &Chart, axis: &Axis, papers: &Papers) -> Option<Html> {
    let points: Vec<_> =
        papers.samples.iter().filter_map(|sample| Some((sample.at, (chart.of)(sample)?))).collect();
    let (lowest, most) = (points.iter().map(|p| p.1).min()?, points.iter().map(|p| p.1).max()?);
    if points.len() < 2 || (most == 0 && chart.dull_at_zero) {
        return None;
    }
    let (first, last) = (points.first()?.1, points.last()?.1);
    let show = chart.show;
    let said =
        format!("{}: {} at first, {} at last, {} at most", chart.title, show(first), show(last), show(most));
    let floor = if chart.zero { 0 } else { lowest };
    let mut out = Html::new().raw("<figure><figcaption>").raw(chart.title).raw("<span class=\"said\">");
    out = out.text(&show(first)).raw(" → ").text(&show(last));
    out = out.raw("</span></figcaption><div class=\"plot\"><span>").text(&show(most)).raw("</span>");
    out = out.add(&open(HEIGHT)).raw(" role=\"img\"").attribute("aria-label", &said).raw(">");
    out = out.add(&downtime(papers, axis, HEIGHT)).add(&lines(&thinned(&points), axis, floor, most));
    out = out.raw("</svg><span>").text(&show(floor)).raw("</span></div><div class=\"ends\">");
    let (from, to) = axis.ends()?;
    Some(
        out.raw("<span>")
            .text(&clock(from))
            .raw("</span><span>")
            .text(&clock(to))
            .raw("</span></div></figure>"),
    )
}

/// Of points that would lie on top of each other the highest.
fn thinned(points: &[(Timestamp, u64)]) -> Vec<(Timestamp, u64)> {
    let together = points.len().div_ceil(POINTS);
    let highest = |some: &[(Timestamp, u64)]| some.iter().copied().max_by_key(|(_, value)| *value);
    points.chunks(together).filter_map(highest).collect()
}

fn lines(points: &[(Timestamp, u64)], axis: &Axis, floor: u64, most: u64) -> Html {
    // Thinned points are farther apart than looks are.
    let apart = UNSEEN_MS.max(
        4 * (points.last().map_or(0, |p| p.0.as_millisecond()) - points[0].0.as_millisecond())
            / i64::try_from(points.len()).unwrap_or(1),
    );
    let together = |one: &(Timestamp, u64), other: &(Timestamp, u64)| {
        other.0.as_millisecond() - one.0.as_millisecond() < apart
    };
    let mut out = Html::new();
    for line in points.chunk_by(together) {
        let places: Vec<_> = line.iter().map(|(at, value)| (axis.x(*at), y(*value, floor, most))).collect();
        out = out.add(&area(&places)).add(&path("line", "M", &places));
    }
    out
}

fn y(value: u64, floor: u64, most: u64) -> f64 {
    let span = most.saturating_sub(floor).max(1);
    #[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than 52 bits")]
    let share = value.saturating_sub(floor) as f64 / span as f64;
    // Room for the stroke, above and below.
    HEIGHT - 3.0 - share * (HEIGHT - 6.0)
}

fn area(places: &[(f64, f64)]) -> Html {
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Html::new() };
    let mut closed = vec![(first.0, HEIGHT)];
    closed.extend(places);
    closed.push((last.0, HEIGHT));
    path("area", "M", &closed)
}

fn path(class: &'static str, begin: &'static str, places: &[(f64, f64)]) -> Html {
    let mut out = Html::new().raw("<path class=\"").raw(class).raw("\" d=\"").raw(begin);
    for (n, (x, y)) in places.iter().enumerate() {
        out = out.raw(if n > 0 { "L" } else { "" }).number(format_args!("{:.1} {y:.1}", x.min(WIDTH)));
    }
    out.raw("\"/>")
}
