//! The system's own view of processes: what status files say is compared with it.
//!
//! A process is named by its number, its start time and the boot it belongs to, because numbers
//! are used again. On systems without `/proc` there is only `kill(pid, 0)`: a number that was used
//! again, or a worker that left its process group, is not noticed there.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize};

/// One process, never mistaken for a later one with its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Clock ticks from boot to its start; 0 where the system does not tell.
    pub(super) started: u64,
    /// The boot and the process namespace that the numbers belong to.
    pub(super) boot: String,
}

/// What `/proc/PID/stat` says of a process that is not a zombie.
struct Stat {
    session: i32,
    started: u64,
}

impl Process {
    /// The process that has this number now; `None` where there is none.
    pub(super) fn now(pid: i32) -> Option<Self> {
        if !has_proc() {
            return exists(pid).then(|| Self { pid, started: 0, boot: String::new() });
        }
        stat(pid).map(|stat| Self { pid, started: stat.started, boot: boot() })
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&self) -> bool {
        Self::now(self.pid).as_ref() == Some(self)
    }

    /// Whether it may still run: no process survives a reboot.
    pub(super) fn is_of_this_boot(&self) -> bool {
        !has_proc() || self.boot == boot()
    }

    /// Every process of its session but itself, where it is or was the session's leader: all that
    /// it started and that did not begin a session of its own. Empty without `/proc`.
    pub(super) fn session(&self) -> Vec<Self> {
        // A session keeps its leader's number from being used again: whoever else has the number
        // proves that nobody of the session is left.
        let reused = Self::now(self.pid).is_some_and(|now| now != *self);
        if !has_proc() || !self.is_of_this_boot() || reused {
            return Vec::new();
        }
        let of_session = |pid: i32| {
            let stat = stat(pid).filter(|stat| stat.session == self.pid && stat.started >= self.started)?;
            Some(Self { pid, started: stat.started, boot: self.boot.clone() })
        };
        all().into_iter().filter(|pid| *pid != self.pid).filter_map(of_session).collect()
    }

    /// Sends a signal; a process that is gone is fine.
    pub(super) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        match Pid::from_raw(self.pid) {
            Some(pid) if self.is_alive() => gone_is_fine(kill_process(pid, signal)),
            _ => Ok(()),
        }
    }

    /// Sends a signal to the process group that it leads.
    pub(super) fn signal_group(&self, signal: Signal) -> rustix::io::Result<()> {
        match Pid::from_raw(self.pid) {
            Some(pid) => gone_is_fine(kill_process_group(pid, signal)),
            None => Ok(()),
        }
    }

    /// Whether anybody is left in the process group that it leads; for systems without `/proc`.
    pub(super) fn has_group(&self) -> bool {
        Pid::from_raw(self.pid).is_some_and(|pid| test_kill_process_group(pid).is_ok())
    }
}

/// Whether the system tells about its processes in `/proc`.
pub(super) fn has_proc() -> bool {
    cfg!(target_os = "linux")
}

fn gone_is_fine(sent: rustix::io::Result<()>) -> rustix::io::Result<()> {
    if sent == Err(Errno::SRCH) { Ok(()) } else { sent }
}

fn exists(pid: i32) -> bool {
    // "Not permitted" means that it is there and somebody else's.
    Pid::from_raw(pid).is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(Errno::SRCH)))
}

/// A zombie has ended: it holds nothing but its number.
fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses and spaces too.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    // Fields 6 and 22 of proc_pid_stat(5), counted from the third.
    Some(Stat { session: fields.get(3)?.parse().ok()?, started: fields.get(19)?.parse().ok()? })
}

fn all() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The boot, and the namespace: in containers a restart gives the same small numbers again.
fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", id.trim(), namespace.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself_and_not_a_later_one_with_its_number() {
        let me = Process::now(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.is_alive());
        let earlier = Process { started: me.started.wrapping_sub(1), ..me.clone() };
        assert_eq!((earlier.is_alive(), earlier.session().len()), (!has_proc(), 0));
        let other_boot = Process { boot: "another".into(), ..me };
        assert!(!has_proc() || !other_boot.is_alive());
    }
}
