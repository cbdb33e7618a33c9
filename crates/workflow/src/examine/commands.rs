//! The programs that the configuration calls.

use std::path::Path;

use async_trait::async_trait;
use switchback_model::Result;

use super::{Examination, Look, Mark, Site};

pub(super) struct Commands;

/// A command of the configuration.
struct Configured<'a> {
    key: String,
    argv: &'a [String],
    /// What a run can't do without, before a release's own preparation could have put it there.
    at_once: bool,
}

#[async_trait(?Send)]
impl Examination for Commands {
    fn name(&self) -> &'static str {
        "commands"
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let commands = configured(site);
        let folder = site.world.config.working_directory();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut looks = Vec::new();
        for command in &commands {
            let Some(program) = command.argv.first() else { continue };
            if !found(program, &folder, &path) {
                looks.push(missing(command, program, &folder));
            }
        }
        if looks.is_empty() && !commands.is_empty() {
            looks.push(Look::good(
                "commands",
                format!("the programs of {} commands are there", commands.len()),
            ));
        }
        Ok(looks)
    }
}

fn configured<'a>(site: &Site<'a>) -> Vec<Configured<'a>> {
    let config = &site.world.config;
    let environment = &config.environment;
    let mut all: Vec<(String, &[String], bool)> = Vec::new();
    if let Some(service) = &environment.service {
        all.push(("service.command".into(), &service.command, true));
    }
    if let Some(page) = &environment.maintenance {
        all.push(("maintenance.on".into(), &page.on, true));
        all.push(("maintenance.off".into(), &page.off, true));
    }
    all.push(("backup.disk_free_command".into(), &environment.backup.disk_free_command, true));
    if let Some(code) = &environment.code {
        all.push(("code.prepare".into(), &code.prepare, true));
        all.push(("code.prepared".into(), &code.prepared, false));
    }
    all.extend(environment.tests.iter().map(|argv| ("tests".into(), argv.as_slice(), false)));
    all.extend(
        config
            .smoke
            .iter()
            .map(|test| (format!("smoke test `{}`", test.name), test.command.as_slice(), false)),
    );
    let validations = config.validations.iter().filter_map(|check| Some((check, check.command.as_deref()?)));
    all.extend(validations.map(|(check, argv)| (format!("validation `{}`", check.name), argv, false)));
    let filled = all.into_iter().filter(|(_, argv, _)| !argv.is_empty());
    filled.map(|(key, argv, at_once)| Configured { key, argv, at_once }).collect()
}

fn found(program: &str, folder: &Path, path: &std::ffi::OsStr) -> bool {
    if program.contains('/') {
        return folder.join(program).is_file();
    }
    std::env::split_paths(path).any(|place| place.join(program).is_file())
}

fn missing(command: &Configured<'_>, program: &str, folder: &Path) -> Look {
    let place = if program.contains('/') { format!("in {}", folder.display()) } else { "in PATH".to_owned() };
    let mark = if command.at_once { Mark::Bad } else { Mark::Note };
    let seen = format!("the program `{program}` of {} is not there ({place})", command.key);
    Look::new(mark, "commands", seen)
        .cure("give its whole path, or install it for the user that runs Switchback")
}
