//! A script: its text, its statements, where each stands.

use std::ops::Range;
use std::path::Path;

use switchback_sql::ast::Stmt;
use switchback_sql::{Mentions, Mistake, Piece, PieceKind, Relation, Statement, split};

use crate::live::Live;
use crate::options::Options;
use crate::place::Places;

/// Which way a script goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Forward.
    #[default]
    Up,
    /// Back.
    Down,
}

/// A migration's file, or the part of it that goes one way.
#[derive(Clone, Debug, Default)]
pub struct Script<'a> {
    /// Its path, as findings name it.
    pub path: &'a str,
    /// The text of the whole file.
    pub text: &'a str,
    /// The part of the text that is this script; the others are blank for it.
    pub part: Option<Range<usize>>,
    /// Which way it goes.
    pub direction: Direction,
    /// What pairs up and down: a revision, a version. Empty: nothing.
    pub revision: &'a str,
    /// Whoever runs it begins a transaction around it.
    pub wrapped: bool,
    /// Whoever runs it sends it as one query, so that it is one transaction even without `BEGIN`.
    pub one_query: bool,
    /// It is applied already, or not asked about: it tells of the schema, and nothing is said of it.
    pub applied: bool,
}

/// What stands at a place of a script.
#[derive(Clone, Debug)]
pub enum What {
    /// A statement.
    Statement(Box<Stmt>),
    /// One that the server would not understand.
    Mistake(Mistake),
    /// A command of `psql`, or the data of a `COPY`.
    Psql,
    /// A revision's file is no Python from here on.
    NotPython,
    /// What can't be seen without running the script, as a sentence without a period.
    Unread(String),
}

/// One statement of a script.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each can be so without the others")]
pub struct Read {
    /// Where it stands, without its semicolon.
    pub range: Range<usize>,
    /// Where what belongs to it begins: white space and comments before it.
    pub from: usize,
    /// What it is.
    pub what: What,
    /// `COPY … FROM stdin` with data behind it.
    pub data: bool,
    /// Places inside of the statement are places of the script.
    pub exact: bool,
    /// Names or values in it are known only when the script runs: it is as near to it as could be read.
    pub guessed: bool,
    /// It leaves the transaction that whoever runs the script began.
    pub outside: bool,
}

/// A comment that allows something, where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where.
    pub range: Range<usize>,
    /// Rules by name or code; empty: all of them.
    pub rules: Vec<String>,
    /// Because of what.
    pub reason: Option<String>,
    /// The number of the statement that it is about; nothing: the whole script.
    pub statement: Option<usize>,
}

/// A script, with what is around it.
#[derive(Clone, Copy, Debug)]
pub struct ScriptAt<'a> {
    /// Its number: scripts are numbered as they run.
    pub number: usize,
    /// The script.
    pub script: &'a Script<'a>,
    /// Its statements.
    pub reads: &'a [Read],
    /// Lines and columns of its text.
    pub places: &'a Places<'a>,
    /// How the review is made.
    pub options: &'a Options,
    /// What is known of the target.
    pub live: &'a Live,
}

impl<'a> Script<'a> {
    /// A whole file, forward.
    pub fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, ..Self::default() }
    }

    /// Its place among others is told: by a number at the beginning of its name or its folder's, or by what
    /// stands in it.
    pub(crate) fn is_numbered(&self) -> bool {
        let begins = |name: &str| {
            let name = name.strip_prefix(['V', 'v', 'B', 'U']).unwrap_or(name);
            name.starts_with(|c: char| c.is_ascii_digit())
        };
        self.is_python() || self.path.rsplit(['/', '\\']).take(2).any(begins)
    }

    /// It is Alembic's, in Python.
    pub fn is_python(&self) -> bool {
        Path::new(self.path).extension().is_some_and(|end| end.eq_ignore_ascii_case("py"))
    }
}

impl Read {
    /// The statement, if it is one.
    pub fn stmt(&self) -> Option<&Stmt> {
        match &self.what {
            What::Statement(stmt) => Some(stmt),
            _ => None,
        }
    }
}

