//! Words that some program was to replace before the server sees the script.

use std::ops::Range;

use crate::lexer::{Kind, Token, tokens};

/// The first placeholder of a statement that the server's grammar does not know: `:name`, `:'name'` of
/// `psql`, `${name}`, `{{ name }}`, `%(name)s`. Asked only where a statement was refused, for `a[1:n]`
/// is no placeholder.
pub fn placeholder(statement: &str) -> Option<Range<usize>> {
    let all: Vec<Token> = tokens(statement).filter(|token| !token.is_comment()).collect();
    (0..all.len()).find_map(|index| {
        let token = all[index];
        let next = *all.get(index + 1)?;
        let touches = token.end == next.start;
        match (token.of(statement), next.of(statement)) {
            (":", _) if touches && matches!(next.kind, Kind::Word | Kind::Text | Kind::Name) => {
                Some(token.start..next.end)
            }
            ("$" | "{", "{") if touches => Some(token.start..closed(statement, next.end)),
            ("%", "(") if touches && format_word(statement, &all[index..]).is_some() => {
                format_word(statement, &all[index..])
            }
            _ => None,
        }
    })
}

/// Behind the braces that close; at most to the end of the line.
fn closed(statement: &str, from: usize) -> usize {
    let line = statement[from..].lines().next().unwrap_or_default();
    let brace = line.find('}').map_or(0, |at| at + line[at..].bytes().take_while(|b| *b == b'}').count());
    from + brace
}

/// `%(name)s`.
fn format_word(statement: &str, all: &[Token]) -> Option<Range<usize>> {
    let [percent, _, name, close, letter, ..] = all else { return None };
    let fits = name.kind == Kind::Word && close.of(statement) == ")" && letter.of(statement) == "s";
    fits.then_some(percent.start..letter.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_is_known() {
        for (text, found) in [
            ("select :id", Some(":id")),
            ("select :'name'", Some(":'name'")),
            ("create table ${schema}.t ()", Some("${schema}")),
            ("select * from {{ table }} where a", Some("{{ table }}")),
            ("select %(id)s", Some("%(id)s")),
            ("select a::text, b[1 : 2], $1, 5 % (a)", None),
            ("select '${x}', $$ {{ y }} $$", None),
        ] {
            assert_eq!(placeholder(text).map(|at| &text[at]), found, "{text}");
        }
    }
}
