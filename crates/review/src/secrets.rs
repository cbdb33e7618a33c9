//! Passwords and keys in scripts: so that a report, which goes to more people than the script, does not
//! show them.
//!
//! Whatever a rule says of a statement, and whether the rule `plaintext-secret` is on or allowed, is no
//! matter here: what looks like a secret is hidden wherever it stands. That is more than the rule finds,
//! for a text that is hidden by mistake costs little.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use switchback_model::finding::{Finding, HIDDEN, HIDDEN_WIDE};
use switchback_sql::{Kind, Token, tokens};

/// What stands in the place of a secret.
const STARS: &str = "***";

/// The secrets of some files.
#[derive(Debug, Default)]
pub struct Secrets {
    /// There are some, if only short ones.
    any: bool,
    /// How those begin that are not short: there may be thousands, and they are looked for in one walk.
    beginnings: Option<AhoCorasick>,
    /// For each of these beginnings, all that begin so.
    values: Vec<Vec<String>>,
}

impl Secrets {
    /// Those of these texts.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let (mut any, mut values) = (false, BTreeMap::<String, BTreeSet<String>>::new());
        for text in texts {
            for value in joined(ranges(text)).into_iter().map(|range| &text[range]) {
                any = true;
                if value.len() >= LEAST {
                    values.entry(near(value, BEGINNING).to_owned()).or_default().insert(value.to_owned());
                }
            }
        }
        let walk = || AhoCorasick::new(values.keys()).expect("fewer than two thousand million characters");
        let beginnings = (!values.is_empty()).then(walk);
        Self { any, beginnings, values: values.into_values().map(|all| all.into_iter().collect()).collect() }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// A text of a script without them: each is three stars, however long it is.
    pub fn hide(&self, text: &str) -> String {
        replaced(text, &self.places(text), |_| STARS.to_owned())
    }

    /// A file's text without them, in which every other character stands where it stood, counted in
    /// characters and in UTF-16: a place of the file is one of this text.
    pub fn hide_in_place(&self, text: &str) -> String {
        let hidden = |c: char| if c.len_utf16() == 1 { HIDDEN } else { HIDDEN_WIDE };
        let keep = |c: char| if c == '\n' || c == '\r' { c } else { hidden(c) };
        replaced(text, &self.places(text), |secret| secret.chars().map(keep).collect())
    }

    /// Takes them out of findings. A fix that has one in it is left out: whoever runs it with stars would
    /// set those.
    pub fn hide_findings(&self, findings: &mut [Finding]) {
        // Several findings in a row are of one statement.
        let mut last: Option<(Arc<str>, Arc<str>)> = None;
        for finding in findings {
            let own = Arc::clone(&finding.statement);
            finding.statement = match &last {
                Some((shown, hidden)) if Arc::ptr_eq(shown, &own) => Arc::clone(hidden),
                _ => self.hide(&own).into(),
            };
            last = Some((own, Arc::clone(&finding.statement)));
            self.hide_prose(finding);
        }
    }

    fn hide_prose(&self, finding: &mut Finding) {
        finding.message = self.hide_known(&finding.message);
        // What stands in the program itself was not taken from a script.
        for prose in [&mut finding.why, &mut finding.help] {
            if let Cow::Owned(own) = prose {
                *own = self.hide_known(own);
            }
        }
        let shows = |text: &str| !self.places(text).is_empty();
        if let Some(fix) = finding.fix.take_if(|fix| shows(&fix.sql) || shows(&fix.title)) {
            let title = self.hide_known(&fix.title);
            if finding.help.is_empty() {
                let help = format!("{title}; the statements are left out, for a secret stands in them");
                finding.help = help.into();
            }
        }
    }

