use proptest::prelude::*;

use super::*;

/// Kinds and statements.
fn cut(script: &str) -> Vec<(&'static str, &str)> {
    let name = |piece: &Piece| match piece.kind {
        PieceKind::Statement => "statement",
        PieceKind::Copy { .. } => "copy",
        PieceKind::Command { .. } => "command",
        PieceKind::Blank => "blank",
    };
    split(script).map(|piece| (name(&piece), piece.text(script))).collect()
}

fn statements(script: &str) -> Vec<&str> {
    cut(script).into_iter().filter(|(kind, _)| *kind == "statement").map(|(_, text)| text).collect()
}

#[test]
fn a_semicolon_ends_a_statement_only_outside_of_quotes() {
    for whole in [
        "select ';'",
        "select E'it\\'s;'",
        "select $$a;b$$",
        "select $f$ $$;$$ ; $f$",
        "select \"a;b\" from t",
        "select U&'d\\0061;'",
        "select 1 /* a; /* b; */ c; */ + 1",
        "select 1 -- why;\n+ 1",
        "select 'a'\n  ';b'",
        "select a[1:2]",
        "do $do$ begin execute 'select 1;'; end; $do$",
    ] {
        let script = format!("{whole}; select 2;");
        assert_eq!(statements(&script), [whole, "select 2"], "{script}");
    }
}

#[test]
fn a_body_of_sql_is_one_statement() {
    let function = "create function f(a int) returns int language sql begin atomic \
                    select case when a > 1 then 2 else 3 end; select case a when 1 then 2 end; end";
    assert_eq!(statements(&format!("{function}; select 1")), [function, "select 1"]);
    let procedure = "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC; INSERT INTO t VALUES (1); END";
    assert_eq!(statements(&format!("{procedure};\nselect 1;")), [procedure, "select 1"]);
    // Words that only look so.
    assert_eq!(statements("begin; select 1; end; select 2").len(), 4);
    assert_eq!(statements("create table atomic (begin int); select 1").len(), 2);
    assert_eq!(statements("select begin atomic; select 1").len(), 2);
}

#[test]
fn the_actions_of_a_rule_are_one_statement() {
    let rule = "create rule r as on insert to t do also (insert into a values (1); insert into b values (2))";
    assert_eq!(statements(&format!("{rule}; select 1")), [rule, "select 1"]);
    // Anything else with an open parenthesis is one mistake, not a swallowed file.
    assert_eq!(statements("select (1; select 2;"), ["select (1", "select 2"]);
}

#[test]
fn data_of_a_copy_goes_to_its_last_line() {
    let script = "copy t (a, b) from stdin with (format csv); -- data\n1,';\n\\x\n\\.\nselect 1;\n";
    let pieces: Vec<_> = split(script).collect();
    let PieceKind::Copy { data, ended, behind } = &pieces[0].kind else { panic!("{pieces:?}") };
    assert_eq!((&script[data.clone()], *ended, *behind), ("1,';\n\\x\n", true, None));
    assert_eq!(pieces[0].text(script), "copy t (a, b) from stdin with (format csv)");
    assert_eq!(pieces[1].text(script), "select 1");
    let open: Vec<_> = split("copy t from stdin;\n1\n2").collect();
    assert!(matches!(open[0].kind, PieceKind::Copy { ended: false, .. }), "{open:?}");
    let behind: Vec<_> = split("copy t from stdin; select 1;\n\\.\n").collect();
    assert!(matches!(behind[0].kind, PieceKind::Copy { behind: Some(19), .. }), "{behind:?}");
    let empty: Vec<_> = split("copy t from stdin;\r\n\\.\r\nselect 1").collect();
    assert!(matches!(&empty[0].kind, PieceKind::Copy { data, ended: true, .. } if data.is_empty()));
    assert_eq!(cut("copy (select 1 from stdin) to '/x'; select 2").len(), 2);
    assert_eq!(statements("select 1 from stdin; select 2").len(), 2);
}

#[test]
fn commands_of_psql_are_pieces() {
    assert_eq!(
        cut("\\set x 1\nselect 1;\n\\echo 'it\nselect 2 \\gexec\nselect 3"),
        [
            ("command", "\\set x 1\n"),
            ("statement", "select 1"),
            ("command", "\\echo 'it\n"),
            ("command", "select 2 \\gexec\n"),
            ("statement", "select 3"),
        ]
    );
    assert_eq!(cut("select 1 \\ 2;"), [("statement", "select 1 \\ 2")]);
}

#[test]
fn comments_belong_to_what_follows() {
    let script = "-- one\n/* two */ select 1; ; -- three\n";
    let pieces: Vec<_> = split(script).collect();
    assert_eq!(pieces[0].before(script), "-- one\n/* two */ ");
    assert_eq!(cut(script)[1..], [("blank", ""), ("blank", "")]);
    assert_eq!(cut(""), []);
}

#[test]
fn what_is_not_closed_goes_to_the_end() {
    for script in ["select 'a; select 1;", "select $$a; select 1;", "/* a; select 1;", "select \"a;"] {
        assert_eq!(split(script).count(), 1, "{script}");
    }
}

/// One pass: what is ten times as long takes about ten times as long, not a hundred times.
#[test]
fn large_scripts_take_one_pass() {
    let many = "insert into t values ('a;b', $$c$$); -- x\n".repeat(100_000);
    let start = std::time::Instant::now();
    assert_eq!(split(&many).count(), 100_001);
    let data = format!("copy t from stdin;\n{}\\.\n", "1\ttwo\t\\N\n".repeat(2_000_000));
    assert_eq!(split(&data).count(), 1);
    let one = format!("select '{}'", "a".repeat(20_000_000));
    assert_eq!(split(&one).count(), 1);
    let nested = format!("{}{}", "/*".repeat(1_000_000), "(".repeat(1_000_000));
    assert_eq!(split(&nested).count(), 1);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

fn covers(script: &str) {
    let mut at = 0;
    for piece in split(script) {
        assert_eq!(piece.whole.start, at, "a gap in {script:?}");
        assert!(piece.whole.end > at, "an empty piece in {script:?}");
        assert!(piece.statement.start >= at && piece.statement.end <= piece.whole.end);
        assert!(
            script.is_char_boundary(piece.statement.start) && script.is_char_boundary(piece.statement.end)
        );
        if let PieceKind::Copy { data, .. } = &piece.kind {
            assert!(data.start >= piece.statement.end && data.end <= piece.whole.end);
        }
        at = piece.whole.end;
    }
    assert_eq!(at, script.len());
}

/// Parts from which statements are made, and parts that break them.
const PARTS: &[&str] = &[
    "select",
    " 1",
    ";",
    "\n",
    "'",
    "''",
    "\"",
    "$$",
    "$a$",
    "E'",
    "\\",
    "\\.",
    "\\.\n",
    "copy t from stdin",
    "/*",
    "*/",
    "--",
    "(",
    ")",
    "begin",
    " atomic",
    " case",
    " end",
    "create function f()",
    " or replace rule",
    "ä",
    "\u{0}",
    "$1",
    ":x",
    "{{",
];

proptest! {
    #[test]
    fn pieces_cover_any_text(script in "\\PC*") {
        covers(&script);
    }

    #[test]
    fn pieces_cover_broken_sql(parts in prop::collection::vec(0..PARTS.len(), 0..60)) {
        covers(&parts.into_iter().map(|part| PARTS[part]).collect::<String>());
    }

    #[test]
    fn any_bytes_are_cut(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        covers(&String::from_utf8_lossy(&bytes));
    }
}
