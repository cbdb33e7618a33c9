//! "Same as": everything that a run must bring to the end, or leave as it was.
//!
//! Two kinds of things: what is compared ([`State::others`], with catalog, data and settings), and
//! what must not be there whenever no run is open ([`State::wrong`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use switchback_engine::cancel::Cancel;
use switchback_postgres::Session;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{self, DataFacts, Scope};
use switchback_postgres::lease;
use switchback_postgres::server::{self, Database, Identity};
use switchback_postgres::settings::DatabaseSettings;

use super::{Host, mode};

const HISTORY: &str = "select coalesce(string_agg(concat_ws(' ', version, name, checksum), ', ' order by version), '') \
    from public.switchback_migrations";

/// For how long something that is on its way out may still be seen.
const GOING: Duration = Duration::from_secs(10);

/// What a finished run may leave beside the target.
const KEPT: &[&str] = &["rp", "failed", "old"];

/// What a host is at one moment.
#[derive(Debug)]
pub struct State {
    /// Every object of the target.
    pub catalog: Catalog,
    /// Every row, sequence and large object of the target.
    pub data: DataFacts,
    /// What belongs to the target and is not in it, with its grants.
    pub settings: DatabaseSettings,
    /// Everything else that two states are compared in, by what it is.
    pub others: BTreeMap<&'static str, String>,
    /// What must not be there when no run is open: leftovers, and files that others could read.
    pub wrong: BTreeSet<String>,
}

impl State {
    pub(super) async fn of(host: &Host) -> Self {
        let admin = host.cluster().session().await;
        let target = host.database().session().await;
        let name = host.database().name().to_owned();
        let (url, never) = (host.url(), Cancel::never());
        let mut data = digest::read(&url, OURS, Scope::default(), &never, &mut |_, _| {}).await.unwrap();
        // Its times are not the same on two hosts; the rest of it is.
        let history = match data.tables.remove("public.switchback_migrations") {
            Some(_) => host.database().text(HISTORY).await,
            None => String::new(),
        };
        let mut databases = server::databases(&admin).await.unwrap();
        databases.retain(|other| other.name == name || other.name.starts_with(&format!("{name}_")));
        let kept =
            |other: &&Database| KEPT.iter().any(|kind| other.name.starts_with(&format!("{name}_{kind}_")));
        let names = databases.iter().filter(|other| !kept(other));
        let names: Vec<_> = names.map(|other| other.name.trim_start_matches(&name).to_owned()).collect();
        let others = BTreeMap::from([
            ("databases", names.join(" ")),
            ("service", host.service()),
            ("answer", answer(host)),
            ("history", history),
            ("commit", host.commit_now()),
            ("working tree", host.changed_files()),
            ("page closed", host.path("maintenance.flag").exists().to_string()),
            ("processes", processes(host.folder.path()).join(", ")),
        ]);
        let mut wrong = BTreeSet::new();
        wrong.extend(databases.iter().filter(kept).filter_map(unkept));
        wrong.extend(held(&admin, &name).await);
        wrong.extend(sessions(&admin, &name).await);
        wrong.extend(readable(host));
        wrong.extend(backups(host));
        let settings = DatabaseSettings::read(&admin, &name).await.unwrap();
        Self { catalog: Catalog::read(&target).await.unwrap(), data, settings, others, wrong }
    }

    /// Checks that `after` is the same as this.
    #[track_caller]
    pub fn assert_same(&self, after: &Self) {
        let differences = self.differences(after);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    /// Whether `other` is the same as this: what is not, one line each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found: Vec<String> =
            self.catalog.diff(&other.catalog).into_iter().map(|d| format!("{d:?}")).collect();
        found.extend(self.data.diff(&other.data).into_iter().map(|d| format!("{d:?}")));
        found.extend(self.settings.differences(&other.settings));
        for (what, before) in &self.others {
            let after = &other.others[what];
            if before != after {
                found.push(format!("{what}: {before}, then {after}"));
            }
        }
        found.extend(other.wrong.difference(&self.wrong).cloned());
        found.extend(self.wrong.difference(&other.wrong).map(|what| format!("no more: {what}")));
        found
    }
}

/// The test's own sessions.
const OURS: &str = "switchback tests";

