//! Taking: all goes well, and all that can go wrong leaves nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_model::{DatabaseUrl, code};
use switchback_postgres::backup::{Manifest, ProofOn, list, take};
use switchback_postgres::programs::Places;
use switchback_postgres::scratch::ScratchOptions;
use switchback_testkit::cluster;

use crate::sample::{private, quiet, request, sample, unproven};

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn modes(folder: &Path) {
    for path in entries(folder) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if path.is_dir() {
            modes(&path);
        }
    }
}

#[tokio::test]
async fn a_database_with_a_little_of_everything_is_proven() {
    let database = sample().await;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("new/backups");
    let mut heard = Vec::new();
    let request = request(&database, &directory, private()).await;
    let taken = take(&request, &Cancel::never(), &mut |p| heard.push((p.what.to_owned(), p.done, p.total)))
        .await
        .unwrap();

    let proof = taken.manifest.proof.as_ref().unwrap();
    assert_eq!((proof.compared.tables, proof.compared.rows), (6, 500 + 300 + 400 + 4));
    assert_eq!((proof.compared.sequences, proof.compared.large_objects), (3, 2));
    assert!(proof.compared.settings);
    assert_eq!(Manifest::read(&taken.folder).unwrap(), taken.manifest);
    assert_eq!(entries(&directory), std::slice::from_ref(&taken.folder), "something else was left");
    modes(&directory);
    for what in ["dump", "restore", "compare"] {
        let last = heard.iter().rfind(|(name, ..)| name == what).unwrap();
        assert_eq!(last.1, last.2, "{what} did not come to its end");
    }
    let sums = Command::new("sha256sum").args(["-c", "manifest.sha256"]).current_dir(&taken.folder).status();
    assert!(sums.unwrap().success());
}

#[tokio::test]
async fn an_index_that_is_not_valid_is_no_difference() {
    let database = cluster().await.database("half").await;
    database.run("create table twins (id int); insert into twins values (1), (1)").await;
    let session = database.session().await;
    let failed = session.batch("create unique index concurrently twins_id on public.twins (id)").await;
    assert!(failed.is_err());
    session.batch("comment on index public.twins_id is 'to be made again'").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let request = request(&database, folder.path(), private()).await;
    let taken = take(&request, &Cancel::never(), &mut quiet()).await.unwrap();
    let notes = taken.manifest.proof.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("twins_id") && note.contains("not valid")), "{notes:?}");
}

#[tokio::test]
async fn what_is_unusual_is_proven_too() {
    let database = cluster().await.database("it's = a \"name\"").await;
    let session = database.session().await;
    for sql in [
        "create table public.\"Quoted Table\" (\"a \"\"b\" text); insert into public.\"Quoted Table\" values (E'\\\\ \\n')",
        "create table public.nothing ()",
        "create materialized view public.stale as select count(*) from public.\"Quoted Table\"",
        "create materialized view public.unpopulated as select 1 as one with no data",
        "insert into public.\"Quoted Table\" values ('more')",
        "drop extension plpgsql",
    ] {
        session.batch(sql).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let request = request(&database, folder.path(), private()).await;
    let taken = take(&request, &Cancel::never(), &mut quiet()).await.unwrap();
    assert_eq!(taken.manifest.target.dropped, ["extension plpgsql"]);
    let notes = taken.manifest.proof.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("public.stale was stale")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("public.unpopulated")), "{notes:?}");
}

#[tokio::test]
async fn a_database_without_the_public_schema_is_proven() {
    let database = cluster().await.database("bare").await;
    database
        .session()
        .await
        .batch("drop schema public; create schema x; create table x.t as select 1 as n")
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let request = request(&database, folder.path(), private()).await;
    take(&request, &Cancel::never(), &mut quiet()).await.unwrap();
}

