//! What the steps of a run may touch: the configuration, the server, the application.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use switchback_engine::log::Log;
use switchback_engine::runner::Ground;
use switchback_engine::step::{Step, StepCx};
use switchback_model::event::{Direction, Operator};
use switchback_model::run::StepState;
use switchback_model::{Config, DatabaseUrl, Failure, Result, RunId, code};
use switchback_postgres::lease;
use switchback_postgres::programs::{self, Bin};
use switchback_postgres::server::{self, Identity};
use switchback_postgres::session::{Session, role_of};

use crate::failover;
use crate::formats::{self, Migrator};
use crate::git::Repository;
use crate::logs::Watch;
use crate::names::Names;
use crate::services::{self, ServiceManager};
use crate::steps::close::Close;
use crate::steps::lease::Lease;
use crate::steps::swap;

/// How long a server that went away is waited for in the middle of a run.
const SERVER_BACK: Duration = Duration::from_mins(1);

/// Everything that steps act on.
pub struct World {
    /// The settings of this run.
    pub config: Config,
    /// The run; empty for commands that are none.
    pub run: RunId,
    /// Who runs it.
    pub operator: Operator,
    /// What databases are called.
    pub names: Names,
    /// Where the run's own files go.
    pub folder: PathBuf,
    /// The watch of the application's log as this process began it: with its file open, it follows
    /// what one that was read from the journal can't.
    pub log_watch: RefCell<Option<Watch>>,
    /// Where this very program is, for what it starts of itself.
    pub program: PathBuf,
    admin: RefCell<Option<Rc<Session>>>,
    lease: RefCell<Option<Rc<Session>>>,
    in_run: Cell<bool>,
    /// The moment on the server before which statements are ended, when a step has to hurry.
    hurried: RefCell<Option<String>>,
}

impl World {
    /// The world of a run (or, with an empty id, of a command).
    pub fn new(config: Config, run: RunId, operator: Operator, folder: PathBuf, program: PathBuf) -> Self {
        let names = Names::of(config.database_url.database(), &run);
        Self {
            config,
            run,
            operator,
            names,
            folder,
            log_watch: RefCell::default(),
            program,
            admin: RefCell::default(),
            lease: RefCell::default(),
            in_run: Cell::new(false),
            hurried: RefCell::default(),
        }
    }

    /// From now on a server that goes away is waited for.
    pub fn begin_run(&self) {
        self.in_run.set(true);
    }

    /// What our sessions are called on the server.
    pub fn application(&self) -> String {
        if self.run.0.is_empty() { "switchback".into() } else { format!("switchback {}", self.run) }
    }

