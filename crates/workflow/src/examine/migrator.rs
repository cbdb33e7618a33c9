//! The application's migrator: whether it can be called, and whether its history makes sense.
//!
//! The history is read from its files, and asked of the migrator itself. That call imports the
//! application, as every later call will, but runs no migration and opens no connection.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::config::Tool;
use switchback_model::{Failure, Result, code};

use super::{Examination, Look, Site, one_line};
use crate::formats::{Scripts, refuse_drift};

/// How long an application may take to be imported, on a host that has other work too.
const ANSWER: Duration = Duration::from_mins(1);
const COMMAND: &str = "migrator";
const HISTORY: &str = "migrations";

pub(super) struct Migrator;

#[async_trait(?Send)]
impl Examination for Migrator {
    fn name(&self) -> &'static str {
        "migrator"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        if !site.needs.migrations {
            return Ok(Vec::new());
        }
        let scripts = read(site).await;
        let mut looks = match &scripts {
            Ok(scripts) => history(scripts, site.target().is_ok()),
            Err(failure) => vec![Look::failed(HISTORY, failure)],
        };
        looks.insert(0, call(site, scripts.ok().as_ref()).await);
        if let Ok(session) = site.target()
            && let Err(failure) =
                refuse_drift(&*site.world.migrator(), &site.world.config.working_directory(), session).await
        {
            looks.push(Look::failed(HISTORY, &failure));
        }
        Ok(looks)
    }
}

/// The scripts that are not applied yet; all of them where the target can't be asked.
async fn read(site: &Site<'_>) -> Result<Scripts> {
    let migrator = site.world.migrator();
    let current = match site.target() {
        Ok(session) => migrator.current(session).await?,
        Err(_) => Vec::new(),
    };
    migrator.scripts(&site.world.config.working_directory(), &current, None)
}

/// `asked`: the target said where it is. Else every script would be called pending.
fn history(scripts: &Scripts, asked: bool) -> Vec<Look> {
    let head = if scripts.heads.is_empty() {
        "no revision yet".into()
    } else {
        format!("head {}", scripts.heads.join(", "))
    };
    let pending = match scripts.pending.as_slice() {
        [] => "nothing pending".to_owned(),
        [only] => format!("1 pending: {}", only.revision),
        [first, .., last] => {
            format!("{} pending: {} to {}", scripts.pending.len(), first.revision, last.revision)
        }
    };
    let mut looks = vec![if asked {
        Look::good(HISTORY, format!("{head}, {pending}"))
    } else {
        Look::note(HISTORY, format!("{head}; what is pending is not known: the target was not asked"))
    }];
    looks.extend(scripts.notes.iter().map(|note| Look::note(HISTORY, note)));
    looks
}

/// Lets the migrator name its heads, and compares them with what the files say.
async fn call(site: &Site<'_>, scripts: Option<&Scripts>) -> Look {
    let config = &site.world.config;
    if config.migrations.tool == Tool::Sql {
        return Look::good(COMMAND, "Switchback runs the scripts itself");
    }
    let program = match program(site) {
        Ok(program) => program,
        Err(failure) => return Look::failed(COMMAND, &failure),
    };
    let finished = match program.run(&Cancel::never(), |_, _| {}).await {
        Ok(finished) if finished.succeeded() => finished,
        Ok(finished) => return Look::failed(COMMAND, &missing(site, &last_words(&finished.tail))),
        Err(failure) if failure.code == code::PROGRAM_MISSING => {
            return Look::failed(
                COMMAND,
                &missing(site, &format!("the program `{}` was not found", program.name())),
            );
        }
        Err(failure) => return Look::failed(COMMAND, &failure),
    };
    let told: BTreeSet<&str> = finished.stdout.lines().filter_map(head).collect();
    let read: BTreeSet<&str> =
        scripts.iter().flat_map(|scripts| scripts.heads.iter().map(String::as_str)).collect();
    let display = program.display();
    if scripts.is_some() && told != read {
        let list = |heads: &BTreeSet<&str>| heads.iter().copied().collect::<Vec<_>>().join(", ");
        let seen = format!(
            "`{display}` says [{}], and the files in {} say [{}]",
            list(&told),
            config.migrations.directory.display(),
            list(&read)
        );
        return Look::bad(COMMAND, seen)
            .cure("let `directory` in [migrations] name the folder that the command uses");
    }
    Look::good(COMMAND, format!("`{display}` answers after {} ms", finished.took.as_millis()))
}

