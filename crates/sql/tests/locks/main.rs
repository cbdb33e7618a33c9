//! The lock model, asked of real servers: what a statement locks, rewrites and reads through.
//!
//! `SWITCHBACK_SERVERS` names a folder of servers, as `script/servers` lays them; each of them is asked
//! then, and `docs/review/locks.md` must say what came of it (`SWITCHBACK_WRITE=1` writes it).

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod observe;
mod page;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use observe::{Ended, leave_out, observe, said};
use switchback_postgres::Session;
use switchback_postgres::programs::MAJORS;
use switchback_sql::locks::{Effects, Place, effects};
use switchback_sql::schema::{Born, Schema};
use switchback_sql::{Block, Piece, PieceKind, read, split};
use switchback_testkit::{TestCluster, TestDatabase, cluster};

/// Tables with rows, and what statements do to them.
const GROUND: &str = include_str!("ground.sql");
/// One statement after another; each is run alone and taken back.
///
/// `-- since N` before one says that older servers refuse it, `-- until N` that newer ones do,
/// `-- ground N` that only those from N on have what it speaks of (others are not asked), and
/// `-- perhaps` that what it does to rows depends on something that no script says.
const STATEMENTS: &str = include_str!("statements.sql");

/// A statement of the table.
struct Case {
    text: &'static str,
    versions: RangeInclusive<u16>,
    ground: u16,
    perhaps: bool,
}

/// What came of a statement on a server.
struct Tried {
    /// Nothing where it was not asked.
    ended: Option<Ended>,
    /// What the server does and the model doesn't say.
    wrong: Option<String>,
}

fn pieces(script: &'static str) -> impl Iterator<Item = Piece> {
    split(script).filter(|piece| piece.kind == PieceKind::Statement)
}

/// The number behind a word in the comments before a statement.
fn marked(script: &'static str, piece: &Piece, word: &str) -> Option<u16> {
    let number = |line: &str| line.trim().strip_prefix("-- ")?.strip_prefix(word)?.trim().parse().ok();
    piece.before(script).lines().find_map(number)
}

fn cases() -> Vec<Case> {
    let case = |piece: Piece| {
        let marked = |word| marked(STATEMENTS, &piece, word);
        let (oldest, newest) = (*MAJORS.start(), *MAJORS.end());
        let versions = marked("since").unwrap_or(oldest)..=marked("until").unwrap_or(newest);
        let perhaps = piece.before(STATEMENTS).lines().any(|line| line.trim() == "-- perhaps");
        let ground = marked("ground").unwrap_or(oldest);
        Case { text: piece.text(STATEMENTS), versions, ground, perhaps }
    };
    pieces(STATEMENTS).map(case).collect()
}

/// What the tables are made of on this version.
fn ground(major: u16) -> impl Iterator<Item = &'static str> {
    pieces(GROUND)
        .filter(move |piece| marked(GROUND, piece, "since").is_none_or(|since| since <= major))
        .map(|piece| piece.text(GROUND))
}

fn known(major: u16) -> Schema {
    let mut schema = Schema::new();
    schema.set_knows_all();
    for (number, text) in ground(major).enumerate() {
        schema.apply(&read::read(text).unwrap(), Born { script: 0, statement: number });
    }
    schema
}

async fn prepared(cluster: &TestCluster) -> (TestDatabase, Session) {
    let database = cluster.database("locks").await;
    database.run(&ground(cluster.major()).collect::<Vec<_>>().join(";\n")).await;
    let session = database.session().await;
    session.batch("set search_path = public; set timezone = 'UTC'").await.unwrap();
    (database, session)
}

/// Every statement on one server.
async fn tried(cluster: &TestCluster, cases: &[Case]) -> Vec<Tried> {
    let (_database, session) = prepared(cluster).await;
    let schema = known(cluster.major());
    let place = Place { version: u32::from(cluster.major()), schema: &schema, utc: true };
    let mut all = Vec::new();
    for case in cases {
        if case.ground > cluster.major() {
            all.push(Tried { ended: None, wrong: None });
            continue;
        }
        let mut ended = observe(&session, case.text).await;
        if let Ended::Ran(seen) = &mut ended {
            leave_out(&read::read(case.text).unwrap(), seen);
        }
        let wrong = difference(case, place, &ended);
        all.push(Tried { ended: Some(ended), wrong: wrong.map(|wrong| format!("{}\n  {wrong}", case.text)) });
    }
    all
}

fn difference(case: &Case, place: Place<'_>, ended: &Ended) -> Option<String> {
    let there = case.versions.contains(&u16::try_from(place.version).unwrap());
    let effects = effects(&read::read(case.text).unwrap(), place);
    match ended {
        Ended::Refused(_) if !there => None,
        _ if !there => Some("this version has it".to_owned()),
        Ended::Refused(message) => Some(format!("failed: {message}")),
        Ended::NotInBlock if effects.block == Block::Possible => {
            Some("was refused in a transaction block".to_owned())
        }
        Ended::NotInBlock => None,
        Ended::Ran(_) if effects.block == Block::Impossible => Some("ran in a transaction block".to_owned()),
        Ended::Ran(_) if effects.maybe_rewrites.is_empty() == case.perhaps => {
            Some(format!("the model isn't sure of {:?}", effects.maybe_rewrites))
        }
        Ended::Ran(seen) => unlike(case, place.schema, &effects, seen),
    }
}

fn unlike(case: &Case, schema: &Schema, effects: &Effects, seen: &observe::Seen) -> Option<String> {
    let mut said = said(schema, effects);
    leave_out(&read::read(case.text).unwrap(), &mut said);
    (*seen != said).then(|| format!("server {seen}\n  model  {said}"))
}

fn wrong(tried: &[Tried]) -> Vec<&str> {
    tried.iter().filter_map(|tried| tried.wrong.as_deref()).collect()
}

#[tokio::test]
async fn the_model_says_what_the_server_does() {
    let cases = cases();
    assert!(cases.len() >= 70, "{} statements", cases.len());
    let tried = tried(cluster().await, &cases).await;
    let wrong = wrong(&tried);
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// From the root of the repository.
fn from_root(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[tokio::test]
async fn the_model_says_what_every_version_does() {
    let Some(folder) = std::env::var_os("SWITCHBACK_SERVERS") else {
        println!("left out: SWITCHBACK_SERVERS names no folder of servers (script/servers lays one)");
        return;
    };
    let cases = cases();
    let mut columns = Vec::new();
    for major in MAJORS {
        let bin = from_root(&folder).join(major.to_string()).join("bin");
        assert!(bin.is_dir(), "{} is not there: script/servers lays it", bin.display());
        let cluster = TestCluster::start_from(&bin).await;
        assert_eq!(cluster.major(), major);
        let version = cluster.session().await.one("show server_version", &[]).await.unwrap().get(0);
        columns.push(page::Column { major, version, tried: tried(&cluster, &cases).await });
    }
    let wrong: Vec<_> = columns
        .iter()
        .flat_map(|column| wrong(&column.tried).into_iter().map(|wrong| format!("{}: {wrong}", column.major)))
        .collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    page::check(&from_root("docs/review/locks.md"), &page::page(&cases, &columns));
}
