//! Backups that were restored and compared before anybody calls them one.
//!
//! A backup is a folder: the dump (`pg_dump`, directory format), the roles, the catalog, and a
//! manifest that is written last. It is made in `.partial-ID` and renamed to `ID` when it is proven,
//! so whatever has a name without a leading dot is complete.
//!
//! ```text
//! ID/dump/…           pg_dump --format=directory
//! ID/roles.sql        pg_dumpall --roles-only --no-role-passwords, where the role may read it
//! ID/catalog.json     every object of the database, as the dump's snapshot saw it
//! ID/manifest.json    what it is, what is in it, what it was compared with
//! ID/manifest.sha256  for `sha256sum -c manifest.sha256`, run in the folder
//! ID/proof.json       the last proof after the first one, where there was one
//! ID/damaged.json     what a look found wrong with it, until a later one finds it good
//! ```

use std::cell::RefCell;
use std::io::ErrorKind;
use std::pin::pin;

use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_model::{Code, Failure, Result, code};

pub use client::Client;
pub use draft::sweep_directory;
pub use manifest::{Compared, FileFacts, Manifest, Proof, Roles, SnapshotFacts, Target};
pub use mark::Mark;
pub use prove::{Ground, dismantle, prove, rebuild, scratch_options};
pub use restore::{RestoreRequest, Restored, restore};
pub use store::{Listed, PruneRequest, Pruned, find, list, prune, verify};
pub use strays::sweep_server;
pub use take::{BackupRequest, ProofOn, Taken, take};

mod client;
mod compare;
mod draft;
mod files;
pub mod manifest;
mod mark;
pub mod prove;
mod restore;
pub mod store;
mod strays;
pub mod take;

/// How far a long act has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done: `dump`, `restore`, `compare`, `checksums`.
    pub what: &'a str,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, as far as it is known.
    pub total: u64,
}

/// Who hears of progress. Two works that run at the same time share one.
pub(super) struct Listener<'a>(RefCell<&'a mut dyn FnMut(Progress<'_>)>);

impl<'a> Listener<'a> {
    pub(super) fn new(progress: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        Self(RefCell::new(progress))
    }

    pub(super) fn hear(&self, what: &str, done: u64, total: u64) {
        (self.0.borrow_mut())(Progress { what, done, total });
    }
}

/// Runs two works at the same time. The first failure, or `cancel`, tells the other one to stop, and
/// both have ended when this returns.
pub(super) async fn together<A, B>(
    cancel: &Cancel,
    first: impl AsyncFnOnce(&Cancel) -> Result<A>,
    second: impl AsyncFnOnce(&Cancel) -> Result<B>,
) -> Result<(A, B)> {
    let (canceller, inner) = cancel_pair();
    let first = async {
        let ended = first(&inner).await;
        ended.inspect_err(|_| canceller.cancel())
    };
    let second = async {
        let ended = second(&inner).await;
        ended.inspect_err(|_| canceller.cancel())
    };
    let mut both = pin!(futures_util::future::join(first, second));
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            canceller.cancel();
            both.await
        }
        ended = &mut both => ended,
    };
    match ended {
        (Ok(first), Ok(second)) => Ok((first, second)),
        // The one that was told to stop is not the reason.
        (Err(first), Err(second)) if first.code == code::INTERRUPTED => Err(second),
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
    }
}

const UNWRITABLE: &str = "look whose that folder is (ls -ld) and how its disk is mounted (findmnt), \
    or name another one: `directory` in [environments.NAME.backup]";

pub(super) fn io(code: Code, what: impl Into<String>, error: &std::io::Error) -> Failure {
    let failure = Failure::new(code, what).because(error);
    match error.kind() {
        ErrorKind::StorageFull => failure.hint("make room there, or name another folder"),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied | ErrorKind::NotADirectory => {
            failure.hint(UNWRITABLE)
        }
        _ => failure,
    }
}

/// Runs what blocks (reading, hashing, syncing files) on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(ended) => ended,
        Err(error) => {
            Err(Failure::new(code::INTERNAL, "a thread that reads files ended early").because(&error))
        }
    }
}
