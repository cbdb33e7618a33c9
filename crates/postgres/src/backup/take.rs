//! Taking a backup: dump, digests and catalog in one snapshot, then the proof.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::{DatabaseUrl, Failure, Result, code};
use tokio_postgres::Row;

use super::draft::Draft;
use super::manifest::{
    self, CATALOG, DUMP, FORMAT, FileFacts, Manifest, Proof, ROLES, Roles, SnapshotFacts, Target,
};
use super::prove::{After, Ground, restore_and_compare};
use super::restore::unique;
use super::{Client, Listener, Progress, blocking, client, files, io, together};
use crate::Session;
use crate::catalog::Catalog;
use crate::digest::{self, DataFacts, Scope, SequenceFacts};
use crate::lease::Marker;
use crate::scratch::{Scratch, ScratchOptions};
use crate::server::Identity;
use crate::settings::DatabaseSettings;
use crate::snapshot::SnapshotHolder;

/// How long the dump waits for a table that somebody has locked against readers.
const LOCK_WAIT: &str = "--lock-wait-timeout=30s";
/// The cheapest level: on two cores the default one costs more than all the rest of the dump, and
/// saves about a tenth of the space.
const COMPRESSION: &str = "--compress=1";

/// What to back up, to where, and how to prove it.
#[derive(Clone, Debug)]
pub struct BackupRequest {
    /// The target.
    pub url: DatabaseUrl,
    /// Where backups are kept; made (0700) where it is not there.
    pub directory: PathBuf,
    /// The client programs, how many jobs, and the name that the server shows.
    pub client: Client,
    /// To be remembered in the manifest.
    pub note: Option<String>,
    /// The revision that the target is at, as its migrator says, where that is known.
    pub revision: Option<Vec<String>>,
    /// Where it is proven.
    pub proof: ProofOn,
}

/// Where a new backup is proven.
#[derive(Clone, Debug)]
pub enum ProofOn {
    /// On a private cluster of the target's major version, made for it and gone afterwards; version
    /// and superuser are chosen here.
    Private(Box<ScratchOptions>),
    /// On a server that others use too, by one of its databases.
    Server(DatabaseUrl),
    /// Nowhere: it stays unproven, and says so.
    Nowhere,
}

/// A backup that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its name.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// How long it took.
    pub took: Duration,
}

