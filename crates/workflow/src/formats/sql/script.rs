//! One script, read and not run: its statements, and whether it is one transaction.

use std::ops::Range;
use std::path::Path;

use switchback_model::{Failure, Result, code};
use switchback_sql::{Block, Piece, PieceKind, Place, Statement, placeholder, split, tokens};

/// The line that takes a script out of its transaction.
pub(super) const DIRECTIVE: &str = "-- switchback: no-transaction";

/// A script that can be run.
#[derive(Debug)]
pub(super) struct Script {
    /// Its file, as messages name it.
    pub(super) file: String,
    /// Its text.
    pub(super) text: String,
    /// What is sent, in order.
    pub(super) parts: Vec<Part>,
    /// Why it is not one transaction, where it is not.
    pub(super) leaves: Option<String>,
}

/// One statement of a script.
#[derive(Debug)]
pub(super) struct Part {
    /// What it does.
    pub(super) statement: Statement,
    /// Where it stands.
    pub(super) at: Range<usize>,
    /// The data of a `COPY`.
    pub(super) data: Option<Range<usize>>,
    /// Whether a block that the script itself began is open when it is done.
    pub(super) inside: bool,
}

impl Script {
    /// Reads a script; `file` is how messages name it.
    ///
    /// # Errors
    /// [`code::MIGRATION_UNREADABLE`] for what the server's grammar does not know,
    /// [`code::SCRIPT_REFUSED`] for what is not sent; both with file, line and column.
    pub(super) fn read(file: &Path, text: String) -> Result<Self> {
        let mut script = Self { file: file.display().to_string(), text, parts: Vec::new(), leaves: None };
        if script.directive()? {
            script.leaves = Some(format!("it says `{DIRECTIVE}`"));
        }
        for piece in split(&script.text) {
            if let Some(part) = script.part(&piece)? {
                script.parts.push(part);
            }
        }
        script.look_at_transaction()?;
        Ok(script)
    }

    /// Its number of statements, and which one a part is, as people count.
    pub(super) fn number(&self, index: usize) -> String {
        format!("statement {} of {}", index + 1, self.parts.len())
    }

    /// The beginning of a statement, on one line.
    pub(super) fn beginning(&self, part: &Part) -> String {
        let words: Vec<_> = self.text[part.at.clone()].split_whitespace().take(12).collect();
        let mut line = words.join(" ");
        if let Some((end, _)) = line.char_indices().nth(80) {
            line.truncate(end);
            line.push('…');
        }
        line
    }

    /// The place of a byte.
    pub(super) fn place(&self, at: usize) -> Place {
        Place::of(&self.text, at)
    }

    /// A failure at a place: the message begins with it, the line with a caret is its first cause.
    pub(super) fn wrong(&self, code: code::Code, at: usize, message: &str) -> Failure {
        let place = self.place(at);
        Failure::new(code, format!("{}:{}:{}: {message}", self.file, place.line, place.column))
            .cause(place.shown)
    }

    fn refuse(&self, at: usize, message: &str) -> Failure {
        self.wrong(code::SCRIPT_REFUSED, at, message).changed("nothing was touched")
    }

    /// Whether a comment before the first statement takes the script out of its transaction.
    fn directive(&self) -> Result<bool> {
        let mut found = false;
        for comment in tokens(&self.text).take_while(switchback_sql::Token::is_comment) {
            let words = comment.of(&self.text).trim_start_matches('-').trim();
            let Some(word) = words.strip_prefix("switchback:") else { continue };
            if word.trim() != "no-transaction" {
                let message = format!("`{}` means nothing", word.trim());
                return Err(self.refuse(comment.start, &message).hint(format!("what is known: {DIRECTIVE}")));
            }
            found = true;
        }
        Ok(found)
    }

    fn part(&self, piece: &Piece) -> Result<Option<Part>> {
        let data = match &piece.kind {
            PieceKind::Blank => return Ok(None),
            PieceKind::Command { at } => return Err(self.command(*at)),
            PieceKind::Statement => None,
            PieceKind::Copy { data, ended, behind } => {
                self.look_at_data(piece, *ended, *behind)?;
                Some(data.clone())
            }
        };
        let statement = Statement::read(piece.text(&self.text)).map_err(|mistake| {
            self.unreadable(piece, piece.statement.start + mistake.at, &mistake.message)
        })?;
        if statement == Statement::CopyOut || (statement == Statement::CopyIn) != data.is_some() {
            let message = "this COPY speaks to a client, and there is none";
            return Err(self.refuse(piece.statement.start, message));
        }
        Ok(Some(Part { statement, at: piece.statement.clone(), data, inside: false }))
    }

    fn command(&self, at: usize) -> Failure {
        let word = self.text[at..].split_whitespace().next().unwrap_or_default();
        self.refuse(at, &format!("`{word}` is a command of psql, not of the server"))
            .hint("leave it out, or write what it does in SQL")
    }

    fn look_at_data(&self, piece: &Piece, ended: bool, behind: Option<usize>) -> Result<()> {
        if let Some(at) = behind {
            return Err(self.refuse(
                at,
                "behind a COPY … FROM stdin; nothing but its data can follow in the next lines",
            ));
        }
        if ended {
            return Ok(());
        }
        let message = "the data of this COPY is not ended by a line `\\.`";
        Err(self
            .refuse(piece.statement.start, message)
            .hint("put a line that is \\. and nothing else behind the last row"))
    }

