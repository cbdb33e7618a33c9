//! Every case on every shape, by hand: `script/sweep`.
//!
//! What is done is a line in a file, and is skipped the next time; so a sweep is made in as many
//! sittings as it needs, and what failed is tried again when its lines are removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use switchback_testkit::TestCluster;
use switchback_testkit::harness::{Case, Harness, Run};

use super::{PROGRAM, everything, number};

/// What was asked for.
struct Wish {
    file: PathBuf,
    seed: u64,
    until: Instant,
    /// Which of how many equal parts of all cases.
    part: (usize, usize),
    /// A part of the shape's name.
    shape: String,
    workers: usize,
    /// A debug build that stays as it is while others are made.
    program: String,
}

impl Wish {
    fn read() -> Self {
        let text = |name: &str| std::env::var_os(name).and_then(|text| text.into_string().ok());
        let part = text("SWEEP_PART").unwrap_or_else(|| "1/1".into());
        let (at, of) = part.split_once('/').unwrap();
        Self {
            file: text("SWEEP_FILE").unwrap().into(),
            seed: number("SWITCHBACK_SEED").unwrap_or(1),
            until: Instant::now() + Duration::from_secs(60 * number("SWEEP_MINUTES").unwrap_or(24 * 60)),
            part: (at.parse::<usize>().unwrap() - 1, of.parse().unwrap()),
            shape: text("SWEEP_SHAPE").unwrap_or_default(),
            workers: usize::try_from(number("SWEEP_WORKERS").unwrap_or(2)).unwrap(),
            program: text("SWEEP_PROGRAM").unwrap_or_else(|| PROGRAM.into()),
        }
    }

    /// What the file says: shape, case, outcome.
    fn done(&self) -> Vec<[String; 3]> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let line = |line: &str| {
            let mut fields = line.splitn(3, '\t').map(str::to_owned);
            Some([fields.next()?, fields.next()?, fields.next()?])
        };
        text.lines().filter_map(line).collect()
    }

    fn is_over(&self) -> bool {
        Instant::now() > self.until
    }
}

/// Not in `script/test`: it takes hours.
#[test]
#[ignore = "script/sweep runs it"]
fn every_case_on_every_shape() {
    let wish = Wish::read();
    for (run, shape) in everything() {
        let named = matches!(run, Run::Exchange).then_some("restore --swap ").unwrap_or_default();
        if !wish.is_over() && format!("{named}{}", shape.name()).contains(&wish.shape) {
            // A cluster for each worker, so that what is left on it is its own.
            let clusters: Vec<_> = (0..wish.workers).map(|_| wait(TestCluster::leaked())).collect();
            let harness = wait(Harness::new(clusters[0], &wish.program, shape, run));
            sweep(&wish, &harness, &clusters);
        }
    }
    println!("{}", table(&wish.done()));
}

/// Tries what is left of one shape, several cases at a time.
fn sweep(wish: &Wish, harness: &Harness, clusters: &[&'static TestCluster]) {
    let name = harness.name();
    let done: BTreeSet<String> =
        wish.done().into_iter().filter(|line| line[0] == name).map(|[_, case, _]| case).collect();
    let (at, of) = wish.part;
    // By its name and not by its place: kinds of cases come in turns, and a stride would meet some
    // of them always and others never.
    let mine = |case: &Case| place(&name, &case.name) % of as u64 == at as u64;
    let all = harness.every_case(wish.seed).into_iter();
    let left: Vec<Case> = all.filter(|case| mine(case) && !done.contains(&case.name)).collect();
    println!("{name}: {} cases to try", left.len());
    let file = Mutex::new(OpenOptions::new().create(true).append(true).open(&wish.file).unwrap());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for &cluster in clusters {
            scope.spawn(|| {
                while let Some(case) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if wish.is_over() {
                        return;
                    }
                    let tried = wait(harness.try_case(cluster, case));
                    let outcome = tried.outcome.to_string().replace(['\n', '\t'], " ");
                    if outcome.starts_with("different") || outcome.starts_with("stuck") {
                        println!("{name}: {}: {outcome}\n{}", case.name, tried.said);
                    }
                    writeln!(file.lock().unwrap(), "{name}\t{}\t{outcome}", case.name).unwrap();
                }
            });
        }
    });
}

fn place(shape: &str, case: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (shape, case).hash(&mut hasher);
    hasher.finish()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// How many cases of each shape came to what, as Markdown.
fn table(done: &[[String; 3]]) -> String {
    let mut shapes: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for [shape, _, outcome] in done {
        let what = if outcome.starts_with("different") { "different" } else { outcome };
        for of in [shape, "all"] {
            *shapes.entry(of).or_default().entry(what).or_default() += 1;
        }
    }
    let mut text =
        "| shape | cases | finished | taken back | stuck | different |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let all = shapes.remove_entry("all");
    for (shape, counts) in shapes.into_iter().chain(all) {
        let count = |what: &str| counts.get(what).copied().unwrap_or_default();
        let stuck: Vec<_> = counts
            .iter()
            .filter_map(|(what, n)| Some(format!("{n} {}", what.strip_prefix("stuck ")?)))
            .collect();
        let stuck = if stuck.is_empty() { "0".to_owned() } else { stuck.join(", ") };
        let cases: usize = counts.values().sum();
        let (finished, back) = (count("finished"), count("taken back"));
        let different = count("different");
        let line = format!("| {shape} | {cases} | {finished} | {back} | {stuck} | {different} |\n");
        text += &line;
    }
    text
}
