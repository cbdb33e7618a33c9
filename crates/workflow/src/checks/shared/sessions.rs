//! Sessions in one snapshot, opened as they are needed and used again.

use std::cell::RefCell;
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_model::{DatabaseUrl, Failure, Result, code};
use switchback_postgres::Row;
use switchback_postgres::Session;
use switchback_postgres::snapshot::in_snapshot;
use tokio::sync::Semaphore;

/// Compiling a query would take longer than most of them run; and the sets of rows that are compared
/// should find room.
const PLANNER: &str = "set jit = off; set work_mem = '32MB'; set quote_all_identifiers = off";

/// How long ending the sessions may take.
const ENDING: Duration = Duration::from_secs(5);

/// Up to `jobs` sessions in an exported snapshot.
pub struct Sessions<'a> {
    url: &'a DatabaseUrl,
    application: &'a str,
    snapshot: &'a str,
    cancel: &'a Cancel,
    free: Semaphore,
    idle: RefCell<Vec<Session>>,
    pids: RefCell<Vec<i32>>,
}

impl<'a> Sessions<'a> {
    /// None is opened yet.
    pub fn new(
        url: &'a DatabaseUrl,
        application: &'a str,
        snapshot: &'a str,
        jobs: usize,
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            url,
            application,
            snapshot,
            cancel,
            free: Semaphore::new(jobs.max(1)),
            idle: RefCell::default(),
            pids: RefCell::default(),
        }
    }

    /// The target, under the name it has now.
    pub fn url(&self) -> &DatabaseUrl {
        self.url
    }

    /// The rows of a query in the snapshot; without parameters.
    ///
    /// # Errors
    /// As [`Sessions::with`].
    pub async fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        self.with(async |session| session.rows(sql, &[]).await).await
    }

    /// Waits for a session and works with it. What `work` sets there must be set back: others take
    /// it over. One whose work failed is thrown away, its transaction being broken.
    ///
    /// # Errors
    /// Those of `work` and of [`in_snapshot`]; [`code::INTERRUPTED`].
    pub async fn with<T>(&self, work: impl AsyncFnOnce(&Session) -> Result<T>) -> Result<T> {
        let _permit = self.free.acquire().await.map_err(|_| interrupted())?;
        if self.cancel.is_cancelled() {
            return Err(interrupted());
        }
        let idle = self.idle.borrow_mut().pop();
        let session = match idle {
            Some(session) => session,
            None => self.open().await?,
        };
        let done = work(&session).await?;
        self.idle.borrow_mut().push(session);
        Ok(done)
    }

    async fn open(&self) -> Result<Session> {
        let session = in_snapshot(self.url, self.application, self.snapshot).await?;
        self.pids.borrow_mut().push(session.pid());
        session.batch(PLANNER).await?;
        Ok(session)
    }

    /// Ends all of them on the server too, with what they run. Nothing is lost: they only read.
    pub async fn end(&self) {
        let pids = self.pids.borrow().clone();
        if pids.is_empty() {
            return;
        }
        let end = async {
            let session = Session::connect(self.url, self.application).await?;
            let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                       where pid = any($1) and application_name = current_setting('application_name')";
            session.rows(sql, &[&pids]).await
        };
        // Where the server can't be reached, their connections are gone as well.
        drop(tokio::time::timeout(ENDING, end).await);
    }
}

fn interrupted() -> Failure {
    Failure::new(code::INTERRUPTED, "the checks were interrupted")
}