    /// A statement that the server would not understand; where a placeholder is in it, that is why.
    fn unreadable(&self, piece: &Piece, at: usize, message: &str) -> Failure {
        if let Some(found) = placeholder(piece.text(&self.text)) {
            let start = piece.statement.start + found.start;
            let word = &piece.text(&self.text)[found];
            return self
                .refuse(start, &format!("`{word}` is a placeholder, and scripts are sent as they are"))
                .hint("write the value out, or let the program that knows it make the script");
        }
        self.wrong(code::MIGRATION_UNREADABLE, at, message)
            .changed("nothing was touched")
            .hint(format!("correct {}, then the same command again", self.file))
    }

    /// A script is one transaction, or its statements run one by one; never something between.
    fn look_at_transaction(&mut self) -> Result<()> {
        if self.leaves.is_some() {
            return self.own_blocks();
        }
        if let Some(part) = self.parts.iter().find(|part| part.statement.controls_transaction()) {
            let message = "the transaction is Switchback's, so a script can't begin or end one";
            return Err(self
                .refuse(part.at.start, message)
                .hint("leave it out: each script is one transaction, together with its line in the history")
                .hint(format!("or let every statement run by itself; as the first line: {DIRECTIVE}")));
        }
        let impossible = self.parts.iter().find(|part| part.statement.in_block() == Block::Impossible);
        self.leaves = impossible.map(|part| {
            let line = self.place(part.at.start).line;
            format!("line {line}, {}, can't run in one", self.beginning(part))
        });
        Ok(())
    }

    /// Blocks that a script manages itself end in it, and hold nothing that can't stand there.
    fn own_blocks(&mut self) -> Result<()> {
        let mut open: Option<usize> = None;
        for index in 0..self.parts.len() {
            let (statement, at) = (&self.parts[index].statement, self.parts[index].at.start);
            match statement {
                Statement::Begin => open = open.or(Some(at)),
                Statement::Commit | Statement::Rollback | Statement::PrepareTransaction => open = None,
                other if open.is_some() && other.in_block() == Block::Impossible => {
                    return Err(self.refuse(at, "this can't run between BEGIN and COMMIT"));
                }
                _ => {}
            }
            self.parts[index].inside = open.is_some();
        }
        match open {
            Some(at) => Err(self.refuse(at, "the transaction that begins here is not ended")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Script> {
        Script::read(Path::new("m/0001_a.up.sql"), text.to_owned())
    }

    fn refused(text: &str) -> String {
        let failure = read(text).unwrap_err();
        format!("{failure}\n{}", failure.causes.join("\n"))
    }

    #[test]
    fn a_script_is_one_transaction_unless_it_can_not_be() {
        assert_eq!(read("create table t (a int); alter type m add value 'x';").unwrap().leaves, None);
        let leaves = read("create table t (a int);\ncreate index concurrently i on t (a);").unwrap().leaves;
        assert_eq!(leaves.unwrap(), "line 2, create index concurrently i on t (a), can't run in one");
        assert!(read("-- why\n-- switchback: no-transaction\nselect 1").unwrap().leaves.is_some());
        // Behind the first statement it is a comment like any other.
        assert!(read("select 1;\n-- switchback: no-transaction\nselect 1").unwrap().leaves.is_none());
    }

    #[test]
    fn what_is_not_sent_is_refused_with_its_place() {
        let code = |text: &str| read(text).unwrap_err().code;
        for text in [
            "\\set a 1\nselect 1;",
            "begin; select 1; commit;",
            "select 1; savepoint a;",
            "copy t to stdout;",
            "copy t from stdin;\n1\n",
            "select ${a};",
            "-- switchback: no-transactions\nselect 1",
            "-- switchback: no-transaction\nbegin; select 1;",
            "-- switchback: no-transaction\nbegin; vacuum; commit;",
        ] {
            assert_eq!(code(text), code::SCRIPT_REFUSED, "{text}");
        }
        assert_eq!(
            refused("select 1;\nselect {{ a }};"),
            "SB0413: m/0001_a.up.sql:2:8: `{{ a }}` is a placeholder, and scripts are sent as they are\n\
             2 | select {{ a }};\n  |        ^"
        );
        assert_eq!(
            refused("select 1;\nupdate t sett a = 1;"),
            "SB0403: m/0001_a.up.sql:2:15: syntax error at or near \"a\"\n2 | update t sett a = 1;\n  |               ^"
        );
    }

    #[test]
    fn a_script_that_manages_its_transactions_says_where_it_is_inside() {
        let text = "-- switchback: no-transaction\nselect 1; begin; select 2; commit; vacuum;";
        let inside: Vec<_> = read(text).unwrap().parts.iter().map(|part| part.inside).collect();
        assert_eq!(inside, [false, true, true, false, false]);
    }

    #[test]
    fn data_belongs_to_its_copy() {
        let script = read("copy t from stdin;\n1\tx\n\\.\nselect 1;").unwrap();
        assert_eq!(&script.text[script.parts[0].data.clone().unwrap()], "1\tx\n");
        assert_eq!(script.parts.len(), 2);
    }
}