    /// The session in the maintenance database; a lost one is opened again.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn admin(&self) -> Result<Rc<Session>> {
        let open = self.admin.borrow().clone().filter(|session| !session.is_closed());
        if let Some(session) = open {
            return Ok(session);
        }
        let session = Rc::new(self.connect(&self.config.maintenance_url).await?);
        *self.admin.borrow_mut() = Some(session.clone());
        Ok(session)
    }

    /// A new session in a database, by the name that it has now.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn session(&self, database: &str) -> Result<Session> {
        self.connect(&self.url(database)).await
    }

    /// The URL of a database, by the name that it has now, for the role that copies and renames.
    pub fn url(&self, database: &str) -> DatabaseUrl {
        self.config.maintenance_url.with_database(database)
    }

    async fn connect(&self, url: &DatabaseUrl) -> Result<Session> {
        let start = Instant::now();
        loop {
            match Session::connect(url, &self.application()).await {
                Err(failure)
                    if failure.code == code::SERVER_UNREACHABLE
                        && self.in_run.get()
                        && start.elapsed() < SERVER_BACK =>
                {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                other => return other,
            }
        }
    }

    /// The client programs for the server.
    ///
    /// # Errors
    /// As [`programs::find_client`].
    pub async fn client(&self) -> Result<Bin> {
        let identity = Identity::read(&*self.admin().await?).await?;
        programs::find_client(identity.major()).await
    }

    /// The application's service manager, where one is configured.
    pub fn service(&self) -> Option<Box<dyn ServiceManager>> {
        let service = self.config.environment.service.as_ref()?;
        let folder = self.config.working_directory();
        let (name, state) = (&self.config.environment_name, &self.config.state);
        Some(services::manager(service, name, state, &folder, &self.passwords()))
    }

    /// The passwords of the configuration.
    fn passwords(&self) -> Vec<String> {
        let urls = [
            Some(&self.config.database_url),
            Some(&self.config.maintenance_url),
            self.config.scratch_url.as_ref(),
        ];
        urls.into_iter().flatten().filter_map(|url| url.password().map(str::to_owned)).collect()
    }

    /// A failure that quotes the application, without the passwords that it may have written.
    pub fn blanked(&self, mut failure: Failure) -> Failure {
        for secret in self.passwords().iter().filter(|secret| !secret.is_empty()) {
            for cause in &mut failure.causes {
                *cause = cause.replace(secret, "***").replace(&switchback_model::url::encode(secret), "***");
            }
        }
        failure
    }

    /// The application's code, where it is configured.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub async fn repository(&self) -> Result<Option<Repository>> {
        match &self.config.environment.code {
            Some(code) => Repository::open(&code.repository).await.map(Some),
            None => Ok(None),
        }
    }

    /// The application's migrator.
    pub fn migrator(&self) -> Box<dyn Migrator> {
        formats::migrator(&self.config, &self.program)
    }

    /// Takes the lease, or takes it again after its session was lost.
    ///
    /// # Errors
    /// [`code::TARGET_LEASED`], [`code::OTHER_SERVER`].
    pub async fn hold_lease(&self, expected: &Identity) -> Result<()> {
        let before = self.lease.borrow().clone();
        if let Some(session) = before.as_ref().filter(|session| !session.is_closed()) {
            match lease::has_lock(session, expected, &self.names.target).await {
                Ok(true) => return Ok(()),
                Err(failure) if failure.code != code::CONNECTION_LOST => return Err(failure),
                _ => {}
            }
        }
        let session = self.connect(&self.config.maintenance_url).await?;
        same_server(expected, &Identity::read(&session).await?)?;
        if let Some(before) = before {
            lease::end_holder(&session, expected, &self.names.target, before.pid()).await?;
        }
        lease::take_lock(&session, expected, &self.names.target).await?;
        *self.lease.borrow_mut() = Some(Rc::new(session));
        Ok(())
    }

    /// Lets go of the lease: its session ends.
    pub fn release_lease(&self) {
        self.lease.borrow_mut().take();
    }

    /// Ends what an earlier process of this run left on the server: its sessions and its programs'.
    ///
    /// # Errors
    /// As [`World::admin`].
    pub async fn end_leftovers(&self) -> Result<usize> {
        let admin = self.admin().await?;
        let mine = [Some(admin.pid()), self.lease.borrow().as_ref().map(|session| session.pid())];
        let mine: Vec<i32> = mine.into_iter().flatten().collect();
        let sql = "select pid from pg_stat_activity where application_name = any($1) \
                   and not pid = any($2)";
        let start = Instant::now();
        let mut ended = 0;
        let (migrator, monitor) = (migrator_application(&self.run), crate::monitor::application(&self.run));
        let names = [self.application(), migrator, monitor];
        loop {
            let left = admin.rows(sql, &[&names.as_slice(), &mine]).await?;
            if left.is_empty() {
                return Ok(ended);
            }
            if start.elapsed() > SERVER_BACK {
                return Err(Failure::new(
                    code::EFFECT_UNCLEAR,
                    "a session of this run's earlier process does not end",
                )
                .hint("see it: select * from pg_stat_activity where application_name like 'switchback%'"));
            }
            ended = ended.max(left.len());
            admin
                .rows("select pg_terminate_backend(pid) from unnest($1::int4[]) pid", &[&pids(&left)])
                .await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Cancels what sessions of this run have asked the server for before the first call of this. What
    /// they ask for later is theirs to put things in order with.
    async fn cancel_what_was_asked(&self) -> Result<()> {
        // Our other sessions answer when they have their answer: that is what is waited for.
        let session = Session::connect(&self.config.maintenance_url, &self.application()).await?;
        let before = self.hurried.borrow().clone();
        let before = match before {
            Some(before) => before,
            None => session.one("select statement_timestamp()::text", &[]).await?.get(0),
        };
        *self.hurried.borrow_mut() = Some(before.clone());
        let sql = "select pg_cancel_backend(pid) from pg_stat_activity where application_name = $1 \
                   and state = 'active' and pid <> pg_backend_pid() and query_start < $2::text::timestamptz";
        session.rows(sql, &[&self.application(), &before]).await.map(drop)
    }

    /// The roles that a run works as behind the fence: our own and the migrator's.
    ///
    /// # Errors
    /// As [`World::admin`].
    pub async fn roles(&self) -> Result<Vec<String>> {
        let ours: String = self.admin().await?.one("select current_user::text", &[]).await?.get(0);
        let mut roles = vec![ours, role_of(&self.config.migrator_url())];
        roles.dedup();
        Ok(roles)
    }

    /// The databases of the server by identity.
    ///
    /// # Errors
    /// As [`server::databases`].
    pub async fn database(&self, name: &str) -> Result<Option<server::Database>> {
        server::database(&*self.admin().await?, name).await
    }
}

fn pids(rows: &[switchback_postgres::Row]) -> Vec<i32> {
    rows.iter().map(|row| row.get(0)).collect()
}

/// What the migrator's sessions are called on the server.
pub fn migrator_application(run: &RunId) -> String {
    format!("switchback {run} migrator")
}

/// A run goes on with the server that it began with.
///
/// # Errors
/// [`code::OTHER_SERVER`].
pub fn same_server(expected: &Identity, found: &Identity) -> Result<()> {
    if expected.system_identifier == found.system_identifier && expected.timeline == found.timeline {
        return Ok(());
    }
    let message = if expected.system_identifier == found.system_identifier {
        format!("the server was promoted: its timeline was {} and is {}", expected.timeline, found.timeline)
    } else {
        "another server answers than the one that the run began with".to_owned()
    };
    Err(Failure::new(code::OTHER_SERVER, message)
        .changed("nothing was done on this server")
        .hint("look at maintenance_url and database_url; then: switchback resume, or switchback rollback"))
}

#[async_trait(?Send)]
impl Ground for World {
    async fn may_act(&self, cx: &StepCx<'_, Self>) -> Result<()> {
        let held = cx.state_of(Lease::KIND) == Some(StepState::Done)
            && !matches!(cx.state_of(Close::KIND), Some(StepState::Done | StepState::Undoing));
        if !held {
            return Ok(());
        }
        let server = failover::server(cx)?;
        self.hold_lease(&server).await.map_err(lost)?;
        // An address can be switched while our own session still speaks to the server before.
        let anew = self.connect(&self.config.maintenance_url).await?;
        same_server(&server, &Identity::read(&anew).await?).map_err(lost)?;
        // `close` itself removes the marker; what is left of it is its own business.
        if cx.id() == Close::KIND {
            return Ok(());
        }
        let open = lease::open_marker(&*self.admin().await?, &self.names.target).await?;
        match open {
            Some((marker, _)) if marker.run == self.run.0 => Ok(()),
            Some((marker, _)) => Err(lost(marker.refusal())),
            None => mark_again(cx, &Lease::of(cx)?).await,
        }
    }

    async fn taken_up(&self, log: &Log, direction: Direction) -> Result<()> {
        failover::take_up(self, log, direction).await
    }

    async fn hurry(&self) {
        // Where the server can't be asked now, it is asked again.
        drop(self.cancel_what_was_asked().await);
    }

    fn downtime_ms(&self, log: &Log) -> Option<u64> {
        crate::steps::downtime_ms(&log.view(), switchback_engine::clock::now())
    }
}

/// Somebody overwrote the comment. With the lock in our hands, no other run's marker and the very
/// database of this run, the marker is written again; anything else is for a person.
async fn mark_again(cx: &StepCx<'_, World>, step: &Lease) -> Result<()> {
    let world = cx.world;
    let name = crate::target::name_now(world).await?;
    let found = world.database(&name).await?.map(|database| database.oid);
    let swapped_in = swap::swapped_in(cx)?;
    if found.is_some() && (found == Some(step.oid) || found == swapped_in) {
        cx.warn(format!("the marker of this run was gone from `{name}`; it was written again"));
        let mut before = cx.try_output::<Lease>()?.unwrap_or_default();
        if let Ok(settings) = crate::steps::record::settings(world) {
            before.comment = settings.comment;
        }
        let marker = crate::steps::lease::marker(world, &before).text();
        return lease::set_comment(&*world.admin().await?, &name, Some(&marker)).await;
    }
    Err(Failure::new(code::LEASE_LOST, "the marker of this run is gone from the server")
        .cause(format!("`{name}` is not the database that the run began with"))
        .hint("somebody restored or replaced the target: look before anything else"))
}

/// A lease that can't be held in the middle of a run stops it where it is. Where only the line broke
/// while it was looked at, nobody else has it for that: the next look takes it again.
fn lost(failure: Failure) -> Failure {
    if failure.code == code::CONNECTION_LOST {
        return failure;
    }
    let mut lost = Failure::new(code::LEASE_LOST, "the run lost its hold of the target");
    lost.causes.push(failure.to_string());
    lost.causes.extend(failure.causes);
    lost.hints = failure.hints;
    lost
}
