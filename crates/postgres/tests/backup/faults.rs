//! Damage and differences: every one is found, and named.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use switchback_engine::cancel::Cancel;
use switchback_model::{Failure, code};
use switchback_postgres::backup::verify;
use switchback_postgres::scratch::Scratch;

use crate::sample::{client, proof, quiet, sample, scratch, unproven};

/// A copy of a backup that a test may damage.
pub(crate) fn copy(folder: &Path, to: &Path) -> PathBuf {
    let status = Command::new("cp").arg("-r").arg(folder).arg(to).status().unwrap();
    assert!(status.success());
    to.join(folder.file_name().unwrap())
}

pub(crate) async fn damage(folder: &Path) -> Failure {
    let failure = verify(folder, None, &client().await, &Cancel::never(), &mut quiet()).await.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_DAMAGED, "{failure:?}");
    failure
}

pub(crate) fn text(failure: &Failure) -> String {
    format!("{} {}", failure.message, failure.causes.join(" "))
}

/// Every data file of the dump, the largest first.
pub(crate) fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder.join("dump")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    files
}

pub(crate) fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn hash(path: &Path) -> String {
    hex::encode(Sha256::digest(fs::read(path).unwrap()))
}

/// Makes the checksums right again, so that only a comparison can find what was done.
pub(crate) fn seal(folder: &Path) {
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (name, facts) in manifest["files"].as_object_mut().unwrap() {
        facts["bytes"] = fs::metadata(folder.join(name)).unwrap().len().into();
        facts["sha256"] = hash(&folder.join(name)).into();
    }
    fs::write(&path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    fs::write(folder.join("manifest.sha256"), format!("{}  manifest.json\n", hash(&path))).unwrap();
}

/// Replaces a text of the dump's table of contents by one of the same length.
pub(crate) fn edit_contents(folder: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = folder.join("dump/toc.dat");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<_> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, w)| *w == from.as_bytes())
        .map(|(i, _)| i)
        .collect();
    assert!(!places.is_empty(), "`{from}` is not in the dump");
    for place in places {
        bytes[place..place + from.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(path, bytes).unwrap();
}

pub(crate) fn gzip(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new("gzip").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Edits the data of a file of the dump that holds `from`.
pub(crate) fn edit_data(folder: &Path, from: &[u8], edit: impl Fn(Vec<u8>) -> Vec<u8>) {
    for path in data_files(folder) {
        let data = gzip(&["-dc"], &fs::read(&path).unwrap());
        if data.windows(from.len()).any(|window| window == from) {
            fs::write(&path, gzip(&["-c"], &edit(data))).unwrap();
            return;
        }
    }
    panic!("no data file holds {}", String::from_utf8_lossy(from));
}

/// Edits the lines of the list of large objects: `blobs.toc`, and from `pg_dump` 17 on several
/// (`blobs_2543.toc`).
pub(crate) fn edit_object_list(folder: &Path, edit: impl Fn(&str) -> Option<String>) {
    let files = fs::read_dir(folder.join("dump")).unwrap().map(|entry| entry.unwrap().path());
    let is_list = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("blobs");
    for path in files.filter(is_list) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter_map(&edit).map(|line| line + "\n");
        fs::write(&path, lines.collect::<String>()).unwrap();
    }
}

/// The list without one.
pub(crate) fn without_object(line: &str) -> Option<String> {
    (!line.contains("424243")).then(|| line.to_owned())
}

pub(crate) fn replace(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |data| String::from_utf8(data).unwrap().replacen(from, to, 1).into_bytes()
}

type Fault<'a> = Box<dyn Fn(&Path) + 'a>;

#[tokio::test]
async fn damaged_files_are_found_without_a_restore() {
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let taken = unproven(&database, root.path()).await;
    let (files, dump) = (data_files(&taken.folder), "dump");
    let cases: [(&str, Fault<'_>); 8] = [
        ("its SHA-256 differs", Box::new(|f| flip(&f.join(dump).join(name(&files[0])), 40))),
        ("bytes instead of", Box::new(|f| fs::write(f.join(dump).join(name(&files[1])), b"short").unwrap())),
        ("is missing", Box::new(|f| fs::remove_file(f.join(dump).join(name(&files[2]))).unwrap())),
        (
            "dump/9999.dat.gz is not part of it",
            Box::new(|f| fs::write(f.join("dump/9999.dat.gz"), "").unwrap()),
        ),
        ("manifest.json is not what", Box::new(|f| flip(&f.join("manifest.json"), 100))),
        ("manifest.sha256", Box::new(|f| fs::remove_file(f.join("manifest.sha256")).unwrap())),
        ("neither a file nor a folder", Box::new(|f| link(&f.join(dump).join(name(&files[0]))))),
        (name(&files[0]), Box::new(|f| swap(&f.join(dump), name(&files[0]), name(&files[1])))),
    ];
    for (number, (expected, fault)) in cases.iter().enumerate() {
        let to = root.path().join(format!(".copy{number}"));
        fs::create_dir(&to).unwrap();
        let folder = copy(&taken.folder, &to);
        fault(&folder);
        let said = text(&damage(&folder).await);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    verify(&taken.folder, None, &client().await, &Cancel::never(), &mut quiet()).await.unwrap();
}

pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 4;
    fs::write(path, bytes).unwrap();
}

pub(crate) fn link(path: &Path) {
    let elsewhere = path.with_extension("elsewhere");
    fs::rename(path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, path).unwrap();
}

pub(crate) fn swap(folder: &Path, one: &str, other: &str) {
    let (one, other, third) = (folder.join(one), folder.join(other), folder.join("third"));
    fs::rename(&one, &third).unwrap();
    fs::rename(&other, &one).unwrap();
    fs::rename(&third, &other).unwrap();
}

#[tokio::test]
async fn no_flipped_bit_stays_unseen() {
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let folder = unproven(&database, root.path()).await.folder;
    let mut files = data_files(&folder);
    files
        .extend(["dump/toc.dat", "catalog.json", "roles.sql", "manifest.json"].map(|name| folder.join(name)));
    // A fixed sequence (Knuth's multiplier), so that a failure can be seen again.
    let mut state = 1_u64;
    for _ in 0..200 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = usize::try_from(state >> 33).unwrap();
        let path = &files[random % files.len()];
        let whole = fs::read(path).unwrap();
        flip(path, random / files.len());
        damage(&folder).await;
        fs::write(path, whole).unwrap();
    }
}

/// A tampering that makes every checksum right again, and what must be named.
struct Tampering {
    named: &'static str,
    act: fn(&Path),
}

/// Each would restore without an error.
const TAMPERINGS: &[Tampering] = &[
    Tampering {
        named: "sequence app.orders_id_seq: 4711, called in the target, 4710, called restored",
        act: |folder| edit_contents(folder, "orders_id_seq', 4711,", "orders_id_seq', 4710,"),
    },
    Tampering {
        named: "app.users",
        act: |folder| {
            edit_contents(folder, "GRANT SELECT ON TABLE app.users", "GRANT DELETE ON TABLE app.users");
        },
    },
    Tampering {
        named: "table app.users",
        act: |folder| edit_data(folder, b"user77@", replace("user77@", "user7x@")),
    },
    Tampering {
        named: "table app.events_2024",
        act: |folder| edit_data(folder, b"event 9\n", replace("2024-06-10\tevent 9\n", "")),
    },
    Tampering {
        named: "table app.orders",
        act: |folder| {
            edit_data(folder, b"a note with", |mut data| {
                // The last row stands there twice, under another key.
                let text = String::from_utf8(data.clone()).unwrap();
                let row =
                    text.lines().find(|line| line.contains("note with")).unwrap().replacen('1', "9001", 1);
                data.splice(0..0, format!("{row}\n").into_bytes());
                data
            });
        },
    },
    Tampering {
        named: "large objects",
        act: |folder| {
            edit_data(folder, b"another one", |mut data| {
                data[0] = b'A';
                data
            });
        },
    },
    Tampering { named: "large objects", act: |folder| edit_object_list(folder, without_object) },
    Tampering {
        named: "app.happy",
        act: |folder| edit_contents(folder, "= 'happy'::app.mood", "= 'sad'  ::app.mood"),
    },
    Tampering { named: "app.users", act: |folder| edit_contents(folder, "People", "Cattle") },
    Tampering {
        named: "app.moods",
        act: |folder| edit_contents(folder, "CREATE UNIQUE INDEX moods", "CREATE        INDEX moods"),
    },
];

#[tokio::test]
async fn what_checksums_can_not_see_the_comparison_names() {
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let taken = unproven(&database, root.path()).await;
    let scratch = scratch().await;
    for (number, tampering) in TAMPERINGS.iter().enumerate() {
        let to = root.path().join(format!(".copy{number}"));
        fs::create_dir(&to).unwrap();
        let folder = copy(&taken.folder, &to);
        (tampering.act)(&folder);
        seal(&folder);
        differs(&folder, &scratch, tampering.named).await;
    }
    proof(&taken.folder, &scratch).await.unwrap();
}

#[tokio::test]
async fn the_catalog_beside_the_dump_belongs_to_the_manifest() {
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let folder = unproven(&database, root.path()).await.folder;
    let path = folder.join("catalog.json");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("app.happy", "app.merry")).unwrap();
    seal(&folder);
    let failure = proof(&folder, &scratch().await).await.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_DAMAGED);
    assert!(text(&failure).contains("catalog.json"), "{failure:?}");
}

