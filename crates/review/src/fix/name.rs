//! What new migrations are called, and how a layout says that one runs outside of a transaction.

use super::Place;

/// The words of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `-- migrate:up transaction:false`.
    Dbmate,
    /// `-- +goose NO TRANSACTION`, once for the file.
    Goose,
    /// `-- +migrate Up notransaction`.
    SqlMigrate,
    /// `-- Up Migration`; a script can't say it.
    NodePgMigrate,
    /// `V1__name.sql`; it is seen from the statements.
    Flyway,
    /// `VERSION_name/up.sql`; `metadata.toml` beside it says it.
    Diesel,
    /// `NNNN_name.up.sql` of this program, `-- switchback: no-transaction`.
    Ours,
    /// `NNNN_name.up.sql` of sqlx, `-- no-transaction`; golang-migrate needs no word for one statement.
    Sqlx,
}

impl Layout {
    pub(super) fn of(at: &Place<'_>) -> Self {
        let line = directive(at).to_ascii_lowercase();
        let file = at.target.path.rsplit('/').next().unwrap_or_default();
        match () {
            () if line.contains("migrate:") => Self::Dbmate,
            () if line.contains("+goose") => Self::Goose,
            () if line.contains("+migrate") => Self::SqlMigrate,
            () if line.contains("migration") => Self::NodePgMigrate,
            () if file.eq_ignore_ascii_case("up.sql") => Self::Diesel,
            () if is_flyway(file) => Self::Flyway,
            () if at.target.part.one_query => Self::Sqlx,
            () => Self::Ours,
        }
    }

    /// A directive's line with the word that takes its part out of the transaction.
    pub(super) fn outside(self, line: &str) -> String {
        match self {
            Self::Dbmate if !line.contains("transaction:false") => format!("{line} transaction:false"),
            Self::SqlMigrate if !line.contains("notransaction") => format!("{line} notransaction"),
            _ => line.to_owned(),
        }
    }

    /// The line at the file's beginning that takes all of it out of the transaction.
    pub(super) fn first_line(self) -> Option<&'static str> {
        match self {
            Self::Goose => Some("-- +goose NO TRANSACTION\n"),
            Self::Ours => Some("-- switchback: no-transaction\n"),
            Self::Sqlx => Some("-- no-transaction\n"),
            _ => None,
        }
    }
}

fn is_flyway(file: &str) -> bool {
    file.starts_with('V') && file.contains("__")
}

/// The line that begins the script's part; empty where its file is all of it.
pub(super) fn directive<'a>(at: &Place<'a>) -> &'a str {
    let before = &at.target.text[..at.target.part.range.start];
    before.trim_end_matches(['\n', '\r']).rsplit('\n').next().unwrap_or_default()
}

/// The path of the migration so many behind this one; the same for its way up and its way down.
pub(super) fn behind(path: &str, many: usize, others: &[&str]) -> Result<String, String> {
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem_is_folder = matches!(file.to_ascii_lowercase().as_str(), "up.sql" | "down.sql");
    let named = if stem_is_folder { path.rsplit_once('/').map_or("", |(folder, _)| folder) } else { path };
    let (folder, name) = named.rsplit_once('/').map_or(("", named), |(folder, name)| (folder, name));
    let (version, rest) =
        split_version(name).ok_or_else(|| format!("`{name}` does not begin with a number"))?;
    let new = if is_flyway(file) || file.starts_with('U') {
        format!("{version}.{many}")
    } else {
        counted(version, many)?
    };
    let taken = others.iter().filter_map(|other| version_of(other));
    if let Some(taken) = taken.into_iter().find(|other| *other == new || between(version, other, &new)) {
        return Err(format!("there is no number left between {version} and {taken}"));
    }
    let end = if stem_is_folder { rest.len() } else { rest.find('.').unwrap_or(rest.len()) };
    let (stem, earlier) = numbered(&rest[..end]);
    let named = format!("{new}{stem}_{}{}", earlier + many, &rest[end..]);
    let named = if name.starts_with(['V', 'U']) { format!("{}{named}", &name[..1]) } else { named };
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    Ok(if stem_is_folder { format!("{folder}{named}/{file}") } else { format!("{folder}{named}") })
}

/// `_add_orders_3` is the third of `_add_orders`, which is the first itself.
fn numbered(stem: &str) -> (&str, usize) {
    let number = |digits: &str| digits.parse().ok().filter(|number| *number > 1 && digits.len() < 3);
    let parts = stem.rsplit_once('_').and_then(|(stem, digits)| Some((stem, number(digits)?)));
    parts.unwrap_or((stem, 1))
}

fn version_of(path: &str) -> Option<&str> {
    let mut names = path.rsplit('/');
    let file = names.next()?;
    let own = if matches!(file, "up.sql" | "down.sql" | "metadata.toml") { names.next()? } else { file };
    Some(split_version(own)?.0)
}

/// `0007`, `_name.up.sql`; Flyway's letter is left out.
fn split_version(name: &str) -> Option<(&str, &str)> {
    let bare = if name.contains("__") { name.strip_prefix(['V', 'U']).unwrap_or(name) } else { name };
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
    let end = bare.find(|c| !digits(c)).unwrap_or(bare.len());
    let version = bare[..end].trim_end_matches(['-', '.']);
    (!version.is_empty()).then(|| bare.split_at(version.len()))
}

/// The last number of a version, so many later and as wide.
fn counted(version: &str, many: usize) -> Result<String, String> {
    let start = version.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (before, last) = version.split_at(start);
    let number: u64 = last.parse().map_err(|_| format!("`{version}` is no number that can be counted on"))?;
    let next = format!("{:0width$}", number + many as u64, width = last.len());
    if next.len() > last.len() {
        return Err(format!("there is no number behind {version} that is as wide"));
    }
    Ok(format!("{before}{next}"))
}

fn between(low: &str, version: &str, high: &str) -> bool {
    let numbers = |text: &str| -> Vec<u128> {
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    let version = numbers(version);
    numbers(low) < version && version <= numbers(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_migrations_stand_behind_the_old_one() {
        for (path, many, new) in [
            ("m/0007_add.up.sql", 1, "m/0008_add_2.up.sql"),
            ("m/0007_add.down.sql", 2, "m/0009_add_3.down.sql"),
            ("m/0009_add_3.up.sql", 1, "m/0010_add_4.up.sql"),
            ("20240101120000_add.sql", 1, "20240101120001_add_2.sql"),
            ("m/2024-01-01-000000_add/up.sql", 1, "m/2024-01-01-000001_add_2/up.sql"),
            ("m/V7__add.sql", 1, "m/V7.1__add_2.sql"),
            ("m/U7__add.sql", 1, "m/U7.1__add_2.sql"),
        ] {
            assert_eq!(behind(path, many, &[]).as_deref(), Ok(new), "{path}");
        }
    }

    #[test]
    fn numbers_that_are_taken_are_said() {
        let taken = behind("m/0007_add.up.sql", 2, &["m/0008_later.up.sql"]);
        assert!(taken.unwrap_err().contains("between 0007 and 0008"));
        assert_eq!(
            behind("m/0007_add.up.sql", 1, &["m/0006_a.up.sql", "m/0009_b.up.sql"]).as_deref(),
            Ok("m/0008_add_2.up.sql")
        );
        assert!(behind("m/99_add.up.sql", 1, &[]).is_err());
        assert!(behind("m/add.sql", 1, &[]).is_err());
        assert!(behind("m/V7__add.sql", 1, &["m/V7.1__b.sql"]).is_err());
    }
}
