//! The order in which files of migrations run, by their names.

use std::cmp::Ordering;

/// Compares paths as people count: `2_a` stands before `10_a`; Flyway's repeatable scripts stand last.
pub fn natural(a: &str, b: &str) -> Ordering {
    is_repeatable(a).cmp(&is_repeatable(b)).then_with(|| by_parts(a, b)).then_with(|| a.cmp(b))
}

/// Flyway's repeatable scripts run behind all others.
pub fn is_repeatable(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("R__"))
}

fn by_parts(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() && !b.is_empty() {
        let ((first, rest_a), (second, rest_b)) = (part(a), part(b));
        let both = first.as_bytes()[0].is_ascii_digit() && second.as_bytes()[0].is_ascii_digit();
        let order = if both { numbers(first, second) } else { first.cmp(second) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// The digits, or what is none, at the beginning.
fn part(text: &str) -> (&str, &str) {
    let digits = text.as_bytes()[0].is_ascii_digit();
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// Of any length.
fn numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_count() {
        let mut paths =
            ["m/R__v.sql", "m/10_a.sql", "m/9_b.sql", "m/V1.10__a.sql", "m/V1.9__a.sql", "m/002_c.sql"];
        paths.sort_by(|a, b| natural(a, b));
        assert_eq!(
            paths,
            ["m/002_c.sql", "m/9_b.sql", "m/10_a.sql", "m/V1.9__a.sql", "m/V1.10__a.sql", "m/R__v.sql"]
        );
        assert_eq!(natural("a", "a"), Ordering::Equal);
    }
}
