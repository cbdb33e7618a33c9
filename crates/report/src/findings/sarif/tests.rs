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
            if let Some(region) = result.pointer("/fixes/0/artifactChanges/0/replacements/0/deletedRegion") {
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
    let identity = |sample: &Sample| log(sample).pointer("/runs/0/results/0/partialFingerprints").cloned();
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
        let column = ends.into_iter().find(|end| columns.of(&text[line..line + end]) == number(column) - 1);
        line + column.unwrap()
    };
    let (from, to) = (byte("startLine", "startColumn"), byte("endLine", "endColumn"));
    let inserted = change.pointer("/insertedContent/text").unwrap().as_str().unwrap();
    Some(format!("{}{inserted}{}", &text[..from], &text[to..]))
}

#[test]
fn a_fix_replaces_the_whole_statement_and_nothing_else() {
    let text = "/* 数据 🐘 */\talter table users drop column fax; -- gone\n";
    let after = "/* 数据 🐘 */\tset local lock_timeout = '1s';\nalter table users drop column fax; -- gone\n";
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
