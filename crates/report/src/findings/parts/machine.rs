//! JSON as it is written for other programs, and may land on a terminal all the same.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

/// Writes a document, indented, with a line end.
pub(in crate::findings) fn json(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // A look at a few large pieces is quicker than one at each word.
    let mut pieces = BufWriter::new(Escaping(out));
    serde_json::to_writer_pretty(&mut pieces, document)?;
    pieces.write_all(b"\n")?;
    pieces.flush()
}

/// Escapes what JSON allows to stand in a string as it is and a terminal obeys: U+009B begins a
/// control sequence as an escape does, marks of direction turn a line round.
struct Escaping<'a>(&'a mut dyn Write);

impl Write for Escaping<'_> {
    /// Takes whole characters: serde_json cuts its writes at ASCII characters alone, and what buffers them
    /// does not cut them again.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nearly all of it: of ASCII only DEL is obeyed that JSON does not escape.
        if bytes.is_ascii() && !bytes.contains(&0x7f) {
            return self.0.write_all(bytes).map(|()| bytes.len());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains(obeyed) => self.0.write_all(escaped(text).as_bytes())?,
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if obeyed(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_is_obeyed() {
        let hostile: Value = "a\u{9b}31m\u{1b}[2J\u{7f}\u{202e}é🐘\"\\\n".into();
        let mut out = Vec::new();
        json(&mut out, &hostile).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "\"a\\u009b31m\\u001b[2J\\u007f\\u202eé🐘\\\"\\\\\\n\"\n");
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), hostile);
    }
}
