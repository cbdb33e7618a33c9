//! Behind the closed fence: who may come in, and who is seen.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use switchback_model::DatabaseUrl;
use switchback_postgres::Session;
use switchback_testkit::{Host, Shape, TestCluster, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A deploy that stands still in its second migration, behind the fence.
struct Standing<'a> {
    host: &'a Host,
    deploy: Child,
    fenced: String,
}

impl<'a> Standing<'a> {
    async fn new(host: &'a Host) -> Self {
        let mut command = host.command(&host.deploy());
        command.env("MIGRATE_FAULT", "wait r3").stdout(Stdio::piped()).stderr(Stdio::piped());
        let deploy = command.spawn().unwrap();
        let start = Instant::now();
        while !host.path("code/r3.begun").exists() {
            assert!(start.elapsed() < Duration::from_mins(1), "the second migration never began");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let admin = host.cluster().session().await;
        let like = format!("{}_sb_%", host.database().name());
        let sql = "select datname::text from pg_database where datname like $1";
        let fenced = admin.one(sql, &[&like]).await.unwrap().get(0);
        Self { host, deploy, fenced }
    }

    /// Lets the migration fail; exit status and what was said.
    fn end(self) -> (Option<i32>, String) {
        self.host.write("code/r3.go", "");
        let output = self.deploy.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

async fn connect(url: &DatabaseUrl) -> switchback_model::Result<Session> {
    Session::connect(url, "a stray").await
}

/// A host whose target has privileges that are not the usual ones, and a role that may connect.
async fn host_with_grants(cluster: &'static TestCluster) -> (Host, String) {
    let host = Host::new(cluster, PROGRAM, Shape { page: false, ..Shape::default() }).await;
    let (stranger, friend) = (cluster.role("stranger", "login").await, cluster.role("friend", "login").await);
    let name = host.database().name().to_owned();
    cluster
        .run(&format!(
            "revoke connect on database {name} from public; \
             grant connect, create on database {name} to {stranger} with grant option; \
             set role {stranger}; grant connect on database {name} to {friend}"
        ))
        .await;
    (host, stranger)
}

#[tokio::test]
async fn nobody_else_may_connect_and_every_grant_comes_back() {
    let cluster = cluster().await;
    let (host, stranger) = host_with_grants(cluster).await;
    let start = host.state().await;
    assert!(connect(&cluster.url_as(&stranger, host.database().name())).await.is_ok());
    let standing = Standing::new(&host).await;
    let refused = connect(&cluster.url_as(&stranger, &standing.fenced)).await.unwrap_err();
    assert!(refused.causes.join("\n").contains("permission denied"), "{refused:?}");
    let copy = standing.fenced.replace("_sb_", "_rp_");
    assert!(connect(&cluster.url(&copy)).await.is_err(), "the restore point let a superuser in");
    let (status, said) = standing.end();
    assert_eq!(status, Some(4), "{said}");
    assert!(said.contains("nobody inside, nobody else may connect"), "{said}");
    start.assert_same(&host.state().await);
    host.expect(&host.deploy(), 0);
    let differences = start.settings.differences(&host.state().await.settings);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(connect(&cluster.url_as(&stranger, host.database().name())).await.is_ok());
}

/// A superuser can't be kept out, and neither can the migrator's own role: they are seen, and what
/// they may have written is not dropped without a word.
#[tokio::test]
async fn whoever_comes_in_as_the_migrators_role_is_seen() {
    let cluster = cluster().await;
    let host = Host::new(cluster, PROGRAM, Shape::default()).await;
    let start = host.state().await;
    let standing = Standing::new(&host).await;
    let stray = connect(&host.url().with_database(&standing.fenced)).await.unwrap();
    stray.batch("insert into public.starts (release) values ('stray')").await.unwrap();
    let (status, said) = standing.end();
    assert_eq!(status, Some(5), "{said}");
    assert!(said.contains("(a stray)") && said.contains("SB0507"), "{said}");
    drop(stray);
    host.expect(&["rollback", &host.last_run(), "--accept-loss"], 0);
    start.assert_same(&host.state().await);
}