/// Takes a backup and proves it. The target is only read, in one transaction that sees one moment;
/// it blocks nobody but statements that want a table for themselves alone.
///
/// # Errors
/// [`code::BACKUP_FAILED`], [`code::BACKUP_DIFFERS`], those of connecting, of missing programs and of
/// the scratch cluster, [`code::INTERRUPTED`]: in each case the target is unchanged and nothing of
/// the backup remains. (Killed, it leaves a `.partial-…` folder that the next backup removes.)
pub async fn take(
    request: &BackupRequest,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Taken> {
    let heard = Listener::new(progress);
    // Boxed: whoever awaits this should not carry all of its state.
    Box::pin(run(request, cancel, &heard)).await.map_err(|failure| explain(request, failure))
}

fn explain(request: &BackupRequest, mut failure: Failure) -> Failure {
    if [code::QUERY_FAILED, code::COMMAND_FAILED, code::CONNECTION_LOST].contains(&failure.code) {
        let message = format!("the backup of `{}` failed", request.url.database());
        let mut outer = Failure::new(code::BACKUP_FAILED, message).because(&failure);
        outer.causes.append(&mut failure.causes);
        outer.hints.append(&mut failure.hints);
        failure = outer;
    }
    failure.effect = switchback_model::Effect::None;
    failure.changed("the target is unchanged, and nothing of this backup remains")
}

async fn run(request: &BackupRequest, cancel: &Cancel, heard: &Listener<'_>) -> Result<Taken> {
    let start = Instant::now();
    let session = Session::connect(&request.url, &request.client.application).await?;
    let server = Identity::read(&session).await?;
    let holder = SnapshotHolder::take(session).await?;
    let row = holder.session().one(include_str!("target.sql"), &[]).await?;
    let mut manifest = describe(request, server, holder.id(), &row);
    let draft = Draft::create(&request.directory, &manifest.id)?;
    let sequences: Vec<String> = row.get("sequences");
    let job = Job { request, folder: draft.folder(), holder, heard };
    let scratch = private_options(request, &manifest);
    // The cluster is ready long before the dump is.
    let (scratch, ()) = together(
        cancel,
        async |cancel| start_scratch(scratch, cancel).await,
        async |cancel| job.dump(&mut manifest, &sequences, cancel).await,
    )
    .await?;
    manifest.files = files::sizes(draft.folder()).map_err(unreadable)?;
    let (files, proof) = together(
        cancel,
        async |_| keep(draft.folder()).await,
        async |cancel| proven(request, &manifest, draft.folder(), scratch.as_ref(), cancel, heard).await,
    )
    .await?;
    (manifest.files, manifest.proof) = (files, proof);
    manifest.write(draft.folder())?;
    let folder = draft.finish(&manifest.id)?;
    Ok(Taken { id: manifest.id.clone(), folder, manifest, took: start.elapsed() })
}

fn describe(request: &BackupRequest, server: Identity, snapshot: &str, row: &Row) -> Manifest {
    let database = request.url.database().to_owned();
    let target = Target {
        host: request.url.host().to_owned(),
        server,
        encoding: row.get("encoding"),
        collate: row.get("collate"),
        ctype: row.get("ctype"),
        provider: row.get("provider"),
        locale: row.get("locale"),
        icu_rules: row.get("icu_rules"),
        dropped: row.get("dropped"),
        database,
    };
    Manifest {
        format: FORMAT,
        id: manifest::id_of(row.get("compact"), &target.database, &unique()),
        made_at: row.get("made_at"),
        note: request.note.clone(),
        revision: request.revision.clone(),
        snapshot: SnapshotFacts {
            id: snapshot.to_owned(),
            transactions: row.get("transactions"),
            wal_position: row.get("wal_position"),
        },
        pg_dump: request.client.bin.version.to_string(),
        dumped_in_ms: 0,
        files: BTreeMap::new(),
        roles: Roles { names: row.get("roles"), bootstrap: row.get("bootstrap"), not_readable: None },
        catalog: String::new(),
        facts: DataFacts::default(),
        moved: BTreeMap::new(),
        materialized_views: row.get("materialized_views"),
        settings: DatabaseSettings::default(),
        proof: None,
        target,
    }
}

fn private_options(request: &BackupRequest, manifest: &Manifest) -> Option<ScratchOptions> {
    match &request.proof {
        ProofOn::Private(options) => Some(super::scratch_options(manifest, (**options).clone())),
        ProofOn::Server(_) | ProofOn::Nowhere => None,
    }
}

async fn start_scratch(options: Option<ScratchOptions>, cancel: &Cancel) -> Result<Option<Scratch>> {
    match options {
        Some(options) => Scratch::start(&options, cancel).await.map(Some),
        None => Ok(None),
    }
}

/// The proof, where one was asked for. It runs while the same files are hashed and synced: nobody
/// writes to them any more.
async fn proven(
    request: &BackupRequest,
    manifest: &Manifest,
    folder: &Path,
    scratch: Option<&Scratch>,
    cancel: &Cancel,
    heard: &Listener<'_>,
) -> Result<Option<Proof>> {
    let (ground, after) = match (scratch, &request.proof) {
        (Some(scratch), _) => (Ground::Private(scratch), After::Leave),
        (None, ProofOn::Server(url)) => (Ground::Server(url), After::Clean),
        (None, _) => return Ok(None),
    };
    restore_and_compare(folder, manifest, ground, after, &request.client, cancel, heard).await.map(Some)
}

/// Hashes and syncs every file.
async fn keep(folder: &Path) -> Result<BTreeMap<String, FileFacts>> {
    let folder = folder.to_owned();
    blocking(move || files::hash_all(&folder, files::Then::Keep).map_err(unreadable)).await
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable(error: std::io::Error) -> Failure {
    io(code::BACKUP_FAILED, "the backup's files can't be read again and synced", &error)
}

struct Job<'a, 'b> {
    request: &'a BackupRequest,
    folder: &'a Path,
    holder: SnapshotHolder,
    heard: &'a Listener<'b>,
}

impl Job<'_, '_> {
    /// Everything that is read from the target.
    async fn dump(self, manifest: &mut Manifest, sequences: &[String], cancel: &Cancel) -> Result<()> {
        let before = self.sequences(sequences, cancel).await?;
        let mut on_progress = |done, total| self.heard.hear("dump", done, total);
        let (request, client) = (self.request, &self.request.client);
        let scope = Scope { snapshot: Some(self.holder.id()), jobs: client.jobs, only: None };
        let (took, (mut facts, catalog)) = together(
            cancel,
            async |cancel| self.pg_dump(cancel).await,
            async |cancel| {
                let read = digest::read(&request.url, &client.application, scope, cancel, &mut on_progress);
                Ok((read.await?, Catalog::read(self.holder.session()).await?))
            },
        )
        .await?;
        let after = self.sequences(sequences, cancel).await?;
        manifest.moved = after.into_iter().filter(|(name, facts)| before.get(name) != Some(facts)).collect();
        facts.sequences = before;
        manifest.facts = facts;
        manifest.dumped_in_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mut settings = DatabaseSettings::read(self.holder.session(), request.url.database()).await?;
        // While a run is open the comment is its marker, which belongs to the run and not to the database.
        if let Some(marker) = Marker::read(settings.comment.as_deref()) {
            settings.comment = marker.comment;
        }
        manifest.settings = settings;
        manifest.catalog = catalog.digest();
        manifest.roles.not_readable = self.roles(cancel).await?;
        let written = files::write(&self.folder.join(CATALOG), &manifest::json(&catalog)?);
        written.map_err(|error| io(code::BACKUP_FAILED, "the catalog can't be written", &error))
    }

    /// Where the sequences stand now, whatever the snapshot says.
    async fn sequences(&self, names: &[String], cancel: &Cancel) -> Result<BTreeMap<String, SequenceFacts>> {
        let scope = Scope { snapshot: Some(self.holder.id()), jobs: 1, only: Some(names) };
        let client = &self.request.client;
        let facts =
            digest::read(&self.request.url, &client.application, scope, cancel, &mut |_, _| {}).await?;
        Ok(facts.sequences)
    }

    async fn pg_dump(&self, cancel: &Cancel) -> Result<Duration> {
        let client = &self.request.client;
        let program = client
            .program("pg_dump", &self.request.url)
            // Not synced by itself: every file is synced once, when it is hashed.
            .args(["--format=directory", "--no-sync", LOCK_WAIT, COMPRESSION, &client.jobs()])
            .arg(format!("--snapshot={}", self.holder.id()))
            .arg("--file")
            .arg(self.folder.join(DUMP));
        let message = format!("`pg_dump` could not dump `{}`", self.request.url.database());
        Ok(client::run(&program, cancel, code::BACKUP_FAILED, &message, |_, _| {}).await?.took)
    }

    /// Writes `roles.sql`; returns the reason where the server does not let us.
    async fn roles(&self, cancel: &Cancel) -> Result<Option<String>> {
        let path = self.folder.join(ROLES);
        let program = self.roles_program(&path);
        let Err(failure) = client::run(&program, cancel, code::BACKUP_FAILED, "", |_, _| {}).await else {
            return Ok(None);
        };
        if failure.code != code::BACKUP_FAILED {
            return Err(failure);
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io(code::BACKUP_FAILED, "an unfinished `roles.sql` can't be removed", &error))
            }
            _ => Ok(Some(failure.causes.into_iter().next().unwrap_or_default())),
        }
    }

    fn roles_program(&self, path: &Path) -> Program {
        let url = &self.request.url;
        self.request
            .client
            .program("pg_dumpall", url)
            .args(["--roles-only", "--no-role-passwords", "--no-sync", LOCK_WAIT])
            .args(["--database", &client::dbname(url.database())])
            .arg("--file")
            .arg(path)
    }
}
