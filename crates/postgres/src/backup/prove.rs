//! The proof: a backup is restored on a scratch server and compared with what it is a backup of.

use std::path::Path;
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Stream;
use switchback_model::{DatabaseUrl, Failure, Result, code};

use super::compare::{Comparison, Subject, compare};
use super::manifest::{Manifest, Proof, ROLES, Target};
use super::restore::{Dump, checked, create, drop_database, give, missing_roles, pg_restore, unique};
use super::{Client, Listener, Progress, client, strays};
use crate::Session;
use crate::scratch::{Scratch, ScratchOptions};
use crate::server::Identity;
use crate::session::ident;
use crate::settings::DatabaseSettings;

/// `YYYY-MM-DDTHH:MM:SS.mmmZ` of the server's clock.
pub(super) const NOW: &str =
    "to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";

/// Where a backup is proven.
#[derive(Clone, Copy, Debug)]
pub enum Ground<'a> {
    /// A cluster that nobody else uses: roles and database settings are put back too.
    Private(&'a Scratch),
    /// A database of a server that others use as well: missing roles are made without attributes for
    /// the time of the proof, and database settings are not put back.
    Server(&'a DatabaseUrl),
}

impl Ground<'_> {
    fn url(self) -> DatabaseUrl {
        match self {
            Self::Private(scratch) => scratch.url("postgres"),
            Self::Server(url) => url.clone(),
        }
    }
}

/// The private cluster that a proof of this backup needs: same major, and a superuser of the same
/// name, for that role's lines in `roles.sql` to mean what they mean on the target's server.
#[must_use]
pub fn scratch_options(manifest: &Manifest, options: ScratchOptions) -> ScratchOptions {
    ScratchOptions { major: Some(manifest.major()), superuser: manifest.roles.bootstrap.clone(), ..options }
}

