//! Files of a backup: hashed, synced, private.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::manifest::FileFacts;

/// Reads this much at a time.
const CHUNK: usize = 1 << 20;

/// What is to be done with each file besides hashing it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Look,
    /// Set its mode to 0600 (folders 0700) and sync it.
    Keep,
}

/// Every file under `root` by its path there, with size and SHA-256.
///
/// # Errors
/// Of reading; [`io::ErrorKind::InvalidData`] for what is neither file nor folder.
pub(super) fn hash_all(root: &Path, then: Then) -> io::Result<BTreeMap<String, FileFacts>> {
    let mut found = BTreeMap::new();
    walk(root, "", &mut |name, path| {
        if path.is_dir() {
            return if then == Then::Keep { keep_folder(path) } else { Ok(()) };
        }
        found.insert(name, hash(path, then)?);
        Ok(())
    })?;
    Ok(found)
}

/// Every file under `root` with its size; not yet hashed.
pub(super) fn sizes(root: &Path) -> io::Result<BTreeMap<String, FileFacts>> {
    let mut found = BTreeMap::new();
    walk(root, "", &mut |name, path| {
        let metadata = fs::metadata(path)?;
        if metadata.is_file() {
            found.insert(name, FileFacts { bytes: metadata.len(), sha256: String::new() });
        }
        Ok(())
    })?;
    Ok(found)
}

/// Shows every file to `visit`, and every folder after what is in it.
fn walk(
    folder: &Path,
    prefix: &str,
    visit: &mut dyn FnMut(String, &Path) -> io::Result<()>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| odd(&format!("`{}` is no UTF-8 name", name.display())))?;
        let name = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), visit)?;
        } else if kind.is_file() {
            visit(name, &entry.path())?;
        } else {
            return Err(odd(&format!("`{name}` is neither a file nor a folder")));
        }
    }
    visit(prefix.to_owned(), folder)
}

fn keep_folder(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    sync_folder(folder)
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn hash(path: &Path, then: Then) -> io::Result<FileFacts> {
    let mut file = File::open(path)?;
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; CHUNK], 0);
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    if then == Then::Keep {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.sync_all()?;
    }
    Ok(FileFacts { bytes, sha256: hex::encode(hash.finalize()) })
}

/// SHA-256 of a text, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Writes a file (0600) so that a crash leaves the old one or the new one, never a piece.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The bytes of all files under a folder; 0 where it can't be read.
pub(super) fn bytes_in(folder: &Path) -> u64 {
    sizes(folder).unwrap_or_default().values().map(|file| file.bytes).sum()
}
