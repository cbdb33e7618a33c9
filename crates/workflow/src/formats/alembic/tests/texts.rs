//! One file at a time.

use std::path::Path;

use proptest::prelude::*;
use switchback_model::code;

use super::super::env::{Setting, facts};
use super::super::scan::scan;
use super::super::{Downgrade, Revision, source};

fn read(name: &str, text: &str) -> switchback_model::Result<Option<Revision>> {
    source::revision(Path::new(name), text)
}

fn revision(text: &str) -> Revision {
    read("x.py", text).unwrap().unwrap()
}

#[test]
fn identities_and_parents_are_read_however_they_are_written() {
    let cases: &[(&str, &[&str])] = &[
        ("revision = 'a1'\ndown_revision = None", &[]),
        ("revision: str = \"a1\"\ndown_revision: Union[str, None] = 'b2'", &["b2"]),
        ("revision='a1';down_revision='b2'", &["b2"]),
        ("revision = '''a1'''\ndown_revision = (\"\"\"b2\"\"\")", &["b2"]),
        ("revision = u'a1'\ndown_revision = r'b2' # not 'c3'", &["b2"]),
        ("revision = 'a' '1'\ndown_revision = ('b'\n  '2')", &["b2"]),
        ("revision = 'a' \\\n  '1'\ndown_revision = ['b2', 'c3']", &["b2", "c3"]),
        ("revision = 'a' + '1'\ndown_revision = (\n  # one\n  'b2', # two\n  'c3',\n)", &["b2", "c3"]),
        ("revision = '\\x61\\u0031'\ndown_revision = ('b2',)", &["b2"]),
        ("revision = f'a1'\ndown_revision = ()", &[]),
        ("OLD = 'b2'\nrevision = 'a1'\ndown_revision = OLD", &["b2"]),
        ("revision = other = 'a1'\ndown_revision = 'b2'", &["b2"]),
        ("revision, down_revision = 'a1', ('b2', 'c3')", &["b2", "c3"]),
        ("(revision, down_revision) = ('a1', None)", &[]),
        ("revision = 'z9'\nrevision = 'a1'\ndown_revision = 'b2', 'c3', 'b2'", &["b2", "c3"]),
        ("def f():\n    revision = 'z9'\nrevision = 'a1'\ndown_revision = None", &[]),
        ("class A:\n\trevision = 'z9'\nrevision = 'a1'\ndown_revision = None", &[]),
        ("'''\nrevision = 'z9'\n'''\nrevision = 'a1'\ndown_revision = None", &[]),
        ("x = f\"{d[\"revision\"]:>{w}} # {'}'}\"\nrevision = 'a1'\ndown_revision = None", &[]),
        (
            "x = {'revision': 1}\nx['revision'] = 'z9'\nx.revision = 'z9'\nrevision = 'a1'\ndown_revision = None",
            &[],
        ),
        (
            "import sqlalchemy as sa\nfrom alembic import (op,\n context)\nrevision = 'a1'\ndown_revision = None",
            &[],
        ),
    ];
    for (text, down) in cases {
        let found = revision(text);
        let owned: Vec<String> = down.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!((found.id.as_str(), &found.down[..]), ("a1", &owned[..]), "{text}");
    }
}

#[test]
fn what_only_running_the_file_would_tell_is_an_error_with_its_line() {
    let cases = [
        ("revision = make_id()\ndown_revision = None", "x.py:1:"),
        ("revision = 17\ndown_revision = None", "x.py:1:"),
        ("revision = b'a1'\ndown_revision = None", "x.py:1:"),
        ("revision = 'a%s' % 1\ndown_revision = None", "x.py:1:"),
        ("n = 1\nrevision = f'a{n}'\ndown_revision = None", "x.py:2:"),
        ("revision = 'a1'\nrevision += 'b'\ndown_revision = None", "x.py:2:"),
        ("from ids import a as revision\ndown_revision = None", "x.py:1:"),
        ("revision = 'a1'\nif x:\n    down_revision = 'b2'\nelse:\n    down_revision = 'c3'", "x.py:5:"),
        ("revision = 'a1'\ndown_revision = ids.LAST", "x.py:2:"),
        ("revision = 'a1'\ndown_revision = 'b2' if x else None", "x.py:2:"),
        ("revision = 'a1'\ndown_revision = ('b2', 3)", "x.py:2:"),
        ("revision = 'a1'\ndown_revision = None\n\ndepends_on = [x for x in y]", "x.py:4:"),
        ("\ndown_revision = 'a1'\ndef upgrade(): pass", "x.py:2:"),
        ("def upgrade():\n    pass\n", "x.py:1:"),
        ("revision = 'a1'\n", "x.py:"),
        ("revision = 'a-1'\ndown_revision = None", "x.py:1:"),
        ("revision = 'a1\ndown_revision = None", "x.py:1:"),
        ("revision = 'a1'\nx = '''\n", "x.py:2:"),
        ("revision = 'a1'\nx = (\n", "x.py:2:"),
        ("revision = 'a1'\nx = )\n", "x.py:2:"),
    ];
    for (text, place) in cases {
        let failure = read("x.py", text).unwrap_err();
        assert_eq!(failure.code, code::MIGRATION_UNREADABLE, "{text}");
        assert!(failure.message.starts_with(place), "{text}: {}", failure.message);
    }
}

#[test]
fn helpers_are_passed_over_and_the_oldest_style_takes_its_name() {
    assert_eq!(read("helpers.py", "import os\ndef rename(a, b): ...\n").unwrap(), None);
    assert_eq!(read("empty.py", "").unwrap(), None);
    let old = read("3f2a.py", "down_revision = None\n").unwrap().unwrap();
    assert_eq!(old.id, "3f2a");
}