/// Checks every file of a backup, restores it, and compares the result with the manifest: catalog,
/// rows and digests of every table, sequences, large objects, and on private ground owner, grants
/// and settings of the database. Tablespaces are not made: they are places of another machine.
///
/// The database and the roles made for it are dropped at the end, also after a failure.
///
/// # Errors
/// [`code::BACKUP_DAMAGED`] naming each file that is not what it was; [`code::BACKUP_DIFFERS`] naming
/// the objects that differ (the first 20 and the number of the others); [`code::BACKUP_FAILED`] where
/// it can't be restored at all; [`code::INTERRUPTED`].
pub async fn prove(
    folder: &Path,
    ground: Ground<'_>,
    client: &Client,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Proof> {
    let heard = Listener::new(progress);
    let (_reading, manifest) = checked(folder, &heard).await?;
    restore_and_compare(folder, &manifest, ground, After::Clean, client, cancel, &heard).await
}

/// Restores and compares a backup as [`prove`] does, and leaves the database under this name for
/// somebody to work with; the roles that were made for it are returned.
///
/// # Errors
/// As [`prove`]; nothing is left then.
pub async fn rebuild(
    folder: &Path,
    ground: Ground<'_>,
    name: &str,
    client: &Client,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<String>> {
    let heard = Listener::new(progress);
    let (_reading, manifest) = checked(folder, &heard).await?;
    let session = Session::connect(&ground.url(), &client.application).await?;
    let mut trial =
        Trial { folder, manifest: &manifest, ground, client, session: &session, name, made: Vec::new() };
    trial.made = trial.roles(cancel).await?;
    let equal =
        trial.run(cancel, &heard).await.and_then(|(_, comparison)| comparison.equal("the restored copy"));
    match equal {
        Ok(_) => Ok(trial.made),
        Err(failure) => {
            trial.clean().await;
            Err(failure)
        }
    }
}

/// Drops what [`rebuild`] made; what could not be dropped is named.
///
/// # Errors
/// As [`Session::connect`].
pub async fn dismantle(
    server: &DatabaseUrl,
    name: &str,
    roles: &[String],
    client: &Client,
) -> Result<Vec<String>> {
    let session = Session::connect(server, &client.application).await?;
    Ok(clean(&session, name, roles).await)
}

/// What becomes of the scratch database after the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is dropped, and the roles made for it.
    Clean,
    /// It ends with its cluster, in a moment.
    Leave,
}

/// [`prove`] without the checksums.
pub(super) async fn restore_and_compare(
    folder: &Path,
    manifest: &Manifest,
    ground: Ground<'_>,
    after: After,
    client: &Client,
    cancel: &Cancel,
    heard: &Listener<'_>,
) -> Result<Proof> {
    let session = Session::connect(&ground.url(), &client.application).await?;
    let server = Identity::read(&session).await?;
    if server.major() != manifest.major() {
        let message = format!(
            "a backup of PostgreSQL {} can't be proven on PostgreSQL {}: the comparison would mean nothing",
            manifest.major(),
            server.major()
        );
        return Err(Failure::new(code::BACKUP_FAILED, message)
            .hint("give a scratch server of the same major version"));
    }
    let name = format!("{}{}", strays::PROOF, unique());
    if matches!(ground, Ground::Server(_)) {
        strays::sweep(&session).await?;
        strays::hold(&session, &name).await?;
    }
    let mut trial =
        Trial { folder, manifest, ground, client, session: &session, name: &name, made: Vec::new() };
    trial.made = trial.roles(cancel).await?;
    // Boxed: whoever awaits this should not carry all of its state.
    let outcome = Box::pin(trial.run(cancel, heard)).await;
    let mut left = if after == After::Clean { trial.clean().await } else { Vec::new() };
    let (took, mut comparison) = outcome?;
    comparison.notes.append(&mut left);
    let comparison = comparison.equal("the restored copy")?;
    Ok(Proof {
        at: session.one(&format!("select {NOW}"), &[]).await?.get(0),
        server_version: server.version,
        restored_in_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        compared: comparison.compared,
        notes: comparison.notes,
        manifest_sha256: None,
    })
}

struct Trial<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    ground: Ground<'a>,
    client: &'a Client,
    /// In the scratch server's maintenance database.
    session: &'a Session,
    name: &'a str,
    /// The roles that were made for it.
    made: Vec<String>,
}

