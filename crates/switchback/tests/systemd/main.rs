//! The service manager `systemd` on a real one: PID 1 of a host of its own, real units, the real
//! `systemctl` and `journalctl`, the real program. Skipped, in words, where the rights for that are
//! missing; `REQUIRE_SYSTEMD=1` makes that a failure.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod bench;
mod host;

use bench::Bench;

const NOBODY: &str = "nobody";

/// What others try while the application is down: by hand, through the socket, by the timer, with
/// the service that a timer starts, with a restart.
const ATTEMPTS: &str = "
for unit in ada-app.service ada-worker@1.service ada-app.socket ada-job.timer ada-job.service; do
    systemctl start $unit; echo \"start $unit: $?\"
done
systemctl restart ada-app.service; echo \"restart: $?\"
python3 -S -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/ada.sock\")' 2>/dev/null; echo \"socket: $?\"
systemctl is-active ada-app.service ada-worker@1.service ada-app.socket ada-job.timer ada-job.service | sort -u
: > ../jobs
sleep 0.4
wc -c < ../jobs
$PROGRAM service start; echo \"switchback: $?\"
";

#[tokio::test]
async fn a_deploy_stops_all_units_and_starts_those_that_ran() {
    let Some(bench) = Bench::new().await else { return };
    bench
        .in_mid_run(&ATTEMPTS.replace("$PROGRAM", &format!("cd .. && {}", env!("CARGO_BIN_EXE_switchback"))));
    bench.expect(&["doctor"], 0);
    bench.expect(&["deploy", "--release", "v2"], 0);
    let seen = bench.seen();
    for unit in
        ["ada-app.service", "ada-worker@1.service", "ada-app.socket", "ada-job.timer", "ada-job.service"]
    {
        assert!(seen.contains(&format!("start {unit}: 1\n")), "{unit} could be started:\n{seen}");
    }
    assert!(seen.contains("Assertion failed") && seen.contains("restart: 1\n"), "{seen}");
    assert!(seen.contains("socket: 1\ninactive\n0\n"), "something was active in mid-run:\n{seen}");
    assert!(seen.contains("SB0802") && seen.contains("switchback: 3\n"), "{seen}");
    bench.is_well("two");
    let status = bench.expect(&["service", "status"], 0);
    assert!(
        status.stdout.contains("runs: process ") && status.stdout.contains(", 0 restarts"),
        "{}",
        status.stdout
    );
    bench.expect(&["rollback"], 0);
    bench.is_well("one");
}

#[tokio::test]
async fn a_release_that_is_not_well_is_taken_back() {
    let Some(bench) = Bench::new().await else { return };
    let before = bench.state().await;
    bench.release("ill", "import os; os.environ['HEALTH'] = '500'");
    bench.host.configure("within = \"30s\"", "within = \"3s\"");
    let ran = bench.expect(&["deploy", "--release", "ill"], 4);
    assert!(ran.stderr.contains("SB0803"), "{}", ran.stderr);
    bench.is_well("one");
    before.assert_same(&bench.state().await);
}

#[tokio::test]
async fn a_release_that_crashes_again_and_again_is_counted_and_taken_back() {
    let Some(bench) = Bench::new().await else { return };
    // Well for as long as the health check looks; the smoke test goes on until it has died once.
    bench.release("dying", "import os, threading; threading.Timer(0.9, lambda: os._exit(1)).start()");
    bench.append(
        "[[smoke]]\nname = \"it dies\"\ncommand = [\"timeout\", \"20\", \"sh\", \"-c\", \"\"\"
         while [ $(systemctl show -p NRestarts --value ada-app.service) = 0 ]; do sleep 0.05; done\"\"\"]\n",
    );
    let ran = bench.expect(&["deploy", "--release", "dying"], 4);
    assert!(
        ran.stderr.contains("it crashes") || ran.stderr.contains("is started again soon"),
        "{}",
        ran.stderr
    );
    bench.is_well("one");
    // One that dies at once did not start, and its words are told.
    bench.release("dead", "raise RuntimeError('born dead')");
    let ran = bench.expect(&["deploy", "--release", "dead"], 4);
    assert!(ran.stderr.contains("did not start") && ran.stderr.contains("born dead"), "{}", ran.stderr);
    bench.is_well("one");
}

#[tokio::test]
async fn a_service_that_ignores_the_signal_is_killed_and_named() {
    let Some(bench) = Bench::new().await else { return };
    bench.first_release("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)");
    let ran = bench.expect(&["deploy", "--release", "v2"], 0);
    assert!(ran.stderr.contains("ada-app.service did not end within 1.0 s and was killed"), "{}", ran.stderr);
    bench.is_well("two");
}

#[tokio::test]
async fn what_a_unit_leaves_behind_is_ended_too() {
    let Some(bench) = Bench::new().await else { return };
    bench.systemd.must(
        "mkdir /etc/systemd/system/ada-worker@.service.d; \
         printf '[Service]\\nKillMode=process\\nExecStart=\\nExecStart=/bin/sh -c \"sleep 1234 & wait\"\\n' > /etc/systemd/system/ada-worker@.service.d/own.conf; \
         systemctl daemon-reload; systemctl restart ada-worker@1.service",
    );
    bench.systemd.wait_for("pgrep -xf 'sleep 1234'");
    let ran = bench.expect(&["service", "stop"], 0);
    assert!(ran.stderr.contains("was left behind by ada-worker@1.service and was killed"), "{}", ran.stderr);
    assert_eq!(bench.systemd.shell("pgrep -xf 'sleep 1234'").text, "");
    assert_eq!(bench.served(), NOBODY);
    bench.expect(&["service", "start"], 0);
    bench.wait_until_served("one");
}

