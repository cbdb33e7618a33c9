//! Looks at a project's folder and writes its first configuration.
//!
//! Nothing is run and nothing is asked: what the files say is taken, with the reason beside it as a
//! comment; what they don't say stays commented out, with an example. Of files that hold secrets
//! (`.env`) only the names are read.

mod code;
mod logs;
mod migrations;
mod other_tools;
mod python;
mod service;
mod text;
mod tree;
mod web;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use switchback_model::config::FILE_NAME;
use switchback_model::{Failure, Result, code as codes};

use text::Text;
use tree::Tree;

/// A configuration that was not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The text of the file.
    pub toml: String,
    /// Why it says what it says, and what is left to a person; a sentence each.
    pub why: Vec<String>,
}

/// Proposes a configuration for the project in a folder.
///
/// # Errors
/// [`codes::MIGRATIONS_NOT_FOUND`] where there are none, or another tool's;
/// [`codes::MIGRATION_UNREADABLE`].
pub fn propose(folder: &Path) -> Result<Proposal> {
    propose_in(folder, Path::new("/"))
}

/// [`propose`], with the root of the file system in which systemd's units are looked for.
///
/// # Errors
/// As [`propose`].
pub fn propose_in(folder: &Path, root: &Path) -> Result<Proposal> {
    let tree = Tree::read(folder)?;
    let migrations = migrations::find(&tree)?;
    let service = service::find(&tree, root);
    let mut text = Text::default();
    text.say("Switchback's configuration, proposed by `switchback init` from what the files here say");
    text.say("Look at every line; what is commented out is not known or not used. Then: switchback doctor");
    migrations.write(&mut text);
    environment(&mut text, &migrations.variable);
    service.write(&mut text, &tree);
    web::maintenance(&mut text, &tree);
    code::write(&mut text, &tree);
    backup(&mut text);
    web::health(&mut text, &tree, &service);
    logs::write(&mut text, &tree, &service);
    staging(&mut text);
    checks(&mut text);
    Ok(text.into())
}

/// Writes the proposal into the folder; a file that is there is left as it is.
///
/// # Errors
/// [`codes::CONFIG_EXISTS`]; [`codes::STATE_FOLDER`] where the folder can't be written.
pub fn write(folder: &Path, proposal: &Proposal) -> Result<PathBuf> {
    let path = folder.join(FILE_NAME);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&path)
        .and_then(|mut file| file.write_all(proposal.toml.as_bytes()).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("{} is there already", path.display());
            Err(Failure::new(codes::CONFIG_EXISTS, message)
                .changed("it was left as it is")
                .hint("look what it says: switchback doctor")
                .hint(format!("for a new one, put it aside first: mv {0} {0}.old", path.display())))
        }
        Err(error) => {
            Err(Failure::new(codes::STATE_FOLDER, format!("{} can't be written", path.display()))
                .because(&error))
        }
    }
}

fn environment(text: &mut Text, variable: &str) {
    text.section("environments.production");
    text.say("As the application and its migrator use it; the value stays in the environment");
    text.key("database_url", format!("${{{variable}}}"));
    text.say("A role that may copy and rename the database; default: the one above, in database postgres");
    text.off("maintenance_url = \"${ADMIN_URL}\"");
    text.say("A server for scratch databases; default: a private cluster of the same major version");
    text.off("scratch_url = \"${SCRATCH_URL}\"");
    text.say("closed: others find no database. read-only: they may read, and a session can override it");
    text.off("fence = \"closed\"");
    text.say("auto: clone, or down where the role may not copy databases. dump: slower, needs no such right. down: the downgrade is the only way back");
    text.off("restore_point = \"auto\"");
    text.say("What must be on record before a run: review, rehearsal, staging, approval");
    text.off("requires = [\"staging\", \"approval\"]");
    text.off("window = { days = \"Sun\", from = \"02:00\", to = \"04:00\", time_zone = \"Europe/Berlin\" }");
}

fn backup(text: &mut Text) {
    text.part("environments.production.backup", false);
    text.say("Better a disk of its own, and not the one of the database");
    text.off("directory = \"/var/backups/application\"");
    text.off("jobs = 2");
    text.off("keep = 7");
}

fn staging(text: &mut Text) {
    text.part("environments.staging", false);
    text.off("database_url = \"${STAGING_URL}\"");
    text.off("tests = [[\"pytest\", \"-q\"]]");
}

fn checks(text: &mut Text) {
    text.blank();
    text.say("Critical functions, tried before users come back; exit status 0: it works");
    text.off("[[smoke]]");
    text.off("name = \"log in\"");
    text.off("command = [\"python\", \"smoke/login.py\"]");
    text.blank();
    text.say("What must be true of the data after the migrations");
    text.off("[[validations]]");
    text.off("name = \"users are still there\"");
    text.off("table = \"users\"");
    text.off("rows = \"unchanged\"");
}
