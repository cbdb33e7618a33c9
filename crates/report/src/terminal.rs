//! What a person sees while a run goes on.
//!
//! One line a step. While a step is at work, a live line says how far it is and how long yet, and
//! the line under it says whether anything was changed so far. Without a terminal there is no live
//! line: a long step then says every ten seconds that it is at work. At the end stands what
//! happened, and what to type next.

mod footer;
mod header;
mod live;
mod pace;
mod watch;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::ProgressDrawTarget;
use jiff::Timestamp;
use switchback_model::event::{Direction, Operator, Unit};
use switchback_model::monitor::Sample;
use switchback_model::plan::{PlannedStep, UndoPolicy};
use switchback_model::run::StepState;
use switchback_model::{Event, Failure, RunView, What};

use crate::failure;
use crate::text::{self, between, clean, indent, pad, pad_left, width, wrap};
use crate::theme::{Mark, Theme};
use crate::{Reporter, facts};
use live::Live;
use pace::Pace;
use watch::Watch;

/// For how long users have seen no application, and whether that goes on: the time that it counts
/// up to the given moment.
pub type Downtime = fn(&RunView, Timestamp) -> Option<u64>;

/// What the terminal can do and what the person wants to see. The caller finds it out.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each set by its name")]
pub struct TerminalOptions {
    /// Lines can be drawn again: stderr is a terminal.
    pub tty: bool,
    /// Escape codes for colour may be written.
    pub color: bool,
    /// The locale is UTF-8.
    pub unicode: bool,
    /// Every line of the user's programs, and the steps that have nothing to take back.
    pub verbose: bool,
    /// Nothing but what went wrong.
    pub quiet: bool,
    /// Columns.
    pub width: usize,
    /// Counts the downtime, where the caller knows how.
    pub downtime: Option<Downtime>,
}

impl Default for TerminalOptions {
    /// A log file: no terminal, no colour, ASCII.
    fn default() -> Self {
        Self {
            tty: false,
            color: false,
            unicode: false,
            verbose: false,
            quiet: false,
            width: 100,
            downtime: None,
        }
    }
}

/// How many of the last lines of a program are shown when it failed.
const LAST_LINES: usize = 15;
/// From when on a step is called long, where there is no live line.
const LONG: Duration = Duration::from_secs(2);
/// How often such a step says that it is at work.
const AGAIN: Duration = Duration::from_secs(10);
/// Wide enough for `12 min 05 s`.
const TOOK: usize = 11;

/// The reporter for people.
pub struct Terminal {
    options: TerminalOptions,
    theme: Theme,
    out: Box<dyn Write>,
    live: Live,
    column: usize,
    met: bool,
    started: bool,
    acting: Option<Acting>,
    lines: VecDeque<String>,
    warnings: usize,
    watch: Watch,
}

/// The step that is at work.
struct Acting {
    title: String,
    since: Timestamp,
    said: Option<Timestamp>,
    pace: Pace,
    /// What the server says of it.
    server: Option<String>,
}

impl Acting {
    fn detail(&self, theme: Theme) -> String {
        let parts = [Some(self.pace.text(theme)), self.server.clone()].into_iter().flatten();
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(theme.dot())
    }
}

impl Terminal {
    /// Writes to `out`, which should be stderr; with a terminal, the live line is drawn on stderr.
    pub fn new(options: TerminalOptions, out: Box<dyn Write>) -> Self {
        Self::drawing_on(options, out, ProgressDrawTarget::stderr())
    }

    /// As [`Terminal::new`], with the live line drawn elsewhere.
    pub fn drawing_on(options: TerminalOptions, out: Box<dyn Write>, target: ProgressDrawTarget) -> Self {
        let theme = Theme { color: options.color, unicode: options.unicode };
        let shown = options.tty && !options.quiet;
        let target = if shown { target } else { ProgressDrawTarget::hidden() };
        Self {
            options,
            theme,
            out,
            live: Live::new(theme, options.width, target, shown),
            column: 0,
            met: false,
            started: false,
            acting: None,
            lines: VecDeque::new(),
            warnings: 0,
            watch: Watch::default(),
        }
    }

