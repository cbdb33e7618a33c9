//! Databases that earlier runs left beside the target.

use async_trait::async_trait;
use switchback_engine::journal;
use switchback_model::units::Size;
use switchback_model::{Result, RunView};
use switchback_postgres::lease;
use switchback_postgres::server;
use switchback_postgres::session::ident;

use super::{Connection, Examination, Look, Site, psql};
use crate::retention;

pub(super) struct Leftovers;

#[async_trait(?Send)]
impl Examination for Leftovers {
    fn name(&self) -> &'static str {
        "leftovers"
    }

    fn connection(&self) -> Connection {
        Connection::Maintenance
    }

    async fn look(&self, site: &Site<'_>) -> Result<Vec<Look>> {
        let admin = site.admin()?;
        // What an open run needs is its own; the run itself is reported by `server`.
        let open = lease::open_marker(admin, site.name()).await?.map(|(marker, _)| marker.run);
        let runs = runs(site);
        let mut looks = Vec::new();
        for database in server::databases(admin).await? {
            let large = match server::size(admin, &database.name).await {
                Ok(bytes) => format!(", {}", Size(bytes)),
                Err(_) => String::new(),
            };
            if let Some(what) = stray(&database.name) {
                let seen = format!("`{}`{large}: {what}; at work still, or killed", database.name);
                let sql = format!("drop database {}", ident(&database.name));
                let cure = format!(
                    "see whether one is at work: select * from pg_stat_activity where datname = '{}'; if not: {}",
                    database.name,
                    psql(site, "postgres", &sql)
                );
                looks.push(Look::note("filled by a restore", seen).cure(cure));
                continue;
            }
            let Some((what, run)) = left(site.name(), &database.name, open.as_deref()) else { continue };
            let seen = format!("`{}`{large}: {what} of an earlier run", database.name);
            if retention::next_back(&runs) == Some(run) {
                let seen = format!("{seen}, which `switchback rollback` would take back with it; it stays");
                looks.push(Look::good("left by an earlier run", seen));
                continue;
            }
            let sql = format!("drop database {}", ident(&database.name));
            let cure = format!(
                "when nobody needs it any more: switchback backup prune -e {}, or at once: {}",
                site.world.config.environment_name,
                psql(site, "postgres", &sql)
            );
            looks.push(Look::note("left by an earlier run", seen).cure(cure));
        }
        Ok(looks)
    }
}

/// The environment's runs whose journals are here and whole, the oldest first.
fn runs(site: &Site<'_>) -> Vec<RunView> {
    let config = &site.world.config;
    let folder = config.state.join("runs");
    let views = journal::list(&folder).into_iter().filter_map(|run| journal::read(&folder, &run).ok());
    views.filter(|view| view.plan.environment == config.environment_name).collect()
}

/// What a database is that no run has in its journal: a command fills it, and renames or drops it.
fn stray(name: &str) -> Option<&'static str> {
    const KINDS: &[(&str, &str)] = &[
        ("sb_restore_", "a backup that `switchback restore` restores"),
        ("sb_proof_", "a backup that is being proven"),
    ];
    let is_ours = |rest: &str| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    KINDS.iter().find_map(|(mark, what)| name.strip_prefix(mark).filter(|rest| is_ours(rest)).map(|_| *what))
}

/// What a database was to an earlier run on the target, by its name, and which run that was.
pub(crate) fn left<'a>(target: &str, name: &'a str, open: Option<&str>) -> Option<(&'static str, &'a str)> {
    const KINDS: &[(&str, &str)] = &[
        ("_sb_", "the target behind the fence"),
        ("_rp_", "the restore point"),
        ("_failed_", "the database that was swapped out"),
        ("_try_", "the rehearsal copy"),
        ("_part_", "a backup that was being restored"),
        ("_new_", "a restored backup that never took the target's place"),
        ("_old_", "the database whose place a backup took"),
    ];
    KINDS.iter().find_map(|(mark, what)| {
        let (before, run) = name.rsplit_once(mark)?;
        // A long target's name is cut to make room for the rest.
        let ours = before == target || (name.len() >= 60 && target.starts_with(before));
        (ours && is_run(run) && Some(run) != open).then_some((*what, run))
    })
}

/// Whether a name ends as a run does: digits first, then its parts.
fn is_run(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '_';
    text.len() >= 8 && text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_that_a_command_fills_are_told_by_their_whole_name() {
        assert!(stray("sb_restore_0badcafe").is_some() && stray("sb_proof_00000000").is_some());
        for name in ["sb_restore_", "sb_restore_of_mine", "my_sb_restore_0badcafe", "sb_restore_0badcafe0"] {
            assert_eq!(stray(name), None, "{name}");
        }
    }

    #[test]
    fn only_databases_of_runs_on_this_target_are_named() {
        let what = |name: &str, open: Option<&str>| left("ada", name, open).map(|(what, _)| what);
        let run = "20260102_0304_abcd";
        assert_eq!(what(&format!("ada_rp_{run}"), None), Some("the restore point"));
        assert_eq!(what(&format!("ada_rp_{run}"), Some(run)), None);
        for name in
            ["ada", "ada_sb_test", "other_rp_20260102_0304_abcd", "ada_rp_", "my_ada_sb_20260102_0304_abcd"]
        {
            assert_eq!(what(name, None), None, "{name}");
        }
    }
}
