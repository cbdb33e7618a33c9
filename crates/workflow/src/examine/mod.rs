//! What `doctor` and the preflight of a run look at, before anything is touched.
//!
//! An examination is one file, one trait and one line in [`EXAMINATIONS`]. It changes nothing, and
//! says all that it sees: a look each, in one line, with the cure as a command. One that can't be
//! made is itself a bad look, for what was not seen is not known to be well.

mod code;
mod commands;
pub(crate) mod disk;
mod health;
pub(crate) mod leftovers;
mod logs;
mod migrator;
mod page;
mod pooling;
mod programs;
mod replication;
mod restoring;
mod rights;
mod scratch;
mod scripts;
mod server;
mod service;
mod target;

use std::rc::Rc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use switchback_engine::exec::shell_word;
use switchback_model::config::{FenceKind, RestorePointKind};
use switchback_model::{Config, Failure, Result, code as codes};
use switchback_postgres::server::Identity;
use switchback_postgres::session::Session;

use crate::world::World;

pub use disk::needed as disk_needed;

/// The title of the look at the health URL.
pub const HEALTH: &str = "health";

/// What a look comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As it should be.
    Good,
    /// A person should know; nothing is stopped by it.
    Note,
    /// A run would fail, or would promise what it can't keep.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// What it comes to.
    pub mark: Mark,
    /// What was looked at.
    pub title: String,
    /// What was seen.
    pub detail: String,
    /// What helps, as a command where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Look {
    pub(crate) fn new(mark: Mark, title: &str, detail: impl Into<String>) -> Self {
        Self { mark, title: title.to_owned(), detail: one_line(&detail.into()), cure: None }
    }

    pub(crate) fn good(title: &str, detail: impl Into<String>) -> Self {
        Self::new(Mark::Good, title, detail)
    }

    pub(crate) fn note(title: &str, detail: impl Into<String>) -> Self {
        Self::new(Mark::Note, title, detail)
    }

    pub(crate) fn bad(title: &str, detail: impl Into<String>) -> Self {
        Self::new(Mark::Bad, title, detail)
    }

    /// Bad where a run needs it, else a note.
    fn needed(needed: bool, title: &str, detail: impl Into<String>) -> Self {
        Self::new(if needed { Mark::Bad } else { Mark::Note }, title, detail)
    }

    pub(crate) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(one_line(&cure.into()));
        self
    }

    /// A failure as a look: its sentence, the last line of what lies underneath, its hints.
    pub(crate) fn failed(title: &str, failure: &Failure) -> Self {
        let mut detail = failure.message.clone();
        let last =
            failure.causes.iter().find_map(|cause| cause.lines().rev().find(|line| !line.trim().is_empty()));
        if let Some(last) = last.filter(|last| !detail.contains(last.trim())) {
            detail = format!("{detail}: {}", last.trim());
        }
        let look = Self::bad(title, detail);
        if failure.hints.is_empty() { look } else { look.cure(failure.hints.join("; ")) }
    }
}

/// What a run will need. An examination takes as bad only what stands in the way of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each of these is needed or not, whatever the others are")]
pub struct Needs {
    /// The target is copied on its server.
    pub copy: bool,
    /// A dump is taken and proven by restoring it.
    pub dump: bool,
    /// The target is renamed, so that others find no database.
    pub closed_fence: bool,
    /// The target may be exchanged for its restore point.
    pub swap: bool,
    /// The application's migrator is called.
    pub migrations: bool,
    /// The restore point is chosen by what the role may do.
    #[serde(default)]
    pub automatic: bool,
    /// Migrations that have no downgrade, where that is the only way back; each with the reason.
    #[serde(default)]
    pub no_down: Vec<String>,
    /// The scripts that will run: path and text.
    #[serde(skip)]
    pub scripts: Vec<(String, String)>,
    /// The release that the code is switched to.
    pub release: Option<String>,
}

impl Needs {
    /// What a deploy with this configuration needs.
    pub fn of(config: &Config) -> Self {
        let point = config.environment.restore_point;
        Self {
            copy: matches!(point, RestorePointKind::Auto | RestorePointKind::Clone),
            dump: true,
            closed_fence: config.environment.fence == FenceKind::Closed,
            swap: point != RestorePointKind::Down,
            migrations: true,
            automatic: point == RestorePointKind::Auto,
            no_down: Vec::new(),
            scripts: Vec::new(),
            release: None,
        }
    }
}

/// Which connection an examination can't do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// None.
    None,
    /// The one to the maintenance database.
    Maintenance,
    /// That one, and one of the same role to the target.
    Target,
}

/// What an examination is given. The connections are made once, so that a server that is not there
/// is waited for once and reported once.
pub struct Site<'a> {
    /// The world that is looked at.
    pub world: &'a World,
    /// What the run needs.
    pub needs: &'a Needs,
    admin: Result<Rc<Session>>,
    target: Result<Rc<Session>>,
    application: Result<Rc<Session>>,
    identity: Result<Identity>,
}

impl<'a> Site<'a> {
    async fn open(world: &'a World, needs: &'a Needs) -> Self {
        let admin = world.admin().await;
        // What can't be reached under one name is not asked again under another.
        let identity = match &admin {
            Ok(session) => Identity::read(session).await,
            Err(failure) => Err(failure.clone()),
        };
        let target = match &admin {
            Ok(_) => world.session(&world.names.target).await.map(Rc::new),
            Err(failure) => Err(failure.clone()),
        };
        let application = match &admin {
            Err(failure) if unreachable_too(failure, world) => Err(failure.clone()),
            _ => Session::connect(&world.config.migrator_url(), &world.application()).await.map(Rc::new),
        };
        Self { world, needs, admin, target, application, identity }
    }

