//! `record export|import|list`.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use switchback_model::record::{self, RecordKind, Sealed};
use switchback_model::{Exit, Failure, Result, code};
use switchback_report::tables;
use switchback_workflow::files;
use switchback_workflow::records::Store;

use crate::app::App;

#[derive(Subcommand)]
pub(crate) enum Record {
    /// Write records into a file that another machine can import
    #[command(after_help = "Example: switchback record export records.json --kind staging")]
    Export {
        /// The file; one that is there is left as it is
        file: PathBuf,
        /// Only records of this kind
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        /// Only records about the migrations with this digest, or its first characters
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
    },
    /// Take in the records of a file; those that are here already stay as they are
    #[command(after_help = "Example: switchback record import records.json")]
    Import {
        /// The file
        file: PathBuf,
    },
    /// Every record, oldest first
    List,
}

/// What `--kind` takes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// A run brought an environment through the migrations
    Staging,
    /// They were rehearsed
    Rehearsal,
    /// Their scripts were reviewed
    Review,
    /// A person agreed to them
    Approval,
}

impl Kind {
    fn means(self) -> RecordKind {
        match self {
            Self::Staging => RecordKind::Staging,
            Self::Rehearsal => RecordKind::Rehearsal,
            Self::Review => RecordKind::Review,
            Self::Approval => RecordKind::Approval,
        }
    }
}

pub(crate) fn run(command: &Record, app: &App) -> Result<Exit> {
    let store = Store::of(&app.config()?);
    match command {
        Record::Export { file, kind, digest } => export(&store, file, *kind, digest.as_deref(), app),
        Record::Import { file } => import(&store, file, app),
        Record::List => list(&store, app),
    }
}

fn export(store: &Store, file: &Path, kind: Option<Kind>, digest: Option<&str>, app: &App) -> Result<Exit> {
    let fits = |sealed: &Sealed| {
        kind.is_none_or(|kind| sealed.record.kind == kind.means())
            && digest.is_none_or(|digest| sealed.record.digest.starts_with(digest))
    };
    let found: Vec<Sealed> = store.all()?.into_iter().filter(fits).collect();
    if found.is_empty() {
        return Err(Failure::new(code::DIGEST_UNKNOWN, "there is no such record")
            .changed("no file was written")
            .hint("see what there is: switchback record list"));
    }
    if file.exists() {
        return Err(Failure::new(code::USAGE, format!("{} is there already", file.display()))
            .changed("it was left as it is")
            .hint("name a file that is not there yet"));
    }
    files::write(file, format!("{:#}\n", record::bundle(&found)).as_bytes())?;
    if app.json() {
        app.print_json(&serde_json::json!({ "file": file, "records": found.len() }))?;
    } else {
        app.print(&format!("{}: {} records\n", file.display(), found.len()));
    }
    Ok(Exit::Done)
}

/// All of a file is read before anything of it is taken in.
fn import(store: &Store, file: &Path, app: &App) -> Result<Exit> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::new(code::USAGE, format!("{} can't be read", file.display()))
            .because(&error)
            .changed("nothing was changed")
            .hint("name a file that `switchback record export` wrote")
    })?;
    let records = record::unbundle(&text, &file.display().to_string()).map_err(|failure| {
        failure.hint("export it again where it was made: switchback record export FILE")
    })?;
    let mut new = 0;
    for sealed in &records {
        new += usize::from(store.add(sealed)?);
    }
    if app.json() {
        app.print_json(&serde_json::json!({ "new": new, "known": records.len() - new }))?;
    } else {
        app.print(&format!("{new} new, {} known already\n", records.len() - new));
    }
    Ok(Exit::Done)
}

fn list(store: &Store, app: &App) -> Result<Exit> {
    let all = store.all()?;
    if app.json() {
        let all: Vec<_> = all.iter().map(Sealed::to_value).collect();
        app.print_json(&all)?;
    } else {
        let all: Vec<_> = all.iter().map(|sealed| &sealed.record).collect();
        app.print(&tables::records(&all, app.theme_out()));
    }
    Ok(Exit::Done)
}
