//! Backups of a directory: listed, found, verified again, pruned, restored.

use std::fs;
use std::path::Path;

use switchback_engine::cancel::Cancel;
use switchback_model::{Result, code};
use switchback_postgres::Session;
use switchback_postgres::backup::{
    Ground, Listed, PruneRequest, RestoreRequest, Restored, find, list, prune, restore, take, verify,
};
use switchback_testkit::{TestDatabase, cluster};

use crate::sample::{client, private, quiet, request, sample, scratch, unproven};

async fn small(hint: &str) -> TestDatabase {
    let database = cluster().await.database(hint).await;
    database.run("create table t as select generate_series(1, 10) as n").await;
    database
}

fn ids(directory: &Path) -> Vec<String> {
    list(directory).unwrap().into_iter().map(|backup| backup.id).collect()
}

#[tokio::test]
async fn a_list_shows_what_is_proven_and_what_is_damaged() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("backups");
    assert!(list(&directory).unwrap().is_empty(), "no directory, no backups");
    let database = small("one").await;
    let proven =
        take(&request(&database, &directory, private()).await, &Cancel::never(), &mut quiet()).await.unwrap();
    let unproven_one = unproven(&database, &directory).await;
    let damaged = unproven(&small("two").await, &directory).await;
    fs::remove_file(damaged.folder.join("dump/toc.dat")).unwrap();
    let all = list(&directory).unwrap();
    assert_eq!(all.len(), 3);
    for backup in &all {
        assert_eq!(backup.is_proven(), backup.id == proven.id);
        assert_eq!(backup.damaged().is_some(), backup.id == damaged.id);
        assert!(backup.bytes > 0);
    }
    assert_eq!(find(&directory, &proven.id).unwrap().id, proven.id);
    let unique = &unproven_one.id[..unproven_one.id.len() - 1];
    assert_eq!(find(&directory, unique).unwrap().id, unproven_one.id);
    assert_eq!(find(&directory, proven.folder.to_str().unwrap()).unwrap().id, proven.id);
    for name in ["", "2", "nothing"] {
        assert_eq!(find(&directory, name).unwrap_err().code, code::BACKUP_UNKNOWN, "{name}");
    }
}

#[tokio::test]
async fn verifying_again_keeps_the_new_proof_beside_the_manifest() {
    let root = tempfile::tempdir().unwrap();
    let backup = unproven(&small("again").await, root.path()).await;
    assert!(!list(root.path()).unwrap()[0].is_proven());
    let scratch = scratch().await;
    let ground = Some(Ground::Private(&scratch));
    for _ in 0..2 {
        let proof =
            verify(&backup.folder, ground, &client().await, &Cancel::never(), &mut quiet()).await.unwrap();
        assert_eq!(list(root.path()).unwrap()[0].proof, proof);
    }
    assert!(list(root.path()).unwrap()[0].is_proven());
}

#[tokio::test]
async fn pruning_spares_the_last_proven_one_and_what_is_damaged() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (small("one").await, small("two").await);
    let proven =
        take(&request(&one, root.path(), private()).await, &Cancel::never(), &mut quiet()).await.unwrap();
    let mut later = Vec::new();
    for _ in 0..3 {
        later.push(unproven(&one, root.path()).await.id);
    }
    let other = unproven(&two, root.path()).await;
    let damaged = unproven(&two, root.path()).await;
    fs::write(damaged.folder.join("manifest.json"), "{}").unwrap();

    let listed: Vec<_> = ids(root.path()).into_iter().filter(|id| later.contains(id)).collect();
    assert_eq!(listed, later.iter().rev().cloned().collect::<Vec<_>>(), "one second may have several");
    let needed = [(later[0].clone(), "a run needs it".to_owned())].into();
    let request = PruneRequest { keep: 2, needed, dry_run: false };
    assert_eq!(prune(root.path(), &request, &mut quiet()).await.unwrap().spared[&later[0]], "a run needs it");
    fs::create_dir(root.path().join(".partial-of-a-dead-one")).unwrap();
    let request = PruneRequest { keep: 2, ..Default::default() };
    let would =
        prune(root.path(), &PruneRequest { dry_run: true, ..request.clone() }, &mut quiet()).await.unwrap();
    assert_eq!(would.removed, [later[0].clone()]);
    assert_eq!(ids(root.path()).len(), 6);
    let pruned = prune(root.path(), &request, &mut quiet()).await.unwrap();
    assert_eq!(pruned.removed, [later[0].clone()]);
    assert_eq!(pruned.swept, [".partial-of-a-dead-one"]);
    assert!(pruned.spared[&proven.id].contains("proven"));
    assert!(pruned.spared.contains_key(&damaged.id));
    assert_eq!(ids(root.path()).len(), 5);

    let held = fs::File::open(root.path().join(&later[1])).unwrap();
    held.try_lock_shared().unwrap();
    let pruned = prune(root.path(), &PruneRequest::default(), &mut quiet()).await.unwrap();
    assert!(pruned.spared[&later[1]].contains("reading"), "{pruned:?}");
    assert!(pruned.removed.contains(&later[2]) && pruned.removed.contains(&other.id));
    let mut left = ids(root.path());
    left.sort();
    let mut expected = vec![proven.id, later[1].clone(), damaged.id];
    expected.sort();
    assert_eq!(left, expected);
}