    /// Writes lines that stay, above the live line.
    fn print(&mut self, text: &str) -> io::Result<()> {
        let out = &mut self.out;
        self.live.aside(|| {
            out.write_all(text.as_bytes())?;
            out.flush()
        })
    }

    /// As [`Self::print`], but for what goes well.
    fn tell(&mut self, text: &str) -> io::Result<()> {
        if self.options.quiet { Ok(()) } else { self.print(text) }
    }

    /// The first event that this process sees, be it the run's first or not.
    fn meet(&mut self, run: &RunView) {
        self.met = true;
        let widest = run.plan.steps.iter().map(|step| width(&step.title)).max().unwrap_or(0);
        let beside = 2 + self.theme.mark_width() + 1 + 2 + TOOK;
        let room =
            if self.options.tty { self.options.width.saturating_sub(beside).clamp(16, 44) } else { 44 };
        self.column = widest.min(room);
        self.live.column = self.column;
    }

    fn taken_in_hand(&mut self, run: &RunView, direction: Direction, operator: &Operator) -> io::Result<()> {
        if !self.started {
            return Ok(());
        }
        let way = if direction == Direction::Back { "to be taken back" } else { "to go on" };
        let line =
            format!("\n{} taken in hand {way}, by {} on {}\n", run.plan.run, operator.user, operator.host);
        self.tell(&line)
    }

    fn unwinding(&mut self, run: &RunView, why: &Failure) -> io::Result<()> {
        let known = run.steps.iter().any(|step| step.failure.as_ref() == Some(why));
        let title = format!("{} taking back what was done, last step first", self.theme.mark(Mark::Undone));
        let mut text = format!("\n{}\n", self.theme.bold(&title));
        if !known {
            text.push_str(&indent(&format!("why: {}\n", clean(&why.message)), "  "));
        }
        self.tell(&text)
    }

    fn begin(&mut self, at: Timestamp, run: &RunView, id: &str, back: bool) {
        let Some((n, planned)) = find(run, id) else { return };
        let title = if back { format!("take back: {}", planned.title) } else { planned.title.clone() };
        self.lines.clear();
        self.acting =
            Some(Acting { title: title.clone(), since: at, said: None, pace: Pace::default(), server: None });
        let place =
            if back { taking_back(run) } else { format!("step {} of {}", n + 1, run.plan.steps.len()) };
        let foot = format!("{place}{}{}", self.theme.dot(), safety(run));
        self.live.act(&title, &foot);
    }

    fn end(&mut self, mark: Mark, run: &RunView, id: &str, ms: u64, detail: &str) -> io::Result<()> {
        self.acting = None;
        self.live.rest();
        let title = find(run, id).map_or_else(|| id.to_owned(), |(_, planned)| clean(&planned.title));
        let row = self.row(mark, &title, &text::took(ms), detail);
        if mark == Mark::Fail { self.print(&row) } else { self.tell(&row) }
    }

    fn undone(&mut self, run: &RunView, id: &str, ms: u64, proof: &str) -> io::Result<()> {
        let nothing = find(run, id).is_some_and(|(_, planned)| planned.undo == UndoPolicy::NoEffect);
        if nothing && !self.options.verbose {
            self.acting = None;
            self.live.rest();
            return Ok(());
        }
        self.end(Mark::Undone, run, id, ms, proof)
    }

    fn failed(&mut self, run: &RunView, id: &str, ms: u64, why: &Failure) -> io::Result<()> {
        let back = run.step(id).is_some_and(|step| step.state == StepState::Undoing);
        self.end(Mark::Fail, run, id, ms, if back { "not taken back" } else { "" })?;
        let mut text = indent(&failure::of_step(why, self.theme), "      ");
        let shown_already = self.options.verbose && !self.options.quiet;
        if !shown_already && !self.lines.is_empty() {
            text.push_str("      the last lines of its program:\n");
            self.lines.iter().for_each(|line| text.push_str(&self.program_line(line)));
        }
        self.lines.clear();
        self.print(&text)
    }

