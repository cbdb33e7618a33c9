//! A database with a little of everything, and how it is backed up.

use std::path::Path;

use switchback_engine::cancel::Cancel;
use switchback_model::Result;
use switchback_postgres::backup::{
    BackupRequest, Client, Ground, Progress, Proof, ProofOn, Taken, prove, take,
};
use switchback_postgres::programs::{Bin, find_client};
use switchback_postgres::scratch::{Scratch, ScratchOptions};
use switchback_testkit::{TestDatabase, cluster};
use tokio::sync::OnceCell;

pub(crate) fn quiet() -> impl FnMut(Progress<'_>) {
    |_| {}
}

/// With owner, grants, settings and comment of the database itself.
pub(crate) async fn sample() -> TestDatabase {
    let cluster = cluster().await;
    let database = cluster.database("ada").await;
    database.run(include_str!("sample.sql")).await;
    let (owner, reader) = (cluster.role("owner", "login").await, cluster.role("reader", "nologin").await);
    database
        .run(&format!(
            "alter table app.orders owner to {owner}; grant usage on schema app to {reader}; \
             grant select on app.users to {reader}; grant select (id, placed) on app.orders to {reader}; \
             alter default privileges for role {owner} in schema app grant select on tables to {reader}; \
             grant select on large object 424242 to {reader}"
        ))
        .await;
    let name = database.name();
    cluster
        .run(&format!(
            "alter database {name} owner to {owner}; alter database {name} connection limit 42; \
             comment on database {name} is 'The sample'; alter database {name} set work_mem = '7MB'; \
             alter role {reader} in database {name} set statement_timeout = '9s'; \
             grant connect on database {name} to {reader}; revoke temporary on database {name} from public"
        ))
        .await;
    database
}

pub(crate) async fn client() -> Client {
    static BIN: OnceCell<Bin> = OnceCell::const_new();
    let bin = BIN.get_or_init(async || find_client(cluster().await.major()).await.unwrap()).await.clone();
    Client { bin, jobs: 2, application: "switchback test".to_owned() }
}

pub(crate) async fn request(database: &TestDatabase, directory: &Path, proof: ProofOn) -> BackupRequest {
    let note = Some("from a test".to_owned());
    BackupRequest {
        url: database.url(),
        directory: directory.to_owned(),
        client: client().await,
        note,
        revision: None,
        proof,
    }
}

pub(crate) fn private() -> ProofOn {
    ProofOn::Private(Box::default())
}

/// A backup without its proof, for tests that prove it themselves.
pub(crate) async fn unproven(database: &TestDatabase, directory: &Path) -> Taken {
    let request = request(database, directory, ProofOn::Nowhere).await;
    take(&request, &Cancel::never(), &mut quiet()).await.unwrap()
}

pub(crate) async fn scratch() -> Scratch {
    Scratch::start(&ScratchOptions::default(), &Cancel::never()).await.unwrap()
}

pub(crate) async fn proof(folder: &Path, scratch: &Scratch) -> Result<Proof> {
    prove(folder, Ground::Private(scratch), &client().await, &Cancel::never(), &mut quiet()).await
}
