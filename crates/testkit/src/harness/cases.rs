//! Every fault that a run can have, counted from one that had none.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

use super::Harness;

/// One thing that goes wrong, and what a person does about it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called; unlike every other one of its harness.
    pub name: String,
    pub(super) acts: Vec<Act>,
    /// What is typed when everything before was killed.
    pub(super) then: Call,
    pub(super) wanted: Wanted,
}

/// One call of the program.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) call: Call,
    pub(super) fault: String,
    pub(super) ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// The run itself.
    Begin,
    Resume,
    Rollback,
}

/// How a call must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// By itself, and well.
    Well,
    /// By itself: what it came to is looked at.
    ByItself,
    /// Killed.
    Killed,
    /// Either: its time may have been over.
    Perhaps,
    /// Killed again and again, each time a little later, by [`Call::Resume`] too, until it ends.
    Crawling,
}

/// What must become of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Finished,
    TakenBack,
    /// It goes on, or it may go back: half of something was there that can't be done again.
    Either,
    /// Taken back, unless it was over before anybody asked for that.
    AsAsked,
}

/// Choices that are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Draw(fastrand::Rng);

impl Draw {
    /// The choices of a seed for one thing: other things make others.
    pub fn new(seed: u64, what: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, what).hash(&mut hasher);
        Self(fastrand::Rng::with_seed(hasher.finish()))
    }

    /// `number` of them, in the order in which they were.
    pub fn some<T>(&mut self, mut all: Vec<T>, number: usize) -> Vec<T> {
        while all.len() > number {
            all.remove(self.0.usize(..all.len()));
        }
        all
    }

    fn within(&mut self, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }
}

impl Harness {
    /// What is always tried: all steps twice, all undos twice, killed all the way there and back.
    pub fn first_cases(&self, seed: u64) -> Vec<Case> {
        let last = self.steps().pop().unwrap();
        let fail = format!("fail-after:{last},undo-twice:*");
        vec![
            case("twice:*", vec![begin("twice:*", Ends::ByItself)], Wanted::Finished),
            case(&fail, vec![begin(&fail, Ends::ByItself)], Wanted::TakenBack),
            crawl(Call::Begin, seed),
            crawl(Call::Rollback, seed),
        ]
    }

    /// Every case that there is.
    pub fn every_case(&self, seed: u64) -> Vec<Case> {
        let mut cases = self.first_cases(seed);
        cases.extend(self.single_cases(seed));
        cases
    }

    /// One fault at one place each (and three, one after the other), and runs without any.
    pub fn single_cases(&self, seed: u64) -> Vec<Case> {
        let mut cases = vec![
            case("all well", vec![begin("", Ends::ByItself)], Wanted::Finished),
            case(
                "all well, rolled back",
                vec![begin("", Ends::Well), act(Call::Rollback, "", Ends::ByItself)],
                Wanted::TakenBack,
            ),
        ];
        let last = self.steps().pop().unwrap().to_owned();
        for (index, step) in self.steps().into_iter().enumerate() {
            cases.extend(Self::once(step, &last));
            cases.extend(self.inside(step, index, seed));
        }
        cases.extend(self.after_entries());
        cases.extend(self.deep(seed));
        cases
    }

    /// Each step twice, each undo twice, an error on either side of it.
    fn once(step: &str, last: &str) -> Vec<Case> {
        let (twice, undo) = (format!("twice:{step}"), format!("fail-after:{last},undo-twice:{step}"));
        let (before, after) = (format!("fail-before:{step}"), format!("fail-after:{step}"));
        vec![
            case(&twice, vec![begin(&twice, Ends::ByItself)], Wanted::Finished),
            case(&undo, vec![begin(&undo, Ends::ByItself)], Wanted::TakenBack),
            case(&before, vec![begin(&before, Ends::ByItself)], Wanted::TakenBack),
            case(&after, vec![begin(&after, Ends::ByItself)], Wanted::TakenBack),
        ]
    }

    /// Killed when its effect is there, and at some moment while it comes about; there and back.
    fn inside(&self, step: &str, index: usize, seed: u64) -> Vec<Case> {
        let mut draw = Draw::new(seed, &format!("{} {step}", self.name()));
        let mut cases = vec![
            self.killed(&format!("kill-in:{step}"), Ends::Killed, index % 2 == 1),
            self.killed_back(&format!("kill-in-undo:{step}"), Ends::Killed, index.is_multiple_of(2)),
        ];
        let mut during = |kind: &str, took: Option<u64>| {
            let took = took.unwrap_or_default().max(2);
            // One moment in each half.
            let halves = [draw.within(1..=took / 2), draw.within(took / 2..=took)];
            halves.map(|ms| format!("{kind}:{step}@{ms}"))
        };
        for (half, fault) in during("kill-during", self.took(step, "step.finished")).iter().enumerate() {
            cases.push(self.killed(fault, Ends::Perhaps, (index + half).is_multiple_of(2)));
        }
        let back = during("kill-during-undo", self.took(step, "step.undo_finished"));
        for (half, fault) in back.iter().enumerate() {
            cases.push(self.killed_back(fault, Ends::Perhaps, (index + half).is_multiple_of(2)));
        }
        cases
    }

