//! One text for what the server writes in two ways.
//!
//! `status IN ('a', 'b')` over a `varchar` column is written as
//! `ANY ((ARRAY['a'::character varying, …])::text[])`. Read back, as a restore does, the cast moves
//! into the list, and the server writes `ANY (ARRAY[('a'::character varying)::text, …])` from then
//! on. Both are written the second way here.

/// `definition` with every cast of a list of values moved to the values.
pub(super) fn normal(definition: &str) -> String {
    let mut done = String::with_capacity(definition.len());
    let mut rest = definition;
    while let Some(start) = find(rest, "(ARRAY[") {
        let Some(list) = List::of(&rest[start..]) else {
            done.push_str(&rest[..=start]);
            rest = &rest[start + 1..];
            continue;
        };
        done.push_str(&rest[..start]);
        let values: Vec<_> =
            list.values.iter().map(|value| format!("({})::{}", normal(value), list.of)).collect();
        done.extend(["ARRAY[", &values.join(", "), "]"]);
        rest = &rest[start + list.length..];
    }
    done.push_str(rest);
    done
}

/// `(ARRAY[value, …])::type[]`.
struct List<'a> {
    values: Vec<&'a str>,
    of: &'a str,
    length: usize,
}

impl<'a> List<'a> {
    /// The one that `text` begins with.
    fn of(text: &'a str) -> Option<Self> {
        let inner = &text["(ARRAY[".len()..];
        let (values, end) = values(inner)?;
        let after = inner[end..].strip_prefix("])::")?;
        let of = &after[..after.find("[]")?];
        let plain = |c: char| c.is_alphanumeric() || " _.,()\"".contains(c);
        if of.is_empty() || !of.chars().all(plain) || of.matches('(').count() != of.matches(')').count() {
            return None;
        }
        let length = text.len() - after.len() + of.len() + "[]".len();
        Some(Self { values, of, length })
    }
}

/// The values up to the bracket that closes the list, and where it stands.
fn values(inner: &str) -> Option<(Vec<&str>, usize)> {
    let (mut values, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, c) in outside_quotes(inner) {
        match c {
            '(' | '[' => depth += 1,
            ']' if depth == 0 => {
                values.push(inner[start..index].trim());
                return Some((values, index));
            }
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                values.push(inner[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    None
}

/// Where `wanted` begins outside of quotes.
fn find(text: &str, wanted: &str) -> Option<usize> {
    outside_quotes(text).find(|(index, _)| text[*index..].starts_with(wanted)).map(|(index, _)| index)
}

/// The characters that stand neither in a literal nor in a quoted name. A doubled quote ends one and
/// begins the next, which comes to the same.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    text.char_indices().filter(move |(_, c)| match (quote, *c) {
        (None, '\'' | '"') => {
            quote = Some(*c);
            false
        }
        (Some(open), c) if open == c => {
            quote = None;
            false
        }
        (open, _) => open.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_cast_of_a_list_becomes_a_cast_of_its_values() {
        let fresh =
            "CHECK (((s)::text = ANY ((ARRAY['a, b'::character varying, 'c]'::character varying])::text[])))";
        let again = "CHECK (((s)::text = ANY (ARRAY[('a, b'::character varying)::text, ('c]'::character varying)::text])))";
        assert_eq!(normal(fresh), again);
        assert_eq!(normal(again), again);
    }

    #[test]
    fn lists_within_lists_and_types_with_a_size() {
        assert_eq!(
            normal("(ARRAY[f((ARRAY['a'::x])::y[]), b])::numeric(10,2)[]"),
            "ARRAY[(f(ARRAY[('a'::x)::y]))::numeric(10,2), (b)::numeric(10,2)]"
        );
    }

    #[test]
    fn what_is_no_such_list_stays() {
        for text in [
            "",
            "select '(ARRAY[1])::text[]'",
            "(ARRAY[1, 2])::",
            "(ARRAY['a",
            "((ARRAY[1])[1])",
            "ä \"(ARRAY[\" x",
        ] {
            assert_eq!(normal(text), text);
        }
    }
}
