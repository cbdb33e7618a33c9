//! "Same as": everything that a run must bring to the end, or leave as it was.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use switchback_engine::cancel::Cancel;
use switchback_postgres::Session;
use switchback_postgres::catalog::Catalog;
use switchback_postgres::digest::{self, DataFacts, Scope};
use switchback_postgres::server;
use switchback_postgres::settings::DatabaseSettings;

use super::{Host, mode};

const HISTORY: &str = "select coalesce(string_agg(concat_ws(' ', version, name, checksum), ', ' order by version), '') \
    from public.switchback_migrations";

/// What a host is at one moment.
#[derive(Debug)]
pub struct State {
    /// Every object of the target.
    pub catalog: Catalog,
    /// Every row, sequence and large object of the target.
    pub data: DataFacts,
    /// What belongs to the target and is not in it.
    pub settings: DatabaseSettings,
    /// Databases that are there because of this host, but for what a finished run keeps.
    pub databases: BTreeSet<String>,
    /// Sessions of Switchback and its programs.
    pub sessions: i64,
    /// Locks and markers that are held.
    pub held: i64,
    /// The service, and whether it is blocked.
    pub service: String,
    /// What plain SQL's history says, without its times.
    pub history: String,
    /// The checked out commit.
    pub commit: String,
    /// What in the checkout is not that commit's.
    pub changed_code: String,
    /// Whether the page is closed.
    pub page_closed: bool,
    /// Files of ours that others could read.
    pub readable: Vec<String>,
}

impl State {
    pub(super) async fn of(host: &Host) -> Self {
        let admin = host.cluster().session().await;
        let target = host.database().session().await;
        let name = host.database().name().to_owned();
        let (url, never) = (host.url(), Cancel::never());
        let mut data = digest::read(&url, "testkit", Scope::default(), &never, &mut |_, _| {}).await.unwrap();
        // Its times are not the same on two hosts; the rest of it is.
        let history = match data.tables.remove("public.switchback_migrations") {
            Some(_) => host.database().text(HISTORY).await,
            None => String::new(),
        };
        let kept = |other: &String| {
            ["rp", "failed", "old"].iter().any(|kind| other.starts_with(&format!("{name}_{kind}_")))
        };
        let all = server::databases(&admin).await.unwrap().into_iter().map(|database| database.name);
        let ours = all.filter(|other| other.starts_with(&name) && !kept(other));
        let sessions = sessions(&admin, &name).await;
        let marker = "select count(*) from pg_database d where d.datname like $1 \
                      and shobj_description(d.oid, 'pg_database') like 'switchback: %'";
        let held = admin.one(marker, &[&format!("{name}%")]).await.unwrap().get(0);
        Self {
            catalog: Catalog::read(&target).await.unwrap(),
            data,
            settings: DatabaseSettings::read(&admin, &name).await.unwrap(),
            databases: ours.collect(),
            sessions,
            held,
            service: host.service(),
            history,
            commit: host.commit_now(),
            changed_code: host.changed_code(),
            page_closed: host.path("maintenance.flag").exists(),
            readable: readable(&host.path(".switchback")),
        }
    }

    /// What is not the same, one line each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found: Vec<String> =
            self.catalog.diff(&other.catalog).into_iter().map(|d| format!("{d:?}")).collect();
        found.extend(self.data.diff(&other.data).into_iter().map(|d| format!("{d:?}")));
        found.extend(self.settings.differences(&other.settings));
        let mut say = |what: &str, before: String, after: String| {
            if before != after {
                found.push(format!("{what}: {before}, then {after}"));
            }
        };
        say("sessions", self.sessions.to_string(), other.sessions.to_string());
        say("markers", self.held.to_string(), other.held.to_string());
        say("databases", self.databases.len().to_string(), format!("{}", other.databases.len()));
        say("service", self.service.clone(), other.service.clone());
        say("history", self.history.clone(), other.history.clone());
        say("commit", self.commit.clone(), other.commit.clone());
        say("changed code", self.changed_code.clone(), other.changed_code.clone());
        say("page closed", self.page_closed.to_string(), other.page_closed.to_string());
        found.extend(other.readable.iter().map(|file| format!("others can read {file}")));
        found
    }
}

/// Sessions of ours in the host's databases. A backend ends a moment after its client did, so those
/// that are not the look itself are waited for, for a while.
async fn sessions(admin: &Session, name: &str) -> i64 {
    let mine =
        "select count(*) from pg_stat_activity where application_name like 'switchback%' and datname like $1";
    let start = Instant::now();
    loop {
        let count = admin.one(mine, &[&format!("{name}%")]).await.unwrap().get(0);
        if count <= 1 || start.elapsed() > Duration::from_secs(10) {
            return count;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Files and folders that somebody else than their owner could read.
fn readable(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let inside_release = path.components().any(|part| part.as_os_str() == "releases");
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if mode(&path) & 0o077 != 0 && !inside_release {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
