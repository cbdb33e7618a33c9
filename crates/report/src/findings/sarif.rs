//! SARIF 2.1.0, as code scanning services take it in.
//!
//! A result says which rule (with its page), where, and who it is over time. A fix is one of SARIF's
//! only where its SQL can stand in the statement's place; where it needs transactions of its own,
//! the message has it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};
use switchback_model::finding::Finding;

use super::parts::identity::Identities;
use super::parts::source::{Region, Source};
use super::parts::{fix, machine, words};
use super::{Columns, Reviewed, Rule};
use crate::markdown::fenced;

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rules = rules(reviewed);
    let index = rules.iter().enumerate().map(|(n, rule)| (rule.code, n)).collect();
    machine::json(
        out,
        &Log {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [Run {
                tool: json!({ "driver": {
                "name": "switchback",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(described).collect::<Vec<_>>(),
            } }),
                column_kind: match reviewed.columns {
                    Columns::Characters => "unicodeCodePoints",
                    Columns::Utf16 => "utf16CodeUnits",
                },
                results: Results { reviewed, index },
            }],
        },
    )
}

#[derive(serde::Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    column_kind: &'static str,
    results: Results<'a>,
}

/// The rules that found something, by code. One that nothing is known of is what its findings say.
fn rules<'a>(reviewed: &Reviewed<'a>) -> Vec<Rule<'a>> {
    let findings = &reviewed.findings.findings;
    let mut found: BTreeMap<&str, Rule<'a>> = BTreeMap::new();
    for finding in findings {
        let Finding { code, rule, severity, .. } = finding;
        let unknown = Rule { code, name: rule, title: rule, page: "", severity: *severity };
        found.entry(code).or_insert(unknown);
    }
    for rule in reviewed.rules {
        found.entry(rule.code).and_modify(|known| *known = *rule);
    }
    found.into_values().collect()
}

fn described(rule: &Rule<'_>) -> Value {
    let mut out = json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.title },
        "defaultConfiguration": { "level": words::level(rule.severity) },
    });
    if !rule.page.is_empty() {
        out["help"] = json!({ "text": rule.page, "markdown": rule.page });
    }
    out
}

/// One after the other, so that a long log is not held twice.
struct Results<'a> {
    reviewed: &'a Reviewed<'a>,
    index: BTreeMap<&'a str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut results = serializer.serialize_seq(None)?;
        let mut identities = Identities::default();
        for group in self.reviewed.findings.findings.chunk_by(|one, next| one.file == next.file) {
            let text = self.reviewed.sources.text(&group[0].file);
            let mut source = text.as_deref().map(|text| Source::of(text, self.reviewed.columns));
            for finding in group {
                let mut result = result(finding, &identities.of(finding));
                result.insert("ruleIndex".to_owned(), json!(self.index.get(finding.code.as_str())));
                if let Some(fix) = source.as_mut().and_then(|source| replacement(finding, source)) {
                    result.insert("fixes".to_owned(), json!([fix]));
                }
                results.serialize_element(&result)?;
            }
        }
        results.end()
    }
}

fn result(finding: &Finding, identity: &str) -> Map<String, Value> {
    let start = (finding.line, finding.column);
    let end = start.max((finding.end_line, finding.end_column));
    let result = json!({
        "ruleId": finding.code,
        "level": words::level(finding.severity),
        "message": message(finding),
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(words::path(finding)) },
            "region": region(Region { start, end }),
        } }],
        "partialFingerprints": { "switchbackStatement/v1": identity },
    });
    match result {
        Value::Object(result) => result,
        _ => Map::new(),
    }
}

fn message(finding: &Finding) -> Value {
    let message = words::line(&finding.message);
    let mut markdown = crate::markdown::prose(&message);
    let lock = finding.lock.as_ref().map(|lock| format!("Lock: {}", words::lock(lock)));
    for more in lock.iter().chain([&finding.why, &finding.help]).filter(|more| !more.is_empty()) {
        markdown.push_str("\n\n");
        markdown.push_str(&crate::markdown::prose(more));
    }
    if let Some(fix) = &finding.fix {
        let title = crate::markdown::prose(&fix::title(fix));
        let _ = write!(markdown, "\n\n{title}:\n\n{}", fenced("sql", &fix::sql(fix)));
    }
    json!({ "text": format!("{message}\n{}", words::body(finding)).trim_end(), "markdown": markdown.trim_end() })
}

