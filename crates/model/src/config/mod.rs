//! `switchback.toml`, strictly read.
//!
//! Reading has two stages. First the whole text is checked against the types, so that an unknown
//! key or a wrong value is reported with its line. Then `${NAME}` is replaced, in the shared
//! parts and the chosen environment only (a variable that only production needs must not be set to
//! work on staging), and the values become a [`Config`].
//!
//! The text before that replacement is kept as the *snapshot*: a plan carries it, so that a run
//! goes on with the settings it was planned with and no secret is ever written down.

mod interpolate;
mod keys;
mod review;
mod sense;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::code;
use crate::failure::{Failure, Result};
use crate::url::DatabaseUrl;
pub use keys::*;
pub use review::{Allow, FailOn, Review, RuleLevel};

/// The name of the file that is looked for.
pub const FILE_NAME: &str = "switchback.toml";

/// The keys of an environment that hold a secret; a snapshot never has them.
const SECRET_KEYS: &[&str] = &["database_url", "maintenance_url", "migration_url", "scratch_url"];

/// Asks for an environment variable.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The whole configuration, for one environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file itself, as it was found or named.
    pub file: PathBuf,
    /// The folder of the file; relative paths start here.
    pub root: PathBuf,
    /// Where runs and their journals are kept.
    pub state: PathBuf,
    /// How the application is migrated.
    pub migrations: Migrations,
    /// The name of the environment.
    pub environment_name: String,
    /// The environment.
    pub environment: Environment,
    /// Critical functions, tried before the page opens.
    pub smoke: Vec<Smoke>,
    /// The user's own checks.
    pub validations: Vec<Validation>,
    /// What is said of the scripts' review; with the environment's levels of rules.
    pub review: Review,
    /// The application's and its migrator's database.
    pub database_url: DatabaseUrl,
    /// Where copies and renames are done from.
    pub maintenance_url: DatabaseUrl,
    /// As the migrator reaches the server, where that is another way than the application's.
    pub migration_url: Option<DatabaseUrl>,
    /// A server for scratch databases; a private cluster where there is none.
    pub scratch_url: Option<DatabaseUrl>,
    /// What a plan carries of all this: no secret in it.
    pub snapshot: Value,
}

impl Config {
    /// Reads the text of the configuration file at `path`.
    ///
    /// `environment` is the name asked for; without one, the only environment is taken.
    ///
    /// # Errors
    /// [`code::CONFIG_UNKNOWN_KEY`] with line and nearest key, [`code::CONFIG_INVALID`] with the
    /// line, [`code::VARIABLE_UNSET`], [`code::ENVIRONMENT_UNKNOWN`], [`code::URL_INVALID`].
    pub fn parse(
        text: &str,
        path: &Path,
        environment: Option<&str>,
        variables: Variables<'_>,
    ) -> Result<Self> {
        let raw: Raw = toml::from_str(text).map_err(|error| invalid(&error, text, path))?;
        let name = choose(&raw, environment, path)?;
        smoke_somewhere(&raw, path)?;
        let table: Value = toml::from_str(text).map_err(|error| invalid(&error, text, path))?;
        let root = path.parent().unwrap_or(Path::new(".")).to_owned();
        Self::build(table, &name, root, variables, path)
    }

