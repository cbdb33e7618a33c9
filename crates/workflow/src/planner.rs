//! Configuration, server and scripts in; an ordered plan out. Nothing is changed by planning.

use std::path::{Path, PathBuf};

use switchback_engine::step::{Step, StepCx, planned};
use switchback_engine::{clock, journal};
use switchback_model::config::{FenceKind, Manager, RestorePointKind};
use switchback_model::plan::{Outlook, Pending, PlannedStep, Release, WayBack};
use switchback_model::{Failure, Plan, Result, code};
use switchback_postgres::lease as marker;
use switchback_postgres::server::{self, Identity, Rights};

use crate::examine::Needs;
use crate::formats::{Difference, Script, Scripts, refuse_drift};
use crate::gates;
use crate::pairs::{self, Fit};
use crate::steps::apply::Apply;
use crate::steps::backup::Backup;
use crate::steps::close::Close;
use crate::steps::fence::Fence;
use crate::steps::health::HealthCheck;
use crate::steps::lease::Lease;
use crate::steps::maintenance::MaintenanceOn;
use crate::steps::preflight::Preflight;
use crate::steps::prepare::Prepare;
use crate::steps::record::Record;
use crate::steps::restore::Restore;
use crate::steps::restore_point::RestorePoint;
use crate::steps::smoke::Smoke;
use crate::steps::start::Start;
use crate::steps::stop::Stop;
use crate::steps::switch_code::SwitchCode;
use crate::steps::tests::Tests;
use crate::steps::validate::Validate;
use crate::steps::verify_version::VerifyVersion;
use crate::steps::window::LookAtWindow;
use crate::world::World;

/// What planning found out.
struct Found {
    identity: Identity,
    oid: u32,
    current: Vec<String>,
    release_before: Option<Release>,
    release_after: Option<Release>,
    root: PathBuf,
    scripts: Scripts,
    restore_point: RestorePointKind,
    notes: Vec<String>,
}

/// Makes the plan of a deploy to `release` (a git reference; without one, the files in place).
///
/// # Errors
/// [`code::TARGET_LEASED`] where a run is open, the migrator's errors (two heads, unknown
/// revision), [`code::RELEASE_UNKNOWN`], [`code::CODE_DIRTY`] for migrations that no release has,
/// [`code::NOTHING_TO_DO`], and those of a connection.
pub async fn plan(world: &World, release: Option<&str>) -> Result<Plan> {
    crate::checks::configuration(&world.config)?;
    let found = find(world, release).await?;
    if found.scripts.pending.is_empty() && found.release_before == found.release_after {
        return Err(Failure::new(
            code::NOTHING_TO_DO,
            format!("nothing is pending: the target is at {} and so is the release", shown(&found.current)),
        ));
    }
    let steps = steps(world, &found)?;
    let mut plan = Plan {
        format: 1,
        run: world.run.clone(),
        made_at: clock::now(),
        environment: world.config.environment_name.clone(),
        target: world.names.target.clone(),
        server: place(world),
        server_version: found.identity.version.clone(),
        tool: world.migrator().name().to_owned(),
        release_before: found.release_before.clone(),
        release_after: found.release_after.clone(),
        revision_before: found.current.clone(),
        revision_after: after(&found),
        pending: found
            .scripts
            .pending
            .iter()
            .map(|script| Pending {
                revision: script.revision.clone(),
                name: script.name.clone(),
                path: script.path.clone(),
            })
            .collect(),
        digest: found.scripts.digest.clone(),
        gates: gates::names(&world.config.environment),
        gate_states: Vec::new(),
        ways_back: ways_back(world, &found),
        notes: found.notes.iter().chain(&found.scripts.notes).cloned().chain(service_note(world)).collect(),
        outlook: Outlook::default(),
        steps,
        settings: world.config.snapshot.clone(),
    };
    crate::estimate::fill(world, &mut plan).await?;
    // Last: the window asks how long the steps will take.
    plan.gate_states = gates::states(world, &plan)?;
    plan.notes.extend(gates::notes(world, &plan)?);
    Ok(plan)
}

/// What a deploy would run, and what may keep it from being planned.
#[derive(Debug)]
pub struct Unplanned {
    /// The folder with the release's files.
    pub root: PathBuf,
    /// What is pending.
    pub scripts: Scripts,
    /// Where the target's history and the files tell different stories.
    pub differences: Vec<Difference>,
}

