//! An application whose parts are units of a real systemd.

use std::process::Command;

use switchback_testkit::{Host, Ran, Shape, State, SystemdHost, cluster};

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// Its units; the last one is not running when a run begins.
const UNITS: &[&str] = &[
    "ada-app.service",
    "ada-app.socket",
    "ada-worker@1.service",
    "ada-job.timer",
    "ada-job.service",
    "ada-idle.service",
];

/// The application, its host and the systemd that it runs under.
pub(crate) struct Bench {
    pub(crate) systemd: SystemdHost,
    pub(crate) host: Host,
}

impl Bench {
    /// The application, running; `None`, said on standard error, where there can be no systemd.
    pub(crate) async fn new() -> Option<Self> {
        let shape = Shape { service: false, ..Shape::default() };
        let host = Host::new(cluster().await, PROGRAM, shape).await;
        let (folder, sockets) = (host.path("."), host.url().host().to_owned());
        let binaries = std::path::Path::new(PROGRAM).parent().unwrap().to_owned();
        let folders = [folder.canonicalize().unwrap(), sockets.into(), binaries];
        let folders = folders.each_ref().map(std::path::PathBuf::as_path);
        let systemd = SystemdHost::start_or_skip(&folders)?;
        let bench = Self { systemd, host };
        bench.install();
        Some(bench)
    }

    fn install(&self) {
        let folder = self.host.path("").display().to_string();
        let folder = folder.trim_end_matches('/');
        let port = self.host.address().rsplit(':').next().unwrap().to_owned();
        let app = format!(
            "[Service]\nWorkingDirectory={folder}/code\nExecStart=/usr/bin/python3 -S app.py {port}\nRestart=always\nRestartSec=100ms"
        );
        let enabled = "\n[Install]\nWantedBy=multi-user.target";
        self.systemd.unit("ada-app.service", &format!("{app}{enabled}"));
        self.systemd.unit("ada-app.socket", &format!("[Socket]\nListenStream=/run/ada.sock{enabled}"));
        self.systemd.unit(
            "ada-worker@.service",
            &format!("[Service]\nExecStart=/bin/sleep infinity\nRestart=always{enabled}"),
        );
        self.systemd.unit(
            "ada-job.timer",
            &format!("[Timer]\nOnActiveSec=100ms\nOnUnitActiveSec=100ms\nAccuracySec=10ms{enabled}"),
        );
        self.systemd.unit(
            "ada-job.service",
            &format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo job >> {folder}/jobs'"),
        );
        self.systemd.unit("ada-idle.service", "[Service]\nExecStart=/bin/sleep infinity");
        self.systemd.must(
            "systemctl daemon-reload; systemctl -q enable --now ada-app.socket ada-app.service ada-worker@1.service ada-job.timer",
        );
        self.systemd.wait_for(&format!("[ -s {folder}/jobs ]"));
        let units: Vec<String> = UNITS.iter().map(|unit| format!("{unit:?}")).collect();
        let address = self.host.address();
        self.append(&format!(
            "[environments.production.service]\nmanager = \"systemd\"\nunits = [{}]\ngrace = \"1s\"\n\n\
             [environments.production.health]\nurl = \"{address}/health\"\nwithin = \"30s\"\nstable_for = \"200ms\"\n\n\
             [environments.production.logs]\njournal = \"ada-app\"\nfail_on = [\"Traceback\"]\nwatch = \"300ms\"\n",
            units.join(", ")
        ));
        self.wait_until_served("one");
    }

    /// Adds to the configuration.
    pub(crate) fn append(&self, text: &str) {
        let path = self.host.path("switchback.toml");
        let before = std::fs::read_to_string(&path).unwrap();
        self.host.write("switchback.toml", &format!("{before}\n{text}"));
    }

