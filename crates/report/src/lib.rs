//! Events as text: what people see while a run goes on, and what scripts and archives read of it.
//!
//! Nothing here knows how a run is made. A [`Reporter`] follows the events of one run; a
//! [`Document`] is a finished text about a run or a plan; [`findings`] are the forms of a review;
//! the remaining functions turn plain data into lines. All of them write where they are told to, so that a test can read what a person
//! would see. What a text means never depends on colour.

mod facts;
pub mod failure;
pub mod findings;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod markdown;
mod monitor;
pub mod papers;
mod performance;
pub mod plan;
mod runbook;
pub mod tables;
pub mod terminal;
#[cfg(test)]
mod testing;
mod text;
pub mod theme;
mod verdict;

use std::io::{self, Write};

use jiff::Timestamp;
use switchback_model::{Event, Plan, RunView};

pub use papers::Papers;
pub use terminal::{Terminal, TerminalOptions};
pub use theme::{Mark, Theme};

/// Somebody who reads the events of one run.
pub trait Reporter {
    /// Takes in an event; `run` has it folded in already.
    fn event(&mut self, event: &Event, run: &RunView) -> io::Result<()>;

    /// Nothing follows any more, whether the run ended or not.
    fn finish(&mut self, run: &RunView) -> io::Result<()>;

    /// The person or the system asked for the run's end, by what `by` names; `again`: not for the first
    /// time. It is no event: what the run makes of it follows as events.
    fn asked_to_stop(&mut self, _run: &RunView, _by: &str, _again: bool) -> io::Result<()> {
        Ok(())
    }

    /// Time went by without an event. Called about once a second, it lets a reader without a live
    /// line say that a silent step is still at work.
    fn tick(&mut self, _now: Timestamp) -> io::Result<()> {
        Ok(())
    }
}

/// A reporter of machine-readable events, by the name that `--format` takes.
pub struct Format {
    /// `json`, `jsonl`.
    pub name: &'static str,
    /// Makes it.
    pub open: fn(Box<dyn Write>) -> Box<dyn Reporter>,
}

/// Every machine-readable form of a run's events. (`text` is the [`Terminal`], on stderr.)
pub const FORMATS: &[Format] = &[
    Format { name: "json", open: |out| Box::new(json::Json::new(out)) },
    Format { name: "jsonl", open: |out| Box::new(jsonl::JsonLines::new(out)) },
];

/// A text about something that is finished, by the name that `--format` takes.
pub struct Document<T> {
    /// `md`, `json`, …
    pub name: &'static str,
    /// Other names that people will try.
    pub also: &'static [&'static str],
    /// Writes it.
    pub render: fn(&T) -> String,
}

/// Every document about a run.
pub const RUN_DOCUMENTS: &[Document<Papers>] = &[
    Document { name: "md", also: &["markdown"], render: markdown::report },
    Document { name: "html", also: &["htm"], render: html::report },
    Document { name: "json", also: &[], render: |papers| json::pretty(&json::report_json(papers)) },
];

/// Every document about a plan, but for the text for people, which needs a [`Theme`]:
/// [`plan::text`].
pub const PLAN_DOCUMENTS: &[Document<Plan>] = &[
    Document { name: "md", also: &["markdown"], render: plan::markdown },
    Document { name: "json", also: &[], render: |plan| json::pretty(&plan::json(plan)) },
];

/// The document of this name.
pub fn document<T>(among: &'static [Document<T>], name: &str) -> Option<&'static Document<T>> {
    among.iter().find(|document| document.name == name || document.also.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_forgotten() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let lib = std::fs::read_to_string(format!("{sources}/lib.rs")).unwrap();
        for entry in std::fs::read_dir(sources).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.trim_end_matches(".rs");
            if name.starts_with('.') {
                continue;
            }
            assert!(name == "lib" || lib.contains(&format!("mod {name};")), "{name} is not in lib.rs");
        }
    }

    #[test]
    fn documents_are_found_by_every_name() {
        assert_eq!(document(RUN_DOCUMENTS, "markdown").unwrap().name, "md");
        assert_eq!(document(PLAN_DOCUMENTS, "json").unwrap().name, "json");
        assert!(document(PLAN_DOCUMENTS, "html").is_none());
    }
}
