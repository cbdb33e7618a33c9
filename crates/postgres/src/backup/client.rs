//! How `pg_dump` and its family are called: nothing secret in an argument, nothing inherited that
//! would lead them to another server than the one that was asked for.

use std::os::unix::ffi::OsStrExt;

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program, Stream};
use switchback_model::{Code, DatabaseUrl, Failure, Result};

use crate::programs::Bin;

/// Variables of ours that a URL without host or role falls back to, as our own sessions do.
const KEPT: &[&str] = &["PGHOST", "PGUSER", "PGPASSFILE"];
/// What says more of a failure than the lines around it.
const TELLING: &[&str] =
    &["error:", "ERROR:", "FATAL:", "DETAIL:", "HINT:", "detail:", "hint:", "Command was:"];

/// A set of client programs and how widely they work.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where the programs are.
    pub bin: Bin,
    /// How many tables are dumped, restored or read at the same time; at least one is.
    pub jobs: usize,
    /// The name that the server's activity view shows.
    pub application: String,
}

impl Client {
    /// One of the programs, told by its environment where to connect.
    pub(super) fn program(&self, name: &str, url: &DatabaseUrl) -> Program {
        let mut program = Program::new(self.bin.program(name)).secret(url.password());
        for (variable, _) in std::env::vars_os() {
            let kept = KEPT.iter().any(|&name| variable == *name);
            if variable.as_bytes().starts_with(b"PG") && !kept
                || variable == "LC_ALL"
                || variable == "LANGUAGE"
            {
                program = program.env_remove(variable);
            }
        }
        program
            .env("PGPORT", "5432")
            .envs(url.libpq_environment())
            .env("PGAPPNAME", &self.application)
            .env("LC_MESSAGES", "C")
            .arg("--no-password")
    }

    /// `--jobs=N`.
    pub(super) fn jobs(&self) -> String {
        format!("--jobs={}", self.jobs.max(1))
    }
}

/// Runs it; an exit status other than 0 is a failure with this code and sentence, and what the
/// program said as its cause.
pub(super) async fn run(
    program: &Program,
    cancel: &Cancel,
    code: Code,
    message: &str,
    on_line: impl FnMut(Stream, &str),
) -> Result<Finished> {
    let finished = program.run(cancel, on_line).await?;
    if finished.succeeded() {
        return Ok(finished);
    }
    let said: Vec<_> =
        finished.tail.iter().filter(|line| TELLING.iter().any(|word| line.contains(word))).collect();
    let said = if said.is_empty() { finished.tail.join("\n") } else { join(&said) };
    let full = said.contains("No space left on device");
    let failure = Failure::new(code, message).cause(said).cause(format!("in: {}", program.display()));
    Err(if full { failure.hint("make room where it writes to, or name another folder") } else { failure })
}

fn join(lines: &[&String]) -> String {
    lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
}

/// A connection string for a database of any name: a bare one that holds `=` or `://` would itself be
/// read as a connection string (PostgreSQL manual, 34.1.1).
pub(super) fn dbname(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_connection_string() {
        assert_eq!(dbname(r"host=a 'b\"), r"dbname='host=a \'b\\'");
    }
}
