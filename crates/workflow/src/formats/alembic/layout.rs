//! Where a project keeps its Alembic migrations, and how it runs them.

use std::fs;
use std::path::{Path, PathBuf};

use switchback_model::Result;

use super::env::{Facts, Setting, facts};
use super::ini::Settings;
use super::{errors, source};

/// How many folders upward a configuration file or an import root is looked for.
const UPWARD: usize = 6;

/// An Alembic project on disk.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The folder with `env.py`; `alembic -c` and `flask db -d` know it as the script location.
    pub script_location: PathBuf,
    /// The folders with the migrations.
    pub versions: Vec<PathBuf>,
    /// Whether folders below those count too (`recursive_version_locations`).
    pub recursive: bool,
    /// The configuration file, if there is one: `alembic.ini` or `pyproject.toml`.
    pub config: Option<PathBuf>,
    /// The table that holds the heads; Alembic's default is `alembic_version`.
    pub version_table: Setting<String>,
    /// The schema of that table; the default is the connection's own.
    pub version_table_schema: Setting<String>,
    /// Whether each migration has a transaction of its own; Alembic's default is one for all
    /// that are applied together. It decides what a failure half-way leaves behind.
    pub transaction_per_migration: Setting<bool>,
    /// Whether it is run by Flask-Migrate (`flask db upgrade`).
    pub flask_migrate: bool,
    /// Why all this is thought to be so, a sentence each.
    pub why: Vec<String>,
}

/// Finds the Alembic project of a folder: the folder of a project (with `alembic.ini`,
/// `[tool.alembic]` in `pyproject.toml`, or a script folder such as Flask-Migrate's
/// `migrations`), a script folder itself, or its `versions`.
///
/// Errors: `MIGRATIONS_NOT_FOUND` where there is none, there are several, or what the
/// configuration names does not exist; `MIGRATION_UNREADABLE` for a configuration or an `env.py`
/// that can't be read.
pub fn find(directory: &Path) -> Result<Layout> {
    if !directory.is_dir() {
        return Err(errors::not_found(format!("{} is not a folder", directory.display()))
            .hint("set `directory` in [migrations] to the folder with env.py and versions"));
    }
    if has_env(directory) {
        return script_folder(directory);
    }
    let parent = directory.parent().filter(|parent| directory.ends_with("versions") && has_env(parent));
    if let Some(parent) = parent {
        return script_folder(parent);
    }
    let settings = settings_in(directory)?;
    for source in &settings {
        if let Some(location) = source.get("script_location")? {
            let found = resolve(source, location.trim())?;
            let why = format!("{} has script_location = {location}", source.file.display());
            return layout(found, &settings, vec![why]);
        }
    }
    child(directory)
}

