//! One migration file, read without running it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use switchback_model::Result;

use super::Revision;
use super::errors;
use super::literal::Value;
use super::scan::{Scan, scan};

/// The largest file that is read; the largest migration seen in public histories is far smaller.
pub(super) const LARGEST: u64 = 8 * 1024 * 1024;

/// Characters that Alembic refuses in a revision (`alembic.script.revision`).
const ILLEGAL: [char; 4] = ['@', '-', '+', ':'];

/// Reads a file into text with `\n` line ends and without a byte order mark.
///
/// Errors: `MIGRATION_UNREADABLE` where the file can't be read, is no regular file, is larger
/// than 8 MiB, or is neither UTF-8 nor declares another encoding (PEP 263).
pub(super) fn text(path: &Path) -> Result<String> {
    let about = fs::metadata(path).map_err(|error| errors::io(path, &error))?;
    if !about.is_file() {
        return Err(errors::unreadable(path, None, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| errors::io(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(errors::unreadable(path, None, "it is larger than 8 MiB"));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Only ASCII matters for what is read here, and Latin-1 keeps that of every encoding
        // that a Python file is likely to declare.
        Err(error) if declares_encoding(error.as_bytes()) => {
            error.as_bytes().iter().copied().map(char::from).collect()
        }
        Err(_) => {
            return Err(errors::unreadable(path, None, "it is not UTF-8 and declares no other encoding"));
        }
    };
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n"))
}

/// A `coding:` or `coding=` comment in the first two lines.
fn declares_encoding(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(2).map(String::from_utf8_lossy).any(|line| {
        line.trim_start().starts_with('#') && (line.contains("coding:") || line.contains("coding="))
    })
}

/// Reads one file of a versions folder.
///
/// Returns nothing for a helper module, which has neither `revision`, `down_revision` nor
/// `upgrade()`. Errors: `MIGRATION_UNREADABLE` with file and line where one of these can't be
/// told without running the file.
pub(super) fn read(path: &Path) -> Result<Option<Revision>> {
    revision(path, &text(path)?)
}

/// As [`read`], from a text already read.
pub(super) fn revision(path: &Path, text: &str) -> Result<Option<Revision>> {
    let scan = scan(text).map_err(|fault| errors::unreadable(path, Some(fault.line), &fault.what))?;
    let Some(id) = identity(path, &scan)? else { return Ok(None) };
    if let Some(illegal) = id.chars().find(|c| ILLEGAL.contains(c)) {
        let line = scan.given.get("revision").map(|(_, line)| *line);
        return Err(errors::unreadable(
            path,
            line,
            &format!("Alembic refuses {illegal:?} in the revision {id:?}"),
        ));
    }
    if !scan.given.contains_key("down_revision") {
        let what = "it has a `revision` but no `down_revision` (`None` for the first migration)";
        return Err(errors::unreadable(path, None, what));
    }
    Ok(Some(Revision {
        down: ids(path, &scan, "down_revision")?,
        depends_on: ids(path, &scan, "depends_on")?,
        branch_labels: labels(&scan),
        message: message(scan.doc.as_deref().unwrap_or_default()),
        path: path.to_owned(),
        autocommit_block: scan.autocommit_block,
        downgrade: scan.downgrade,
        text_sha256: hex::encode(Sha256::digest(text.as_bytes())),
        id,
    }))
}

/// The value of `revision`, or the file's name where Alembic takes that (0.1 wrote
/// `HEXADECIMAL.py` without the variable); nothing for a helper module.
fn identity(path: &Path, scan: &Scan) -> Result<Option<String>> {
    match scan.given.get("revision") {
        Some((Value::Text(id), _)) if !id.is_empty() => return Ok(Some(id.clone())),
        Some((_, line)) => {
            let what =
                "`revision` is not written out as a plain string, so only running the file would tell it";
            return Err(errors::unreadable(path, Some(*line), what));
        }
        None => {}
    }
    let half = scan.given.get("down_revision").map(|(_, line)| *line).or(scan.upgrade);
    let Some(line) = half else { return Ok(None) };
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if stem.bytes().all(|b| matches!(b, b'a'..=b'f' | b'0'..=b'9')) => {
            Ok(Some(stem.to_owned()))
        }
        _ => Err(errors::unreadable(path, Some(line), "it looks like a migration but has no `revision`")),
    }
}

/// `None`, a string, or a tuple or list of strings, without repetition.
fn ids(path: &Path, scan: &Scan, name: &str) -> Result<Vec<String>> {
    let Some((value, line)) = scan.given.get(name) else { return Ok(Vec::new()) };
    let unreadable = || {
        let what = format!(
            "`{name}` is not written out as None, a string or a tuple of strings, \
             so only running the file would tell it"
        );
        errors::unreadable(path, Some(*line), &what)
    };
    let values = match value {
        Value::None => &[],
        Value::Many(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut found: Vec<String> = Vec::new();
    for value in values {
        let Value::Text(id) = value else { return Err(unreadable()) };
        if !found.contains(id) {
            found.push(id.clone());
        }
    }
    Ok(found)
}

/// Branch labels as far as they are written out. They decide nothing by themselves: a
/// `depends_on` that names one that is missing here is refused, and so is a person's word.
fn labels(scan: &Scan) -> Vec<String> {
    let values = match scan.given.get("branch_labels") {
        Some((Value::Many(values), _)) => values.as_slice(),
        Some((one, _)) => std::slice::from_ref(one),
        None => &[],
    };
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
    values.iter().filter_map(text).collect()
}

/// The first line of a docstring that is not blank.
fn message(doc: &str) -> String {
    doc.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
