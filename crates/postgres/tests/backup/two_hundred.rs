//! Two hundred faults, chosen by a seed: each is detected, and what is wrong is named.
//!
//! A fault in the files is found by the checksums, without a server. One that was made with the
//! checksums put right again is found by restoring and comparing. What stands in the manifest alone
//! (the settings of the database) has no second witness: there the checksums are all there is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use switchback_engine::cancel::Cancel;
use switchback_model::{Code, Failure, code};
use switchback_postgres::backup::verify;
use switchback_testkit::TestDatabase;
use tempfile::TempDir;

use crate::faults::{
    copy, data_files, edit_contents, edit_data, edit_object_list, gzip, link, replace, seal, swap, text,
    without_object,
};
use crate::sample::{client, proof, quiet, sample, scratch, unproven};

/// What the sample lacks: an extension, more comments, rules on rows, two tables of one shape.
const MORE: &str = "
    create extension pgcrypto;
    comment on extension pgcrypto is 'Secrets';
    comment on schema app is 'All of it';
    comment on column app.orders.note is 'Free text';
    alter table app.orders alter column note set default 'nothing';
    alter table app.orders add constraint placed_late check (placed > '1999-12-31'::date);
    create table app.north (n integer, v text);
    create table app.south (n integer, v text);
    insert into app.north select n, 'north ' || n from generate_series(1, 50) n;
    insert into app.south select n, 'south ' || n from generate_series(1, 50) n;
    insert into app.north values (51, null), (52, '');
    create sequence app.tickets start 100 cache 7;
    create function app.double(n integer) returns integer language sql immutable as 'select n * 2';
    alter sequence app.tickets owned by app.north.n;
";

async fn rich() -> TestDatabase {
    let database = sample().await;
    database.run(MORE).await;
    database
}

/// Numbers that look random and are the same again for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    /// The seed is printed, and can be given: `SWITCHBACK_SEED=N`.
    #[expect(clippy::print_stdout, reason = "whoever sees it fail must be able to see it again")]
    fn thrown() -> Self {
        let given = std::env::var_os("SWITCHBACK_SEED").and_then(|seed| seed.to_str()?.parse().ok());
        let seed = given.unwrap_or(20_240_229);
        println!("SWITCHBACK_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % limit.max(1)
    }
}

/// Every file of a backup by its path in the folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// One copy of a backup after the other, each for one fault.
struct Copies {
    whole: PathBuf,
    root: TempDir,
}

impl Copies {
    fn of(whole: &Path) -> Self {
        Self { whole: whole.to_owned(), root: tempfile::tempdir().unwrap() }
    }

    fn fresh(&self) -> PathBuf {
        let folder = self.root.path().join(self.whole.file_name().unwrap());
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        copy(&self.whole, self.root.path())
    }
}

/// What was done to which backup, and what came of it.
#[derive(Default)]
struct Tally {
    faults: usize,
    missed: Vec<String>,
}

impl Tally {
    /// A fault is detected where the failure has the code and names every one of `named`.
    fn add(&mut self, fault: &str, outcome: Result<(), Failure>, codes: &[Code], named: &[&str]) {
        self.faults += 1;
        match outcome {
            Ok(()) => self.missed.push(format!("{fault}: nothing was seen")),
            Err(failure) => {
                let said = text(&failure);
                if !codes.contains(&failure.code) || !named.iter().all(|name| said.contains(name)) {
                    self.missed.push(format!("{fault}: {named:?} is not named by {}: {said}", failure.code));
                }
            }
        }
    }

    #[track_caller]
    #[expect(clippy::print_stdout, reason = "the figure is what this is for")]
    fn none_missed(&self, at_least: usize) {
        println!("{} faults, {} missed", self.faults, self.missed.len());
        assert!(self.missed.is_empty(), "{}", self.missed.join("\n"));
        assert!(self.faults >= at_least, "only {} faults were tried", self.faults);
    }
}

async fn look(folder: &Path) -> Result<(), Failure> {
    verify(folder, None, &client().await, &Cancel::never(), &mut quiet()).await.map(drop)
}

/// A fault in one file; `None` where it would change nothing.
fn damage_one(kind: &str, path: &Path, dice: &mut Dice) -> Option<String> {
    let mut bytes = fs::read(path).unwrap();
    let at = dice.below(bytes.len());
    let said = match kind {
        "bit flipped" => {
            *bytes.get_mut(at)? ^= 1 << dice.below(8);
            format!("a bit of byte {at}")
        }
        "byte lost" if !bytes.is_empty() => format!("byte {at}: {}", bytes.remove(at)),
        "cut off" if !bytes.is_empty() => {
            bytes.truncate(at);
            format!("at {at}")
        }
        "emptied" if !bytes.is_empty() => {
            bytes.clear();
            String::new()
        }
        "appended to" => {
            bytes.push(u8::try_from(dice.below(256)).unwrap());
            String::new()
        }
        "zeroed" if bytes.iter().any(|byte| *byte != 0) => {
            bytes.fill(0);
            String::new()
        }
        _ => return None,
    };
    fs::write(path, bytes).unwrap();
    Some(said)
}

