//! `schema`: one line a document in [`SCHEMAS`]. What has a type is derived from it, so that a
//! schema can't say anything else than the program does; the others are written by hand and held
//! against real documents by a test.

use switchback_model::{Event, Exit, Failure, Plan, Result, code, config};

use crate::app::App;

/// A schema by the name that a person types.
struct Entry {
    name: &'static str,
    about: &'static str,
    text: fn() -> Result<String>,
}

const SCHEMAS: &[Entry] = &[
    Entry { name: "config", about: "switchback.toml, turned into JSON", text: || derived(&config::schema()) },
    Entry {
        name: "events",
        about: "one line of deploy, resume, rollback, abort or replay with --format jsonl",
        text: || derived(&schemars::schema_for!(Event)),
    },
    Entry {
        name: "plan",
        about: "plan, and deploy --dry-run, with --format json",
        text: || derived(&schemars::schema_for!(Plan)),
    },
    Entry {
        name: "rehearse",
        about: "rehearse --format json",
        text: || Ok(include_str!("../schemas/rehearse.json").to_owned()),
    },
    Entry {
        name: "review",
        about: "review --format json",
        text: || Ok(include_str!("../schemas/review.json").to_owned()),
    },
    Entry {
        name: "status",
        about: "status --format json",
        text: || Ok(include_str!("../schemas/status.json").to_owned()),
    },
    Entry {
        name: "up",
        about: "up and down with --format json",
        text: || Ok(include_str!("../schemas/up.json").to_owned()),
    },
];

#[derive(clap::Args)]
#[command(after_help = "Example: switchback schema plan > plan.schema.json\n\
    JSON Schema 2020-12. Documents are only ever added to: read over what you don't know.")]
pub(crate) struct Args {
    /// The document; without a name they are listed
    name: Option<String>,
}

pub(crate) fn run(args: &Args, app: &App) -> Result<Exit> {
    let Some(name) = &args.name else {
        if app.json() {
            let names: Vec<_> = SCHEMAS.iter().map(|entry| entry.name).collect();
            app.print_json(&names)?;
            return Ok(Exit::Done);
        }
        let column = SCHEMAS.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
        for Entry { name, about, .. } in SCHEMAS {
            app.print(&format!("{name:column$}  {about}\n"));
        }
        return Ok(Exit::Done);
    };
    let entry = SCHEMAS.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<_> = SCHEMAS.iter().map(|entry| entry.name).collect();
        Failure::new(code::USAGE, format!("there is no schema `{name}`"))
            .hint(format!("one of: {}", names.join(", ")))
    })?;
    app.print(&(entry.text)()?);
    Ok(Exit::Done)
}

fn derived(schema: &schemars::Schema) -> Result<String> {
    let text = serde_json::to_string_pretty(schema);
    let text =
        text.map_err(|error| Failure::new(code::INTERNAL, "a schema can't be written").because(&error))?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::SCHEMAS;

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/schemas");
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let name = file.trim_end_matches(".json");
            assert!(SCHEMAS.iter().any(|entry| entry.name == name), "{file} is no schema of the table");
        }
    }
}
