//! What every command needs: options, streams, the configuration, the world.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use switchback_engine::{clock, journal};
use switchback_model::config::FILE_NAME;
use switchback_model::event::Operator;
use switchback_model::{Config, DatabaseUrl, Failure, Result, RunId, RunView, code};
use switchback_postgres::sources;
use switchback_report::terminal::TerminalOptions;
use switchback_report::theme::Theme;
use switchback_workflow::files::own_program;
use switchback_workflow::world::World;

use crate::cli::{Global, When};

/// Options and streams of this process.
pub(crate) struct App {
    pub(crate) global: Global,
    /// Whether stdout has its document.
    printed: Cell<bool>,
}

impl App {
    pub(crate) fn new(global: Global) -> Self {
        Self { global, printed: Cell::new(false) }
    }

    /// A result, to stdout. A reader that went away is no error.
    pub(crate) fn print(&self, text: &str) {
        self.printed.set(true);
        let mut out = std::io::stdout().lock();
        let _reader_gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A value as JSON, to stdout.
    pub(crate) fn print_json<T: serde::Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| {
            Failure::new(code::INTERNAL, "the result can't be written as JSON").because(&error)
        })?;
        self.print(&(text + "\n"));
        Ok(())
    }

    /// Says that something else writes the document to stdout.
    pub(crate) fn printed_elsewhere(&self) {
        self.printed.set(true);
    }

    /// Where results are to be JSON and there is none: why, as the one document.
    pub(crate) fn print_instead(&self, failure: &Failure) {
        if self.json() && !self.printed.get() {
            let why = serde_json::json!({ "failure": failure, "exit_status": failure.exit().status() });
            self.print(&format!("{why:#}\n"));
        }
    }

    /// Everything that is no result, to stderr.
    #[expect(clippy::unused_self, reason = "streams belong to the process that this stands for")]
    pub(crate) fn say(&self, text: &str) {
        to_stderr(text);
    }

    /// Whether results are to be JSON.
    pub(crate) fn json(&self) -> bool {
        self.global.format == "json"
    }

    /// What stderr can show.
    pub(crate) fn theme(&self) -> Theme {
        Theme { color: self.color(std::io::stderr().is_terminal()), unicode: unicode() }
    }

    /// What stdout can show.
    pub(crate) fn theme_out(&self) -> Theme {
        Theme { color: self.color(std::io::stdout().is_terminal()), unicode: unicode() }
    }

    /// How wide stdout is; what is not a terminal will be read on one, or printed.
    #[expect(clippy::unused_self, reason = "streams belong to the process that this stands for")]
    pub(crate) fn width_out(&self) -> usize {
        let width =
            rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        if width == 0 { 80 } else { width }
    }

    fn color(&self, terminal: bool) -> bool {
        match self.global.color {
            When::Always => true,
            When::Never => false,
            // https://no-color.org: present and not empty.
            When::Auto => terminal && variable("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// How runs are shown, on stderr.
    pub(crate) fn terminal(&self) -> TerminalOptions {
        let width = rustix::termios::tcgetwinsize(std::io::stderr());
        self.options(std::io::stderr().is_terminal(), width.map_or(0, |size| size.ws_col))
    }

    /// How runs are shown that are themselves the result, on stdout.
    pub(crate) fn terminal_out(&self) -> TerminalOptions {
        let width = rustix::termios::tcgetwinsize(std::io::stdout());
        self.options(std::io::stdout().is_terminal(), width.map_or(0, |size| size.ws_col))
    }

    fn options(&self, tty: bool, width: u16) -> TerminalOptions {
        TerminalOptions {
            tty,
            color: self.color(tty),
            unicode: unicode(),
            verbose: self.global.verbose,
            quiet: self.global.quiet,
            width: if width == 0 { 100 } else { usize::from(width) },
            downtime: Some(switchback_workflow::steps::downtime_ms),
        }
    }

    /// Asks a person before something that can't be taken back; without a terminal, only --yes is yes.
    ///
    /// # Errors
    /// [`code::USAGE`] where nobody can be asked, [`code::INTERRUPTED`] where the answer is no.
    pub(crate) fn confirm_loss(&self, question: &str) -> Result<()> {
        let asked = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !asked && !self.global.yes {
            return Err(Failure::new(code::USAGE, format!("{question} Nobody can be asked here"))
                .changed("nothing was changed")
                .hint("say it with --yes"));
        }
        if self.confirm(question) { Ok(()) } else { Err(not_confirmed()) }
    }

    /// Asks a person; without a terminal, or with --yes, the answer is yes.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        if self.global.yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return true;
        }
        self.say(&format!("{question} [y/N] "));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// The configuration for the environment that was asked for.
    pub(crate) fn config(&self) -> Result<Config> {
        let path = self.config_path()?;
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::new(code::CONFIG_NOT_FOUND, format!("{} can't be read", path.display()))
                .because(&error)
                .hint("name the file that is there with --config FILE, or write one: switchback init")
        })?;
        self.complete(Config::parse(&text, &path, self.global.environment.as_deref(), &variable)?)
    }

    /// The configuration, with what libpq's other sources know of its URLs.
    pub(crate) fn complete(&self, mut config: Config) -> Result<Config> {
        let mut said = std::collections::BTreeSet::new();
        let mut warn = |line: String| {
            if said.insert(line.clone()) {
                self.say(&format!("warning: {line}\n"));
            }
        };
        let mut whole = |url: &DatabaseUrl| sources::complete(url, &variable, &mut warn);
        config.database_url = whole(&config.database_url)?;
        config.maintenance_url = whole(&config.maintenance_url)?;
        config.migration_url = config.migration_url.as_ref().map(&mut whole).transpose()?;
        config.scratch_url = config.scratch_url.as_ref().map(&mut whole).transpose()?;
        Ok(config)
    }

    fn config_path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.global.config {
            return std::path::absolute(path).map_err(|error| not_found(path).because(&error));
        }
        let here = std::env::current_dir().map_err(|error| not_found(Path::new(".")).because(&error))?;
        let found = here.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file());
        found.ok_or_else(|| not_found(&here))
    }

    /// The world for a command that is no run.
    pub(crate) fn world(&self) -> Result<World> {
        let config = self.config()?;
        let folder = config.state.clone();
        Ok(World::new(config, RunId(String::new()), operator(), folder, program()))
    }
}

