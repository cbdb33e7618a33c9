//! One case, played: a deploy under faults, then what a person types until the run is over.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child as Program, Stdio};
use std::time::{Duration, Instant};

use switchback_engine::journal;
use switchback_model::event::RunStatus;
use switchback_model::{RunId, RunView};
use switchback_testkit::{OwnServer, State, TestCluster};

use crate::customer::Orders;
use crate::draw::{Case, Fault, Full, Moment, Planned};
use crate::judge;
use crate::site::{FAR, Site};

/// How often the program is looked at.
const LOOK: Duration = Duration::from_millis(3);
/// A server that is away is waited for a minute at several places; what takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(5);
/// How many commands there may be, as long as there are faults to come.
const COMMANDS: usize = 8;
/// After so many without any, those that are left find no moment here.
const BARREN: usize = 2;
/// How often a person tries, before it counts as stuck.
const TRIES: usize = 5;

/// What a deploy in which nothing goes wrong is, on a host of the same shape.
pub(crate) struct Reference {
    pub(crate) end: State,
    pub(crate) steps: Vec<String>,
    pub(crate) entries: usize,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// At the end of the plan.
    Finished,
    /// At the start.
    TakenBack,
    /// A person's decision was needed.
    Stuck,
}

/// What a case came to.
pub(crate) struct Played {
    pub(crate) end: End,
    pub(crate) faults: Vec<Fault>,
    pub(crate) orders: Orders,
    /// Acknowledged, not there, and nobody agreed to that.
    pub(crate) lost: usize,
    /// Acknowledged and not there, as a person agreed and the report says.
    pub(crate) given_up: usize,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
    /// What was typed and what came of it.
    pub(crate) story: Vec<String>,
    /// The codes with which a command stopped as stuck, and its words.
    pub(crate) stops: Vec<String>,
}

/// A case at work.
struct Play<'a, 's> {
    case: &'a Case,
    site: Site<'s>,
    reference: &'a Reference,
    papers: &'a Path,
    started: Vec<String>,
    played: Played,
    commands: usize,
    /// How many of the last ones went by without a fault.
    barren: usize,
    /// The faults that were not done yet.
    waiting: Vec<Waiting>,
    accepted: bool,
}

/// Plays a case; what programs said goes into the folder `papers`.
pub(crate) async fn play(
    case: &Case,
    program: &str,
    server: &mut OwnServer,
    cluster: &'static TestCluster,
    reference: &Reference,
    papers: &Path,
) -> Played {
    let site = Site::new(case, program, server, cluster).await;
    let start = site.host.state().await;
    let databases = judge::databases(cluster).await;
    let started = runs(&site, false).iter().map(|run| run.plan.run.0.clone()).collect();
    let played = Played {
        end: End::Stuck,
        faults: Vec::new(),
        orders: Orders::default(),
        lost: 0,
        given_up: 0,
        wrong: Vec::new(),
        story: Vec::new(),
        stops: Vec::new(),
    };
    let waiting = case.faults.iter().map(|planned| Waiting { planned: *planned, seen: None }).collect();
    let (commands, barren, accepted) = (0, 0, false);
    let mut play =
        Play { case, site, reference, papers, started, played, commands, barren, waiting, accepted };
    let customer = play.site.customer();
    play.commands().await;
    play.played.orders = customer.stop();
    play.site.is_well().await;
    play.judge(&start, &databases).await;
    play.keep_papers();
    play.played
}

impl Play<'_, '_> {
    /// Types what a person would, until the run is over or nothing helps.
    async fn commands(&mut self) {
        let deploy = self.site.host.deploy();
        self.command(&deploy).await;
        let mut taken_back = false;
        let mut tries = 0;
        loop {
            let open = self.open();
            if open.is_none() {
                tries = 0;
                let more = !self.waiting.is_empty() && self.commands < COMMANDS && self.barren < BARREN;
                if self.succeeded() && (more || self.case.rolled_back && !taken_back) {
                    taken_back = true;
                    self.command(&["rollback"]).await;
                } else if more && !self.succeeded() {
                    self.command(&deploy).await;
                } else {
                    return;
                }
                continue;
            }
            let Some(far) = open else { return };
            let words = match tries {
                0 => vec![self.case.way_on],
                TRIES if !self.accepted => {
                    self.accepted = true;
                    vec!["rollback", "--accept-loss"]
                }
                TRIES.. => return,
                odd if odd % 2 == 1 => vec!["resume"],
                _ => vec!["rollback"],
            };
            let before = self.played.faults.len();
            self.command(&if far { [&["--config", FAR], &words[..]].concat() } else { words }).await;
            // Only what was typed while nothing went wrong counts.
            if self.played.faults.len() == before && !self.accepted {
                tries += 1;
            }
        }
    }

