//! The report of real runs, opened in a real browser.
//!
//! Without Chromium these tests say so and end; with `REQUIRE_BROWSER=1` they fail.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use switchback_testkit::{Host, Shape, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// Chromium, where it is there.
#[expect(clippy::print_stdout, reason = "what is left out is said")]
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = found.find(|path| path.is_file());
    let required = std::env::var_os("REQUIRE_BROWSER").is_some_and(|value| value == "1");
    assert!(found.is_some() || !required, "there is no Chromium: script/bootstrap test");
    if found.is_none() {
        println!("LEFT OUT: there is no Chromium to open the report in (script/bootstrap test)");
    }
    found
}

/// Loads the page in a frame of this width and says what is there to be seen.
const LOOKER: &str = r#"<!doctype html><iframe id="frame" src="@PAGE@" width="@WIDTH@" height="900"></iframe>
<pre id="out"></pre><script>
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const seen = [...page.querySelectorAll("section")].map(s => ({id: s.id, height: s.offsetHeight}));
  const wide = [...page.querySelectorAll("body *")].filter(e => !e.closest("thead, .skip") && e.getBoundingClientRect().right > root.clientWidth + 1);
  out.textContent = JSON.stringify({
    title: page.title, width: root.clientWidth, scrolls: root.scrollWidth, seen,
    wide: wide.slice(0, 5).map(e => e.outerHTML.slice(0, 120)),
    verdict: page.querySelector(".verdict").textContent,
    verdictSize: page.querySelector(".verdict").offsetHeight,
    requests: frame.contentWindow.performance.getEntriesByType("resource").length,
    scripts: page.scripts.length,
    details: page.querySelectorAll("details").length,
  });
};
</script>"#;

fn open(browser: &Path, folder: &Path, page: &str) -> Output {
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--disable-dev-shm-usage", "--allow-file-access-from-files", "--enable-logging=stderr"]);
    command.arg(format!("--user-data-dir={}", folder.join("browser").display()));
    command.arg("--window-size=1400,1000").arg("--virtual-time-budget=20000").arg("--dump-dom");
    command.arg(format!("file://{}", folder.join(page).display())).output().unwrap()
}

/// What a reader sees of a page in a window of this width.
fn look(browser: &Path, folder: &Path, page: &str, width: u32) -> Value {
    let looker = LOOKER.replace("@PAGE@", page).replace("@WIDTH@", &width.to_string());
    std::fs::write(folder.join("looker.html"), looker).unwrap();
    let opened = open(browser, folder, "looker.html");
    let (dom, said) = (String::from_utf8_lossy(&opened.stdout), String::from_utf8_lossy(&opened.stderr));
    let console: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "the console says {console:?}");
    let seen = dom.split_once("<pre id=\"out\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let seen = seen.unwrap_or_else(|| panic!("{dom}\n{said}")).0;
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}\n{said}"))
}

fn assert_well(seen: &Value, wanted: &[&str]) {
    let width = seen["width"].as_u64().unwrap();
    assert!(seen["scrolls"].as_u64().unwrap() <= width, "it scrolls sideways at {width}: {seen}");
    assert_eq!(
        seen["wide"].as_array().unwrap().len(),
        0,
        "something sticks out at {width}: {}",
        seen["wide"]
    );
    assert_eq!((&seen["requests"], &seen["scripts"]), (&0.into(), &0.into()));
    assert!(seen["verdictSize"].as_u64().unwrap() > 10);
    let sections = seen["seen"].as_array().unwrap();
    for id in wanted {
        let section = sections.iter().find(|section| section["id"] == *id);
        let section = section.unwrap_or_else(|| panic!("there is no section {id}: {seen}"));
        assert!(section["height"].as_u64().unwrap() > 60, "{id} can't be seen: {section}");
    }
}

const ALWAYS: &[&str] = &[
    "what",
    "timeline",
    "way-back",
    "rows",
    "schema",
    "backup",
    "monitor",
    "performance",
    "settings",
    "events",
];

/// A run's page in a folder of the test's own; the last one of the host.
fn page_of(host: &Host) -> &'static str {
    host.expect(&["report", "--format", "html", "--output", "page.html"], 0);
    "page.html"
}

#[tokio::test]
async fn a_run_that_succeeded_is_read_on_a_phone_and_on_a_desk() {
    let Some(browser) = browser() else { return };
    let host =
        Host::new(cluster().await, PROGRAM, Shape { service: false, page: false, ..Shape::default() }).await;
    // A name that is markup, in what users see of a run.
    host.git(&["checkout", "--quiet", "v2"]);
    let path = "code/migrations/versions/r3.py";
    let text = std::fs::read_to_string(host.path(path)).unwrap();
    host.write(path, &text.replace("r3 of the test", "<script>document.title='broken into'</script>"));
    host.git(&["commit", "--quiet", "-am", "evil"]);
    host.git(&["tag", "evil"]);
    host.git(&["checkout", "--quiet", "v1"]);
    host.expect(&["deploy", "--release", "evil"], 0);
    let page = page_of(&host);
    assert!(std::fs::read_to_string(host.path(page)).unwrap().contains("&lt;script&gt;"));
    for width in [400, 1280] {
        let seen = look(&browser, &host.path(""), page, width);
        assert_well(&seen, ALWAYS);
        assert_eq!(seen["title"], format!("Run {} of production", host.last_run()));
        assert!(seen["verdict"].as_str().unwrap().contains("succeeded"), "{seen}");
        assert!(seen["verdict"].as_str().unwrap().contains("no data was lost"), "{seen}");
    }
}

#[tokio::test]
async fn a_run_that_was_taken_back_says_so_at_its_top() {
    let Some(browser) = browser() else { return };
    let host =
        Host::new(cluster().await, PROGRAM, Shape { service: false, page: false, ..Shape::default() }).await;
    let failed = host.run_with(&host.deploy(), &[("MIGRATE_FAULT", "fail r3")]);
    assert_eq!(failed.status, Some(4), "{}", failed.stderr);
    let page = page_of(&host);
    for width in [400, 1280] {
        let seen = look(&browser, &host.path(""), page, width);
        assert_well(&seen, &["failure", "what", "timeline", "way-back", "backup", "monitor", "events"]);
        let verdict = seen["verdict"].as_str().unwrap();
        assert!(verdict.contains("failed at") && verdict.contains("was taken back"), "{verdict}");
    }
}
