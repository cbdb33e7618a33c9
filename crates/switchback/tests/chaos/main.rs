//! Chaos: deploys on a real host with a real server, while everything that a run touches dies under
//! it, as a seed says. `script/chaos` is the long storm; a short one is among the tests.
//!
//! A case is a host of some shape, a customer who writes all the time, a deploy, one to three faults,
//! and then what a person types until the run is over. At the end the host is at its start or at its
//! end, and everything that the server acknowledged to the customer is there, once.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that can't go on panics; results are printed"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use switchback_testkit::{Host, OwnServer, TestCluster};
use tokio::runtime::Runtime;

mod customer;
mod draw;
mod judge;
mod line;
mod play;
mod pooler;
mod processes;
mod site;
#[expect(dead_code, reason = "a customer does not read why it is refused")]
#[path = "../fence/wire.rs"]
mod wire;

use draw::{Case, Fault, Full};
use play::{End, Played, Reference};

/// The test's name, for runners that ask.
const SHORT: &str = "a_short_storm";
/// What the short storm tries.
const SHORT_CASES: (u64, [u64; 2]) = (21, [1, 2]);

const USAGE: &str = "usage: script/chaos [--minutes N] [--seed S] [--case N]
  --minutes N   begin no new case after so many minutes (20)
  --seed S      draw the cases from this seed; without it, from a new one
  --case N      play this case of the seed alone";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("storm") if words.iter().any(|word| word == "--help") => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Some("storm") => match Wish::of(&words[1..]) {
            Ok(wish) => storm(&wish),
            Err(why) => {
                println!("{why}\n{USAGE}");
                ExitCode::from(2)
            }
        },
        _ => as_test(&words),
    }
}

/// What test runners say: `--list`, and the name of a test, with or without `--exact`.
fn as_test(words: &[String]) -> ExitCode {
    let has = |word: &str| words.iter().any(|other| other == word);
    if has("--list") {
        if !has("--ignored") {
            println!("{SHORT}: test");
        }
        return ExitCode::SUCCESS;
    }
    let mut names = words.iter().filter(|word| !word.starts_with('-')).peekable();
    if has("--ignored") || names.peek().is_some() && !names.any(|name| SHORT.contains(name.as_str())) {
        return ExitCode::SUCCESS;
    }
    let (seed, cases) = SHORT_CASES;
    let mut storm = Storm::new();
    for number in cases {
        storm.case(&Case::draw(seed, number));
    }
    storm.summary()
}

/// What was asked for.
struct Wish {
    minutes: u64,
    seed: u64,
    case: Option<u64>,
}

impl Wish {
    fn of(words: &[String]) -> Result<Self, String> {
        let mut wish = Self { minutes: 20, seed: fastrand::u64(..100_000), case: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let text = words.next().ok_or(format!("{word} wants a number"))?;
                text.parse::<u64>().map_err(|_| format!("{word} wants a number, not {text}"))
            };
            match word.as_str() {
                "--minutes" => wish.minutes = number()?,
                "--seed" => wish.seed = number()?,
                "--case" => wish.case = Some(number()?),
                other => return Err(format!("{other} is not known")),
            }
        }
        Ok(wish)
    }
}

fn storm(wish: &Wish) -> ExitCode {
    let mut storm = Storm::new();
    if let Some(number) = wish.case {
        storm.case(&Case::draw(wish.seed, number));
        return storm.summary();
    }
    println!("seed {}, {} minutes", wish.seed, wish.minutes);
    let end = Instant::now() + Duration::from_secs(60 * wish.minutes);
    for number in 1.. {
        if Instant::now() >= end {
            break;
        }
        storm.case(&Case::draw(wish.seed, number));
    }
    storm.summary()
}

/// Servers and what was counted.
struct Storm {
    runtime: Runtime,
    /// The folder of a copy of the program: a build meanwhile must not change it.
    copy: tempfile::TempDir,
    /// The usual one, and the one whose log has a small disk.
    servers: [Option<(OwnServer, &'static TestCluster)>; 2],
    references: BTreeMap<String, Reference>,
    faults: BTreeMap<String, u64>,
    left_out: BTreeMap<&'static str, u64>,
    stops: BTreeMap<String, u64>,
    ends: [u64; 3],
    wrong: u64,
    acknowledged: usize,
    lost: usize,
    given_up: usize,
}

impl Storm {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            runtime,
            copy: program(),
            servers: [None, None],
            references: BTreeMap::new(),
            faults: BTreeMap::new(),
            left_out: BTreeMap::new(),
            stops: BTreeMap::new(),
            ends: [0; 3],
            wrong: 0,
            acknowledged: 0,
            lost: 0,
            given_up: 0,
        }
    }

    /// Plays a case and counts what it came to.
    fn case(&mut self, case: &Case) {
        let mut case = case.clone();
        case.faults.retain(|planned| match site::missing(planned.fault) {
            Some(why) => {
                *self.left_out.entry(why).or_default() += 1;
                false
            }
            None => true,
        });
        let start = Instant::now();
        let papers = papers(&case);
        let played = catch_unwind(AssertUnwindSafe(|| self.play(&case, &papers)));
        let took = start.elapsed().as_secs_f64();
        if let Ok(played) = played {
            println!("{case}: {} ({took:.1} s)", played.line());
            self.count(&case, &played, &papers);
        } else {
            println!("{case}: WRONG: the case itself panicked; see above, and {}", papers.display());
            self.wrong += 1;
            // Nobody knows in what state they are.
            self.servers = [None, None];
        }
    }