    /// The configuration that a plan was made with; the secrets (URLs, and the values of every `env`)
    /// come from `now`.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn from_snapshot(snapshot: &Value, now: &Self, variables: Variables<'_>) -> Result<Self> {
        let mut table = snapshot.clone();
        let root = PathBuf::from(table["root"].as_str().unwrap_or_default());
        let name = table["environment_name"].as_str().unwrap_or_default().to_owned();
        if let Some(object) = table.as_object_mut() {
            object.retain(|key, _| key != "root" && key != "environment_name");
        }
        // Any valid URL will do here: the real ones are put in below.
        table["environments"][&name]["database_url"] = "postgresql:///placeholder".into();
        let mut config = Self::build(table, &name, root, variables, Path::new("the plan"))?;
        config.file.clone_from(&now.file);
        config.database_url = now.database_url.clone();
        config.maintenance_url = now.maintenance_url.clone();
        config.migration_url.clone_from(&now.migration_url);
        config.scratch_url.clone_from(&now.scratch_url);
        config.migrations.env.clone_from(&now.migrations.env);
        if let (Some(service), Some(now)) = (&mut config.environment.service, &now.environment.service) {
            service.env.clone_from(&now.env);
        }
        Ok(config)
    }

    fn build(
        mut table: Value,
        name: &str,
        root: PathBuf,
        variables: Variables<'_>,
        path: &Path,
    ) -> Result<Self> {
        keep_only(&mut table, name);
        let snapshot = snapshot(&table, name, &root);
        interpolate::replace(&mut table, variables, path)?;
        let mut raw: Raw = serde_json::from_value(table).map_err(|error| after_replacing(&error, path))?;
        let mut environment = raw.environments.remove(name).unwrap_or_default();
        environment.resolve(&root);
        sense::check(&environment, name)?;
        raw.migrations.resolve(&root);
        let mut review = raw.review;
        review.environment.clone_from(&environment.review);
        let database_url =
            DatabaseUrl::parse(&environment.database_url).map_err(|f| where_it_stands(f, name, path))?;
        let maintenance_url = match &environment.maintenance_url {
            Some(url) => DatabaseUrl::parse(url)?,
            None => database_url.with_database("postgres"),
        };
        let migration = environment.migration_url.as_deref().filter(|url| !url.is_empty());
        let migration_url = migration.map(DatabaseUrl::parse).transpose()?;
        let scratch = environment.scratch_url.as_deref().filter(|url| !url.is_empty());
        let scratch_url = scratch.map(DatabaseUrl::parse).transpose()?;
        Ok(Self {
            file: path.to_owned(),
            state: root.join(raw.state_directory.unwrap_or_else(|| ".switchback".into())),
            root,
            migrations: raw.migrations,
            environment_name: name.to_owned(),
            environment,
            smoke: raw.smoke.into_iter().filter(|test| test.is_for(name)).collect(),
            validations: raw.validations,
            review,
            database_url,
            maintenance_url,
            migration_url,
            scratch_url,
            snapshot,
        })
    }

    /// The target as the migrator reaches it.
    pub fn migrator_url(&self) -> DatabaseUrl {
        match &self.migration_url {
            Some(url) => url.with_database(self.database_url.database()),
            None => self.database_url.clone(),
        }
    }

    /// The folder in which the application's commands run.
    pub fn working_directory(&self) -> PathBuf {
        let code = self.environment.code.as_ref().map(|code| code.repository.clone());
        self.migrations.working_directory.clone().or(code).unwrap_or_else(|| self.root.clone())
    }
}

/// Leaves out every environment but the chosen one.
fn keep_only(table: &mut Value, name: &str) {
    if let Some(environments) = table.get_mut("environments").and_then(Value::as_object_mut) {
        environments.retain(|key, _| key == name);
    }
}

fn snapshot(table: &Value, name: &str, root: &Path) -> Value {
    let mut snapshot = table.clone();
    if let Some(environment) = snapshot["environments"][name].as_object_mut() {
        environment.retain(|key, _| !SECRET_KEYS.contains(&key.as_str()));
    }
    blank_variables(&mut snapshot);
    snapshot["root"] = root.to_string_lossy().into();
    snapshot["environment_name"] = name.into();
    snapshot
}

/// Passwords stand in variables more often than anywhere else: of every `env` the names are kept.
fn blank_variables(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                match entry {
                    Value::Object(variables) if key == "env" => {
                        variables.values_mut().for_each(|value| *value = "***".into());
                    }
                    entry => blank_variables(entry),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank_variables),
        _ => {}
    }
}

