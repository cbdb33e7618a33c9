//! Calls of `systemctl` and `journalctl`: never a pager, a question, a colour or a translated word.

use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program};
use switchback_model::{Effect, Failure, Result, code};

use super::unit::{PROPERTIES, Unit};

/// systemd answers in milliseconds; one that does not is in trouble itself.
const ANSWER: Duration = Duration::from_secs(30);

/// A program of systemd's.
pub(crate) fn program(name: &str) -> Program {
    Program::new(name)
        .env("LC_ALL", "C")
        .env("SYSTEMD_PAGER", "")
        .env("SYSTEMD_COLORS", "0")
        .env("SYSTEMD_URLIFY", "0")
        .limit(ANSWER)
}

fn systemctl() -> Program {
    program("systemctl").args(["--no-pager", "--no-ask-password"])
}

/// `systemctl WORDS -- UNITS`, which must succeed.
pub(super) async fn run(words: &[&str], units: &[&str]) -> Result<()> {
    run_within(words, units, ANSWER).await
}

/// As [`run`], with a limit of its own.
pub(super) async fn run_within(words: &[&str], units: &[&str], limit: Duration) -> Result<()> {
    let program = systemctl().args(words).arg("--").args(units).limit(limit);
    let finished = program.run(&Cancel::never(), |_, _| {}).await?;
    if finished.succeeded() { Ok(()) } else { Err(refused(&program, &finished)) }
}

/// The units, in the order in which they are named.
pub(super) async fn show(names: &[String]) -> Result<Vec<Unit>> {
    let program = systemctl().arg("show").arg(format!("--property={PROPERTIES}")).arg("--").args(names);
    let finished = program.run(&Cancel::never(), |_, _| {}).await?;
    if !finished.succeeded() {
        return Err(refused(&program, &finished));
    }
    let blocks: Vec<&str> = finished.stdout.trim().split("\n\n").collect();
    if blocks.len() != names.len() {
        return Err(Failure::new(
            code::SERVICE,
            "systemctl tells of another number of units than it was asked for",
        )
        .cause(finished.stdout.clone())
        .hint(format!("look what it says: {}", program.display())));
    }
    Ok(names.iter().zip(blocks).map(|(name, block)| Unit::read(name, block)).collect())
}

/// The last lines that units wrote, secrets blanked; nothing where they can't be had.
pub(super) async fn last_words(names: &[String], secrets: &[String]) -> String {
    let units = names.iter().flat_map(|name| ["-u", name]);
    let program = program("journalctl").args(["--no-pager", "--quiet", "-n", "12", "-o", "cat"]).args(units);
    let program = secrets.iter().fold(program, |program, secret| program.secret(Some(secret)));
    match program.check(&Cancel::never()).await {
        Ok(finished) => finished.stdout,
        Err(_) => String::new(),
    }
}

/// What `systemctl` refused, with what is missing where that is rights.
fn refused(program: &Program, finished: &Finished) -> Failure {
    let words = finished.tail.join("\n");
    let message = format!("`{}` ended with exit status {}", program.display(), finished.status);
    let failure = Failure::new(code::SERVICE, message).effect(Effect::Unknown).cause(words.as_str());
    if words.contains("not been booted with systemd") {
        return failure
            .hint("this machine's service manager is another one: manager = \"process\" or \"command\"");
    }
    if ["authentication required", "Access denied", "Permission denied", "not permitted"]
        .iter()
        .any(|refusal| words.contains(refusal))
    {
        return failure.hint(ROOT);
    }
    failure
}

/// What helps who is not root.
pub(super) const ROOT: &str = "units are stopped, started and blocked as root: sudo switchback …";
