//! What the monitor saw, in words and drawings.

use super::charts;
use super::markup::{Html, list, table};
use super::timeline::clock;
use crate::monitor::{self, blocker};
use crate::papers::Papers;
use crate::text::{between, bytes, count, took};

pub(super) fn section(papers: &Papers) -> Html {
    let samples = &papers.samples;
    if samples.is_empty() {
        return Html::new();
    }
    let mut out = Html::new().raw("<p>").text(&monitor::summary(samples)).raw("</p>");
    let missing = samples.iter().flat_map(|sample| &sample.missing).map(String::as_str);
    let mut missing: Vec<_> = missing.collect();
    missing.dedup();
    out = out.add(&list(missing.into_iter())).add(&charts::all(papers));
    out.add(&waiters(papers)).add(&long(papers)).add(&replicas(papers)).add(&commands(papers))
}

fn waiters(papers: &Papers) -> Html {
    let waited = monitor::waited(&papers.samples);
    if waited.is_empty() {
        return Html::new();
    }
    let rows = waited.iter().map(|one| {
        let session = one.waiter;
        let who = format!("session {} of {}", session.pid, session.who);
        let blockers: Vec<_> = one.blockers.iter().map(|one| blocker(one)).collect();
        let who = Html::new().text(&who).raw("<br>").code(&session.statement);
        vec![
            who,
            Html::of(&format!("{}, in {}", clock(one.at), one.step)),
            Html::of(&session.wants),
            Html::of(&took(session.waited_ms)),
            Html::of(&if blockers.is_empty() {
                "gone before it was seen".to_owned()
            } else {
                blockers.join("\n")
            }),
        ]
    });
    let head = ["who waited", "seen at", "for", "how long", "in its way"];
    let caption = format!("Waits for locks ({})", waited.len());
    table(&caption, "", &head, rows)
}

fn long(papers: &Papers) -> Html {
    let long = monitor::long(&papers.samples);
    if long.is_empty() {
        return Html::new();
    }
    let lines: Vec<_> = long.into_iter().map(monitor::transaction).collect();
    Html::new().raw("<h3>Long transactions</h3>").add(&list(lines.iter().map(String::as_str)))
}

fn replicas(papers: &Papers) -> Html {
    let lagged = monitor::lagged(&papers.samples);
    if lagged.is_empty() {
        return Html::new();
    }
    let rows = lagged.into_iter().map(|(name, lag)| {
        let most = |text: Option<String>| Html::of(text.as_deref().unwrap_or("not seen"));
        vec![Html::of(name), Html::of(&lag.state), most(lag.bytes.map(bytes)), most(lag.ms.map(took))]
    });
    table("Standbys", "", &["standby", "state at last", "most bytes behind", "most time behind"], rows)
}

fn commands(papers: &Papers) -> Html {
    let worked = monitor::worked(&papers.samples);
    if worked.is_empty() {
        return Html::new();
    }
    let rows = worked.iter().map(|one| {
        let ms = u64::try_from(between(one.seen.0, one.seen.1).as_millis()).unwrap_or_default();
        vec![
            Html::of(&one.what),
            Html::of(&clock(one.seen.0)),
            Html::of(&took(ms)),
            Html::of(&one.phases.join(", ")),
        ]
    });
    let caption =
        format!("Commands of the server that told how far they are: {}", count(worked.len(), "command"));
    table(&caption, "", &["command", "seen at", "for", "phases"], rows)
}
