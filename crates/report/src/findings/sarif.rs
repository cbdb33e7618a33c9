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
use switchback_model::finding::{Finding, Summary};

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
                properties: LeftOut::of(&reviewed.findings.summary),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<LeftOut>,
    results: Results<'a>,
}

/// What is not among the results, and why.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct LeftOut {
    left_out_by_baseline: usize,
    left_out_by_configuration: usize,
}

impl LeftOut {
    fn of(summary: &Summary) -> Option<Self> {
        let Summary { baseline, allowed, .. } = *summary;
        let left_out = Self { left_out_by_baseline: baseline, left_out_by_configuration: allowed };
        (baseline + allowed > 0).then_some(left_out)
    }
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
                result.insert("ruleIndex".to_owned(), json!(self.index.get(&*finding.code)));
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
    for more in
        lock.as_deref().into_iter().chain([&*finding.why, &*finding.help]).filter(|more| !more.is_empty())
    {
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
#[path = "sarif/tests.rs"]
mod tests;
