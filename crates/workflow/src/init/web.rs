//! `[environments.NAME.health]` and `[environments.NAME.maintenance]`.

use super::python;
use super::service::Service;
use super::text::{Text, literal};
use super::tree::Tree;

/// What Flask's own server and gunicorn listen on where nothing is said.
const FLASK: u16 = 5000;
const GUNICORN: u16 = 8000;

pub(super) fn health(text: &mut Text, tree: &Tree, service: &Service) {
    let routes = python::health_routes(tree);
    text.part("environments.production.health", !routes.is_empty());
    let (port, from) = port(tree, service);
    if let Some(route) = routes.first() {
        text.because(&format!("{} answers {}; port {port}: {from}", route.place(), route.name));
        text.key("url", literal(&format!("http://127.0.0.1:{port}{}", route.name)));
    } else {
        text.because(
            "No health route was found: give the application one that asks the database, and name it here",
        );
        text.off(&format!("url = \"http://127.0.0.1:{port}/health\""));
    }
    text.off("within = \"60s\"");
    text.off("stable_for = \"20s\"");
}

fn port(tree: &Tree, service: &Service) -> (u16, String) {
    if let Some(port) = service.port() {
        return (port, "from its command".into());
    }
    let named =
        tree.python().find_map(|(file, text)| Some((python::port(&text)?, file.display().to_string())));
    if let Some((port, file)) = named {
        return (port, format!("{file} has it as default"));
    }
    let gunicorn =
        service.command.as_ref().is_some_and(|words| words.iter().any(|word| word.ends_with("gunicorn")));
    if gunicorn { (GUNICORN, "gunicorn's default".into()) } else { (FLASK, "Flask's default".into()) }
}

/// How a page is closed is rarely to be seen in the sources; a variable that speaks of it is said.
pub(super) fn maintenance(text: &mut Text, tree: &Tree) {
    text.part("environments.production.maintenance", false);
    let variable = python::variables(tree).into_iter().find(|found| found.name.contains("MAINTENANCE"));
    match variable {
        Some(found) => text.because(&format!(
            "{} reads {}: if that names a flag file, name the same file here",
            found.place(),
            found.name
        )),
        None => text.say(
            "A file that closes the maintenance page while it is there, or commands: on = […], off = […]",
        ),
    }
    text.off("flag = \"/srv/application/maintenance.flag\"");
    text.off("closed_when = { url = \"http://127.0.0.1/\", status = 503 }");
}