    fn program_line(&self, line: &str) -> String {
        let line = format!("{} {line}", self.theme.bar());
        format!("      {}\n", self.theme.dim(line.trim_end()))
    }

    fn output(&mut self, line: &str) -> io::Result<()> {
        let line = clean(line);
        let text = self.program_line(&line);
        if self.lines.len() == LAST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        if self.options.verbose { self.tell(&text) } else { Ok(()) }
    }

    fn warning(&mut self, message: &str) -> io::Result<()> {
        self.warnings += 1;
        let line = format!("  {} {}\n", self.theme.mark(Mark::Warn), clean(message));
        self.tell(&line)
    }

    fn progress(&mut self, at: Timestamp, seen: (&str, u64, u64, Unit)) -> io::Result<()> {
        let Some(acting) = &mut self.acting else { return Ok(()) };
        let (what, done, total, unit) = seen;
        acting.pace.see(at, what, done, total, unit);
        self.live.detail(&acting.detail(self.theme), acting.pace.share());
        self.still_at_work(at)
    }

    /// What the monitor saw: news as lines, the rest on the live line.
    fn sampled(&mut self, sample: &Sample) -> io::Result<()> {
        for line in self.watch.news(sample) {
            let line = format!("  {} {}\n", self.theme.mark(Mark::Warn), clean(&line));
            self.tell(&line)?;
        }
        if let Some(acting) = &mut self.acting {
            acting.server = watch::at_work(sample).map(|line| clean(&line));
            self.live.detail(&acting.detail(self.theme), acting.pace.share());
        }
        Ok(())
    }

    /// Says that a long step is at work, where no live line does.
    fn still_at_work(&mut self, now: Timestamp) -> io::Result<()> {
        let Some(acting) = &mut self.acting else { return Ok(()) };
        let due = match acting.said {
            None => between(acting.since, now) >= LONG,
            Some(said) => between(said, now) >= AGAIN,
        };
        if self.options.tty || !due {
            return Ok(());
        }
        acting.said = Some(now);
        let (title, detail) = (acting.title.clone(), acting.detail(self.theme));
        let took = text::about(between(acting.since, now));
        let row = self.row(Mark::Working, &title, &took, &detail);
        self.tell(&row)
    }

    /// Mark, title, time and what there is to say; the last goes onto lines of its own where the
    /// terminal is too narrow, and never where there is none: a log is searched by line.
    fn row(&self, mark: Mark, title: &str, took: &str, detail: &str) -> String {
        let margin = 2 + self.theme.mark_width() + 1;
        let (mark, detail) = (self.theme.mark(mark), clean(detail));
        let head = format!("  {mark} {}  {}", pad(title, self.column), pad_left(took, TOOK));
        let taken = margin + width(title).max(self.column) + 2 + TOOK + 2;
        if detail.is_empty() {
            return format!("{head}\n");
        }
        if !self.options.tty || taken + width(&detail) <= self.options.width {
            return format!("{head}  {}\n", self.theme.dim(&detail));
        }
        let lines = wrap(&detail, self.options.width.saturating_sub(margin + 2));
        let lines = lines.iter().map(|line| format!("{}{}\n", " ".repeat(margin + 2), self.theme.dim(line)));
        format!("{head}\n{}", lines.collect::<String>())
    }

    fn downtime(&mut self, event: &Event, run: &RunView) {
        let Some(count) = self.options.downtime else { return };
        let later = event.at + Duration::from_secs(1);
        let (now, then) = (count(run, event.at), count(run, later));
        // A time that doesn't grow has come to its end.
        self.live.downtime(now.filter(|_| now != then).map(Duration::from_millis));
    }