fn choose(raw: &Raw, asked: Option<&str>, path: &Path) -> Result<String> {
    let names: Vec<&str> = raw.environments.keys().map(String::as_str).collect();
    match (asked, names.as_slice()) {
        (Some(asked), _) if raw.environments.contains_key(asked) => Ok(asked.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (_, []) => {
            Err(Failure::new(code::ENVIRONMENT_UNKNOWN, format!("{} has no environment", path.display()))
                .hint("add one: [environments.production] with database_url = \"${DATABASE_URL}\""))
        }
        (Some(asked), _) => Err(Failure::new(
            code::ENVIRONMENT_UNKNOWN,
            format!("{} has no environment `{asked}`", path.display()),
        )
        .hint(format!("it has: {}", names.join(", ")))),
        (None, _) => Err(Failure::new(code::ENVIRONMENT_UNKNOWN, "which environment is meant?")
            .hint(format!("name one with -e: {}", names.join(", ")))),
    }
}

/// A smoke test that names an environment by a slip would be tried nowhere.
fn smoke_somewhere(raw: &Raw, path: &Path) -> Result<()> {
    let mut named = raw.smoke.iter().flat_map(|test| test.environments.iter().map(move |name| (test, name)));
    let Some((test, name)) = named.find(|(_, name)| !raw.environments.contains_key(*name)) else {
        return Ok(());
    };
    let message = format!("{}: smoke test `{}` names the environment `{name}`", path.display(), test.name);
    let known: Vec<_> = raw.environments.keys().map(String::as_str).collect();
    Err(Failure::new(code::CONFIG_INVALID, message)
        .cause("there is no environment of that name")
        .hint(format!("name one of them: {}", known.join(", "))))
}

/// An error of the first stage, where line and column are known.
fn invalid(error: &toml::de::Error, text: &str, path: &Path) -> Failure {
    let offset = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text[..offset].matches('\n').count() + 1;
    // Its value may hold a password, and the number of the line is enough to find it.
    let source = text.lines().nth(line - 1).unwrap_or_default().trim();
    let source = source.split_once('=').map_or("…".to_owned(), |(key, _)| format!("{key}= …"));
    let place = format!("{}:{line}", path.display());
    let message = error.message().trim().replace('\n', ", ");
    let Some((unknown, known)) = unknown_field(&message) else {
        return Failure::new(code::CONFIG_INVALID, format!("{place}: {message}"))
            .cause(format!("the line is: {source}"))
            .hint("correct that line; every key stands, with an example, in the file that `switchback init` writes");
    };
    let failure = Failure::new(code::CONFIG_UNKNOWN_KEY, format!("{place}: unknown key `{unknown}`"));
    let nearest = known.iter().max_by(|a, b| similarity(a, unknown).total_cmp(&similarity(b, unknown)));
    match nearest.filter(|name| similarity(name, unknown) > 0.7) {
        Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
        None => failure.hint(format!("keys that are known there: {}", known.join(", "))),
    }
}

/// serde words an unknown field as ``unknown field `x`, expected one of `a`, `b` ``.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).collect();
    Some((unknown, known))
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// The types were right before the replacement, so a variable's value is what is wrong.
fn after_replacing(error: &serde_json::Error, path: &Path) -> Failure {
    Failure::new(
        code::CONFIG_INVALID,
        format!("{}: a value is not usable after replacing variables", path.display()),
    )
    .because(error)
}

fn where_it_stands(failure: Failure, name: &str, path: &Path) -> Failure {
    failure.hint(format!("it stands in {} under [environments.{name}] as database_url", path.display()))
}

/// The JSON Schema of the file, as it reads when it is turned into JSON.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Raw)
}

/// The configuration of Switchback, `switchback.toml`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "switchback.toml")]
struct Raw {
    /// Where runs, journals and release files are kept.
    state_directory: Option<PathBuf>,
    migrations: Migrations,
    #[serde(default)]
    environments: std::collections::BTreeMap<String, Environment>,
    #[serde(default)]
    smoke: Vec<Smoke>,
    #[serde(default)]
    validations: Vec<Validation>,
    #[serde(default)]
    review: Review,
}

/// The part of the configuration that no environment is needed for.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of the file.
    pub root: PathBuf,
    /// How the application is migrated.
    pub migrations: Migrations,
    /// What is said of the scripts' review.
    pub review: Review,
}

impl Project {
    /// Reads the text of the configuration file at `path`. No variable is replaced.
    ///
    /// # Errors
    /// [`code::CONFIG_UNKNOWN_KEY`] with line and nearest key, [`code::CONFIG_INVALID`] with the line.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut raw: Raw = toml::from_str(text).map_err(|error| invalid(&error, text, path))?;
        let root = path.parent().unwrap_or(Path::new(".")).to_owned();
        raw.migrations.resolve(&root);
        Ok(Self { root, migrations: raw.migrations, review: raw.review })
    }
}

#[cfg(test)]
mod tests;