    /// A release like the second one, with more Python at its start.
    pub(crate) fn release(&self, name: &str, python: &str) {
        self.host.git(&["checkout", "--quiet", "v2"]);
        self.prepend(python);
        self.host.git(&["commit", "--quiet", "-am", name]);
        self.host.git(&["tag", name]);
        self.host.git(&["checkout", "--quiet", "v1"]);
    }

    /// Changes the application in place.
    fn prepend(&self, python: &str) {
        let text = std::fs::read_to_string(self.host.path("code/app.py")).unwrap();
        self.host.write(
            "code/app.py",
            &text.replacen("import http.server\n", &format!("import http.server\n{python}\n"), 1),
        );
    }

    /// Makes the release that runs another one, with more Python at its start.
    pub(crate) fn first_release(&self, python: &str) {
        self.prepend(python);
        self.host.git(&["commit", "--quiet", "-am", "first"]);
        self.host.git(&["tag", "--force", "v1"]);
        self.systemd.must("systemctl restart ada-app.service");
        self.wait_until_served("one");
    }

    /// Runs a script inside each time the migrator is about to upgrade: in the middle of a run, the
    /// application down and the fence closed.
    pub(crate) fn in_mid_run(&self, script: &str) {
        let real = std::fs::read_to_string(self.host.path("migrate")).unwrap();
        let hook = format!("case \"${{1:-}}\" in upgrade) ( set +eu\n{script}\n) >> ../seen 2>&1 ;; esac\n");
        self.host.write("migrate", &real.replacen("set -eu\n", &format!("set -eu\n{hook}"), 1));
    }

    /// What scripts in mid-run wrote.
    pub(crate) fn seen(&self) -> String {
        std::fs::read_to_string(self.host.path("seen")).unwrap_or_default()
    }

    /// Runs the program inside.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, &[])
    }

    /// Runs the program inside, with some variables.
    pub(crate) fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command: Command = self.host.command(words);
        command.envs(variables.iter().copied());
        let output = self.systemd.inside(&command).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs the program inside, which must end with this status.
    pub(crate) fn expect(&self, words: &[&str], status: i32) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.status, Some(status), "{words:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// What is answered, by the application or nobody.
    pub(crate) fn served(&self) -> String {
        let script = format!(
            "python3 -S -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())' {}/health 2>/dev/null || echo nobody",
            self.host.address()
        );
        self.systemd.must(&script)
    }

    pub(crate) fn wait_until_served(&self, answer: &str) {
        let script = format!(
            "[ \"$(python3 -S -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())' {}/health 2>/dev/null)\" = {answer} ]",
            self.host.address()
        );
        self.systemd.wait_for(&script);
    }

    /// What each unit is, in the order of [`UNITS`], and what of a block is left.
    pub(crate) fn units(&self) -> String {
        // A job that a timer starts is at work now and then.
        let script = format!(
            "systemctl is-active {} | sed s/activating/inactive/; \
             find /etc/systemd/system -name '*switchback*' -o -name 'ada*.d'; find {} -name '*.permit'; \
             systemctl show -p NeedDaemonReload ada-app.service",
            UNITS.join(" "),
            self.host.path(".switchback/services").display()
        );
        self.systemd.shell(&script).text
    }

    /// What [`Bench::units`] says when all is well and nothing is blocked.
    pub(crate) fn well() -> &'static str {
        "active\nactive\nactive\nactive\ninactive\ninactive\nNeedDaemonReload=no"
    }

    /// The data and all that belongs to it.
    pub(crate) async fn state(&self) -> State {
        self.host.state().await
    }

    /// The units are as before a run and the release that answers is this one.
    pub(crate) fn is_well(&self, answer: &str) {
        self.wait_until_served(answer);
        let units = self.units();
        let units: Vec<&str> = units.lines().filter(|line| !line.contains("No such file")).collect();
        assert_eq!(units.join("\n"), Self::well());
        // The timer goes on.
        let jobs = self.host.path("jobs").display().to_string();
        self.systemd.must(&format!(": > {jobs}"));
        self.systemd.wait_for(&format!("[ -s {jobs} ]"));
    }
}
