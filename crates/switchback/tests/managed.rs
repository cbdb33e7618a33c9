//! Servers on which nobody is a superuser: plain roles, with CREATEDB and without.

use switchback_testkit::{Host, Shape, State, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// Attributes of the maintenance role, and who owns the target.
#[derive(Clone, Copy)]
struct Server {
    attributes: &'static str,
    owned_by_application: bool,
}

const WITH_CREATEDB: Server = Server { attributes: "login createdb", owned_by_application: false };
const WITHOUT: Server = Server { attributes: "login", owned_by_application: false };

/// A host on a managed server: two plain roles, the one that maintains a member of the other.
async fn managed(shape: Shape, server: Server) -> Host {
    let cluster = cluster().await;
    let mut host = Host::new(cluster, PROGRAM, shape).await;
    let application = cluster.role("ada", "login").await;
    let maintenance = cluster.role("keeper", server.attributes).await;
    let name = host.database().name().to_owned();
    let owner = if server.owned_by_application { &application } else { &maintenance };
    cluster
        .run(&format!("grant {application} to {maintenance}; alter database {name} owner to {owner}"))
        .await;
    host.work_as(&application, &maintenance).await;
    host
}

fn assert_same(wanted: &State, found: &State) {
    let differences = wanted.differences(found);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn revision(host: &Host) -> String {
    host.database().text("select version_num from public.alembic_version").await
}

#[tokio::test]
async fn a_plain_role_with_createdb_deploys_and_goes_back() {
    let host = managed(Shape::default(), WITH_CREATEDB).await;
    let start = host.state().await;
    host.left_alone().await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "fail r3")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    assert_same(&start, &host.state().await);
    host.left_alone().await;
    host.expect(&host.deploy(), 0);
    assert_eq!(revision(&host).await, "r3");
    host.left_alone().await;
    host.expect(&["rollback"], 0);
    assert_same(&start, &host.state().await);
}

/// The backup is proven by the same plain role, on the same server: what a managed server offers.
#[tokio::test]
async fn the_owners_member_deploys_with_a_dump_and_proves_it_on_the_same_server() {
    let shape = Shape { restore_point: "dump", ..Shape::default() };
    let host = managed(shape, Server { owned_by_application: true, ..WITH_CREATEDB }).await;
    let admin = host.cluster().url("postgres").expose();
    let text = std::fs::read_to_string(host.path("switchback.toml")).unwrap();
    let theirs = text.lines().find_map(|line| line.strip_prefix("maintenance_url = ")).unwrap().to_owned();
    host.configure(&format!("scratch_url = \"{admin}\""), &format!("scratch_url = {theirs}"));
    let start = host.state().await;
    host.left_alone().await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "fail r3")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    assert_same(&start, &host.state().await);
    let left = "select count(*) from pg_database where datname like 'sb_proof%'";
    let left: i64 = host.cluster().session().await.one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

/// As a plain role without CREATEDB there is no rename and no copy: a soft fence and a downgrade
/// that is tried on a copy elsewhere.
#[tokio::test]
async fn without_createdb_the_closed_fence_is_refused_and_the_way_that_remains_is_named() {
    let host = managed(Shape { restore_point: "auto", ..Shape::default() }, WITHOUT).await;
    let start = host.state().await;
    host.left_alone().await;
    let refused = host.expect(&host.deploy(), 3);
    for words in ["CREATEDB", "no closed fence", "fence = \"read-only\" and restore_point = \"down\""] {
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
    }
    let doctor = host.expect(&["doctor"], 1);
    assert!(doctor.stdout.contains("the downgrade remains as way back"), "{}", doctor.stdout);
    assert_same(&start, &host.state().await);
}

#[tokio::test]
async fn without_createdb_the_downgrade_is_tried_on_a_copy_elsewhere() {
    let shape = Shape { fence: "read-only", restore_point: "auto", ..Shape::default() };
    let host = managed(shape, WITHOUT).await;
    let admin = host.cluster().url("postgres").expose();
    host.configure(&format!("scratch_url = \"{admin}\""), "scratch_url = \"\"");
    let start = host.state().await;
    host.left_alone().await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "fail r3")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    assert!(failed.stderr.contains("can't make databases"), "{}", failed.stderr);
    assert_same(&start, &host.state().await);
    host.left_alone().await;
    host.expect(&host.deploy(), 0);
    host.database().run("insert into public.notes (user_id, body) values (1, 'acknowledged')").await;
    host.left_alone().await;
    host.expect(&["rollback"], 0);
    assert_eq!(revision(&host).await, "r1");
    let kept = "select count(*)::text from public.notes where body = 'acknowledged'";
    assert_eq!(host.database().text(kept).await, "1");
}

#[tokio::test]
async fn without_createdb_and_without_a_downgrade_there_is_no_way_back_and_no_run() {
    let shape = Shape { fence: "read-only", restore_point: "auto", code: false, ..Shape::default() };
    let host = managed(shape, WITHOUT).await;
    let path = host.path("code/migrations/versions/r3.py");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("def downgrade():\n    run()", "def downgrade():\n    pass")).unwrap();
    let start = host.state().await;
    host.left_alone().await;
    let refused = host.expect(&host.deploy(), 3);
    assert!(refused.stderr.contains("r3: its downgrade() does nothing"), "{}", refused.stderr);
    assert_same(&start, &host.state().await);
}

/// A session that the role may not end would hold up the fence: that is known before the fence.
#[tokio::test]
async fn a_session_that_cant_be_ended_is_met_before_the_application_stops() {
    let host = managed(Shape::default(), WITH_CREATEDB).await;
    host.left_alone().await;
    host.expect(&host.deploy(), 0);
    let before = host.state().await;
    let stranger = host.database().session().await;
    let refused = host.expect(&["rollback"], 3);
    for words in ["SB0301", "sessions of superusers", "nothing was changed"] {
        assert!(refused.stderr.contains(words), "no `{words}` in\n{}", refused.stderr);
    }
    assert_same(&before, &host.state().await);
    drop(stranger);
    host.left_alone().await;
    host.expect(&["rollback"], 0);
    assert_eq!(revision(&host).await, "r1");
}
