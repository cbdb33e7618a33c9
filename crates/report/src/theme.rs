//! Marks and colours: the two things that depend on what the terminal can do.

use owo_colors::{OwoColorize, Style};

/// What a terminal can show. The caller finds it out; nothing here reads the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Escape codes for colour may be written.
    pub color: bool,
    /// The locale is UTF-8.
    pub unicode: bool,
}

/// What stands at the beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Fine.
    Ok,
    /// A person should know.
    Warn,
    /// Not fine.
    Fail,
    /// Taken back.
    Undone,
    /// At work.
    Working,
    /// Nothing to say.
    Blank,
}

impl Mark {
    /// As it is written where the locale is UTF-8: one column.
    fn sign(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warn => "!",
            Self::Fail => "✗",
            Self::Undone => "↶",
            Self::Working => "…",
            Self::Blank => " ",
        }
    }

    /// As it is written elsewhere: two columns, so that the letters can be told apart at a glance.
    fn ascii(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "! ",
            Self::Fail => "X ",
            Self::Undone => "<-",
            Self::Working => "..",
            Self::Blank => "  ",
        }
    }
}

impl Theme {
    /// No colour and no sign outside ASCII.
    pub const fn plain() -> Self {
        Self { color: false, unicode: false }
    }

    /// A mark in its colour.
    pub fn mark(self, mark: Mark) -> String {
        let sign = if self.unicode { mark.sign() } else { mark.ascii() };
        match mark {
            Mark::Ok => self.good(sign),
            Mark::Warn | Mark::Undone => self.warn(sign),
            Mark::Fail => self.bad(sign),
            Mark::Working | Mark::Blank => sign.to_owned(),
        }
    }

    /// How many columns a mark takes.
    pub const fn mark_width(self) -> usize {
        if self.unicode { 1 } else { 2 }
    }

    /// Between facts on one line.
    pub const fn dot(self) -> &'static str {
        if self.unicode { " · " } else { ", " }
    }

    /// From one thing to another.
    pub const fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// Before a line that a program wrote.
    pub const fn bar(self) -> &'static str {
        if self.unicode { "│" } else { "|" }
    }

    /// Less important.
    pub fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// More important.
    pub fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Fine.
    pub fn good(self, text: &str) -> String {
        self.paint(Style::new().green(), text)
    }

    /// To be noticed.
    pub fn warn(self, text: &str) -> String {
        self.paint(Style::new().yellow(), text)
    }

    /// Not fine.
    pub fn bad(self, text: &str) -> String {
        self.paint(Style::new().red().bold(), text)
    }

    /// To be typed.
    pub fn command(self, text: &str) -> String {
        self.paint(Style::new().cyan(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.color && !text.trim().is_empty() { text.style(style).to_string() } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_written_only_where_it_is_wanted() {
        assert_eq!(Theme::plain().bad("no"), "no");
        let colored = Theme { color: true, unicode: true };
        assert!(colored.mark(Mark::Ok).contains("\u{1b}["));
        assert_eq!(colored.mark(Mark::Blank), " ");
    }

    #[test]
    fn marks_of_one_kind_are_equally_wide() {
        for mark in [Mark::Ok, Mark::Warn, Mark::Fail, Mark::Undone, Mark::Working, Mark::Blank] {
            assert_eq!(crate::text::width(mark.sign()), 1, "{mark:?}");
            assert_eq!(crate::text::width(mark.ascii()), 2, "{mark:?}");
            assert!(mark.ascii().is_ascii());
        }
    }
}
