//! `[environments.NAME.logs]`: the file that the application writes.

use super::python;
use super::service::Service;
use super::text::{Text, literal};
use super::tree::Tree;

pub(super) fn write(text: &mut Text, tree: &Tree, service: &Service) {
    let found = file(tree, service);
    let journal = service.journal().filter(|_| service.log().is_none());
    text.part("environments.production.logs", found.is_some() || journal.is_some());
    if let Some(unit) = journal {
        text.because(&format!("what {unit} writes to its output is in systemd's journal"));
        text.key("journal", literal(unit));
        if let Some((file, from)) = found {
            text.say(&format!("Or a file, in its place: {from}"));
            text.off(&format!("file = {}", toml::Value::from(literal(&file))));
        }
    } else if let Some((file, from)) = found {
        text.because(&from);
        text.key("file", literal(&file));
    } else {
        text.because("No log file is named here, so the log is not watched after a start");
        text.off("file = \"/var/log/application/application.log\"");
    }
    text.off("fail_on = [\"Traceback\", \"ERROR\"]");
    text.off("watch = \"30s\"");
}

fn file(tree: &Tree, service: &Service) -> Option<(String, String)> {
    if let Some(log) = service.log() {
        return Some((log.to_owned(), "its unit writes it".into()));
    }
    if let Some(found) = python::log_files(tree).into_iter().next() {
        let variable =
            python::variables(tree).into_iter().find(|variable| variable.name.contains("LOG_FILE"));
        let unless =
            variable.map(|variable| format!("; where {} is set, name that file here", variable.name));
        let from = format!("{} names it{}", found.place(), unless.unwrap_or_default());
        return Some((found.name, from));
    }
    let there = tree.files.iter().find(|file| file.extension().is_some_and(|end| end == "log"))?;
    Some((there.display().to_string(), "it lies here".into()))
}
