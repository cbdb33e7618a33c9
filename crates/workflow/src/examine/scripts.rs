//! Scripts that name the database itself: behind a closed fence it has another name.

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, Look, Site};

pub(super) struct Scripts;

#[async_trait(?Send)]
impl Examination for Scripts {
    fn name(&self) -> &'static str {
        "scripts"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let look = |(path, text): &(String, String)| {
            let line = named(text, site.name())?;
            let seen = format!(
                "{path}:{line} names the database `{}`, which has another name behind a closed fence",
                site.name()
            );
            let cure = "let the script ask for current_database(), or set fence = \"read-only\"";
            Some(Look::needed(site.needs.closed_fence, "script that names its database", seen).cure(cure))
        };
        let mut looks: Vec<Look> = site.needs.scripts.iter().filter_map(look).collect();
        if looks.is_empty() && !site.needs.scripts.is_empty() {
            looks.push(Look::good(
                "scripts",
                format!("none of {} names the database", site.needs.scripts.len()),
            ));
        }
        Ok(looks)
    }
}

/// The first line that names this database: after the word `database` (`ALTER DATABASE ada`,
/// `ON DATABASE "ada"`), after `dbname=`, or after psql's `\connect`.
fn named(text: &str, database: &str) -> Option<usize> {
    let words: Vec<(usize, String)> = text
        .lines()
        .enumerate()
        .flat_map(|(at, line)| words(line).into_iter().map(move |word| (at + 1, word)))
        .collect();
    let is_before =
        |word: &str| ["database", "dbname", "connect", "c"].contains(&word.to_lowercase().as_str());
    words.windows(2).find(|pair| is_before(&pair[0].1) && same(&pair[1].1, database)).map(|pair| pair[1].0)
}

/// A name without quotes is folded to lower case by the server.
fn same(word: &str, database: &str) -> bool {
    word == database || word.to_lowercase() == database
}

/// The words of a line that is no comment.
fn words(line: &str) -> Vec<String> {
    let trimmed = line.trim_start();
    if trimmed.starts_with("--") || trimmed.starts_with('#') {
        return Vec::new();
    }
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '$';
    line.split(|c: char| !inside(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_database_that_is_named_is_found_with_its_line() {
        for text in [
            "x\nALTER DATABASE ada SET work_mem = '1MB'",
            "x\nop.execute('grant connect on database \"ada\" to r')",
            "x\n\\connect ada",
            "x\ndblink('dbname=ada')",
            "x\nalter database ADA",
        ] {
            assert_eq!(named(text, "ada"), Some(2), "{text}");
        }
    }

    #[test]
    fn others_are_left_alone() {
        for text in [
            "select current_database()",
            "alter database adam set x = 1",
            "-- alter database ada",
            "create table ada ()",
        ] {
            assert_eq!(named(text, "ada"), None, "{text}");
        }
    }
}
