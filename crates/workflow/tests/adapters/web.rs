//! Health and the maintenance page, against a server that answers as it is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use switchback_engine::cancel::{Cancel, cancel_pair};
use switchback_model::config::{Health, Maintenance};
use switchback_model::{Failure, code};
use switchback_workflow::health::{Outcome, ask, probe_once, wait_until_healthy};
use switchback_workflow::maintenance;

/// What the server does with a request.
enum Reply {
    Status(u16),
    Body(u16, String),
    Redirect,
    Hang,
    Drip,
    Nonsense,
}

/// Answers the Nth request (from 0) as the function says; returns its URL.
fn server(reply: impl Fn(usize) -> Reply + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut hanging = Vec::new();
        for (count, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            read_request(&mut stream);
            let text = match reply(count) {
                Reply::Status(status) => answer(status, ""),
                Reply::Body(status, body) => answer(status, &body),
                Reply::Redirect => "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".into(),
                Reply::Nonsense => "SSH-2.0-OpenSSH\r\n".into(),
                Reply::Drip => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst".into(),
                Reply::Hang => String::new(),
            };
            drop(stream.write_all(text.as_bytes()));
            if matches!(reply(count), Reply::Hang | Reply::Drip) {
                hanging.push(stream);
            }
        }
    });
    url
}

fn read_request(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        bytes.push(byte[0]);
    }
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A URL where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

fn health(url: &str, within: &str, stable_for: &str) -> Health {
    serde_json::from_value(json!({ "url": url, "within": within, "stable_for": stable_for })).unwrap()
}

async fn unwell(health: &Health) -> Failure {
    wait_until_healthy(health, &Cancel::never(), &mut |_| {}).await.unwrap_err()
}

#[tokio::test]
async fn well_after_a_while() {
    let url = server(|n| Reply::Status(if n < 2 { 503 } else { 200 }));
    let mut seen = Vec::new();
    let report =
        wait_until_healthy(&health(&url, "20s", "1s"), &Cancel::never(), &mut |sample| seen.push(sample))
            .await
            .unwrap();
    assert_eq!((report.flaps, report.samples as usize), (0, seen.len()));
    assert!(report.well_after_ms >= 500 && report.well_for_ms >= 1000, "{report:?}");
    assert!(!seen[0].outcome.is_well() && seen.last().unwrap().outcome.is_well());
}

#[tokio::test]
async fn never_well_is_told_with_status_and_body() {
    let url =
        server(|_| Reply::Body(500, format!("relation \"profiles\" does not exist {}", "x".repeat(9999))));
    let failure = unwell(&health(&url, "1s", "1s")).await;
    assert_eq!(failure.code, code::HEALTH);
    assert!(failure.message.contains("answered 500"), "{failure}");
    assert!(failure.causes[0].contains("\"profiles\" does not exist"), "{:?}", failure.causes);
    assert!(failure.causes[0].len() < 400);
}

