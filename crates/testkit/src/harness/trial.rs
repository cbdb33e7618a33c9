//! One case on a new host, and what became of it.

use std::fmt;

use serde_json::Value;

use super::cases::{Act, Call, Case, Ends, Wanted};
use super::{Harness, Run, events};
use crate::cluster::TestCluster;
use crate::host::{Host, Ran, State};

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The run came to its end, and the host is as after one without faults.
    Finished,
    /// The run was taken back, and the host is as it was.
    TakenBack,
    /// A person is needed, and is told so: the code.
    Stuck(String),
    /// Anything else: a mistake of ours.
    Different(Vec<String>),
}

/// A case that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What became of it.
    pub outcome: Outcome,
    /// What the program said last.
    pub said: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => to.write_str("finished"),
            Self::TakenBack => to.write_str("taken back"),
            Self::Stuck(code) => write!(to, "stuck {code}"),
            Self::Different(lines) => write!(to, "different: {}", lines.join(" | ")),
        }
    }
}

/// Makes what the run needs; says how it is called, and what the host is before it.
pub(super) async fn prepare(host: &Host, run: Run) -> (Vec<String>, State) {
    let words = match run {
        Run::Deploy => host.deploy().into_iter().map(str::to_owned).collect(),
        Run::Exchange => {
            let made = host.expect(&["backup", "create", "--format", "json"], 0);
            let made: Value = serde_json::from_str(&made.stdout).unwrap();
            host.database().run("insert into notes (user_id, body) values (1, 'later')").await;
            let backup = made["id"].as_str().unwrap().to_owned();
            vec!["restore".into(), backup, "--swap".into(), "--accept-loss".into()]
        }
    };
    (words, host.state().await)
}

/// What the calls of a case came to.
struct Course {
    host: Host,
    start: State,
    last: Ran,
    /// Somebody typed `rollback`.
    asked_back: bool,
    mistakes: Vec<String>,
}

impl Harness {
    /// Tries a case on a host of its own. Where all steps at once make a difference, the one that
    /// does is named.
    pub async fn try_case(&self, cluster: &'static TestCluster, case: &Case) -> Tried {
        let tried = self.try_once(cluster, case).await;
        if let (Outcome::Different(mut lines), Some(each)) = (tried.outcome.clone(), self.one_by_one(case)) {
            for case in each {
                if let Outcome::Different(why) = self.try_once(cluster, &case).await.outcome {
                    lines.push(format!("BY {}: {}", case.name, why.join(" | ")));
                }
            }
            return Tried { outcome: Outcome::Different(lines), ..tried };
        }
        tried
    }

    /// The same, for each step alone.
    fn one_by_one(&self, case: &Case) -> Option<Vec<Case>> {
        let fault = &case.acts[0].fault;
        fault.contains('*').then(|| {
            let one = |step: &str| {
                let mut one = case.clone();
                one.name = fault.replace('*', step);
                one.acts[0].fault.clone_from(&one.name);
                one
            };
            self.steps().into_iter().map(one).collect()
        })
    }

    async fn try_once(&self, cluster: &'static TestCluster, case: &Case) -> Tried {
        let host = Host::new(cluster, &self.program, self.shape).await;
        (self.change)(&host);
        let (words, start) = prepare(&host, self.run).await;
        let course = go(host, start, &words, case);
        let outcome = self.judge(case, &course).await;
        course.host.clear().await;
        Tried { outcome, said: format!("{}\n{}", course.last.stdout, course.last.stderr) }
    }

