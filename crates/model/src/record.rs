//! A record: that somebody did or said something about exactly these migrations.
//!
//! A record is a file of its own that says everything about itself, so that it can be carried from
//! one machine to another. It holds the SHA-256 over its own content: damage is found. That is no
//! signature: whoever can write the file can write another sum too.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::code;
use crate::failure::{Failure, Result};
use crate::plan::{Release, RunId};

/// The version of the files that are written.
pub const FORMAT: u64 = 1;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A run brought an environment through the migrations.
    Staging,
    /// They were rehearsed, up and down.
    Rehearsal,
    /// Their scripts were reviewed.
    Review,
    /// A person agreed to them.
    Approval,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Staging, Self::Rehearsal, Self::Review, Self::Approval];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Rehearsal => "rehearsal",
            Self::Review => "review",
            Self::Approval => "approval",
        }
    }

    /// The kind of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordResult {
    /// It went well.
    Succeeded,
    /// It was taken back: an earlier record of the same run counts no more.
    Withdrawn,
}

impl RecordResult {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// That somebody did or said something about exactly these migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What was done.
    pub kind: RecordKind,
    /// The pending migrations that it was about ([`crate::Plan::digest`]).
    pub digest: String,
    /// Where.
    pub environment: String,
    /// The target database's name.
    pub target: String,
    /// A hash of the server's identity and the target's name: the same on every machine.
    pub server: String,
    /// The release, where code is known.
    #[serde(default)]
    pub release: Option<Release>,
    /// The run, where it was one.
    #[serde(default)]
    pub run: Option<RunId>,
    /// The login name of whoever did it.
    pub operator: String,
    /// The host on which it was done.
    pub host: String,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub result: RecordResult,
    /// From when on it counts no more.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// What the person said to it.
    #[serde(default)]
    pub note: Option<String>,
    /// Of a review: the findings that were accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
}

/// A finding that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The rule's name.
    pub rule: String,
    /// The script.
    pub file: String,
    /// The line at which it stands.
    pub line: usize,
    /// What stands there.
    pub message: String,
    /// Why the configuration allows it; nothing: a person accepted it, and said why in the record's note.
    #[serde(default)]
    pub because: Option<String>,
}

/// A record as it stands in a file.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// SHA-256 over the content.
    pub sum: String,
    /// What the file says, also what only a newer version can read.
    content: Value,
    /// What this version reads of it.
    pub record: Record,
}

impl Sealed {
    /// A new record with its sum.
    ///
    /// # Errors
    /// [`code::INTERNAL`] where it can't be written down.
    pub fn new(record: Record) -> Result<Self> {
        let content = serde_json::to_value(&record)
            .map_err(|error| Failure::new(code::INTERNAL, "a record can't be written").because(&error))?;
        Ok(Self { sum: sum(&content), content, record })
    }

    /// What stands in the file.
    pub fn to_value(&self) -> Value {
        json!({ "record": FORMAT, "sum": self.sum, "content": self.content })
    }

    /// Reads what stands in a file; `place` is what an error calls it.
    ///
    /// # Errors
    /// [`code::RECORD_DAMAGED`] with what is wrong.
    pub fn read(value: &Value, place: &str) -> Result<Self> {
        let format = value["record"].as_u64().ok_or_else(|| damaged(place, "it is no record"))?;
        if format > FORMAT {
            return Err(damaged(place, &format!("it has format {format}, and this version reads {FORMAT}"))
                .hint("read it with the version of Switchback that wrote it, or a newer one"));
        }
        let (content, said) = (&value["content"], value["sum"].as_str().unwrap_or_default());
        if sum(content) != said {
            return Err(damaged(place, "its checksum is wrong: it was changed after it was written"));
        }
        let kind = content["kind"].as_str().unwrap_or_default();
        if RecordKind::find(kind).is_none() {
            return Err(damaged(place, &format!("this version knows no record of kind `{kind}`"))
                .hint("read it with the version of Switchback that wrote it, or a newer one"));
        }
        let record: Record =
            serde_json::from_value(content.clone()).map_err(|error| damaged(place, &error.to_string()))?;
        if record.digest.len() != 64 || !record.digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(damaged(place, "its digest is no SHA-256"));
        }
        Ok(Self { sum: said.to_owned(), content: content.clone(), record })
    }
}

/// Records in one file, to be carried to another machine.
pub fn bundle(records: &[Sealed]) -> Value {
    let items: Vec<Value> = records.iter().map(Sealed::to_value).collect();
    let items = Value::from(items);
    json!({ "records": FORMAT, "sum": sum(&items), "items": items })
}

