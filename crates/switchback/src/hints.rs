//! Hints as they can be typed: what is known only here is filled in.
//!
//! A failure is made near its cause, where nobody knows how the configuration calls the environment, or
//! that it was asked for by `-e`.

use clap::CommandFactory;
use switchback_model::Failure;

use crate::cli::Cli;

/// How a hint speaks of a table of the configuration whose environment is not known to it.
const UNNAMED: &str = "[environments.NAME";

/// Commands that are of no environment; and `review`, which is of one only where it says so itself.
const OF_NONE: &[&str] = &["init", "explain", "demo", "completions", "man", "schema", "internal", "review"];

/// Fills in the environment's name where one was asked for by name, and repeats the option in every
/// command that a hint names.
pub(crate) fn complete(failure: &mut Failure, asked: Option<&str>) {
    let Some(environment) = asked else { return };
    for hint in &mut failure.hints {
        *hint = with_option(hint, environment).replace(UNNAMED, &format!("[environments.{environment}"));
    }
}

fn with_option(hint: &str, environment: &str) -> String {
    const PROGRAM: &str = "switchback ";
    let mut parts = hint.split(PROGRAM);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `switchback.toml` and `/srv/switchback` are no commands.
        let begins = text.is_empty() || text.ends_with([' ', '`', '(']);
        let end = end_of_name(part).filter(|_| begins && !says_which(part)).unwrap_or(0);
        let option = if end > 0 { format!(" -e {environment}") } else { String::new() };
        text.extend([PROGRAM, &part[..end], &option, &part[end..]]);
    }
    text
}

fn says_which(words: &str) -> bool {
    words.split_whitespace().any(|word| word == "-e" || word.starts_with("--env"))
}

/// Where the command's name ends, if what follows is one and no other word of a sentence.
fn end_of_name(words: &str) -> Option<usize> {
    let word = |from: usize| {
        let rest = &words[from..];
        &rest[..rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len())]
    };
    let name = word(0);
    let program = Cli::command();
    let command = program.find_subcommand(name).filter(|_| !OF_NONE.contains(&name))?;
    if !command.has_subcommands() || !words[name.len()..].starts_with(' ') {
        return Some(name.len());
    }
    let second = word(name.len() + 1);
    Some(command.find_subcommand(second).map_or(name.len(), |_| name.len() + 1 + second.len()))
}

#[cfg(test)]
mod tests {
    use switchback_model::code;

    use super::*;

    #[test]
    fn what_was_asked_for_is_repeated_in_every_command() {
        for (hint, wanted) in [
            (
                "go on with it: switchback resume 2026, or switchback abort 2026",
                "go on with it: switchback resume -e staging 2026, or switchback abort -e staging 2026",
            ),
            ("look: switchback backup list", "look: switchback backup list -e staging"),
            ("look: switchback runs show 2026", "look: switchback runs show -e staging 2026"),
            ("deploy: switchback deploy -e production", "deploy: switchback deploy -e production"),
            ("read: switchback explain SB0303", "read: switchback explain SB0303"),
            ("of all: switchback review --write-baseline", "of all: switchback review --write-baseline"),
            ("let the switchback that made it end it", "let the switchback that made it end it"),
            ("then: switchback doctor", "then: switchback doctor -e staging"),
            ("set `x` in [environments.NAME.code]", "set `x` in [environments.staging.code]"),
            (
                "look at /srv/switchback and `switchback.toml`",
                "look at /srv/switchback and `switchback.toml`",
            ),
        ] {
            let mut failure = Failure::new(code::USAGE, "no").hint(hint);
            complete(&mut failure, Some("staging"));
            assert_eq!(failure.hints, [wanted]);
            let mut failure = Failure::new(code::USAGE, "no").hint(hint);
            complete(&mut failure, None);
            assert_eq!(failure.hints, [hint]);
        }
    }
}
