//! The order in which files of migrations run, by their names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use switchback_review::alembic;

use super::File;

/// A path in the order in which people count: `2_a` stands before `10_a`; Flyway's repeatable scripts
/// stand last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Natural {
    repeatable: bool,
    /// Bytes whose order is that of the parts of the path.
    parts: Vec<u8>,
    path: String,
}

impl Natural {
    /// Of this path.
    pub fn of(path: &str) -> Self {
        Self { repeatable: is_repeatable(path), parts: by_parts(&undated(path)), path: path.to_owned() }
    }
}

/// `2017-09-23-182408_a` as `20170923182408_a`, so that both come into one order: Diesel leaves the
/// dashes of a version out.
fn undated(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(|name| dashed(name).is_some()) {
        return Cow::Borrowed(path);
    }
    let names = path.split('/').map(|name| match dashed(name) {
        Some((date, rest)) => date.replace('-', "") + rest,
        None => name.to_owned(),
    });
    Cow::Owned(names.collect::<Vec<_>>().join("/"))
}

/// A date and a time of day with dashes between them, at the beginning of a name, and what is behind.
fn dashed(name: &str) -> Option<(&str, &str)> {
    const FORM: &[u8] = b"0000-00-00-000000";
    let (date, rest) = name.split_at_checked(FORM.len())?;
    let fits = |(byte, form): (u8, &u8)| if *form == b'-' { byte == b'-' } else { byte.is_ascii_digit() };
    date.bytes().zip(FORM).all(fits).then_some((date, rest))
}

/// Flyway's repeatable scripts run behind all others.
pub fn is_repeatable(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("R__"))
}

/// Bytes of which those stand first whose numbers are smaller, or whose text stands first. No path has a
/// byte 0, so that it ends a text before everything that goes on.
fn by_parts(mut path: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(path.len() + 16);
    while !path.is_empty() {
        let (first, rest) = part(path);
        if first.as_bytes()[0].is_ascii_digit() {
            // Among the digits, and of any length.
            let number = first.trim_start_matches('0');
            key.push(b'0');
            key.extend((number.len() as u64).to_be_bytes());
            key.extend(number.bytes());
        } else {
            key.extend(first.bytes());
            key.push(0);
        }
        path = rest;
    }
    key
}

/// The digits, or what is none, at the beginning.
fn part(text: &str) -> (&str, &str) {
    let digits = text.as_bytes()[0].is_ascii_digit();
    let end = text.bytes().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// Puts Alembic's revisions behind those that they stand on; other files stay where they are. Where that
/// is not possible (a parent that is missing, a circle), they stay too.
pub(super) fn by_parents(files: Vec<File>) -> Vec<File> {
    if !files.iter().any(|file| file.path.ends_with("py")) {
        return files;
    }
    let (revisions, mut ordered): (Vec<File>, Vec<File>) =
        files.into_iter().partition(|file| file.path.ends_with("py"));
    let known: Vec<alembic::Revision> = revisions.iter().map(|file| alembic::read(&file.text)).collect();
    let names: BTreeMap<&str, usize> =
        known.iter().enumerate().filter_map(|(at, one)| Some((one.revision.as_deref()?, at))).collect();
    let (mut depths, mut open) = (vec![0_usize; known.len()], true);
    // As many rounds as there are revisions are enough where there is no circle.
    for _ in 0..=known.len() {
        if !std::mem::take(&mut open) {
            break;
        }
        for (at, one) in known.iter().enumerate() {
            let parents = one.down_revision.iter().filter_map(|parent| names.get(parent.as_str()));
            let least = parents.map(|parent| depths[*parent] + 1).max().unwrap_or_default();
            if least > depths[at] && least <= known.len() {
                depths[at] = least;
                open = true;
            }
        }
    }
    let mut deep: Vec<(usize, File)> = depths.into_iter().zip(revisions).collect();
    deep.sort_by_key(|(depth, _)| *depth);
    ordered.extend(deep.into_iter().map(|(_, file)| file));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_count() {
        let mut paths =
            ["m/R__v.sql", "m/10_a.sql", "m/9_b.sql", "m/V1.10__a.sql", "m/V1.9__a.sql", "m/002_c.sql"];
        paths.sort_by_key(|path| Natural::of(path));
        assert_eq!(
            paths,
            ["m/002_c.sql", "m/9_b.sql", "m/10_a.sql", "m/V1.9__a.sql", "m/V1.10__a.sql", "m/R__v.sql"]
        );
        let mut dates = ["m/2017-09-23-182408_b", "m/20140929103756_a", "m/2026-05-27-130000-0000_c"];
        dates.sort_by_key(|path| Natural::of(path));
        assert_eq!(dates, ["m/20140929103756_a", "m/2017-09-23-182408_b", "m/2026-05-27-130000-0000_c"]);
    }
}
