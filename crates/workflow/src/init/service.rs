//! `[environments.NAME.service]`: who starts the application, and how.

use std::path::{Path, PathBuf};

use super::python;
use super::text::{Text, literal};
use super::tree::{self, Tree};

/// What is known of how the application is started.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// Its command, where it is one that needs no shell.
    pub(super) command: Option<Vec<String>>,
    /// Where that was found.
    from: String,
    /// The units of systemd that start it.
    units: Vec<Unit>,
    /// The names of those that are installed, with the sockets and timers that start them.
    installed: Vec<String>,
}

/// A unit file.
#[derive(Debug)]
struct Unit {
    file: PathBuf,
    start: Option<String>,
    /// The file that its output is appended to.
    log: Option<String>,
}

/// Looks for unit files, a Procfile, a module that serves; `root` is that of the file system.
pub(super) fn find(tree: &Tree, root: &Path) -> Service {
    let units = units(tree, root);
    if let Some(unit) = units.first() {
        let command = unit.start.as_deref().and_then(words);
        let installed = installed_names(&units, root);
        return Service { command, from: unit.file.display().to_string(), units, installed };
    }
    if let Some(command) = tree.text(Path::new("Procfile")).and_then(|text| procfile(&text)) {
        let from = format!("Procfile has `web: {command}`");
        return Service { command: words(&command), from, ..Service::default() };
    }
    let Some(found) = python::serving_module(tree) else { return Service::default() };
    let python = tree.in_venv("python").unwrap_or_else(|| "python".into());
    Service {
        command: Some(vec![python, "-m".into(), found.name.clone()]),
        from: format!("{} serves the application", found.place()),
        ..Service::default()
    }
}

impl Service {
    /// The port that the command names.
    pub(super) fn port(&self) -> Option<u16> {
        let words = self.command.as_deref().unwrap_or_default();
        words.iter().enumerate().find_map(|(at, word)| {
            let (flag, value) = word
                .split_once('=')
                .map_or((word.as_str(), words.get(at + 1)?.as_str()), |(flag, value)| (flag, value));
            let is_place = ["-b", "--bind", "--listen", "-l", "--port", "-p"].contains(&flag);
            is_place.then(|| value.rsplit(':').next()?.parse().ok()).flatten()
        })
    }

    /// The log that a unit appends to.
    pub(super) fn log(&self) -> Option<&str> {
        self.units.iter().find_map(|unit| unit.log.as_deref())
    }

    /// The installed unit whose journal is the log: workers and jobs have longer names than it.
    pub(super) fn journal(&self) -> Option<&str> {
        let services = self.installed.iter().filter(|name| name.ends_with(".service"));
        services.min_by_key(|name| name.len()).map(String::as_str)
    }

    pub(super) fn write(&self, text: &mut Text, tree: &Tree) {
        if !self.units.is_empty() {
            return self.write_units(text);
        }
        let on = self.command.is_some();
        text.part("environments.production.service", on);
        if on {
            text.because(&format!("{}; Switchback's own supervisor runs that command", self.from));
        } else {
            text.because("Nothing here says how the application is started, so it is not stopped: the fence keeps it out");
        }
        let example = || {
            vec![
                "gunicorn".to_owned(),
                "--bind".to_owned(),
                "127.0.0.1:8000".to_owned(),
                "wsgi:app".to_owned(),
            ]
        };
        let command: Vec<String> =
            self.command.clone().unwrap_or_else(example).iter().map(|word| literal(word)).collect();
        text.key_if(on, "manager", "process");
        text.key_if(on, "command", command);
        if on && super::code::repository(tree).is_some_and(|top| top != tree.root) {
            text.key("directory", ".");
        }
        text.off("grace = \"30s\"");
    }

    fn write_units(&self, text: &mut Text) {
        let files: Vec<String> = self.units.iter().map(|unit| unit.file.display().to_string()).collect();
        let on = !self.installed.is_empty();
        text.part("environments.production.service", on);
        if on {
            text.because(&format!("systemd starts the application ({})", files.join(", ")));
            text.say("Name all that belong to it: workers, sockets and timers too; switchback doctor says what is missing");
        } else {
            text.because(&format!(
                "{} is a unit of systemd and not installed here: switch this on where it is",
                files.join(", ")
            ));
        }
        let name = |unit: &Unit| unit.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names = if on { self.installed.clone() } else { self.units.iter().map(name).collect() };
        text.key_if(on, "manager", "systemd");
        text.key_if(on, "units", names);
        text.off("grace = \"30s\"");
    }
}

