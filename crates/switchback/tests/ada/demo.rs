//! `switchback demo`, as `script/demo` calls it.

use std::process::Command;

use crate::shop::{PROGRAM, examples, ran, venv};

/// A line of the summary: `v3a  taken back  exit 4 …`, what was said, the report.
struct Told<'a> {
    release: &'a str,
    line: &'a str,
    said: &'a str,
    report: &'a str,
}

fn summary(stdout: &str) -> Vec<Told<'_>> {
    let lines: Vec<_> = stdout.lines().filter(|line| !line.is_empty()).collect();
    let runs = lines.chunks(3).filter(|run| run.len() == 3);
    runs.map(|run| Told {
        release: run[0].split_whitespace().next().unwrap(),
        line: run[0],
        said: run[1],
        report: run[2].trim(),
    })
    .collect()
}

#[test]
fn the_demo_tells_of_four_runs_and_loses_nothing() {
    let venv = venv("python");
    let venv = venv.parent().unwrap().parent().unwrap();
    let mut demo = Command::new(PROGRAM);
    demo.arg("demo").arg("--ada").arg(examples()).arg("--venv").arg(venv).args(["--orders", "2000"]);
    let ran = ran(&demo.env("LC_ALL", "C.UTF-8").env_remove("SWITCHBACK_FAULT").output().unwrap());
    assert_eq!(ran.status, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let told = summary(&ran.stdout);
    let releases: Vec<_> = told.iter().map(|run| run.release).collect();
    assert_eq!(releases, ["v2", "v3a", "v3b", "v3c"], "{}", ran.stdout);
    for run in &told {
        let exit = if run.release == "v2" { "exit 0 " } else { "exit 4 " };
        assert!(run.line.contains(exit), "{}", run.line);
        let said = if run.release == "v2" { " 0 lost" } else { "equal to before" };
        assert!(run.said.contains(said), "{}", run.said);
        report(run);
    }
    let folder = ran.stdout.lines().last().unwrap().strip_prefix("Everything is in ").unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

fn report(run: &Told<'_>) {
    let text = std::fs::read_to_string(run.report).expect(run.report);
    let outcome = if run.release == "v2" { "**exit status**: 0" } else { "**exit status**: 4" };
    // v3a fails before there is anything to check.
    let checks = if run.release == "v3a" { "## Why it turned round" } else { "## Checks" };
    for wanted in [outcome, "**downtime**", "## Timeline", "## Backup", checks] {
        assert!(text.contains(wanted), "{}: no `{wanted}` in\n{text}", run.release);
    }
    assert_eq!(text.contains("| users have profiles | ✗ |"), run.release == "v3b", "{text}");
}
