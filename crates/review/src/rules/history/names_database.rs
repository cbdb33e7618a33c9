//! A script that names the database it runs in: see the page.

use switchback_sql::{Kind, Token, tokens};

use crate::rule::prelude::*;

/// How a connection URL begins, with or without a driver behind a `+`.
const SCHEMES: &[&str] = &["postgresql", "postgres", "jdbc:postgresql"];

/// How deep texts in texts are looked into: SQL in a script, in it a `DO` block, in it an `EXECUTE`.
const DEPTH: usize = 4;

pub(super) const RULE: Rule = Rule {
    code: "SR1241",
    name: "names-database",
    severity: Severity::Error,
    style: false,
    page: include_str!("names_database.md"),
    look: Look::Script(look),
};

fn look(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    let database = at.options.database.as_str();
    if database.is_empty() {
        return;
    }
    let mut search = Search { database, found: Vec::new() };
    let part = at.script.part.clone().unwrap_or(0..at.script.text.len());
    let text = &at.script.text[part.clone()];
    if at.script.is_python() {
        for (start, text) in python::texts(text) {
            search.sql(text, start + part.start, DEPTH);
        }
    } else {
        search.sql(text, part.start, DEPTH);
    }
    search.found.sort_unstable();
    search.found.dedup_by_key(|(place, _)| *place);
    for (place, what) in &search.found {
        let found = Found::new(
            format!("{what} names the database `{database}`"),
            format!("behind a closed fence, the target is not called `{database}` while the script runs"),
        );
        let found = found.help(
            "use current_database(), in dynamic SQL where a statement takes a name only; or choose \
             fence = \"read-only\"",
        );
        out.push_script(at, Some((*place, *place)), found);
    }
}

/// Places where the name stands, with what it stands in.
struct Search<'a> {
    database: &'a str,
    found: Vec<(usize, &'static str)>,
}

impl Search<'_> {
    /// Looks at a piece of SQL that begins at byte `offset` of the script, and into its texts.
    fn sql(&mut self, text: &str, offset: usize, depth: usize) {
        let all: Vec<_> = tokens(text).filter(|token| !token.is_comment()).collect();
        for (index, token) in all.iter().enumerate() {
            if let Some(what) =
                self.statement(text, &all, index).or_else(|| self.comparison(text, &all, index))
            {
                self.found.push((offset + token.start, what));
            }
        }
        self.commands(text, offset);
        self.urls(text, offset);
        for token in all.iter().filter(|token| token.is_text() && depth > 0) {
            let inside = token.inside(text);
            let start = token.start + token.of(text).find(inside).unwrap_or_default();
            self.sql(inside, offset + start, depth - 1);
        }
    }

    /// `DATABASE ada`, `DATABASE other, ada` behind `ALTER`, `DROP`, `ON`, …
    fn statement(&self, text: &str, all: &[Token], index: usize) -> Option<&'static str> {
        if !self.is_name(text, all[index]) {
            return None;
        }
        let mut before = all[..index].iter().rev().peekable();
        while before.peek().is_some_and(|token| token.of(text) == ",") {
            before.nth(1);
        }
        let word = before.next().filter(|token| is_word(text, **token, "database"))?;
        let verb = all[..index].iter().rev().find(|token| token.end <= word.start)?;
        let verbs = [
            ("alter", "ALTER DATABASE"),
            ("drop", "DROP DATABASE"),
            ("create", "CREATE DATABASE"),
            ("on", "ON DATABASE"),
            ("reindex", "REINDEX DATABASE"),
        ];
        verbs.iter().find(|(word, _)| is_word(text, *verb, word)).map(|(_, what)| *what)
    }

    /// `current_database() = 'ada'`, and the other way round.
    fn comparison(&self, text: &str, all: &[Token], index: usize) -> Option<&'static str> {
        let token = all[index];
        if !token.is_text() || token.inside(text) != self.database {
            return None;
        }
        let is_current = |token: &&Token| {
            is_word(text, **token, "current_database") || is_word(text, **token, "current_catalog")
        };
        let compares = |token: &&Token| {
            token.kind == Kind::Operator
                || ["in", "like", "is", "from"].iter().any(|word| is_word(text, **token, word))
        };
        // `current_database() NOT IN ('other', 'ada')` is the longest way that matters.
        let before = &all[index.saturating_sub(12)..index];
        let left = before.iter().rposition(|token| is_current(&token));
        let left = left.is_some_and(|at| {
            before[at..].iter().any(|token| compares(&token)) && one_condition(text, &before[at..])
        });
        let after = &all[index + 1..all.len().min(index + 4)];
        let right = after.iter().position(|token| is_current(&token));
        let right = right.is_some_and(|at| after[..at].iter().any(|token| compares(&token)));
        (left || right).then_some("a comparison with current_database()")
    }

    /// `\connect ada`, `\c ada`: commands of `psql`, to the end of their line.
    fn commands(&mut self, text: &str, offset: usize) {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let trimmed = line.trim_start();
            let at = start + line.len() - trimmed.len();
            let rest = trimmed.strip_prefix("\\connect").or_else(|| trimmed.strip_prefix("\\c"));
            let rest = rest.filter(|rest| rest.starts_with(char::is_whitespace)).unwrap_or_default();
            let first = rest.trim().trim_matches(['"', '\'']);
            let named = first.split_whitespace().any(|word| {
                word.trim_matches(['"', '\'']) == self.database
                    || word.strip_prefix("dbname=").is_some_and(|name| name == self.database)
            });
            if named {
                self.found.push((offset + at, "\\connect"));
            }
            start += line.len();
        }
    }

    /// The path of a connection URL.
    fn urls(&mut self, text: &str, offset: usize) {
        for (at, _) in text.match_indices("://") {
            let before = text[..at].rsplit(|c: char| !(c.is_alphanumeric() || "+:_".contains(c))).next();
            let scheme = before.and_then(|word| word.split('+').next()).unwrap_or_default();
            if !SCHEMES.contains(&scheme) {
                continue;
            }
            let rest = &text[at + "://".len()..];
            let end = rest.find(|c: char| c.is_whitespace() || "'\"`)".contains(c)).unwrap_or(rest.len());
            let path = rest[..end].split('?').next().and_then(|url| url.split_once('/'));
            if path.is_some_and(|(_, path)| path.trim_end_matches([';', ',']) == self.database) {
                self.found.push((offset + at - before.map_or(0, str::len), "a connection URL"));
            }
        }
    }

    fn is_name(&self, text: &str, token: Token) -> bool {
        match token.kind {
            Kind::Word => token.of(text).to_lowercase() == self.database,
            Kind::Name => token.inside(text).replace("\"\"", "\"") == self.database,
            _ => false,
        }
    }
}

