//! The one place that knows where the test server is: the cluster of this process, or, to try
//! another version, the one whose socket folder stands in `SWITCHBACK_TEST_SOCKET`.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_postgres::session::ident;
use switchback_testkit::cluster;

/// A database of its own, dropped by [`Database::end`].
pub(crate) struct Database {
    pub(crate) url: DatabaseUrl,
}

impl Database {
    /// A session as the superuser.
    pub(crate) async fn session(&self) -> Session {
        Session::connect(&self.url, "test").await.unwrap()
    }

    /// Runs statements in it.
    pub(crate) async fn run(&self, sql: &str) {
        self.session().await.batch(sql).await.unwrap();
    }

    /// A copy of it by `CREATE DATABASE … TEMPLATE`.
    pub(crate) async fn copy(&self) -> Self {
        made_as(&self.url, &format!("template {}", ident(self.url.database()))).await
    }

    /// A copy of it by `pg_dump` and `pg_restore`.
    pub(crate) async fn restored(&self) -> Self {
        let copy = made_as(&self.url, "template template0").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dump").display().to_string();
        program("pg_dump", &["-Fc", "-f", &file, &self.url.expose()]);
        program("pg_restore", &["--exit-on-error", "-d", &copy.url.expose(), &file]);
        copy
    }

    /// Drops it.
    pub(crate) async fn end(self) {
        let sql = format!("drop database {} with (force)", ident(self.url.database()));
        maintenance(&self.url).await.batch(&sql).await.unwrap();
    }
}

/// A session to the server's maintenance database.
pub(crate) async fn maintenance(url: &DatabaseUrl) -> Session {
    Session::connect(&url.with_database("postgres"), "test").await.unwrap()
}

/// A new, empty database.
pub(crate) async fn database() -> Database {
    let url = match std::env::var_os("SWITCHBACK_TEST_SOCKET") {
        Some(folder) => {
            let text = format!("postgresql://postgres@/postgres?host={}", folder.to_string_lossy());
            DatabaseUrl::parse(&text).unwrap()
        }
        None => cluster().await.url("postgres"),
    };
    made_as(&url, "template template0").await
}

async fn made_as(url: &DatabaseUrl, how: &str) -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    maintenance(url).await.batch(&format!("create database {name} {how}")).await.unwrap();
    Database { url: url.with_database(&name) }
}

/// Runs a client program of the server's version.
fn program(name: &str, arguments: &[&str]) {
    let folder =
        std::env::var_os("SWITCHBACK_TEST_BIN").unwrap_or_else(|| "/usr/lib/postgresql/15/bin".into());
    let output = std::process::Command::new(Path::new(&folder).join(name)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}