    fn play(&mut self, case: &Case, papers: &Path) -> Played {
        let small_wal = case.any(|fault| matches!(fault, Fault::Fill(Full::Wal, _)));
        let place = usize::from(small_wal);
        let (mut server, cluster) =
            self.servers[place].take().unwrap_or_else(|| self.runtime.block_on(server(small_wal)));
        let shape = format!("{:?}", case.shape);
        let program = self.copy.path().join("switchback").display().to_string();
        if !self.references.contains_key(&shape) {
            let reference = self.runtime.block_on(reference(case, &program, cluster));
            self.references.insert(shape.clone(), reference);
        }
        let played = play::play(case, &program, &mut server, cluster, &self.references[&shape], papers);
        let played = self.runtime.block_on(played);
        self.runtime.block_on(forget(cluster));
        self.servers[place] = Some((server, cluster));
        played
    }

    fn count(&mut self, case: &Case, played: &Played, papers: &Path) {
        for fault in &played.faults {
            let name = fault.to_string();
            let kind = name.split(" for ").next().unwrap().split(" by ").next().unwrap();
            let kind = kind.split(", back").next().unwrap();
            *self.faults.entry(kind.to_owned()).or_default() += 1;
        }
        for stop in &played.stops {
            *self.stops.entry(plain(stop)).or_default() += 1;
            println!("  stopped: {stop}");
        }
        let end = match played.end {
            End::Finished => 0,
            End::TakenBack => 1,
            End::Stuck => 2,
        };
        self.ends[end] += 1;
        self.acknowledged += played.orders.acknowledged.len();
        self.lost += played.lost;
        self.given_up += played.given_up;
        for wrong in &played.wrong {
            println!("  WRONG: {wrong}");
        }
        if played.wrong.is_empty() && played.end != End::Stuck {
            drop(std::fs::remove_dir_all(papers));
        } else {
            self.wrong += u64::from(!played.wrong.is_empty());
            println!(
                "  papers: {}; again: script/chaos --seed {} --case {}",
                papers.display(),
                case.seed,
                case.number
            );
        }
    }

    fn summary(&self) -> ExitCode {
        println!();
        for (fault, times) in &self.faults {
            println!("{times:5} × {fault}");
        }
        for (why, times) in &self.left_out {
            println!("left out {times} times: {why}");
        }
        for (stop, times) in &self.stops {
            println!("{times:5} × stopped on the way: {stop}");
        }
        println!(
            "{} cases ended as nothing may end, {} acknowledged writes were given up as a person agreed",
            self.wrong, self.given_up
        );
        let [finished, taken_back, stuck] = self.ends;
        println!(
            "faults {}, finished {finished}, taken back {taken_back}, stuck {stuck}, acknowledged {}, lost {}",
            self.faults.values().sum::<u64>(),
            self.acknowledged,
            self.lost
        );
        if self.wrong == 0 && self.lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// A sentence without what differs from run to run.
fn plain(sentence: &str) -> String {
    let words = sentence.split_whitespace().map(|word| {
        if word.chars().any(|c| c.is_ascii_digit()) && !word.starts_with("SB0") && !word.contains("error[SB0")
        {
            "…"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A folder for what programs say; it goes where all is well.
fn papers(case: &Case) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos/{}-{}", case.seed, case.number));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn program() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_switchback"), folder.path().join("switchback")).unwrap();
    folder
}

async fn server(small_wal: bool) -> (OwnServer, &'static TestCluster) {
    let server =
        if small_wal { OwnServer::start_with_small_wal().await.unwrap() } else { OwnServer::start().await };
    let major = server.bin().version.major;
    let cluster = Box::leak(Box::new(TestCluster::of(server.admin(), major)));
    (server, cluster)
}

/// A deploy on a host of the same shape, in which nothing goes wrong.
async fn reference(case: &Case, program: &str, cluster: &'static TestCluster) -> Reference {
    let host = Host::new(cluster, program, case.shape).await;
    host.database().run(customer::TABLES).await;
    host.expect(&host.deploy(), 0);
    let journal = host.journal();
    let plan: serde_json::Value = serde_json::from_str(&journal[0]).unwrap();
    let steps = plan["event"]["plan"]["steps"].as_array().unwrap();
    let steps = steps.iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect();
    Reference { end: host.state().await, steps, entries: journal.len() }
}

/// Drops what a case leaves, so that the server stays small.
async fn forget(cluster: &TestCluster) {
    let session = cluster.session().await;
    for name in judge::databases(cluster).await {
        if name.starts_with("app_") {
            let drop = format!(
                "alter database \"{name}\" allow_connections true; drop database \"{name}\" with (force)"
            );
            for statement in drop.split("; ") {
                session.batch(statement).await.unwrap();
            }
        }
    }
}
