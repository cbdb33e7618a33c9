//! What git says, in our words; and what we say of it.

use std::path::Path;

use switchback_engine::exec::{Finished, Program, shell_word};
use switchback_model::{Effect, Failure, code};

/// How alike a name must be (Jaro-Winkler, 0 to 1) to be offered, and how many are.
const NEAR: (f64, usize) = (0.6, 3);
/// Files that are named; of more, only their number is told.
const NAMED: usize = 10;

/// Changes in the checkout stand in the way.
pub(super) fn dirty(root: &Path, changes: &[String]) -> Failure {
    let word = shell_word(&root.to_string_lossy());
    let count = changes.len();
    let files = if count == 1 { "a file".to_owned() } else { format!("{count} files") };
    let message = format!("{} has {files} with changes that a switch would lose", root.display());
    let more = if count > NAMED { format!("\n… and {} more", count - NAMED) } else { String::new() };
    // Named one by one: `--all` without names would take away virtual environments and uploads.
    let words: Vec<_> = changes.iter().take(NAMED).map(|path| shell_word(path)).collect();
    Failure::new(code::CODE_DIRTY, message)
        .cause(format!("{}{more}", changes[..count.min(NAMED)].join("\n")))
        .changed("nothing was switched")
        .hint(format!("look at them: git -C {word} status --short --ignored"))
        .hint(format!("put them aside: git -C {word} stash push --all -- {}", words.join(" ")))
}

/// Migrations in the checkout that no commit has, or that are not as it has them.
pub(super) fn not_of_a_release(root: &Path, files: &[String]) -> Failure {
    let word = shell_word(&root.to_string_lossy());
    let count = files.len();
    let what = if count == 1 { "a migration file".to_owned() } else { format!("{count} migration files") };
    let message = format!("{} has {what} that the checked-out commit does not have so", root.display());
    let more = if count > NAMED { format!("\n… and {} more", count - NAMED) } else { String::new() };
    let words: Vec<_> = files.iter().map(|path| shell_word(path)).collect();
    let words = words.join(" ");
    Failure::new(code::CODE_DIRTY, message)
        .cause(format!("{}{more}", files[..count.min(NAMED)].join("\n")))
        .cause("a release is a commit: what is planned, approved and applied is what it has")
        .changed("nothing was changed")
        .hint(format!(
            "make a release of them: git -C {word} add --force -- {words} && git -C {word} commit -m 'Add migrations' -- {words}"
        ))
        .hint(format!("or put them aside: git -C {word} stash push --all -- {words}"))
}

/// A name that means no commit, with those of `names` that are nearest.
pub(super) fn unknown(root: &Path, reference: &str, names: &[String]) -> Failure {
    let score = |name: &String| strsim::jaro_winkler(reference, name);
    let mut near: Vec<_> = names.iter().filter(|name| score(name) > NEAR.0).collect();
    near.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let near: Vec<_> = near.into_iter().take(NEAR.1).map(String::as_str).collect();
    let message = format!("`{reference}` is no tag, branch or commit of {}", root.display());
    let mut failure = Failure::new(code::RELEASE_UNKNOWN, message);
    if !near.is_empty() {
        failure = failure.hint(format!("the nearest there are: {}", near.join(", ")));
    }
    let word = shell_word(&root.to_string_lossy());
    failure.hint(format!("if it is on the remote only, fetch it: git -C {word} fetch --tags"))
}

/// Another git's lock that does not go away.
pub(super) fn locked(root: &Path, lock: &Path) -> Failure {
    Failure::new(code::CODE_SWITCH, format!("{} is there", lock.display()))
        .cause("another git works in the checkout, or one was killed there")
        .changed("nothing was switched")
        .hint("see whether a git runs: pgrep -a git")
        .hint(format!("if none does: rm {}", shell_word(&lock.to_string_lossy())))
        .hint(format!(
            "then look for half-written files: git -C {} status",
            shell_word(&root.to_string_lossy())
        ))
}

/// A git that failed, explained where we know what it means.
pub(super) fn explained(root: &Path, program: &Program, finished: &Finished) -> Failure {
    let tail = finished.tail.join("\n");
    let (shown, word) = (root.display(), shell_word(&root.to_string_lossy()));
    let said = |code, message: String| Failure::new(code, message).cause(tail.clone());
    if refuses_owner(finished) {
        return said(code::CODE_SWITCH, format!("git refuses {shown}: it belongs to another user"))
            .hint(format!("trust it: git config --global --add safe.directory {word}"))
            .hint(format!("or run as its owner: sudo -u \"$(stat -c %U {word})\" switchback …"));
    }
    if tail.contains("not a git repository") || tail.contains("must be run in a work tree") {
        return said(code::CODE_SWITCH, format!("{shown} is no git checkout"))
            .hint("set `repository` in [environments.NAME.code] to the application's checkout");
    }
    if tail.contains("would be overwritten by checkout") {
        return said(code::CODE_DIRTY, format!("{shown} has changes that a switch would lose"))
            .changed("nothing was switched")
            .hint(format!("look at them: git -C {word} status --short"));
    }
    let message = format!("`{}` ended with exit status {}", program.display(), finished.status);
    said(code::CODE_SWITCH, message).effect(Effect::Unknown).hint(format!("look at it: git -C {word} status"))
}

/// Whether git will have nothing to do with the folder because of its owner.
pub(super) fn refuses_owner(finished: &Finished) -> bool {
    !finished.succeeded() && finished.tail.iter().any(|line| line.contains("dubious ownership"))
}

/// A path as git writes it: in quotes, with C's escapes, where it holds unusual characters.
pub(super) fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        match (byte, if byte == b'\\' { rest.next() } else { None }) {
            (_, None) => bytes.push(byte),
            (_, Some(digit @ b'0'..=b'3')) => {
                let low = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b'0') & 7);
                bytes.push(((digit & 7) << 6) | (low[0] << 3) | low[1]);
            }
            (_, Some(letter)) => bytes.push(match letter {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'v' => 11,
                b'f' => 12,
                other => other,
            }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_names_are_read_as_they_are() {
        for (quoted, name) in [
            ("plain.txt", "plain.txt"),
            (r#""a\"b\\c\td""#, "a\"b\\c\td"),
            (r#""\303\244""#, "ä"),
            (r#""line\nbreak""#, "line\nbreak"),
        ] {
            assert_eq!(unquoted(quoted), name);
        }
    }
}
