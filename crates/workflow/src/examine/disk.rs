//! Whether there is room for what a run writes.
//!
//! What is written to one file system is added up. The sizes are estimates: a dump is compressed
//! and has no indexes, so half of the database is taken for it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use switchback_engine::cancel::Cancel;
use switchback_engine::exec::Program;
use switchback_model::plan::DiskNeed;
use switchback_model::units::Size;
use switchback_model::{Config, Failure, Result, code};
use switchback_postgres::scratch::ScratchOptions;
use switchback_postgres::server;
use switchback_postgres::session::Session;

use super::{Connection, Examination, Look, Needs, Site};

/// What an empty cluster and its first WAL files take.
const CLUSTER: u64 = 128 << 20;
/// The look at a disk of another machine.
const SERVER: &str = "disk of the server";
/// How long the user's command may take.
const ANSWER: Duration = Duration::from_secs(30);

pub(super) struct Disk;

/// What is written somewhere.
struct Demand {
    what: &'static str,
    path: PathBuf,
    bytes: u64,
}

#[async_trait(?Send)]
impl Examination for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn connection(&self) -> Connection {
        Connection::Maintenance
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let bytes = server::size(site.admin()?, site.name()).await?;
        let mut demands = here(&site.world.config, site.needs, bytes);
        let mut looks = Vec::new();
        if site.needs.copy || site.needs.swap {
            let copy = bytes + bytes / 10;
            match data_folder(site.admin()?, site.name()).await? {
                Some(path) => demands.push(Demand { what: "the restore point", path, bytes: copy }),
                None => looks.push(remote(site, copy).await),
            }
        }
        for group in by_file_system(demands)?.into_values() {
            looks.push(room(&group)?);
        }
        Ok(looks)
    }
}

/// What a run writes where, with what is free there as far as that can be told from here.
///
/// # Errors
/// Those of a query.
pub async fn needed(admin: &Session, config: &Config, needs: &Needs) -> Result<Vec<DiskNeed>> {
    let name = config.database_url.database();
    let bytes = server::size(admin, name).await?;
    let need = |demand: Demand| DiskNeed {
        what: format!("{}, in {}", demand.what, demand.path.display()),
        bytes: demand.bytes,
        free: free(&existing(&demand.path)).ok(),
    };
    let mut found: Vec<_> = here(config, needs, bytes).into_iter().map(need).collect();
    if needs.copy || needs.swap {
        let (what, bytes) = ("the copy of the target", bytes + bytes / 10);
        found.push(if let Some(path) = data_folder(admin, name).await? {
            need(Demand { what, path, bytes })
        } else {
            let command = &config.environment.backup.disk_free_command;
            let free = if command.is_empty() { None } else { asked(command, &config.root).await.ok() };
            DiskNeed { what: format!("{what}, on the server"), bytes, free }
        });
    }
    Ok(found)
}

/// What is written on this machine.
fn here(config: &Config, needs: &Needs, target: u64) -> Vec<Demand> {
    let mut demands = Vec::new();
    if !needs.dump {
        return demands;
    }
    demands.push(Demand {
        what: "the backup",
        path: config.environment.backup.directory.clone(),
        bytes: target / 2,
    });
    if config.scratch_url.is_none() {
        let path = ScratchOptions::default().parent;
        demands.push(Demand { what: "the scratch cluster that proves it", path, bytes: target + CLUSTER });
    }
    demands
}

/// Where the server keeps the target, where that is a folder of this machine.
pub(crate) async fn data_folder(session: &Session, target: &str) -> Result<Option<PathBuf>> {
    // Only roles that may read every setting find data_directory among them.
    let sql = "select coalesce(nullif(pg_tablespace_location(dattablespace), ''), \
               (select setting from pg_settings where name = 'data_directory')), \
               inet_server_addr() is null or inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1' \
               from pg_database where datname = $1::text::name";
    let row = session.one(sql, &[&target]).await?;
    let folder = row.get::<_, Option<String>>(0).map(PathBuf::from);
    let local = row.get::<_, bool>(1) && is_process_here(session.pid());
    Ok(folder.filter(|folder| local && folder.exists()))
}

/// The bytes that are free where the server keeps the target: seen from here, or told by the user's
/// command; nothing where neither is possible.
///
/// # Errors
/// Those of a query, and of the command.
pub(crate) async fn free_on_server(session: &Session, config: &Config) -> Result<Option<u64>> {
    if let Some(path) = data_folder(session, session.database()).await? {
        return free(&path).map(Some);
    }
    let command = &config.environment.backup.disk_free_command;
    if command.is_empty() { Ok(None) } else { asked(command, &config.root).await.map(Some) }
}

/// A tunnel looks local too; the server's own process does not come through it. Where processes
/// can't be seen, the address has to do.
fn is_process_here(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => name.starts_with("postgres"),
        Err(_) => !Path::new("/proc/self").exists(),
    }
}