    fn hide_known(&self, text: &str) -> String {
        replaced(text, &self.known(text), |_| STARS.to_owned())
    }

    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut all = ranges(text);
        all.extend(self.known(text));
        joined(all)
    }

    /// Where what is known to be a secret stands, whatever is around it. A plain word is one only where it
    /// is quoted: it may be anything else.
    fn known(&self, text: &str) -> Vec<Range<usize>> {
        let begins = self.beginnings.iter().flat_map(|walk| walk.find_overlapping_iter(text));
        let all = begins.flat_map(|begin| {
            let here = self.values[begin.pattern()].iter();
            let here = here.filter(move |value| text[begin.start()..].starts_with(*value));
            here.map(move |value| begin.start()..begin.start() + value.len())
        });
        let plain = |range: &Range<usize>| text[range.clone()].bytes().all(|byte| byte.is_ascii_lowercase());
        joined(all.filter(|range| !plain(range) || is_quoted(text, range)).collect())
    }
}

/// What has fewer bytes is not looked for elsewhere: it would be found everywhere.
const LEAST: usize = 4;
/// By so many bytes they are found; what is behind them is compared then.
const BEGINNING: usize = 32;
/// How long a name is at most in which one of the words stands, and a key.
const LONG: usize = 200;
/// How long a private key is at most, and a text in dollars.
const LONGEST: usize = 1 << 16;

/// The beginning of a text: whatever it holds, not all of it is walked through again and again.
fn near(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes.min(text.len()))]
}

fn is_quoted(text: &str, range: &Range<usize>) -> bool {
    let quote = |c: Option<char>| c.is_some_and(|c| "'\"`$".contains(c));
    quote(text[..range.start].chars().next_back()) && quote(text[range.end..].chars().next())
}

fn joined(mut all: Vec<Range<usize>>) -> Vec<Range<usize>> {
    all.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in all.into_iter().filter(|range| !range.is_empty()) {
        match joined.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

fn replaced(text: &str, places: &[Range<usize>], by: impl Fn(&str) -> String) -> String {
    let (mut out, mut last) = (String::with_capacity(text.len()), 0);
    for place in places {
        out.push_str(&text[last..place.start]);
        out.push_str(&by(&text[place.clone()]));
        last = place.end;
    }
    out.push_str(&text[last..]);
    out
}

/// Words behind which a secret stands. They are looked for in lower case.
const WORDS: &[&str] = &["password", "passwd", "pasword", "passphrase", "secret", "api_key", "apikey", "pwd"];

/// How the keys of well-known services begin.
const KEYS: &[&str] = &["sk_live_", "rk_live_", "akia", "ghp_", "github_pat_", "xoxb-", "glpat-"];

/// One of these stands in every text that has a secret: many have none, and are not looked through. Those
/// that stand in most others come first.
const SIGNS: &[&str] = &[
    "user", "pas", "role", "group", "api", "secret", "pwd", "://", "_live_", "akia", "ghp_", "_pat_",
    "xoxb-", "glpat-", "key-----",
];

/// Where secrets stand in a text of SQL or Python, by everything that can be seen of it.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    if !SIGNS.iter().any(|sign| lower.contains(sign)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    behind_words(text, &lower, &mut found);
    in_addresses(text, &mut found);
    keys(&lower, &mut found);
    private_keys(&lower, &mut found);
    in_literals(text, &lower, &mut found);
    found
}

/// `PASSWORD 'x'`, `password='x'`, `"password": "x"`, `password=x`.
fn behind_words(text: &str, lower: &str, found: &mut Vec<Range<usize>>) {
    let words = WORDS.iter().filter(|word| lower.contains(**word));
    for at in words.flat_map(|word| lower.match_indices(word)).map(|(at, _)| at) {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let from = text.floor_char_boundary(at.saturating_sub(LONG));
        let begin = text[from..at].rfind(|c| !name(c)).map_or(from, |before| from + before + 1);
        let word = near(&text[at..], LONG);
        let end = at + word.find(|c| !name(c)).unwrap_or(word.len());
        // A name in quotes ends with one, which begins no value.
        let open = text[..begin].chars().next_back();
        let closed = text[end..].chars().next().filter(|c| "'\"`".contains(*c) && open == Some(*c));
        found.extend(value(text, end + closed.map_or(0, char::len_utf8)));
    }
}

/// The value that stands at a place, behind what joins it to its name.
fn value(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = &text[from..];
    let joint = rest.trim_start_matches(|c: char| c.is_whitespace() || "=:>(\\".contains(c));
    let bare = rest.strip_prefix('=').filter(|value| !value.starts_with([' ', '>', '=', '\n', '\t']));
    let prefix = ["E'", "e'", "N'", "n'", "U&'", "u&'", "f'", "f\"", "r'", "r\""];
    let prefix =
        prefix.iter().find(|prefix| joint.starts_with(**prefix)).map_or(0, |prefix| prefix.len() - 1);
    let start = text.len() - joint.len() + prefix;
    let quote = text[start..].chars().next()?;
    match quote {
        '\'' | '"' => Some(quoted(text, start + 1, quote)),
        '$' => dollar(text, start),
        _ => {
            let start = text.len() - bare?.len();
            let length = text[start..].find(|c: char| c.is_whitespace() || "'\";&)".contains(c));
            Some(start..length.map_or(text.len(), |length| start + length))
        }
    }
}

/// What stands behind a quote. A doubled one is that of a text in a text, unless nothing stands in it.
fn quoted(text: &str, from: usize, quote: char) -> Range<usize> {
    let inner = text[from..].strip_prefix(quote);
    let begins = |c: char| !c.is_whitespace() && c != quote && !",;)]}".contains(c);
    match inner.filter(|inner| inner.starts_with(begins)) {
        Some(inner) => from + 1..from + 1 + inner.find(quote).unwrap_or(inner.len()),
        None => from..closing(text, from, quote),
    }
}

/// Where a text ends that began with this quote: doubled ones and those behind a backslash stand in it.
fn closing(text: &str, from: usize, quote: char) -> usize {
    let mut chars = text[from..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return from + at;
        }
    }
    text.len()
}