#[tokio::test]
async fn a_reboot_in_mid_run_keeps_it_down_until_the_run_ends() {
    let Some(mut bench) = Bench::new().await else { return };
    let before = bench.state().await;
    for (word, answer) in [("rollback", "one"), ("resume", "two")] {
        let fault = [("SWITCHBACK_FAULT", "kill-in:apply:r2")];
        let killed = bench.run_with(&["deploy", "--release", "v2"], &fault);
        assert_eq!(killed.status, None, "{}", killed.stderr);
        bench.systemd.reboot();
        assert_eq!(bench.served(), NOBODY);
        let active = "systemctl is-active ada-app.service ada-app.socket ada-worker@1.service ada-job.timer";
        assert_eq!(bench.systemd.shell(active).text.replace("inactive\n", ""), "inactive");
        assert_eq!(bench.systemd.shell("systemctl start ada-app.service").status, Some(1));
        bench.expect(&["service", "start"], 3);
        bench.expect(&[word], 0);
        bench.is_well(answer);
        if word == "rollback" {
            before.assert_same(&bench.state().await);
        }
    }
}

/// The release and the data belong together from the start on: it comes up, and the run goes on.
#[tokio::test]
async fn a_reboot_after_the_start_brings_the_new_release_up_and_resume_goes_on() {
    let Some(mut bench) = Bench::new().await else { return };
    let killed = bench.run_with(&["deploy", "--release", "v2"], &[("SWITCHBACK_FAULT", "kill-in:health")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    bench.systemd.reboot();
    bench.wait_until_served("two");
    bench.expect(&["service", "start"], 3);
    bench.expect(&["resume"], 0);
    bench.is_well("two");
    // Closing is the last act: killed in it and rebooted, nothing of the block may stay.
    let killed = bench.run_with(&["rollback"], &[("SWITCHBACK_FAULT", "kill-after:3")]);
    assert_eq!(killed.status, None, "{}", killed.stderr);
    bench.systemd.reboot();
    let resumed = bench.run(&["resume"]);
    assert!(matches!(resumed.status, Some(0 | 4 | 130)), "{:?}\n{}", resumed.status, resumed.stderr);
    bench.is_well("one");
}

#[tokio::test]
async fn a_line_in_the_journal_takes_the_run_back_and_old_ones_do_not() {
    let Some(bench) = Bench::new().await else { return };
    bench.first_release("import sys; print('Traceback of long ago', file=sys.stderr, flush=True)");
    bench.release(
        "noisy",
        "import sys; print('well\\nTraceback (most recent call last):', file=sys.stderr, flush=True)",
    );
    let ran = bench.expect(&["deploy", "--release", "noisy"], 4);
    assert!(ran.stderr.contains("SB0804") && ran.stderr.contains("most recent call last"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("long ago"), "{}", ran.stderr);
    bench.is_well("one");
    bench.expect(&["deploy", "--release", "v2"], 0);
    bench.is_well("two");
}

#[tokio::test]
async fn doctor_names_units_that_a_run_could_not_work_with() {
    let Some(bench) = Bench::new().await else { return };
    bench.systemd.unit(
        "ada-alias.service",
        "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nAlias=ada-other.service",
    );
    bench.systemd.unit(
        "ada-slave.service",
        "[Unit]\nRequires=ada-app.service\n[Service]\nExecStart=/bin/sleep infinity",
    );
    bench.systemd.must(
        "systemctl -q enable ada-alias.service; systemctl -q mask ada-masked.service; systemctl daemon-reload; \
         systemctl start ada-slave.service; systemd-run -q --unit=ada-passing sleep infinity",
    );
    let all = std::fs::read_to_string(bench.host.path("switchback.toml")).unwrap();
    for (units, wanted) in [
        ("\"ada-app\", \"nope\"", "systemd knows no unit nope.service"),
        ("\"ada-app.service\", \"ada-masked.service\"", "ada-masked.service is masked"),
        ("\"ada-other.service\"", "ada-other.service is another name of ada-alias.service"),
        ("\"ada-passing.service\"", "ada-passing.service is transient"),
        ("\"ada-worker@.service\"", "ada-worker@.service"),
        ("\"ada-app.service\"", "ada-app.socket starts ada-app.service and is not named"),
        ("\"ada-app.service\", \"ada-app.socket\"", "ada-slave.service is stopped with ada-app.service"),
        ("\"ada-job.timer\"", "ada-job.service is started by ada-job.timer and is not named"),
    ] {
        let start = all.find("units = [").unwrap();
        let end = start + all[start..].find('\n').unwrap();
        bench.host.write("switchback.toml", &format!("{}units = [{units}]{}", &all[..start], &all[end..]));
        let doctor = bench.run(&["doctor"]);
        let said = format!("{}{}", doctor.stdout, doctor.stderr);
        assert!(doctor.status == Some(1) && said.contains(wanted), "{units}: {:?}\n{said}", doctor.status);
        // What doctor calls bad, a run refuses before it changes anything.
        if units.contains("masked") {
            bench.expect(&["deploy", "--release", "v2"], 3);
            assert_eq!(bench.served(), "one");
        }
    }
}
