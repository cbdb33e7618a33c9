//! One event a line, for scripts that follow a run.

use std::io::{self, Write};

use switchback_model::{Event, RunView};

use crate::Reporter;

/// Writes every event as one line of JSON, and flushes it.
pub struct JsonLines {
    out: Box<dyn Write>,
}

impl JsonLines {
    /// Writes to `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out }
    }
}

impl Reporter for JsonLines {
    fn event(&mut self, event: &Event, _run: &RunView) -> io::Result<()> {
        // One write a line: a reader must never see half an event.
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }

    fn finish(&mut self, _run: &RunView) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sink, Story};

    #[test]
    fn every_line_reads_back_as_the_same_event() {
        let story = Story::good();
        let sink = Sink::default();
        story.play(&mut JsonLines::new(sink.writer()));
        let text = sink.text();
        assert_eq!(text.lines().count(), story.events.len());
        for (line, event) in text.lines().zip(&story.events) {
            let back: Event = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(event).unwrap());
        }
        let last = text.lines().last().unwrap();
        assert!(last.contains(r#""kind":"run.finished""#) && last.contains(r#""status":"succeeded""#));
    }
}