/// The page as somebody outside sees it: its status and what it says, which is the release that runs.
fn answer(host: &Host) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", host.port)) else { return "nobody listens".into() };
    let mut text = String::new();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    stream.read_to_string(&mut text).unwrap();
    let status = text.lines().next().unwrap_or_default().to_owned();
    format!("{status}, {}", text.lines().last().unwrap_or_default())
}

/// Programs that run in the host's folder: its application, and whatever a run left.
fn processes(folder: &Path) -> Vec<String> {
    let start = Instant::now();
    loop {
        let mut names: Vec<String> = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|entry| {
                std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
            })
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok())
            .map(|name| name.trim().to_owned())
            .collect();
        names.sort();
        // The application and its supervisor; a child of a killed run has its signal and is going.
        if names.len() <= 2 || start.elapsed() > GOING {
            return names;
        }
        pause();
    }
}

fn pause() {
    #[expect(clippy::disallowed_methods, reason = "nothing else is done meanwhile")]
    std::thread::sleep(Duration::from_millis(20));
}

/// A database that a run keeps is closed, and says what it is.
fn unkept(database: &Database) -> Option<String> {
    let says = database.comment.as_deref().is_some_and(|comment| comment.starts_with("kept by switchback"));
    match (database.allow_connections, says) {
        (true, _) => Some(format!("{} is kept and open", database.name)),
        (false, false) => {
            Some(format!("{} is kept and its comment is {:?}", database.name, database.comment))
        }
        (false, true) => None,
    }
}

/// Lease, markers and prepared transactions.
async fn held(admin: &Session, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let identity = Identity::read(admin).await.unwrap();
    // A session of its own: what it takes ends with it.
    let taken = lease::take_lock(admin, &identity, name).await;
    found.extend(taken.err().map(|failure| format!("the lease is held: {failure}")));
    admin.batch("select pg_catalog.pg_advisory_unlock_all()").await.unwrap();
    let marked = "select datname::text from pg_database d where (datname = $1 or starts_with(datname::text, $1 || '_')) \
                  and shobj_description(d.oid, 'pg_database') like 'switchback: %'";
    let rows = admin.rows(marked, &[&name]).await.unwrap();
    found.extend(rows.iter().map(|row| format!("a marker is on {}", row.get::<_, String>(0))));
    let prepared = "select gid from pg_prepared_xacts where database = $1::text::name";
    let rows = admin.rows(prepared, &[&name]).await.unwrap();
    found.extend(rows.iter().map(|row| format!("a transaction is prepared: {}", row.get::<_, String>(0))));
    found
}

/// Sessions of others in the host's databases, and those of its runs elsewhere. A backend ends a
/// moment after its client did, so they are waited for, for a while.
async fn sessions(admin: &Session, name: &str) -> Vec<String> {
    let inside = "select concat_ws(' ', application_name, 'is in', datname) from pg_stat_activity \
                  where application_name <> $2 and (datname = $1::text::name or starts_with(datname::text, $1 || '_'))";
    let start = Instant::now();
    loop {
        let rows = admin.rows(inside, &[&name, &OURS]).await.unwrap();
        if rows.is_empty() || start.elapsed() > GOING {
            return rows.iter().map(|row| row.get(0)).collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What somebody else than their owner could read, of all that was written for the owner alone.
fn readable(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = [".switchback", "backups"].iter().map(|name| host.path(name)).collect();
    while let Some(path) = left.pop() {
        if !path.exists() {
            continue;
        }
        if mode(&path) & 0o077 != 0 {
            found.push(format!(
                "others can read {}",
                path.strip_prefix(host.folder.path()).unwrap_or(&path).display()
            ));
        }
        // A release's files are as its repository has them; the folder round them is closed.
        if path.is_dir() && path.file_name().is_none_or(|name| name != "releases") {
            left.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    found
}

/// Backups that are half there, and those that a run took more than once.
fn backups(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    let mut notes = BTreeSet::new();
    for entry in std::fs::read_dir(host.path("backups")).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let Ok(manifest) = std::fs::read_to_string(entry.path().join("manifest.json")) else {
            found.push(format!("half of a backup: {name}"));
            continue;
        };
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let note = manifest["note"].as_str().unwrap_or_default().to_owned();
        if note.starts_with("run ") && !notes.insert(note.clone()) {
            found.push(format!("a second backup of {note}: {name}"));
        }
    }
    found
}