    /// Killed after each entry of the journal, there and back.
    fn after_entries(&self) -> Vec<Case> {
        let named = |entry: usize, event: &Value| {
            let step = event["step"].as_str().unwrap_or_default();
            (format!("kill-after:{entry}"), format!("{} {step}", event["kind"].as_str().unwrap()))
        };
        let mut cases = Vec::new();
        for (index, event) in self.forward.iter().enumerate() {
            let (fault, what) = named(index + 1, event);
            let mut case = self.killed(&fault, Ends::Killed, index % 2 == 1);
            case.name = format!("{fault} ({}) {}", what.trim(), case.then.word());
            cases.push(case);
        }
        for (index, event) in self.back.iter().enumerate() {
            let (fault, what) = named(index + 1, event);
            let mut case = self.killed_back(&fault, Ends::Killed, index.is_multiple_of(2));
            case.name = format!("back {fault} ({}) {}", what.trim(), case.then.word());
            cases.push(case);
        }
        cases
    }

    /// Killed, killed when it went on, and killed again.
    fn deep(&self, seed: u64) -> Vec<Case> {
        let mut draw = Draw::new(seed, &format!("{} deep", self.name()));
        let mut cases = Vec::new();
        for turn in 0..12 {
            let first = draw.within(2..=self.forward.len() as u64 - 1);
            let more = [draw.within(1..=5), draw.within(1..=5)];
            // The way on, the way back, and a way on that is turned round.
            let [second, third] = [
                [Call::Resume, Call::Resume],
                [Call::Rollback, Call::Resume],
                [Call::Resume, Call::Rollback],
                [Call::Rollback, Call::Rollback],
            ][turn % 4];
            let acts = vec![
                begin(&format!("kill-after:{first}"), Ends::Killed),
                act(second, &format!("kill-after:{}", more[0]), Ends::Perhaps),
                act(third, &format!("kill-after:{}", more[1]), Ends::Perhaps),
            ];
            let then = if turn % 8 < 6 { Call::Resume } else { Call::Rollback };
            let goes_back = [second, third, then].contains(&Call::Rollback);
            let mut case = self.case_then(acts, then, goes_back);
            if goes_back {
                case.wanted = Wanted::AsAsked;
            }
            let words = [second, third].map(Call::word);
            case.name = format!(
                "kill-after:{first}, {} {}, {} {}, {} (three deep {turn})",
                words[0],
                more[0],
                words[1],
                more[1],
                then.word()
            );
            cases.push(case);
        }
        cases
    }

    fn killed(&self, fault: &str, ends: Ends, forward: bool) -> Case {
        let then = if forward { Call::Resume } else { Call::Rollback };
        let mut case = self.case_then(vec![begin(fault, ends)], then, !forward);
        case.name = format!("{fault} {}", then.word());
        case
    }

    fn killed_back(&self, fault: &str, ends: Ends, resume: bool) -> Case {
        let then = if resume { Call::Resume } else { Call::Rollback };
        let acts = vec![begin("", Ends::Well), act(Call::Rollback, fault, ends)];
        let mut case = self.case_then(acts, then, true);
        case.name = format!("{fault} {}", then.word());
        case
    }

    fn case_then(&self, acts: Vec<Act>, then: Call, back: bool) -> Case {
        let wanted = match back {
            true => Wanted::TakenBack,
            false if self.shape.migrations == "outside" => Wanted::Either,
            false => Wanted::Finished,
        };
        Case { name: String::new(), acts, then, wanted }
    }
}

impl Call {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Resume => "resume",
            Self::Rollback => "rollback",
        }
    }
}

fn act(call: Call, fault: &str, ends: Ends) -> Act {
    Act { call, fault: fault.to_owned(), ends }
}

fn begin(fault: &str, ends: Ends) -> Act {
    act(Call::Begin, fault, ends)
}

fn case(name: &str, acts: Vec<Act>, wanted: Wanted) -> Case {
    Case { name: name.to_owned(), acts, then: Call::Resume, wanted }
}

/// Killed every few entries, all the way.
fn crawl(call: Call, seed: u64) -> Case {
    let crawling = act(call, &(seed % 1000).to_string(), Ends::Crawling);
    if call == Call::Begin {
        case("killed every few entries", vec![crawling], Wanted::Either)
    } else {
        let acts = vec![begin("", Ends::Well), crawling];
        case("killed every few entries on the way back", acts, Wanted::TakenBack)
    }
}