/// Reads a file that [`bundle`] made.
///
/// # Errors
/// [`code::RECORD_DAMAGED`] with what is wrong; nothing of a damaged file is read.
pub fn unbundle(text: &str, place: &str) -> Result<Vec<Sealed>> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| damaged(place, "it is no JSON, or not all of it is there").because(&error))?;
    let format = value["records"].as_u64();
    let format = format.ok_or_else(|| damaged(place, "`switchback record export` did not write it"))?;
    if format > FORMAT {
        return Err(damaged(place, &format!("it has format {format}, and this version reads {FORMAT}"))
            .hint("import it with the version of Switchback that wrote it, or a newer one"));
    }
    let items = value["items"].as_array().ok_or_else(|| damaged(place, "it has no list of records"))?;
    if sum(&value["items"]) != value["sum"].as_str().unwrap_or_default() {
        return Err(damaged(place, "its checksum is wrong: it was changed after it was written"));
    }
    let read = |(index, item)| Sealed::read(item, &format!("{place}, record {}", index + 1));
    items.iter().enumerate().map(read).collect()
}

/// A record that can't be trusted.
pub fn damaged(place: &str, why: &str) -> Failure {
    Failure::new(code::RECORD_DAMAGED, format!("{place} can't be used: {why}")).changed("nothing was changed")
}

/// SHA-256 over a value, with the keys of every object in order.
pub fn sum(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    hex::encode(Sha256::digest(text))
}

/// A library may keep the order in which keys were written; a sum must not depend on it.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in members {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            kind: RecordKind::Approval,
            digest: "ab".repeat(32),
            environment: "production".into(),
            target: "ada".into(),
            server: "0123456789abcdef".into(),
            release: None,
            run: None,
            operator: "eve".into(),
            host: "desk".into(),
            at: "2026-11-22T02:14:07Z".parse().unwrap(),
            result: RecordResult::Succeeded,
            expires: None,
            note: Some("looked at it".into()),
            accepted: Vec::new(),
        }
    }

    fn why(value: &Value) -> String {
        let failure = Sealed::read(value, "the file").unwrap_err();
        assert_eq!(failure.code, code::RECORD_DAMAGED);
        failure.message
    }

    /// Another version's record, sealed as it would seal it.
    fn sealed(content: &Value) -> Value {
        json!({ "record": 1, "sum": sum(content), "content": content })
    }

    #[test]
    fn a_record_reads_back_in_any_order_and_layout() {
        let value = Sealed::new(record()).unwrap().to_value();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let again: Value = serde_json::from_str(&pretty).unwrap();
        assert_eq!(Sealed::read(&again, "the file").unwrap().record, record());
    }

    #[test]
    fn every_changed_value_is_found() {
        let whole = Sealed::new(record()).unwrap().to_value();
        for key in whole["content"].as_object().unwrap().keys() {
            let mut changed = whole.clone();
            changed["content"][key] = json!("something else");
            assert!(why(&changed).contains("checksum"), "{key}");
        }
    }

    #[test]
    fn what_this_version_can_not_read_is_refused_with_a_sentence() {
        let mut newer = Sealed::new(record()).unwrap().to_value();
        newer["record"] = json!(2);
        assert!(why(&newer).contains("format 2"));
        let mut content = serde_json::to_value(record()).unwrap();
        content["kind"] = json!("oracle");
        assert!(why(&sealed(&content)).contains("`oracle`"));
        content["kind"] = json!("approval");
        content["digest"] = json!("../../somewhere");
        assert!(why(&sealed(&content)).contains("SHA-256"));
        assert!(why(&json!([])).contains("no record"));
    }

    #[test]
    fn what_a_newer_version_added_is_carried_on() {
        let mut content = serde_json::to_value(record()).unwrap();
        content["added_later"] = json!({ "b": 1, "a": [true, null] });
        let read = Sealed::read(&sealed(&content), "the file").unwrap();
        assert_eq!(read.to_value(), sealed(&content));
        let carried = unbundle(&bundle(&[read]).to_string(), "the file").unwrap();
        assert_eq!(carried[0].to_value(), sealed(&content));
    }

    #[test]
    fn a_bundle_with_a_record_missing_is_damaged() {
        let mut value = bundle(&[Sealed::new(record()).unwrap(), Sealed::new(record()).unwrap()]);
        assert_eq!(unbundle(&value.to_string(), "the file").unwrap().len(), 2);
        value["items"].as_array_mut().unwrap().pop();
        assert!(unbundle(&value.to_string(), "the file").unwrap_err().message.contains("checksum"));
        value["records"] = json!(7);
        assert!(unbundle(&value.to_string(), "the file").unwrap_err().message.contains("format 7"));
        let torn = &value.to_string()[..40];
        assert!(unbundle(torn, "the file").unwrap_err().message.contains("no JSON"));
    }
}
