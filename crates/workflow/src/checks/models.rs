//! The application's models agree with the target, as its own migrator sees it (`alembic check`,
//! from Alembic 1.9.0 on; `flask db check`).

use async_trait::async_trait;
use switchback_engine::exec::Finished;
use switchback_model::{Result, code};

use super::shared::names::listed;
use super::{Check, CheckCx, CheckResult, Sessions};

const NAME: &str = "models";

/// How Alembic words what it found (`alembic.command.check`).
const DIFFERENCES: &str = "New upgrade operations detected:";

/// How Click and `argparse` word that there is no such command.
const NO_COMMAND: &[&str] =
    &["No such command 'check'", "No such command \"check\"", "invalid choice: 'check'"];

/// The check.
pub(super) struct Models;

#[async_trait(?Send)]
impl Check for Models {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, cx: &CheckCx<'_>, _: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let Some(program) = &cx.model_check else {
            return Ok(vec![CheckResult::ok(NAME, "not run: there is no command for it")]);
        };
        let result = match program.run(cx.cancel, |_, _| {}).await {
            Err(failure) if failure.code == code::INTERRUPTED => return Err(failure),
            Err(failure) => not_run(&failure.to_string(), cx.models_were_clean),
            Ok(finished) => judge(&finished, cx.models_were_clean),
        };
        Ok(vec![result])
    }
}

fn judge(finished: &Finished, were_clean: Option<bool>) -> CheckResult {
    if finished.succeeded() {
        return CheckResult::ok(NAME, "they agree with the target");
    }
    let output = finished.tail.join("\n");
    if NO_COMMAND.iter().any(|text| output.contains(text)) {
        return CheckResult::ok(NAME, "not run: this alembic has no check");
    }
    if let Some((_, operations)) = output.split_once(DIFFERENCES) {
        return differ(operations, were_clean);
    }
    let last = finished.tail.iter().rev().find(|line| !line.trim().is_empty());
    let last = last.map_or("it said nothing", String::as_str);
    not_run(&format!("exit status {}: {last}", finished.status), were_clean)
}

fn differ(found: &str, were_clean: Option<bool>) -> CheckResult {
    let found = listed(&operations(found));
    match were_clean {
        Some(true) => {
            CheckResult::failed(NAME, format!("they agreed with the target and differ now: {found}"))
        }
        Some(false) => CheckResult::warning(NAME, format!("they differ from the target, as before: {found}")),
        None => CheckResult::warning(NAME, format!("they differ from the target: {found}")),
    }
}

fn not_run(why: &str, were_clean: Option<bool>) -> CheckResult {
    match were_clean {
        Some(_) => CheckResult::failed(NAME, format!("could not run: {why}")),
        None => CheckResult::warning(
            NAME,
            format!("could not run, and nobody knows whether it could before: {why}"),
        ),
    }
}

/// `add_column users nick` for `('add_column', None, 'users', Column('nick', …))`: the operation and
/// the first two names in it.
fn operations(text: &str) -> Vec<String> {
    let is_operation = |word: &str| {
        ["add_", "remove_", "modify_"].iter().any(|start| word.starts_with(start))
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let mut found: Vec<Vec<&str>> = Vec::new();
    // Every second piece between single quotes is a text.
    for (index, piece) in text.split('\'').enumerate() {
        let is_text = index % 2 == 1;
        match found.last_mut() {
            _ if is_text && is_operation(piece) => found.push(vec![piece]),
            Some(words) if is_text && words.len() < 3 => words.push(piece),
            _ => {}
        }
    }
    if found.is_empty() {
        return vec![text.trim().chars().take(200).collect()];
    }
    found.into_iter().map(|words| words.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FOUND: &str = "ERROR [flask_migrate] Error: New upgrade operations detected: [('add_column', None, 'users', \
        Column('nick', String(), table=<users>)), [('modify_nullable', None, 'users', 'email', {'existing_type': \
        VARCHAR()}, True, False)], ('remove_index', Index('ix_a', Column('a', INTEGER(), table=<t>)))]";

    fn finished(status: i32, line: &str) -> Finished {
        let tail = vec!["INFO  [alembic] …".to_owned(), line.to_owned()];
        Finished { status, stdout: String::new(), tail, took: Duration::ZERO }
    }

    #[test]
    fn agreement_and_difference() {
        assert!(judge(&finished(0, "No new upgrade operations detected."), Some(true)).ok);
        let found = judge(&finished(1, FOUND), Some(true));
        assert!(!found.ok);
        assert!(
            found.detail.ends_with("add_column users nick, modify_nullable users email, remove_index ix_a a"),
            "{}",
            found.detail
        );
        assert!(judge(&finished(1, FOUND), Some(false)).warning);
        assert!(judge(&finished(1, FOUND), None).warning);
    }

    #[test]
    fn what_could_not_run() {
        let none = judge(&finished(2, "Error: No such command 'check'."), Some(true));
        assert!(none.ok && !none.warning && none.detail.contains("not run"));
        let broken = finished(1, "ModuleNotFoundError: No module named 'app'");
        assert!(!judge(&broken, Some(true)).ok && !judge(&broken, Some(false)).ok);
        let unknown = judge(&broken, None);
        assert!(unknown.warning && unknown.detail.contains("No module named"));
    }
}
