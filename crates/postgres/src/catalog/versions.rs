//! What differs between server versions: expressions for columns that came later.

/// `{name}`, and from which major version on it is which expression; the newest first, the last one
/// for all others.
const PLACEHOLDERS: &[(&str, &[(i32, &str)])] = &[
    ("compression", &[(14, "a.attcompression::text"), (0, "null::text")]),
    ("detach_pending", &[(14, "p.inhdetachpending"), (0, "false")]),
    ("subscript", &[(14, "t.typsubscript::text"), (0, "null::text")]),
    ("multirange", &[(14, "'multirange ' || format_type(r.rngmultitypid, null)"), (0, "null::text")]),
    ("collation_locale", &[(17, "c.colllocale"), (15, "c.colliculocale"), (0, "null::text")]),
    ("collation_rules", &[(16, "c.collicurules"), (0, "null::text")]),
    ("publication_generated", &[(18, "'generated columns ' || p.pubgencols::text"), (0, "null::text")]),
    ("publication_part", &[(15, PUBLICATION_PART), (0, "''")]),
    ("publication_schemas", &[(15, PUBLICATION_SCHEMAS), (0, "null::text")]),
];

const PUBLICATION_PART: &str = "case when r.prattrs is null then '' else ' (' || \
    (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a \
      where a.attrelid = r.prrelid and a.attnum = any (r.prattrs)) || ')' end \
    || coalesce(' where ' || pg_get_expr(r.prqual, r.prrelid), '')";

const PUBLICATION_SCHEMAS: &str = "(select 'schemas ' || string_agg(quote_ident(n.nspname), ', ' order by n.nspname) \
    from pg_publication_namespace s join pg_namespace n on n.oid = s.pnnspid where s.pnpubid = p.oid)";

/// An option's value may be a password. Six hexadecimal digits of its hash tell a change, and are too
/// few to find the value with.
const HIDDEN_OPTIONS: &str = "(select string_agg(split_part(v, '=', 1) || '=#' \
    || left(encode(sha256(convert_to(v, 'UTF8')), 'hex'), 6), ', ' order by v) from unnest({}) as v)";

/// `sql` with every placeholder replaced for the major version; `{hidden_options:COLUMN}` takes the
/// column.
pub(super) fn fill(sql: &str, major: i32) -> String {
    let mut filled = sql.to_owned();
    for (name, expressions) in PLACEHOLDERS {
        let fitting = expressions.iter().find(|(since, _)| major >= *since);
        filled = filled.replace(&format!("{{{name}}}"), fitting.map_or("null", |(_, expression)| expression));
    }
    hide_options(&filled)
}

fn hide_options(sql: &str) -> String {
    let mut pieces = sql.split("{hidden_options:");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (column, rest) = piece.split_once('}').unwrap_or((piece, ""));
        filled.push_str(&HIDDEN_OPTIONS.replace("{}", column));
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_fitting_expression_is_taken() {
        assert_eq!(fill("{collation_locale}", 18), "c.colllocale");
        assert_eq!(fill("{collation_locale}", 16), "c.colliculocale");
        assert_eq!(fill("{collation_locale}", 13), "null::text");
        assert!(fill("x {hidden_options:s.srvoptions} y", 15).contains("unnest(s.srvoptions)"));
    }
}