fn dollar(text: &str, start: usize) -> Option<Range<usize>> {
    let tag = &text[start..=start + 1 + near(&text[start + 1..], LONG).find('$')?];
    let from = start + tag.len();
    let rest = near(&text[from..], LONGEST);
    Some(from..from + rest.find(tag).unwrap_or(rest.len()))
}

/// `scheme://user:password@host`.
fn in_addresses(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, mark) in text.match_indices("://") {
        let from = at + mark.len();
        let end = text[from..].find(|c: char| c.is_whitespace() || "'\"/<>".contains(c));
        let authority = &text[from..end.map_or(text.len(), |end| from + end)];
        let Some((user, _)) = authority.rsplit_once('@') else { continue };
        if let Some((name, _)) = user.split_once(':') {
            found.push(from + name.len() + 1..from + user.len());
        }
    }
}

fn keys(lower: &str, found: &mut Vec<Range<usize>>) {
    let beginnings = KEYS.iter().filter(|key| lower.contains(**key));
    for (start, key) in beginnings.flat_map(|key| lower.match_indices(key)) {
        let end = start + key.len();
        let rest = near(&lower[end..], LONG);
        let of_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let length = rest.find(|c| !of_key(c)).unwrap_or(rest.len());
        if length >= 12 {
            found.push(start..end + length);
        }
    }
}

/// From the line that says so to the line that ends it.
fn private_keys(lower: &str, found: &mut Vec<Range<usize>>) {
    let mut last = 0;
    for (at, mark) in lower.match_indices("private key-----") {
        let from = at + mark.len();
        if from < last {
            continue;
        }
        let rest = near(&lower[from..], LONGEST);
        last = from + rest.find("-----end").unwrap_or(rest.len());
        found.push(from..last);
    }
}

