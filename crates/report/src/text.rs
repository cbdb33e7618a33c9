//! Small things that every text needs: widths, wrapping, units.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use switchback_model::units;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Fills a text up with blanks; a longer one stays as it is.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Puts blanks before a text.
pub(crate) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Cuts a text that is too wide, and shows that it was cut.
pub(crate) fn fit(text: &str, columns: usize, unicode: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let more = if unicode { "…" } else { "..." };
    let mut room = columns.saturating_sub(width(more));
    let kept = text.chars().take_while(|c| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    });
    format!("{}{more}", kept.collect::<String>())
}

/// The end of a text that is too wide, with a sign that it was cut before it.
pub(crate) fn fit_end(text: &str, columns: usize, unicode: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let more = if unicode { "…" } else { "..." };
    let mut room = columns.saturating_sub(width(more));
    let kept = text.char_indices().rev().take_while(|(_, c)| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    });
    let from = kept.last().map_or(text.len(), |(byte, _)| byte);
    format!("{more}{}", &text[from..])
}

/// Breaks a text between words; a word that is too wide (a path, a command) stays whole.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Puts the same text before every line.
pub(crate) fn indent(text: &str, with: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(with);
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Without escape sequences and control characters: what a program of the user writes must not
/// move the cursor or paint the screen.
pub(crate) fn clean(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => out.push_str("    "),
            // Marks that turn the direction of writing round would show another text than there is.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {}
            c => out.push(c),
        }
    }
    out
}

fn skip_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        // Control sequences end with a letter or one of @[\]^_`{|}~.
        Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        // Titles and links end with a bell or with an escape and a backslash.
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next().is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A number of bytes as a person reads it, in the units that rates are given in.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut whole, mut tenths, mut unit) = (n, 0, 0);
    while whole >= 1000 && unit + 1 < UNITS.len() {
        tenths = (whole % 1000) / 100;
        whole /= 1000;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{whole}.{tenths} {}", UNITS[unit]) }
}

/// How long something took.
pub(crate) fn took(ms: u64) -> String {
    let took = Duration::from_millis(ms);
    if ms < 3_600_000 {
        return units::human(took);
    }
    format!("{} h {:02} min", ms / 3_600_000, (ms / 60_000) % 60)
}

/// How long something takes already, or will take: whole seconds are exact enough.
pub(crate) fn about(lasting: Duration) -> String {
    let seconds = lasting.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, (seconds / 60) % 60),
    }
}

/// Milliseconds from one moment to another; 0 where the clock went back.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    let span: SignedDuration = to.duration_since(from);
    span.unsigned_abs().min(if span.is_negative() { Duration::ZERO } else { Duration::MAX })
}

/// A moment in UTC, to the second.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A commit or digest, short enough to be read aloud.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..10).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_is_too_wide() {
        assert_eq!(fit("backup", 6, true), "backup");
        assert_eq!(fit("backup taken", 8, true), "backup …");
        assert_eq!(fit("backup taken", 8, false), "backu...");
        assert_eq!(width(&fit("数据库迁移", 6, true)), 5);
        assert_eq!(fit_end("backup", 6, true), "backup");
        assert_eq!(fit_end("backup taken", 8, true), "…p taken");
        assert_eq!(fit_end("backup taken", 8, false), "...taken");
        assert_eq!(fit_end("数据库迁移", 6, true), "…迁移");
    }

    #[test]
    fn words_are_never_broken() {
        assert_eq!(wrap("a bb /very/long/path ccc", 6), ["a bb", "/very/long/path", "ccc"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn nothing_gets_through_that_moves_the_cursor() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\r\u{8}\tend"), "red    end");
        assert_eq!(clean("\u{1b}]8;;http://x\u{7}link\u{1b}]0;t\u{1b}\\!"), "link!");
        assert_eq!(clean("cut\u{1b}["), "cut");
    }

    #[test]
    fn units_are_read_at_a_glance() {
        assert_eq!(
            [0, 999, 1000, 84_260_000, 4_800_000_000].map(bytes),
            ["0 B", "999 B", "1.0 kB", "84.2 MB", "4.8 GB"]
        );
        assert_eq!(
            [400, 12_345, 245_000, 3_900_000].map(took),
            ["0.4 s", "12.3 s", "4 min 05 s", "1 h 05 min"]
        );
        assert_eq!(about(Duration::from_secs(75)), "1 min 15 s");
        assert_eq!((count(1, "step"), count(2, "step")), ("1 step".into(), "2 steps".into()));
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_time() {
        let (a, b) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(5).unwrap());
        assert_eq!((between(a, b), between(b, a)), (Duration::from_secs(5), Duration::ZERO));
    }
}
