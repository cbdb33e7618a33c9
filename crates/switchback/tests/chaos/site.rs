//! A host, its server, what stands between them, and the faults as they are done.

use std::path::PathBuf;
use std::process::Child as Program;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use switchback_model::DatabaseUrl;
use switchback_testkit::{Disk, Host, OwnServer, TestCluster};

use crate::customer::{self, Customer};
use crate::draw::{Case, Fault, Full};
use crate::line::Line;
use crate::pooler::Pooler;
use crate::processes;
use crate::wire::Wire;

/// The other operator's configuration, on the other host.
pub(crate) const FAR: &str = "far.toml";

/// What a case plays on.
pub(crate) struct Site<'s> {
    pub(crate) host: Host,
    pub(crate) server: &'s mut OwnServer,
    pub(crate) others: Vec<Program>,
    line: Option<Line>,
    pooler: Option<Pooler>,
    disk: Option<Disk>,
    clock: Option<Vec<(&'static str, String)>>,
    tool: &'static str,
    /// What is put right again, and when.
    repairs: Vec<(Instant, Repair)>,
    armed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Repair {
    Server,
    Pooler,
    Disk(Full),
}

impl<'s> Site<'s> {
    /// A host of the case's shape, for this program.
    pub(crate) async fn new(
        case: &Case,
        program: &str,
        server: &'s mut OwnServer,
        cluster: &'static TestCluster,
    ) -> Self {
        let host = Host::new(cluster, program, case.shape).await;
        host.database().run(customer::TABLES).await;
        let (line, pooler, disk, clock) = (None, None, None, None);
        let (others, repairs, armed, tool) = (Vec::new(), Vec::new(), false, case.shape.tool);
        let mut site = Self { host, server, others, line, pooler, disk, clock, tool, repairs, armed };
        site.stand_between(case).await;
        site.put_on_disks(case);
        if case.any(|fault| matches!(fault, Fault::StepClock(_))) {
            site.clock = Some(site.clock());
        }
        if case.any(|fault| fault == Fault::FarOperator) {
            let text = std::fs::read_to_string(site.host.path("switchback.toml")).unwrap();
            site.host.write(FAR, &format!("state_directory = \"far\"\n\n{text}"));
        }
        site
    }

    /// The line of the operator, or the pooler of the application.
    async fn stand_between(&mut self, case: &Case) {
        let direct = self.host.url();
        if case.any(|fault| matches!(fault, Fault::Cut(_) | Fault::Stall { .. })) {
            let line = Line::to(&self.server.folder().join(".s.PGSQL.5432"));
            let admin = self.host.cluster().url("postgres");
            for key in ["maintenance_url", "scratch_url"] {
                self.host.configure(
                    &format!("{key} = \"{}\"", admin.expose()),
                    &format!("{key} = \"{}\"", through(line.folder(), &admin).expose()),
                );
            }
            self.host.reach_by(through(line.folder(), &direct));
            self.line = Some(line);
        }
        if case.any(|fault| matches!(fault, Fault::RestartPooler { .. })) {
            let pooler = Pooler::start(self.server.folder());
            pooler.answers().await;
            self.host.reach_by(through(pooler.folder(), &direct));
            self.host.configure("fence = ", &format!("migration_url = \"{}\"\nfence = ", direct.expose()));
            self.pooler = Some(pooler);
        }
    }

    fn put_on_disks(&mut self, case: &Case) {
        if case.any(|fault| matches!(fault, Fault::Fill(Full::Backup, _))) {
            self.disk = Disk::mount(&self.host.path("backups"), "size=32m,mode=0700");
        } else if case.any(|fault| matches!(fault, Fault::Fill(Full::Journal, _))) {
            let state = self.host.path(".switchback");
            let aside = self.host.path("aside");
            let there = state.exists();
            if there {
                std::fs::rename(&state, &aside).unwrap();
            }
            self.disk = Disk::mount(&state, "size=8m,mode=0700");
            if there {
                let mut copy = std::process::Command::new("cp");
                copy.arg("-a").arg(aside.join(".")).arg(&state);
                assert!(copy.status().unwrap().success());
            }
        }
    }

    /// Variables for a clock that can be stepped while programs run.
    fn clock(&self) -> Vec<(&'static str, String)> {
        self.host.write("clock", "+0\n");
        vec![
            ("LD_PRELOAD", faketime().unwrap().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.host.path("clock").display().to_string()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// The customer, by the application's own address.
    pub(crate) fn customer(&self) -> Customer {
        let place = self.pooler.as_ref().map_or(self.server.folder(), Pooler::folder);
        Customer::start(place.join(".s.PGSQL.5432"), self.host.database().name().to_owned())
    }

    /// Switchback, not started yet.
    pub(crate) fn program(&self, words: &[&str]) -> std::process::Command {
        let mut program = self.host.command(words);
        program.envs(self.clock.iter().flatten().map(|(name, value)| (name, value)));
        program
    }

    /// Does a fault; whether it could be done now.
    pub(crate) fn inflict(&mut self, fault: Fault, program: i32, journal: &[String]) -> bool {
        match fault {
            Fault::KillProgram | Fault::TearJournal => processes::kill(program),
            Fault::KillTree => {
                let below = processes::below(program);
                let killed = processes::kill(program);
                for process in below {
                    processes::kill(process.pid);
                }
                killed
            }
            Fault::KillChild(child) => {
                let names = child.commands(self.tool);
                let below = processes::below(program);
                // One that only says its version is no loss, and a supervisor is no migrator.
                let at_work = |process: &&processes::Process| {
                    let words = processes::command_line(process.pid);
                    names.contains(&process.name.as_str())
                        && !["--version", "supervise"].iter().any(|word| words.contains(word))
                };
                let found = below.iter().find(at_work);
                found.is_some_and(|process| processes::kill(process.pid))
            }
            Fault::KillApplication => self.kill_application(),
            Fault::StopServer { down } => {
                self.server.strike();
                self.repair_in(down, Repair::Server);
                true
            }
            Fault::KillBackend => self.kill_backend(),
            Fault::EndSessions { all } => self.end_sessions(all),
            Fault::Fill(what, ms) => self.fill(what, ms),
            Fault::StepClock(by) => {
                self.host.write("clock", &format!("{by}\n"));
                true
            }
            Fault::RestartPooler { down } => {
                self.pooler.as_mut().unwrap().strike();
                self.repair_in(down, Repair::Pooler);
                true
            }
            Fault::SecondOperator(word) => {
                let words = if word == "deploy" { self.host.deploy() } else { vec![word] };
                self.begin_other(self.program(&words));
                true
            }
            Fault::FarOperator => self.far_operator(journal),
            Fault::Cut(cut) => {
                let line = self.line.as_ref().unwrap();
                if !std::mem::replace(&mut self.armed, true) {
                    line.cut(cut);
                }
                line.cuts() > 0
            }
            Fault::Stall { ms } => {
                self.line.as_ref().unwrap().stall(ms);
                true
            }
        }
    }

    /// Puts right what is due; at the end of a command, everything.
    pub(crate) fn repair(&mut self, all: bool) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.repairs).into_iter().partition(|(at, _)| all || *at <= now);
        self.repairs = later;
        for (_, repair) in due {
            match repair {
                Repair::Server => self.server.begin(),
                Repair::Pooler => self.pooler.as_mut().unwrap().begin(),
                Repair::Disk(Full::Wal) => self.server.wal().unwrap().empty(),
                Repair::Disk(_) => self.disk.as_ref().unwrap().empty(),
            }
        }
        // A server that had no room for its log ends, and somebody starts it when it has.
        if self.repairs.is_empty() && self.server.pid().is_none() {
            self.server.begin();
        }
    }

    /// Waits until server and pooler are well again, so that a person would go on.
    pub(crate) async fn is_well(&mut self) {
        self.repair(true);
        if let Some(line) = &self.line {
            line.mend();
        }
        self.server.answers().await;
        if let Some(pooler) = &self.pooler {
            pooler.answers().await;
        }
    }

    fn repair_in(&mut self, ms: u64, repair: Repair) {
        self.repairs.push((Instant::now() + Duration::from_millis(ms), repair));
    }

    fn kill_application(&self) -> bool {
        let port = self.host.address().rsplit(':').next().unwrap().to_owned();
        let found = processes::inside(&self.host.path("code"));
        let application = found.iter().find(|(_, words)| words.ends_with(&format!("app.py {port}")));
        application.is_some_and(|(pid, _)| processes::kill(*pid))
    }

    fn kill_backend(&mut self) -> bool {
        let Some(server) = self.server.pid() else { return false };
        let backends = processes::below(server).into_iter();
        let mut backends = backends.filter(|process| {
            let title = processes::command_line(process.pid);
            title.starts_with("postgres: postgres ") && !title.contains("autovacuum")
        });
        backends.next().is_some_and(|process| processes::kill(process.pid))
    }

    /// The division says whether there was one.
    fn end_sessions(&self, all: bool) -> bool {
        let limit = if all { "all" } else { "1" };
        let sql = format!(
            "select 1 / coalesce(sum(pg_terminate_backend(pid)::int), 0) from (select pid from pg_stat_activity \
             where application_name like 'switchback %' order by md5(pid::text) limit {limit}) ours"
        );
        let socket = self.server.folder().join(".s.PGSQL.5432");
        let session = Wire::connect(&socket, &[("user", "postgres"), ("database", "postgres")]);
        session.and_then(|mut session| session.run(&sql)).is_ok()
    }

    fn fill(&mut self, what: Full, ms: u64) -> bool {
        match what {
            Full::Wal => self.server.wal().unwrap().fill(),
            Full::Backup | Full::Journal => self.disk.as_ref().unwrap().fill(),
        }
        self.repair_in(ms, Repair::Disk(what));
        true
    }

    /// On another host: another name, another network, another state folder. It comes when the lease
    /// is taken, or it would be the first.
    fn far_operator(&mut self, journal: &[String]) -> bool {
        let leased =
            |line: &String| line.contains("\"step.finished\"") && line.contains("\"step\":\"lease\"");
        if !journal.iter().any(leased) {
            return false;
        }
        let here = self.program(&[&["--config", FAR], &self.host.deploy()[..]].concat());
        let mut there = std::process::Command::new("unshare");
        there.args(["--uts", "--net", "sh", "-c", "hostname far-away && exec \"$0\" \"$@\""]);
        there.arg(here.get_program()).args(here.get_args()).current_dir(self.host.path("."));
        there.envs(here.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.begin_other(there);
        true
    }

    fn begin_other(&mut self, mut program: std::process::Command) {
        let number = self.others.len();
        let output = std::fs::File::create(self.host.path(&format!("other-{number}"))).unwrap();
        program.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(output);
        self.others.push(program.spawn().unwrap());
    }
}

fn through(folder: &std::path::Path, url: &DatabaseUrl) -> DatabaseUrl {
    let place = folder.display().to_string().replace('/', "%2F");
    DatabaseUrl::parse(&format!("postgresql://postgres@/{}?host={place}", url.database())).unwrap()
}

fn faketime() -> Option<PathBuf> {
    let libraries =
        ["x86_64", "aarch64"].map(|cpu| format!("/usr/lib/{cpu}-linux-gnu/faketime/libfaketime.so.1"));
    libraries.map(PathBuf::from).into_iter().find(|path| path.is_file())
}

/// Why a fault can't be done on this machine.
pub(crate) fn missing(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::Fill(..) if !geteuid().is_root() => Some("only root can mount a small disk"),
        Fault::FarOperator if !geteuid().is_root() => Some("only root can make another host's namespaces"),
        Fault::StepClock(_) if faketime().is_none() => Some("the package faketime is not installed"),
        Fault::RestartPooler { .. } if Pooler::program().is_none() => Some("PgBouncer is not installed"),
        _ => None,
    }
}