/// What a deploy of the files in place, or of a release, would run, also where it would be refused because
/// the history and the files differ.
///
/// # Errors
/// As [`plan`], but for [`code::HISTORY_DIFFERS`] and [`code::NOTHING_TO_DO`].
pub async fn unplanned(world: &World, release: Option<&str>) -> Result<Unplanned> {
    let session = world.session(&world.names.target).await?;
    let current = world.migrator().current(&session).await?;
    let (before, after) = releases(world, release).await?;
    let root = files_of(world, before.as_ref(), after.as_ref()).await?;
    let scripts = world.migrator().scripts(&root, &current, None)?;
    let differences = world.migrator().drift(&root, &session).await?.unwrap_or_default();
    Ok(Unplanned { root, scripts, differences })
}

async fn find(world: &World, release: Option<&str>) -> Result<Found> {
    let admin = world.admin().await?;
    let target = server::database(&admin, &world.names.target).await?;
    if let Some((marker, _)) = marker::open_marker(&admin, &world.names.target).await? {
        return Err(crate::open_run::refusal(world, &marker));
    }
    let identity = Identity::read(&admin).await?;
    let session = world.session(&world.names.target).await?;
    let current = world.migrator().current(&session).await?;
    let (release_before, release_after) = releases(world, release).await?;
    only_of_a_release(world).await?;
    let root = files_of(world, release_before.as_ref(), release_after.as_ref()).await?;
    if let Some(release) = release_after.as_ref().filter(|_| release.is_some())
        && let Fit::Older(unknown) = pairs::fit(&*world.migrator(), &root, &current)?
    {
        return Err(pairs::older(world, release, &unknown, &current));
    }
    let scripts = world.migrator().scripts(&root, &current, None)?;
    refuse_drift(&*world.migrator(), &root, &session).await?;
    let (restore_point, notes) = restore_point(world).await?;
    let oid = target.map(|target| target.oid).unwrap_or_default();
    Ok(Found { identity, oid, current, release_before, release_after, root, scripts, restore_point, notes })
}

/// Refuses migrations in the checkout that its commit does not have, or has otherwise: the plan would name
/// a release, and apply something else.
async fn only_of_a_release(world: &World) -> Result<()> {
    let Some(repository) = world.repository().await? else { return Ok(()) };
    let (mut files, others) = repository.unlike_head(&world.config.migrations.directory).await?;
    let migrator = world.migrator();
    files.extend(others.into_iter().filter(|path| migrator.reads(Path::new(path))));
    if files.is_empty() { Ok(()) } else { Err(repository.not_of_a_release(&files)) }
}

pub(crate) async fn releases(
    world: &World,
    release: Option<&str>,
) -> Result<(Option<Release>, Option<Release>)> {
    match (world.repository().await?, release) {
        (None, None) => Ok((None, None)),
        (None, Some(release)) => Err(Failure::new(
            code::RELEASE_UNKNOWN,
            format!("release {release} can't be found: no repository is configured"),
        )
        .hint(
            "add [environments.NAME.code] repository = \"…\", or deploy the files in place without --release",
        )),
        (Some(repository), release) => {
            let before = repository.head().await?;
            let after = match release {
                Some(release) => repository.resolve(release).await?,
                None => before.clone(),
            };
            Ok((Some(before), Some(after)))
        }
    }
}

/// A folder with the files of the release: the checkout where it is the one, else a copy beside it.
pub(crate) async fn files_of(
    world: &World,
    before: Option<&Release>,
    after: Option<&Release>,
) -> Result<PathBuf> {
    let in_place = world.config.working_directory();
    let (Some(before), Some(after)) = (before, after) else { return Ok(in_place) };
    if before.commit == after.commit {
        return Ok(in_place);
    }
    release_files(world, after).await
}

/// A copy of a release's files, in the state folder.
///
/// # Errors
/// As [`crate::git::Repository::worktree`] and [`journal::private_folder`].
pub async fn release_files(world: &World, release: &Release) -> Result<PathBuf> {
    let releases = world.config.state.join("releases");
    let folder = releases.join(&release.commit);
    if let Some(repository) = world.repository().await?
        && !folder.is_dir()
    {
        // A plan may be the first that makes the state folder, which is nobody else's to look into.
        journal::private_folder(&releases)?;
        repository.worktree(release, &folder).await?;
    }
    Ok(folder)
}

/// The kind of restore point, and what a person should know of it.
async fn restore_point(world: &World) -> Result<(RestorePointKind, Vec<String>)> {
    let rights = Rights::read(&*world.admin().await?, &world.names.target).await?;
    let asked = world.config.environment.restore_point;
    match asked {
        RestorePointKind::Auto if rights.create_database && rights.owner => {
            Ok((RestorePointKind::Clone, Vec::new()))
        }
        // A dump would have to become a database on the way back, which is the right that is missing.
        RestorePointKind::Auto => {
            let note = format!(
                "role {} can't make databases: there is no restore point, and the way back is the downgrade, tried on \
                 a copy on the scratch server",
                rights.role
            );
            Ok((RestorePointKind::Down, vec![note]))
        }
        asked => Ok((asked, Vec::new())),
    }
}