/// Another byte in the same place: only the checksum shows it.
fn damage(folder: &Path) {
    let contents = folder.join("dump/toc.dat");
    let mut bytes = fs::read(&contents).unwrap();
    let last = bytes.last_mut().unwrap();
    *last = !*last;
    fs::write(contents, bytes).unwrap();
}

fn shown(directory: &Path, id: &str) -> Listed {
    list(directory).unwrap().into_iter().find(|backup| backup.id == id).unwrap()
}

#[tokio::test]
async fn pruning_reads_what_it_keeps_before_it_removes_anything() {
    let root = tempfile::tempdir().unwrap();
    let one = small("kept").await;
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(unproven(&one, root.path()).await);
    }
    let [oldest, older, whole, damaged] = taken.try_into().unwrap();
    damage(&damaged.folder);
    assert_eq!(shown(root.path(), &damaged.id).damaged(), None, "a look at sizes does not see it");
    let request = PruneRequest { keep: 1, dry_run: true, ..Default::default() };
    let would = prune(root.path(), &request, &mut quiet()).await.unwrap();
    assert!(would.spared[&damaged.id].contains("SHA-256"), "{would:?}");
    assert_eq!(would.removed, [older.id.clone(), oldest.id.clone()]);
    assert_eq!(shown(root.path(), &damaged.id).mark, None, "a dry run writes nothing");

    let request = PruneRequest { keep: 1, ..Default::default() };
    let pruned = prune(root.path(), &request, &mut quiet()).await.unwrap();
    assert_eq!(pruned.removed, would.removed);
    assert!(shown(root.path(), &damaged.id).damaged().unwrap().contains("SHA-256"));
    assert_eq!(ids(root.path()), [damaged.id, whole.id]);
}

#[tokio::test]
async fn nothing_is_removed_for_the_sake_of_damaged_ones() {
    let root = tempfile::tempdir().unwrap();
    let one = small("spoilt").await;
    let proven =
        take(&request(&one, root.path(), private()).await, &Cancel::never(), &mut quiet()).await.unwrap();
    let mut spoilt = Vec::new();
    for _ in 0..2 {
        spoilt.push(unproven(&one, root.path()).await);
        damage(&spoilt.last().unwrap().folder);
    }
    let request = PruneRequest { keep: 1, ..Default::default() };
    let pruned = prune(root.path(), &request, &mut quiet()).await.unwrap();
    assert!(pruned.removed.is_empty(), "{pruned:?}");
    assert!(shown(root.path(), &proven.id).is_proven());
    assert_eq!(ids(root.path()).len(), 3);
}