    /// The session in the maintenance database.
    pub fn admin(&self) -> Result<&Session> {
        borrowed(&self.admin)
    }

    /// A session of the maintenance role in the target.
    pub fn target(&self) -> Result<&Session> {
        borrowed(&self.target)
    }

    /// A session as the application's migrator has it.
    pub fn application(&self) -> Result<&Session> {
        borrowed(&self.application)
    }

    /// Which server it is.
    pub fn identity(&self) -> Result<&Identity> {
        self.identity.as_ref().map_err(Clone::clone)
    }

    /// The name of the target.
    pub fn name(&self) -> &str {
        &self.world.names.target
    }

    fn has(&self, connection: Connection) -> bool {
        match connection {
            Connection::None => true,
            Connection::Maintenance => self.admin.is_ok(),
            Connection::Target => self.admin.is_ok() && self.target.is_ok(),
        }
    }
}

/// A server that is silent is waited for once.
fn unreachable_too(failure: &Failure, world: &World) -> bool {
    let (one, other) = (&world.config.maintenance_url, &world.config.database_url);
    failure.code == codes::SERVER_UNREACHABLE && one.host() == other.host() && one.port() == other.port()
}

fn borrowed(session: &Result<Rc<Session>>) -> Result<&Session> {
    session.as_deref().map_err(Clone::clone)
}

/// One area that is looked at.
#[async_trait(?Send)]
pub trait Examination: Sync {
    /// What it is called, as its file is.
    fn name(&self) -> &'static str;

    /// The connection that it can't do without.
    fn connection(&self) -> Connection {
        Connection::None
    }

    /// Looks, without changing anything.
    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>>;
}

/// Every examination, in the order in which a person reads them.
pub const EXAMINATIONS: &[&dyn Examination] = &[
    &server::Server,
    &pooling::Pooling,
    &programs::Programs,
    &scratch::Scratch,
    &rights::Rights,
    &restoring::Restoring,
    &disk::Disk,
    &target::Target,
    &replication::Replication,
    &leftovers::Leftovers,
    &migrator::Migrator,
    &scripts::Scripts,
    &code::Code,
    &commands::Commands,
    &service::Service,
    &page::Page,
    &health::Health,
    &logs::Logs,
];

/// Makes every examination; `progress` hears the name of each before it begins.
pub async fn examine(world: &World, needs: &Needs, progress: &mut dyn FnMut(&'static str)) -> Vec<Look> {
    progress("connections");
    let site = Site::open(world, needs).await;
    let mut looks = Vec::new();
    for examination in EXAMINATIONS {
        progress(examination.name());
        looks.extend(one(*examination, &site).await);
    }
    looks
}

/// The looks before a run that had succeeded is taken back: what its fence and its way back need. All
/// else was looked at before the run, or is of no use to it.
pub(crate) async fn before_way_back(world: &World, needs: &Needs) -> Vec<Look> {
    let site = Site::open(world, needs).await;
    let mut looks = Vec::new();
    for examination in [&rights::Rights as &dyn Examination, &target::Target, &replication::Replication] {
        looks.extend(one(examination, &site).await);
    }
    looks
}

/// What the bad ones among looks come to, each with its cure.
pub(crate) fn refusal(looks: &[Look]) -> Option<Failure> {
    let bad: Vec<_> = looks.iter().filter(|look| look.mark == Mark::Bad).collect();
    let first = bad.first()?;
    let message = match bad.len() {
        1 => format!("{}: {}", first.title, first.detail),
        more => format!("{more} things stand in the way"),
    };
    let mut failure = Failure::new(codes::PREFLIGHT, message).changed("nothing was changed");
    for look in &bad {
        if bad.len() > 1 {
            failure = failure.cause(format!("{}: {}", look.title, look.detail));
        }
        if let Some(cure) = &look.cure {
            failure = failure.hint(cure);
        }
    }
    Some(failure)
}

async fn one(examination: &dyn Examination, site: &Site<'_>) -> Vec<Look> {
    let name = examination.name();
    if !site.has(examination.connection()) {
        return vec![Look::bad(name, "not looked at: no connection")];
    }
    examination.look(site).await.unwrap_or_else(|failure| vec![Look::failed(name, &failure)])
}

/// A list that stays readable: the first few, and how many more there are.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A statement for the maintenance role in a database, as a command that a person can paste. The
/// password is not in it; psql asks.
fn psql(site: &Site<'_>, database: &str, sql: &str) -> String {
    psql_as(site, site.world.config.maintenance_url.user(), database, sql)
}

/// A statement that the role itself may not run.
fn as_superuser(site: &Site<'_>, database: &str, sql: &str) -> String {
    format!("as a superuser: {}", psql_as(site, None, database, sql))
}

fn psql_as(site: &Site<'_>, user: Option<&str>, database: &str, sql: &str) -> String {
    let url = &site.world.config.maintenance_url;
    let parts = [("-h", Some(url.host())), ("-p", url.port()), ("-U", user), ("-d", Some(database))];
    let mut command = "psql".to_owned();
    for (flag, value) in parts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            command = format!("{command} {flag} {}", shell_word(value));
        }
    }
    format!("{command} -c {}", shell_word(sql))
}

#[cfg(test)]
mod tests;
