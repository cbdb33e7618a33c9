//! Finds PostgreSQL's own programs: the client set that dumps and restores, and the server set
//! that a scratch cluster is made of.
//!
//! `pg_dump` refuses a server newer than itself and reads every older one (PostgreSQL manual,
//! pg_dump, Notes); so the same major is taken where it is there, else the next newer.

use std::ffi::OsString;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::{Failure, Result, code};

/// The majors whose folders are looked at; a program in PATH may be of any other.
pub const MAJORS: RangeInclusive<u16> = 13..=18;
/// Read once by [`Places::system`]: a colon-separated list of the only folders to search.
pub const VARIABLE: &str = "SWITCHBACK_PG_BIN";

const CLIENT: &[&str] = &["pg_dump", "pg_restore", "pg_dumpall", "psql"];
const SERVER: &[&str] = &["initdb", "postgres"];
const ANSWER: Duration = Duration::from_secs(10);

/// Where packagers put them, `{N}` being the major: Debian, RHEL (PGDG), Alpine, Homebrew on both
/// kinds of Mac.
const FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/{N}/bin",
    "/usr/pgsql-{N}/bin",
    "/usr/libexec/postgresql{N}",
    "/opt/homebrew/opt/postgresql@{N}/bin",
    "/usr/local/opt/postgresql@{N}/bin",
];
/// Where a build from source puts them.
const SOURCE_BUILD: &str = "/usr/local/pgsql/bin";

/// A PostgreSQL version from 10 on: `15.20` is major 15, minor 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// What decides what can be dumped and restored.
    pub major: u16,
    /// The bug-fix release; 0 for a beta.
    pub minor: u16,
}

