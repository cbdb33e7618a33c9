//! The rules of the house that no compiler knows: who may use whom, and what must be written down.
//!
//! An arrow is a permission. What is used today and not permitted stands in a list of debts with its
//! reason; a debt that is paid must leave its list, so that nobody makes it again.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use switchback_model::Config;

/// Who may depend on whom, in what ships.
const EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("engine", &["model"]),
    ("grammar", &[]),
    ("sql", &["grammar", "model"]),
    ("review", &["model", "sql"]),
    ("postgres", &["engine", "model"]),
    ("workflow", &["engine", "model", "postgres", "review", "sql"]),
    ("report", &["model"]),
    // The binary is where everything is put together; `docs/decisions` says why it may see `postgres`.
    ("switchback", &["engine", "model", "postgres", "report", "workflow"]),
    ("testkit", &["engine", "model", "postgres"]),
];
/// Edges that are there and should not be.
const EDGE_DEBTS: &[(&str, &str, &str)] = &[];

/// Packages of others, and who may use them.
const ONLY: &[(&str, &[&str])] = &[
    ("tokio-postgres", &["postgres"]),
    ("pg_query", &["grammar", "sql"]),
    ("tree-sitter", &["review"]),
    ("tree-sitter-python", &["review"]),
    ("clap", &["switchback"]),
    ("clap_complete", &["switchback"]),
    ("clap_mangen", &["switchback"]),
    ("schemars", &["model", "report", "switchback"]),
    ("anstream", &["switchback"]),
    ("indicatif", &["report"]),
    ("owo-colors", &["report"]),
    ("ureq", &["workflow"]),
    ("tokio", &["engine", "postgres", "workflow", "switchback", "testkit"]),
];
const ONLY_DEBTS: &[(&str, &str, &str)] = &[];

/// The files that may start programs; everything else asks `engine::exec`.
const STARTS_PROGRAMS: &[(&str, &str)] = &[
    ("engine/src/exec.rs", "the one place"),
    ("postgres/src/scratch.rs", "the keeper of a scratch cluster: it must hear of our end, not die with us"),
    ("workflow/src/services/process/mod.rs", "the supervisor: the one program that must outlive us"),
    ("workflow/src/services/process/supervisor.rs", "the application, as the supervisor's own child"),
];

/// Every package is one more that can break, be abandoned or be taken over.
const MOST_PACKAGES: usize = 260;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Our packages, as cargo sees them.
fn packages() -> Vec<Value> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn short(name: &str) -> &str {
    name.strip_prefix("switchback-").unwrap_or(name)
}

/// What a package depends on: name, and whether only its tests do.
fn dependencies(package: &Value) -> Vec<(&str, bool)> {
    let all = package["dependencies"].as_array().unwrap();
    all.iter().map(|one| (one["name"].as_str().unwrap(), one["kind"] == "dev")).collect()
}

/// Uses of others that are not permitted; those that are known debts are left out, and every debt
/// must be found.
fn check(found: &BTreeSet<(String, String)>, debts: &[(&str, &str, &str)]) {
    let owed: BTreeSet<_> =
        debts.iter().map(|(one, other, _)| (one.to_string(), other.to_string())).collect();
    let new: Vec<_> = found.difference(&owed).collect();
    assert!(new.is_empty(), "not permitted: {new:?}");
    let paid: Vec<_> = owed.difference(found).collect();
    assert!(paid.is_empty(), "paid, so take it off the list: {paid:?}");
}

#[test]
fn crates_use_only_whom_they_may() {
    let packages = packages();
    let names: BTreeSet<_> =
        packages.iter().map(|package| short(package["name"].as_str().unwrap())).collect();
    let known: BTreeSet<_> = EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, known, "every crate has its line");
    let mut found = BTreeSet::new();
    for package in &packages {
        let name = short(package["name"].as_str().unwrap());
        let allowed = EDGES.iter().find(|(one, _)| *one == name).unwrap().1;
        for (used, in_tests) in dependencies(package) {
            let used = short(used);
            if used == "testkit" {
                assert!(in_tests, "{name} ships with testkit");
            } else if names.contains(used) && !in_tests && !allowed.contains(&used) {
                found.insert((name.to_owned(), used.to_owned()));
            }
        }
    }
    check(&found, EDGE_DEBTS);
}

