//! One document about a run: for scripts that only want to know how it ended.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use switchback_model::{Event, RunView, What};

use crate::Reporter;
use crate::facts;
use crate::monitor;
use crate::papers::Papers;
use crate::text;
use crate::verdict;

/// Writes one document when nothing follows any more: the last event, and the folded run as
/// `view`.
pub struct Json {
    out: Box<dyn Write>,
    last: Option<Event>,
}

impl Json {
    /// Writes to `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out, last: None }
    }
}

impl Reporter for Json {
    fn event(&mut self, event: &Event, _run: &RunView) -> io::Result<()> {
        if event.what.is_durable() && !matches!(event.what, What::Planned { .. }) {
            self.last = Some(event.clone());
        }
        Ok(())
    }

    fn finish(&mut self, run: &RunView) -> io::Result<()> {
        let mut document = match self.last.as_ref().map(serde_json::to_value).transpose()? {
            Some(Value::Object(event)) => event,
            _ => Map::from_iter([("run".to_owned(), json!(run.plan.run))]),
        };
        document.insert("view".to_owned(), serde_json::to_value(run)?);
        serde_json::to_writer_pretty(&mut self.out, &document)?;
        writeln!(self.out)?;
        self.out.flush()
    }
}

/// A run as a document: the folded run, and what follows from it.
///
/// The folded run stands under `run` as it is, so a reader of the events knows every field; what
/// is derived stands beside it.
pub fn report_json(papers: &Papers) -> Value {
    let run = &papers.view;
    let outcome = run.outcome.as_ref();
    json!({
        "format": 1,
        "id": run.plan.run,
        "status": facts::status(run),
        "exit_status": outcome.map(|outcome| outcome.exit.status()),
        "fingerprint": run.plan.fingerprint(),
        "digest": run.plan.digest,
        "total_ms": outcome.map(|outcome| outcome.durations.total_ms),
        "downtime_ms": outcome.and_then(|outcome| outcome.durations.downtime_ms),
        "changed_anything": run.changed_anything(),
        "verdict": verdict::sentence(run),
        "timeline": run.planned().map(|(planned, step)| json!({
            "step": planned.id,
            "title": planned.title,
            "state": step.state,
            "started_at": step.started_at,
            "ms": facts::ms(step),
            "undo_ms": facts::undo_ms(step),
            "proof": step.proof,
            "undo_proof": step.undo_proof,
        })).collect::<Vec<_>>(),
        "monitor": monitored(papers),
        "impact": papers.impact,
        "run": run,
    })
}

/// What the monitor saw, in short; the samples themselves are in the run's folder.
fn monitored(papers: &Papers) -> Value {
    let samples = &papers.samples;
    json!({
        "looks": samples.len(),
        "wal_bytes": monitor::most(samples, |sample| sample.wal_bytes),
        "database_bytes": monitor::most(samples, |sample| sample.database_bytes),
        "waits": monitor::waited(samples).iter().map(|one| one.waiter).collect::<Vec<_>>(),
        "long_transactions": monitor::long(samples),
    })
}

/// A document as text, with a line end.
pub fn pretty(document: &Value) -> String {
    // The alternate form of a `Value` is indented JSON, and can't fail.
    format!("{document:#}\n")
}

/// A JSON value as a person reads it in a sentence or a cell.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(words) => text::clean(words),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sink, Story};

    #[test]
    fn the_document_is_the_last_event_with_the_folded_run() {
        let story = Story::good();
        let sink = Sink::default();
        story.play(&mut Json::new(sink.writer()));
        let mut document: Value = serde_json::from_str(&sink.text()).unwrap();
        let view = document.as_object_mut().unwrap().remove("view").unwrap();
        let last = serde_json::to_value(story.events.last().unwrap()).unwrap();
        assert_eq!(document, last);
        let back: RunView = serde_json::from_value(view.clone()).unwrap();
        assert_eq!(serde_json::to_value(back).unwrap(), view);
    }

    #[test]
    fn a_run_without_events_still_gives_one_document() {
        let sink = Sink::default();
        Json::new(sink.writer()).finish(&Story::good().begin()).unwrap();
        let document: Value = serde_json::from_str(&sink.text()).unwrap();
        assert_eq!(document["run"], document["view"]["plan"]["run"]);
    }

    #[test]
    fn the_report_reads_back() {
        let report = report_json(&Papers::of(Story::unwound().view()));
        assert_eq!((&report["status"], &report["exit_status"]), (&json!("undone"), &json!(4)));
        let run: RunView = serde_json::from_value(report["run"].clone()).unwrap();
        assert_eq!(report["fingerprint"], json!(run.plan.fingerprint()));
        let text = pretty(&report);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), report);
    }
}
