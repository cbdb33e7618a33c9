//! A password of its own in every place where one can stand; then every command, also those that
//! fail; then a search for each of them, in all that was said, written and run.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// Where it stands, and what it is. One needs to be encoded in a URL.
const SECRETS: [(&str, &str); 5] = [
    ("database_url", "hush-app-61c3"),
    ("maintenance_url", "hush-admin-8ad0"),
    ("scratch_url", "hush@scratch:5b1e"),
    ("[migrations] env", "hush-token-27f9"),
    ("[service] env", "hush-key-90be"),
];

/// Looks at the arguments of every process until it is told to end; what it saw.
fn watch_arguments(end: Arc<AtomicBool>) -> std::thread::JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !end.load(Ordering::Relaxed) {
            for process in std::fs::read_dir("/proc").unwrap().flatten() {
                let Ok(bytes) = std::fs::read(process.path().join("cmdline")) else { continue };
                let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
                if line.contains("hush") && !seen.contains(&line) {
                    seen.push(line);
                }
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        seen
    })
}

fn with_password(url: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (user, rest) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}:{}@{rest}", password.replace('@', "%40").replace(':', "%3A"))
}

async fn host() -> Host {
    let host = Host::new(cluster().await, PROGRAM, Shape::default()).await;
    let admin = host.cluster().url("postgres").expose();
    let [_, maintenance, scratch, token, key] = SECRETS.map(|(_, secret)| secret);
    host.configure(
        &format!("maintenance_url = \"{admin}\""),
        &format!("maintenance_url = \"{}\"", with_password(&admin, maintenance)),
    );
    host.configure(
        &format!("scratch_url = \"{admin}\""),
        &format!("scratch_url = \"{}\"", with_password(&admin, scratch)),
    );
    host.configure("env = { }", &format!("env = {{ API_TOKEN = \"{token}\" }}"));
    host.configure("grace = \"5s\"", &format!("grace = \"5s\"\nenv = {{ SECRET_KEY = \"{key}\" }}"));
    host
}

/// A command line, and variables.
type Call = (Vec<&'static str>, &'static [(&'static str, &'static str)]);

/// Every command, also in ways in which it fails.
fn commands() -> Vec<Call> {
    let plain = |line: &'static str| (line.split(' ').collect::<Vec<_>>(), &[][..]);
    let mut all: Vec<_> = [
        "doctor",
        "doctor --format json",
        "status",
        "status --format json",
        "plan",
        "plan --format json",
        "plan --format md",
        "deploy --release v2 --dry-run",
        "service status",
        "validate",
        "validate --format json",
        "backup create",
        "backup list",
        "backup list --format json",
        "backup verify",
        "restore 20 --into beside",
        "stamp r9",
        "up --to r9",
        "report 20",
        "deploy --release nowhere",
        "-e nowhere status",
        "--config nowhere.toml status",
    ]
    .map(plain)
    .to_vec();
    all.push((vec!["--verbose", "deploy", "--release", "v2"], &[("MIGRATE_FAULT", "tell r3")]));
    all.push((vec!["deploy", "--release", "v2", "--format", "jsonl"], &[("MIGRATE_FAULT", "tell r2")]));
    all.push((vec!["deploy", "--release", "v2", "--format", "json"], &[("MIGRATE_FAULT", "commit r3")]));
    all.push((vec!["deploy", "--release", "v2"], &[("SWITCHBACK_FAULT", "kill-after:25")]));
    all.extend(
        ["runs list", "runs show 20", "abort", "deploy --release v2", "report 20 --format json"].map(plain),
    );
    all.extend(["runs list --format json", "rollback", "up --to r1", "status --verbose"].map(plain));
    all
}

/// Every file below a folder, but those in which the test itself wrote the secrets.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            files(&path, found);
        } else if path.file_name().unwrap() != "switchback.toml" {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn no_password_is_ever_said_or_written() {
    let host = host().await;
    let url = with_password(&host.url().expose(), SECRETS[0].1);
    let end = Arc::new(AtomicBool::new(false));
    let watch = watch_arguments(Arc::clone(&end));
    let mut told = Vec::new();
    let run = |words: &[&str], variables: &[(&str, &str)]| -> Output {
        host.command(words).env("APP_URL", &url).envs(variables.iter().copied()).output().unwrap()
    };
    for (words, variables) in commands() {
        let output = run(&words, variables);
        for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            told.push((format!("{stream} of {words:?} ({:?})", output.status.code()), bytes.clone()));
        }
    }
    // A server that is not there, and a URL that is none.
    for wrong in ["postgresql://ada:hush-app-61c3@127.0.0.1:1/ada", "postgresql//ada:hush-app-61c3@x"] {
        let output = host.command(&["status"]).env("APP_URL", wrong).output().unwrap();
        assert!(!output.status.success());
        told.push((format!("stderr for {wrong}"), output.stderr));
    }
    end.store(true, Ordering::Relaxed);
    let arguments = watch.join().unwrap();
    assert!(arguments.is_empty(), "in the arguments of a process:\n{}", arguments.join("\n"));
    let mut written = Vec::new();
    files(&host.path("."), &mut written);
    told.extend(written.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())));
    assert!(told.len() > 100, "{} places were searched", told.len());
    for (place, bytes) in &told {
        let text = String::from_utf8_lossy(bytes);
        for (name, secret) in SECRETS {
            let encoded = secret.replace('@', "%40").replace(':', "%3A");
            assert!(!text.contains(secret) && !text.contains(&encoded), "{name} stands in {place}:\n{text}");
        }
    }
    let said = told.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect::<String>();
    assert!(
        said.contains("could not connect with"),
        "the migrator's lines are shown, but for what is secret"
    );
}

#[tokio::test]
async fn what_is_written_is_its_owners_alone() {
    let host = host().await;
    host.expect(&["deploy", "--release", "v2"], 0);
    let mut folders = vec![host.path(".switchback"), host.path("backups")];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        if switchback_testkit::host::mode(&folder) != 0o700 {
            wrong.push(folder.clone());
        }
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() && switchback_testkit::host::mode(&entry.path()) & 0o177 != 0 => {
                    wrong.push(entry.path());
                }
                _ => {}
            }
        }
    }
    // The files of a release are as git has them, in a folder that is private.
    wrong.retain(|path| !path.starts_with(host.path(".switchback/releases")));
    assert!(wrong.is_empty(), "{wrong:?}");
}
