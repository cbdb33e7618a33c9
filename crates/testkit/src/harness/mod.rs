//! The proof of every step: whatever happens wherever, a run finishes, goes back or says that it is
//! stuck, and the host is at the end or where it began.
//!
//! The cases are counted from a run in which nothing went wrong: its plan has the steps, its journal
//! the crash points. So a new step is tried without being named anywhere.

mod cases;
mod trial;

use serde_json::Value;

pub use cases::{Case, Draw};
pub use trial::{Outcome, Tried};

use crate::cluster::TestCluster;
use crate::host::{Host, Shape, State};

/// What is run on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// A deploy to the second release.
    Deploy,
    /// A backup from before the last row in the target's place.
    Exchange,
}

/// One kind of run on one shape of host, and what it comes to when nothing goes wrong.
pub struct Harness {
    program: String,
    change: Box<dyn Fn(&Host) + Send + Sync>,
    shape: Shape,
    run: Run,
    end: State,
    /// What the clean run wrote.
    pub(crate) forward: Vec<Value>,
    /// What its way back wrote, from the moment that it was asked for.
    pub(crate) back: Vec<Value>,
    /// What went wrong although nothing was done to it.
    flaws: Vec<String>,
}

impl Harness {
    /// Makes the run once in which all is well, and its rollback.
    pub async fn new(cluster: &'static TestCluster, program: &str, shape: Shape, run: Run) -> Self {
        Self::with(cluster, program, shape, run, |_| {}).await
    }

    /// The same, where each host is changed before anything is done with it.
    pub async fn with(
        cluster: &'static TestCluster,
        program: &str,
        shape: Shape,
        run: Run,
        change: impl Fn(&Host) + Send + Sync + 'static,
    ) -> Self {
        let host = Host::new(cluster, program, shape).await;
        change(&host);
        let (words, start) = trial::prepare(&host, run).await;
        host.expect(&words.iter().map(String::as_str).collect::<Vec<_>>(), 0);
        let end = host.state().await;
        let forward = events(&host);
        host.expect(&["rollback"], 0);
        let mut flaws = start.differences(&host.state().await);
        flaws.extend(end.wrong.iter().cloned());
        if start.differences(&end).is_empty() {
            flaws.push("the end is like the start".into());
        }
        let back = events(&host).split_off(forward.len());
        host.clear().await;
        Self { program: program.to_owned(), change: Box::new(change), shape, run, end, forward, back, flaws }
    }

    /// The shape's name and the run's.
    pub fn name(&self) -> String {
        match self.run {
            Run::Deploy => self.shape.name(),
            Run::Exchange => format!("restore --swap, {}", self.shape.name()),
        }
    }

    /// The steps of the plan.
    pub fn steps(&self) -> Vec<&str> {
        let steps = self.forward[0]["plan"]["steps"].as_array().unwrap();
        steps.iter().map(|step| step["id"].as_str().unwrap()).collect()
    }

    /// How long a step took when all was well, or its undo; nothing where it has none.
    pub(crate) fn took(&self, step: &str, kind: &str) -> Option<u64> {
        let all = self.forward.iter().chain(&self.back);
        let mut found = all.filter(|event| event["kind"] == kind && event["step"] == step);
        found.next_back().and_then(|event| event["ms"].as_u64())
    }
}

/// The newest run's events.
pub(crate) fn events(host: &Host) -> Vec<Value> {
    let lines = host.journal();
    let parsed = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone());
    parsed.collect()
}
