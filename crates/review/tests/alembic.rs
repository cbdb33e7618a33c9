//! What a revision's file is read as, against what Alembic itself makes of it: every revision in
//! `alembic/versions` is read here, rendered by `alembic upgrade --sql` and `downgrade --sql`, and both
//! must be the same statements.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use switchback_review::alembic::{self, Operation, What};
use switchback_sql::ast::{Action, ActionKind, Constraint, Query, Stmt};
use switchback_sql::{PieceKind, split};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alembic")
}

/// Revisions by name, with their files' texts, oldest first.
fn revisions() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder().join("versions")).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|end| end == "py"));
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        (alembic::read(&text).revision.unwrap(), text)
    };
    texts.map(read).collect()
}

/// What Alembic prints for all revisions, in a folder of its own.
fn rendered(direction: &str, range: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/ada-venv/bin/alembic");
    assert!(program.is_file(), "the example application has no Python environment: run script/bootstrap");
    let work = tempfile::tempdir().unwrap();
    let scripts = work.path().join("scripts");
    std::fs::create_dir_all(scripts.join("versions")).unwrap();
    std::fs::copy(folder().join("env.py"), scripts.join("env.py")).unwrap();
    for (name, text) in revisions() {
        std::fs::write(scripts.join("versions").join(format!("r{name}.py")), text).unwrap();
    }
    std::fs::write(work.path().join("alembic.ini"), "[alembic]\nscript_location = scripts\n").unwrap();
    let output = Command::new(std::path::absolute(program).unwrap())
        .args([direction, range, "--sql"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(work.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

/// The rendered SQL of each revision.
fn parts(rendered: &str, direction: &str) -> BTreeMap<String, String> {
    let head = format!("-- Running {direction} ");
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for part in rendered.split(&head).skip(1) {
        let (title, sql) = part.split_once('\n').unwrap();
        let (from, to) = title.split_once("->").unwrap();
        let name = if direction == "upgrade" { to } else { from };
        parts.insert(name.trim().to_owned(), sql.to_owned());
    }
    parts
}

/// The statements of a script, but for transactions and Alembic's own table.
fn statements(sql: &str) -> Vec<Stmt> {
    let pieces = split(sql).filter(|piece| piece.kind == PieceKind::Statement);
    let read =
        |text: &str| switchback_sql::read::read(text).unwrap_or_else(|mistake| panic!("{mistake:?}: {text}"));
    let all = pieces.map(|piece| read(piece.text(sql)));
    all.filter(|stmt| !matches!(stmt, Stmt::Transaction(_)) && !of_alembic(stmt)).collect()
}

fn of_alembic(stmt: &Stmt) -> bool {
    let name = match stmt {
        Stmt::CreateTable(create) => &create.name.name,
        Stmt::Update { table, .. } | Stmt::Insert { table, .. } | Stmt::Delete { table, .. } => &table.name,
        Stmt::Drop { names, .. } => names.first().map_or("", |name| &name.name),
        _ => "",
    };
    name == "alembic_version"
}

/// The statements of operations; what can't be read is a line of its own.
fn ours(operations: &[Operation]) -> Vec<String> {
    let mut all = Vec::new();
    for operation in operations {
        match &operation.what {
            What::Statement(stmt) => all.push(shown(stmt.clone())),
            What::Sql(text) => all.extend(statements(&text.text).into_iter().map(shown)),
            What::Unread(why) => all.push(format!("unread: {why}")),
        }
    }
    all
}

/// A statement without its places, and with its constraints in one order.
fn shown(mut stmt: Stmt) -> String {
    match &mut stmt {
        Stmt::CreateTable(table) => {
            table.constraints.iter_mut().for_each(unplaced);
            table.columns.iter_mut().for_each(|column| {
                column.at = 0;
                column.constraints.iter_mut().for_each(unplaced);
            });
            table.constraints.sort_by_key(|constraint| format!("{constraint:?}"));
        }
        Stmt::AlterTable { actions, .. } => actions.iter_mut().for_each(still),
        // Rows are values that nobody asks for.
        Stmt::Insert { source: Some(source), .. } if source.constant => **source = Query::default(),
        _ => {}
    }
    format!("{stmt:#?}")
}

fn unplaced(constraint: &mut Constraint) {
    constraint.at = 0;
}

fn still(action: &mut Action) {
    action.at = 0;
    match &mut action.kind {
        ActionKind::AddColumn { column, .. } => {
            column.at = 0;
            column.constraints.iter_mut().for_each(unplaced);
        }
        ActionKind::AddConstraint(constraint) => unplaced(constraint),
        _ => {}
    }
}

/// Where two lists are not the same.
fn differences(name: &str, ours: &[String], theirs: &[String]) -> String {
    let mut said = String::new();
    for index in 0..ours.len().max(theirs.len()) {
        let (one, other) = (ours.get(index), theirs.get(index));
        if one != other {
            let show = |side: Option<&String>| side.map_or("nothing", String::as_str).to_owned();
            let _infallible =
                writeln!(said, "{name}, {index}: read\n{}\nrendered\n{}", show(one), show(other));
        }
    }
    said
}

/// The indexes of a table are a set to SQLAlchemy: one row of them is as good as another.
fn in_one_order(list: &mut [String]) {
    let is_index = |stmt: &String| stmt.starts_with("CreateIndex");
    list.chunk_by_mut(|one, other| is_index(one) && is_index(other)).for_each(<[String]>::sort);
}

fn compare(direction: &str, range: &str, of: impl Fn(&alembic::Revision) -> &[Operation]) {
    let theirs = parts(&rendered(direction, range), direction);
    let mut said = String::new();
    let mut count = 0;
    for (name, text) in revisions() {
        let revision = alembic::read(&text);
        let mut theirs: Vec<_> = statements(&theirs[&name]).into_iter().map(shown).collect();
        let mut ours = ours(of(&revision));
        in_one_order(&mut theirs);
        in_one_order(&mut ours);
        count += theirs.len();
        said.push_str(&differences(&name, &ours, &theirs));
    }
    assert!(count > 20, "{count} statements are hardly all of them");
    assert!(said.is_empty(), "{said}");
}

#[test]
fn upgrades_are_what_alembic_makes_of_them() {
    compare("upgrade", "head", |revision| &revision.upgrade);
}

#[test]
fn downgrades_are_what_alembic_makes_of_them() {
    let last = revisions().into_keys().next_back().unwrap();
    compare("downgrade", &format!("{last}:base"), |revision| &revision.downgrade);
}

#[test]
fn everything_of_the_example_is_read() {
    let releases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ada/releases");
    let mut count = 0;
    for release in std::fs::read_dir(releases).unwrap() {
        let Ok(files) = std::fs::read_dir(release.unwrap().path().join("migrations/versions")) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            let revision = alembic::read(&std::fs::read_to_string(&path).unwrap());
            assert!(revision.revision.is_some() && revision.has_upgrade, "{}", path.display());
            assert!(!revision.upgrade.is_empty() && revision.mistakes.is_empty(), "{}", path.display());
            for operation in revision.upgrade.iter().chain(&revision.downgrade) {
                assert!(operation.exact, "{}: {operation:?}", path.display());
                if let What::Sql(text) = &operation.what {
                    assert!(!statements(&text.text).is_empty(), "{}: {operation:?}", path.display());
                }
            }
            count += revision.upgrade.len();
        }
    }
    assert!(count > 60, "{count} operations");
}

/// The Python files below a folder that are revisions.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|end| end == "py") {
            found.push(path);
        }
    }
}