fn is_word(text: &str, token: Token, word: &str) -> bool {
    token.kind == Kind::Word && token.of(text).eq_ignore_ascii_case(word)
}

/// Whether nothing separates the tokens into two conditions or two values.
fn one_condition(text: &str, tokens: &[Token]) -> bool {
    let mut open = 0_i32;
    tokens.iter().skip(1).all(|token| {
        open += match token.of(text) {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        let ends = token.of(text) == ";" || (token.of(text) == "," && open <= 0);
        !ends && !["and", "or", "then", "where"].iter().any(|word| is_word(text, *token, word))
    })
}

/// As much of Python as is needed to find its texts.
mod python {
    /// The contents of every string literal, with the byte that they begin at. Escapes stay as they
    /// are written; comments are passed over (Python reference, 2.4 and 2.1.3).
    pub(super) fn texts(source: &str) -> Vec<(usize, &str)> {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(next) = source[at..].find(['\'', '"', '#']) {
            let start = at + next;
            let rest = &source[start..];
            if rest.starts_with('#') {
                at = start + rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote));
            let length = quote.map_or(1, str::len);
            let inside = &rest[length..];
            let end = end(inside, quote.unwrap_or("'"));
            found.push((start + length, &inside[..end]));
            at = (start + length + end + length).min(source.len());
        }
        found
    }

    /// Where the closing quote stands; a literal of one line ends with that line.
    fn end(inside: &str, quote: &str) -> usize {
        let (bytes, mut at) = (inside.as_bytes(), 0);
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 1,
                b'\n' if quote.len() == 1 => return at,
                _ if bytes[at..].starts_with(quote.as_bytes()) => return at,
                _ => {}
            }
            at += 1;
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Live, Options, Script};

    fn places(path: &str, text: &str) -> Vec<(usize, usize)> {
        let options = Options { database: "ada".into(), ..Options::default() };
        let found = crate::review(&[Script::new(path, text)], &options, &Live::default()).findings;
        let found: Vec<_> = found.into_iter().filter(|finding| finding.rule == "names-database").collect();
        found.iter().map(|finding| (finding.line, finding.column)).collect()
    }

    #[test]
    fn a_finding_knows_its_place() {
        assert_eq!(places("a.sql", "select 'ä';\n  alter database ada reset all"), [(2, 18)]);
        let text = "x = 1\nop.execute(\"\"\"\n  ALTER DATABASE ada RESET ALL\n\"\"\")";
        assert_eq!(places("a.py", text), [(3, 18)]);
        assert_eq!(places("a.sql", "do $$ begin execute 'alter database ada'; end $$"), [(1, 37)]);
    }

    #[test]
    fn any_text_is_read() {
        for text in
            ["'", "\"\"\"", "#", "'\\", "\\c", "://", "postgres://", "'''ä", "$a$'", "database", ", ada"]
        {
            assert_eq!(places("a.py", text), []);
            assert_eq!(places("a.sql", text), []);
        }
    }
}
