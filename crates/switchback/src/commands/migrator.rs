//! What `up`, `down` and `stamp` have in common: the migrator alone, under our lease.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;
use switchback_engine::cancel::Cancel;
use switchback_model::{Config, Exit, Failure, Result, RunId, code};
use switchback_postgres::lease;
use switchback_postgres::server::Identity;
use switchback_workflow::formats::{self, Script, alembic};
use switchback_workflow::migration::{self, Caller, Heard};
use switchback_workflow::open_run;
use switchback_workflow::planner::{in_place, shown};
use switchback_workflow::world::World;

use crate::app::{self, App};
use crate::signals;

/// Where to work without a configuration.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// Work without a configuration: the target
    #[arg(long, value_name = "URL", requires = "dir")]
    database_url: Option<String>,
    /// Work without a configuration: the folder with the migrations
    #[arg(long, value_name = "PATH", requires = "database_url")]
    dir: Option<PathBuf>,
    /// Work without a configuration: the layout
    #[arg(long, value_name = "NAME", default_value = "alembic", requires = "database_url")]
    tool: String,
}

/// What was done.
#[derive(Default, Serialize)]
pub(crate) struct Done {
    pub(crate) applied: Vec<Moved>,
    pub(crate) reverted: Vec<Moved>,
    pub(crate) current: Vec<String>,
    pub(crate) ms: u64,
}

/// One migration that was applied or taken back.
#[derive(Serialize)]
pub(crate) struct Moved {
    revision: String,
    name: String,
    ms: u64,
}

/// The migrator with the target to itself.
pub(crate) struct Held {
    pub(crate) world: World,
    pub(crate) cancel: Cancel,
}

/// Which way a script goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// Takes the target's lease.
///
/// # Errors
/// `TARGET_LEASED` where a run is open.
pub(crate) async fn hold(app: &App, place: &Place) -> Result<Held> {
    let config = match (&place.database_url, &place.dir) {
        (Some(url), Some(dir)) => app.complete(without_file(url, dir, &place.tool)?)?,
        _ => app.config()?,
    };
    let folder = config.state.clone();
    let world = World::new(config, RunId(String::new()), app::operator(), folder, app::program());
    let admin = world.admin().await?;
    if let Some((marker, _)) = lease::open_marker(&admin, &world.names.target).await? {
        return Err(open_run::refusal(&world, &marker));
    }
    world.hold_lease(&Identity::read(&admin).await?).await?;
    world.begin_run();
    let cancel = signals::interruptible(app, "the migration at work")?;
    Ok(Held { world, cancel })
}