/// Histories of others: `SWITCHBACK_ALEMBIC_HISTORIES` names a folder with one folder for each. Prints
/// what is read of them, and what is not.
#[test]
fn histories_of_others_are_read() {
    let Some(folder) = std::env::var_os("SWITCHBACK_ALEMBIC_HISTORIES") else { return };
    for history in std::fs::read_dir(folder).unwrap() {
        let history = history.unwrap().path();
        let (mut files, mut counts) = (Vec::new(), [0_usize; 8]);
        below(&history, &mut files);
        let start = std::time::Instant::now();
        for path in &files {
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            let revision = alembic::read(&text);
            counts[0] += usize::from(revision.revision.is_some());
            counts[1] += usize::from(!revision.mistakes.is_empty());
            let all: Vec<_> =
                revision.upgrade.iter().chain(&revision.downgrade).chain(&revision.loaded).collect();
            for operation in &all {
                counts[2] += 1;
                counts[3] += usize::from(!operation.exact && !matches!(operation.what, What::Unread(_)));
                let line = text[..operation.range.start].lines().count();
                if !operation.exact && !matches!(operation.what, What::Unread(_)) {
                    println!("vague {}:{line}: {}", path.display(), operation.name);
                }
                match &operation.what {
                    What::Unread(why) => {
                        counts[4] += 1;
                        println!("unread {}:{line}: {why}", path.display());
                    }
                    What::Sql(sql) => {
                        for piece in split(&sql.text).filter(|piece| piece.kind == PieceKind::Statement) {
                            counts[5] += 1;
                            if let Err(mistake) = switchback_sql::read::read(piece.text(&sql.text)) {
                                counts[6] += 1;
                                println!(
                                    "mistake {}:{line}: {} {:?}",
                                    path.display(),
                                    mistake.message,
                                    sql.text
                                );
                            }
                        }
                    }
                    What::Statement(_) => {}
                }
            }
            // A file with a function that does nothing is worth a look.
            if all.is_empty() && text.contains("op.") {
                counts[7] += 1;
                println!("empty {}", path.display());
            }
        }
        println!(
            "history {}: {} files, {} with a name, {} not all Python, {} operations, {} of them with names not known, \
             {} unread, {} statements in texts, {} of them mistakes, {} files empty, {:?}",
            history.file_name().unwrap().display(),
            files.len(),
            counts[0],
            counts[1],
            counts[2],
            counts[3],
            counts[4],
            counts[5],
            counts[6],
            counts[7],
            start.elapsed(),
        );
    }
}
