//! `init` on the example application and on small made-up projects.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and that is all")]

use std::path::Path;

use switchback_model::config::{Manager, Tool};
use switchback_model::{Config, code};
use switchback_workflow::init::{Proposal, propose_in, write};
use tempfile::TempDir;

const ENV_PY: &str = "from alembic import context\ncontext.configure(connection=connection)\n";
const FLASK_ENV_PY: &str = "from flask import current_app\nfrom alembic import context\n\
    db = current_app.extensions['migrate'].db\ncontext.configure(connection=connection)\n";

fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// A Flask-Migrate project, and more files.
fn flask(more: &[(&str, &str)]) -> TempDir {
    let mut files = vec![("migrations/env.py", FLASK_ENV_PY), ("migrations/versions/.keep", "")];
    files.extend(more);
    project(&files)
}

/// No unit of the machine that runs the tests is looked at.
fn proposed(folder: &Path) -> Proposal {
    propose_in(folder, &folder.join("no-system")).unwrap()
}

fn config(folder: &Path, proposal: &Proposal) -> Config {
    let url = |name: &str| name.contains("UR").then(|| "postgresql://ada@db/ada".to_owned());
    Config::parse(&proposal.toml, &folder.join("switchback.toml"), None, &url)
        .unwrap_or_else(|failure| panic!("{failure:?}\n{}", proposal.toml))
}

/// The proposal with every example switched on.
fn switched_on(toml: &str) -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') => key.to_owned(),
        _ => line.to_owned(),
    };
    toml.lines().map(on).collect::<Vec<_>>().join("\n")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn ada() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ada/releases/v1"), folder.path());
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    folder
}

