//! Whole projects.

use std::path::Path;

use switchback_model::code;

use super::super::{Graph, Setting, find};
use super::write;

const ENV: &str = "from alembic import context\n\
                   def run_migrations_online():\n    context.configure(connection=c, transaction_per_migration=True)\n";
const FIRST: &str = "revision = 'a1'\ndown_revision = None\n";

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(root.path(), name, text);
    }
    root
}

/// Files of a project, the folder to ask about, and the script location and versions expected.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a [&'a str]);

const PROJECTS: &[Case<'_>] = &[
    (
        &[("alembic.ini", "[alembic]\nscript_location = alembic\n"), ("alembic/env.py", ENV)],
        "",
        "alembic",
        &[],
    ),
    (&[("alembic.ini", "[alembic]\nscript_location=%(here)s/db\n"), ("db/env.py", ENV)], "", "db", &[]),
    (
        &[
            ("alembic.ini", "# x\n[alembic]\n; y\nscript_location : app.db:migrations\n"),
            ("app/db/migrations/env.py", ENV),
        ],
        "",
        "app/db/migrations",
        &[],
    ),
    (
        &[
            ("alembic.ini", "[alembic]\nscript_location = app:m\nprepend_sys_path = lib\n"),
            ("lib/app/m/env.py", ENV),
        ],
        "",
        "lib/app/m",
        &[],
    ),
    (
        &[("pyproject.toml", "[tool.alembic]\nscript_location = \"%(here)s/db\"\n"), ("db/env.py", ENV)],
        "",
        "db",
        &[],
    ),
    (&[("migrations/alembic.ini", "[alembic]\n"), ("migrations/env.py", ENV)], "", "migrations", &[]),
    (&[("migrations/env.py", ENV)], "migrations", "migrations", &[]),
    (&[("migrations/env.py", ENV)], "migrations/versions", "migrations", &[]),
    (
        &[
            ("alembic.ini", "[alembic]\nscript_location = db\nversion_locations = db/one db/two, db/none\n"),
            ("db/env.py", ENV),
            ("db/one/a.py", FIRST),
            ("db/two/b.py", "revision = 'b'\ndown_revision = 'a1'\n"),
        ],
        "",
        "db",
        &["db/one", "db/two"],
    ),
    (
        &[
            (
                "alembic.ini",
                "[DEFAULT]\nroot = db\n[alembic]\nscript_location = %(root)s\npath_separator = os\n\
               version_locations = %(here)s/db/one:%(root)s/two\n",
            ),
            ("db/env.py", ENV),
            ("db/one/a.py", FIRST),
            ("db/two/x", ""),
        ],
        "db",
        "db",
        &["db/one", "db/two"],
    ),
    (
        &[
            (
                "alembic.ini",
                "[alembic]\nscript_location = db\npath_separator = newline\nversion_locations =\n  db/one two\n  db/two\n",
            ),
            ("db/env.py", ENV),
            ("db/one two/a.py", FIRST),
            ("db/two/x", ""),
        ],
        "",
        "db",
        &["db/one two", "db/two"],
    ),
    (
        &[
            (
                "pyproject.toml",
                "[tool.alembic]\nscript_location = \"db\"\nversion_locations = [\"%(here)s/db/one\"]\n\
               recursive_version_locations = true\n",
            ),
            ("alembic.ini", "[alembic]\n"),
            ("db/env.py", ENV),
            ("db/one/deep/a.py", FIRST),
        ],
        "",
        "db",
        &["db/one"],
    ),
];

#[test]
fn projects_are_found_where_they_are() {
    for (files, ask, script, versions) in PROJECTS {
        let root = project(files);
        if versions.is_empty() {
            write(root.path(), &format!("{script}/versions/a.py"), FIRST);
        }
        let real = |path: &Path| path.canonicalize().unwrap();
        let layout = find(&root.path().join(ask)).unwrap_or_else(|failure| panic!("{files:?}: {failure}"));
        assert_eq!(real(&layout.script_location), real(&root.path().join(script)), "{files:?}");
        let expected: Vec<_> = versions.iter().map(|name| real(&root.path().join(name))).collect();
        let found: Vec<_> = layout.versions.iter().map(|path| real(path)).collect();
        if !versions.is_empty() {
            assert_eq!(found, expected, "{files:?}");
        }
        assert_eq!(layout.transaction_per_migration, Setting::Said(true));
        assert_eq!(
            layout.version_table.known("alembic_version".to_owned()).as_deref(),
            Some("alembic_version")
        );
        assert!(!layout.why.is_empty());
        assert!(Graph::of(&layout).unwrap().get("a1").is_ok(), "{files:?}");
    }
}

#[test]
fn flask_migrate_is_known_by_its_env_or_its_ini() {
    let env = "from flask import current_app\ndb = current_app.extensions['migrate'].db\n\
               conf_args = current_app.extensions['migrate'].configure_args\n\
               def run_migrations_online():\n    context.configure(connection=c, **conf_args)\n";
    let ini = "[alembic]\n[loggers]\nkeys = root,alembic,flask_migrate\n";
    for (env, ini, flask) in [(env, "[alembic]\n", true), (ENV, ini, true), (ENV, "[alembic]\n", false)] {
        let root = project(&[
            ("migrations/env.py", env),
            ("migrations/alembic.ini", ini),
            ("migrations/versions/a.py", FIRST),
        ]);
        let layout = find(root.path()).unwrap();
        assert_eq!(layout.flask_migrate, flask);
        assert!(layout.config.is_some());
    }
}

#[test]
fn what_is_missing_is_named() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "holds no Alembic migrations"),
        (&[("alembic.ini", "[alembic]\nscript_location = gone\n")], "\"gone\""),
        (&[("alembic.ini", "[alembic]\nscript_location = db\n"), ("db/x", "")], "no env.py"),
        (&[("alembic.ini", "[alembic]\nscript_location = db\n"), ("db/env.py", "")], "`versions`"),
        (&[("a/env.py", ""), ("a/versions/x", ""), ("b/env.py", ""), ("b/script.py.mako", "")], "several"),
    ];
    for (files, part) in cases {
        let failure = find(project(files).path()).unwrap_err();
        assert_eq!(failure.code, code::MIGRATIONS_NOT_FOUND);
        assert!(failure.message.contains(part), "{}", failure.message);
        assert!(!failure.hints.is_empty());
    }
    let broken: &[&[(&str, &str)]] = &[
        &[("pyproject.toml", "[tool.alembic\n")],
        &[("alembic.ini", "[alembic]\nscript_location = %(nowhere)s\n")],
        &[("alembic.ini", "[alembic]\nscript_location = %(a)s\na = %(b)s\nb = %(a)s\n")],
        &[("alembic.ini", "[alembic]\nscript_location = 5%\n")],
        &[
            ("alembic.ini", "[alembic]\nscript_location = db\nversion_locations = x\npath_separator = tab\n"),
            ("db/env.py", ""),
        ],
        &[("env.py", "x = '\n")],
    ];
    for files in broken {
        assert_eq!(find(project(files).path()).unwrap_err().code, code::MIGRATION_UNREADABLE, "{files:?}");
    }
    assert_eq!(find(Path::new("/nonexistent")).unwrap_err().code, code::MIGRATIONS_NOT_FOUND);
}
