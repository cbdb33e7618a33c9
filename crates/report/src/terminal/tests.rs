use super::*;
use crate::testing::{Sink, Story, at};

const TTY: TerminalOptions = TerminalOptions {
    tty: true,
    color: false,
    unicode: true,
    verbose: false,
    quiet: false,
    width: 110,
    downtime: None,
};
const LOG: TerminalOptions = TerminalOptions { tty: false, unicode: false, ..TTY };

fn shown(story: &Story, options: TerminalOptions) -> String {
    shown_from(0, story, options)
}

fn shown_from(first: usize, story: &Story, options: TerminalOptions) -> String {
    let sink = Sink::default();
    let target = ProgressDrawTarget::hidden();
    story.play_from(first, &mut Terminal::drawing_on(options, sink.writer(), target));
    sink.text()
}

#[test]
fn a_good_run() {
    insta::assert_snapshot!(shown(&Story::good(), TTY), @r"
    Run 20261122-021407-7f3a

      environment  production
      database     ada
      server       db.example:5432, PostgreSQL 15.18
      release      v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
      revision     8f3a → c21b
      migrations   1 pending (alembic)
                   c21b  add profiles  migrations/versions/c21b_add_profiles.py

      way back
        until the first migration     the fence is lifted; nothing was changed
        until the application starts  the restore point takes the target's place by two renames, in under a
                                      second; the failed database is kept

      ! WAL that is archived during the run belongs to both databases

      ✓ look at server, privileges and disk        0.4 s  11 checks hold
      ! a replica is 12 s behind
      ✓ take a backup and prove it                42.0 s  restored and compared: 14 tables equal
      ✓ stop ada-app.service                       1.8 s  ada-app.service is inactive (dead)
      ✓ make a restore point                       3.1 s  clone with equal counts
      ✓ apply c21b add profiles                   12.3 s  the target says c21b
      ✓ validate the data                          2.2 s  2 of 2 checks hold
      ✓ start ada-app.service                      2.4 s  GET /api/health: 200 for 20 s

    ✓ done: ada is at c21b
      downtime  21.8 s
      total     1 min 04 s
      warnings  1, above
      report    .switchback/runs/20261122-021407-7f3a/report.md
      way back  switchback rollback 20261122-021407-7f3a
    ");
}

#[test]
fn a_migration_that_fails_is_taken_back() {
    let text = shown(&Story::unwound(), TTY);
    let steps = text.split("belongs to both databases\n").nth(1).unwrap();
    insta::assert_snapshot!(steps, @r#"
      ✓ look at server, privileges and disk        0.4 s  11 checks hold
      ! a replica is 12 s behind
      ✓ take a backup and prove it                42.0 s  restored and compared: 14 tables equal
      ✓ stop ada-app.service                       1.8 s  ada-app.service is inactive (dead)
      ✓ make a restore point                       3.1 s  clone with equal counts
      ✗ apply c21b add profiles                    3.1 s
          error[SB0408]: `c21b` (add profiles) failed
            column "x" does not exist
          what changed: nothing: its transaction was rolled back
          hint: switchback rehearse -e production shows it on a copy
          explain: switchback explain SB0408
          the last lines of its program:
          │ INFO  [alembic.runtime.migration] Running upgrade 8f3a -> c21b
          │ psycopg.errors.UndefinedColumn: column "x" does not exist

    ↶ taking back what was done, last step first
      ↶ apply c21b add profiles                    0.9 s  ada is the restore point, 14 tables compared
      ↶ make a restore point                       0.0 s  became ada
      ↶ stop ada-app.service                       2.1 s  ada-app.service is active (running)
      ↶ take a backup and prove it                 0.0 s  kept

    ↶ failed and taken back: target, code and service are as before
      why       SB0408: `c21b` (add profiles) failed
      downtime  21.8 s
      total     53.4 s
      warnings  1, above
      report    .switchback/runs/20261122-021407-7f3a/report.md
      next      switchback rehearse -e production shows it on a copy
    "#);
}

#[test]
fn a_stuck_run_ends_with_what_to_type() {
    let text = shown(&Story::stuck(), TTY);
    let end = text.split("taking back what was done").nth(1).unwrap();
    insta::assert_snapshot!(end, @"
    , last step first
      ↶ apply c21b add profiles                    0.9 s  ada is the restore point, 14 tables compared
      ↶ make a restore point                       0.0 s  became ada
      ✗ stop ada-app.service                       9.0 s  not taken back
          error[SB0702]: `ada-app.service` did not start again
            Job for ada-app.service failed because the control process exited with error code
          what changed: the data is as before the run; the application is down
          hint: systemctl status ada-app.service
          explain: switchback explain SB0702

    ✗ stuck on the way back: a person is needed
      downtime  21.8 s
      total     1 min 00 s
      warnings  1, above
      report    .switchback/runs/20261122-021407-7f3a/report.md

      What is known
        why           SB0702: `ada-app.service` did not start again
        what changed  the data is as before the run; the application is down
        in place      nothing
        not certain   stop ada-app.service
        taken back    apply c21b add profiles
        backup        size 512.0 MB
                      directory /var/backups/ada/20261122-021407

      What to type next
        systemctl status ada-app.service
        switchback runs show 20261122-021407-7f3a -e production  everything that is known of the run
        switchback resume 20261122-021407-7f3a -e production     go on taking it back, from where it stands
    ");
}

#[test]
fn a_log_gets_plain_lines() {
    let text = shown(&Story::good(), LOG);
    assert!(text.is_ascii());
    let steps = text.split("belongs to both databases\n").nth(1).unwrap();
    insta::assert_snapshot!(steps, @r"
      ok look at server, privileges and disk        0.4 s  11 checks hold
      .. take a backup and prove it                   3 s  dumping, 250.0 MB of 4.8 GB, 85.0 MB/s, 53 s left
      !  a replica is 12 s behind
      .. take a backup and prove it                  16 s  dumping, 1.2 of 4.8 GB, 79.4 MB/s, 44 s left
      ok take a backup and prove it                42.0 s  restored and compared: 14 tables equal
      ok stop ada-app.service                       1.8 s  ada-app.service is inactive (dead)
      ok make a restore point                       3.1 s  clone with equal counts
      ok apply c21b add profiles                   12.3 s  the target says c21b
      ok validate the data                          2.2 s  2 of 2 checks hold
      ok start ada-app.service                      2.4 s  GET /api/health: 200 for 20 s

    ok done: ada is at c21b
      downtime  21.8 s
      total     1 min 04 s
      warnings  1, above
      report    .switchback/runs/20261122-021407-7f3a/report.md
      way back  switchback rollback 20261122-021407-7f3a
    ");
}

#[test]
fn a_silent_step_says_that_it_is_at_work() {
    let story = Story::planned().then(0, What::StepStarted { step: "stop".into() });
    let (sink, view) = (Sink::default(), story.view());
    let mut terminal = Terminal::new(LOG, sink.writer());
    story.events.iter().for_each(|event| terminal.event(event, &view).unwrap());
    for seconds in 0..=25 {
        terminal.tick(at(seconds * 1000)).unwrap();
    }
    let text = sink.text();
    let steps: Vec<_> = text.lines().filter(|line| line.starts_with("  ..")).collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    .. stop ada-app.service                         2 s
    .. stop ada-app.service                        12 s
    .. stop ada-app.service                        22 s
    ");
}

#[test]
fn colour_adds_nothing_but_colour() {
    for story in [Story::good(), Story::unwound(), Story::stuck()] {
        let colored = shown(&story, TerminalOptions { color: true, ..TTY });
        assert!(colored.contains("\u{1b}["));
        let bare: Vec<_> = colored.lines().map(|line| clean(line).trim_end().to_owned()).collect();
        let plain = shown(&story, TTY);
        assert!(!plain.contains('\u{1b}'));
        assert_eq!(bare, plain.lines().map(str::trim_end).collect::<Vec<_>>());
    }
}

#[test]
fn a_narrow_terminal_keeps_every_word() {
    let text = shown(&Story::good(), TerminalOptions { width: 60, ..TTY });
    let steps = text.split("databases\n").nth(1).unwrap();
    insta::assert_snapshot!(steps, @r"
      ✓ look at server, privileges and disk        0.4 s
          11 checks hold
      ! a replica is 12 s behind
      ✓ take a backup and prove it                42.0 s
          restored and compared: 14 tables equal
      ✓ stop ada-app.service                       1.8 s
          ada-app.service is inactive (dead)
      ✓ make a restore point                       3.1 s
          clone with equal counts
      ✓ apply c21b add profiles                   12.3 s
          the target says c21b
      ✓ validate the data                          2.2 s
          2 of 2 checks hold
      ✓ start ada-app.service                      2.4 s
          GET /api/health: 200 for 20 s

    ✓ done: ada is at c21b
      downtime  21.8 s
      total     1 min 04 s
      warnings  1, above
      report    .switchback/runs/20261122-021407-7f3a/report.md
      way back  switchback rollback 20261122-021407-7f3a
    ");
}

#[test]
fn quiet_says_only_what_went_wrong() {
    let quiet = TerminalOptions { quiet: true, ..LOG };
    assert_eq!(shown(&Story::good(), quiet), "");
    let text = shown(&Story::unwound(), quiet);
    assert!(text.starts_with("  X  apply c21b") && text.contains("failed and taken back"), "{text}");
}

#[test]
fn verbose_shows_every_line_of_a_program_once() {
    let text = shown(&Story::unwound(), TerminalOptions { verbose: true, ..LOG });
    assert_eq!(text.matches("Running upgrade").count(), 1);
    assert!(text.contains("nothing to take back"));
}

#[test]
fn who_goes_on_with_a_run_learns_where_it_stands() {
    let story = Story::planned().preflight().backup().started(Direction::Back);
    let last = story.events.len() - 1;
    insta::assert_snapshot!(shown_from(last, &story, TTY), @"
    Run 20261122-021407-7f3a is taken back

      environment  production
      database     ada
      server       db.example:5432, PostgreSQL 15.18
      release      v1.4.0 (0f1e2d3c4b) → v1.5.0 (a1b2c3d4e5)
      revision     8f3a → c21b
      migrations   1 pending (alembic)
                   c21b  add profiles  migrations/versions/c21b_add_profiles.py

      2 of 7 steps done before


    ✗ the run is still open: this process leaves it where it stands
      2 of 7 steps came to an end

      What is known
        in place     nothing
        not certain  nothing
        taken back   nothing
        backup       size 512.0 MB
                     directory /var/backups/ada/20261122-021407

      What to type next
        switchback runs show 20261122-021407-7f3a -e production  everything that is known of the run
        switchback resume 20261122-021407-7f3a -e production     go on taking it back, from where it stands
    ");
}

#[test]
fn downtime_counts_only_while_it_lasts() {
    fn count(run: &RunView, now: Timestamp) -> Option<u64> {
        run.downtime_ms("stop", "start", now)
    }
    let options = TerminalOptions { downtime: Some(count), ..TTY };
    assert_eq!(shown(&Story::good(), options), shown(&Story::good(), TTY));
}
