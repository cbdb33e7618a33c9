//! How tools lay out migrations in plain SQL: which file, or which part of one, goes up and which down,
//! and whether the tool runs it in a transaction.
//!
//! Told by a directive in the file or by its name (dbmate, goose, sql-migrate, node-pg-migrate, sqlx,
//! golang-migrate, diesel, Flyway, graphile-migrate, Atlas, Liquibase). Where neither says who runs it,
//! nobody begins a transaction: that is how `psql` runs it.

use std::ops::Range;

use switchback_sql::Mentions;

use crate::cx::{Direction, Script};

/// A part of a file that goes one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its bytes.
    pub range: Range<usize>,
    /// Which way it goes.
    pub direction: Direction,
    /// What pairs up and down; empty: nothing.
    pub revision: String,
    /// Whoever runs it begins a transaction.
    pub wrapped: bool,
    /// Whoever runs it sends it as one query.
    pub one_query: bool,
}

impl Part {
    /// The script that it is.
    pub fn script<'a>(&'a self, path: &'a str, text: &'a str) -> Script<'a> {
        Script {
            path,
            text,
            part: Some(self.range.clone()),
            direction: self.direction,
            revision: &self.revision,
            wrapped: self.wrapped,
            one_query: self.one_query,
            applied: false,
        }
    }
}

/// The parts of a file, ways up before ways down. `path` tells by its name and folder.
pub fn parts(path: &str, text: &str) -> Vec<Part> {
    if Script::new(path, text).is_python() {
        let whole = |direction| Part {
            range: 0..text.len(),
            direction,
            revision: path.to_owned(),
            wrapped: true,
            one_query: false,
        };
        return vec![whole(Direction::Up), whole(Direction::Down)];
    }
    let mut parts = sections(path, text);
    if parts.is_empty() {
        parts.push(named(path, text));
    }
    parts.sort_by_key(|part| part.direction == Direction::Down);
    parts
}

/// A line that begins a part.
struct Directive {
    at: usize,
    direction: Direction,
    transaction: Option<bool>,
    one_query: bool,
}

/// One of these stands in every line that begins a part.
const WORDS: Mentions = Mentions::of(&["migrate:", "+goose", "+migrate", "up migration", "down migration"]);

/// The parts that directives cut a file into; none where there is no directive.
fn sections(path: &str, text: &str) -> Vec<Part> {
    // Most files have none.
    if !WORDS.any_in(text) {
        return Vec::new();
    }
    let (mut found, mut transaction, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n') {
        // Nearly no line is a comment.
        if !line.trim_ascii_start().starts_with("--") {
            at += line.len();
            continue;
        }
        if let Some(mut directive) = directive(line) {
            directive.at = at + line.len();
            found.push((at, directive));
        } else if takes_out(line) {
            transaction = Some(false);
        }
        at += line.len();
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(line, _)| *line).chain([text.len()]).collect();
    let part = |((_, directive), end): (&(usize, Directive), usize)| Part {
        range: directive.at..end,
        direction: directive.direction,
        revision: version(path),
        wrapped: directive.transaction.or(transaction).unwrap_or(true),
        one_query: directive.one_query,
    };
    found.iter().zip(ends).map(part).collect()
}

/// `-- migrate:up transaction:false`, `-- +goose Down`, `-- +migrate Up notransaction`, `-- Up Migration`.
fn directive(line: &str) -> Option<Directive> {
    let comment = line.trim_start().strip_prefix("--")?;
    let words = comment.trim_start_matches('-').trim().to_ascii_lowercase();
    let rest = |beginning: &str| words.strip_prefix(beginning).map(str::trim);
    let (word, dbmate) = match () {
        () if words.starts_with("migrate:") => (rest("migrate:")?, true),
        () if words.starts_with("+goose ") => (rest("+goose ")?, false),
        () if words.starts_with("+migrate ") => (rest("+migrate ")?, false),
        () if words == "up migration" || words == "down migration" => (words.as_str(), false),
        () => return None,
    };
    let mut parts = word.split_whitespace();
    let direction = match parts.next()? {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => return None,
    };
    let off = parts.any(|option| option == "transaction:false" || option == "notransaction");
    // dbmate sends a part as it is.
    Some(Directive { at: 0, direction, transaction: off.then_some(false), one_query: off && dbmate })
}

/// Whether a line of the text's beginning takes it out of the transaction that its tool would begin.
pub fn says_no_transaction(text: &str) -> bool {
    text.lines().take(20).any(takes_out)
}

fn takes_out(line: &str) -> bool {
    let Some(comment) = line.trim_start().strip_prefix("--") else { return false };
    let words = comment.trim_start_matches(['!', ' ', '-']).trim().to_ascii_lowercase();
    matches!(words.as_str(), "no-transaction" | "switchback: no-transaction")
        || words == "+goose no transaction"
        || words == "atlas:txmode none"
}

