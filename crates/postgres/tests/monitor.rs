//! The monitor on a real server: who waits for whom, what is long, how far commands are, who lags.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use switchback_engine::cancel::Cancel;
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_postgres::monitor::{Monitor, Question, Relations, Seen, relations};
use switchback_postgres::programs::Places;
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_postgres::statements::{Statements, Whose};
use switchback_testkit::cluster;
use switchback_testkit::cluster::TestDatabase;

struct Watched {
    monitor: Monitor,
    names: Vec<String>,
    relations: Relations,
}

impl Watched {
    async fn new(database: &TestDatabase) -> Self {
        Self::by(&cluster().await.url("postgres"), database).await
    }

    async fn by(url: &DatabaseUrl, database: &TestDatabase) -> Self {
        Self {
            monitor: Monitor::connect(url, "switchback test monitor").await.unwrap(),
            names: vec![database.name().to_owned()],
            relations: relations(&database.session().await).await.unwrap(),
        }
    }

    async fn look(&self, wal_from: Option<&str>) -> Seen {
        let question = Question {
            names: &self.names,
            size: true,
            wal_from,
            long: Duration::from_millis(100),
            relations: &self.relations,
        };
        self.monitor.look(question).await.unwrap()
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut(Seen) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self.look(None).await) {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A statement that goes on beside the test.
fn beside(session: Session, sql: &'static str) -> tokio::task::JoinHandle<Session> {
    tokio::spawn(async move {
        let _ended_by_the_test = session.batch(sql).await;
        session
    })
}

#[tokio::test]
async fn who_waits_is_seen_with_who_is_in_the_way() {
    let database = cluster().await.database("waits").await;
    database.run("create table users (id int)").await;
    let watched = Watched::new(&database).await;
    let holder = database.session().await;
    holder.batch("begin; lock table public.users in access share mode; select 'private'").await.unwrap();
    let waiting = database.session().await;
    let pid = waiting.pid();
    let waiting = beside(waiting, "alter table public.users add column name text default 'private'");
    let waiter =
        watched.until("the waiter", |seen| seen.waiters.into_iter().find(|w| w.waited_ms > 50)).await;
    assert_eq!((waiter.pid, waiter.wants.as_str()), (pid, "AccessExclusiveLock on public.users"));
    assert_eq!(waiter.statement, "alter table public.users add column name text default '…'");
    let blocker = &waiter.blocked_by[0];
    assert_eq!((blocker.pid, blocker.who.as_str()), (holder.pid(), "postgres (switchback tests)"));
    assert!(blocker.statement.contains("lock table") && !blocker.statement.contains("private"));
    holder.batch("rollback").await.unwrap();
    waiting.await.unwrap();
    watched.until("nobody to wait", |seen| seen.waiters.is_empty().then_some(())).await;
}

#[tokio::test]
async fn long_transactions_are_seen_in_every_database_and_prepared_ones_too() {
    let cluster = cluster().await;
    let (database, other) = (cluster.database("long").await, cluster.database("elsewhere").await);
    other.run("create table t (n int)").await;
    let watched = Watched::new(&database).await;
    // Our own sessions are known by their names.
    let long = Session::connect(&other.url(), "a report").await.unwrap();
    long.batch("begin; select 1 from public.t").await.unwrap();
    let gid = format!("left behind in {}", other.name());
    other.run(&format!("begin; insert into t values (1); prepare transaction '{gid}'")).await;
    let found = watched
        .until("both", |seen| {
            let here = seen.long_transactions.into_iter().filter(|long| long.database == other.name());
            let here: Vec<_> = here.collect();
            (here.len() == 2).then_some(here)
        })
        .await;
    let prepared = found.iter().find(|one| one.pid == 0).unwrap();
    assert_eq!(prepared.statement, gid);
    let open = found.iter().find(|one| one.pid == long.pid()).unwrap();
    assert_eq!(open.who, "postgres (a report)");
    assert!(open.open_ms >= 100);
    other.run(&format!("rollback prepared '{gid}'")).await;
}

/// The index is of a function that takes its time, so that a small table is enough.
#[tokio::test]
async fn how_far_an_index_is_can_be_seen() {
    let database = cluster().await.database("progress").await;
    let slow = "create table t as select n from generate_series(1, 3000) n; \
                create function slow(int) returns int immutable language plpgsql as \
                $$ begin perform pg_sleep(0.001); return $1; end $$";
    database.run(slow).await;
    let watched = Watched::new(&database).await;
    let building = beside(database.session().await, "create index on public.t (public.slow(n))");
    let command = watched
        .until("progress", |seen| {
            seen.commands.into_iter().find(|c| c.command == "CREATE INDEX" && c.done > 0)
        })
        .await;
    assert_eq!(command.relation.as_deref(), Some("public.t"));
    assert!(command.phase.contains("building index"), "{command:?}");
    assert!(command.done <= command.total && command.unit == "blocks", "{command:?}");
    building.await.unwrap();
}

#[tokio::test]
async fn wal_size_and_sessions_are_counted() {
    let database = cluster().await.database("counted").await;
    let watched = Watched::new(&database).await;
    let before = watched.look(None).await;
    let from = before.wal_position.unwrap();
    assert_eq!((before.wal_bytes, before.sessions), (Some(0), Some(0)));
    database.run("create table t as select n, repeat('x', 900) from generate_series(1, 2000) n").await;
    let visitor = Session::connect(&database.url(), "a visitor").await.unwrap();
    let after = watched.look(Some(&from)).await;
    assert!(after.wal_bytes.unwrap() > 1_500_000, "{after:?}");
    assert!(after.database_bytes.unwrap() > before.database_bytes.unwrap() + 1_500_000, "{after:?}");
    assert_eq!(after.sessions, Some(1));
    drop(visitor);
}

struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What receives WAL and is stopped for a while is behind by what is written meanwhile.
#[tokio::test]
async fn a_receiver_of_wal_that_is_behind_is_seen_with_its_lag() {
    let database = cluster().await.database("lag").await;
    let watched = Watched::new(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let bin = Places::system().find_server(None).await.unwrap();
    let mut receive = Command::new(bin.program("pg_receivewal"));
    let url = cluster().await.url("postgres").expose().clone();
    // A connection of replication has no database; the program takes the name for its own option.
    receive.arg("-d").arg(url).arg("-D").arg(folder.path()).env("PGAPPNAME", "a standby");
    let receiver = receive.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let receiver = Receiver(receiver.unwrap());
    let ours = |seen: Seen| {
        let found = seen.replicas.into_iter().find(|replica| replica.name.ends_with("a standby"));
        found.filter(|replica| replica.state == "streaming")
    };
    watched.until("the receiver", ours).await;
    kill_process(Pid::from_child(&receiver.0), Signal::STOP).unwrap();
    database.run("create table t as select n, repeat('x', 900) from generate_series(1, 2000) n").await;
    let lag = watched
        .until("the lag", |seen| {
            ours(seen).filter(|replica| replica.lag_bytes.is_some_and(|lag| lag > 1_500_000))
        })
        .await;
    assert_eq!(lag.state, "streaming");
    kill_process(Pid::from_child(&receiver.0), Signal::CONT).unwrap();
}

#[tokio::test]
async fn a_role_without_rights_sees_what_it_may_and_says_what_it_misses() {
    let cluster = cluster().await;
    let database = cluster.database("unseen").await;
    let role = cluster.role("poor", "login").await;
    let poor = Watched::by(&cluster.url_as(&role, "postgres"), &database).await;
    let seen = poor.look(None).await;
    assert!(seen.wal_position.is_some() && seen.database_bytes.is_some(), "{seen:?}");
    assert!(poor.monitor.missing()[0].contains(&format!("grant pg_monitor to {role}")));
    cluster.run(&format!("grant pg_monitor to {role}")).await;
    let rich = Watched::by(&cluster.url_as(&role, "postgres"), &database).await;
    assert!(rich.monitor.missing().is_empty());
}

/// The quickest of some looks: what others do on the machine meanwhile is not what a look costs.
#[tokio::test]
async fn a_look_costs_next_to_nothing() {
    let database = cluster().await.database("cost").await;
    let watched = Watched::new(&database).await;
    watched.look(None).await;
    let mut best = Duration::MAX;
    for _ in 0..30 {
        let start = Instant::now();
        watched.look(None).await;
        best = best.min(start.elapsed());
    }
    assert!(best < Duration::from_millis(5), "a look takes {best:?}");
}

async fn counting_server() -> Scratch {
    let settings = vec![("shared_preload_libraries".to_owned(), "pg_stat_statements".to_owned())];
    let options = ScratchOptions { settings, ..Default::default() };
    Scratch::start(&options, &Cancel::never()).await.unwrap()
}

#[tokio::test]
async fn statements_are_counted_by_database_and_without_literals() {
    let server = counting_server().await;
    let session = Session::connect(&server.url("postgres"), "test").await.unwrap();
    assert!(Statements::find(&session).await.unwrap().is_none());
    session
        .batch(
            "create schema stats; create extension pg_stat_statements schema stats; create role other login",
        )
        .await
        .unwrap();
    for n in 0..7 {
        session.batch(&format!("select 'private' || {n}")).await.unwrap();
    }
    let statements = Statements::find(&session).await.unwrap().unwrap();
    let database: u32 =
        session.one("select oid from pg_database where datname = 'postgres'", &[]).await.unwrap().get(0);
    let whose = Whose { database, except: None };
    let (counters, hidden) = statements.counters(whose).await.unwrap();
    let seven: Vec<_> =
        counters.iter().filter(|(_, counter)| counter.calls == 7).map(|(id, _)| *id).collect();
    let texts = statements.texts(whose, &seven).await.unwrap();
    assert_eq!((hidden, texts.values().next().unwrap().as_str()), (0, "select $1 || $2"));
    let nobody = Whose { database: 1, except: None };
    assert!(statements.counters(nobody).await.unwrap().0.is_empty());
    let ours = Whose { database, except: Some("postgres") };
    assert!(statements.counters(ours).await.unwrap().0.is_empty());

    let other = server.url("postgres").expose().replacen("postgres@", "other@", 1);
    let other = Session::connect(&DatabaseUrl::parse(&other).unwrap(), "test").await.unwrap();
    session.batch("grant usage on schema stats to other").await.unwrap();
    let blind = Statements::find(&other).await.unwrap().unwrap();
    let (_, hidden) = blind.counters(whose).await.unwrap();
    assert!(hidden > 0, "what other roles run is not seen without a word");
    drop((session, other));
    server.stop().await.unwrap();
}
