//! Revisions as people write them: places, what is resolved, what is not read, and texts that nobody
//! meant to write. That operations become the right statements is shown against Alembic itself, in
//! `tests/alembic.rs`.

use proptest::prelude::*;
use switchback_sql::ast::{ActionKind, Stmt};

use super::{Operation, Revision, What, read};

/// A revision whose `upgrade` is this, indented by four.
fn upgrade(body: &str) -> (String, Revision) {
    let lines = body.replace('\n', "\n    ");
    let head = "from alembic import op\nimport sqlalchemy as sa\n\nrevision = 'b'\ndown_revision = 'a'\n\n";
    let source = format!("{head}def upgrade():\n    {lines}\n");
    let revision = read(&source);
    (source, revision)
}

/// What each operation does, in a line.
fn lines(body: &str) -> Vec<String> {
    upgrade(body).1.upgrade.iter().map(line).collect()
}

fn line(operation: &Operation) -> String {
    let said = match &operation.what {
        What::Statement(stmt) => said(stmt),
        What::Sql(text) => text.text.split_whitespace().collect::<Vec<_>>().join(" "),
        What::Unread(why) => format!("unread: {why}"),
    };
    if operation.exact || said.starts_with("unread") { said } else { format!("~ {said}") }
}

fn said(stmt: &Stmt) -> String {
    match stmt {
        Stmt::AlterTable { table, actions, .. } => {
            let kind = format!("{:?}", actions[0].kind);
            format!("{table} {}", kind.split([' ', '(']).next().unwrap())
        }
        Stmt::CreateIndex(index) => format!("index {}", index.table),
        Stmt::CreateTable(table) => format!("table {}", table.name),
        Stmt::CreateEnum { name, labels } => format!("enum {name} {labels:?}"),
        Stmt::Update { table, filter, .. } => {
            format!("update {table}{}", if filter.is_some() { " where" } else { "" })
        }
        Stmt::Delete { table, filter, .. } => {
            format!("delete {table}{}", if filter.is_some() { " where" } else { "" })
        }
        Stmt::Insert { table, columns, .. } => format!("insert {table} {columns:?}"),
        Stmt::Drop { names, .. } => format!("drop {}", names[0]),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_a_revision_is_called_is_read() {
    let read = |text: &str| {
        let revision = read(text);
        (revision.revision, revision.down_revision)
    };
    assert_eq!(read("revision = 'b'\ndown_revision = 'a'"), (Some("b".into()), vec!["a".into()]));
    assert_eq!(read("revision: str = \"b\"\ndown_revision: str | None = None"), (Some("b".into()), vec![]));
    assert_eq!(read("revision = 'c'\ndown_revision = ('a', 'b')").1, ["a", "b"]);
    assert_eq!(read(""), (None, vec![]));
}

#[test]
fn an_operation_knows_its_place() {
    let (source, revision) =
        upgrade("op.create_table('t', sa.Column('ä', sa.Integer()), sa.Column('b', sa.Text()))");
    let operation = &revision.upgrade[0];
    assert!(
        source[operation.range.clone()].starts_with("op.create_table('t'")
            && source[operation.range.clone()].ends_with("))")
    );
    let What::Statement(Stmt::CreateTable(table)) = &operation.what else { panic!("{operation:?}") };
    let places: Vec<_> = table.columns.iter().map(|one| &source[operation.range.start + one.at..]).collect();
    assert!(places[0].starts_with("sa.Column('ä'") && places[1].starts_with("sa.Column('b'"), "{places:?}");
}

/// Every byte of SQL is found in the file, over escapes, rows of literals, constants and holes.
#[test]
fn a_byte_of_sql_knows_its_place() {
    for (body, wanted) in [
        ("op.execute('drop table WANTED')", "WANTED"),
        ("op.execute('''\n  a \\'b\\' ä\\n WANTED\n''')", "WANTED"),
        ("op.execute('select 1; '\n    \"drop table \"  # why\n    'WANTED')", "WANTED"),
        ("op.execute(f'drop {\"table\"} {{}} WANTED')", "WANTED"),
        ("name = 'WANTED'\nop.execute(f'drop table {name}')", "WANTED"),
        ("op.execute('drop %s WANTED' % 'table')", "WANTED"),
        ("op.execute('drop {} WANTED'.format('table'))", "WANTED"),
        ("op.execute(sa.text('select :a, WANTED'))", "WANTED"),
        ("op.execute(r'\\d WANTED')", "WANTED"),
        ("op.execute('drop x'.replace('x', 'y') + ' WANTED')", "WANTED"),
    ] {
        let (source, revision) = upgrade(body);
        let What::Sql(text) = &revision.upgrade[0].what else { panic!("{revision:?}") };
        let at = text.text.find(wanted).unwrap_or_else(|| panic!("{body}: {text:?}"));
        for byte in 0..wanted.len() {
            assert_eq!(text.place(at + byte), source.find(wanted).unwrap() + byte, "{body}");
        }
    }
}

#[test]
fn texts_are_put_together() {
    for (body, wanted) in [
        ("op.execute('a' 'b' + 'c')", "abc"),
        ("x = 'a'\nx += 'b'\nop.execute(x)", "ab"),
        ("op.execute('%s %(b)s' % 1)", "~ 1 __b__"),
        ("op.execute('%(b)s %%' % {'b': 'c'})", "c %"),
        ("op.execute('{0}{a}{{}}'.format('x', a='y'))", "xy{}"),
        ("op.execute(f'drop table {unknown}')", "~ drop table __unknown__"),
        ("op.execute(f'drop table {x.y()}')", "~ drop table __y__"),
        ("op.execute(', '.join(['a', 'b']))", "a, b"),
        ("op.execute(', '.join(c for c in ['a', 'b']))", "a, b"),
        ("op.execute('x'.strip().upper())", "X"),
        ("op.execute('a\\x41\\u00e4\\101\\\nb')", "aAäA b"),
        (
            "op.execute(sa.text('a = :a and b = \\'12:30\\' and c::text').bindparams(a=1))",
            "a = $1 and b = '12:30' and c::text",
        ),
        ("op.get_bind().execute(sa.text('x'), {'a': 1})", "x"),
        ("c = op.get_bind()\nrows = c.execute('x').fetchall()", "x"),
        ("with op.get_bind().begin() as c:\n    c.exec_driver_sql('x')", "x"),
        ("s = sa.orm.Session(bind=op.get_bind())\ns.execute(sa.text('x'))", "x"),
    ] {
        assert_eq!(lines(body), [wanted], "{body}");
    }
}

#[test]
fn branches_and_loops_are_read() {
    for (body, wanted) in [
        ("if x:\n    op.execute('a')\nelse:\n    op.execute('b')", "a|b"),
        (
            "if op.get_bind().dialect.name == 'postgresql':\n    op.execute('a')\nelse:\n    op.execute('b')",
            "a",
        ),
        ("d = op.get_context().dialect\nif d.name != 'sqlite':\n    op.execute('a')", "a"),
        ("if op.get_bind().engine.name == 'mysql':\n    op.execute('a')\n    return\nop.execute('b')", "b"),
        ("if x:\n    return\nop.execute('a')", "a"),
        ("return\nop.execute('a')", ""),
        ("for t in ['a', 'b']:\n    op.execute(t)", "a|b"),
        ("for t in tables():\n    op.execute(f'drop table {t}')", "~ drop table __t__"),
        (
            "try:\n    op.execute('a')\nexcept Exception:\n    op.execute('b')\nfinally:\n    op.execute('c')",
            "a|b|c",
        ),
        ("while x:\n    op.execute('a')", "a"),
        ("def f(t, x='c'):\n    op.execute(t + x)\nf('a')\nf('b', x='d')", "ac|bd"),
        ("def f():\n    f()\n    op.execute('a')\nop.execute('b')", "b"),
        (
            "found = False\nfor r in rows():\n    found = True\nif found:\n    op.execute('a')\nelse:\n    op.execute('b')",
            "a|b",
        ),
        ("sqls = []\nsqls.append('a')\nfor s in sqls:\n    op.execute(s)", "a"),
        ("[op.execute(s) for s in ('a', 'b')]", "a|b"),
        ("op.execute('a') if x else op.execute('b')", "a|b"),
        ("match x:\n    case 1:\n        op.execute('a')\n    case _:\n        op.execute('b')", "a|b"),
    ] {
        assert_eq!(lines(body).join("|"), wanted, "{body}");
    }
}

#[test]
fn objects_of_sqlalchemy_are_statements() {
    let body = "class User(Base):
    __tablename__ = 'users'
t = sa.table('t', sa.column('id'))
op.execute(t.update().values(id=1))
op.get_bind().execute(t.delete().where(t.c.id == 1))
session = sa.orm.Session(bind=op.get_bind())
session.query(User).filter(User.id == 1).update({'name': 'x'})
session.query(User).delete()
session.execute(sa.update(User).values(name='x'))
kind = sa.Enum('a', 'b', name='kind')
kind.create(op.get_bind(), checkfirst=True)
kind.drop(op.get_bind())
op.bulk_insert(op.create_table('u', sa.Column('id', sa.Text())), [{'id': 'x'}])";
    let wanted = [
        "update t",
        "delete t where",
        "~ update users where",
        "~ delete users",
        "update users",
        "enum kind [\"a\", \"b\"]",
        "drop kind",
        "table u",
        "insert u [\"id\"]",
    ];
    assert_eq!(lines(body), wanted);
}

#[test]
fn what_cannot_be_seen_is_named() {
    for (body, wanted) in [
        ("op.execute(sql)", "what `op.execute(sql)` runs"),
        ("op.get_bind().execute(make())", "what `op.get_bind().execute(make())` runs"),
        ("op.create_view('x')", "what `op.create_view('x')` does"),
        ("helper(op.get_bind())", "`helper(op.get_bind())` gets the connection"),
        ("op.drop_constraint(None, 't')", "`drop_constraint` has no name to go by"),
        ("Base.metadata.create_all(op.get_bind())", "`Base.metadata.create_all(op.get_bind())` gets"),
        ("from app.tools import helper\nhelper('t')", "what `helper('t')` does stands elsewhere"),
    ] {
        let lines = lines(body);
        assert!(lines.len() == 1 && lines[0].starts_with(&format!("unread: {wanted}")), "{body}: {lines:?}");
    }
    for harmless in [
        "print('x')",
        "sa.inspect(op.get_bind()).get_table_names()",
        "import logging\nlogging.getLogger('x').info('y')",
        "pass",
    ] {
        assert_eq!(lines(harmless), [""; 0], "{harmless}");
    }
}

#[test]
fn names_that_are_not_known_stand_in_their_places() {
    let (_, revision) = upgrade("for t in tables():\n    op.drop_column(t, 'a')");
    let operation = &revision.upgrade[0];
    let What::Statement(Stmt::AlterTable { table, actions, .. }) = &operation.what else { panic!() };
    assert_eq!(table.name, "__t__");
    assert!(!operation.exact && matches!(actions[0].kind, ActionKind::DropColumn { .. }));
}

#[test]
fn blocks_without_a_transaction_are_known() {
    let body =
        "op.execute('a')\nwith op.get_context().autocommit_block():\n    op.execute('b')\nop.execute('c')";
    let (source, revision) = upgrade(body);
    let free: Vec<_> = revision.upgrade.iter().map(|one| one.autocommit).collect();
    assert_eq!(free, [false, true, false]);
    assert!(source[revision.autocommit[0].clone()].starts_with("with op.get_context()"));
}

#[test]
fn several_databases_have_functions_of_their_own() {
    let source = "def upgrade(engine_name):\n    globals()['upgrade_%s' % engine_name]()\n\n
def upgrade_one():\n    op.execute('a')\n\ndef upgrade_two():\n    op.execute('b')\n";
    let done: Vec<_> = read(source).upgrade.iter().map(line).collect();
    assert_eq!(done, ["a", "b"]);
}

#[test]
fn what_runs_when_the_file_is_loaded_is_apart() {
    let revision = read("op.execute('a')\n\ndef upgrade():\n    pass\n");
    assert_eq!(revision.loaded.iter().map(line).collect::<Vec<_>>(), ["a"]);
    assert!(revision.upgrade.is_empty() && revision.has_upgrade && !revision.has_downgrade);
}

/// The half that is Python is read.
#[test]
fn half_a_file_is_half_read() {
    let revision = read("revision = 'a'\ndef upgrade():\n    op.execute('x')\n    op.drop_table('t'\n");
    assert_eq!(revision.revision.as_deref(), Some("a"));
    assert!(!revision.mistakes.is_empty());
    assert!(!revision.upgrade.is_empty(), "{revision:?}");
}

/// Every place lies in the file, on the border of a character.
fn check(source: &str) {
    let revision = read(source);
    let all = revision.upgrade.iter().chain(&revision.downgrade).chain(&revision.loaded);
    for operation in all {
        assert!(source.get(operation.range.clone()).is_some(), "{operation:?}");
        if let What::Sql(text) = &operation.what {
            let _read = switchback_sql::split(&text.text);
            assert!((0..=text.text.len()).all(|byte| text.place(byte) <= source.len() + text.text.len()));
        }
    }
}

#[test]
fn deep_and_long_files_are_survived() {
    let deep =
        |open: &str, close: &str, times: usize| format!("x = {}1{}", open.repeat(times), close.repeat(times));
    let in_function = |text: &str| format!("def upgrade():\n    op.execute({text})\n");
    let nested: Vec<_> = (0..2000).map(|depth| " ".repeat(depth) + "if x:\n").collect();
    let nested = nested.concat();
    let doubling: String =
        (0..100).map(|_| "    a = a + a\n    b = [b, b]\n    c = sa.or_(c, c)\n").collect();
    let calls: Vec<_> =
        (0..60).map(|n| format!("def f{n}():\n    f{}()\n    f{}()\n", n + 1, n + 1)).collect();
    let calls = calls.concat();
    for source in [
        deep("(", ")", 100_000),
        deep("[", "]", 50_000),
        deep("f(", ")", 50_000),
        deep("-", "", 100_000),
        deep("not ", "", 50_000),
        deep("lambda: ", "", 20_000),
        in_function(&"(".repeat(100_000)),
        in_function(&"'a' + ".repeat(50_000)),
        in_function(&"'a' ".repeat(50_000)),
        in_function(&format!("x{}", ".y()".repeat(20_000))),
        in_function(&format!("{}'x'", "x if y else ".repeat(5_000))),
        in_function(&format!("f'{}'", "{x}".repeat(20_000))),
        in_function(&format!("'{}'.format(x)", "{}".repeat(20_000))),
        nested,
        format!(
            "def upgrade():\n    a = 'x'\n    b = 1\n    c = d\n{doubling}    op.execute(a)\n    op.execute(t.update().where(c))\n"
        ),
        format!("{calls}def upgrade():\n    f0()\n"),
        format!("def upgrade():\n{}", "    for a in x:\n        q = q.where(a)\n".repeat(5_000)),
        format!("def upgrade():\n{}", "    op.execute('select 1')\n".repeat(20_000)),
        "a = ".repeat(20_000) + "1",
        "def upgrade():\n    x = [1]\n".to_owned() + &"    x = x + x\n".repeat(60),
    ] {
        let start = std::time::Instant::now();
        check(&source);
        let took = start.elapsed();
        assert!(took.as_secs() < 20, "{took:?}: {}…", &source[..60]);
    }
}

#[test]
fn damaged_files_are_survived() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/alembic/versions");
    switchback_testkit::hostile::feed(std::path::Path::new(folder), |bytes| {
        check(&String::from_utf8_lossy(bytes));
    });
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "\\PC*") {
        check(&text);
    }

    #[test]
    fn any_row_of_words_is_survived(words in proptest::collection::vec(prop_oneof![
        Just("op.execute("), Just("op.create_table("), Just("op.alter_column("), Just("sa.Column("), Just("'a'"),
        Just("f'{"), Just("}'"), Just("\"\"\""), Just("("), Just(")"), Just("["), Just("]"), Just("{"), Just("}"),
        Just(","), Just(":"), Just("\n"), Just("\n    "), Just("\n        "), Just("def upgrade():"), Just("if x"),
        Just("for x in"), Just("="), Just("+"), Just("%"), Just(".format("), Just("*"), Just("**"), Just("x"),
        Just("1"), Just("None"), Just("with"), Just("as"), Just("lambda"), Just("\\"), Just("#"), Just("ä"),
    ], 0..60)) {
        check(&format!("def upgrade():\n    {}", words.join(" ")));
    }
}