#[tokio::test]
async fn tablespaces_are_kept_by_a_restore_and_not_needed_by_a_proof() {
    let cluster = cluster().await;
    if cluster.major() < 15 {
        println!("tablespaces without a folder came with PostgreSQL 15");
        return;
    }
    let session = cluster.session().await;
    session.batch("set allow_in_place_tablespaces = on").await.unwrap();
    session.batch("create tablespace fast location ''").await.unwrap();
    session.batch("create database spaced tablespace fast").await.unwrap();
    let database = switchback_postgres::Session::connect(&cluster.url("spaced"), "test").await.unwrap();
    database.batch("create table public.t (n int) tablespace pg_default").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(&cluster.database("unused").await, folder.path(), private()).await;
    request.url = cluster.url("spaced");
    let taken = take(&request, &Cancel::never(), &mut quiet()).await.unwrap();
    assert_eq!(taken.manifest.settings.tablespace, "fast");
    crate::store::restore_into(&taken.folder, "spaced_again").await.unwrap();
    let sql = "select spcname::text from pg_database d join pg_tablespace t on t.oid = dattablespace \
               where datname = 'spaced_again'";
    assert_eq!(session.one(sql, &[]).await.unwrap().get::<_, String>(0), "fast");
}

#[tokio::test]
async fn writers_do_not_disturb_it() {
    let database = sample().await;
    let folder = tempfile::tempdir().unwrap();
    let request = request(&database, folder.path(), private()).await;
    let writer = database.session().await;
    let writing = async {
        loop {
            let sql = "insert into app.orders (user_id, placed) select n, now() from generate_series(1, 50) n; \
                       delete from app.events where at = (select min(at) from app.events)";
            writer.batch(sql).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let (never, mut heard) = (Cancel::never(), quiet());
    let taken = tokio::select! {
        taken = take(&request, &never, &mut heard) => taken.unwrap(),
        () = writing => unreachable!("it writes for ever"),
    };
    assert!(taken.manifest.moved.contains_key("app.orders_id_seq"), "{:?}", taken.manifest.moved);
}

#[tokio::test]
async fn on_a_server_of_others_nothing_is_left() {
    let database = sample().await;
    let other = crate::sample::scratch().await;
    let folder = tempfile::tempdir().unwrap();
    let request = request(&database, folder.path(), ProofOn::Server(other.url("postgres"))).await;
    let taken = take(&request, &Cancel::never(), &mut quiet()).await.unwrap();
    assert!(!taken.manifest.proof.unwrap().compared.settings);
    let session = switchback_postgres::Session::connect(&other.url("postgres"), "test").await.unwrap();
    let sql =
        "select (select count(*) from pg_database) + (select count(*) from pg_roles where rolname !~ '^pg_')";
    assert_eq!(session.one(sql, &[]).await.unwrap().get::<_, i64>(0), 4, "three databases and one role");
}

#[tokio::test]
async fn an_ordinary_owner_can_back_up_its_own_database() {
    let cluster = cluster().await;
    let owner = cluster.role("plain", "login").await;
    let database = cluster.database("owned").await;
    cluster.run(&format!("alter database {} owner to {owner}", database.name())).await;
    let url = cluster.url_as(&owner, database.name());
    let session = switchback_postgres::Session::connect(&url, "test").await.unwrap();
    session
        .batch("create schema mine; create table mine.t as select generate_series(1, 9) as n")
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(&database, folder.path(), private()).await;
    request.url = url;
    let taken = take(&request, &Cancel::never(), &mut quiet()).await.unwrap();
    assert_eq!(taken.manifest.roles.names, [owner]);
    assert_eq!(taken.manifest.roles.not_readable, None);
}

#[tokio::test]
async fn what_it_may_not_read_is_a_failure_and_leaves_nothing() {
    let cluster = cluster().await;
    let stranger = cluster.role("stranger", "login").await;
    let database = sample().await;
    cluster.run(&format!("grant connect on database {} to {stranger}", database.name())).await;
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(&database, folder.path(), private()).await;
    request.url = cluster.url_as(&stranger, database.name());
    let failure = take(&request, &Cancel::never(), &mut quiet()).await.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_FAILED, "{failure:?}");
    assert!(failure.causes.concat().contains("permission denied"), "{failure:?}");
    assert!(failure.changed.unwrap().contains("target is unchanged"));
    assert!(entries(folder.path()).is_empty());
}

#[tokio::test]
async fn a_full_disk_and_an_unwritable_folder_are_clear_failures() {
    let database = sample().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_a_file = request(&database, &file.join("backups"), private()).await;
    let failure = take(&below_a_file, &Cancel::never(), &mut quiet()).await.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_FAILED);
    assert!(failure.message.contains("backups"), "{failure}");

    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("only root can mount the small disk that this test fills");
        return;
    }
    let request = request(&database, &small, private()).await;
    let ended = take(&request, &Cancel::never(), &mut quiet()).await;
    let left = entries(&small);
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    let failure = ended.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_FAILED);
    assert!(format!("{failure:?}").contains("No space left on device"), "{failure:?}");
    assert!(failure.hints.concat().contains("room"), "{failure:?}");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn without_a_scratch_cluster_there_is_no_backup() {
    let database = sample().await;
    let folder = tempfile::tempdir().unwrap();
    let options = ScratchOptions { places: Places::only("/nowhere"), ..Default::default() };
    let request = request(&database, folder.path(), ProofOn::Private(Box::new(options))).await;
    let failure = take(&request, &Cancel::never(), &mut quiet()).await.unwrap_err();
    assert_eq!(failure.code, code::PROGRAM_MISSING);
    assert!(entries(folder.path()).is_empty());
}

