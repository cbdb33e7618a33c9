//! GitLab's code quality report: an array that the merge request compares with its target's.

use std::io::{self, Write};

use serde::ser::{Serialize, Serializer};
use serde_json::{Value, json};
use switchback_model::Severity;
use switchback_model::finding::{Finding, Findings};

use super::Reviewed;
use super::parts::identity::Identities;
use super::parts::{machine, words};

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    machine::json(out, &Issues(reviewed.findings))
}

/// One after the other, so that a long report is not held twice.
struct Issues<'a>(&'a Findings);

impl Serialize for Issues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut identities = Identities::default();
        serializer.collect_seq(self.0.findings.iter().map(|finding| issue(finding, &identities.of(finding))))
    }
}

fn issue(finding: &Finding, fingerprint: &str) -> Value {
    json!({
        "description": description(finding),
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": severity(finding.severity),
        "location": {
            "path": words::path(finding),
            "lines": { "begin": finding.line, "end": finding.end_line.max(finding.line) },
        },
    })
}

/// GitLab shows one line.
fn description(finding: &Finding) -> String {
    let mut out = format!("{}: {}", finding.code, words::line(&finding.message));
    let lock = finding.lock.as_ref().map(|lock| format!("lock: {}", words::lock(lock)));
    for more in
        lock.as_deref().into_iter().chain([&*finding.why, &*finding.help]).filter(|more| !more.is_empty())
    {
        out.push_str("; ");
        out.push_str(&words::line(more));
    }
    out
}

/// Its steps are `info`, `minor`, `major`, `critical`, `blocker`.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "major",
        Severity::Error => "critical",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::findings::parts::testing::{Sample, hostile};

    #[test]
    fn a_report_is_an_array_of_issues() {
        insta::assert_snapshot!(Sample::some().shown("gitlab"), @r#"
        [
          {
            "check_name": "add-fk-validated",
            "description": "SR0101: the foreign key `orders_customer` is checked while writers of both tables wait; lock: SHARE ROW EXCLUSIVE on orders, scanned; every row of `orders` is looked up in `customers`; until that is done nobody writes to either; add it `NOT VALID`, and validate it on its own",
            "fingerprint": "deadf17cfbcff6351c524bc33bb08d3c",
            "location": {
              "lines": {
                "begin": 2,
                "end": 3
              },
              "path": "migrations/0003_orders.sql"
            },
            "severity": "critical"
          },
          {
            "check_name": "create-index-blocking",
            "description": "SR0301: writers of `orders` wait until the index is built; lock: SHARE on orders, scanned; `CREATE INDEX` holds SHARE until its end",
            "fingerprint": "8966d18cc2b67ebc1d30e802c2eb9b0d",
            "location": {
              "lines": {
                "begin": 4,
                "end": 4
              },
              "path": "migrations/0003_orders.sql"
            },
            "severity": "major"
          },
          {
            "check_name": "drop-column",
            "description": "SR0501: `users.fax` and what is in it are gone; lock: ACCESS EXCLUSIVE on users, rewritten, scanned; take it out of the code first, and keep it a release longer",
            "fingerprint": "d8f7158d5af5400918be1e40b6303a11",
            "location": {
              "lines": {
                "begin": 1,
                "end": 1
              },
              "path": "migrations/0004_fax.sql"
            },
            "severity": "info"
          }
        ]
        "#);
        assert_eq!(Sample::nothing(2).shown("gitlab"), "[]\n");
    }

    #[test]
    fn what_is_required_is_there_whatever_was_found() {
        for sample in [Sample::some(), hostile(), Sample::many(50, " ")] {
            let issues: Vec<Value> = serde_json::from_str(&sample.shown("gitlab")).unwrap();
            assert_eq!(issues.len(), sample.findings.findings.len());
            let mut prints = Vec::new();
            for issue in &issues {
                let text = |name: &str| issue[name].as_str().filter(|text| !text.is_empty()).unwrap();
                assert!(!text("description").contains('\n') && !text("check_name").is_empty());
                assert!(["info", "minor", "major", "critical", "blocker"].contains(&text("severity")));
                assert!(issue.pointer("/location/path").unwrap().is_string());
                assert!(issue.pointer("/location/lines/begin").unwrap().as_u64() > Some(0));
                prints.push(text("fingerprint"));
            }
            prints.sort_unstable();
            prints.dedup();
            assert_eq!(prints.len(), issues.len(), "GitLab shows issues with one fingerprint once");
        }
    }
}