/// A file that is one part, by its name.
fn named(path: &str, text: &str) -> Part {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = path.rsplit('/').nth(1).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let undo = name.starts_with('U') && flyway(name);
    let down =
        lower.ends_with(".down.sql") || lower.ends_with(".rollback.sql") || lower == "down.sql" || undo;
    let known =
        flyway(name) || (matches!(lower.as_str(), "up.sql" | "down.sql") && begins_with_version(folder));
    let none = says_no_transaction(text);
    // Flyway and its kin leave the transaction out where a statement can't stand in one.
    let leaves = || crate::cx::leaves_transaction(text);
    // golang-migrate sends such a file as one query, and sqlx begins a transaction around it.
    let pair = lower.ends_with(".up.sql") || lower.ends_with(".down.sql");
    Part {
        range: 0..text.len(),
        direction: if down { Direction::Down } else { Direction::Up },
        revision: version(path),
        wrapped: known && !none && !leaves(),
        one_query: pair && begins_with_version(name) && !none,
    }
}

/// `V2__name.sql`, `U2__name.sql`, `R__name.sql`.
fn flyway(name: &str) -> bool {
    let Some((version, _)) = name.split_once("__") else { return false };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
    version == "R"
        || version.strip_prefix(['V', 'U', 'B']).is_some_and(|rest| !rest.is_empty() && digits(rest))
}

fn begins_with_version(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
}

/// What up and down have in common: the folder and the name up to the version's end.
fn version(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(name.to_ascii_lowercase().as_str(), "up.sql" | "down.sql") {
        return folder.to_owned();
    }
    let name = name.strip_prefix(['V', 'U']).filter(|_| flyway(name)).unwrap_or(name);
    let end = name.find(|c: char| !c.is_ascii_digit() && !".-".contains(c)).unwrap_or(name.len());
    let end = if end == 0 { name.find('.').unwrap_or(name.len()) } else { end };
    format!("{folder}/{}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(path: &str, text: &str) -> Vec<(Direction, &'static str, String)> {
        let show = |part: Part| {
            let runs = match (part.wrapped, part.one_query) {
                (true, _) => "wrapped",
                (false, true) => "one query",
                (false, false) => "as it is",
            };
            (part.direction, runs, text[part.range].trim().to_owned())
        };
        parts(path, text).into_iter().map(show).collect()
    }

    fn part(direction: Direction, runs: &'static str, text: &str) -> (Direction, &'static str, String) {
        (direction, runs, text.to_owned())
    }

    #[test]
    fn directives_cut_a_file() {
        use Direction::{Down, Up};
        let dbmate = "-- migrate:up transaction:false\nselect 1;\n\n-- migrate:down\nselect 2;\n";
        assert_eq!(
            seen("1_a.sql", dbmate),
            [part(Up, "one query", "select 1;"), part(Down, "wrapped", "select 2;")]
        );
        let goose = "-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;\n";
        assert_eq!(
            seen("1_a.sql", goose),
            [part(Up, "as it is", "select 1;"), part(Down, "as it is", "select 2;")]
        );
        let node = "-- Down Migration\nselect 2;\n-- Up Migration\nselect 1;";
        assert_eq!(
            seen("1_a.sql", node),
            [part(Up, "wrapped", "select 1;"), part(Down, "wrapped", "select 2;")]
        );
        let sql_migrate = "-- +migrate Up notransaction\nselect 1;";
        assert_eq!(seen("1_a.sql", sql_migrate), [part(Up, "as it is", "select 1;")]);
    }

    #[test]
    fn names_say_which_way() {
        use Direction::{Down, Up};
        for (path, direction, runs) in [
            ("m/0001_a.up.sql", Up, "one query"),
            ("m/0001_a.down.sql", Down, "one query"),
            ("m/a.up.sql", Up, "as it is"),
            ("m/2024-01-01-000000_a/up.sql", Up, "wrapped"),
            ("m/2024-01-01-000000_a/down.sql", Down, "wrapped"),
            ("m/V1.2__a.sql", Up, "wrapped"),
            ("m/U1.2__a.sql", Down, "wrapped"),
            ("m/R__views.sql", Up, "wrapped"),
            ("Users__a.sql", Up, "as it is"),
            ("a.sql", Up, "as it is"),
        ] {
            assert_eq!(seen(path, "select 1;"), [part(direction, runs, "select 1;")], "{path}");
        }
        let concurrently = "create index concurrently i on t (a);";
        assert_eq!(seen("V1__a.sql", concurrently), [part(Up, "as it is", concurrently)]);
        assert_eq!(seen("V1__a.sql", "-- no-transaction\nselect 1;")[0].1, "as it is");
    }

    #[test]
    fn up_and_down_are_a_pair() {
        for (up, down) in [
            ("m/0001_a.up.sql", "m/0001_a.down.sql"),
            ("m/1_a/up.sql", "m/1_a/down.sql"),
            ("m/V1__a.sql", "m/U1__undo_a.sql"),
        ] {
            assert_eq!(version(up), version(down));
        }
        assert_ne!(version("m/0001_a.up.sql"), version("m/0002_a.up.sql"));
        assert_ne!(version("m/b.sql"), version("m/a.sql"));
    }
}