/// A machine that proves backups need not have every locale of the world.
#[tokio::test]
async fn a_locale_that_is_not_here_is_a_note() {
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let folder = unproven(&database, root.path()).await.folder;
    let path = folder.join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(&path, manifest.replace("\"collate\": \"C\"", "\"collate\": \"xx_XX.utf8\"")).unwrap();
    seal(&folder);
    let proof = proof(&folder, &scratch().await).await.unwrap();
    assert!(proof.notes.iter().any(|note| note.contains("xx_XX")), "{:?}", proof.notes);
}

async fn differs(folder: &Path, scratch: &Scratch, named: &str) {
    let Err(failure) = proof(folder, scratch).await else { panic!("{named}: nothing was seen") };
    assert_eq!(failure.code, code::BACKUP_DIFFERS, "{named}: {failure:?}");
    assert!(text(&failure).contains(named), "{named}: {failure:?}");
}

#[tokio::test]
async fn a_dump_that_can_not_be_restored_says_why_and_leaves_nothing() {
    let database = sample().await;
    let root = tempfile::tempdir().unwrap();
    let folder = unproven(&database, root.path()).await.folder;
    let scratch = scratch().await;
    edit_data(&folder, b"user77@", replace("user77@", "no address"));
    seal(&folder);
    let failure = proof(&folder, &scratch).await.unwrap_err();
    assert_eq!(failure.code, code::BACKUP_FAILED);
    assert!(text(&failure).contains("email_check"), "{failure:?}");
    let session = switchback_postgres::Session::connect(&scratch.url("postgres"), "test").await.unwrap();
    let left = session
        .rows("select datname from pg_database where datname like 'sb!_%' escape '!'", &[])
        .await
        .unwrap();
    assert!(left.is_empty(), "a scratch database was left");
}