#[tokio::test]
async fn what_a_look_found_wrong_is_remembered_until_another_finds_it_good() {
    let root = tempfile::tempdir().unwrap();
    let backup = unproven(&small("doubted").await, root.path()).await;
    let scratch = scratch().await;
    let ground = Some(Ground::Private(&scratch));
    let (client, never) = (client().await, Cancel::never());
    verify(&backup.folder, ground, &client, &never, &mut quiet()).await.unwrap();
    assert!(shown(root.path(), &backup.id).is_proven());
    damage(&backup.folder);
    for _ in 0..2 {
        let failure = verify(&backup.folder, None, &client, &never, &mut quiet()).await.unwrap_err();
        assert_eq!(failure.code, code::BACKUP_DAMAGED);
        assert_eq!(failure.causes, [""; 0], "the mark is no part of the backup");
    }
    let listed = shown(root.path(), &backup.id);
    assert!(!listed.is_proven() && listed.damaged().unwrap().contains("dump/toc.dat"), "{listed:?}");
    damage(&backup.folder);
    verify(&backup.folder, None, &client, &never, &mut quiet()).await.unwrap();
    assert!(shown(root.path(), &backup.id).is_proven(), "the disk that gave wrong bytes was mended");

    let differed = r#"{"at":"2026-01-02T03:04:05Z","failure":{"code":"SB0602","message":"it differs"}}"#;
    fs::write(backup.folder.join("damaged.json"), differed).unwrap();
    verify(&backup.folder, None, &client, &never, &mut quiet()).await.unwrap();
    assert_eq!(shown(root.path(), &backup.id).damaged(), Some("it differs"), "nobody restored it");
    verify(&backup.folder, ground, &client, &never, &mut quiet()).await.unwrap();
    assert!(shown(root.path(), &backup.id).is_proven());
}

pub(crate) async fn restore_into(folder: &Path, into: &str) -> Result<Restored> {
    let (cluster, client) = (cluster().await, client().await);
    let server = cluster.url("postgres");
    let request = RestoreRequest { folder, server: &server, into, filling: None, client: &client };
    restore(&request, &Cancel::never(), &mut quiet()).await
}

async fn databases() -> Vec<String> {
    let rows =
        cluster().await.session().await.rows("select datname::text from pg_database order by 1", &[]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_restore_makes_a_new_database_with_settings_and_never_replaces_one() {
    let cluster = cluster().await;
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let backup = unproven(&database, root.path()).await;
    let before = databases().await;
    let failure = restore_into(&backup.folder, database.name()).await.unwrap_err();
    assert_eq!(failure.code, code::RESTORE_REFUSED);
    assert_eq!(databases().await, before);

    let into = format!("{}_beside", database.name());
    let restored = restore_into(&backup.folder, &into).await.unwrap();
    assert!(restored.compared.settings);
    assert_eq!(restored.compared.large_objects, 2);
    let session = Session::connect(&cluster.url(&into), "test").await.unwrap();
    assert_eq!(session.one("show work_mem", &[]).await.unwrap().get::<_, String>(0), "7MB");
    let sql =
        "select datconnlimit, shobj_description(oid, 'pg_database') from pg_database where datname = $1";
    let row = session.one(sql, &[&into]).await.unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, &str>(1)), (42, "The sample"));
    assert_eq!(databases().await.len(), before.len() + 1);
}

#[tokio::test]
async fn a_restore_without_its_roles_says_how_to_make_them() {
    let cluster = cluster().await;
    let role = cluster.role("gone", "").await;
    let database = small("orphan").await;
    database.run(&format!("alter table t owner to {role}")).await;
    let root = tempfile::tempdir().unwrap();
    let backup = unproven(&database, root.path()).await;
    database.run(&format!("alter table t owner to postgres; drop role {role}")).await;
    let before = databases().await;
    let failure = restore_into(&backup.folder, "orphan_restored").await.unwrap_err();
    assert_eq!(failure.code, code::RESTORE_REFUSED);
    assert!(failure.message.contains(&role) && failure.hints[0].contains("roles.sql"), "{failure:?}");
    assert_eq!(databases().await, before);
}

#[tokio::test]
async fn a_restore_that_fails_leaves_no_database() {
    let database = small("broken").await;
    database.run("create function f() returns int language sql as 'select 1'").await;
    let root = tempfile::tempdir().unwrap();
    let backup = unproven(&database, root.path()).await;
    // Found by its checksum, before anything is done.
    let contents = backup.folder.join("dump/toc.dat");
    let whole = fs::read(&contents).unwrap();
    fs::write(&contents, &whole[..whole.len() / 2]).unwrap();
    let before = databases().await;
    let failure = restore_into(&backup.folder, "broken_restored").await.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_DAMAGED);
    assert_eq!(databases().await, before);
}