impl Trial<'_> {
    /// Makes the roles that are missing; those to be dropped again are returned.
    async fn roles(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let roles = &self.manifest.roles;
        if let Ground::Private(scratch) = self.ground
            && scratch.superuser() == roles.bootstrap
            && roles.not_readable.is_none()
        {
            self.roles_file(cancel).await?;
        }
        // On a server of others nothing but the name: attributes and passwords are not ours to give.
        let missing = missing_roles(self.session, self.manifest).await?;
        let made = make_roles(self.session, &missing).await;
        if let Err(failure) = made {
            clean(self.session, self.name, &missing).await;
            return Err(failure);
        }
        Ok(match self.ground {
            Ground::Private(_) => Vec::new(),
            Ground::Server(_) => missing,
        })
    }

    /// Runs `roles.sql`. Only one error is expected in it: that the cluster's own superuser exists.
    async fn roles_file(&self, cancel: &Cancel) -> Result<()> {
        let program = self
            .client
            .program("psql", &self.ground.url())
            .args(["--no-psqlrc", "--quiet", "--set=VERBOSITY=verbose", "--file"])
            .arg(self.folder.join(ROLES));
        let mut errors = Vec::new();
        let on_line = |stream: Stream, line: &str| {
            // 42710 is duplicate_object (PostgreSQL manual, appendix A).
            if stream == Stream::Err && line.contains("ERROR:  ") && !line.contains("ERROR:  42710:") {
                errors.push(line.to_owned());
            }
        };
        let message = "the roles of the backup can't be restored";
        client::run(&program, cancel, code::BACKUP_FAILED, message, on_line).await?;
        let first = errors.first().map(|_| Failure::new(code::BACKUP_FAILED, message));
        first.map_or(Ok(()), |failure| Err(errors.into_iter().take(20).fold(failure, Failure::cause)))
    }

    async fn run(&self, cancel: &Cancel, heard: &Listener<'_>) -> Result<(Duration, Comparison)> {
        let note = self.create().await?;
        let url = self.ground.url().with_database(self.name);
        let (folder, manifest, client) = (self.folder, self.manifest, self.client);
        let dump =
            Dump { folder, manifest, url: &url, tablespaces: false, code: code::BACKUP_FAILED, client };
        let took = Box::pin(pg_restore(dump, cancel, heard)).await?;
        let subject = Subject { folder, manifest, url: &url, same_major: true, tablespaces: false, client };
        let mut comparison = compare(subject, cancel, heard).await?;
        comparison.notes.extend(note);
        if matches!(self.ground, Ground::Private(_)) {
            manifest.settings.apply(self.session, self.name).await?;
            let found = DatabaseSettings::read(self.session, self.name).await?;
            comparison.settings(&manifest.settings, &found, false);
        }
        Ok((took, comparison))
    }

    /// An empty database, given to the target's owner where others have roles there too.
    async fn create(&self) -> Result<Option<String>> {
        let note = self.create_empty().await?;
        if matches!(self.ground, Ground::Server(_)) {
            strays::mark(self.session, self.name, &self.made).await?;
            give(self.session, self.name, &self.manifest.settings.owner).await;
        }
        Ok(note)
    }

    /// The database, with the target's locale where this machine has it. Where it has not, digests
    /// and catalog can still be compared; what depends on an order of texts fails, and is seen.
    async fn create_empty(&self) -> Result<Option<String>> {
        let (target, major) = (&self.manifest.target, self.manifest.major());
        let Err(failure) = create(self.session, self.name, target, None, major).await else {
            return Ok(None);
        };
        let c = || "C".to_owned();
        let libc = "c".to_owned();
        let plain = Target {
            collate: c(),
            ctype: c(),
            provider: libc,
            locale: None,
            icu_rules: None,
            ..target.clone()
        };
        if create(self.session, self.name, &plain, None, major).await.is_err() {
            return Err(failure);
        }
        Ok(Some(format!("restored with locale C, for the scratch server says: {}", failure.message)))
    }

    async fn clean(&self) -> Vec<String> {
        clean(self.session, self.name, &self.made).await
    }
}

/// Roles that own nothing yet. A role that is no superuser gives objects only to roles whose member
/// it is (PostgreSQL manual, ALTER TABLE, Notes), and is not always a member of those that it made.
async fn make_roles(session: &Session, names: &[String]) -> Result<()> {
    let row =
        session.one("select rolname::text, rolsuper from pg_roles where rolname = current_user", &[]).await?;
    let (me, superuser): (String, bool) = (row.get(0), row.get(1));
    for name in names {
        let role = ident(name);
        let mut sql = format!("create role {role}");
        if !superuser {
            sql = format!("{sql}; grant {role} to {}", ident(&me));
        }
        session.batch(&sql).await.map_err(|failure| {
            let message = format!("the scratch server has no role `{name}`, and role `{me}` can't make it");
            Failure::new(code::BACKUP_FAILED, message).cause(failure.message).hint(format!(
                "on the scratch server, as a superuser: create role {role}; grant {role} to {}",
                ident(&me)
            ))
        })?;
    }
    Ok(())
}

/// Drops what was made; what could not be dropped is named.
async fn clean(session: &Session, database: &str, roles: &[String]) -> Vec<String> {
    let mut left = Vec::new();
    if let Err(failure) = drop_database(session, database).await {
        left.push(format!("the scratch database {database} could not be dropped: {}", failure.message));
    }
    for role in roles {
        if let Err(failure) = session.batch(&format!("drop role if exists {}", ident(role))).await {
            left.push(format!("the scratch role {role} could not be dropped: {}", failure.message));
        }
    }
    left
}
