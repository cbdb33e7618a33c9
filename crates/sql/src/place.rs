//! A place in a text, as people look for it.

/// Line and column, and the line itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line and, under it, a caret.
    pub shown: String,
}

/// So much of a long line is shown on both sides of the place.
const AROUND: usize = 60;

impl Place {
    /// The place of a byte of the text. One inside of a character, or behind the end, counts as the
    /// last place before it.
    pub fn of(text: &str, byte: usize) -> Self {
        let byte = text.floor_char_boundary(byte.min(text.len()));
        let before = &text[..byte];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = text[start..byte].chars().count() + 1;
        let rest = text[byte..].lines().next().unwrap_or_default();
        Self { line, column, shown: shown(line, &text[start..byte], rest) }
    }
}

/// `12 | select nope from users`, and a caret in the next line.
fn shown(line: usize, before: &str, behind: &str) -> String {
    let skipped = before.chars().count().saturating_sub(AROUND);
    let cut = if skipped > 0 { "…" } else { "" };
    let before: String = before.chars().skip(skipped).collect();
    let tail: String = behind.trim_end().chars().take(AROUND).collect();
    let more = if tail.len() < behind.trim_end().len() { "…" } else { "" };
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let indent: String =
        cut.chars().chain(before.chars()).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("{number} | {cut}{before}{tail}{more}\n{margin} | {indent}^")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_under_the_place() {
        let place = Place::of("select 1;\n\tselect nöpe from t;\n", 18);
        assert_eq!((place.line, place.column), (2, 9));
        assert_eq!(place.shown, "2 | \tselect nöpe from t;\n  | \t       ^");
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let text = format!("{}!{}", "a".repeat(200), "b".repeat(200));
        let shown = Place::of(&text, 200).shown;
        assert!(shown.starts_with("1 | …aaa") && shown.contains("bbb…\n"), "{shown}");
        let (code, caret) = shown.split_once('\n').unwrap();
        assert_eq!(code.chars().position(|c| c == '!'), caret.chars().position(|c| c == '^'));
    }

    #[test]
    fn any_byte_has_a_place() {
        assert_eq!(Place::of("", 5).line, 1);
        assert_eq!(Place::of("ä", 1).column, 1);
        assert_eq!(Place::of("a\n", 2), Place { line: 2, column: 1, shown: "2 | \n  | ^".into() });
    }
}
