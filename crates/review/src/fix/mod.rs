//! Puts the statements of a fix into the place of the one that they are for.
//!
//! Where no transaction is open, they stand where it stood. In a block that the script begins itself,
//! the block is closed before them and begun again behind them. Where the tool runs the script in a
//! transaction, each of their transactions becomes a migration of its own, in the layout's own way.
//! Nothing else of the text is touched. Whether what comes out is better is for a review of it to say,
//! and for a server.

mod back;
mod inline;
mod name;
mod split;

use switchback_model::finding::{Fix, FixStep};
use switchback_sql::ast::{Stmt, Transaction};

use crate::cx::{Read, read_script};
use crate::layout::Part;

/// A file as it would be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Where the way down of a script is.
#[derive(Clone, Copy, Debug)]
pub enum Back<'a> {
    /// There is none.
    Nowhere,
    /// In a file of its own.
    File {
        /// Its path.
        path: &'a str,
        /// Its text.
        text: &'a str,
    },
    /// In the same file.
    Section(&'a Part),
}

/// A script that is to be fixed.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The file's path.
    pub path: &'a str,
    /// The file's text.
    pub text: &'a str,
    /// The script.
    pub part: &'a Part,
    /// Its way down.
    pub back: Back<'a>,
    /// The paths of the migrations beside it: new ones find their numbers between these.
    pub others: &'a [&'a str],
}

/// The ways in which a fix can be written at a statement, by its number, the smallest change first; the
/// files that each writes, the changed one first. A way that is not possible says why.
pub fn ways(target: &Target<'_>, number: usize, fix: &Fix) -> Vec<Result<Vec<Written>, String>> {
    let reads = read_script(&target.part.script(target.path, target.text));
    let at = Place { target, reads: &reads, number, steps: &fix.steps };
    if reads.get(number).is_none_or(|read| !read.exact) {
        return Vec::new();
    }
    match at.around() {
        Around::Nothing => vec![Ok(at.instead(&inline::bare(&at)))],
        Around::Block(begin) => vec![inline::within(&at), inline::apart(&at, begin)],
        Around::Tool => vec![inline::within(&at), split::split(&at)],
    }
}

/// A statement, and what is to stand there.
struct Place<'a> {
    target: &'a Target<'a>,
    reads: &'a [Read],
    number: usize,
    steps: &'a [FixStep],
}

/// Which transaction a statement runs in.
enum Around {
    /// One of its own.
    Nothing,
    /// The block that this statement of the script begins.
    Block(usize),
    /// The one of whoever runs the script.
    Tool,
}

impl<'a> Place<'a> {
    fn around(&self) -> Around {
        let part = self.target.part;
        if part.wrapped || part.one_query {
            return Around::Tool;
        }
        let mut transactions =
            self.reads[..self.number].iter().enumerate().rev().filter_map(|(number, read)| {
                let Some(Stmt::Transaction(kind)) = read.stmt() else { return None };
                (*kind != Transaction::Savepoint).then_some((number, *kind))
            });
        match transactions.next() {
            Some((number, Transaction::Begin)) => Around::Block(number),
            _ => Around::Nothing,
        }
    }

    fn read(&self) -> &'a Read {
        &self.reads[self.number]
    }

    /// The text of a statement.
    fn text(&self, number: usize) -> &'a str {
        &self.target.text[self.reads[number].range.clone()]
    }

    /// What is set for the session or the transaction before the statement, since one of the script.
    fn settings(&self, since: usize) -> impl Iterator<Item = (usize, &'a Stmt)> + use<'a> {
        let before = self.reads[since..self.number].iter().enumerate();
        before.filter_map(move |(number, read)| {
            let stmt = read.stmt()?;
            matches!(stmt, Stmt::Set { .. }).then_some((since + number, stmt))
        })
    }

    /// Whether nothing but settings stands before the statement, since one of the script.
    fn is_first(&self, since: usize) -> bool {
        self.settings(since).count() == self.number - since
    }

    /// The file with a text in the place of the statement.
    fn instead(&self, text: &str) -> Vec<Written> {
        let range = self.read().range.clone();
        let whole = &self.target.text;
        self.changed(format!("{}{text}{}", &whole[..range.start], &whole[range.end..]))
    }

    fn changed(&self, text: String) -> Vec<Written> {
        vec![Written { path: self.target.path.to_owned(), text }]
    }

    /// The steps, by their transactions.
    fn groups(&self) -> Vec<&'a [FixStep]> {
        let steps = self.steps;
        let mut starts: Vec<usize> =
            (0..steps.len()).filter(|number| *number == 0 || !steps[*number].with_previous).collect();
        starts.push(steps.len());
        starts.windows(2).map(|ends| &steps[ends[0]..ends[1]]).collect()
    }
}

/// Statements one below the other, without the last semicolon.
fn joined<T: AsRef<str>>(statements: impl IntoIterator<Item = T>) -> String {
    let statements: Vec<String> =
        statements.into_iter().map(|statement| statement.as_ref().to_owned()).collect();
    statements.join(";\n")
}