/// Texts that are secrets by the statement in which they stand: those of a role that is made or changed,
/// and connections in which a password is named.
fn in_literals(text: &str, lower: &str, found: &mut Vec<Range<usize>>) {
    if !may_have_literals(lower) {
        return;
    }
    let mut words: [Option<Token>; 2] = [None, None];
    let mut before: Option<Token> = None;
    for token in tokens(text).filter(|token| !token.is_comment()) {
        let is = |token: Option<Token>, all: &[&str]| {
            token.is_some_and(|token| all.contains(&&lower[token.start..token.end]))
        };
        if token.kind == Kind::Mark && token.of(text) == ";" {
            (words, before) = ([None, None], None);
            continue;
        }
        if let [first, second] = &mut words
            && (first.is_none() || second.is_none())
        {
            if first.is_none() { *first = Some(token) } else { *second = Some(token) }
        } else if token.is_text() {
            let role = is(words[0], &["create", "alter"]) && is(words[1], &["role", "user", "group"]);
            let harmless = is(before, &["until", "to", "=", ","]);
            let inside = token.inside(text);
            let start = inside.as_ptr() as usize - text.as_ptr() as usize;
            let range = start..start + inside.len();
            let connects = token.kind != Kind::DollarText && connects(&lower[range.clone()]);
            if (role && !harmless) || connects {
                found.push(range);
            }
        }
        before = Some(token);
    }
}

/// Whether a role is made or changed, or a password is named: a quick look, before the text is cut into
/// tokens. Behind a comment anything may stand.
fn may_have_literals(lower: &str) -> bool {
    let makes = |at: usize| {
        let before = lower[..at].trim_end();
        let near = &before[before.floor_char_boundary(before.len().saturating_sub(LONG))..];
        let line = near.rsplit('\n').next().unwrap_or_default();
        // In a long line it is not looked for where a comment began.
        let comment = line.contains("--") || line.len() == near.len() && near.len() < before.len();
        comment || ["create", "alter", "*/"].iter().any(|end| near.ends_with(end))
    };
    let named = |name: &str| lower.contains(name) && lower.match_indices(name).any(|(at, _)| makes(at));
    lower.contains("password") || ["role", "user", "group"].into_iter().any(named)
}