impl<'a> ScriptAt<'a> {
    /// The statements, with their numbers.
    pub fn stmts(&self) -> impl DoubleEndedIterator<Item = (usize, &'a Stmt)> + use<'a> {
        let reads = self.reads;
        reads.iter().enumerate().filter_map(|(number, read)| Some((number, read.stmt()?)))
    }

    /// The statements behind one.
    pub fn after(&self, number: usize) -> impl Iterator<Item = (usize, &'a Stmt)> + use<'a> {
        self.stmts().filter(move |(other, _)| *other > number)
    }

    /// The statements shortly behind one: as many as somebody would look through for what belongs to it.
    pub fn after_near(&self, number: usize) -> impl Iterator<Item = &'a Stmt> + use<'a> {
        let near = self.reads.get(number + 1..).unwrap_or_default();
        near.iter().take(50).filter_map(Read::stmt)
    }

    /// The statements shortly before one, the nearest first.
    pub fn before_near(&self, number: usize) -> impl Iterator<Item = &'a Stmt> + use<'a> {
        let near = self.reads.get(..number).unwrap_or_default();
        near.iter().rev().take(50).filter_map(Read::stmt)
    }

    /// The statements before one, the nearest first.
    pub fn before(&self, number: usize) -> impl Iterator<Item = (usize, &'a Stmt)> + use<'a> {
        self.stmts().rev().filter(move |(other, _)| *other < number)
    }

    /// The target has the table, and it is small.
    pub fn is_small(&self, relation: &Relation) -> bool {
        let table = self.live.table(relation);
        table.is_some_and(|table| table.total_bytes.max(table.bytes) < self.options.safe_below)
    }

    /// Whether a statement is a `DO` block.
    pub fn is_do(&self, number: usize) -> bool {
        matches!(self.reads.get(number).and_then(Read::stmt), Some(Stmt::Do { .. }))
    }

    /// The text of a statement.
    pub fn text(&self, number: usize) -> &'a str {
        &self.script.text[self.reads[number].range.clone()]
    }
}

/// Reads the statements of a script.
pub fn read_script(script: &Script<'_>) -> Vec<Read> {
    // Of a way down that is applied nobody asks more than whether there is anything in it.
    let only_whether = script.applied && script.direction == Direction::Down;
    if script.is_python() {
        return if only_whether { Vec::new() } else { super::python::read(script) };
    }
    let part = script.part.clone().unwrap_or(0..script.text.len());
    let text = &script.text[part.clone()];
    if only_whether {
        let first = split(text).find(|piece| piece.kind != PieceKind::Blank);
        return first
            .map(|piece| stands(part.start, &piece, What::Unread(String::new())))
            .into_iter()
            .collect();
    }
    let skips = |piece: &Piece| script.applied && tells_nothing(piece.text(text));
    let told = |piece: Piece| match piece.kind {
        PieceKind::Statement if skips(&piece) => {
            Some(stands(part.start, &piece, What::Statement(Box::new(Stmt::Other))))
        }
        _ => read(text, part.start, &piece),
    };
    split(text).filter_map(told).collect()
}

/// Whether a statement of an applied script tells nothing of the schema, by how it begins: one that only
/// writes or reads rows, and neither makes a table of them nor sets where names are looked for. Histories
/// are full of these.
fn tells_nothing(text: &str) -> bool {
    const INTO: Mentions = Mentions::of(&["into"]);
    const FROM: Mentions = Mentions::of(&["from"]);
    const SETS: Mentions = Mentions::of(&["set_config"]);
    let end = text.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    let is = |word: &str| text[..end].eq_ignore_ascii_case(word);
    let writes = is("insert") || is("update") || is("delete") || is("comment");
    // One that reads from nowhere may call what does anything.
    let reads = is("select") && FROM.any_in(text) && !INTO.any_in(text);
    (writes || reads) && !SETS.any_in(text)
}

fn read(text: &str, offset: usize, piece: &Piece) -> Option<Read> {
    let what = match piece.kind {
        PieceKind::Blank => return None,
        PieceKind::Command { .. } => What::Psql,
        PieceKind::Statement | PieceKind::Copy { .. } => match switchback_sql::read::read(piece.text(text)) {
            Ok(stmt) => What::Statement(Box::new(stmt)),
            Err(mistake) => What::Mistake(mistake),
        },
    };
    Some(stands(offset, piece, what))
}

fn stands(offset: usize, piece: &Piece, what: What) -> Read {
    Read {
        range: piece.statement.start + offset..piece.statement.end + offset,
        from: piece.whole.start + offset,
        what,
        data: matches!(piece.kind, PieceKind::Copy { .. }),
        exact: true,
        guessed: false,
        outside: false,
    }
}

/// Whether a statement stands in it that can't stand in a transaction block.
pub fn leaves_transaction(text: &str) -> bool {
    // Most scripts have none, and are read once more where this is not known.
    if !Statement::may_leave_block(text) {
        return false;
    }
    let pieces = split(text).filter(|piece| piece.kind == PieceKind::Statement);
    let reads = pieces.filter_map(|piece| Statement::read(piece.text(text)).ok());
    reads.into_iter().any(|statement| statement.in_block() == switchback_sql::Block::Impossible)
}
