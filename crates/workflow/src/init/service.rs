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
        return Service { command, from: unit.file.display().to_string(), units };
    }
    if let Some(command) = tree.text(Path::new("Procfile")).and_then(|text| procfile(&text)) {
        return Service { command: words(&command), from: format!("Procfile has `web: {command}`"), units };
    }
    let Some(found) = python::serving_module(tree) else { return Service::default() };
    let python = tree.in_venv("python").unwrap_or_else(|| "python".into());
    Service {
        command: Some(vec![python, "-m".into(), found.name.clone()]),
        from: format!("{} serves the application", found.place()),
        units,
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

    pub(super) fn write(&self, text: &mut Text, tree: &Tree) {
        let on = self.units.is_empty() && self.command.is_some();
        text.part("environments.production.service", on);
        if !self.units.is_empty() {
            self.write_units(text);
        } else if on {
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
        let units: Vec<String> = self.units.iter().map(|unit| unit.file.display().to_string()).collect();
        text.because(&format!(
            "systemd starts the application ({}), and Switchback can't drive systemd yet",
            units.join(", ")
        ));
        text.say(
            "Until then stop and start the unit yourself, or switch it off (systemctl disable --now) and let",
        );
        text.say("Switchback's own supervisor run the command:");
    }
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