/// What the service manager can't promise.
fn service_note(world: &World) -> Option<String> {
    let service = world.config.environment.service.as_ref()?;
    let open = service.manager == Manager::Command && service.block.is_empty();
    open.then(|| "the service has no `block` command: in a run nobody but Switchback is kept from starting it, and a reboot may".to_owned())
}

fn steps(world: &World, found: &Found) -> Result<Vec<PlannedStep>> {
    let environment = &world.config.environment;
    let migrates = !found.scripts.pending.is_empty();
    let mut steps = Steps(Vec::new());
    let paths: Vec<String> = found.scripts.pending.iter().map(|script| script.path.clone()).collect();
    steps.push(&Preflight {
        needs: needs(world, found),
        root: found.root.clone(),
        scripts: paths.clone(),
    })?;
    steps.push(&Lease { identity: found.identity.clone(), oid: found.oid })?;
    steps.push(&Record { revision: found.current.clone(), models: migrates })?;
    if migrates {
        steps.push(&Backup {})?;
    }
    let switches = found.release_after.clone().filter(|_| found.release_before != found.release_after);
    if let Some(release) = switches.clone().filter(|_| prepares(world)) {
        steps.push(&Prepare { release })?;
    }
    if environment.window.is_some() {
        steps.push(&LookAtWindow { opens: None })?;
    }
    if environment.maintenance.is_some() {
        steps.push(&MaintenanceOn {})?;
    }
    if environment.service.is_some() {
        steps.push(&Stop {})?;
    }
    if migrates {
        steps.push(&Fence { kind: environment.fence })?;
        steps.push(&RestorePoint { kind: found.restore_point })?;
    }
    if let Some(release) = switches {
        steps.push(&SwitchCode { release })?;
    }
    for script in &found.scripts.pending {
        steps.0.push(planned::<World, _>(&Apply::of(script), Some(&script.revision))?);
    }
    steps.push(&VerifyVersion { revision: after(found) })?;
    if migrates {
        steps.push(&Validate { scripts: paths })?;
    }
    steps.push(&Start { fenced: migrates })?;
    steps.push(&HealthCheck {})?;
    if !world.config.smoke.is_empty() {
        let names = world.config.smoke.iter().map(|test| test.name.clone()).collect();
        steps.push(&Smoke { names })?;
    }
    if !environment.tests.is_empty() {
        steps.push(&Tests {})?;
    }
    steps.push(&Close {})?;
    Ok(steps.0)
}

pub(crate) fn prepares(world: &World) -> bool {
    world.config.environment.code.as_ref().is_some_and(|code| !code.prepare.is_empty())
}

/// Planned steps, in their order.
pub(crate) struct Steps(pub(crate) Vec<PlannedStep>);

impl Steps {
    pub(crate) fn push<S: Step<World>>(&mut self, step: &S) -> Result<()> {
        self.0.push(planned::<World, S>(step, None)?);
        Ok(())
    }
}

fn needs(world: &World, found: &Found) -> Needs {
    let migrates = !found.scripts.pending.is_empty();
    let copies = matches!(found.restore_point, RestorePointKind::Clone | RestorePointKind::Dump);
    Needs {
        copy: migrates && found.restore_point == RestorePointKind::Clone,
        // The backup step dumps and proves, whatever the restore point is.
        dump: migrates,
        closed_fence: migrates && world.config.environment.fence == FenceKind::Closed,
        swap: migrates && copies,
        migrations: migrates,
        automatic: world.config.environment.restore_point == RestorePointKind::Auto,
        no_down: no_down(world, found),
        scripts: Vec::new(),
        release: found.release_after.as_ref().map(|release| release.name.clone()),
    }
}

/// The migrations that only a copy could take back, where there will be none; or where it may not take
/// the target's place: behind a read-only fence nobody knows whose a write is.
fn no_down(world: &World, found: &Found) -> Vec<String> {
    let without = |script: &Script| {
        let why = script.no_down.as_ref()?;
        Some(format!("{}: {why}", script.revision))
    };
    let read_only = world.config.environment.fence == FenceKind::ReadOnly;
    if read_only || found.restore_point == RestorePointKind::Down {
        found.scripts.pending.iter().filter_map(without).collect()
    } else {
        Vec::new()
    }
}

