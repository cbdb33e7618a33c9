//! A fix in words and SQL: which of its statements belong into which transaction is half of it.

use switchback_model::finding::{Fix, FixStep};

/// The statements of one transaction, or one that stands in none.
struct Part<'a> {
    steps: Vec<&'a FixStep>,
    outside: bool,
}

/// The title, and how its statements are run where that is one sentence for all of them.
pub(in crate::findings) fn title(fix: &Fix) -> String {
    let title = super::words::line(&fix.title);
    match how(&parts(fix)) {
        "" => title,
        how => format!("{title} ({how})"),
    }
}

/// The statements. Where they are not all run in the same way, comments say how.
pub(in crate::findings) fn sql(fix: &Fix) -> String {
    let parts = parts(fix);
    if parts.is_empty() {
        return fix.sql.clone();
    }
    let mixed = how(&parts) == MIXED;
    let blocks = parts.iter().map(|part| match (mixed, part.outside, part.steps.len()) {
        (false, ..) => statements(part),
        (true, true, _) => format!("-- outside of a transaction\n{}", statements(part)),
        (true, false, 1) => format!("-- in a transaction of its own\n{}", statements(part)),
        (true, false, _) => format!("-- in one transaction\n{}", statements(part)),
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// The text that can stand in the statement's own place, without its last semicolon; nothing where
/// the steps need more than the one transaction that is there.
pub(in crate::findings) fn in_place(fix: &Fix) -> Option<String> {
    match parts(fix).as_slice() {
        [part] if !part.outside => Some(statements(part).trim_end_matches(';').to_owned()),
        _ => None,
    }
}

const MIXED: &str = "in this order";

fn how(parts: &[Part<'_>]) -> &'static str {
    let outside = parts.iter().filter(|part| part.outside).count();
    let alone = parts.iter().all(|part| part.steps.len() == 1);
    match parts {
        [] => "",
        [part] if part.outside => "outside of a transaction",
        [_] if alone => "",
        [_] => "in one transaction",
        _ if outside == parts.len() => "each outside of a transaction",
        _ if outside == 0 && alone => "each in a transaction of its own",
        _ => MIXED,
    }
}

fn parts(fix: &Fix) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for step in &fix.steps {
        match parts.last_mut() {
            Some(part) if step.with_previous && !step.outside_transaction && !part.outside => {
                part.steps.push(step);
            }
            _ => parts.push(Part { steps: vec![step], outside: step.outside_transaction }),
        }
    }
    parts
}

fn statements(part: &Part<'_>) -> String {
    let ended = part.steps.iter().map(|step| {
        let sql = step.sql.trim_end().trim_end_matches(';').trim_end();
        // Behind a comment a semicolon would be part of it.
        let commented = sql.lines().last().is_some_and(|line| line.contains("--"));
        if commented { format!("{sql}\n;") } else { format!("{sql};") }
    });
    ended.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(steps: Vec<FixStep>) -> String {
        let fix = Fix::new("Do it", steps);
        format!("{}\n{}", title(&fix), sql(&fix))
    }

    #[test]
    fn one_statement_needs_no_words_but_outside_of_a_transaction() {
        assert_eq!(shown(vec![FixStep::new("a")]), "Do it\na;");
        assert_eq!(shown(vec![FixStep::new("a; ")]), "Do it\na;");
        assert_eq!(shown(vec![FixStep::outside("a")]), "Do it (outside of a transaction)\na;");
        assert_eq!(shown(vec![FixStep::new("a -- why")]), "Do it\na -- why\n;");
    }

    #[test]
    fn several_that_are_run_alike_share_a_word() {
        let (a, b) = (FixStep::new("a"), FixStep::new("b"));
        assert_eq!(shown(vec![a.clone(), b]), "Do it (each in a transaction of its own)\na;\nb;");
        assert_eq!(shown(vec![a, FixStep::along("b")]), "Do it (in one transaction)\na;\nb;");
        let outside = vec![FixStep::outside("a"), FixStep::outside("b")];
        assert_eq!(shown(outside), "Do it (each outside of a transaction)\na;\nb;");
    }

    #[test]
    fn others_say_it_one_by_one() {
        let steps = vec![
            FixStep::outside("a"),
            FixStep::new("b"),
            FixStep::along("c"),
            FixStep::new("d"),
            FixStep::along("e"),
        ];
        insta::assert_snapshot!(shown(steps), @r"
        Do it (in this order)
        -- outside of a transaction
        a;
        -- in one transaction
        b;
        c;
        -- in one transaction
        d;
        e;
        ");
        let steps = vec![FixStep::new("a"), FixStep::outside("b"), FixStep::along("c")];
        insta::assert_snapshot!(shown(steps), @r"
        Do it (in this order)
        -- in a transaction of its own
        a;
        -- outside of a transaction
        b;
        -- in a transaction of its own
        c;
        ");
    }

    #[test]
    fn only_one_transaction_fits_into_the_place_of_a_statement() {
        let at = |steps| in_place(&Fix::new("", steps));
        assert_eq!(at(vec![FixStep::new("a"), FixStep::along("b")]).unwrap(), "a;\nb");
        assert_eq!(at(vec![FixStep::new("a"), FixStep::new("b")]), None);
        assert_eq!(at(vec![FixStep::outside("a")]), None);
        assert_eq!(at(vec![]), None);
    }
}
