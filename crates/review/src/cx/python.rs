//! A revision of Alembic as a script.

use switchback_sql::{PieceKind, split};

use super::script::{Direction, Read, Script, What};
use crate::alembic::{self, Operation, Text};

/// What the way of the script does.
pub(super) fn read(script: &Script<'_>) -> Vec<Read> {
    let revision = alembic::read(script.text);
    let (operations, mistake) = match script.direction {
        Direction::Up => (revision.upgrade, revision.mistakes.first()),
        // Once is enough.
        Direction::Down => (revision.downgrade, None),
    };
    let mistake = mistake.map(|mistake| not_python(script.text, mistake.start));
    mistake.into_iter().chain(operations.into_iter().flat_map(reads)).collect()
}

/// Python would not load the file: whatever else is read of it is a guess.
fn not_python(text: &str, start: usize) -> Read {
    let rest = text.get(start..).unwrap_or_default();
    let end = start + rest.find('\n').unwrap_or(rest.len());
    Read {
        from: start,
        range: start..end,
        what: What::NotPython,
        data: false,
        exact: false,
        guessed: false,
        outside: false,
    }
}

fn reads(operation: Operation) -> Vec<Read> {
    let Operation { range, autocommit, what, exact: sure, .. } = operation;
    let one = |what, exact| Read {
        from: range.start,
        range: range.clone(),
        what,
        data: false,
        exact,
        guessed: !sure,
        outside: autocommit,
    };
    match what {
        alembic::What::Statement(stmt) => vec![one(What::Statement(Box::new(stmt)), true)],
        alembic::What::Unread(why) => vec![one(What::Unread(why), false)],
        alembic::What::Sql(text) => sql(&text, autocommit),
    }
}

/// The statements of a text that is executed. Where a part of it is known only when the revision runs,
/// what can't be read is no mistake of anybody.
fn sql(text: &Text, outside: bool) -> Vec<Read> {
    let pieces = split(&text.text).filter(|piece| piece.kind != PieceKind::Blank);
    let read = |piece: switchback_sql::Piece| {
        let what = match switchback_sql::read::read(piece.text(&text.text)) {
            Ok(stmt) => What::Statement(Box::new(stmt)),
            Err(_) if !text.exact => What::Unread("SQL that is put together when the revision runs".into()),
            Err(mistake) => What::Mistake(mistake),
        };
        let (start, end) = (text.place(piece.statement.start), text.place(piece.statement.end));
        let range = start..end.max(start);
        let (exact, guessed) = (text.verbatim(), !text.exact);
        Read { from: start, range, what, data: false, exact, guessed, outside }
    };
    pieces.map(read).collect()
}