impl Version {
    /// Reads what a program says to `--version`: `pg_dump (PostgreSQL) 15.20 (Debian …)`.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let number = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text[..end].parse::<u16>().ok()
        };
        let minor = word.split_once('.').and_then(|(_, minor)| number(minor)).unwrap_or(0);
        Some(Self { major: number(word)?, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A folder that holds a complete set of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The folder, symbolic links resolved.
    pub folder: PathBuf,
    /// What its programs say they are.
    pub version: Version,
}

impl Bin {
    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Where programs are searched.
#[derive(Clone, Debug)]
pub struct Places {
    /// Colon-separated folders, as in the variable PATH.
    path: OsString,
    /// Folders with `{N}` for the major.
    roots: Vec<String>,
}

impl Places {
    /// The usual places of this machine, or only those of [`VARIABLE`] where it is set.
    pub fn system() -> Self {
        if let Some(only) = std::env::var_os(VARIABLE) {
            return Self::only(only);
        }
        let mut roots: Vec<_> = FOLDERS.iter().map(|&folder| folder.to_owned()).collect();
        roots.push(SOURCE_BUILD.to_owned());
        Self { path: std::env::var_os("PATH").unwrap_or_default(), roots }
    }

    /// Nothing but the folders of a colon-separated list.
    pub fn only(path: impl Into<OsString>) -> Self {
        Self { path: path.into(), roots: Vec::new() }
    }

    /// `pg_dump`, `pg_restore`, `pg_dumpall` and `psql` for a server of this major.
    ///
    /// # Errors
    /// [`code::PROGRAM_MISSING`] where there is no complete set at all, [`code::PROGRAM_TOO_OLD`]
    /// where all are older than the server; both name the package to install.
    pub async fn find_client(&self, server_major: u16) -> Result<Bin> {
        let found = self.sets(CLIENT).await;
        let fitting = found.iter().filter(|bin| bin.version.major >= server_major);
        // The lowest major that fits; of two of that major the newer minor.
        let best = fitting.min_by_key(|bin| (bin.version.major, u16::MAX - bin.version.minor));
        let package = format!("apt-get install postgresql-client-{server_major}");
        match (best, found.iter().map(|bin| bin.version).max()) {
            (Some(bin), _) => Ok(bin.clone()),
            (None, Some(newest)) => {
                let message = format!(
                    "the newest `pg_dump` here is {newest}, and the server is {server_major}: a server \
                     newer than `pg_dump` can't be dumped"
                );
                Err(Failure::new(code::PROGRAM_TOO_OLD, message)
                    .hint(format!("install the clients: {package}")))
            }
            (None, None) => Err(self.missing(CLIENT).hint(format!("install the clients: {package}"))),
        }
    }

    /// `initdb` and `postgres` of exactly this major, or of the newest one.
    ///
    /// # Errors
    /// [`code::PROGRAM_MISSING`], naming the package to install.
    pub async fn find_server(&self, major: Option<u16>) -> Result<Bin> {
        let found = self.sets(SERVER).await;
        let fitting = found.iter().filter(|bin| major.is_none_or(|major| bin.version.major == major));
        if let Some(bin) = fitting.max_by_key(|bin| bin.version) {
            return Ok(bin.clone());
        }
        let package = major.map_or_else(|| "postgresql".to_owned(), |major| format!("postgresql-{major}"));
        let failure = match (major, found.iter().map(|bin| bin.version).max()) {
            (Some(major), Some(newest)) => {
                let message = format!(
                    "a scratch cluster needs the server programs of PostgreSQL {major}, and only {newest} is here"
                );
                Failure::new(code::PROGRAM_MISSING, message)
            }
            _ => self.missing(SERVER),
        };
        Err(failure.hint(format!("install the server's programs: apt-get install {package}")))
    }

    /// Every complete set, each folder once, in the order of the search.
    async fn sets(&self, programs: &[&str]) -> Vec<Bin> {
        let mut found: Vec<Bin> = Vec::new();
        for folder in self.folders(programs[0]).await {
            let known = found.iter().any(|bin| bin.folder == folder);
            if known || !programs.iter().all(|name| folder.join(name).is_file()) {
                continue;
            }
            if let Some(version) = version_of(&folder.join(programs[0])).await {
                found.push(Bin { folder, version });
            }
        }
        found
    }

    async fn folders(&self, program: &str) -> Vec<PathBuf> {
        let mut folders: Vec<_> =
            std::env::split_paths(&self.path).filter_map(|folder| real_folder(&folder, program)).collect();
        // Only the real places of a machine are asked by `pg_config`; a given list is all there is.
        if !self.roots.is_empty() {
            folders.extend(configured().await.and_then(|folder| real_folder(&folder, program)));
        }
        for root in &self.roots {
            for major in MAJORS.rev() {
                folders.extend(real_folder(Path::new(&root.replace("{N}", &major.to_string())), program));
            }
        }
        folders
    }

    fn missing(&self, programs: &[&str]) -> Failure {
        let names = programs.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("no folder holds PostgreSQL's programs {names}");
        let searched = if self.roots.is_empty() {
            format!("searched: {}", self.path.to_string_lossy())
        } else {
            format!("searched: PATH, `pg_config --bindir`, {}", self.roots.join(", "))
        };
        Failure::new(code::PROGRAM_MISSING, message).cause(searched)
    }
}

/// [`Places::find_client`] in the usual places.
pub async fn find_client(server_major: u16) -> Result<Bin> {
    Places::system().find_client(server_major).await
}

/// [`Places::find_server`] in the usual places.
pub async fn find_server(major: Option<u16>) -> Result<Bin> {
    Places::system().find_server(major).await
}

/// Where the program really lies. Debian's `/usr/bin/pg_dump` is a link to a wrapper of another
/// name that picks a version by itself: that is no program of a known version, so it is not taken.
fn real_folder(folder: &Path, program: &str) -> Option<PathBuf> {
    let real = folder.join(program).canonicalize().ok()?;
    (real.file_name()? == program).then(|| real.parent().map(Path::to_owned)).flatten()
}

async fn configured() -> Option<PathBuf> {
    answer(Path::new("pg_config"), "--bindir").await.map(|text| PathBuf::from(text.trim()))
}

async fn version_of(program: &Path) -> Option<Version> {
    Version::parse(&answer(program, "--version").await?)
}

/// What a program prints; nothing where it can't be run or fails: then it is as good as absent.
async fn answer(program: &Path, argument: &str) -> Option<String> {
    let finished = Program::new(program).arg(argument).limit(ANSWER).check(&Cancel::never()).await;
    finished.ok().map(|finished| finished.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A folder with shell scripts that answer to `--version`.
    fn fake(root: &Path, version: &str, programs: &[&str]) -> PathBuf {
        let folder = root.join(version);
        std::fs::create_dir_all(&folder).unwrap();
        for name in programs {
            let path = folder.join(name);
            std::fs::write(&path, format!("#!/bin/sh\necho '{name} (PostgreSQL) {version} (Debian)'\n"))
                .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder.canonicalize().unwrap()
    }

    fn places(folders: &[&PathBuf]) -> Places {
        Places::only(std::env::join_paths(folders).unwrap())
    }

    #[test]
    fn reads_every_way_of_writing_a_version() {
        let parse = |text| Version::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(parse("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some((15, 20)));
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(parse("initdb (PostgreSQL) 17devel"), Some((17, 0)));
        assert_eq!(parse("no version"), None);
    }

    #[tokio::test]
    async fn the_same_major_is_preferred_then_the_next_newer() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c, d] = ["14.2", "17.1", "16.3", "16.9"].map(|v| fake(root.path(), v, CLIENT));
        let places = places(&[&a, &b, &c, &d]);
        assert_eq!(places.find_client(14).await.unwrap().folder, a);
        assert_eq!(places.find_client(15).await.unwrap().folder, d, "next newer, newest minor");
        assert_eq!(places.find_client(17).await.unwrap().version, Version { major: 17, minor: 1 });
    }

    #[tokio::test]
    async fn only_older_ones_are_too_old_and_versions_are_named() {
        let root = tempfile::tempdir().unwrap();
        let failure = places(&[&fake(root.path(), "14.2", CLIENT)]).find_client(16).await.unwrap_err();
        assert_eq!(failure.code, code::PROGRAM_TOO_OLD);
        assert!(failure.message.contains("14.2") && failure.message.contains("16"), "{failure}");
        assert!(failure.hints[0].contains("postgresql-client-16"));
    }

    #[tokio::test]
    async fn an_incomplete_set_is_none() {
        let root = tempfile::tempdir().unwrap();
        let places = places(&[&fake(root.path(), "16.2", &CLIENT[..1])]);
        let failure = places.find_client(16).await.unwrap_err();
        assert_eq!(failure.code, code::PROGRAM_MISSING);
        assert!(failure.hints[0].contains("apt-get install postgresql-client-16"));
        assert_eq!(places.find_server(None).await.unwrap_err().code, code::PROGRAM_MISSING);
    }

    #[tokio::test]
    async fn a_scratch_cluster_wants_exactly_its_major() {
        let root = tempfile::tempdir().unwrap();
        let places = places(&[&fake(root.path(), "15.1", SERVER), &fake(root.path(), "17.1", SERVER)]);
        assert_eq!(places.find_server(Some(15)).await.unwrap().version.major, 15);
        assert_eq!(places.find_server(None).await.unwrap().version.major, 17);
        let failure = places.find_server(Some(16)).await.unwrap_err();
        assert!(failure.message.contains("16") && failure.message.contains("17.1"), "{failure}");
    }

    #[tokio::test]
    async fn a_link_is_resolved_and_a_wrapper_is_not_taken() {
        let root = tempfile::tempdir().unwrap();
        let real = fake(root.path(), "15.4", CLIENT);
        let links = root.path().join("links");
        std::fs::create_dir(&links).unwrap();
        for name in CLIENT {
            std::os::unix::fs::symlink(real.join(name), links.join(name)).unwrap();
        }
        assert_eq!(places(&[&links]).find_client(15).await.unwrap().folder, real);
        let wrapped = root.path().join("wrapped");
        std::fs::create_dir(&wrapped).unwrap();
        for name in CLIENT {
            std::os::unix::fs::symlink(real.join("psql"), wrapped.join(name)).unwrap();
        }
        assert!(places(&[&wrapped]).find_client(15).await.is_err());
    }

    #[tokio::test]
    async fn this_machine_has_a_client_for_its_server() {
        let server = find_server(None).await.unwrap();
        assert!(find_client(server.version.major).await.unwrap().version.major >= server.version.major);
    }
}
