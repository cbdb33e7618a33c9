//! The text of a file, and places in it.

use crate::findings::Columns;

/// Finds places in a text. Whoever asks from front to back, as findings are sorted, gets all of them
/// in one walk, however many lines there are and however long they are.
pub(in crate::findings) struct Source<'t> {
    text: &'t str,
    columns: Columns,
    /// The line that was asked for last.
    line: Line,
    /// The column in it that was asked for last, and its byte.
    column: (usize, usize),
}

/// A line's number, and the bytes at which it begins and ends.
#[derive(Clone, Copy)]
struct Line {
    number: usize,
    begin: usize,
    end: usize,
}

/// A line, and a part of it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::findings) struct Excerpt<'t> {
    /// What stands before the part.
    pub(in crate::findings) before: &'t str,
    /// The part.
    pub(in crate::findings) part: &'t str,
    /// What stands behind it.
    pub(in crate::findings) behind: &'t str,
}

/// Where a statement stands, from its first character to behind its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::findings) struct Region {
    /// Line and column.
    pub(in crate::findings) start: (usize, usize),
    /// Line and column.
    pub(in crate::findings) end: (usize, usize),
}

impl<'t> Source<'t> {
    pub(in crate::findings) fn of(text: &'t str, columns: Columns) -> Self {
        Self { text, columns, line: line(text, 1, 0), column: (1, 0) }
    }

    /// The line at which a region begins, and the region's part of it; nothing where the text has no
    /// such line.
    pub(in crate::findings) fn part(&mut self, region: Region) -> Option<Excerpt<'t>> {
        let from = self.byte(region.start)?;
        let (before, rest) = self.text[self.line.begin..self.line.end].split_at(from - self.line.begin);
        let until = if region.end.0 == region.start.0 {
            self.walk(rest, region.end.1.saturating_sub(region.start.1))
        } else {
            rest.len()
        };
        // Blanks at the end of a line belong to nothing.
        let until = if rest[until..].trim_end().is_empty() { rest.trim_end().len() } else { until };
        let (part, behind) = rest.split_at(until);
        Some(Excerpt { before, part, behind })
    }

    /// Where a statement stands of which something at this place is a part; nothing where the text
    /// has another one there, as a script that was generated has.
    pub(in crate::findings) fn statement(&mut self, at: (usize, usize), statement: &str) -> Option<Region> {
        let byte = self.byte(at)?;
        if statement.is_empty() {
            return None;
        }
        let from = self.text.floor_char_boundary(byte.saturating_sub(statement.len()));
        let until = self.text.ceil_char_boundary((byte + statement.len()).min(self.text.len()));
        let start = from + self.text[from..until].rfind(statement).filter(|found| from + found <= byte)?;
        Some(Region {
            start: self.before(at, byte, start),
            end: self.behind(at, byte, start + statement.len()),
        })
    }

    /// The byte of a place. A column behind the line's end is its end.
    fn byte(&mut self, (line, column): (usize, usize)) -> Option<usize> {
        self.seek(line)?;
        let column = column.max(1);
        if column < self.column.0 {
            self.column = (1, self.line.begin);
        }
        let rest = &self.text[self.column.1..self.line.end];
        let byte = self.column.1 + self.walk(rest, column - self.column.0);
        self.column = (column, byte);
        Some(byte)
    }

    /// Goes to a line.
    fn seek(&mut self, number: usize) -> Option<()> {
        if number < self.line.number {
            self.go(line(self.text, 1, 0));
        }
        while self.line.number < number {
            let begin = self.line.end + self.text[self.line.end..].find('\n')? + 1;
            self.go(line(self.text, self.line.number + 1, begin));
        }
        (number > 0).then_some(())
    }

    fn go(&mut self, line: Line) {
        (self.line, self.column) = (line, (1, line.begin));
    }

    /// So many columns of a text, in bytes.
    fn walk(&self, text: &str, columns: usize) -> usize {
        let mut gone = 0;
        let mut chars = text.char_indices();
        chars
            .find(|(_, c)| {
                let here = gone >= columns;
                gone += if self.columns == Columns::Utf16 { c.len_utf16() } else { 1 };
                here
            })
            .map_or(text.len(), |(byte, _)| byte)
    }

    /// The place of a byte that is not behind a known one.
    fn before(&self, (line, column): (usize, usize), known: usize, byte: usize) -> (usize, usize) {
        let between = &self.text[byte..known];
        let lines = between.bytes().filter(|byte| *byte == b'\n').count();
        if lines == 0 {
            return (line, column.saturating_sub(self.columns.of(between)).max(1));
        }
        let begin = self.text[..byte].rfind('\n').map_or(0, |end| end + 1);
        (line.saturating_sub(lines).max(1), self.columns.of(&self.text[begin..byte]) + 1)
    }

    /// The place of a byte that is not before a known one.
    fn behind(&self, (line, column): (usize, usize), known: usize, byte: usize) -> (usize, usize) {
        let between = &self.text[known..byte];
        match between.rfind('\n') {
            None => (line, column + self.columns.of(between)),
            Some(end) => {
                let lines = between.bytes().filter(|byte| *byte == b'\n').count();
                (line + lines, self.columns.of(&between[end + 1..]) + 1)
            }
        }
    }
}

