//! What systemd's journal has of a unit: the messages of its processes and those about it.
//!
//! The journal's own cursor is the position, taken from its last entry of all before the start: so
//! nothing after it is missed and nothing before it counts, whatever the clock does. Entries are
//! read as JSON, the only form that keeps them apart: a message may have several lines, or be bytes
//! that are no text.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Finished, Program, Stream};
use switchback_model::{Failure, Result, code};

use crate::services::systemd::{program, unit};

/// Bytes of a line that are given back.
const SHOWN: usize = 4 << 10;
/// Lines that one check gives back; later ones add nothing but length.
const MOST: usize = 100;
/// Bytes of one entry; a longer one is no message.
const ENTRY: usize = 8 << 20;
/// A part of what `journalctl` says to somebody who sees only a part.
const PARTIAL: &str = "not seeing messages";

/// A unit whose messages are watched. It can be written down and gone on with by a later process.
#[derive(Debug, Serialize, Deserialize)]
pub struct JournalWatch {
    unit: String,
    fail_on: Vec<String>,
    /// The entry after which reading goes on; `None`: the journal was empty.
    cursor: Option<String>,
}

impl JournalWatch {
    /// Remembers where the journal ends now.
    ///
    /// # Errors
    /// `LOG_MATCH` where it can't be read, or not all of it.
    pub async fn begin(name: &str, fail_on: &[String]) -> Result<Self> {
        let unit = unit::with_kind(name);
        sync().await;
        let program = journalctl(&unit).args(["--lines=1", "--output-fields=__CURSOR"]);
        readable(&program, &program.run(&Cancel::never(), |_, _| {}).await?, &unit)?;
        let last = program_of_all().args(["--lines=1", "--output-fields=__CURSOR"]);
        let finished = last.run(&Cancel::never(), |_, _| {}).await?;
        if !finished.succeeded() {
            return Err(unreadable(&last, &finished));
        }
        let mut entries = Entries::default();
        let cursor = finished
            .stdout
            .lines()
            .find_map(|line| entries.take(line).ok().flatten())
            .map(|entry| entry.cursor);
        Ok(Self { unit, fail_on: super::words(fail_on), cursor })
    }

    /// The unit that is watched.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The lines with one of the words since the last look, at most 100.
    ///
    /// # Errors
    /// `LOG_MATCH` where the journal can't be read, `INTERRUPTED`.
    pub async fn check(&mut self, cancel: &Cancel) -> Result<Vec<String>> {
        sync().await;
        let program = journalctl(&self.unit).args(["--lines=all", "--output-fields=MESSAGE"]);
        let program = match &self.cursor {
            Some(cursor) => program.arg(format!("--after-cursor={cursor}")),
            None => program,
        };
        let (mut entries, mut found, mut damaged) = (Entries::default(), Vec::new(), None);
        let mut cursor = None;
        let finished = program
            .run(cancel, |stream, line| {
                if stream == Stream::Out && damaged.is_none() {
                    match entries.take(line) {
                        Ok(Some(entry)) => {
                            self.search(&entry.message, &mut found);
                            cursor = Some(entry.cursor);
                        }
                        Ok(None) => {}
                        Err(why) => damaged = Some(why),
                    }
                }
            })
            .await?;
        readable(&program, &finished, &self.unit)?;
        if let Some(why) = damaged {
            return Err(unreadable(&program, &finished).cause(why));
        }
        self.cursor = cursor.or(self.cursor.take());
        Ok(found)
    }

    fn search(&self, message: &str, found: &mut Vec<String>) {
        let hits =
            message.lines().filter(|line| self.fail_on.iter().any(|word| line.contains(word.as_str())));
        found.extend(hits.take(MOST.saturating_sub(found.len())).map(shown));
    }

    /// The failure for lines that were found.
    pub fn failure(&self, lines: &[String]) -> Failure {
        let what = match lines.len() {
            1 => "a line that must not be there".to_owned(),
            many => format!("{many} lines that must not be there"),
        };
        let failure = Failure::new(code::LOG_MATCH, format!("the journal of {} holds {what}", self.unit));
        lines
            .iter()
            .take(5)
            .fold(failure, Failure::cause)
            .hint(format!("read all of it: journalctl -n 200 -u {}", self.unit))
    }
}

fn program_of_all() -> Program {
    program("journalctl").args(["--no-pager", "--all", "--output=json"])
}

/// `--all`: without it a long message is left out.
fn journalctl(unit: &str) -> Program {
    program_of_all().arg(format!("--unit={unit}"))
}

