//! Lines and columns of a text.

use std::cell::Cell;

/// Finds lines and columns. It remembers where it was: what is asked in about the order of the text is
/// answered in about the time that reading it once takes, however long its lines are.
#[derive(Debug)]
pub struct Places<'t> {
    text: &'t str,
    last: Cell<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    byte: usize,
    line: usize,
    column: usize,
}

impl<'t> Places<'t> {
    /// Of a text.
    pub fn of(text: &'t str) -> Self {
        Self { text, last: Cell::new(Last { byte: 0, line: 1, column: 1 }) }
    }

    /// Line and column of a byte of the text, both from 1, the column in characters. A byte inside of a
    /// character, or behind the end, counts as the last place before it.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let last = self.last.get();
        let now = if byte >= last.byte { self.forward(last, byte) } else { self.back(last, byte) };
        self.last.set(now);
        (now.line, now.column)
    }

    fn forward(&self, last: Last, byte: usize) -> Last {
        let between = &self.text[last.byte..byte];
        match between.rfind('\n') {
            None => Last { byte, line: last.line, column: last.column + between.chars().count() },
            Some(end) => Last {
                byte,
                line: last.line + lines(between),
                column: between[end + 1..].chars().count() + 1,
            },
        }
    }

    fn back(&self, last: Last, byte: usize) -> Last {
        let between = &self.text[byte..last.byte];
        let ends = lines(between);
        if ends == 0 {
            return Last { byte, line: last.line, column: last.column - between.chars().count() };
        }
        let start = self.text[..byte].rfind('\n').map_or(0, |end| end + 1);
        let column = self.text[start..byte].chars().count() + 1;
        Last { byte, line: last.line - ends, column }
    }
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_same_in_any_order() {
        let text = "a\nbä\n\ncd";
        let fresh = |byte| Places::of(text).place(byte);
        let places = Places::of(text);
        for byte in [0, 5, 3, 8, 2, 1, 7, 4, 6, 0, 100, 3] {
            assert_eq!(places.place(byte), fresh(byte), "{byte}");
        }
        assert_eq!((fresh(0), fresh(2), fresh(7), fresh(8)), ((1, 1), (2, 1), (4, 1), (4, 2)));
        assert_eq!(fresh(4), (2, 2), "inside of a character");
    }
}
