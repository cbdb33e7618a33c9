//! What the types can't say: which keys belong together.

use super::keys::{Environment, Logs, Manager, Service};
use crate::code;
use crate::failure::{Failure, Result};

/// Refuses tables that say too little or two things at once.
///
/// # Errors
/// [`code::CONFIG_INVALID`].
pub(super) fn check(environment: &Environment, name: &str) -> Result<()> {
    if let Some(service) = &environment.service {
        service_keys(service, name)?;
    }
    environment.logs.as_ref().map_or(Ok(()), |logs| log_source(logs, name))
}

fn service_keys(service: &Service, name: &str) -> Result<()> {
    let given = [
        ("units", Manager::Systemd, !service.units.is_empty()),
        ("command", Manager::Process, !service.command.is_empty()),
        ("directory", Manager::Process, service.directory.is_some()),
        ("env", Manager::Process, !service.env.is_empty()),
        ("log", Manager::Process, service.log.is_some()),
        ("start", Manager::Command, !service.start.is_empty()),
        ("stop", Manager::Command, !service.stop.is_empty()),
        ("state", Manager::Command, !service.state.is_empty()),
        ("block", Manager::Command, !service.block.is_empty()),
        ("unblock", Manager::Command, !service.unblock.is_empty()),
    ];
    // Where commands run, and what they need, is as much their question as the supervisor's.
    let shared = |key: &str| service.manager == Manager::Command && ["directory", "env"].contains(&key);
    let strange = given.iter().find(|(key, of, set)| *set && *of != service.manager && !shared(key));
    if let Some((key, of, _)) = strange {
        return Err(wrong(name, &format!("`{key}` belongs to manager = {:?}", of.name()))
            .hint(format!("take `{key}` out, or set manager = {:?}", of.name())));
    }
    let needed: &[&str] = match service.manager {
        Manager::Systemd => &["units"],
        Manager::Command => &["start", "stop", "state"],
        Manager::Process => &[],
    };
    let missing = given.iter().find(|(key, _, set)| needed.contains(key) && !set);
    if let Some((key, of, _)) = missing {
        return Err(wrong(name, &format!("manager = {:?} needs `{key}`", of.name())).hint(example(key)));
    }
    if service.block.is_empty() != service.unblock.is_empty() {
        return Err(wrong(name, "`block` and `unblock` go together")
            .hint("set both, or none: without them only Switchback itself refuses starts"));
    }
    Ok(())
}

fn example(key: &str) -> &'static str {
    match key {
        "units" => {
            "name all that belong to the application: units = [\"ada-app.service\", \"ada-app.socket\"]"
        }
        "start" => "for example: start = [\"rc-service\", \"ada\", \"start\"]",
        "stop" => "for example: stop = [\"rc-service\", \"ada\", \"stop\"]",
        _ => "exit status 0: it runs, 3: it is stopped: state = [\"rc-service\", \"ada\", \"status\"]",
    }
}

fn wrong(name: &str, what: &str) -> Failure {
    Failure::new(code::CONFIG_INVALID, format!("[environments.{name}.service]: {what}"))
}

fn log_source(logs: &Logs, name: &str) -> Result<()> {
    if logs.file.is_some() != logs.journal.is_some() {
        return Ok(());
    }
    let message = format!("[environments.{name}.logs] needs exactly one of `file` and `journal`");
    Err(Failure::new(code::CONFIG_INVALID, message)
        .hint("the file that the application writes: file = \"/var/log/ada/application.log\"")
        .hint("or the unit whose messages systemd keeps: journal = \"ada-app\""))
}