fn after(found: &Found) -> Vec<String> {
    found.scripts.pending.last().map_or_else(|| found.current.clone(), |last| last.after.clone())
}

fn ways_back(world: &World, found: &Found) -> Vec<WayBack> {
    let way = |when: &str, how: &str| WayBack { when: when.to_owned(), how: how.to_owned() };
    if found.scripts.pending.is_empty() {
        return vec![way(
            "at every point",
            "the previous release is put back and started; the target is not touched",
        )];
    }
    let restore = match found.restore_point {
        RestorePointKind::Down => "each migration is downgraded, after that was tried on a copy",
        RestorePointKind::Dump => {
            "the dump is restored beside the target, compared, and takes its place by rename"
        }
        RestorePointKind::Clone | RestorePointKind::Auto => {
            "the copy takes the target's place by rename, under a second; the failed database is kept"
        }
    };
    let read_only = world.config.environment.fence == FenceKind::ReadOnly;
    let applied = if read_only {
        "each migration is downgraded, after that was tried on a copy: a read-only fence proves nothing about other writers"
    } else {
        restore
    };
    let page = world.config.environment.maintenance.as_ref().is_some_and(|page| page.closed_when.is_some());
    let no_copy = found.restore_point == RestorePointKind::Down;
    let disposable = world.config.environment.disposable.as_slice();
    let but = if page && !disposable.is_empty() {
        format!(" but to {}", disposable.join(", "))
    } else {
        String::new()
    };
    let mut started = if no_copy || read_only {
        "as before; where the downgrade would lose what was written since, a person is asked".to_owned()
    } else {
        format!(
            "as before, if nothing was written{but}; else the downgrade, tried on a copy; else a person is asked"
        )
    };
    if !page {
        started.push_str(" (no page is known to be closed)");
    }
    let later = if no_copy {
        "`switchback rollback RUN`: each migration is downgraded, after that was tried on a copy; where it would lose what was written since, a person is asked; there is no copy that --accept-loss could take"
    } else if read_only {
        "`switchback rollback RUN`: the downgrade, tried on a copy; with --accept-loss the restore point, naming what is lost"
    } else {
        "`switchback rollback RUN`: the restore point if nothing was written; else the downgrade, tried on a copy; with --accept-loss the restore point, naming what is lost"
    };
    vec![
        way("until the first migration", "the fence is lifted and the previous release is started"),
        way("first migration to the start", applied),
        way("application started, page closed", &started),
        way("page open, later", later),
        way("the worst case", "the backup, restored and compared before the run changed anything"),
    ]
}

/// Looks whether the target and the release's files are still what the plan was made for.
///
/// # Errors
/// [`code::PLAN_CHANGED`].
pub async fn as_planned(cx: &StepCx<'_, World>) -> Result<()> {
    let world = cx.world;
    let session = world.session(&crate::target::name_now(world).await?).await?;
    let current = world.migrator().current(&session).await?;
    let (root, expected, digest) = {
        let view = cx.log().view();
        let params =
            view.plan.steps.iter().find(|step| step.kind == Preflight::KIND).map(|step| step.params.clone());
        let preflight = params.and_then(|params| serde_json::from_value::<Preflight>(params).ok());
        let root = preflight.map_or_else(|| in_place(world), |preflight| preflight.root);
        (root, view.plan.revision_before.clone(), view.plan.digest.clone())
    };
    let changed = |what: String| {
        Failure::new(code::PLAN_CHANGED, "what is to be migrated is not what the plan was made for")
            .cause(what)
            .hint("make a new plan: switchback deploy")
    };
    if current != expected {
        return Err(changed(format!(
            "planned from {}, the target is at {}",
            shown(&expected),
            shown(&current)
        )));
    }
    // Where a backup takes the target's place nothing is migrated, and no files are read for it.
    if cx.state_of(Restore::KIND).is_some() {
        return Ok(());
    }
    if world.migrator().scripts(&root, &current, None)?.digest != digest {
        return Err(changed("the pending migrations' files were changed".into()));
    }
    Ok(())
}

/// Where the server is, without a secret.
pub(crate) fn place(world: &World) -> String {
    let url = &world.config.database_url;
    let host = if url.host().is_empty() { "local socket" } else { url.host() };
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Revisions as people read them.
pub fn shown(revisions: &[String]) -> String {
    if revisions.is_empty() { "no revision".to_owned() } else { revisions.join(", ") }
}

/// The folder of the files in place, for commands that plan nothing.
pub fn in_place(world: &World) -> PathBuf {
    Path::new(&world.config.working_directory()).to_owned()
}
