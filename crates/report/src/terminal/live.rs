//! The two lines at the bottom of a terminal that change while a step is at work.
//!
//! A thread of the progress bar draws them again and again, so a step that says nothing is seen
//! to be at work too. What they say is made by [`Scene::draw`] from plain data and a moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text::{about, clean, fit, pad, pad_left};
use crate::theme::Theme;

/// A step that ends sooner gets no live line: it would only flicker.
const HIDDEN: Duration = Duration::from_millis(250);
const FRAME: Duration = Duration::from_millis(100);
const BAR: usize = 20;

/// The lines, and the thread that draws them.
pub(super) struct Live {
    bar: ProgressBar,
    scene: Arc<Mutex<Scene>>,
    shown: bool,
    drawing: bool,
    /// How wide the titles are.
    pub(super) column: usize,
}

/// What the lines say.
struct Scene {
    theme: Theme,
    width: usize,
    act: Option<Act>,
    foot: String,
    downtime: Option<(Duration, Instant)>,
}

struct Act {
    title: String,
    detail: String,
    share: Option<(u64, u64)>,
    since: Instant,
}

impl Live {
    pub(super) fn new(theme: Theme, width: usize, target: ProgressDrawTarget, shown: bool) -> Self {
        let scene = Scene { theme, width, act: None, foot: String::new(), downtime: None };
        let scene = Arc::new(Mutex::new(scene));
        let bar = ProgressBar::with_draw_target(None, target);
        let seen = Arc::clone(&scene);
        let style =
            ProgressStyle::with_template("{scene}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style.with_key(
            "scene",
            move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // A line that can't be drawn is no reason to stop.
                let _ = out.write_str(&lock(&seen).draw(Instant::now()));
            },
        ));
        Self { bar, scene, shown, drawing: false, column: 0 }
    }

    /// Writes something that stays above the lines.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.drawing { self.bar.suspend(write) } else { write() }
    }

    /// A step begins.
    pub(super) fn act(&mut self, title: &str, foot: &str) {
        let title = pad(&clean(title), self.column);
        let act = Act { title, detail: String::new(), share: None, since: Instant::now() };
        let mut scene = lock(&self.scene);
        (scene.act, scene.foot) = (Some(act), foot.to_owned());
        drop(scene);
        if self.shown && !self.drawing {
            self.drawing = true;
            self.bar.enable_steady_tick(FRAME);
        }
    }

    /// It says how far it is.
    pub(super) fn detail(&self, detail: &str, share: Option<(u64, u64)>) {
        if let Some(act) = &mut lock(&self.scene).act {
            (act.detail, act.share) = (detail.to_owned(), share);
        }
    }

    /// For how long users have seen no application; `None`: they see it.
    pub(super) fn downtime(&self, downtime: Option<Duration>) {
        lock(&self.scene).downtime = downtime.map(|downtime| (downtime, Instant::now()));
    }

    /// The step came to an end.
    pub(super) fn rest(&self) {
        lock(&self.scene).act = None;
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) {
        self.rest();
        if std::mem::take(&mut self.drawing) {
            self.bar.finish_and_clear();
        }
    }
}

/// A panic elsewhere must not take the screen away.
fn lock(scene: &Mutex<Scene>) -> MutexGuard<'_, Scene> {
    scene.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scene {
    /// Both lines; nothing, where there is nothing to see yet.
    fn draw(&self, now: Instant) -> String {
        let Some(act) = &self.act else { return String::new() };
        let lasting = now.saturating_duration_since(act.since);
        if lasting < HIDDEN {
            return String::new();
        }
        // The last column stays free: some terminals break the line there.
        let room = self.width.saturating_sub(1);
        format!("{}\n{}", self.first(act, lasting, room), self.second(now, room))
    }

    fn first(&self, act: &Act, lasting: Duration, room: usize) -> String {
        let unicode = self.theme.unicode;
        let frame = spinner(lasting, unicode);
        let line = format!("  {frame} {}  {}", act.title, pad_left(&about(lasting), super::TOOK));
        let rest = room.saturating_sub(crate::text::width(&line) + 2);
        // The bar is the first thing that a narrow terminal does without.
        let bar = act.share.filter(|_| rest > BAR + 40).map(|share| format!("{} ", gauge(share, unicode)));
        let detail = format!("{}{}", bar.unwrap_or_default(), act.detail);
        fit(format!("{line}  {}", fit(&detail, rest, unicode)).trim_end(), room, unicode)
    }

    fn second(&self, now: Instant, room: usize) -> String {
        let down = self.downtime.map(|(downtime, since)| downtime + now.saturating_duration_since(since));
        let down = down.map(|down| format!("{}application down for {}", self.theme.dot(), about(down)));
        let margin = " ".repeat(2 + self.theme.mark_width() + 1);
        let line = format!("{margin}{}{}", self.foot, down.unwrap_or_default());
        self.theme.dim(&fit(&line, room, self.theme.unicode))
    }
}

fn spinner(lasting: Duration, unicode: bool) -> &'static str {
    const BRAILLE: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
    const ASCII: [&str; 4] = ["| ", "/ ", "- ", "\\ "];
    let frames: &[&'static str] = if unicode { &BRAILLE } else { &ASCII };
    let frame = usize::try_from(lasting.as_millis() / FRAME.as_millis()).unwrap_or(0);
    frames[frame % frames.len()]
}

fn gauge((done, total): (u64, u64), unicode: bool) -> String {
    let share = u128::from(done) * BAR as u128 / u128::from(total.max(1));
    let full = usize::try_from(share).unwrap_or(BAR).min(BAR);
    let (on, off) = if unicode { ("━", "─") } else { ("#", "-") };
    format!("{}{}", on.repeat(full), off.repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(theme: Theme, width: usize) -> (Scene, Instant) {
        let since = Instant::now();
        let act = Act {
            title: pad("take a backup and prove it", 32),
            detail: format!("dumping{}1.2 of 4.8 GB{}43 s left", theme.dot(), theme.dot()),
            share: Some((1_200, 4_800)),
            since,
        };
        let foot = format!("step 2 of 7{}nothing changed yet", theme.dot());
        let downtime = Some((Duration::from_secs(5), since));
        (Scene { theme, width, act: Some(act), foot, downtime }, since)
    }

    #[test]
    fn the_lines_say_what_goes_on_and_how_long_yet() {
        let (scene, since) = scene(Theme { color: false, unicode: true }, 120);
        assert_eq!(scene.draw(since + Duration::from_millis(200)), "");
        insta::assert_snapshot!(scene.draw(since + Duration::from_secs(75)), @r"
        ⠋ take a backup and prove it         1 min 15 s  ━━━━━─────────────── dumping · 1.2 of 4.8 GB · 43 s left
          step 2 of 7 · nothing changed yet · application down for 1 min 20 s
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_what_fits() {
        let (scene, since) = scene(Theme::plain(), 60);
        let lines = scene.draw(since + Duration::from_secs(75));
        assert!(lines.is_ascii() && lines.lines().all(|line| line.len() < 60), "{lines}");
        insta::assert_snapshot!(lines, @r"
        -  take a backup and prove it         1 min 15 s  dump...
           step 2 of 7, nothing changed yet, application down ...
        ");
    }

    #[test]
    fn a_gauge_never_runs_over() {
        for share in [(0, 0), (5, 0), (9, 3), (u64::MAX, u64::MAX)] {
            assert_eq!(gauge(share, false).len(), BAR, "{share:?}");
        }
    }
}