/// The fix as a replacement of the whole statement, where the file holds it as SQL.
fn replacement(finding: &Finding, source: &mut Source<'_>) -> Option<Value> {
    let fix = finding.fix.as_ref().filter(|_| is_sql(&finding.file))?;
    let sql = fix::in_place(fix)?;
    let place = source.statement((finding.line, finding.column), &finding.statement)?;
    Some(json!({
        "description": { "text": words::line(&fix.title) },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(words::path(finding)) },
            "replacements": [{ "deletedRegion": region(place), "insertedContent": { "text": sql } }],
        }],
    }))
}

/// In a string of Python, lines and quotes mean something else.
fn is_sql(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("sql"))
}

fn region(place: Region) -> Value {
    json!({
        "startLine": place.start.0.max(1),
        "startColumn": place.start.1.max(1),
        "endLine": place.end.0.max(1),
        "endColumn": place.end.1.max(1),
    })
}

/// A path as a reference (RFC 3986): below the root of the repository, or a file of this host.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::parts::testing::{Sample, at, dropped, hostile};
    use crate::findings::{format, write};

    fn log(sample: &Sample) -> Value {
        serde_json::from_str(&sample.shown("sarif")).unwrap()
    }

    #[test]
    fn a_log_has_its_rules_and_results() {
        let sample = Sample::one(dropped(), &Sample::some().sources["migrations/0004_fax.sql"]);
        insta::assert_snapshot!(sample.shown("sarif"), @r#"
        {
          "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
          "version": "2.1.0",
          "runs": [
            {
              "tool": {
                "driver": {
                  "name": "switchback",
                  "rules": [
                    {
                      "defaultConfiguration": {
                        "level": "note"
                      },
                      "id": "SR0501",
                      "name": "drop-column",
                      "shortDescription": {
                        "text": "drop-column"
                      }
                    }
                  ],
                  "version": "0.1.0"
                }
              },
              "columnKind": "unicodeCodePoints",
              "results": [
                {
                  "fixes": [
                    {
                      "artifactChanges": [
                        {
                          "artifactLocation": {
                            "uri": "migrations/0004_fax.sql"
                          },
                          "replacements": [
                            {
                              "deletedRegion": {
                                "endColumn": 45,
                                "endLine": 1,
                                "startColumn": 12,
                                "startLine": 1
                              },
                              "insertedContent": {
                                "text": "set local lock_timeout = '1s';\nalter table users drop column fax"
                              }
                            }
                          ]
                        }
                      ],
                      "description": {
                        "text": "Fail early"
                      }
                    }
                  ],
                  "level": "note",
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "migrations/0004_fax.sql"
                        },
                        "region": {
                          "endColumn": 45,
                          "endLine": 1,
                          "startColumn": 30,
                          "startLine": 1
                        }
                      }
                    }
                  ],
                  "message": {
                    "markdown": "`users.fax` and what is in it are gone\n\nLock: ACCESS EXCLUSIVE on users, rewritten, scanned\n\ntake it out of the code first, and keep it a release longer\n\nFail early (in one transaction):\n\n```sql\nset local lock_timeout = '1s';\nalter table users drop column fax;\n```",
                    "text": "`users.fax` and what is in it are gone\nlock: ACCESS EXCLUSIVE on users, rewritten, scanned\nhelp: take it out of the code first, and keep it a release longer\nfix: Fail early (in one transaction)\n    set local lock_timeout = '1s';\n    alter table users drop column fax;"
                  },
                  "partialFingerprints": {
                    "switchbackStatement/v1": "d8f7158d5af5400918be1e40b6303a11"
                  },
                  "ruleId": "SR0501",
                  "ruleIndex": 0
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_rule_that_found_something_brings_its_page() {
        let log = log(&Sample::some());
        let rules = log.pointer("/runs/0/tool/driver/rules").unwrap();
        assert_eq!(rules.as_array().unwrap().len(), 3, "those that found nothing stay out");
        assert_eq!(rules[0]["shortDescription"]["text"], "A foreign key is checked while writers wait");
        assert!(rules[0]["help"]["markdown"].as_str().unwrap().starts_with("# add-fk-validated\n"));
        assert_eq!(rules[0]["defaultConfiguration"]["level"], "error");
    }

    #[test]
    fn a_log_without_results_is_one_all_the_same() {
        let log = log(&Sample::nothing(2));
        assert_eq!(log.pointer("/runs/0/results"), Some(&json!([])));
        assert_eq!(log.pointer("/runs/0/tool/driver/rules"), Some(&json!([])));
    }

    /// What the schema of SARIF 2.1.0 asks of the parts that are used here.
    #[test]
    fn every_result_is_what_the_standard_asks_for() {
        for sample in [Sample::some(), hostile(), Sample::many(20, "\n"), Sample::many(20, " ")] {
            let log = log(&sample);
            assert_eq!(log["version"], "2.1.0");
            let run = &log["runs"][0];
            let rules = run.pointer("/tool/driver/rules").unwrap().as_array().unwrap();
            let results = run["results"].as_array().unwrap();
            assert_eq!(results.len(), sample.findings.findings.len());
            for result in results {
                let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
                assert_eq!(rule["id"], result["ruleId"]);
                assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
                assert!(!result["message"]["text"].as_str().unwrap().is_empty());
                let place = &result["locations"][0]["physicalLocation"];
                let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"%/-_.~".contains(&b)), "{uri}");
                ordered(&place["region"]);
                if let Some(region) =
                    result.pointer("/fixes/0/artifactChanges/0/replacements/0/deletedRegion")
                {
                    ordered(region);
                }
            }
        }
    }

    fn ordered(region: &Value) {
        let at = |name: &str| region[name].as_u64().filter(|n| *n > 0).unwrap();
        assert!((at("startLine"), at("startColumn")) <= (at("endLine"), at("endColumn")), "{region}");
    }

    #[test]
    fn an_identity_stays_when_lines_move() {
        let identity =
            |sample: &Sample| log(sample).pointer("/runs/0/results/0/partialFingerprints").cloned();
        let before = Sample::one(dropped(), "");
        let after = Sample::one(at(dropped(), (9, 3), (9, 18)), "");
        assert!(identity(&before).is_some_and(|one| one == identity(&after).unwrap()));
    }

    /// The text of a file after the fix of its only finding.
    fn fixed(finding: Finding, text: &str, columns: Columns) -> Option<String> {
        let sample = Sample::one(finding, text);
        let log = write(format("sarif").unwrap(), &Reviewed { columns, ..sample.reviewed() });
        let log: Value = serde_json::from_str(&log).unwrap();
        let change = log.pointer("/runs/0/results/0/fixes/0/artifactChanges/0/replacements/0")?;
        let region = &change["deletedRegion"];
        let byte = |line: &str, column: &str| {
            let number = |name: &str| usize::try_from(region[name].as_u64().unwrap()).unwrap();
            let line: usize = text.split_inclusive('\n').take(number(line) - 1).map(str::len).sum();
            let ends = text[line..].char_indices().map(|(byte, _)| byte).chain([text.len() - line]);
            let column =
                ends.into_iter().find(|end| columns.of(&text[line..line + end]) == number(column) - 1);
            line + column.unwrap()
        };
        let (from, to) = (byte("startLine", "startColumn"), byte("endLine", "endColumn"));
        let inserted = change.pointer("/insertedContent/text").unwrap().as_str().unwrap();
        Some(format!("{}{inserted}{}", &text[..from], &text[to..]))
    }

    #[test]
    fn a_fix_replaces_the_whole_statement_and_nothing_else() {
        let text = "/* 数据 🐘 */\talter table users drop column fax; -- gone\n";
        let after =
            "/* 数据 🐘 */\tset local lock_timeout = '1s';\nalter table users drop column fax; -- gone\n";
        assert_eq!(fixed(dropped(), text, Columns::Characters).as_deref(), Some(after));
        let utf16 = at(dropped(), (1, 31), (1, 46));
        assert_eq!(fixed(utf16, text, Columns::Utf16).as_deref(), Some(after));
        let lines = "-- ö\nalter table users\n  drop column fax";
        let finding = Finding { statement: lines[6..].into(), ..at(dropped(), (3, 3), (3, 18)) };
        assert_eq!(
            fixed(finding, lines, Columns::Characters).as_deref(),
            Some("-- ö\nset local lock_timeout = '1s';\nalter table users drop column fax")
        );
    }

    #[test]
    fn where_it_does_not_fit_there_is_none() {
        let text = "/* 数据 🐘 */\talter table users drop column fax; -- gone\n";
        assert!(fixed(dropped(), text, Columns::Characters).is_some());
        let python = Finding { file: "versions/a.py".into(), ..dropped() };
        assert_eq!(fixed(python, text, Columns::Characters), None, "a string of another language");
        let other = text.replace("fax", "tel");
        assert_eq!(fixed(dropped(), &other, Columns::Characters), None, "another statement by now");
        let steps = crate::findings::parts::testing::index();
        assert_eq!(fixed(at(steps.clone(), (1, 1), (1, 9)), &steps.statement, Columns::Characters), None);
    }
}