    /// Runs one command under the faults that belong to it.
    async fn command(&mut self, words: &[&str]) {
        let number = self.commands;
        self.commands += 1;
        let mut program = self.site.program(words);
        let output = File::create(self.paper(number, words)).unwrap();
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let mut program = program.spawn().unwrap();
        let begun = (Instant::now(), self.newest(), self.journal().len());
        let waiting = self.waiting.len();
        for waiting in &mut self.waiting {
            waiting.seen = None;
        }
        let mut killed = false;
        while program.try_wait().unwrap().is_none() {
            killed |= self.faults(number, &program, &begun);
            self.site.repair(false);
            if begun.0.elapsed() > PATIENCE {
                self.played.wrong.push(format!("{words:?} hangs"));
                program.kill().unwrap();
                killed = true;
            }
            tokio::time::sleep(LOOK).await;
        }
        let status = program.wait().unwrap().code();
        self.barren = if self.waiting.len() < waiting { 0 } else { self.barren + 1 };
        if killed && status.is_none() && self.played.faults.last() == Some(&Fault::TearJournal) {
            self.tear();
        }
        self.others().await;
        self.site.is_well().await;
        self.told(number, words, status, killed);
    }

    /// Does the faults whose moment has come; whether one of them kills the program. What was not done
    /// in its own command is done in a later one.
    fn faults(&mut self, number: usize, program: &Program, begun: &(Instant, Option<RunId>, usize)) -> bool {
        let mut waiting = std::mem::take(&mut self.waiting);
        let (start, run, done_before) = begun;
        let mut journal = self.journal();
        let before = if self.newest() == *run { *done_before } else { 0 };
        let journal = journal.split_off(before.min(journal.len()));
        let pid = i32::try_from(program.id()).unwrap();
        let mut kills = false;
        waiting.retain_mut(|waiting| {
            let fault = waiting.planned.fault;
            let due = waiting.planned.command <= number && waiting.is_due(*start, &journal, self.reference);
            if !due || !self.site.inflict(fault, pid, &journal) {
                return true;
            }
            self.played.faults.push(fault);
            let last = journal.last().map_or("no entry", |line| place(line));
            self.played.story.push(format!("{fault} at {last}"));
            kills |= matches!(fault, Fault::KillProgram | Fault::KillTree | Fault::TearJournal);
            false
        });
        self.waiting = waiting;
        kills
    }