#[tokio::test]
async fn two_hundred_damaged_backups_are_seen_and_the_file_is_named() {
    let database = rich().await;
    let root = tempfile::tempdir().unwrap();
    let whole = unproven(&database, root.path()).await.folder;
    let (copies, names) = (Copies::of(&whole), files(&whole));
    assert!(names.iter().any(|name| name.contains("blob")) && names.len() > 14, "{names:?}");
    let (mut dice, mut tally) = (Dice::thrown(), Tally::default());
    let kinds = ["bit flipped", "bit flipped", "bit flipped", "byte lost", "cut off", "cut off"];
    for name in &names {
        for kind in kinds.iter().chain(&["emptied", "appended to", "zeroed"]) {
            let folder = copies.fresh();
            let Some(how) = damage_one(kind, &folder.join(name), &mut dice) else { continue };
            tally.add(
                &format!("{name} {kind} {how}"),
                look(&folder).await,
                &[code::BACKUP_DAMAGED],
                &[last(name)],
            );
        }
    }
    for (fault, named, act) in whole_files(&names, &mut dice) {
        let folder = copies.fresh();
        act(&folder);
        tally.add(&fault, look(&folder).await, &[code::BACKUP_DAMAGED], &[last(&named)]);
    }
    look(&copies.fresh()).await.unwrap();
    tally.none_missed(200);
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

type Act = Box<dyn Fn(&Path)>;

/// Faults of whole files: lost, exchanged, written over, put elsewhere, too many.
fn whole_files(names: &[String], dice: &mut Dice) -> Vec<(String, String, Act)> {
    let mut faults: Vec<(String, String, Act)> = Vec::new();
    let mut add = |fault: String, named: &str, act: Act| faults.push((fault, named.to_owned(), act));
    for name in names {
        let path = name.clone();
        add(
            format!("{name} removed"),
            name,
            Box::new(move |folder| fs::remove_file(folder.join(&path)).unwrap()),
        );
        let path = name.clone();
        add(format!("{name} is a link"), name, Box::new(move |folder| link(&folder.join(&path))));
        let path = name.clone();
        let become_folder = move |folder: &Path| {
            fs::remove_file(folder.join(&path)).unwrap();
            fs::create_dir(folder.join(&path)).unwrap();
        };
        add(format!("{name} is a folder"), name, Box::new(become_folder));
    }
    let dump: Vec<_> = names.iter().filter(|name| name.starts_with("dump/")).cloned().collect();
    for _ in 0..12 {
        let (one, other) = (dice.below(dump.len()), dice.below(dump.len() - 1));
        let other = if other >= one { other + 1 } else { other };
        let (one, other) = (dump[one].clone(), dump[other].clone());
        let (from, to) = (one.clone(), other.clone());
        add(format!("{one} and {other} exchanged"), &one, Box::new(move |folder| swap(folder, &from, &to)));
        let (from, to) = (one.clone(), other.clone());
        let over = move |folder: &Path| {
            fs::copy(folder.join(&from), folder.join(&to)).unwrap();
        };
        add(format!("{one} written over {other}"), &other, Box::new(over));
    }
    for extra in ["dump/9999.dat.gz", "more.sql", "dump/.hidden", "elsewhere/4000.dat"] {
        let write = move |folder: &Path| {
            fs::create_dir_all(folder.join(extra).parent().unwrap()).unwrap();
            fs::write(folder.join(extra), "more").unwrap();
        };
        add(format!("{extra} added"), extra, Box::new(write));
    }
    // What only the manifest knows, edited without its checksum.
    for (key, value) in [
        ("settings/settings/work_mem", Value::from("8MB")),
        ("settings/connection_limit", Value::from(-1)),
        ("settings/comment", Value::Null),
        ("settings/owner", Value::from("postgres")),
        ("settings/privileges", Value::from(Vec::<Value>::new())),
        ("settings/settings_of_roles", serde_json::json!({})),
        ("target/server/version_num", Value::from(140_001)),
        ("facts/sequences", serde_json::json!({})),
        ("materialized_views", Value::from(Vec::<Value>::new())),
    ] {
        let edit = move |folder: &Path| edit_manifest(folder, key, value.clone());
        add(format!("manifest.json: {key} edited"), "manifest.json", Box::new(edit));
    }
    faults
}

/// Sets a value of the manifest, which must be another one than it has.
fn edit_manifest(folder: &Path, key: &str, value: Value) {
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let place = manifest.pointer_mut(&format!("/{key}")).unwrap_or_else(|| panic!("there is no {key}"));
    assert_ne!(*place, value, "{key}");
    *place = value;
    fs::write(&path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}

/// Blanks a statement of the dump's table of contents; what follows on its line stays.
fn blank(folder: &Path, statement: &str) {
    edit_contents(folder, statement, &" ".repeat(statement.len()));
}

fn drop_line(holding: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |data| {
        let text = String::from_utf8(data).unwrap();
        let line = text.lines().find(|line| line.contains(holding)).unwrap().to_owned() + "\n";
        text.replacen(&line, "", 1).into_bytes()
    }
}

fn double_line(holding: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |data| {
        let text = String::from_utf8(data).unwrap();
        let line = text.lines().find(|line| line.contains(holding)).unwrap().to_owned() + "\n";
        text.replacen(&line, &line.repeat(2), 1).into_bytes()
    }
}

/// The file of the dump whose data hold this.
fn file_with(folder: &Path, holding: &str) -> String {
    let holds = |path: &PathBuf| {
        let data = gzip(&["-dc"], &fs::read(path).unwrap());
        data.windows(holding.len()).any(|window| window == holding.as_bytes())
    };
    let found = data_files(folder).into_iter().find(holds).unwrap();
    found.file_name().unwrap().to_str().unwrap().to_owned()
}

/// A fault whose checksums were put right again, and what must be named.
struct Forged {
    fault: &'static str,
    named: &'static [&'static str],
    act: fn(&Path),
}

/// Of rows, sequences and large objects.
const FORGED_DATA: &[Forged] = &[
    Forged {
        fault: "a row lost",
        named: &["table app.south"],
        act: |folder| edit_data(folder, b"south 33", drop_line("south 33")),
    },
    Forged {
        fault: "a row there twice",
        named: &["table app.north"],
        act: |folder| edit_data(folder, b"north 33", double_line("north 33")),
    },
    Forged {
        fault: "a value changed",
        named: &["table app.south"],
        act: |folder| edit_data(folder, b"south 33", replace("south 33", "south 34")),
    },
    Forged {
        fault: "null for an empty text",
        named: &["table app.north"],
        act: |folder| edit_data(folder, b"north 33", replace("52\t\n", "52\t\\N\n")),
    },
    Forged {
        fault: "two tables of one shape exchanged",
        named: &["table app.north", "table app.south"],
        act: |folder| {
            let (north, south) = (file_with(folder, "north 33"), file_with(folder, "south 33"));
            swap(&folder.join("dump"), &north, &south);
        },
    },
    Forged {
        fault: "white space in json",
        named: &["table app.users"],
        act: |folder| edit_data(folder, b"user77@", replace("1,  \"a\"", "1, \"a\"")),
    },
    Forged {
        fault: "every row of a table lost",
        named: &["table app.events_2024"],
        act: |folder| edit_data(folder, b"event 9\n", |_| b"\\.\n".to_vec()),
    },
    Forged {
        fault: "a sequence's value not set",
        named: &["sequence app.orders_id_seq"],
        act: |folder| blank(folder, "SELECT pg_catalog.setval('app.orders_id_seq', 4711, true);"),
    },
    Forged {
        fault: "a sequence that was never called said to be called",
        named: &["sequence app.tickets"],
        act: |folder| edit_contents(folder, "app.tickets', 100, false)", "app.tickets', 100, true )"),
    },
    Forged {
        fault: "a byte of a large object",
        named: &["large objects"],
        act: |folder| edit_data(folder, b"another one", replace("another one", "another two")),
    },
    Forged {
        fault: "a large object lost",
        named: &["large objects"],
        act: |folder| edit_object_list(folder, without_object),
    },
    Forged {
        fault: "two large objects exchanged",
        named: &["large objects"],
        act: |folder| {
            edit_object_list(folder, |line| {
                let line = line.replace("424242 ", "X ").replace("424243 ", "424242 ");
                Some(line.replace("X ", "424243 "))
            });
        },
    },
    Forged {
        fault: "the count of a table in the manifest",
        named: &["table app.south"],
        act: |folder| edit_manifest(folder, "facts/tables/app.south/rows", Value::from(51)),
    },
    Forged {
        fault: "a table more in the manifest",
        named: &["table app.west is missing"],
        act: |folder| {
            let south = serde_json::json!({ "rows": 1, "digest": "00" });
            edit_manifest(folder, "facts/tables", merged(folder, "/facts/tables", &[("app.west", south)]));
        },
    },
];

/// An object of the manifest with more in it.
fn merged(folder: &Path, pointer: &str, more: &[(&str, Value)]) -> Value {
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let mut object = manifest.pointer(pointer).unwrap().as_object().unwrap().clone();
    object.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    Value::Object(object)
}

/// Of definitions and rights.
const FORGED_DEFINITIONS: &[Forged] = &[
    Forged {
        fault: "a grant lost",
        named: &["app.users"],
        act: |folder| {
            edit_contents(folder, "GRANT SELECT ON TABLE app.users TO", "REVOKE ALL ON TABLE app.users FROM");
        },
    },
    Forged {
        fault: "a grant on a large object lost",
        named: &["large objects of postgres with acl", "reader"],
        act: |folder| {
            edit_contents(
                folder,
                "GRANT SELECT ON LARGE OBJECT 424242",
                "GRANT UPDATE ON LARGE OBJECT 424242",
            );
        },
    },
    Forged {
        fault: "a comment lost",
        named: &["app.users"],
        act: |folder| blank(folder, "COMMENT ON TABLE app.users IS 'People';"),
    },
    Forged {
        fault: "an extension's comment changed",
        named: &["pgcrypto"],
        act: |folder| edit_contents(folder, "'Secrets'", "'Secrecy'"),
    },
    Forged {
        fault: "a default changed",
        named: &["app.orders"],
        act: |folder| edit_contents(folder, "DEFAULT 'nothing'::text", "DEFAULT 'nothink'::text"),
    },
    Forged {
        fault: "a check loosened",
        named: &["placed_late"],
        act: |folder| edit_contents(folder, "'1999-12-31'::date", "'1899-12-31'::date"),
    },
    Forged {
        fault: "a function's body changed",
        named: &["app.double"],
        act: |folder| edit_contents(folder, "select n * 2", "select n * 3"),
    },
    Forged {
        fault: "a trigger lost",
        named: &["touch"],
        act: |folder| {
            blank(
                folder,
                "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();",
            );
        },
    },
    Forged {
        fault: "row security switched off",
        named: &["app.users"],
        act: |folder| blank(folder, "ALTER TABLE app.users ENABLE ROW LEVEL SECURITY;"),
    },
    Forged {
        fault: "a table logged that was not",
        named: &["app.cache"],
        act: |folder| {
            edit_contents(folder, "CREATE UNLOGGED TABLE app.cache", "CREATE          TABLE app.cache");
        },
    },
    Forged {
        fault: "a sequence's step changed",
        named: &["app.countdown"],
        act: |folder| edit_contents(folder, "INCREMENT BY -3", "INCREMENT BY -2"),
    },
    Forged {
        fault: "the server's version in the manifest",
        named: &["PostgreSQL 14"],
        act: |folder| edit_manifest(folder, "target/server/version_num", Value::from(140_001)),
    },
    Forged {
        fault: "the catalog beside the dump edited",
        named: &["catalog.json"],
        act: |folder| {
            let path = folder.join("catalog.json");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("app.happy", "app.merry")).unwrap();
        },
    },
    Forged {
        fault: "a role that the objects belong to removed from roles.sql",
        named: &["role"],
        act: |folder| {
            let path = folder.join("roles.sql");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("CREATE ROLE", "CREATE ROLF"))
                .unwrap();
        },
    },
];

async fn forged(faults: &[Forged]) {
    let database = rich().await;
    let root = tempfile::tempdir().unwrap();
    let whole = unproven(&database, root.path()).await.folder;
    let (copies, scratch, mut tally) = (Copies::of(&whole), scratch().await, Tally::default());
    let codes = [code::BACKUP_DIFFERS, code::BACKUP_FAILED, code::BACKUP_DAMAGED];
    for Forged { fault, named, act } in faults {
        let folder = copies.fresh();
        act(&folder);
        seal(&folder);
        // The checksums have nothing to say any more.
        look(&folder).await.unwrap();
        tally.add(fault, proof(&folder, &scratch).await.map(drop), &codes, named);
    }
    proof(&copies.fresh(), &scratch).await.unwrap();
    tally.none_missed(faults.len());
}

#[tokio::test]
async fn forged_data_is_seen_by_the_restore_and_the_object_is_named() {
    forged(FORGED_DATA).await;
}

#[tokio::test]
async fn forged_definitions_are_seen_by_the_restore_and_the_object_is_named() {
    forged(FORGED_DEFINITIONS).await;
}
