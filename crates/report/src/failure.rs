//! A failure for people: what went wrong, what was changed by it, what to type next.

use std::fmt::Write as _;

use switchback_model::{Effect, Failure};

use crate::text::clean;
use crate::theme::Theme;

/// A failure as a command prints it when it ends.
pub fn render(failure: &Failure, theme: Theme) -> String {
    block(failure, theme, "nothing")
}

/// A failure as it stands under the step that failed: its "nothing" speaks for that step alone.
pub(crate) fn of_step(failure: &Failure, theme: Theme) -> String {
    block(failure, theme, "nothing by this step")
}

fn block(failure: &Failure, theme: Theme, nothing: &str) -> String {
    let mut out = String::new();
    let code = theme.bad(&format!("error[{}]", failure.code));
    let _ = writeln!(out, "{code}: {}", theme.bold(&clean(&failure.message)));
    for cause in &failure.causes {
        for line in cause.lines() {
            let _ = writeln!(out, "  {}", clean(line).trim_end());
        }
    }
    labelled(&mut out, &theme.bold("what changed"), &what_changed(failure, nothing));
    for hint in &failure.hints {
        labelled(&mut out, &theme.command("hint"), hint);
    }
    labelled(&mut out, &theme.dim("explain"), &format!("switchback explain {}", failure.code));
    out
}

/// Lines after the first are indented, so that a hint of several commands stays one hint.
fn labelled(out: &mut String, label: &str, text: &str) {
    let mut lines = text.lines();
    let _ = writeln!(out, "{label}: {}", clean(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = writeln!(out, "  {}", clean(line));
    }
}

/// What was changed, as a sentence.
pub(crate) fn what_changed(failure: &Failure, nothing: &str) -> String {
    let known = match failure.effect {
        Effect::None => nothing,
        Effect::Durable => "what was done before the error is still there",
        Effect::Unknown => "not certain: it may or may not have happened",
    };
    failure.changed.clone().unwrap_or_else(|| known.to_owned())
}

#[cfg(test)]
mod tests {
    use switchback_model::code;

    use super::*;

    #[test]
    fn says_everything_that_is_known() {
        let failure = Failure::new(code::CONFIG_NOT_FOUND, "there is no `switchback.toml` here or above")
            .cause("looked in /srv/ada\nlooked in /srv")
            .hint("switchback init")
            .hint("or name it:\nswitchback --config FILE status");
        insta::assert_snapshot!(render(&failure, Theme::plain()), @r"
        error[SB0101]: there is no `switchback.toml` here or above
          looked in /srv/ada
          looked in /srv
        what changed: nothing
        hint: switchback init
        hint: or name it:
          switchback --config FILE status
        explain: switchback explain SB0101
        ");
    }

    #[test]
    fn an_unknown_effect_is_said() {
        let failure = Failure::new(code::CONNECTION_LOST, "the server went away").effect(Effect::Unknown);
        insta::assert_snapshot!(render(&failure, Theme::plain()), @r"
        error[SB0208]: the server went away
        what changed: not certain: it may or may not have happened
        explain: switchback explain SB0208
        ");
        let failure = failure.changed("the rename was or was not committed");
        assert!(
            render(&failure, Theme::plain()).contains("what changed: the rename was or was not committed\n")
        );
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let failure = Failure::new(code::HEALTH, "no answer\u{1b}[2J").hint("look at the log");
        let colored = render(&failure, Theme { color: true, unicode: true });
        assert!(colored.contains("\u{1b}[") && !colored.contains("\u{1b}[2J"));
        let bare: Vec<_> = colored.lines().map(clean).collect();
        assert_eq!(bare.join("\n"), render(&failure, Theme::plain()).trim_end());
    }
}