    /// Half of an entry stands at the journal's end: its write had not returned.
    fn tear(&self) {
        let Some(run) = self.newest() else { return };
        let path = self.site.host.path(".switchback/runs").join(&run.0).join("journal.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let Some(last) = text.lines().last() else { return };
        let half = &last[..last.len() / 2];
        std::fs::write(&path, format!("{text}{half}")).unwrap();
    }

    /// Waits for the other operators.
    async fn others(&mut self) {
        let others = std::mem::take(&mut self.site.others);
        for (number, mut other) in others.into_iter().enumerate() {
            let start = Instant::now();
            let status = loop {
                if let Some(status) = other.try_wait().unwrap() {
                    break status.code();
                }
                self.site.repair(false);
                if start.elapsed() > PATIENCE {
                    self.played.wrong.push("the other operator's command hangs".into());
                    other.kill().unwrap();
                }
                tokio::time::sleep(LOOK).await;
            };
            let text = std::fs::read_to_string(self.site.host.path(&format!("other-{number}"))).unwrap();
            let paper = self.papers.join(format!("{}-other-{number}", self.commands));
            std::fs::write(paper, &text).unwrap();
            self.played.story.push(format!("the other: {}", shown(status)));
            self.check_words("the other operator", &text, status);
        }
    }

    /// Notes what a command came to, and looks whether it said what it must.
    fn told(&mut self, number: usize, words: &[&str], status: Option<i32>, killed: bool) {
        let text = std::fs::read_to_string(self.paper(number, words)).unwrap();
        let said = words.join(" ");
        let code = code_of(&text);
        self.played.story.push(match (status, &code) {
            (Some(0), _) | (_, None) => format!("{said}: {}", shown(status)),
            (_, Some(code)) => format!("{said}: {} {code}", shown(status)),
        });
        if status.is_none() && !killed {
            self.played.wrong.push(format!("{said} died by itself"));
        }
        if status == Some(5) {
            let sentence = text.lines().find(|line| line.contains("SB0")).unwrap_or("no code").trim();
            self.played.stops.push(sentence.to_owned());
        }
        self.check_words(&said, &text, status);
    }

    fn check_words(&mut self, who: &str, text: &str, status: Option<i32>) {
        if text.contains("panicked at") {
            self.played.wrong.push(format!("{who}: a panic"));
        }
        // Where no server answers, nothing is begun.
        let unreachable = status == Some(2) && code_of(text).is_some_and(|code| code.starts_with("SB02"));
        if !unreachable && !matches!(status, None | Some(0 | 3 | 4 | 5 | 130)) {
            self.played.wrong.push(format!("{who}: exit status {status:?}"));
        }
        if status == Some(5) && !(text.contains("hint:") && text.contains("switchback ")) {
            self.played.wrong.push(format!("{who}: stuck, and no word about what to type"));
        }
    }

    async fn judge(&mut self, start: &State, databases: &[String]) {
        let open = self.open().is_some();
        let succeeded = self.succeeded();
        self.played.end = match (open || self.accepted, succeeded) {
            (true, _) => End::Stuck,
            (false, true) => End::Finished,
            (false, false) => End::TakenBack,
        };
        let wanted = if succeeded { &self.reference.end } else { start };
        let agreed = self.new_runs(false).iter().filter_map(judge::agreed).sum();
        let ends_server = |fault: &Fault| {
            matches!(fault, Fault::StopServer { .. } | Fault::KillBackend | Fault::Fill(Full::Wal, _))
        };
        let server_died = self.played.faults.iter().any(ends_server);
        let verdict =
            judge::look(&self.site, wanted, databases, &self.played.orders, open, server_died).await;
        let lost = verdict.lost.len();
        if lost <= agreed {
            self.played.given_up = lost;
        } else {
            self.played.lost = lost;
        }
        if lost != agreed {
            self.played
                .wrong
                .push(format!("{lost} acknowledged orders are not there, {agreed} were agreed to be lost"));
        }
        self.played.wrong.extend(verdict.wrong);
        if self.case.once_more && !open && self.played.wrong.is_empty() && !succeeded {
            self.once_more().await;
        }
    }

    /// Whatever was left behind, it must not stand in the way of the next deploy.
    async fn once_more(&mut self) {
        self.waiting.clear();
        let deploy = self.site.host.deploy();
        self.command(&deploy).await;
        if !self.succeeded() {
            self.played.wrong.push("the next deploy does not go through".into());
        }
    }

    /// Keeps the journals beside the words.
    fn keep_papers(&self) {
        for (far, name) in [(false, "near"), (true, "far")] {
            for run in self.new_runs(far) {
                let journal = folder(&self.site, far).join(&run.plan.run.0).join("journal.jsonl");
                drop(std::fs::copy(journal, self.papers.join(format!("{name}-{}.jsonl", run.plan.run))));
            }
        }
    }

    fn paper(&self, number: usize, words: &[&str]) -> PathBuf {
        let word = words.iter().find(|word| !word.starts_with('-') && **word != FAR).unwrap();
        self.papers.join(format!("{number}-{word}"))
    }

    /// Where a run is open: not here but on the far host?
    fn open(&self) -> Option<bool> {
        [false, true].into_iter().find(|far| self.new_runs(*far).iter().any(RunView::is_open))
    }

    fn succeeded(&self) -> bool {
        let status = |run: &RunView| run.outcome.as_ref().map(|outcome| outcome.status);
        let runs = [self.new_runs(false), self.new_runs(true)].concat();
        runs.iter().any(|run| status(run) == Some(RunStatus::Succeeded))
    }

    fn new_runs(&self, far: bool) -> Vec<RunView> {
        let mut runs = runs(&self.site, far);
        runs.retain(|run| !self.started.contains(&run.plan.run.0));
        runs
    }

    /// The run that was written to last; names follow the operator's clock, which may be stepped.
    fn newest(&self) -> Option<RunId> {
        let folder = self.site.host.path(".switchback/runs");
        let runs = journal::list(&folder).into_iter().filter(|run| !self.started.contains(&run.0));
        runs.max_by_key(|run| {
            std::fs::metadata(folder.join(&run.0).join("journal.jsonl")).and_then(|file| file.modified()).ok()
        })
    }

    /// The lines of the newest run.
    fn journal(&self) -> Vec<String> {
        let Some(newest) = self.newest() else { return Vec::new() };
        let path = self.site.host.path(".switchback/runs").join(&newest.0).join("journal.jsonl");
        let text = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}

/// A fault that waits for its moment.
struct Waiting {
    planned: Planned,
    /// When its step was first seen.
    seen: Option<Instant>,
}

impl Waiting {
    fn is_due(&mut self, start: Instant, journal: &[String], reference: &Reference) -> bool {
        match self.planned.moment {
            Moment::Entry(fraction) => journal.len() > part(fraction, reference.entries),
            Moment::Time(ms) => start.elapsed() >= Duration::from_millis(ms),
            Moment::Step(fraction, ms) => {
                let step = &reference.steps[part(fraction, reference.steps.len())];
                let begun = |line: &String| {
                    ["step.started", "step.undo_started"].iter().any(|kind| line.contains(kind))
                        && line.contains(&format!("\"step\":\"{step}\""))
                };
                if self.seen.is_none() && journal.iter().any(begun) {
                    self.seen = Some(Instant::now());
                }
                self.seen.is_some_and(|seen| seen.elapsed() >= Duration::from_millis(ms))
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a fraction of a small number"
)]
fn part(fraction: f64, whole: usize) -> usize {
    (fraction * whole as f64) as usize
}

fn folder(site: &Site<'_>, far: bool) -> PathBuf {
    site.host.path(if far { "far/runs" } else { ".switchback/runs" })
}

fn runs(site: &Site<'_>, far: bool) -> Vec<RunView> {
    let folder = folder(site, far);
    let mut runs: Vec<_> =
        journal::list(&folder).iter().filter_map(|run| journal::read(&folder, run).ok()).collect();
    runs.sort_by(|one, other| one.plan.run.0.cmp(&other.plan.run.0));
    runs
}

fn shown(status: Option<i32>) -> String {
    status.map_or_else(|| "killed".to_owned(), |status| status.to_string())
}

/// The first code that a text names.
fn code_of(text: &str) -> Option<String> {
    let at = text.find("SB0")?;
    Some(text[at..].chars().take(6).collect())
}

/// Kind and step of a journal's line.
fn place(line: &str) -> &str {
    let begin = line.find("\"kind\":\"").map_or(0, |at| at + 8);
    let rest = &line[begin..];
    let end = rest.find("\",\"step\":\"").and_then(|at| rest[at + 10..].find('"').map(|more| at + 10 + more));
    &rest[..end.or_else(|| rest.find('"')).unwrap_or(0)]
}

impl Played {
    /// One line about it.
    pub(crate) fn line(&self) -> String {
        let mut text = self.story.join("; ").replace("\",\"step\":\"", " ");
        let end = match self.end {
            End::Finished => "finished",
            End::TakenBack => "taken back",
            End::Stuck => "stuck",
        };
        let acknowledged = self.orders.acknowledged.len();
        let _ = write!(text, " → {end}, {acknowledged} acknowledged, {} lost", self.lost);
        if self.given_up > 0 {
            let _ = write!(text, ", {} given up", self.given_up);
        }
        text
    }
}