/// What is on its way is written down first. Who may not ask for that reads it a moment later.
async fn sync() {
    let _not_permitted = program("journalctl").arg("--sync").check(&Cancel::never()).await;
}

/// A part of a journal may be silent where the whole is not.
fn readable(program: &Program, finished: &Finished, unit: &str) -> Result<()> {
    if !finished.succeeded() {
        return Err(unreadable(program, finished));
    }
    if finished.tail.iter().any(|line| line.contains(PARTIAL)) {
        return Err(Failure::new(code::LOG_MATCH, format!("this user may not read the journal of {unit}"))
            .hint("add the user to the group that may: sudo usermod -aG systemd-journal USER; then log in again"));
    }
    Ok(())
}

fn unreadable(program: &Program, finished: &Finished) -> Failure {
    Failure::new(code::LOG_MATCH, "systemd's journal can't be read")
        .cause(finished.tail.join("\n"))
        .hint(format!("look what it says: {}", program.display()))
}

/// An entry, as far as it matters.
struct Entry {
    cursor: String,
    message: String,
}

/// Puts entries together: a line that is longer than `exec` hands over at once comes in pieces.
#[derive(Default)]
struct Entries {
    unfinished: String,
}

impl Entries {
    fn take(&mut self, piece: &str) -> Result<Option<Entry>, String> {
        self.unfinished.push_str(piece);
        match serde_json::from_str::<Value>(&self.unfinished) {
            Ok(value) => {
                self.unfinished.clear();
                let cursor = value["__CURSOR"].as_str().ok_or("an entry has no cursor")?.to_owned();
                Ok(Some(Entry { cursor, message: text(&value["MESSAGE"]) }))
            }
            Err(error) if error.is_eof() && self.unfinished.len() < ENTRY => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A message: text, bytes, or several of them.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let bytes: Option<Vec<u8>> =
                parts.iter().map(|part| part.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => parts.iter().map(text).collect::<Vec<_>>().join("\n"),
            }
        }
        _ => String::new(),
    }
}

fn shown(line: &str) -> String {
    let end = line.floor_char_boundary(SHOWN.min(line.len()));
    line[..end].chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str]) -> Vec<String> {
        let watch = JournalWatch { unit: "a.service".into(), fail_on: vec!["ERROR".into()], cursor: None };
        let (mut entries, mut found) = (Entries::default(), Vec::new());
        for line in lines {
            if let Some(entry) = entries.take(line).unwrap() {
                watch.search(&entry.message, &mut found);
            }
        }
        found
    }

    #[test]
    fn messages_are_text_bytes_or_several() {
        let bytes: Vec<u8> = b"\xffERROR bytes".to_vec();
        let bytes = format!("{{\"__CURSOR\":\"1\",\"MESSAGE\":{bytes:?}}}");
        assert_eq!(
            found(&[
                r#"{"__CURSOR":"1","MESSAGE":"ERROR text"}"#,
                &bytes,
                r#"{"__CURSOR":"1","MESSAGE":["well","ERROR twice"]}"#,
                r#"{"__CURSOR":"1","MESSAGE":"well\n\u001b[31mERROR second line\nwell"}"#,
                r#"{"__CURSOR":"1","MESSAGE":null}"#,
                r#"{"__CURSOR":"1"}"#,
            ]),
            ["ERROR text", "\u{fffd}ERROR bytes", "ERROR twice", "[31mERROR second line"]
        );
    }

    #[test]
    fn an_entry_may_come_in_pieces() {
        assert_eq!(
            found(&[r#"{"__CURSOR":"1","MESS"#, r#"AGE":"ERR"#, r#"OR in pieces"}"#]),
            ["ERROR in pieces"]
        );
    }

    #[test]
    fn what_is_no_entry_is_an_error() {
        assert!(Entries::default().take("no json").is_err());
        assert!(Entries::default().take(r#"{"MESSAGE":"x"}"#).is_err());
    }

    #[test]
    fn lines_are_bounded() {
        let long = format!("{{\"__CURSOR\":\"1\",\"MESSAGE\":\"ERROR {}\"}}", "ä".repeat(9000));
        assert!(found(&[&long])[0].len() <= SHOWN);
        let many = format!("{{\"__CURSOR\":\"1\",\"MESSAGE\":\"{}\"}}", "ERROR\\n".repeat(500));
        assert_eq!(found(&[&many, &many]).len(), MOST);
    }
}
