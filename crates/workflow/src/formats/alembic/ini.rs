//! The settings of Alembic: `alembic.ini` as Python's `configparser` reads it, and
//! `[tool.alembic]` of `pyproject.toml` (since Alembic 1.16).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use switchback_model::Result;

use super::{errors, source};

/// How often a value may refer to another one; `configparser`'s limit.
const DEEPEST: usize = 10;

/// The longest value that references may build.
const LONGEST: usize = 65_536;

/// One section of one file: what Alembic would read from it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The file.
    pub(super) file: PathBuf,
    /// The file's folder, as it was given.
    pub(super) here: PathBuf,
    /// Whether the file says that Flask-Migrate wrote it.
    pub(super) flask: bool,
    values: BTreeMap<String, String>,
    /// From TOML, where lists and booleans are their own types.
    locations: Option<Vec<String>>,
}

impl Settings {
    /// Reads `[alembic]` of an ini file. Errors: `MIGRATION_UNREADABLE`.
    pub(super) fn ini(file: &Path) -> Result<Self> {
        let text = source::text(file)?;
        Ok(Self {
            values: section(&text, "alembic"),
            flask: text.contains("flask_migrate"),
            locations: None,
            ..Self::empty(file)
        })
    }

    /// Reads `[tool.alembic]` of a TOML file; nothing without that table.
    /// Errors: `MIGRATION_UNREADABLE` where the file is not TOML.
    pub(super) fn toml(file: &Path) -> Result<Option<Self>> {
        let text = source::text(file)?;
        let document: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            errors::unreadable(file, None, "it is not valid TOML").because(&error)
        })?;
        let Some(table) = document.get("tool").and_then(|tool| tool.get("alembic")?.as_table()) else {
            return Ok(None);
        };
        let mut found = Self::empty(file);
        for (key, value) in table {
            match value {
                toml::Value::String(text) => found.values.insert(key.clone(), text.clone()),
                toml::Value::Boolean(flag) => found.values.insert(key.clone(), flag.to_string()),
                _ => None,
            };
        }
        let list = table.get("version_locations").and_then(toml::Value::as_array);
        found.locations =
            list.map(|list| list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect());
        Ok(Some(found))
    }

    fn empty(file: &Path) -> Self {
        let here = file.parent().filter(|here| !here.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self {
            file: file.to_owned(),
            here: here.to_owned(),
            flask: false,
            values: BTreeMap::new(),
            locations: None,
        }
    }

    /// A value with its references (`%(here)s` and other keys) filled in.
    /// Errors: `MIGRATION_UNREADABLE` for a reference to nothing or in circles.
    pub(super) fn get(&self, key: &str) -> Result<Option<String>> {
        self.values.get(key).map(|raw| self.filled(raw, 0)).transpose()
    }

    /// `version_locations`, split as Alembic splits them (`path_separator`, before 1.16
    /// `version_path_separator`; without either at spaces and commas).
    pub(super) fn version_locations(&self) -> Result<Option<Vec<String>>> {
        if let Some(list) = &self.locations {
            return list.iter().map(|raw| self.filled(raw, 0)).collect::<Result<_>>().map(Some);
        }
        let Some(value) = self.get("version_locations")?.filter(|value| !value.trim().is_empty()) else {
            return Ok(None);
        };
        let separator = match self.get("path_separator")? {
            Some(separator) => Some(separator),
            None => self.get("version_path_separator")?,
        };
        let at: &[char] = match separator.as_deref().map(str::trim) {
            None => &[' ', ',', '\n'],
            Some("space") => &[' '],
            Some("newline") => &['\n'],
            Some("os" | ":") => &[':'],
            Some(";") => &[';'],
            Some(other) => {
                let what = format!("path_separator = {other:?} is none of space, newline, os, ':' and ';'");
                return Err(errors::unreadable(&self.file, None, &what));
            }
        };
        let places = value.split(at).map(str::trim).filter(|place| !place.is_empty());
        Ok(Some(places.map(str::to_owned).collect()))
    }

    /// What `%(here)s` stands for: the file's folder, absolute.
    pub(super) fn absolute_here(&self) -> PathBuf {
        std::path::absolute(&self.here).unwrap_or_else(|_| self.here.clone())
    }

    fn filled(&self, raw: &str, depth: usize) -> Result<String> {
        let broken = |what: &str| errors::unreadable(&self.file, None, &format!("the value {raw:?} {what}"));
        if depth > DEEPEST {
            return Err(broken("refers to itself"));
        }
        let mut plain = String::new();
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('%') {
            plain.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                plain.push('%');
                rest = after;
                continue;
            }
            let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(")s"));
            let Some((name, after)) = reference else { return Err(broken("has a `%` that is not `%%`")) };
            let name = name.to_lowercase();
            match self.values.get(&name) {
                Some(value) => plain.push_str(&self.filled(value, depth + 1)?),
                None if name == "here" => plain.push_str(&self.absolute_here().to_string_lossy()),
                None => return Err(broken(&format!("refers to {name:?}, which is not set"))),
            }
            if plain.len() > LONGEST {
                return Err(broken("grows too long"));
            }
            rest = after;
        }
        plain.push_str(rest);
        Ok(plain)
    }
}

/// The keys of a section, over those of `[DEFAULT]`. Keys are in lower case; a line that is
/// indented more than its key goes on with its value; `#` and `;` begin comments at the start of
/// a line, and after white space a ` ;` or ` #` belongs to the value.
fn section(text: &str, wanted: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let (mut current, mut key, mut key_indent) = ("", None::<String>, 0);
    for line in text.lines() {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(open) = key.as_ref().filter(|_| indent > key_indent) {
            let value = sections.entry(current).or_default().entry(open.clone()).or_default();
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        key = None;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            current = name.0;
        } else if let Some((name, value)) = trimmed.split_once(['=', ':']) {
            let name = name.trim().to_lowercase();
            sections.entry(current).or_default().insert(name.clone(), value.trim().to_owned());
            (key, key_indent) = (Some(name), indent);
        }
    }
    let mut found = sections.remove("DEFAULT").unwrap_or_default();
    found.extend(sections.remove(wanted).unwrap_or_default());
    found
}