/// The installed ones of some units, the instances of templates that are enabled, and the sockets,
/// timers and paths that start them.
fn installed_names(units: &[Unit], root: &Path) -> Vec<String> {
    let system = root.join("etc/systemd/system");
    let mut all: Vec<String> = files_below(&system, 1);
    all.sort();
    all.dedup();
    let mut names = Vec::new();
    for unit in units.iter().filter(|unit| unit.file.is_absolute()) {
        let file = unit.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = file.trim_end_matches(".service").to_owned();
        let triggers = [".socket", ".timer", ".path"].map(|kind| format!("{stem}{kind}"));
        if stem.ends_with('@') {
            names.extend(
                all.iter()
                    .filter(|name| name.starts_with(&stem) && name.ends_with(".service") && **name != file)
                    .cloned(),
            );
        } else {
            names.push(file);
        }
        names.extend(all.iter().filter(|name| triggers.contains(name)).cloned());
    }
    names
}

/// The names of files in a folder and, in `.wants`, of what is enabled.
fn files_below(folder: &Path, deep: usize) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_wants = Path::new(&name).extension().is_some_and(|end| end == "wants");
        if deep > 0 && is_wants {
            names.extend(files_below(&entry.path(), deep - 1));
        } else {
            names.push(name);
        }
    }
    names
}

/// The unit files in the folder, and those of the system that name it.
fn units(tree: &Tree, root: &Path) -> Vec<Unit> {
    let mine = tree.files.iter().filter(|file| file.extension().is_some_and(|end| end == "service"));
    let mut units: Vec<Unit> = mine.filter_map(|file| unit(file.clone(), &tree.text(file)?)).collect();
    let system = root.join("etc/systemd/system");
    let mut installed: Vec<PathBuf> = std::fs::read_dir(&system)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    installed.sort();
    let folder = tree.root.canonicalize().unwrap_or_else(|_| tree.root.clone());
    for file in installed.into_iter().filter(|file| file.extension().is_some_and(|end| end == "service")) {
        let text = tree::text(&file).filter(|text| names_folder(text, &folder));
        // The installed unit is the one that counts; a template of it in the folder is the same one.
        let name = file.file_name().map(PathBuf::from).unwrap_or_default();
        let Some(found) =
            text.and_then(|text| unit(Path::new("/").join(file.strip_prefix(root).unwrap_or(&file)), &text))
        else {
            continue;
        };
        units.retain(|unit| unit.file.file_name() != Some(name.as_os_str()));
        units.push(found);
    }
    units
}

/// Whether a unit speaks of the folder, and not only of one whose name begins like it.
fn names_folder(text: &str, folder: &Path) -> bool {
    let folder = folder.display().to_string();
    folder.len() > 1
        && text.match_indices(&folder).any(|(at, _)| {
            let next = text[at + folder.len()..].chars().next();
            next.is_none_or(|c| c == '/' || c.is_whitespace() || c == '"')
        })
}

fn unit(file: PathBuf, text: &str) -> Option<Unit> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            line.trim().strip_prefix(key)?.trim_start().strip_prefix('=').map(|value| value.trim().to_owned())
        })
    };
    if !text.contains("[Service]") {
        return None;
    }
    let output = value("StandardOutput")
        .and_then(|output| output.split_once(':').map(|(kind, path)| (kind.to_owned(), path.to_owned())));
    let log = output.filter(|(kind, _)| kind == "append" || kind == "file").map(|(_, path)| path);
    Some(Unit { file, start: value("ExecStart"), log })
}

/// The command of `web:`.
fn procfile(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("web:")).map(|command| command.trim().to_owned())
}

/// The words of a command that means the same without a shell. systemd's `@`, `-`, `+` in front are
/// not for us.
fn words(command: &str) -> Option<Vec<String>> {
    let plain = !command.contains(['$', '"', '\'', '|', '&', ';', '<', '>', '`', '*', '\\', '(', '%']);
    let words: Vec<String> =
        command.trim_start_matches(['-', '@', '+', '!', ':']).split_whitespace().map(str::to_owned).collect();
    (plain && !words.is_empty()).then_some(words)
}
