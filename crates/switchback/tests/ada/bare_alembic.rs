//! Alembic without Flask, without a repository, without an application.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use switchback_testkit::{Ran, TestDatabase, cluster};
use tempfile::TempDir;

use crate::shop::{PROGRAM, ran, venv};

const ENV: &str = r#"import os

from alembic import context
from sqlalchemy import create_engine

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
with create_engine(url).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"#;

struct Project {
    folder: TempDir,
    database: TestDatabase,
}

impl Project {
    async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sb-alembic-").tempdir().unwrap();
        let project = Self { folder, database: cluster().await.database("bare").await };
        project.write("migrations/env.py", ENV);
        project.write("migrations/alembic.ini", "[alembic]\nscript_location = %(here)s\n");
        project.write("migrations/script.py.mako", "");
        project.write("switchback.toml", &configuration());
        project.revision(
            "r1",
            None,
            "create table notes (id bigserial primary key, body text)",
            "drop table notes",
        );
        project.revision(
            "r2",
            Some("r1"),
            "insert into notes (body) values ('one'), ('two')",
            "delete from notes",
        );
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn revision(&self, id: &str, below: Option<&str>, up: &str, down: &str) {
        let below = below.map_or("None".to_owned(), |below| format!("{below:?}"));
        let text = format!(
            "\"\"\"{id} of the test\"\"\"\nfrom alembic import op\n\nrevision = {id:?}\ndown_revision = {below}\n\n\n\
             def upgrade():\n    op.execute({up:?})\n\n\ndef downgrade():\n    op.execute({down:?})\n"
        );
        self.write(&format!("migrations/versions/{id}.py"), &text);
    }

    fn expect(&self, words: &[&str], status: i32) -> Ran {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path()).arg("--yes").args(words);
        command.env("DATABASE_URL", self.database.url().expose()).env_remove("SWITCHBACK_FAULT");
        let ran = ran(&command.output().unwrap());
        assert_eq!(ran.status, Some(status), "{words:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    fn document(&self, words: &[&str], status: i32) -> Value {
        let ran = self.expect(&[words, &["--format", "json"]].concat(), status);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    async fn notes(&self) -> String {
        self.database.text("select count(*)::text from public.notes").await
    }
}

fn configuration() -> String {
    let alembic: &Path = &venv("alembic");
    format!(
        "[migrations]\ntool = \"alembic\"\ncommand = [{:?}, \"-c\", \"migrations/alembic.ini\"]\n\n\
         [environments.production]\ndatabase_url = \"${{DATABASE_URL}}\"\n\
         scratch_url = \"${{DATABASE_URL}}\"\n\n[environments.production.backup]\ndirectory = \"backups\"\n",
        alembic.display().to_string()
    )
}

fn revisions(moved: &Value) -> Vec<&str> {
    moved.as_array().unwrap().iter().map(|moved| moved["revision"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn bare_alembic_goes_up_and_down_and_is_deployed() {
    let project = Project::new().await;
    let up = project.document(&["up"], 0);
    assert_eq!(revisions(&up["applied"]), ["r1", "r2"]);
    assert_eq!(project.notes().await, "2");
    let down = project.document(&["down", "--steps", "1"], 0);
    assert_eq!((revisions(&down["reverted"]), &down["current"]), (vec!["r2"], &serde_json::json!(["r1"])));
    assert_eq!(project.notes().await, "0");
    let status = project.document(&["status"], 0);
    assert_eq!(revisions(&status["pending"]), ["r2"]);
    project.revision("r3", Some("r2"), "alter table notes add title text", "alter table notes drop title");
    project.expect(&["deploy"], 0);
    assert_eq!(project.notes().await, "2");
    assert_eq!(project.document(&["status"], 0)["current"], serde_json::json!(["r3"]));
    // A migration that fails half-way through the deploy leaves nothing behind, the good one before it neither.
    project.revision(
        "r4",
        Some("r3"),
        "insert into notes (body) values ('four')",
        "delete from notes where body = 'four'",
    );
    project.revision("r5", Some("r4"), "select 1 / 0", "select 1");
    let failed = project.expect(&["deploy"], 4);
    assert!(failed.stderr.contains("division by zero"), "{}", failed.stderr);
    assert_eq!(project.document(&["status"], 0)["current"], serde_json::json!(["r3"]));
    assert_eq!(project.notes().await, "2");
}

#[tokio::test]
async fn new_lets_alembic_make_the_revision() {
    let project = Project::new().await;
    let template = "\"\"\"${message}\"\"\"\nrevision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n\n\n\
                    def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n";
    project.write("migrations/script.py.mako", template);
    let made = project.expect(&["new", "add more notes"], 0).stdout;
    assert!(made.starts_with("migrations/versions/") && made.ends_with("_add_more_notes.py\n"), "{made}");
    let status = project.document(&["status"], 0);
    assert_eq!(status["pending"][2]["name"], "add more notes");
}