    fn ended(&mut self, run: &RunView) -> io::Result<()> {
        self.acting = None;
        self.live.end();
        let text = footer::text(run, self.theme, self.warnings);
        if footer::is_good_news(run) { self.tell(&text) } else { self.print(&text) }
    }
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event, run: &RunView) -> io::Result<()> {
        if !self.met {
            self.meet(run);
            let header = header::text(event, run, self.theme, self.options.width);
            self.tell(&header)?;
        }
        self.downtime(event, run);
        match &event.what {
            What::Started { operator, direction, .. } => {
                self.taken_in_hand(run, *direction, operator)?;
                self.started = true;
                Ok(())
            }
            What::Unwinding { why } => self.unwinding(run, why),
            What::StepStarted { step } => {
                self.begin(event.at, run, step, false);
                Ok(())
            }
            What::UndoStarted { step } => {
                self.begin(event.at, run, step, true);
                Ok(())
            }
            What::StepFinished { step, proof, ms, .. } => self.end(Mark::Ok, run, step, *ms, proof),
            What::UndoFinished { step, proof, ms } => self.undone(run, step, *ms, proof),
            What::StepFailed { step, failure, ms } | What::UndoFailed { step, failure, ms } => {
                self.failed(run, step, *ms, failure)
            }
            What::Progress { what, done, total, unit, .. } => {
                self.progress(event.at, (what, *done, *total, *unit))
            }
            What::Output { line, .. } => self.output(line),
            What::Warning { message } => self.warning(message),
            What::Finished { .. } => self.ended(run),
            What::Sampled { sample } => self.sampled(sample),
            What::Planned { .. } | What::StepNoted { .. } | What::Unknown => Ok(()),
        }
    }

    fn finish(&mut self, run: &RunView) -> io::Result<()> {
        self.live.end();
        if self.met && run.outcome.is_none() {
            let text = footer::left_open(run, self.theme);
            self.print(&text)?;
        }
        self.out.flush()
    }

    fn asked_to_stop(&mut self, run: &RunView, by: &str, again: bool) -> io::Result<()> {
        let text = self.theme.bold(&stopping(run, by, again));
        self.tell(&format!("\n{text}\n"))
    }

    fn tick(&mut self, now: Timestamp) -> io::Result<()> {
        self.still_at_work(now)
    }
}

fn find<'a>(run: &'a RunView, id: &str) -> Option<(usize, &'a PlannedStep)> {
    run.plan.steps.iter().enumerate().find(|(_, step)| step.id == id)
}

fn taking_back(run: &RunView) -> String {
    let known = facts::known(run);
    let left = known.in_place.len() + known.unclear.len();
    format!("{} of target, code and service still to take back", text::count(left, "change"))
}

/// What a word to stop leads to, and what is going on.
fn stopping(run: &RunView, by: &str, again: bool) -> String {
    let is_at_work = |state| matches!(state, StepState::Started | StepState::Undoing);
    let at_work = run.planned().find(|(_, step)| is_at_work(step.state));
    let title = at_work.map_or_else(|| "nothing".to_owned(), |(planned, _)| clean(&planned.title));
    match (run.direction, again) {
        (Direction::Forward, false) => {
            format!("{by}: the step at work is ended, and what was begun is taken back to its start")
        }
        (Direction::Forward, true) => {
            format!("{by}: still ending the step at work ({title}); then what was begun is taken back")
        }
        (Direction::Back, _) => format!(
            "{by}: the run is being taken back already, at work: {title}; {}. It is not stopped half-way \
             (killed, it would stay so until: switchback resume)",
            taking_back(run)
        ),
    }
}

/// Whether the data is safe, in a few words.
fn safety(run: &RunView) -> &'static str {
    match (run.direction, run.changed_anything()) {
        (Direction::Forward, false) => "nothing changed yet",
        (Direction::Forward, true) => "Ctrl-C takes it back",
        (Direction::Back, _) => "please let it end",
    }
}

#[cfg(test)]
#[path = "terminal/tests.rs"]
mod tests;