#[test]
fn the_example_application_is_understood() {
    let folder = ada();
    let proposal = proposed(folder.path());
    insta::assert_snapshot!(proposal.toml, @r##"
    # Switchback's configuration, proposed by `switchback init` from what the files here say
    # Look at every line; what is commented out is not known or not used. Then: switchback doctor

    [migrations]
    # migrations has env.py
    # migrations/env.py or its alembic.ini belongs to Flask-Migrate
    # migrations/env.py sets transaction_per_migration = true
    # migrations/env.py:104 takes more settings from the application; defaults are assumed for them
    tool = "alembic"
    directory = "migrations"
    # Flask-Migrate is called as `flask db`, found in PATH; name the virtual environment's program, if it has one
    command = ["flask", "db"]
    # app/__init__.py:10 makes the application, so FLASK_APP is app
    env = { FLASK_APP = "app" }
    # app/config.py:17 reads DATABASE_URL
    database_url_variable = "DATABASE_URL"
    #timeout = "1h"
    #lock_timeout = "5s"

    [environments.production]
    # As the application and its migrator use it; the value stays in the environment
    database_url = "${DATABASE_URL}"
    # A role that may copy and rename the database; default: the one above, in database postgres
    #maintenance_url = "${ADMIN_URL}"
    # A server for scratch databases; default: a private cluster of the same major version
    #scratch_url = "${SCRATCH_URL}"
    # closed: others find no database. read-only: they may read, and a session can override it
    #fence = "closed"
    # auto: clone, or down where the role may not copy databases. dump: slower, needs no such right. down: the downgrade is the only way back
    #restore_point = "auto"
    # What must be on record before a run: review, rehearsal, staging, approval
    #requires = ["staging", "approval"]
    #window = { days = "Sun", from = "02:00", to = "04:00", time_zone = "Europe/Berlin" }

    [environments.production.service]
    # app/serve.py:40 serves the application; Switchback's own supervisor runs that command
    manager = "process"
    command = ["python", "-m", "app.serve"]
    #grace = "30s"

    #[environments.production.maintenance]
    # app/config.py:22 reads ADA_MAINTENANCE_FLAG: if that names a flag file, name the same file here
    #flag = "/srv/application/maintenance.flag"
    #closed_when = { url = "http://127.0.0.1/", status = 503 }

    [environments.production.code]
    # This folder is a git checkout: a run switches it to the release, and back
    # Better not in git: a release that has not this very file is refused, for the switch would take it along
    repository = "."
    # What a release needs before it can run, by requirements.txt; done before anything stops
    #prepare = ["pip", "install", "-r", "requirements.txt"]

    #[environments.production.backup]
    # Better a disk of its own, and not the one of the database
    #directory = "/var/backups/application"
    #jobs = 2
    #keep = 7

    [environments.production.health]
    # app/api.py:10 answers /api/health; port 5000: app/serve.py has it as default
    url = "http://127.0.0.1:5000/api/health"
    #within = "60s"
    #stable_for = "20s"

    [environments.production.logs]
    # app/serve.py:28 names it; where ADA_LOG_FILE is set, name that file here
    file = "ada.log"
    #fail_on = ["Traceback", "ERROR"]
    #watch = "30s"

    #[environments.staging]
    #database_url = "${STAGING_URL}"
    #tests = [["pytest", "-q"]]

    # Critical functions, tried before users come back; exit status 0: it works
    #[[smoke]]
    #name = "log in"
    #command = ["python", "smoke/login.py"]

    # What must be true of the data after the migrations
    #[[validations]]
    #name = "users are still there"
    #table = "users"
    #rows = "unchanged"
    "##);
    let config = config(folder.path(), &proposal);
    assert_eq!(config.migrations.command, ["flask", "db"]);
    assert_eq!(config.migrations.env["FLASK_APP"], "app");
    assert_eq!(config.migrations.directory, folder.path().join("migrations"));
    assert_eq!(config.working_directory(), folder.path().join("."));
    assert_eq!(config.environment.health.unwrap().url, "http://127.0.0.1:5000/api/health");
    assert_eq!(config.environment.service.unwrap().command, ["python", "-m", "app.serve"]);
}

#[test]
fn every_example_is_a_key_that_is_known() {
    let units = ("deploy/shop.service", "[Service]\nExecStart=/srv/shop/venv/bin/gunicorn wsgi:app\n");
    for folder in [ada(), flask(&[]), flask(&[units]), flask(&[("requirements.txt", "flask\n")])] {
        let on = switched_on(&proposed(folder.path()).toml);
        let parse = |name| {
            Config::parse(&on, Path::new("/srv/switchback.toml"), Some(name), &|_| {
                Some("postgresql:///x".into())
            })
        };
        for name in ["production", "staging"] {
            parse(name).unwrap_or_else(|failure| panic!("{failure:?}\n{on}"));
        }
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = flask(&[]);
    let proposal = proposed(folder.path());
    let path = write(folder.path(), &proposal).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), proposal.toml);
    std::fs::write(&path, "mine").unwrap();
    let failure = write(folder.path(), &proposal).unwrap_err();
    assert_eq!(failure.code, code::CONFIG_EXISTS);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn bare_alembic_is_called_where_its_file_is() {
    let ini = "[alembic]\nscript_location = %(here)s/db\n";
    let folder = project(&[
        ("backend/alembic.ini", ini),
        ("backend/db/env.py", ENV_PY),
        ("backend/db/versions/.keep", ""),
    ]);
    let config = config(folder.path(), &proposed(folder.path()));
    assert_eq!(config.migrations.command, ["alembic"]);
    assert_eq!(config.migrations.directory, folder.path().join("backend/db"));
    assert_eq!(config.working_directory(), folder.path().join("backend"));
}

#[test]
fn a_procfile_names_the_command_and_its_port() {
    let folder = flask(&[
        ("Procfile", "release: flask db upgrade\nweb: gunicorn --bind 0.0.0.0:9000 wsgi:app\n"),
        ("wsgi.py", "from shop import make\napp = make()\n@app.route('/healthz')\ndef ok(): return 'ok'\n"),
    ]);
    let config = config(folder.path(), &proposed(folder.path()));
    let service = config.environment.service.unwrap();
    assert_eq!(
        (service.manager, service.command),
        (Manager::Process, ["gunicorn", "--bind", "0.0.0.0:9000", "wsgi:app"].map(String::from).to_vec())
    );
    assert_eq!(config.environment.health.unwrap().url, "http://127.0.0.1:9000/healthz");
    assert!(config.migrations.env.is_empty());
}

#[test]
fn workers_sockets_and_timers_of_the_system_belong_to_the_service() {
    let folder = flask(&[]);
    let here = folder.path().canonicalize().unwrap();
    let unit = format!(
        "[Service]\nWorkingDirectory={}\nExecStart=/opt/venv/bin/gunicorn wsgi:app\n",
        here.display()
    );
    let system = project(&[
        ("etc/systemd/system/shop.service", &unit),
        ("etc/systemd/system/shop.socket", "[Socket]\nListenStream=8000\n"),
        ("etc/systemd/system/shop-worker@.service", &unit),
        ("etc/systemd/system/multi-user.target.wants/shop-worker@1.service", &unit),
        ("etc/systemd/system/multi-user.target.wants/shop-worker@2.service", &unit),
        ("etc/systemd/system/shop-job.service", &unit),
        ("etc/systemd/system/shop-job.timer", "[Timer]\nOnCalendar=daily\n"),
        ("etc/systemd/system/other.timer", "[Timer]\nOnCalendar=daily\n"),
    ]);
    let proposal = propose_in(folder.path(), system.path()).unwrap();
    let config = config(folder.path(), &proposal);
    let mut units = config.environment.service.unwrap().units;
    units.sort();
    assert_eq!(
        units,
        [
            "shop-job.service",
            "shop-job.timer",
            "shop-worker@1.service",
            "shop-worker@2.service",
            "shop.service",
            "shop.socket"
        ]
    );
    assert_eq!(config.environment.logs.unwrap().journal.unwrap(), "shop.service");
}

#[test]
fn a_unit_of_the_system_that_names_the_folder_is_the_service() {
    let folder = flask(&[]);
    let here = folder.path().canonicalize().unwrap();
    let unit = |folder: &str| {
        format!(
            "[Service]\nWorkingDirectory={folder}\nExecStart=/opt/venv/bin/gunicorn -b :8001 wsgi:app\nStandardOutput=append:/var/log/shop.log\n"
        )
    };
    let (mine, other) = (unit(&here.display().to_string()), unit(&format!("{}-other", here.display())));
    let system =
        project(&[("etc/systemd/system/shop.service", &mine), ("etc/systemd/system/other.service", &other)]);
    let proposal = propose_in(folder.path(), system.path()).unwrap();
    let config = config(folder.path(), &proposal);
    let service = config.environment.service.unwrap();
    assert_eq!((service.manager, service.units), (Manager::Systemd, vec!["shop.service".to_owned()]));
    assert_eq!(config.environment.logs.unwrap().file.unwrap(), Path::new("/var/log/shop.log"));
    assert!(
        proposal
            .why
            .iter()
            .any(|why| why.contains("/etc/systemd/system/shop.service") && !why.contains("other.service")),
        "{:#?}",
        proposal.why
    );
    // Its command still says where the application listens.
    assert!(proposal.toml.contains(":8001"), "{}", proposal.toml);
}

#[test]
fn of_files_with_secrets_only_the_names_are_read() {
    let folder = flask(&[
        (".env", "export SHOP_DATABASE_URL=postgresql://u:hush@h/d\nSECRET_KEY=hush\n"),
        (".flaskenv", "FLASK_APP=hush\n"),
    ]);
    let proposal = proposed(folder.path());
    assert!(!format!("{proposal:?}").contains("hush"));
    assert_eq!(config(folder.path(), &proposal).migrations.database_url_variable, "SHOP_DATABASE_URL");
    assert!(proposal.toml.contains("FLASK_APP stands in .flaskenv"));
}

#[test]
fn the_variable_that_the_code_reads_is_taken() {
    let code = "import os\nTEST = os.environ.get('TEST_DATABASE_URL')\nX = os.environ['SECRET_KEY']\n# os.environ['OLD_DATABASE_URL']\nURI = os.getenv(\"SQLALCHEMY_DATABASE_URI\")\n";
    let folder = flask(&[("shop/config.py", code)]);
    let proposal = proposed(folder.path());
    assert!(
        proposal.why.contains(&"shop/config.py:5 reads SQLALCHEMY_DATABASE_URI".to_owned()),
        "{:#?}",
        proposal.why
    );
    assert!(proposal.toml.contains("database_url = \"${SQLALCHEMY_DATABASE_URI}\""));
}

#[test]
fn a_folder_inside_a_checkout_switches_all_of_it() {
    let whole = project(&[
        (".git/HEAD", ""),
        ("services/shop/migrations/env.py", FLASK_ENV_PY),
        ("services/shop/migrations/versions/.keep", ""),
    ]);
    let folder = whole.path().join("services/shop");
    let config = config(&folder, &proposed(&folder));
    assert_eq!(config.environment.code.as_ref().unwrap().repository, folder.join("../.."));
    assert_eq!(config.working_directory(), folder.join("."));
}

#[test]
fn a_prefix_that_is_given_at_the_registration_counts() {
    let folder = flask(&[
        (
            "shop/__init__.py",
            "def create_app():\n    app.register_blueprint(\n        probes.blueprint,\n        url_prefix='/internal',\n    )\n",
        ),
        (
            "shop/probes.py",
            "blueprint = Blueprint('probes', __name__)\n@blueprint.route(\"/health\")\ndef h(): pass\n",
        ),
        ("tests/test_shop.py", "client.get('/ping')\n"),
    ]);
    let config = config(folder.path(), &proposed(folder.path()));
    assert_eq!(config.environment.health.unwrap().url, "http://127.0.0.1:5000/internal/health");
    assert_eq!(config.migrations.env["FLASK_APP"], "shop");
}

#[test]
fn strange_names_stay_names() {
    let route = "app.get(\"/x\\\"\\u0007/health\")\n";
    let folder = flask(&[("${HOME}\"\n[x].log", ""), ("shop/__init__.py", route)]);
    let config = config(folder.path(), &proposed(folder.path()));
    assert!(config.environment.logs.unwrap().file.unwrap().ends_with("${HOME}\"\n[x].log"));
}

#[test]
fn other_tools_are_named() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("diesel", &[("diesel.toml", ""), ("migrations/2024_a/up.sql", "")]),
        ("sqlx", &[("Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n"), ("migrations/1_a.sql", "")]),
        ("goose", &[("db/1_a.sql", "-- +goose Up\n")]),
        ("dbmate", &[("db/migrations/1_a.sql", "-- migrate:up\n")]),
        ("golang-migrate", &[("migrations/first.up.sql", ""), ("migrations/first.down.sql", "")]),
        ("Flyway", &[("sql/V1__a.sql", "")]),
        ("Django", &[("manage.py", "import django\n")]),
        ("Prisma", &[("prisma/schema.prisma", "")]),
        ("sqitch", &[("sqitch.plan", "")]),
        ("plain SQL", &[("migrations/001.sql", "select 1")]),
    ];
    for (tool, files) in cases {
        let folder = project(files);
        let failure = propose_in(folder.path(), Path::new("/nowhere")).unwrap_err();
        assert_eq!(failure.code, code::MIGRATIONS_NOT_FOUND);
        assert!(
            failure.message.contains(tool) && failure.message.contains("not supported yet"),
            "{tool}: {}",
            failure.message
        );
    }
}

#[test]
fn an_empty_folder_is_no_project() {
    let failure = propose_in(project(&[]).path(), Path::new("/nowhere")).unwrap_err();
    assert_eq!(failure.code, code::MIGRATIONS_NOT_FOUND);
    assert!(!failure.hints.is_empty());
}

#[test]
fn scripts_in_plain_sql_are_known() {
    let folder = project(&[("db/0001_users.up.sql", "select 1"), ("db/0001_users.down.sql", "select 1")]);
    let proposal = proposed(folder.path());
    let config = config(folder.path(), &proposal);
    assert_eq!(config.migrations.tool, Tool::Sql);
    assert_eq!(config.migrations.directory, folder.path().join("db"));
    assert!(
        proposal.toml.contains("tool = \"sql\"\n") && !proposal.toml.contains("command = [\"flask"),
        "{}",
        proposal.toml
    );
    assert!(proposal.why.iter().any(|why| why.contains("db/0001_users.up.sql is a script in plain SQL")));
}