/// Everything that is no result goes there. Nobody has to listen.
pub(crate) fn to_stderr(text: &str) {
    let mut err = std::io::stderr().lock();
    let _nobody_listens = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Where the runs of a configuration are.
pub(crate) fn runs_folder(config: &Config) -> PathBuf {
    config.state.join("runs")
}

/// The runs of a configuration's environment that can be read, oldest first; those that can't be
/// are said.
pub(crate) fn runs(config: &Config, app: &App) -> Vec<RunView> {
    let mut views = all_runs(config, app);
    views.retain(|view| view.plan.environment == config.environment_name);
    views
}

/// As [`runs`], of every environment that is kept in the same place.
pub(crate) fn all_runs(config: &Config, app: &App) -> Vec<RunView> {
    let folder = runs_folder(config);
    let mut views = Vec::new();
    for run in journal::list(&folder) {
        match journal::read(&folder, &run) {
            Ok(view) => views.push(view),
            Err(failure) => app.say(&switchback_report::failure::render(&failure, app.theme())),
        }
    }
    views
}

/// Who runs this process.
pub(crate) fn operator() -> Operator {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| variable(name));
    let uid = rustix::process::getuid().as_raw();
    Operator { user: user.unwrap_or_else(|| format!("uid {uid}")), host, pid: std::process::id() }
}

/// This very program; what it starts of itself is called by this path.
pub(crate) fn program() -> PathBuf {
    own_program()
}

/// A new run's identity: sortable by time; the end tells two of the same second apart.
pub(crate) fn new_run() -> RunId {
    let now = clock::now();
    let salt = now.as_nanosecond() ^ i128::from(std::process::id()).rotate_left(17);
    let letters = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut rest = salt.unsigned_abs() / 1000;
    let mut end = String::new();
    for _ in 0..4 {
        let place = usize::try_from(rest % letters.len() as u128).unwrap_or_default();
        end.push(char::from(letters[place]));
        rest /= letters.len() as u128;
    }
    RunId(format!("{}_{end}", now.strftime("%Y%m%d_%H%M%S")))
}

/// The only place that reads the environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether the locale is UTF-8.
fn unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    set.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// The answer was no.
pub(crate) fn not_confirmed() -> Failure {
    Failure::new(code::INTERRUPTED, "not confirmed").changed("nothing was changed")
}

fn not_found(place: &Path) -> Failure {
    Failure::new(code::CONFIG_NOT_FOUND, format!("there is no {FILE_NAME} in {} or above", place.display()))
        .changed("nothing was touched")
        .hint("write one, from what is found in this folder: switchback init")
        .hint("or name one: switchback --config FILE …")
}