/// A configuration of nothing but a target and a folder.
fn without_file(url: &str, dir: &std::path::Path, tool: &str) -> Result<Config> {
    let unreadable = |error: std::io::Error| {
        Failure::new(code::MIGRATIONS_NOT_FOUND, format!("{} can't be read", dir.display())).because(&error)
    };
    let dir = dir.canonicalize().map_err(unreadable)?;
    let flask = tool == "alembic" && alembic::find(&dir)?.flask_migrate;
    let command = if flask { r#"["flask", "db"]"# } else { r#"["alembic"]"# };
    let root = dir.parent().unwrap_or(&dir).to_owned();
    let quoted = |path: &std::path::Path| serde_json::Value::from(path.display().to_string());
    let text = format!(
        "[migrations]\ntool = {tool:?}\ndirectory = {}\ncommand = {command}\nworking_directory = {}\n\
         [environments.target]\ndatabase_url = \"${{URL}}\"\n",
        quoted(&dir),
        quoted(&root)
    );
    Config::parse(&text, &root.join("the command line"), None, &|name| {
        (name == "URL").then(|| url.to_owned())
    })
}

impl Held {
    /// The target's revisions now.
    pub(crate) async fn current(&self) -> Result<Vec<String>> {
        let session = self.world.session(&self.world.names.target).await?;
        self.world.migrator().current(&session).await
    }

    /// Refuses a target whose history the files in place don't tell.
    pub(crate) async fn refuse_drift(&self) -> Result<()> {
        let session = self.world.session(&self.world.names.target).await?;
        formats::refuse_drift(&*self.world.migrator(), &in_place(&self.world), &session).await
    }

    /// Runs scripts one by one, each looked at afterwards; what was done so far is shown whatever
    /// happens.
    pub(crate) async fn go(&self, app: &App, scripts: &[Script], way: Way) -> Result<Exit> {
        let start = Instant::now();
        let mut done = Done::default();
        let mut ended = Ok(());
        for script in scripts {
            let one = Instant::now();
            ended = self.one(app, script, way).await;
            if ended.is_err() {
                break;
            }
            let moved =
                Moved { revision: script.revision.clone(), name: script.name.clone(), ms: millis(one) };
            app.say(&format!(
                "{} {} {}\n",
                if way == Way::Up { "applied" } else { "reverted" },
                moved.revision,
                moved.name
            ));
            if way == Way::Up { done.applied.push(moved) } else { done.reverted.push(moved) }
        }
        done.current = self.current().await?;
        done.ms = millis(start);
        if app.json() {
            app.print_json(&done)?;
        } else {
            app.print(&format!("at {}\n", shown(&done.current)));
        }
        ended.map(|()| Exit::Done)
    }

    async fn one(&self, app: &App, script: &Script, way: Way) -> Result<()> {
        let world = &self.world;
        let url = &world.config.migrator_url();
        let (program, what, wanted, origin) = match way {
            Way::Up => {
                (world.migrator().up(url, &script.revision)?, "migration", &script.after, &script.before)
            }
            Way::Down => {
                (world.migrator().down(url, &script.down_to)?, "downgrade of", &script.before, &script.after)
            }
        };
        let what = format!("{what} {}", script.revision);
        let verbose = app.global.verbose;
        let hear = |heard: Heard<'_>| match heard {
            Heard::Line(line) if verbose => app.say(&format!("  {line}\n")),
            Heard::Warning(message) => app.say(&format!("! {message}\n")),
            _ => {}
        };
        let by = Caller { world, cancel: &self.cancel, hear: &hear };
        let may_retry = async || Ok(!script.leaves_transaction && self.current().await? == *origin);
        let ended = migration::call(&by, program, &what, may_retry).await;
        let current = self.current().await?;
        match ended {
            // The answer to its commit was lost, and nothing else.
            Err(failure) if current == *wanted && !script.leaves_transaction => {
                app.say(&format!("! {what} is done, although it ended with: {}\n", failure.message));
                Ok(())
            }
            Err(failure) if current == *origin && !script.leaves_transaction => {
                Err(failure
                    .changed(format!("the target is at {}, as before this migration", shown(&current))))
            }
            Err(failure) => Err(half_way(&failure, &what, &current)),
            Ok(()) if current == *wanted => Ok(()),
            Ok(()) if current == *origin => Err(Failure::new(
                code::REVISION_UNCHANGED,
                format!("the migrator said that {what} is done, and the target's revision is unchanged"),
            )
            .hint("is it told the right database? look at [migrations] database_url_variable and env.py")),
            Ok(()) => Err(Failure::new(
                code::REVISION_DIFFERS,
                format!("after {what} the target is at {}, not at {}", shown(&current), shown(wanted)),
            )),
        }
    }
}

/// A failure outside of a transaction: a person must look.
fn half_way(failure: &Failure, what: &str, current: &[String]) -> Failure {
    let known = failure.changed.as_deref().unwrap_or("a part of it may be applied");
    let mut stuck =
        Failure::new(code::STUCK, format!("{what} failed half-way, and is not in one transaction"))
            .cause(failure.message.clone())
            .changed(format!("{known}; the history says {}", shown(current)));
    stuck.causes.extend(failure.causes.clone());
    stuck.hints.extend(failure.hints.clone());
    stuck.hint("look at what it has done, finish or revert it by hand, then: switchback stamp REV")
}

/// The files that are in place.
pub(crate) fn root(held: &Held) -> PathBuf {
    in_place(&held.world)
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
