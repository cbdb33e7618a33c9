//! A scratch cluster on the real programs: it answers, it is private, and it is gone at the end.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and that is all")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_model::code;
use switchback_postgres::Session;
use switchback_postgres::programs::Places;
use switchback_postgres::scratch::{Scratch, ScratchOptions};

/// Set for a child of the kill test: where it writes the folder of the cluster it holds.
const HOLD: &str = "SWITCHBACK_TEST_HOLD";

fn options(settings: &[(&str, &str)]) -> ScratchOptions {
    let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    ScratchOptions { settings, ..Default::default() }
}

async fn start(settings: &[(&str, &str)]) -> Scratch {
    Scratch::start(&options(settings), &Cancel::never()).await.unwrap()
}

fn server_pid(folder: &Path) -> u32 {
    let text = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

fn process_is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(15), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn answers_is_private_and_leaves_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let before = Instant::now();
    let scratch = start(&[("application_name", "it's mine")]).await;
    let took = before.elapsed();
    let session = Session::connect(&scratch.url("postgres"), "test").await.unwrap();
    let show =
        async |name: &str| session.one(&format!("show {name}"), &[]).await.unwrap().get::<_, String>(0);
    assert_eq!(show("listen_addresses").await, "");
    assert_eq!(show("fsync").await, "off");
    let mode = std::fs::metadata(scratch.folder()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let folder = scratch.folder().to_owned();
    let pid = server_pid(&folder);
    scratch.stop().await.unwrap();
    assert!(!folder.exists() && !process_is_there(pid));
    println!("initdb and start: {took:?}");
}

#[tokio::test]
async fn a_durable_one_syncs() {
    let durable = ScratchOptions { durable: true, ..Default::default() };
    let scratch = Scratch::start(&durable, &Cancel::never()).await.unwrap();
    let session = Session::connect(&scratch.url("postgres"), "test").await.unwrap();
    assert_eq!(session.one("show fsync", &[]).await.unwrap().get::<_, String>(0), "on");
    scratch.stop().await.unwrap();
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let scratch = start(&[]).await;
    let folder = scratch.folder().to_owned();
    let pid = server_pid(&folder);
    // An open transaction must not hold it up.
    let session = Session::connect(&scratch.url("postgres"), "test").await.unwrap();
    session.batch("begin; select txid_current()").await.unwrap();
    drop(scratch);
    until("server and folder are gone", || !folder.exists() && !process_is_there(pid)).await;
}

#[tokio::test]
async fn a_server_that_can_not_start_shows_its_log() {
    let options = options(&[("no_such_setting", "1")]);
    let failure = Scratch::start(&options, &Cancel::never()).await.unwrap_err();
    assert_eq!(failure.code, code::CLUSTER_START);
    assert!(failure.causes.concat().contains("no_such_setting"), "{failure:?}");
}

#[tokio::test]
async fn an_unknown_locale_shows_what_initdb_says() {
    let options = ScratchOptions { locale: "xx_XX".to_owned(), ..Default::default() };
    let failure = Scratch::start(&options, &Cancel::never()).await.unwrap_err();
    assert_eq!(failure.code, code::CLUSTER_START);
    assert!(failure.causes.concat().contains("xx_XX"), "{failure:?}");
}

#[tokio::test]
async fn without_server_programs_the_package_is_named() {
    let options = ScratchOptions { major: Some(16), places: Places::only("/nowhere"), ..Default::default() };
    let failure = Scratch::start(&options, &Cancel::never()).await.unwrap_err();
    assert_eq!(failure.code, code::PROGRAM_MISSING);
    assert!(failure.hints[0].contains("postgresql-16"));
}

#[tokio::test]
async fn a_start_that_is_cancelled_leaves_nothing() {
    let parent = tempfile::tempdir_in("/tmp").unwrap();
    open_to_all(parent.path());
    let (canceller, cancel) = cancel_pair();
    canceller.cancel();
    let options = ScratchOptions { parent: parent.path().to_owned(), ..Default::default() };
    let failure = Scratch::start(&options, &cancel).await.unwrap_err();
    assert_eq!(failure.code, code::INTERRUPTED);
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_dies_is_noticed_and_leaves_nothing() {
    let mut scratch = start(&[]).await;
    let folder = scratch.folder().to_owned();
    assert!(scratch.is_running());
    kill("-KILL", server_pid(&folder));
    until("the keeper has ended", || !scratch.is_running()).await;
    assert!(!folder.exists());
}

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
async fn holds_a_cluster_for_the_kill_test() {
    let Some(path) = std::env::var_os(HOLD) else { return };
    let scratch = start(&[]).await;
    let unfinished = Path::new(&path).with_extension("new");
    std::fs::write(&unfinished, scratch.folder().to_str().unwrap()).unwrap();
    std::fs::rename(unfinished, path).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_owner_takes_the_cluster_with_it() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("folder");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_cluster_for_the_kill_test"])
        .env(HOLD, &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the child holds a cluster", || path.exists()).await;
    let folder = std::path::PathBuf::from(std::fs::read_to_string(&path).unwrap());
    let pid = server_pid(&folder);
    assert!(process_is_there(pid));
    child.kill().unwrap();
    child.wait().unwrap();
    until("server and folder are gone", || !folder.exists() && !process_is_there(pid)).await;
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// Root's clusters belong to another user, who must be able to pass through.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}