/// The only script folder directly in `directory`.
fn child(directory: &Path) -> Result<Layout> {
    let gone = |error: std::io::Error| {
        errors::not_found(format!("{} can't be listed", directory.display())).because(&error)
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(gone)? {
        let path = entry.map_err(gone)?.path();
        if has_env(&path) && (path.join("versions").is_dir() || path.join("script.py.mako").is_file()) {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [only] => script_folder(only),
        [] => Err(errors::not_found(format!("{} holds no Alembic migrations", directory.display()))
            .hint("looked for alembic.ini, [tool.alembic] in pyproject.toml, and a folder with env.py and versions")
            .hint("name the folder that has env.py: `directory` in [migrations], or --dir")),
        [one, other, ..] => {
            let message = format!("several script folders: {} and {}", one.display(), other.display());
            Err(errors::not_found(message).hint("name the one that is meant: `directory` in [migrations], or --dir"))
        }
    }
}

/// A folder that has `env.py`: its configuration stands in it (Flask-Migrate) or above it.
fn script_folder(folder: &Path) -> Result<Layout> {
    let why = vec![format!("{} has env.py", folder.display())];
    let inside = settings_in(folder)?;
    if !inside.is_empty() {
        return layout(folder.to_owned(), &inside, why);
    }
    // A relative path has few ancestors of its own.
    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    for above in real.ancestors().skip(1).take(UPWARD) {
        // A file that says something about another project is none of our business.
        let Ok(settings) = settings_in(above) else { continue };
        if settings.iter().any(|source| names(source, &real)) {
            return layout(folder.to_owned(), &settings, why);
        }
    }
    layout(folder.to_owned(), &[], why)
}

/// Whether the configuration's script location is `folder`.
fn names(source: &Settings, folder: &Path) -> bool {
    let Ok(Some(location)) = source.get("script_location") else { return false };
    resolve(source, location.trim())
        .is_ok_and(|found| fs::canonicalize(found).is_ok_and(|real| real == folder))
}

/// The configuration files of a folder, those that Alembic asks first in front.
fn settings_in(folder: &Path) -> Result<Vec<Settings>> {
    let mut found = Vec::new();
    let ini = folder.join("alembic.ini");
    if ini.is_file() {
        found.push(Settings::ini(&ini)?);
    }
    let toml = folder.join("pyproject.toml");
    if toml.is_file() {
        found.extend(Settings::toml(&toml)?);
    }
    Ok(found)
}

fn layout(script_location: PathBuf, settings: &[Settings], mut why: Vec<String>) -> Result<Layout> {
    let env = script_location.join("env.py");
    if !env.is_file() {
        return Err(errors::not_found(format!("{} has no env.py", script_location.display()))
            .hint("Alembic's script location is the folder that `alembic init` or `flask db init` made"));
    }
    let text = source::text(&env)?;
    let facts = facts(&text).map_err(|fault| errors::unreadable(&env, Some(fault.line), &fault.what))?;
    let flask = facts.flask || settings.iter().any(|source| source.flask);
    explain(&env, &facts, flask, &mut why);
    let mut recursive = false;
    for source in settings.iter().rev() {
        if let Some(flag) = source.get("recursive_version_locations")? {
            recursive = flag == "true";
        }
    }
    Ok(Layout {
        versions: versions(&script_location, settings, &mut why)?,
        recursive,
        config: settings.first().map(|source| source.file.clone()),
        version_table: facts.version_table,
        version_table_schema: facts.version_table_schema,
        transaction_per_migration: facts.transaction_per_migration,
        flask_migrate: flask,
        script_location,
        why,
    })
}

/// `version_locations` as far as they exist (Alembic passes over the others), or `versions`.
fn versions(script: &Path, settings: &[Settings], why: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    for source in settings {
        let Some(locations) = source.version_locations()? else { continue };
        let mut found = Vec::new();
        for location in &locations {
            match resolve(source, location) {
                Ok(folder) if found.contains(&folder) => {}
                Ok(folder) => found.push(folder),
                Err(_) => {
                    why.push(format!("the version location {location} does not exist and is passed over"));
                }
            }
        }
        if found.is_empty() {
            return Err(errors::not_found(format!(
                "no version location of {} exists",
                source.file.display()
            )));
        }
        return Ok(found);
    }
    let folder = script.join("versions");
    if folder.is_dir() {
        return Ok(vec![folder]);
    }
    Err(errors::not_found(format!("{} has no folder `versions`", script.display()))
        .hint("git keeps no empty folders: for a project without a migration, make it"))
}

/// A place as the configuration writes it: absolute, relative, or `package:folder`.
///
/// Alembic resolves the first two from the folder it is called in and the last from the import
/// path; here the folder of the file stands for the former, then those above it; import roots
/// are also `prepend_sys_path` and `src`.
fn resolve(source: &Settings, location: &str) -> Result<PathBuf> {
    let is_package = location.contains(':') && !Path::new(location).is_absolute();
    let relative: PathBuf = if is_package {
        let (package, rest) = location.split_once(':').unwrap_or((location, ""));
        package.split('.').chain(rest.split(':')).collect()
    } else {
        // Below the file, a place is named as the file was: relative if that was.
        let place = Path::new(location);
        place.strip_prefix(source.absolute_here()).unwrap_or(place).to_owned()
    };
    let mut bases = vec![source.here.clone()];
    if is_package {
        let path = source.get("prepend_sys_path")?.unwrap_or_default();
        let roots = path.split([' ', ',', ':', ';', '\n']).filter(|root| !root.is_empty());
        bases.extend(roots.map(|root| source.here.join(root)));
        bases.push(source.here.join("src"));
    }
    let real = fs::canonicalize(&source.here).unwrap_or_else(|_| source.here.clone());
    bases.extend(real.ancestors().skip(1).take(UPWARD).map(Path::to_owned));
    let places: Vec<PathBuf> = bases.iter().map(|base| base.join(&relative)).collect();
    let scripts = places.iter().find(|place| has_env(place));
    scripts.or_else(|| places.iter().find(|place| place.is_dir())).cloned().ok_or_else(|| {
        errors::not_found(format!(
            "{} names {location:?}, and there is no such folder",
            source.file.display()
        ))
        .hint("it was looked for beside the file and in the folders above it")
        .hint("name the folder that has env.py: `directory` in [migrations], or --dir")
    })
}

fn has_env(folder: &Path) -> bool {
    folder.join("env.py").is_file()
}

/// Puts what `env.py` says into sentences.
fn explain(env: &Path, facts: &Facts, flask: bool, why: &mut Vec<String>) {
    let env = env.display();
    if flask {
        why.push(format!("{env} or its alembic.ini belongs to Flask-Migrate"));
    }
    let mut say = |name: &str, setting: &Setting<String>| match setting {
        Setting::Default => {}
        Setting::Said(value) => why.push(format!("{env} sets {name} = {value}")),
        Setting::Computed { line } => {
            why.push(format!("{env}:{line} computes {name}; it can't be read from the text"));
        }
    };
    say("version_table", &facts.version_table);
    say("version_table_schema", &facts.version_table_schema);
    let each = match &facts.transaction_per_migration {
        Setting::Default => Setting::Default,
        Setting::Said(flag) => Setting::Said(flag.to_string()),
        Setting::Computed { line } => Setting::Computed { line: *line },
    };
    say("transaction_per_migration", &each);
    if let Some(line) = facts.spread {
        why.push(format!(
            "{env}:{line} takes more settings from the application; defaults are assumed for them"
        ));
    }
}