#[test]
fn labels_dependencies_and_the_message_are_read() {
    let text = "\n# comment\n\"\"\"\n  Add users\n\nRevision ID: a1\n\"\"\"\nrevision = 'a1'\ndown_revision = None\n\
                branch_labels = ('one', lib.TWO)\ndepends_on = 'b2'\n";
    let found = revision(text);
    assert_eq!(found.message, "Add users");
    assert_eq!(found.branch_labels, ["one"]);
    assert_eq!(found.depends_on, ["b2"]);
    assert_eq!(revision("revision = 'a1'\ndown_revision = None").message, "");
}

#[test]
fn downgrades_are_told_apart() {
    let cases = [
        ("", Downgrade::Absent),
        ("def downgrade(): pass", Downgrade::Empty),
        ("def downgrade() -> None:\n    '''Nothing.'''\n    # nothing\n    return None\n", Downgrade::Empty),
        ("async def downgrade():\n    ...\n", Downgrade::Empty),
        ("def downgrade():\n    pass; pass\n\nop.execute('x')\n", Downgrade::Empty),
        ("def downgrade():\n    op.drop_table('a')\n", Downgrade::Present),
        ("def downgrade():\n    if x:\n        raise X\n", Downgrade::Present),
        ("def downgrade():\n    with op.batch() as b:\n        pass\n", Downgrade::Present),
        ("def downgrade():\n    '''No.'''\n    raise NotImplementedError\n", Downgrade::Refuses),
        ("def downgrade(): raise X('no')", Downgrade::Refuses),
        ("def downgrade():\n    def inner():\n        raise X\n", Downgrade::Present),
        ("def upgrade():\n    def downgrade(): pass\n", Downgrade::Absent),
        ("downgrade = undo", Downgrade::Present),
        ("from common import upgrade, downgrade", Downgrade::Present),
        ("if x:\n    def downgrade(): pass\n", Downgrade::Present),
        ("def downgrade():\n    op.f()\ndef downgrade():\n    pass\n", Downgrade::Empty),
    ];
    for (text, expected) in cases {
        assert_eq!(scan(text).unwrap().downgrade, expected, "{text}");
    }
}

#[test]
fn autocommit_blocks_are_seen_in_code_only() {
    let block = "def upgrade():\n    with op.get_context().autocommit_block():\n        op.execute('x')\n";
    assert!(scan(block).unwrap().autocommit_block);
    assert!(!scan("# autocommit_block()\nx = 'autocommit_block()'\n").unwrap().autocommit_block);
}

#[test]
fn env_py_says_how_it_runs() {
    let online = "def run_migrations_offline():\n    context.configure(url=url, transaction_per_migration=False)\n\
                  def run_migrations_online():\n    context.configure(\n        connection=c,\n        # version_table='no',\n";
    let cases = [
        ("transaction_per_migration=True)", Setting::Said(true), Setting::Default),
        (
            "transaction_per_migration=False, version_table='v')",
            Setting::Said(false),
            Setting::Said("v".to_owned()),
        ),
        ("transaction_per_migration=flag)", Setting::Computed { line: 7 }, Setting::Default),
        ("version_table='{}_v'.format(n))", Setting::Default, Setting::Computed { line: 7 }),
        ("version_table_schema=None)", Setting::Default, Setting::Default),
        ("**kw)", Setting::Default, Setting::Default),
        ("**kw)\n    kw['version_table'] = 'v'", Setting::Default, Setting::Computed { line: 8 }),
        (
            ")\n    context.configure(connection=c, version_table='v')",
            Setting::Default,
            Setting::Computed { line: 8 },
        ),
    ];
    for (end, each, table) in cases {
        let found = facts(&format!("{online}        {end}\n")).unwrap();
        assert_eq!((found.transaction_per_migration, found.version_table), (each, table), "{end}");
    }
    let found = facts("T = 'v'\nwith c:\n    context.configure(connection=c, version_table=T)\n").unwrap();
    assert_eq!(found.version_table.known("alembic_version".to_owned()), Some("v".to_owned()));
    assert!(!found.flask);
    assert!(facts("db = current_app.extensions['migrate'].db\n").unwrap().flask);
}

#[test]
fn values_can_not_be_made_to_grow_without_bound() {
    let mut text = "a = 'xxxxxxxxxxxxxxxx'\nb = ('x', 'x')\n".to_owned();
    for _ in 0..200 {
        text.push_str("a = a + a\nb = (b, b)\n");
    }
    text.push_str("revision = a\ndown_revision = None\n");
    assert_eq!(read("x.py", &text).unwrap_err().code, code::MIGRATION_UNREADABLE);
    let deep = format!("revision = {}'a1'\ndown_revision = None\n", "(".repeat(100_000));
    assert!(read("x.py", &deep).is_err());
    let formatted = format!("x = {}", "f'{".repeat(100_000));
    assert!(read("x.py", &formatted).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = read("x.py", &text);
        let _ = facts(&text);
    }

    #[test]
    fn no_mixture_of_python_makes_the_reader_panic(parts in prop::collection::vec(prop::sample::select(vec![
        "revision", "down_revision", "=", ":", "(", ")", "[", "]", "{", "}", "'", "\"", "'''", "f'", "rb\"", "\\", "\n", " ",
        "\t", "def downgrade", "if x", "import ", "as ", ",", ";", "+", "None", "'a'", "raise", "context.configure(", "**",
        "async ", "é", "#", "+=", "class", "%", "\u{c}",
    ]), 0..60)) {
        let text = parts.concat();
        let _ = read("x.py", &text);
        let _ = facts(&text);
    }
}
