//! Names of relations and columns, and lists of them.

use switchback_sql::{Kind, tokens};

/// How many entries a list in a result has.
const LISTED: usize = 8;

/// A relation by schema and name, both without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Relation {
    /// Its schema.
    pub(crate) schema: String,
    /// Its name.
    pub(crate) name: String,
}

impl Relation {
    /// `schema.name` as the catalog and the server write it, quoted where SQL needs it.
    pub(crate) fn of(text: &str) -> Option<Self> {
        match parts(text).as_slice() {
            [schema, name] => Some(Self { schema: schema.clone(), name: name.clone() }),
            _ => None,
        }
    }

    /// `schema.name`, or `name` in `public`, as a configuration writes it.
    pub(crate) fn configured(text: &str) -> Option<Self> {
        match parts(text).as_slice() {
            [name] => Some(Self { schema: "public".to_owned(), name: name.clone() }),
            [schema, name] => Some(Self { schema: schema.clone(), name: name.clone() }),
            _ => None,
        }
    }

    /// `table.column` or `schema.table.column`, as a configuration writes it.
    pub(crate) fn with_column(text: &str) -> Option<(Self, String)> {
        let mut parts = parts(text);
        let column = parts.pop()?;
        let name = parts.pop()?;
        let schema = parts.pop().unwrap_or_else(|| "public".to_owned());
        parts.is_empty().then_some((Self { schema, name }, column))
    }
}

/// The parts of a dotted name. A part without quotes stays as it is written: names come from a
/// catalog or from a person who reads one, not from SQL.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut expected) = (Vec::new(), true);
    for token in tokens(text) {
        let inside = token.inside(text);
        match token.kind {
            Kind::Word if expected => parts.push(inside.to_owned()),
            Kind::Name if expected => parts.push(inside.replace("\"\"", "\"")),
            Kind::Mark if !expected && inside == "." => {}
            _ => return Vec::new(),
        }
        expected = !expected;
    }
    if expected { Vec::new() } else { parts }
}

/// The first names, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(schema: &str, name: &str) -> Relation {
        Relation { schema: schema.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn names_are_read_with_and_without_quotes() {
        assert_eq!(Relation::of("app.\"Or.der\"\"s\""), Some(relation("app", "Or.der\"s")));
        assert_eq!(Relation::configured("Users"), Some(relation("public", "Users")));
        assert_eq!(Relation::with_column("a.b.c"), Some((relation("a", "b"), "c".to_owned())));
        assert_eq!(Relation::with_column("b.c"), Some((relation("public", "b"), "c".to_owned())));
        for text in ["", "a.", ".a", "a b", "a.b.c.d", "'a'.b"] {
            assert_eq!(Relation::of(text), None, "{text}");
            assert_eq!(Relation::with_column(text), None, "{text}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<_> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
    }
}
