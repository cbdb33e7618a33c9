//! The first three commands of somebody who has an application and no configuration.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use switchback_testkit::Ran;

use crate::shop::{PROGRAM, Shop, V1, Wish, ran, venv};

fn switchback(shop: &Shop, words: &[&str]) -> Ran {
    let programs = venv("flask").parent().unwrap().display().to_string();
    let mut command = Command::new(PROGRAM);
    command.current_dir(shop.repository()).args(words).env("DATABASE_URL", shop.url().expose());
    // As in a shell in which the Python environment is active.
    let path = format!("{programs}:/usr/local/bin:/usr/bin:/bin");
    ran(&command.env("PATH", path).env_remove("SWITCHBACK_FAULT").output().unwrap())
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr))
}

#[tokio::test]
async fn init_then_doctor_then_status() {
    let shop = Shop::new(Wish { running: false, ..Wish::default() }).await;
    // A folder above must not be found instead.
    std::fs::remove_file(shop.path("switchback.toml")).unwrap();
    let init = switchback(&shop, &["init"]);
    assert_eq!(init.status, Some(0), "{}", init.stderr);
    let written: &Path = &shop.repository().join("switchback.toml");
    let text = std::fs::read_to_string(written).unwrap();
    assert!(text.contains("command = [\"flask\", \"db\"]"), "{text}");
    assert_eq!(switchback(&shop, &["init"]).status, Some(2), "it is written over");
    assert_eq!(std::fs::read_to_string(written).unwrap(), text);

    let doctor = switchback(&shop, &["doctor", "--format", "json"]);
    let looks = document(&doctor);
    assert!(matches!(doctor.status, Some(0 | 1)), "{}", doctor.stderr);
    assert_eq!(looks["ok"], Value::Bool(doctor.status == Some(0)));
    for look in looks["looks"].as_array().unwrap() {
        assert!(
            !look["title"].as_str().unwrap().is_empty() && !look["detail"].as_str().unwrap().is_empty(),
            "{look}"
        );
        assert!(look["mark"] != "bad" || look["cure"].is_string(), "no cure: {look}");
    }

    let status = document(&switchback(&shop, &["status", "--format", "json"]));
    assert_eq!(status["current"], serde_json::json!([V1]));
    assert_eq!(status["heads"], serde_json::json!([V1]));
    assert_eq!((&status["tool"], &status["pending"]), (&"alembic".into(), &serde_json::json!([])));
    assert_eq!((&status["open_run"], &status["last_run"]), (&Value::Null, &Value::Null));
}
