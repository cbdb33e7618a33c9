//! Bodies and the statements in them.

use super::*;

fn texts(body: &str) -> Vec<String> {
    let found = statements(body);
    for one in &found {
        if let (Some(text), false) = (&one.text, one.dynamic) {
            assert!(body.is_char_boundary(one.at) && body.len() >= one.at + text.len(), "{one:?}");
        }
    }
    found.into_iter().map(|one| one.text.unwrap_or_else(|| "?".into())).collect()
}

#[test]
fn statements_stand_between_control_words() {
    let cases: &[(&str, &[&str])] = &[
        ("BEGIN END", &[]),
        ("BEGIN ALTER TABLE a ADD b int; DROP TABLE c; END", &["ALTER TABLE a ADD b int", "DROP TABLE c"]),
        (
            "begin if x = case when a then 1 else 2 end then drop table a; elsif y then drop table b; else drop table c; end if; end",
            &["drop table a", "drop table b", "drop table c"],
        ),
        ("BEGIN IF EXISTS (SELECT 1 FROM t) THEN TRUNCATE t; END IF; END;", &["TRUNCATE t"]),
        (
            "DECLARE a int := 1; update text; r record; BEGIN update := 'x'; a = 2; DELETE FROM t; END",
            &["DELETE FROM t"],
        ),
        (
            "BEGIN FOR r IN SELECT a FROM t LOOP UPDATE u SET x = r.a; END LOOP; END",
            &["SELECT a FROM t", "UPDATE u SET x = r.a"],
        ),
        (
            "BEGIN FOR i IN 1..10 LOOP INSERT INTO t VALUES (i); END LOOP; WHILE true LOOP COMMIT; END LOOP; END",
            &["INSERT INTO t VALUES (i)", "COMMIT"],
        ),
        ("BEGIN LOOP EXIT WHEN a; DELETE FROM t; END LOOP; END", &["DELETE FROM t"]),
        (
            "BEGIN <<l>> BEGIN DROP VIEW v; EXCEPTION WHEN others THEN CREATE VIEW v AS SELECT 1; RAISE; END; END",
            &["DROP VIEW v", "CREATE VIEW v AS SELECT 1"],
        ),
        (
            "BEGIN CASE x WHEN 1 THEN DROP TABLE a; ELSE DROP TABLE b; END CASE; END",
            &["DROP TABLE a", "DROP TABLE b"],
        ),
        (
            "BEGIN PERFORM f(1) FROM t; RETURN QUERY SELECT 1; RETURN x; END",
            &["SELECT  f(1) FROM t", "SELECT 1"],
        ),
        ("BEGIN SELECT a, b INTO STRICT x, r.y FROM t; END", &["SELECT a, b                    FROM t"]),
        (
            "BEGIN INSERT INTO t VALUES (1) RETURNING id INTO x; END",
            &["INSERT INTO t VALUES (1) RETURNING id       "],
        ),
        ("BEGIN OPEN c FOR SELECT 1; OPEN d FOR EXECUTE q; END", &["SELECT 1", "?"]),
        (
            "BEGIN EXECUTE 'drop table ''a'''; EXECUTE $q$drop table b$q$; EXECUTE 'drop ' || x; EXECUTE E'a\\n'; END",
            &["drop table 'a'", "drop table b", "?", "?"],
        ),
        (
            "BEGIN EXECUTE 'select $1' INTO a USING b; FOR r IN EXECUTE format('x') LOOP NULL; END LOOP; RETURN QUERY EXECUTE 'select 2'; END",
            &["select $1", "?", "select 2"],
        ),
        ("BEGIN -- drop table a;\n /* ; */ DROP TABLE b -- why\n; END", &["DROP TABLE b"]),
        ("BEGIN DROP TABLE b", &["DROP TABLE b"]),
    ];
    for (body, expected) in cases {
        assert_eq!(texts(body), *expected, "{body}");
    }
}

#[test]
fn places_are_bytes_of_the_body() {
    let body = "BEGIN -- ä\n PERFORM f('ö'); EXECUTE 'drop table x'; EXECUTE q || r; END";
    let found = statements(body);
    assert!(body[found[0].at..].starts_with("PERFORM f('ö')"));
    assert!(!found[0].dynamic && found[0].text.as_deref() == Some("SELECT  f('ö')"));
    assert!(found[1].dynamic && body[found[1].at..].starts_with("drop table x'"));
    assert!(found[2].dynamic && found[2].text.is_none() && body[found[2].at..].starts_with("EXECUTE q"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_taken(body in "(begin|if|then|case|end|for|in|loop|into|execute|perform|select|insert|return query|open|declare|;|\\(|\\)|'|\\$\\$|ä|,|x| |\n){0,40}") {
        for found in statements(&body) {
            assert!(body.is_char_boundary(found.at));
        }
    }
}
