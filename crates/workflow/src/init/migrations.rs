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
    /// Scripts in plain SQL; else Alembic.
    plain_sql: bool,
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
    let layout = match layout(tree) {
        Ok(layout) => layout,
        Err(failure) => return plain_sql(tree).ok_or(failure),
    };
    let flask = layout.flask_migrate;
    let variables = python::database_variables(tree);
    let envs = envs(tree);
    let in_envs = envs.iter().flat_map(|(_, names)| names).find(|name| python::names_database(name)).cloned();
    let variable = variables.first().map(|found| found.name.clone()).or(in_envs);
    let named = envs.iter().find(|(file, _)| file == ".flaskenv").map(|(_, names)| names.clone());
    Ok(Migrations {
        plain_sql: false,
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

/// Scripts called `0001_name.up.sql`, where no file says that they are another tool's.
fn plain_sql(tree: &Tree) -> Option<Migrations> {
    if other_tools::recognise(tree).is_none_or(|(tool, _)| tool != other_tools::UP_AND_DOWN) {
        return None;
    }
    let is_script = |file: &&PathBuf| {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.ends_with(".up.sql") && name.starts_with(|c: char| c.is_ascii_digit())
    };
    let scripts: Vec<&PathBuf> = tree.files.iter().filter(is_script).collect();
    let first = scripts.first()?;
    let folder = first.parent().filter(|folder| scripts.iter().all(|file| file.parent() == Some(folder)))?;
    let variable = python::database_variables(tree).into_iter().next();
    let working_directory =
        super::code::repository(tree).filter(|top| *top != tree.root).map(|_| ".".to_owned());
    Some(Migrations {
        plain_sql: true,
        directory: if folder.as_os_str().is_empty() { ".".into() } else { folder.display().to_string() },
        command: Vec::new(),
        working_directory,
        flask_app: None,
        flaskenv: Vec::new(),
        flask: false,
        read_at: variable.as_ref().map(python::Found::place),
        variable: variable.map_or_else(|| "DATABASE_URL".into(), |found| found.name),
        envs: envs(tree),
        why: vec![
            format!("{} is a script in plain SQL, which Switchback runs itself", first.display()),
            "Where another tool has applied some already, say so once: switchback stamp VERSION".to_owned(),
        ],
    })
}

impl Migrations {
    pub(super) fn write(&self, text: &mut Text) {
        text.section("migrations");
        for why in &self.why {
            text.because(why);
        }
        text.key("tool", if self.plain_sql { "sql" } else { "alembic" });
        text.key("directory", literal(&self.directory));
        if !self.plain_sql {
            self.write_command(text);
        } else if let Some(folder) = &self.working_directory {
            text.key("working_directory", literal(folder));
        }
        text.off("timeout = \"1h\"");
        text.off("lock_timeout = \"5s\"");
    }

    fn write_command(&self, text: &mut Text) {
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
        .hint("supported now: Alembic, by itself or through Flask-Migrate, and plain SQL: 0001_name.up.sql, 0001_name.down.sql")
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