/// The line that begins at a byte, without its end.
fn line(text: &str, number: usize, begin: usize) -> Line {
    let rest = &text[begin..];
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    Line { number, begin, end: begin + line.strip_suffix('\r').unwrap_or(line).len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, columns: Columns, start: (usize, usize), end: (usize, usize)) -> Option<[&str; 3]> {
        let part = Source::of(text, columns).part(Region { start, end })?;
        Some([part.before, part.part, part.behind])
    }

    #[test]
    fn a_part_of_a_line_is_found() {
        let of = |start, end| part("one\r\n\tzwö drei\r\n", Columns::Characters, start, end);
        assert_eq!(of((2, 2), (2, 5)), Some(["\t", "zwö", " drei"]));
        assert_eq!(of((1, 2), (2, 5)), Some(["o", "ne", ""]));
        assert_eq!(of((1, 9), (1, 12)), Some(["one", "", ""]));
        assert_eq!(of((3, 1), (3, 1)), Some(["", "", ""]));
        assert_eq!(of((4, 1), (4, 1)), None);
        assert_eq!(of((0, 0), (0, 0)), None);
        assert_eq!(of((1, 3), (1, 1)), Some(["on", "", "e"]), "an end before its start");
    }

    #[test]
    fn columns_are_counted_as_the_findings_were() {
        let text = "/* 🐘 */ drop table a;";
        assert_eq!(part(text, Columns::Characters, (1, 9), (1, 13)).unwrap()[1], "drop");
        assert_eq!(part(text, Columns::Utf16, (1, 10), (1, 14)).unwrap()[1], "drop");
        // Half a character is a place inside of it: what is cut is whole.
        assert_eq!(part(text, Columns::Utf16, (1, 5), (1, 6)).unwrap()[0], "/* 🐘");
    }

    #[test]
    fn places_can_be_asked_for_in_any_order() {
        let mut source = Source::of("aa bb\ncc dd\nee ff", Columns::Characters);
        let mut at = |line, from| {
            let part = source.part(Region { start: (line, from), end: (line, from + 2) });
            part.map(|part| part.part)
        };
        let found =
            [(3, 4), (1, 4), (1, 1), (2, 1), (2, 4), (9, 1), (3, 1)].map(|(line, from)| at(line, from));
        assert_eq!(
            found,
            ["ff", "bb", "aa", "cc", "dd", "", "ee"].map(|one| (!one.is_empty()).then_some(one))
        );
    }

    #[test]
    fn a_statement_is_found_around_a_part_of_it() {
        let text = "select 1; -- ö\nalter table a\n  drop column b, drop column c;\n";
        let statement = "alter table a\n  drop column b, drop column c";
        let whole = Some(Region { start: (2, 1), end: (3, 31) });
        for at in [(2, 1), (3, 3), (3, 18)] {
            assert_eq!(Source::of(text, Columns::Characters).statement(at, statement), whole);
        }
        let one = Source::of("ö; drop table 🐘;", Columns::Utf16).statement((1, 9), "drop table 🐘");
        assert_eq!(one, Some(Region { start: (1, 4), end: (1, 17) }));
    }

    #[test]
    fn another_statement_is_not_taken_for_it() {
        let mut source = Source::of("drop table a;\nselect 1;\ndrop table a;", Columns::Characters);
        assert_eq!(source.statement((2, 1), "drop table a"), None);
        assert_eq!(source.statement((2, 1), ""), None);
        assert_eq!(source.statement((2, 1), "drop table abcdefghijklmnopqrstuvwxyz"), None);
        assert_eq!(source.statement((3, 1), "drop table a").unwrap().start, (3, 1));
    }
}