/// `host=… password = …`, with blanks or without.
fn connects(lower: &str) -> bool {
    let named = |name: &str| {
        lower.match_indices(name).any(|(at, _)| lower[at + name.len()..].trim_start().starts_with('='))
    };
    named("password") && ["host", "hostaddr", "dbname", "user", "port", "service"].into_iter().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        Secrets::of([text]).hide(text)
    }

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        for text in [
            "ALTER ROLE app PASSWORD 'Tr0ub4dor&3'",
            "alter user app with encrypted password E'Tr0ub4dor&3' valid until '2030-01-01'",
            "create -- the application's\n  user app encrypted 'Tr0ub4dor&3'",
            "ALTER /* all of\n it */ ROLE app ENCRYPTED 'Tr0ub4dor&3'",
            "select 1; create\n\tgroup app encrypted 'Tr0ub4dor&3'",
            "ALTER ROLE app PASSWORD $$Tr0ub4dor&3$$",
            "ALTER ROLE app PASSWORD $x$Tr0ub4dor&3$x$",
            "ALTER ROLE app PASWORT 'Tr0ub4dor&3'",
            "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'a', password 'Tr0ub4dor&3')",
            "CREATE SUBSCRIPTION s CONNECTION 'host=db password=Tr0ub4dor&3' PUBLICATION p",
            "CREATE SUBSCRIPTION s CONNECTION 'host=db password = Tr0ub4dor&3' PUBLICATION p",
            "CREATE SUBSCRIPTION s CONNECTION 'host=db password=''Tr0ub4dor&3''' PUBLICATION p",
            "INSERT INTO hooks VALUES (1, 'postgres://app:Tr0ub4dor&3@db/x')",
            "DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''Tr0ub4dor&3'''; END $$",
            "UPDATE settings SET password = 'Tr0ub4dor&3'",
            "-- it was password 'Tr0ub4dor&3'\nselect 1",
            "op.execute(\"ALTER ROLE app PASSWORD 'Tr0ub4dor&3'\")",
            "op.execute('ALTER ROLE app PASSWORD \\'Tr0ub4dor&3\\'')",
            "connect(user='a', password=\"Tr0ub4dor&3\")",
            "{'password': 'Tr0ub4dor&3'}",
        ] {
            let hidden = hidden(text);
            assert!(!hidden.contains("Tr0ub4dor") && hidden.contains(STARS), "{text}\n{hidden}");
            let placed = Secrets::of([text]).hide_in_place(text);
            assert!(!placed.contains("Tr0ub4dor"), "{placed}");
            assert_eq!(placed.chars().count(), text.chars().count());
        }
        for text in ["SELECT 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'", "select 'ghp_abcdefghijklmnop0123'"] {
            assert_eq!(hidden(text).matches(STARS).count(), 1, "{}", hidden(text));
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "ALTER ROLE app PASSWORD NULL",
            "CREATE TABLE users (id bigint, \"password\" varchar(100), name text DEFAULT 'none')",
            "CREATE TABLE users (password text NOT NULL, kind text DEFAULT 'user')",
            "ALTER ROLE app SET search_path TO 'a', 'b'",
            "ALTER ROLE app VALID UNTIL '2030-01-01'",
            "op.add_column('users', sa.Column('password', sa.String(60), server_default='x'))",
            "INSERT INTO links VALUES ('https://example.org/a@b:c')",
            "COMMENT ON COLUMN users.password IS NULL",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    #[test]
    fn what_is_known_is_hidden_everywhere_and_a_plain_word_only_in_quotes() {
        let secrets = Secrets::of(["ALTER ROLE a PASSWORD 'Zx81-q'; ALTER ROLE b PASSWORD 'secret'"]);
        assert_eq!(secrets.hide("select 'Zx81-q', Zx81-q"), "select '***', ***");
        assert_eq!(secrets.hide("select 'secret'"), "select '***'");
        assert_eq!(secrets.hide("select top_secret from a"), "select top_secret from a");
    }

    #[test]
    fn places_stay_where_they_are_in_characters_and_in_utf16() {
        let text = "ALTER ROLE ü PASSWORD 'a🐘\nb'; select '🐘'";
        let hidden = Secrets::of([text]).hide_in_place(text);
        assert_eq!(hidden.chars().count(), text.chars().count());
        assert_eq!(hidden.encode_utf16().count(), text.encode_utf16().count());
        assert!(hidden.ends_with("'; select '🐘'") && hidden.contains('\n') && !hidden.contains("a🐘"));
    }

    #[test]
    fn every_text_with_a_secret_has_a_sign_of_one() {
        for word in WORDS.iter().chain(KEYS) {
            assert!(SIGNS.iter().any(|sign| word.contains(sign)), "{word}");
        }
    }

    /// A walk from each place to the end would take hours.
    #[test]
    fn long_texts_take_no_longer_than_they_are() {
        let numbered = |from: &dyn Fn(usize) -> String| (0..10_000).map(from).collect::<String>();
        for text in [
            "password".repeat(25_000),
            "akia".repeat(50_000),
            "private key-----".repeat(12_000),
            "://a:b".repeat(25_000),
            "password '".repeat(20_000),
            numbered(&|n| format!("password $t{n}$ ")),
            numbered(&|n| format!("insert into t values ('postgres://u:pass{n}@h');\n")),
        ] {
            let start = std::time::Instant::now();
            Secrets::of([text.as_str()]).hide_in_place(&text);
            assert!(start.elapsed().as_secs() < 60, "{}: {:?}", near(&text, 20), start.elapsed());
        }
    }

    #[test]
    fn any_text_is_survived() {
        for text in [
            "password",
            "password=",
            "password='",
            "password $",
            "password $a",
            "password $a$",
            "://",
            "://:@",
            "'password",
            "ü password ü",
            "password\\",
            "PASSWORD E'",
        ] {
            for end in 0..=text.len() {
                if text.is_char_boundary(end) {
                    hidden(&text[..end]);
                    hidden(&text[end..]);
                }
            }
        }
    }
}
