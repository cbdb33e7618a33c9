//! The block: a drop-in for each unit, and the permit that its assertion asks for.
//!
//! The drop-in says `AssertPathExists=PERMIT`. An assertion, because a condition that does not hold
//! makes `systemctl start` succeed; a drop-in, because `mask` refuses units whose file lies in
//! `/etc/systemd/system`; a file that must *be* there, because one that must not be would be missing,
//! and the block with it, where its file system is not mounted yet at boot.
//!
//! The permit is given right before the run starts the application and taken away before it stops
//! it. So at each moment of a run:
//!
//! | drop-in | permit | who can start | after a reboot |
//! |---|---|---|---|
//! | there | no | nobody | the application stays down |
//! | there | there | systemd, and with it anybody | it comes up: release and data belong together |
//! | gone | – | anybody | as the units are enabled |
//!
//! The second line is what `Restart=` needs, whose restarts are counted, and it is safe: the permit
//! is only there while the fence is down for the release that is in place. It bears the run's id, so
//! that one that was left behind permits nothing to the next run.
//!
//! The drop-ins alone say who blocks: what is lost beside them changes nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use switchback_model::{Failure, Result, code};

use super::control::ROOT;
use crate::services::{files, record};

/// The name of the drop-in.
pub(super) const FILE: &str = "50-switchback.conf";
/// Where an administrator's drop-ins are.
const SYSTEM: &str = "/etc/systemd/system";
/// What the line with the run begins with.
const RUN: &str = "# run: ";

/// The block of one environment's units.
#[derive(Debug)]
pub(super) struct Block {
    drop_ins: Vec<PathBuf>,
    /// `STATE/services/ENVIRONMENT`, where permits are.
    folder: PathBuf,
}

impl Block {
    pub(super) fn new(units: &[String], folder: PathBuf) -> Self {
        let drop_in = |unit: &String| Path::new(SYSTEM).join(format!("{unit}.d")).join(FILE);
        Self { drop_ins: units.iter().map(drop_in).collect(), folder }
    }

    /// Who blocks each unit.
    pub(super) fn holders(&self) -> Result<Vec<Option<String>>> {
        self.drop_ins.iter().map(|path| holder(path)).collect()
    }

    /// The run that blocks, where one does; a half-set block is one.
    pub(super) fn run(&self) -> Result<Option<String>> {
        Ok(self.holders()?.into_iter().flatten().next())
    }

    /// Writes the drop-ins. systemd has to be told.
    pub(super) fn set(&self, run: &str) -> Result<()> {
        self.revoke()?;
        let text = text(run, &self.permit_of(run));
        for path in &self.drop_ins {
            let folder = path.parent().unwrap_or(path);
            let written = std::fs::create_dir_all(folder)
                .and_then(|()| files::write_whole(path, text.as_bytes(), 0o644));
            written.map_err(|error| unwritable("write", path, &error))?;
        }
        Ok(())
    }

    /// Removes the drop-ins, and their folders where nothing else is in them. systemd has to be told.
    pub(super) fn lift(&self) -> Result<()> {
        for path in &self.drop_ins {
            files::remove(path).or_else(not_there).map_err(|error| unwritable("remove", path, &error))?;
            if let Some(folder) = path.parent() {
                let _holds_others = std::fs::remove_dir(folder);
            }
        }
        Ok(())
    }

    /// Lets the units of a blocked environment start.
    pub(super) fn permit(&self, run: &str) -> Result<()> {
        record::make(&self.folder)?;
        let path = self.permit_of(run);
        files::write_whole(&path, run.as_bytes(), 0o600)
            .map_err(|error| record::unusable("write", &path, &error))
    }

    /// Takes every permit away, whoever's it was.
    pub(super) fn revoke(&self) -> Result<()> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(record::unusable("list", &self.folder, &error)),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "permit") {
                files::remove(&path).map_err(|error| record::unusable("remove", &path, &error))?;
            }
        }
        Ok(())
    }

    fn permit_of(&self, run: &str) -> PathBuf {
        self.folder.join(format!("{run}.permit"))
    }
}

fn text(run: &str, permit: &Path) -> String {
    // `%` begins a specifier in a unit file.
    let permit = permit.display().to_string().replace('%', "%%");
    format!(
        "# Switchback: this unit starts for a run alone until the run ends: switchback status\n\
         {RUN}{run}\n[Unit]\nAssertPathExists={permit}\n"
    )
}

fn holder(path: &Path) -> Result<Option<String>> {
    let bytes = match files::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Err(record::unusable("read", path, &error)),
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    match text.lines().find_map(|line| line.strip_prefix(RUN)) {
        Some(run) => Ok(Some(run.trim().to_owned())),
        None => {
            Err(Failure::new(code::SERVICE, format!("{} is not what Switchback wrote there", path.display()))
                .hint(format!("look at it, and give it another name: {}", path.display())))
        }
    }
}

fn not_there(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn unwritable(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(code::SERVICE, format!("could not {verb} {}", path.display())).because(error);
    match error.kind() {
        ErrorKind::PermissionDenied => failure.hint(ROOT),
        _ => failure.hint(format!("look at {SYSTEM} and the free space: ls -ld {SYSTEM}; df -h {SYSTEM}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(folder: &Path) -> Block {
        let drop_ins = ["a.service", "b.socket"].map(|unit| folder.join(format!("etc/{unit}.d/{FILE}")));
        Block { drop_ins: drop_ins.to_vec(), folder: folder.join("state") }
    }

    #[test]
    fn a_block_is_set_told_and_lifted_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path());
        assert_eq!(block.run().unwrap(), None);
        block.lift().unwrap();
        for _again in 0..2 {
            block.set("r1").unwrap();
            assert_eq!(block.holders().unwrap(), [Some("r1".to_owned()), Some("r1".to_owned())]);
        }
        for _again in 0..2 {
            block.lift().unwrap();
            assert_eq!(block.run().unwrap(), None);
        }
        assert!(!folder.path().join("etc/a.service.d").exists());
    }

    #[test]
    fn half_a_block_is_one_and_other_drop_ins_stay() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path());
        block.set("r1").unwrap();
        std::fs::remove_file(&block.drop_ins[0]).unwrap();
        assert_eq!(block.run().unwrap().as_deref(), Some("r1"));
        let other = block.drop_ins[1].with_file_name("10-memory.conf");
        std::fs::write(&other, "[Service]\n").unwrap();
        block.lift().unwrap();
        assert!(other.exists());
    }

    #[test]
    fn a_permit_is_of_one_run_and_does_not_outlive_the_next_block() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path());
        block.permit("r1").unwrap();
        assert!(block.permit_of("r1").exists());
        block.set("r2").unwrap();
        assert!(!block.permit_of("r1").exists());
        let text = std::fs::read_to_string(&block.drop_ins[0]).unwrap();
        assert!(text.contains(&format!("AssertPathExists={}\n", block.permit_of("r2").display())), "{text}");
    }

    #[test]
    fn percent_signs_of_a_path_are_no_specifiers() {
        assert!(text("r", Path::new("/srv/100%/r.permit")).contains("=/srv/100%%/r.permit\n"));
    }

    #[test]
    fn a_file_of_somebody_else_under_that_name_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let block = block(folder.path());
        std::fs::create_dir_all(block.drop_ins[0].parent().unwrap()).unwrap();
        std::fs::write(&block.drop_ins[0], "[Unit]\n").unwrap();
        assert!(block.run().unwrap_err().message.contains("is not what Switchback wrote"));
    }
}