#[tokio::test]
async fn a_hang_is_called_one() {
    let url = server(|_| Reply::Hang);
    let failure = unwell(&health(&url, "1s", "1s")).await;
    assert!(failure.message.contains("gave no answer within 1 s"), "{failure}");
    let start = Instant::now();
    for reply in [|_| Reply::Hang, |_| Reply::Drip] {
        let outcome = ask(&server(reply), Duration::from_millis(700)).await.unwrap();
        assert_eq!(outcome, Outcome::Silent(700));
    }
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn flapping_is_called_so() {
    let url = server(|n| Reply::Status(if n % 2 == 0 { 200 } else { 500 }));
    let failure = unwell(&health(&url, "2s", "10s")).await;
    assert!(failure.message.contains("was well and did not stay so"), "{failure}");
}

#[tokio::test]
async fn one_relapse_in_time_is_counted_and_forgiven() {
    let url = server(|n| Reply::Status(if n == 1 { 500 } else { 200 }));
    let report = wait_until_healthy(&health(&url, "20s", "1s"), &Cancel::never(), &mut |_| {}).await.unwrap();
    assert_eq!(report.flaps, 1);
}

#[tokio::test]
async fn nobody_there_nonsense_and_redirects_are_not_well() {
    let second = Duration::from_secs(1);
    assert_eq!(ask(&nobody(), second).await.unwrap(), Outcome::Refused);
    assert!(matches!(ask(&server(|_| Reply::Nonsense), second).await.unwrap(), Outcome::Broken(_)));
    assert_eq!(probe_once(&server(|_| Reply::Redirect), second).await.unwrap().status, 302);
    let failure = probe_once(&nobody(), second).await.unwrap_err();
    assert!(failure.message.contains("nobody listens there"), "{failure}");
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let url = server(|_| Reply::Body(200, "x".repeat(1 << 20)));
    assert_eq!(probe_once(&url, Duration::from_secs(5)).await.unwrap().body.len(), 64 << 10);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_without_its_secrets() {
    for url in ["https://ada:hush@localhost/health", "ftp://localhost", "localhost:5000"] {
        let failure = probe_once(url, Duration::from_secs(1)).await.unwrap_err();
        assert!(failure.code == code::HEALTH && !failure.message.contains("hush"), "{failure}");
    }
}

#[tokio::test]
async fn waiting_can_be_interrupted() {
    let (canceller, cancel) = cancel_pair();
    let url = server(|_| Reply::Hang);
    let health = health(&url, "60s", "60s");
    let mut ignore = |_| {};
    let waiting = wait_until_healthy(&health, &cancel, &mut ignore);
    let (waited, ()) = tokio::join!(waiting, async { canceller.cancel() });
    assert_eq!(waited.unwrap_err().code, code::INTERRUPTED);
}

fn page(settings: serde_json::Value) -> Maintenance {
    serde_json::from_value(settings).unwrap()
}

#[tokio::test]
async fn the_flag_closes_and_opens_the_page_and_both_twice_is_once() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("maintenance.flag");
    let watched = flag.clone();
    let url = server(move |_| Reply::Status(if watched.exists() { 503 } else { 200 }));
    let page = page(json!({ "flag": flag, "closed_when": { "url": url } }));
    let cancel = Cancel::never();
    for _ in 0..2 {
        let proof = maintenance::on(&page, "run-1", folder.path(), &cancel).await.unwrap();
        assert!(proof.contains("answered 503"), "{proof}");
        assert_eq!(maintenance::is_closed(&page).await.unwrap(), Some(true));
        assert!(std::fs::read_to_string(&flag).unwrap().contains("run-1"));
    }
    for _ in 0..2 {
        let proof = maintenance::off(&page, "run-1", folder.path(), &cancel).await.unwrap();
        assert!(proof.contains("answered 200"), "{proof}");
        assert_eq!(maintenance::is_closed(&page).await.unwrap(), Some(false));
        assert!(!flag.exists());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_page_that_a_person_closed_stays_closed() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("maintenance.flag");
    std::fs::write(&flag, "back at noon").unwrap();
    let page = page(json!({ "flag": flag, "on": ["touch", "ours"], "off": ["rm", "ours"] }));
    for text in [
        maintenance::on(&page, "run-1", folder.path(), &Cancel::never()).await.unwrap(),
        maintenance::off(&page, "run-1", folder.path(), &Cancel::never()).await.unwrap(),
    ] {
        assert!(text.contains("left"), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&flag).unwrap(), "back at noon");
    assert!(!folder.path().join("ours").exists());
    assert_eq!(maintenance::is_closed(&page).await.unwrap(), None);
}

#[tokio::test]
async fn commands_close_and_open_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(json!({ "on": ["touch", "closed"], "off": ["rm", "-f", "closed"] }));
    maintenance::on(&page, "run-1", folder.path(), &Cancel::never()).await.unwrap();
    assert!(folder.path().join("closed").exists());
    maintenance::off(&page, "run-1", folder.path(), &Cancel::never()).await.unwrap();
    assert!(!folder.path().join("closed").exists());
    let broken = self::page(json!({ "on": ["false"] }));
    let failure = maintenance::on(&broken, "run-1", folder.path(), &Cancel::never()).await.unwrap_err();
    assert_eq!(failure.code, code::COMMAND_FAILED);
    let empty = self::page(json!({}));
    let failure = maintenance::on(&empty, "run-1", folder.path(), &Cancel::never()).await.unwrap_err();
    assert_eq!(failure.code, code::MAINTENANCE);
}

#[tokio::test]
async fn a_page_that_does_not_close_or_open_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let with = |url: &str| page(json!({ "flag": folder.path().join("flag"), "closed_when": { "url": url } }));
    let (open, closed) = (server(|_| Reply::Status(200)), server(|_| Reply::Status(503)));
    let (stays_open, stays_closed) = (with(&open), with(&closed));
    let folder = Path::new("/");
    let never = Cancel::never();
    let (on, off) = tokio::join!(
        maintenance::on(&stays_open, "run-1", folder, &never),
        maintenance::off(&stays_closed, "run-1", folder, &never),
    );
    for failure in [on.unwrap_err(), off.unwrap_err()] {
        assert_eq!(failure.code, code::MAINTENANCE, "{failure}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nobody_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(json!({ "flag": folder.path().join("flag"), "closed_when": { "url": nobody() } }));
    let proof = maintenance::on(&page, "run-1", folder.path(), &Cancel::never()).await.unwrap();
    assert!(proof.contains("nobody listens"), "{proof}");
    assert_eq!(maintenance::is_closed(&page).await.unwrap(), Some(true));
    let proof = maintenance::off(&page, "run-1", folder.path(), &Cancel::never()).await.unwrap();
    assert!(proof.contains("nobody listens"), "{proof}");
}