/// On another machine only a command of the user's can tell.
async fn remote(site: &Site<'_>, needed: u64) -> Look {
    let config = &site.world.config;
    let command = &config.environment.backup.disk_free_command;
    if command.is_empty() {
        return unseen(needed);
    }
    match asked(command, &config.root).await {
        Ok(free) => told(free, needed),
        Err(failure) => Look::failed(SERVER, &failure),
    }
}

async fn asked(command: &[String], folder: &Path) -> Result<u64> {
    let program = Program::of(command)?.folder(folder).limit(ANSWER);
    let finished = program.check(&Cancel::never()).await?;
    let last = finished.stdout.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let size = last.parse().ok().or_else(|| {
        serde_json::from_value::<Size>(serde_json::Value::String(last.to_owned())).ok().map(|size| size.0)
    });
    size.ok_or_else(|| {
        Failure::new(code::PREFLIGHT, format!("`{}` says `{last}`, which is no size", program.display()))
            .hint("let its last line be a number of bytes, or a size such as 20GiB: df -B1 --output=avail FOLDER")
    })
}

fn told(free: u64, needed: u64) -> Look {
    let detail = format!("{} free, about {} needed for the restore point", Size(free), Size(needed));
    if free < needed {
        Look::bad(SERVER, detail).cure("make the server's disk larger, or set restore_point = \"dump\"")
    } else {
        Look::good(SERVER, detail)
    }
}

fn unseen(bytes: u64) -> Look {
    Look::note(SERVER, format!("the restore point needs {}; it can't be seen from here", Size(bytes)))
        .cure("look at its free space, and let backup.disk_free_command print it for every run")
}

fn by_file_system(demands: Vec<Demand>) -> Result<BTreeMap<u64, Vec<Demand>>> {
    let mut groups: BTreeMap<u64, Vec<Demand>> = BTreeMap::new();
    for demand in demands {
        let folder = existing(&demand.path);
        let device = std::fs::metadata(&folder).map_err(|error| unreadable(&folder, &error))?.dev();
        groups.entry(device).or_default().push(demand);
    }
    Ok(groups)
}

/// One look for a file system.
fn room(demands: &[Demand]) -> Result<Look> {
    let place = existing(&demands[0].path);
    let free = free(&place)?;
    let needed: u64 = demands.iter().map(|demand| demand.bytes).sum();
    let parts: Vec<String> =
        demands.iter().map(|demand| format!("{} for {}", Size(demand.bytes), demand.what)).collect();
    let title = format!("disk at {}", place.display());
    let detail = format!("{} free, about {} needed: {}", Size(free), Size(needed), parts.join(", "));
    let cure =
        format!("df -h {}; make room there, or name another folder (backup.directory)", place.display());
    Ok(if free < needed {
        Look::bad(&title, detail).cure(cure)
    } else if free < needed.saturating_mul(3) / 2 {
        Look::note(&title, format!("{detail}; that is little, for these are estimates")).cure(cure)
    } else {
        Look::good(&title, detail)
    })
}

/// The bytes that are free where a path is.
pub(crate) fn free(path: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(path).map_err(|error| unreadable(path, &error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The folder itself, or the nearest one above it that is there already.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(code::PREFLIGHT, format!("the free space at {} can't be read", path.display()))
        .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::Mark;

    #[tokio::test]
    async fn another_machines_disk_is_asked_from_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let ask = async |text: &str| {
            let command = ["printf", "Avail\\n%s\\n", text].map(str::to_owned);
            asked(&command, folder.path()).await
        };
        assert_eq!(ask("1048576").await.unwrap(), 1 << 20);
        assert_eq!(ask("20GiB").await.unwrap(), 20 << 30);
        assert!(ask("much").await.unwrap_err().message.contains("`much`"));
        assert_eq!([told(5, 6).mark, told(6, 5).mark], [Mark::Bad, Mark::Good]);
    }

    #[test]
    fn what_is_written_to_one_file_system_is_added_up() {
        let folder = tempfile::tempdir().unwrap();
        let free = free(folder.path()).unwrap();
        let demand =
            |name, bytes| Demand { what: name, path: folder.path().join(name).join("deeper"), bytes };
        let groups = by_file_system(vec![demand("one", free / 3), demand("two", 10)]).unwrap();
        assert_eq!(groups.len(), 1);
        let marks = |bytes: &[u64]| {
            let demands: Vec<_> = bytes.iter().map(|bytes| demand("a", *bytes)).collect();
            room(&demands).unwrap().mark
        };
        assert_eq!(marks(&[free / 4, free / 4]), Mark::Good);
        assert_eq!(marks(&[free / 2, free / 3]), Mark::Note);
        assert_eq!(marks(&[free, free / 3]), Mark::Bad);
    }
}
