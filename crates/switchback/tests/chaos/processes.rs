//! What runs on this machine, by `/proc`.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process that is not a zombie.
pub(crate) struct Process {
    pub(crate) pid: i32,
    parent: i32,
    /// What the kernel calls it.
    pub(crate) name: String,
}

/// Everything that a process started, and what that started.
pub(crate) fn below(pid: i32) -> Vec<Process> {
    let mut rest = all();
    let mut parents = vec![pid];
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        let (children, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|process| process.parent == parent);
        parents.extend(children.iter().map(|child| child.pid));
        found.extend(children);
        rest = others;
    }
    found
}

/// The command lines of the processes whose working directory is in a folder.
pub(crate) fn inside(folder: &Path) -> Vec<(i32, String)> {
    let here = |process: &Process| {
        std::fs::read_link(format!("/proc/{}/cwd", process.pid)).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    all()
        .iter()
        .filter(|process| here(process))
        .map(|process| (process.pid, command_line(process.pid)))
        .collect()
}

/// The words that a process was started with.
pub(crate) fn command_line(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

/// SIGKILL; whether there was such a process.
pub(crate) fn kill(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(read).collect()
}

/// `PID (NAME) STATE PARENT …`; a name may hold anything but has the last bracket (proc(5)).
fn read(pid: i32) -> Option<Process> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (begin, rest) = text.rsplit_once(')')?;
    let name = begin.split_once('(')?.1.to_owned();
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(Process { pid, parent, name })
}