    /// Compares what the journal claims, what the program said, and what is there.
    async fn judge(&self, case: &Case, course: &Course) -> Outcome {
        let mut found = self.flaws.clone();
        found.extend(course.mistakes.iter().cloned());
        let events = events(&course.host);
        let claimed = events.last().filter(|event| event["kind"] == "run.finished");
        let Some(claimed) = claimed else {
            found.push(format!("the run has no end: {:?}", course.last));
            return Outcome::Different(found);
        };
        let exit = course.last.status;
        let (outcome, exits): (_, &[i32]) = match claimed["status"].as_str().unwrap_or_default() {
            // Killed after its last entry, there is nothing left to resume.
            "succeeded" => (Outcome::Finished, &[0, 3]),
            "undone" => (Outcome::TakenBack, &[0, 4, 3]),
            "refused" => (Outcome::TakenBack, &[0, 3]),
            _ => (Outcome::Stuck(claimed["failure"]["code"].as_str().unwrap_or("?").to_owned()), &[5]),
        };
        if !exit.is_some_and(|exit| exits.contains(&exit)) {
            found.push(format!("{outcome}, with exit status {exit:?}"));
        }
        let now = match outcome {
            Outcome::Stuck(_) => return if found.is_empty() { outcome } else { Outcome::Different(found) },
            _ => course.host.state().await,
        };
        let (wanted, other) = match outcome {
            Outcome::Finished => (&self.end, Wanted::TakenBack),
            _ => (&course.start, Wanted::Finished),
        };
        let asked = match case.wanted {
            Wanted::AsAsked if course.asked_back => Wanted::TakenBack,
            Wanted::AsAsked => Wanted::Either,
            wanted => wanted,
        };
        if asked == other {
            found.push(format!("it was {outcome}"));
        }
        found.extend(wanted.differences(&now));
        found.extend(strays(&course.host).await);
        if found.is_empty() { outcome } else { Outcome::Different(found) }
    }
}

/// Databases that no test made and no target left: those of proofs on the scratch server, which is
/// this cluster. Nobody else may prove anything on it meanwhile.
async fn strays(host: &Host) -> Vec<String> {
    let admin = host.cluster().session().await;
    let sql = "select datname::text from pg_database where starts_with(datname::text, 'sb_')";
    let rows = admin.rows(sql, &[]).await.unwrap();
    rows.iter().map(|row| format!("left on the scratch server: {}", row.get::<_, String>(0))).collect()
}

/// Makes the calls of a case.
fn go(host: Host, start: State, words: &[String], case: &Case) -> Course {
    let mut course = Course { host, start, last: Ran::default(), asked_back: false, mistakes: Vec::new() };
    for act in &case.acts {
        if course.act(act, words) {
            return course;
        }
    }
    course.last = course.call(case.then, words, "");
    course
}

impl Course {
    fn call(&mut self, call: Call, words: &[String], fault: &str) -> Ran {
        self.asked_back |= call == Call::Rollback;
        let words: Vec<&str> = match call {
            Call::Begin => words.iter().map(String::as_str).collect(),
            Call::Resume => vec!["resume"],
            Call::Rollback => vec!["rollback"],
        };
        self.host.run_with(&words, &[("SWITCHBACK_FAULT", fault)])
    }

    /// One call; whether the case is over with it.
    fn act(&mut self, act: &Act, words: &[String]) -> bool {
        if act.ends == Ends::Crawling {
            self.crawl(act, words);
            return true;
        }
        self.last = self.call(act.call, words, &act.fault);
        let status = self.last.status;
        match act.ends {
            Ends::Well if status == Some(0) => false,
            Ends::Killed if status.is_none() => false,
            Ends::Perhaps => status.is_some(),
            Ends::ByItself if status.is_some() => true,
            _ => {
                self.mistakes.push(format!("`{}` ended with {status:?}", act.fault));
                true
            }
        }
    }

    /// Killed, gone on with, killed again: a few entries further each time. Three are written at the
    /// least (it was started, the step was, and is finished), or it would stay where it is.
    fn crawl(&mut self, act: &Act, words: &[String]) {
        let seed: usize = act.fault.parse().unwrap();
        let mut call = act.call;
        for turn in 0..100 {
            let entries = 3 + (seed + turn) % 3;
            self.last = self.call(call, words, &format!("kill-after:{entries}"));
            let over = self.host.journal().last().is_some_and(|line| line.contains("\"run.finished\""));
            if self.last.status.is_some() {
                return;
            }
            // Killed after its last entry, the run is over: there is nothing left to call.
            if over && turn > 0 {
                self.last.status = Some(0);
                return;
            }
            call = Call::Resume;
        }
        self.mistakes.push("it never ends".into());
    }
}
