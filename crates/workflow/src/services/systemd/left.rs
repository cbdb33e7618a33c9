//! Processes that a unit left behind: with `KillMode=process` or `none` systemd calls a unit
//! inactive while something of it goes on.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use switchback_model::{Effect, Failure, Result, code};
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(50);

/// Kills what is left of stopped units; says what it killed.
///
/// # Errors
/// `SERVICE` where something goes on.
pub(super) async fn end(units: &[String], within: Duration) -> Result<Vec<String>> {
    let start = Instant::now();
    let mut said = Vec::new();
    loop {
        let left = of(units);
        if left.is_empty() {
            return Ok(said);
        }
        if start.elapsed() > within {
            return Err(unending(&left));
        }
        for (pid, unit) in left {
            let sentence = format!("process {pid} was left behind by {unit} and was killed");
            if !said.contains(&sentence) {
                said.push(sentence);
            }
            // One that can't be killed is still there at the next look.
            let _gone_or_not_ours = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        sleep(POLL).await;
    }
}

fn unending(left: &[(i32, String)]) -> Failure {
    let pids: Vec<String> = left.iter().map(|(pid, _)| pid.to_string()).collect();
    let pids = pids.join(",");
    Failure::new(code::SERVICE, "something of the application goes on after its units were stopped")
        .effect(Effect::Unknown)
        .cause(format!("left: process {pids}"))
        .hint(format!("see what they are: ps -o pid,user,stat,args -p {pids}"))
}

/// The processes whose control group is one of these units'.
fn of(units: &[String]) -> Vec<(i32, String)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    // A process that ended since it was listed has no group any more.
    let groups =
        pids.filter_map(|pid| Some((pid, std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)));
    groups
        .filter_map(|(pid, groups)| Some((pid, unit_of(&groups, units)?)))
        .filter(|(pid, _)| !is_zombie(*pid))
        .collect()
}

fn unit_of(groups: &str, units: &[String]) -> Option<String> {
    // systemd's own hierarchy alone: other ones may have a part of that name by chance.
    let lines = groups.lines().filter(|line| line.starts_with("0::") || line.contains(":name=systemd:"));
    let mut parts = lines.flat_map(|line| line.rsplit(':').next().unwrap_or_default().split('/'));
    parts.find_map(|part| units.iter().find(|unit| *unit == part).cloned())
}

fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_whole_part_of_the_path() {
        let units = ["ada-app.service".to_owned(), "ada-worker@1.service".to_owned()];
        let of = |groups: &str| unit_of(groups, &units);
        assert_eq!(of("0::/system.slice/ada-app.service").as_deref(), Some("ada-app.service"));
        assert_eq!(of("0::/system.slice/ada-app.service/sub").as_deref(), Some("ada-app.service"));
        let worker = r"0::/system.slice/system-ada\x2dworker.slice/ada-worker@1.service";
        assert_eq!(of(worker).as_deref(), Some("ada-worker@1.service"));
        assert_eq!(of("0::/system.slice/my-ada-app.service"), None);
        assert_eq!(of("4:memory:/ada-app.service\n0::/user.slice"), None);
        assert_eq!(of("1:name=systemd:/system.slice/ada-app.service").as_deref(), Some("ada-app.service"));
    }
}
