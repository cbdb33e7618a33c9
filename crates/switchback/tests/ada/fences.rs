//! The read-only fence: reads go on, writes are refused, and nothing is claimed without proof.

use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use switchback_postgres::programs::Places;
use switchback_testkit::Ran;

use crate::picture::Picture;
use crate::shop::{Shop, V2, Wish, ran, until};

const READ_ONLY: Wish = Wish { release: "v1", fence: "read-only", restore_point: "clone", running: true };

/// One look of the reader: from when to when, and what went wrong.
struct Read {
    from: Timestamp,
    to: Timestamp,
    error: Option<String>,
}

/// Somebody who reads with psql all the time, each time with a session of their own.
struct Reader {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Read>>,
}

impl Reader {
    fn start(psql: Psql) -> Self {
        let (stop, told) = channel();
        Self { stop, thread: std::thread::spawn(move || psql.read_all_the_time(&told)) }
    }

    fn stop(self) -> Vec<Read> {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

/// psql, as the application's role.
struct Psql {
    program: PathBuf,
    url: String,
}

impl Psql {
    async fn of(shop: &Shop) -> Self {
        let bin = Places::system().find_server(None).await.unwrap();
        Self { program: bin.program("psql"), url: shop.url().expose() }
    }

    fn run(&self, sql: &str) -> Ran {
        ran(&Command::new(&self.program).args(["-X", "-At", "-c", sql, &self.url]).output().unwrap())
    }

    fn read_all_the_time(&self, told: &Receiver<()>) -> Vec<Read> {
        let mut reads = Vec::new();
        while told.recv_timeout(Duration::from_millis(40)) == Err(RecvTimeoutError::Timeout) {
            let from = Timestamp::now();
            let ran = self.run("select count(*) from public.users");
            let error = (ran.status != Some(0)).then_some(ran.stderr);
            reads.push(Read { from, to: Timestamp::now(), error });
        }
        reads
    }
}

/// When a step of the newest run began and ended.
fn span(shop: &Shop, step: &str) -> (Timestamp, Timestamp) {
    let at = |kind: &str| {
        let events = shop.events();
        let event = events.iter().find(|event| event["kind"] == kind && event["step"] == step);
        event.unwrap()["at"].as_str().unwrap().parse().unwrap()
    };
    (at("step.started"), at("step.finished"))
}

#[tokio::test]
async fn readers_go_on_and_writers_are_refused() {
    let shop = Shop::new(READ_ONLY).await;
    let starts = shop.number("select count(*) from public.service_starts").await;
    let reader = Reader::start(Psql::of(&shop).await);
    shop.review("v2");
    let deploy = shop.begin(&["deploy", "--release", "v2"]);
    let first = async || shop.has_said("step.started", "apply:0d5a3be7f912").then_some(());
    until("the first migration begins", first).await;
    let written = Psql::of(&shop).await.run("insert into public.service_starts (release) values ('stray')");
    assert!(written.stderr.contains("read-only transaction"), "{}\n{}", written.stdout, written.stderr);
    let ran = deploy.ended();
    let reads = reader.stop();
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(shop.revision().await, V2);
    assert_eq!(shop.number("select count(*) from public.service_starts").await, starts + 1);
    // It is open for writers again.
    shop.order("after-the-deploy");
    for migration in ["0d5a3be7f912", "91b7e2c45d08", "36cb5f812e94"] {
        let (from, to) = span(&shop, &format!("apply:{migration}"));
        let meanwhile: Vec<_> = reads.iter().filter(|read| read.from >= from && read.to <= to).collect();
        assert!(!meanwhile.is_empty(), "nobody read during {migration}");
        let refused = meanwhile.iter().find_map(|read| read.error.as_ref());
        assert!(refused.is_none(), "during {migration}: {}", refused.unwrap());
    }
    // The copy needs the target to itself for a moment: nothing else may be in a reader's way.
    for error in reads.iter().filter_map(|read| read.error.as_ref()) {
        let known = ["not currently accepting connections", "terminating connection"];
        assert!(known.iter().any(|text| error.contains(text)), "{error}");
    }
}

#[tokio::test]
async fn behind_a_read_only_fence_the_way_back_is_the_downgrade() {
    let shop = Shop::new(Wish { release: "v2", ..READ_ONLY }).await;
    let start = Picture::of(&shop).await;
    let ran = shop.deploy("v3a", 4);
    assert_eq!(shop.way_back(), "down");
    assert!(shop.decision()["why"].as_str().unwrap().contains("tried on a copy"), "{}", ran.stderr);
    assert!(shop.is_healthy("v2"));
    start.assert_still(&shop, "downgraded").await;
}
