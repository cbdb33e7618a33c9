//! A small disk of one test's own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system in memory; it is gone with this.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one with these options (`size=4m,mode=0700`); `None` where this is not root, which the
    /// caller must not keep to itself.
    pub fn mount(at: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Takes all the room that is left, as somebody else's file would.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        let mut piece = vec![0; 64 * 1024];
        // The last rest of it byte by byte would take long, so smaller pieces follow.
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    /// Makes room again.
    pub fn empty(&self) {
        // Where it was not full there is nothing to remove.
        drop(std::fs::remove_file(self.filler()));
    }

    fn filler(&self) -> PathBuf {
        self.0.join("somebody-elses")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
