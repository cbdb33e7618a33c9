//! One private PostgreSQL cluster per test process, and a fresh database for every test.
//!
//! The cluster is started by the first test that asks and ends with the process, even when that is
//! killed: see [`Scratch`]. It holds no connection and belongs to no runtime, so tests with a
//! runtime of their own can share it. Databases are left to the cluster's end.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use switchback_engine::cancel::Cancel;
use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_postgres::programs::Places;
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_postgres::session::{ident, literal};
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<TestCluster> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// The cluster of this test process.
#[derive(Debug)]
pub struct TestCluster {
    admin: DatabaseUrl,
    major: u16,
    /// It ends with this; a server that somebody else looks after has none.
    _scratch: Option<Scratch>,
}

/// A database of one test.
#[derive(Debug)]
pub struct TestDatabase {
    url: DatabaseUrl,
}

/// The cluster of this test process; started by the first call (about a second).
pub async fn cluster() -> &'static TestCluster {
    CLUSTER.get_or_init(TestCluster::start).await
}

impl TestCluster {
    /// A cluster with what tests look at switched on: logical decoding, prepared transactions.
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A cluster of one test's own, with more settings (about a second).
    pub async fn start_with(more: &[(&str, &str)]) -> Self {
        let settings =
            [("wal_level", "logical"), ("max_wal_senders", "4"), ("max_prepared_transactions", "8")];
        let settings = settings.iter().chain(more);
        let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::start_as(ScratchOptions { settings, ..Default::default() }).await
    }

    /// A cluster of one test's own, of the programs in this folder.
    pub async fn start_from(bin: &Path) -> Self {
        Self::start_as(ScratchOptions { places: Places::only(bin), ..Default::default() }).await
    }

    async fn start_as(options: ScratchOptions) -> Self {
        let scratch = Scratch::start(&options, &Cancel::never()).await.expect("a cluster for tests");
        Self { admin: scratch.url("postgres"), major: scratch.version().major, _scratch: Some(scratch) }
    }

    /// A server that is looked after elsewhere, by the URL of its superuser `postgres`.
    pub fn of(admin: DatabaseUrl, major: u16) -> Self {
        Self { admin, major, _scratch: None }
    }

    /// A cluster of its own that lives as long as the process.
    pub async fn leaked() -> &'static Self {
        Box::leak(Box::new(Self::start().await))
    }

    /// The URL of a database of the cluster, as superuser; `postgres` is the maintenance database.
    pub fn url(&self, database: &str) -> DatabaseUrl {
        self.admin.with_database(database)
    }

    /// The URL of a database as another role of the cluster (there are no passwords).
    pub fn url_as(&self, role: &str, database: &str) -> DatabaseUrl {
        let login = format!("{role}@");
        let url = self.url(database).expose().replacen("postgres@", &login, 1);
        DatabaseUrl::parse(&url).expect("a role name without special characters")
    }

    /// The server's major version.
    pub fn major(&self) -> u16 {
        self.major
    }

    /// A new, empty database; its name begins with `hint` and is like no other.
    pub async fn database(&self, hint: &str) -> TestDatabase {
        let name = unique(hint);
        self.run(&format!("create database {}", ident(&name))).await;
        TestDatabase { url: self.url(&name) }
    }

    /// A new role with these attributes (`login createdb`), named like no other; its name.
    pub async fn role(&self, hint: &str, attributes: &str) -> String {
        let name = unique(hint);
        self.run(&format!("create role {} {attributes}", ident(&name))).await;
        name
    }

    /// Whether a database of this name is there.
    pub async fn has_database(&self, name: &str) -> bool {
        let sql = format!("select 1 from pg_database where datname = {}", literal(name));
        !self.session().await.rows(&sql, &[]).await.expect("a list of databases").is_empty()
    }

    /// A session in the maintenance database.
    pub async fn session(&self) -> Session {
        connect(&self.url("postgres")).await
    }

    /// Statements in the maintenance database.
    pub async fn run(&self, sql: &str) {
        self.session().await.batch(sql).await.expect(sql);
    }
}

impl TestDatabase {
    /// Its URL, as superuser.
    pub fn url(&self) -> DatabaseUrl {
        self.url.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.url.database()
    }

    /// A new session in it. Its search path is `pg_catalog`: names need their schema.
    pub async fn session(&self) -> Session {
        connect(&self.url).await
    }

    /// Statements in it, with the search path `public`.
    pub async fn run(&self, sql: &str) {
        let session = self.session().await;
        session.batch("set search_path = public").await.expect("a search path");
        session.batch(sql).await.expect(sql);
    }

    /// The first column of the first row of a query, which must be text.
    pub async fn text(&self, sql: &str) -> String {
        self.session().await.one(sql, &[]).await.expect(sql).get(0)
    }
}

async fn connect(url: &DatabaseUrl) -> Session {
    Session::connect(url, "switchback tests").await.expect("a session in the test cluster")
}

/// Unique in the cluster, which belongs to this process alone.
fn unique(hint: &str) -> String {
    format!("{hint}_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
