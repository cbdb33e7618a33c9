//! What goes wrong with an Alembic history, in words.

use std::path::Path;

use switchback_model::Failure;
use switchback_model::code;

use super::Revision;

/// How many names a sentence lists before it says how many more there are.
const LISTED: usize = 8;

/// `FILE:LINE: why` of a file that can't be understood.
pub(super) fn unreadable(path: &Path, line: Option<usize>, what: &str) -> Failure {
    let place = match line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    Failure::new(code::MIGRATION_UNREADABLE, format!("{place}: {what}"))
}

/// A file or folder that the system refuses to give.
pub(super) fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::MIGRATION_UNREADABLE, format!("{} can't be read", path.display())).because(error)
}

/// There is no Alembic project, or a part of it is missing.
pub(super) fn not_found(what: impl Into<String>) -> Failure {
    Failure::new(code::MIGRATIONS_NOT_FOUND, what)
}

/// More than one head where one is needed.
pub(super) fn two_heads(heads: &[&Revision]) -> Failure {
    let named: Vec<String> =
        heads.iter().map(|head| format!("{} ({})", head.id, head.path.display())).collect();
    let ids: Vec<&str> = heads.iter().map(|head| head.id.as_str()).collect();
    let ids = ids.join(" ");
    let message = format!("the migrations have {} heads: {}", heads.len(), listed(&named));
    Failure::new(code::TWO_HEADS, message)
        .hint(format!("join them: `alembic merge -m \"merge heads\" {ids}`"))
        .hint(format!("with Flask-Migrate: `flask db merge -m \"merge heads\" {ids}`"))
        .hint("or, where one was never applied anywhere, set its down_revision to the other")
}

/// The version table holds a revision and one of its own ancestors.
pub(super) fn overlapping(newer: &Revision, older: &Revision) -> Failure {
    let message = format!(
        "the database names both {} and {}, but the first was made after the second: \
         the version table must hold heads only",
        newer.id, older.id
    );
    Failure::new(code::TWO_HEADS, message)
        .hint("a restore over a database that was not empty leaves such rows; find out which one is true")
        .hint(format!("if it is at {}: `alembic stamp --purge {}`", newer.id, newer.id))
}

/// The version table names a revision that no file has.
pub(super) fn unknown_current(id: &str, heads: &[&Revision]) -> Failure {
    let named: Vec<String> = heads.iter().map(|head| head.id.clone()).collect();
    let message = format!("the database is at revision {id:?}, which these migration files don't know");
    let failure = Failure::new(code::REVISION_UNKNOWN, message)
        .hint("it was probably migrated by a newer release: check out the release that has this revision");
    if named.is_empty() { failure } else { failure.hint(format!("these files end at {}", listed(&named))) }
}

/// A name that a person gave fits no revision.
pub(super) fn unknown(given: &str, near: &[String], heads: &[&Revision]) -> Failure {
    let failure = Failure::new(
        code::REVISION_UNKNOWN,
        format!("there is no revision {given:?} in these migration files"),
    );
    if !near.is_empty() {
        return failure.hint(format!("did you mean {}?", listed(near)));
    }
    let named: Vec<String> = heads.iter().map(|head| head.id.clone()).collect();
    if named.is_empty() {
        return failure.hint("the versions folder holds no revision at all");
    }
    failure
        .hint(format!("these files end at {}", listed(&named)))
        .hint("a revision of a newer release is known only with that release's files")
}

/// A prefix fits several revisions.
pub(super) fn ambiguous(given: &str, fitting: &[String]) -> Failure {
    let message = format!("{given:?} fits {} revisions: {}", fitting.len(), listed(fitting));
    Failure::new(code::REVISION_UNKNOWN, message).hint("give more characters of the one you mean")
}

/// A file names a parent or a dependency that no file has.
pub(super) fn missing_link(child: &Revision, kind: &str, id: &str) -> Failure {
    let message = format!("{}: {kind} names {id:?}, which no migration file has", child.path.display());
    Failure::new(code::REVISION_UNKNOWN, message)
        .hint("the file that has it is missing (not committed, deleted, or on another branch), or the name is mistyped")
}

/// Two files have the same revision.
pub(super) fn duplicate(id: &str, one: &Path, other: &Path) -> Failure {
    let message = format!("revision {id:?} stands in two files: {} and {}", one.display(), other.display());
    Failure::new(code::REVISION_DUPLICATE, message)
        .hint("give the younger file a revision of its own, and change what refers to it")
}

/// A branch label that is taken, by a revision or by another label.
pub(super) fn label_taken(label: &str, one: &Path, other: &Path) -> Failure {
    let message =
        format!("the branch label {label:?} of {} is already taken by {}", other.display(), one.display());
    Failure::new(code::REVISION_DUPLICATE, message).hint("a branch label may stand in one file only")
}

/// Revisions that come after themselves.
pub(super) fn cycle(members: &[&Revision]) -> Failure {
    let named: Vec<String> = members.iter().map(|m| format!("{} ({})", m.id, m.path.display())).collect();
    Failure::new(code::REVISION_CYCLE, format!("these revisions come after themselves: {}", listed(&named)))
        .hint("follow down_revision and depends_on in these files and correct the one that leads back")
}

/// The target of a downgrade that the database has not reached.
pub(super) fn not_reached(id: &str, current: &[String]) -> Failure {
    let at = if current.is_empty() { "base (no revision)".to_owned() } else { listed(current) };
    Failure::new(
        code::REVISION_UNKNOWN,
        format!("a downgrade can't reach {id:?}: the database is at {at}, which does not contain it"),
    )
    .hint("an older revision of the same line is needed, or `base`")
}

/// `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
