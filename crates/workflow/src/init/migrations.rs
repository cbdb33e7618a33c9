//! `[migrations]`: where they are and how they are called.

use std::path::{Path, PathBuf};

use switchback_model::{Failure, Result, code};

use super::text::{Text, literal};
use super::tree::Tree;
use super::{other_tools, python};
use crate::formats::alembic::{self, Layout};

/// What the files say about the migrations.
#[derive(Debug)]
pub(super) struct Migrations {
    directory: String,
    command: Vec<String>,
    /// Set where the command does not run in the folder of the configuration.
    working_directory: Option<String>,
    flask_app: Option<python::Found>,
    /// Names in `.flaskenv`, which Flask reads by itself.
    flaskenv: Vec<String>,
    flask: bool,
    /// The variable that holds the database's URL.
    pub(super) variable: String,
    read_at: Option<String>,
    envs: Vec<(String, Vec<String>)>,
    why: Vec<String>,
}

/// Finds the project's migrations.
pub(super) fn find(tree: &Tree) -> Result<Migrations> {
    let layout = layout(tree)?;
    let flask = layout.flask_migrate;
    let variables = python::database_variables(tree);
    let envs = envs(tree);
    let in_envs = envs.iter().flat_map(|(_, names)| names).find(|name| python::names_database(name)).cloned();
    let variable = variables.first().map(|found| found.name.clone()).or(in_envs);
    let named = envs.iter().find(|(file, _)| file == ".flaskenv").map(|(_, names)| names.clone());
    Ok(Migrations {
        directory: relative(&layout.script_location, tree),
        command: command(tree, flask),
        working_directory: working_directory(&layout, tree),
        flask_app: if flask { python::flask_app(tree) } else { None },
        flaskenv: named.unwrap_or_default(),
        flask,
        read_at: variables.first().map(python::Found::place),
        variable: variable.unwrap_or_else(|| "DATABASE_URL".into()),
        envs,
        why: layout.why.iter().map(|why| why.replace(&format!("{}/", tree.root.display()), "")).collect(),
    })
}

impl Migrations {
    pub(super) fn write(&self, text: &mut Text) {
        text.section("migrations");
        for why in &self.why {
            text.because(why);
        }
        text.key("tool", "alembic");
        text.key("directory", literal(&self.directory));
        let how = if self.flask {
            "Flask-Migrate is called as `flask db`"
        } else {
            "Alembic is called as `alembic`"
        };
        let place = if self.command[0].contains('/') {
            "from the virtual environment here"
        } else {
            "found in PATH; name the virtual environment's program, if it has one"
        };
        text.say(&format!("{how}, {place}"));
        text.key("command", self.command.clone());
        if let Some(folder) = &self.working_directory {
            text.say("The folder that it is called in");
            text.key("working_directory", literal(folder));
        }
        self.write_env(text);
        self.write_variable(text);
        text.off("timeout = \"1h\"");
        text.off("lock_timeout = \"5s\"");
    }

    fn write_env(&self, text: &mut Text) {
        if !self.flask {
            return;
        }
        if self.flaskenv.iter().any(|name| name == "FLASK_APP") {
            text.because(
                "FLASK_APP stands in .flaskenv, which Flask reads by itself where python-dotenv is installed",
            );
            return;
        }
        match &self.flask_app {
            Some(found) => {
                text.because(&format!(
                    "{} makes the application, so FLASK_APP is {}",
                    found.place(),
                    found.name
                ));
                text.table("env", &[("FLASK_APP", found.name.as_str())]);
            }
            None => text
                .say("Flask finds app.py or wsgi.py by itself; otherwise: env = { FLASK_APP = \"package\" }"),
        }
    }

    fn write_variable(&self, text: &mut Text) {
        match &self.read_at {
            Some(place) => text.because(&format!("{place} reads {}", self.variable)),
            None => text.because(&format!(
                "No source here reads a database URL from the environment, so {} is a guess: the migrator must take it \
                 from a variable, for behind the fence the database has another name",
                self.variable
            )),
        }
        text.key("database_url_variable", self.variable.clone());
        for (file, names) in &self.envs {
            text.tell(&format!(
                "{file} sets {} (only names were read); Switchback does not read the file: set -a; . ./{file}; set +a",
                names.join(", ")
            ));
        }
    }
}

/// The Alembic project of the folder, or the only one below it.
fn layout(tree: &Tree) -> Result<Layout> {
    let failure = match alembic::find(&tree.root) {
        Ok(layout) => return Ok(layout),
        Err(failure) if failure.code == code::MIGRATIONS_NOT_FOUND => failure,
        Err(failure) => return Err(failure),
    };
    let is_env = |file: &&PathBuf| {
        file.file_name().is_some_and(|name| name == "env.py")
            && tree.text(file).is_some_and(|text| text.contains("alembic"))
    };
    let folders: Vec<&Path> = tree.files.iter().filter(is_env).filter_map(|file| file.parent()).collect();
    match folders.as_slice() {
        [only] => alembic::find(&tree.root.join(only)),
        [] => Err(not_alembic(tree, failure)),
        _ => Err(failure),
    }
}

fn not_alembic(tree: &Tree, failure: Failure) -> Failure {
    let Some((tool, file)) = other_tools::recognise(tree) else {
        return failure.hint("call init in the folder of the application: switchback init");
    };
    let message =
        format!("these migrations are those of {tool} ({}), which is not supported yet", file.display());
    Failure::new(code::MIGRATIONS_NOT_FOUND, message)
        .changed("nothing was written")
        .hint("supported now: Alembic, by itself or through Flask-Migrate")
}

fn command(tree: &Tree, flask: bool) -> Vec<String> {
    let program = if flask { "flask" } else { "alembic" };
    let mut command = vec![tree.in_venv(program).unwrap_or_else(|| program.to_owned())];
    if flask {
        command.push("db".into());
    }
    command
}

/// Alembic looks for its file in the folder that it is called in; and inside a larger repository
/// the default would be the repository's top.
fn working_directory(layout: &Layout, tree: &Tree) -> Option<String> {
    let config = layout.config.as_deref().and_then(Path::parent).filter(|_| !layout.flask_migrate);
    let folder = config.map_or_else(|| ".".to_owned(), |folder| relative(folder, tree));
    let top = super::code::repository(tree).unwrap_or_else(|| tree.root.clone());
    (folder != "." || top != tree.root).then_some(folder)
}

/// As it is written in the configuration: from its folder on.
fn relative(path: &Path, tree: &Tree) -> String {
    match path.strip_prefix(&tree.root) {
        Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

/// `.env` and `.flaskenv`: the names in them.
fn envs(tree: &Tree) -> Vec<(String, Vec<String>)> {
    let files = [".flaskenv", ".env"].iter().filter(|file| tree.has(file));
    let named = |file: &&str| Some(((**file).to_owned(), names(&tree.text(Path::new(file))?)));
    files.filter_map(named).filter(|(_, names)| !names.is_empty()).collect()
}

fn names(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let (name, _) = line.trim().trim_start_matches("export ").split_once('=')?;
        let name = name.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}