#[tokio::test]
async fn cancelling_leaves_nothing() {
    let database = sample().await;
    for stop_at in ["dump", "restore", "compare"] {
        let folder = tempfile::tempdir().unwrap();
        let request = request(&database, folder.path(), private()).await;
        let (canceller, cancel) = cancel_pair();
        let mut stop = |p: switchback_postgres::backup::Progress<'_>| {
            if p.what == stop_at {
                canceller.cancel();
            }
        };
        let failure = take(&request, &cancel, &mut stop).await.unwrap_err();
        assert_eq!(failure.code, code::INTERRUPTED, "{stop_at}: {failure:?}");
        assert!(entries(folder.path()).is_empty(), "{stop_at}");
    }
}

/// Not a test by itself: the process that the next test kills in the middle of a backup.
#[tokio::test]
async fn stands_still_for_the_kill_test() {
    let (Some(url), Some(directory)) =
        (std::env::var_os("SB_TEST_URL"), std::env::var_os("SB_TEST_DIRECTORY"))
    else {
        return;
    };
    let url = DatabaseUrl::parse(url.to_str().unwrap()).unwrap();
    let bin = switchback_postgres::programs::find_client(url.parameter("major").unwrap().parse().unwrap())
        .await
        .unwrap();
    let client = switchback_postgres::backup::Client { bin, jobs: 2, application: "killed".to_owned() };
    let directory = PathBuf::from(directory);
    let request = switchback_postgres::backup::BackupRequest {
        url,
        directory: directory.clone(),
        client,
        note: None,
        revision: None,
        proof: private(),
    };
    let mut stand_still = |_: switchback_postgres::backup::Progress<'_>| {
        std::fs::write(directory.with_extension("reached"), "").unwrap();
        loop {
            std::thread::park();
        }
    };
    take(&request, &Cancel::never(), &mut stand_still).await.unwrap();
}

#[tokio::test]
async fn what_a_killed_one_left_is_removed_by_the_next() {
    let database = sample().await;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("backups");
    let url = format!("{}&major={}", database.url().expose(), cluster().await.major());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "take::stands_still_for_the_kill_test"])
        .env("SB_TEST_URL", url)
        .env("SB_TEST_DIRECTORY", &directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !directory.with_extension("reached").exists() {
        assert!(start.elapsed() < Duration::from_secs(20) && child.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let partial = entries(&directory);
    assert!(partial.len() == 1 && partial[0].file_name().unwrap().to_str().unwrap().starts_with(".partial-"));
    // While it lives, another backup leaves it alone, and no list shows it.
    let other = unproven(&database, &directory).await;
    assert!(partial[0].exists());
    assert_eq!(list(&directory).unwrap().len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let next = unproven(&database, &directory).await;
    let mut left = entries(&directory);
    left.sort();
    let mut expected = [other.folder, next.folder];
    expected.sort();
    assert_eq!(left, expected);
}