fn program(site: &Site<'_>) -> Result<Program> {
    let config = &site.world.config;
    let url = &config.database_url;
    Ok(Program::of(&config.migrations.command)?
        .arg("heads")
        .folder(config.working_directory())
        .envs(&config.migrations.env)
        .env(&config.migrations.database_url_variable, url.expose())
        .secret(url.password())
        .limit(ANSWER))
}

fn missing(site: &Site<'_>, why: &str) -> Failure {
    let config = &site.world.config;
    let command = config.migrations.command.join(" ");
    let folder = config.working_directory();
    Failure::new(
        code::MIGRATOR_MISSING,
        format!("the migrator `{command}` can't be called in {}: {why}", folder.display()),
    )
    .hint(format!("try it: cd {} && {command} heads", folder.display()))
    .hint(
        "name the program of the application's virtual environment in `command`, and what it needs in `env`",
    )
}

/// The end of what it said: for a Python program the exception, which stands last.
fn last_words(tail: &[String]) -> String {
    let lines: Vec<&str> = tail.iter().map(String::as_str).filter(|line| !line.trim().is_empty()).collect();
    // `flask db` shows why the application can't be imported, then its usage and `No such command 'db'`.
    let exception = lines.iter().rposition(|line| is_exception(line));
    let error = exception.or_else(|| lines.iter().rposition(|line| line.contains("Error")));
    let from = error.unwrap_or(lines.len().saturating_sub(1));
    let words = lines.iter().skip(from).enumerate();
    let words = words.take_while(|(at, line)| *at == 0 || !line.starts_with("Usage:")).take(3);
    one_line(&words.map(|(_, line)| *line).collect::<Vec<_>>().join(" "))
}

/// `ModuleNotFoundError: …`, `app.errors.ConfigError: …`; a program's own `Error: …` is none.
fn is_exception(line: &str) -> bool {
    let name = line.split_once(':').map_or("", |(name, _)| name);
    name != "Error" && name.ends_with("Error") && !name.contains(char::is_whitespace)
}

/// `b27e94d0c5a1 (head)`, as `alembic heads` writes it, with or without the names of branches.
fn head(line: &str) -> Option<&str> {
    line.contains("(head)").then(|| line.split_whitespace().next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exception_is_what_is_told() {
        let tail = [
            "Traceback (most recent call last):",
            "  File \"x\"",
            "ModuleNotFoundError: No module named 'flask'",
            "",
        ];
        assert_eq!(last_words(&tail.map(str::to_owned)), "ModuleNotFoundError: No module named 'flask'");
        assert_eq!(last_words(&["Usage: flask".to_owned()]), "Usage: flask");
        let flask =
            ["ImportError: No module named 'app'", "Usage: flask [OPTIONS]", "Error: No such command 'db'."];
        assert_eq!(last_words(&flask.map(str::to_owned)), "ImportError: No module named 'app'");
        assert_eq!(last_words(&[]), "");
    }

    #[test]
    fn heads_are_read_as_alembic_writes_them() {
        assert_eq!(head("b27e94d0c5a1 (head)"), Some("b27e94d0c5a1"));
        assert_eq!(head("ae1027a6acf (shop) (effective head)"), None);
        assert_eq!(head("ae1027a6acf (shop) (head)"), Some("ae1027a6acf"));
        assert_eq!(head("INFO  [alembic.runtime.migration] Context impl"), None);
    }
}
