//! What others wrote, damaged: configuration, URLs, journals, manifests, Alembic's files, answers of
//! a health check, logs. Nothing panics, nothing takes long, and what is refused is refused with one
//! of our codes. The corpora are the folders beside this file; `testkit::hostile` says how they are
//! damaged and how to repeat that.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use switchback_engine::journal;
use switchback_model::{Config, DatabaseUrl, RunId, code};
use switchback_postgres::backup::Manifest;
use switchback_testkit::hostile::feed;
use switchback_workflow::formats::alembic::{Graph, find};
use switchback_workflow::health::{self, Outcome};
use switchback_workflow::logs::LogWatch;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

#[test]
fn configuration() {
    feed(&corpus("hostile/configuration"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let variables = |_: &str| Some("postgresql://ada@db/ada".to_owned());
        let read = Config::parse(&text, Path::new("/srv/ada/switchback.toml"), None, &variables);
        if let Err(failure) = read {
            assert_ne!(failure.code, code::INTERNAL, "{}", failure.message);
        }
    });
}

#[test]
fn urls() {
    feed(&corpus("hostile/url"), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let Ok(url) = DatabaseUrl::parse(&text) else { return };
        // What is read can be written and read again, and names the same place.
        let again = DatabaseUrl::parse(&url.expose()).unwrap();
        assert_eq!((again.host(), again.port()), (url.host(), url.port()), "{text}");
        assert_eq!((again.database(), again.user()), (url.database(), url.user()), "{text}");
        assert_eq!(again.password(), url.password());
        let shown = url.to_string();
        let Some(secret) = url.password().filter(|password| password.len() > 3) else { return };
        // It may stand in another part too, as it is or encoded; that part is no password.
        let often = |text: &str| text.matches(secret).count();
        assert!(!shown.contains(secret) || often(&text) > 1 || often(&url.expose()) > 1, "{text}");
    });
}

#[test]
fn journals() {
    let run = RunId("20260102_030405_abcd".into());
    let runs = tempfile::tempdir().unwrap();
    let folder = runs.path().join(&run.0);
    std::fs::create_dir(&folder).unwrap();
    feed(&corpus("journals/version-1"), |bytes| {
        std::fs::write(folder.join("journal.jsonl"), bytes).unwrap();
        let salvaged = journal::salvage(runs.path(), &run).unwrap();
        let whole = salvaged.damage.is_none();
        assert_eq!(journal::read(runs.path(), &run).is_ok(), whole);
        assert!(!whole || salvaged.view.is_some());
    });
}

#[test]
fn manifests() {
    let folder = tempfile::tempdir().unwrap();
    feed(&corpus("hostile/manifest"), |bytes| {
        std::fs::write(folder.path().join("manifest.json"), bytes).unwrap();
        // With a sum that fits, so that more than the sum is tried.
        let sum = format!("{}  manifest.json\n", hex::encode(Sha256::digest(bytes)));
        std::fs::write(folder.path().join("manifest.sha256"), sum).unwrap();
        if let Err(failure) = Manifest::read(folder.path()) {
            assert_eq!(failure.code, code::BACKUP_DAMAGED);
        }
    });
}

#[test]
fn alembic() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("versions")).unwrap();
    std::fs::write(path("env.py"), "from alembic import context\n").unwrap();
    std::fs::write(path("script.py.mako"), "").unwrap();
    feed(&corpus("hostile/alembic"), |bytes| {
        // The same bytes as each of the files that are read.
        for name in ["versions/a.py", "env.py", "alembic.ini"] {
            let before = std::fs::read(path(name)).ok();
            std::fs::write(path(name), bytes).unwrap();
            if let Ok(layout) = find(folder.path()) {
                drop(Graph::of(&layout).map(|graph| graph.heads().len()));
            }
            match before {
                Some(before) => std::fs::write(path(name), before).unwrap(),
                None => std::fs::remove_file(path(name)).unwrap(),
            }
        }
    });
}

#[test]
fn logs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("application.log");
    let words = ["Traceback".to_owned(), "ERROR".to_owned()];
    feed(&corpus("hostile/log"), |bytes| {
        std::fs::write(&file, b"").unwrap();
        let mut watch = LogWatch::at(&file, &words).unwrap();
        std::fs::write(&file, bytes).unwrap();
        for line in watch.check().unwrap() {
            assert!(!line.text.chars().any(|c| c.is_control() && c != '\t'), "{:?}", line.text);
        }
    });
}

/// A server that answers every request with the next of these bytes.
fn answers(answer: std::sync::mpsc::Receiver<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for bytes in answer {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut asked = [0; 1024];
            drop(stream.read(&mut asked));
            drop(stream.write_all(&bytes));
        }
    });
    url
}

#[test]
fn answers_of_a_health_check() {
    let (send, receive) = std::sync::mpsc::channel();
    let url = answers(receive);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    feed(&corpus("hostile/http"), |bytes| {
        send.send(bytes.to_vec()).unwrap();
        let asked = runtime.block_on(health::ask(&url, Duration::from_millis(700))).unwrap();
        if let Outcome::Answered(answer) = &asked {
            assert!(answer.body.len() <= 3 * (64 << 10), "{} bytes", answer.body.len());
        }
        assert!(asked.excerpt().chars().count() <= 300);
    });
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for head in ["HTTP/1.1 200 OK\r\nX-Long: ", "HTTP/1.1 200 OK\r\n\r\n"] {
            let Ok((mut stream, _)) = listener.accept() else { return };
            drop(stream.write_all(head.as_bytes()));
            while stream.write_all(&vec![b'x'; 64 << 10]).is_ok() {}
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..2 {
        let begin = std::time::Instant::now();
        let asked = runtime.block_on(health::ask(&url, Duration::from_millis(700))).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(5), "{asked:?}");
        assert!(asked.excerpt().len() <= 300);
    }
}
