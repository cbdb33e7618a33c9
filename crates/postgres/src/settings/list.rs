//! Values of settings as they stand in SQL.
//!
//! The server stores a list of names as one text, quoted like identifiers. Written back as one
//! literal it would become a list of one odd name, so it is taken apart as `pg_dumpall` does
//! (`makeAlterConfigCommand` and `SplitGUCList` of PostgreSQL's sources).

use crate::session::literal;

/// The settings whose values are such lists. Extensions can't define one.
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// What stands after `SET name TO`.
pub(super) fn value(name: &str, stored: &str) -> String {
    if !LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        return literal(stored);
    }
    let names: Vec<_> = split(stored).iter().map(|name| literal(name)).collect();
    if names.is_empty() { "''".to_owned() } else { names.join(", ") }
}

/// The names of a list: separated by commas, a quoted one may hold anything, a doubled quote is one.
fn split(stored: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = stored.trim();
    while !rest.is_empty() {
        let (name, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim_end().to_owned(), &rest[end..])
        };
        names.push(name);
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
    names
}

/// The name up to its closing quote, and what follows.
fn unquote(quoted: &str) -> (String, &str) {
    let mut name = String::new();
    let mut rest = quoted;
    while let Some((part, after)) = rest.split_once('"') {
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (name, after),
        }
    }
    name.push_str(rest);
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_list_is_written_name_by_name() {
        assert_eq!(value("search_path", r#""$user", public"#), "'$user', 'public'");
        assert_eq!(value("search_path", r#""a, ""b""", c ,d"#), r#"'a, "b"', 'c', 'd'"#);
        assert_eq!(value("search_path", "\"\""), "''");
        assert_eq!(value("search_path", ""), "''");
    }

    #[test]
    fn anything_else_is_one_literal() {
        assert_eq!(value("work_mem", "4MB"), "'4MB'");
        assert_eq!(value("app.greeting", "it's, \"so\""), r#"'it''s, "so"'"#);
    }
}