#[test]
fn packages_of_others_stay_where_they_belong() {
    let mut found = BTreeSet::new();
    for package in &packages() {
        let name = short(package["name"].as_str().unwrap());
        for (used, in_tests) in dependencies(package) {
            let allowed = ONLY.iter().find(|(one, _)| *one == used).map(|(_, allowed)| *allowed);
            if !in_tests && allowed.is_some_and(|allowed| !allowed.contains(&name)) {
                found.insert((used.to_owned(), name.to_owned()));
            }
        }
    }
    check(&found, ONLY_DEBTS);
}

#[test]
fn the_tree_of_packages_stays_small() {
    let lock = read("Cargo.lock");
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(count <= MOST_PACKAGES, "{count} packages in Cargo.lock; at most {MOST_PACKAGES}");
}

#[test]
fn every_crate_takes_the_lints() {
    for folder in folders("crates") {
        let manifest = read(folder.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", folder.display());
    }
}

/// Memory of C is looked into in one place.
#[test]
fn one_crate_is_unsafe() {
    let says = |file: &PathBuf| read(file).contains("(unsafe_code,");
    let found: Vec<_> = sources().into_iter().filter(says).collect();
    assert_eq!(found, [root().join("crates/grammar/src/lib.rs")]);
}

fn folders(under: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(under)).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The files below a folder whose name ends so.
fn files(under: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

/// The sources of what ships.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders("crates").iter().filter(|folder| !folder.ends_with("testkit")) {
        files(&folder.join("src"), ".rs", &mut found);
    }
    found.sort();
    found
}

fn starts_programs(text: &str) -> bool {
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    code.into_iter().any(|line| {
        line.contains("tokio::process") || line.contains("Command::new(") || {
            line.contains("process::") && line.contains("Command") && !line.contains("CommandExt")
        }
    })
}

#[test]
fn programs_are_started_in_one_place() {
    let crates = root().join("crates");
    let starting = sources().into_iter().filter(|path| starts_programs(&read(path)));
    let found: BTreeSet<_> = starting.map(|path| path.strip_prefix(&crates).unwrap().to_owned()).collect();
    let known: BTreeSet<_> = STARTS_PROGRAMS.iter().map(|(path, _)| PathBuf::from(path)).collect();
    assert_eq!(found, known);
}

/// Python's grammar could come from somebody else tomorrow.
#[test]
fn the_grammar_of_python_is_known_in_one_file() {
    let knowing = sources().into_iter().filter(|path| read(path).contains("tree_sitter"));
    let found: Vec<_> =
        knowing.map(|path| path.strip_prefix(root().join("crates")).unwrap().to_owned()).collect();
    assert_eq!(found, [PathBuf::from("review/src/alembic/python.rs")]);
}

/// The commands by their files; `migrator.rs` is what three of them share.
fn commands() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("crates/switchback/src/commands")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    names.retain(|name| !["mod", "migrator"].contains(&name.as_str()));
    names.sort();
    names
}

#[test]
fn every_command_is_registered_and_in_the_readme() {
    let registry = read("crates/switchback/src/commands/mod.rs");
    let readme = read("README.md");
    for name in commands() {
        assert!(registry.contains(&format!("mod {name};")), "{name} is in no `mod`");
        assert!(registry.contains(&format!("{name}::run(")), "{name} is never run");
        let hidden = name == "internal";
        assert!(hidden || readme.contains(&format!("| `{name}")), "{name} is not in the README's table");
    }
}

/// The names after `pub` in the structs of the configuration.
fn keys() -> BTreeSet<String> {
    let text = read("crates/model/src/config/keys.rs");
    let named = text.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": "));
    named.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_key_is_in_the_reference() {
    let reference = read("docs/guide/configuration.md");
    for key in keys() {
        assert!(reference.contains(&format!("`{key}`")), "{key} is not in docs/guide/configuration.md");
    }
}

/// Every page that people read.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    files(&root().join("docs"), ".md", &mut found);
    found.sort();
    found
}

/// A whole configuration in a page is one that is read as it stands.
#[test]
fn configurations_in_pages_can_be_read() {
    let mut count = 0;
    for page in pages() {
        let text = read(&page);
        let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.contains("[migrations]")) {
            let given = |_: &str| Some("postgresql://ada@db/ada".to_owned());
            let read =
                Config::parse(block, Path::new("/srv/ada/switchback.toml"), Some("production"), &given);
            read.unwrap_or_else(|failure| panic!("{}: {failure}: {:?}", page.display(), failure.causes));
            count += 1;
        }
    }
    assert!(count > 0, "no page shows a whole configuration");
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let text = read(&page);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or_default();
            let path = page.parent().unwrap().join(file);
            assert!(path.exists(), "{}: there is no {target}", page.display());
        }
    }
}
