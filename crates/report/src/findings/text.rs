//! For people on a terminal: each finding with the line that it is about, and what to do instead.

use std::fmt::Write as _;
use std::io::{self, Write};

use switchback_model::Severity;
use switchback_model::finding::{Finding, HIDDEN, HIDDEN_WIDE, Summary};

use super::Reviewed;
use super::parts::source::{Excerpt, Region, Source};
use super::parts::{fix, words};
use crate::text::{clean, count, fit, fit_end, indent, width, wrap};
use crate::theme::{Mark, Theme};

/// Below the message, values stand under each other.
const LABEL: usize = 8;

pub(super) fn write(reviewed: &Reviewed<'_>, out: &mut dyn Write) -> io::Result<()> {
    let findings = &reviewed.findings.findings;
    let page = Page { theme: reviewed.theme, width: reviewed.width.clamp(60, 120) };
    let files = findings.chunk_by(|one, next| one.file == next.file).count();
    for group in findings.chunk_by(|one, next| one.file == next.file) {
        if files > 1 {
            writeln!(out, "{}\n", page.file(group))?;
        }
        let text = reviewed.sources.text(&group[0].file);
        let mut source = text.as_deref().map(|text| Source::of(text, reviewed.columns));
        for finding in group {
            writeln!(out, "{}", page.finding(finding, source.as_mut()))?;
        }
    }
    writeln!(out, "{}", page.summary(&reviewed.findings.summary))
}

struct Page {
    theme: Theme,
    width: usize,
}

impl Page {
    /// `migrations/0002.sql: 2 errors, 1 note`
    fn file(&self, group: &[Finding]) -> String {
        let weights = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
        let counts = weights.map(|(severity, word)| {
            let n = group.iter().filter(|finding| finding.severity == severity).count();
            (n > 0).then(|| count(n, word))
        });
        let counts: Vec<_> = counts.into_iter().flatten().collect();
        format!("{}: {}", self.theme.bold(&words::line(&group[0].file)), counts.join(", "))
    }

    fn finding(&self, finding: &Finding, source: Option<&mut Source<'_>>) -> String {
        let level = format!("{}[{}]", words::level(finding.severity), words::line(&finding.code));
        let (rule, message) = (words::line(&finding.rule), self.theme.bold(&words::line(&finding.message)));
        let mut out = format!("{} {rule}: {message}\n", self.paint(finding.severity, &level));
        let margin = " ".repeat(finding.line.to_string().len());
        let place = format!("{}:{}:{}", words::line(&finding.file), finding.line, finding.column);
        let _ = writeln!(out, "{margin}{} {place}", self.theme.dim("-->"));
        let part = source.filter(|_| !nowhere(finding)).and_then(|source| source.part(region(finding)));
        if let Some(part) = part {
            self.excerpt(&mut out, finding, &part, &margin);
        }
        self.labels(&mut out, finding);
        out
    }

    /// The line, and the part of it underlined.
    fn excerpt(&self, out: &mut String, finding: &Finding, part: &Excerpt<'_>, margin: &str) {
        let bar = self.theme.dim(self.theme.bar());
        let [before, part, behind] = self.cut(part, self.width - margin.len() - 3);
        let line = format!("{before}{part}{behind}");
        let number = self.theme.dim(&finding.line.to_string());
        let _ = writeln!(out, "{}", format!("{number} {bar} {}", line.trim_end()).trim_end());
        let carets = self.paint(finding.severity, &"^".repeat(width(&part).max(1)));
        let on = if finding.end_line > finding.line {
            format!(" {} to line {}", self.more(), finding.end_line)
        } else {
            String::new()
        };
        let _ = writeln!(out, "{margin} {bar} {}{carets}{on}", " ".repeat(width(&before)));
    }

    /// As much of a line as there is room for: all of the part, if it can be, and what is next to it.
    fn cut(&self, line: &Excerpt<'_>, room: usize) -> [String; 3] {
        let (third, unicode) = (room / 3, self.theme.unicode);
        let [before, part, behind] =
            [last(line.before, room), first(line.part, room), first(line.behind, room)];
        let taken = width(&part) + width(&behind).min(third);
        let before = fit_end(&before, room.saturating_sub(taken).max(third), unicode);
        // Signs that change the width of the one before them make a whole wider than its parts.
        let left = room.saturating_sub(width(&before));
        let part = fit(&part, left, unicode);
        let behind = fit(&behind, left.saturating_sub(width(&part)), unicode);
        [before, part, behind]
    }

    fn labels(&self, out: &mut String, finding: &Finding) {
        if let Some(lock) = &finding.lock {
            self.label(out, &self.theme.warn("lock:"), "lock:", &words::lock(lock));
        }
        self.label(out, &self.theme.dim("why:"), "why:", &finding.why);
        self.label(out, &self.theme.command("help:"), "help:", &finding.help);
        if let Some(fix) = &finding.fix {
            self.label(out, &self.theme.command("fix:"), "fix:", &fix::title(fix));
            out.push_str(&indent(&words::lines(&fix::sql(fix)), &" ".repeat(LABEL + 2)));
        }
    }

    /// A label, and its text broken between words.
    fn label(&self, out: &mut String, painted: &str, label: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let lines = text.lines().flat_map(|line| wrap(&clean(line), self.width - LABEL));
        for (n, line) in lines.enumerate() {
            let gap = if n == 0 { LABEL - 2 - width(label) } else { LABEL };
            let head = if n == 0 { format!("  {painted}") } else { String::new() };
            let _ = writeln!(out, "{}", format!("{head}{}{line}", " ".repeat(gap)).trim_end());
        }
    }

    fn summary(&self, summary: &Summary) -> String {
        let found = summary.error + summary.warning + summary.info;
        match (found, summary.files) {
            // Nothing was looked at, so nothing can be said to be well.
            (0, 0) => format!("{} no file was read", self.theme.mark(Mark::Warn)),
            (0, files) => {
                let (mark, files) = (self.theme.mark(Mark::Ok), count(files, "file"));
                format!("{mark} nothing found in {files}{}", words::left_out(summary))
            }
            _ => self.theme.bold(&words::summary(summary)),
        }
    }

    fn paint(&self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Error => self.theme.bad(text),
            Severity::Warning => self.theme.warn(text),
            Severity::Info => self.theme.command(text),
        }
    }

    fn more(&self) -> &'static str {
        if self.theme.unicode { "…" } else { "..." }
    }
}

/// Enough of the beginning of a text, which may be very long, to fill so many columns. What has no
/// width counts too: nobody writes so much of it in good faith.
fn first(text: &str, columns: usize) -> String {
    let enough = text.char_indices().nth(columns * 2).map_or(text.len(), |(byte, _)| byte);
    without_secrets(&clean(&text[..enough]))
}

/// Enough of its end.
fn last(text: &str, columns: usize) -> String {
    let enough = text.char_indices().rev().nth(columns * 2).map_or(0, |(byte, _)| byte);
    without_secrets(&clean(&text[enough..]))
}

/// A secret of any length is three stars.
fn without_secrets(text: &str) -> String {
    let hidden = |c: char| [HIDDEN, HIDDEN_WIDE].contains(&c);
    let (mut out, mut inside) = (String::with_capacity(text.len()), false);
    for c in text.chars() {
        match (hidden(c), std::mem::replace(&mut inside, hidden(c))) {
            (true, true) => {}
            (true, false) => out.push_str("***"),
            (false, _) => out.push(c),
        }
    }
    out
}

/// What is said of a whole script has no part to show.
fn nowhere(finding: &Finding) -> bool {
    let start = (finding.line, finding.column);
    finding.statement.is_empty() && start == (1, 1) && start == (finding.end_line, finding.end_column)
}

fn region(finding: &Finding) -> Region {
    Region { start: (finding.line, finding.column), end: (finding.end_line, finding.end_column) }
}

#[cfg(test)]
mod tests {
    use switchback_model::finding::HIDDEN;

    use crate::findings::parts::testing::{Sample, at, dropped, foreign_key, index};
    use crate::findings::{Columns, Reviewed, format, write};
    use crate::text::{clean, width};
    use crate::theme::Theme;

    fn shown(reviewed: &Reviewed<'_>) -> String {
        write(format("text").unwrap(), reviewed)
    }

    #[test]
    fn each_finding_has_its_line_its_lock_and_the_way_out() {
        insta::assert_snapshot!(Sample::some().shown("text"), @r"
        migrations/0003_orders.sql: 1 error, 1 warning

        error[SR0101] add-fk-validated: the foreign key `orders_customer` is checked while writers of both tables wait
         --> migrations/0003_orders.sql:2:1
        2 │ alter table orders
          │ ^^^^^^^^^^^^^^^^^^ … to line 3
          lock: SHARE ROW EXCLUSIVE on orders, scanned
          why:  every row of `orders` is looked up in `customers`; until that is done nobody
                writes to either
          help: add it `NOT VALID`, and validate it on its own
          fix:  Add it without a check, then validate it (each in a transaction of its own)
                  alter table orders
                    add constraint orders_customer foreign key (customer_id) references customers not valid;
                  alter table orders validate constraint orders_customer;

        warning[SR0301] create-index-blocking: writers of `orders` wait until the index is built
         --> migrations/0003_orders.sql:4:1
        4 │ create index orders_customer on orders (customer_id);
          │ ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          lock: SHARE on orders, scanned
          why:  `CREATE INDEX` holds SHARE until its end
          fix:  Build it while writers go on (outside of a transaction)
                  create index concurrently orders_customer on orders (customer_id);

        migrations/0004_fax.sql: 1 note

        note[SR0501] drop-column: `users.fax` and what is in it are gone
         --> migrations/0004_fax.sql:1:30
        1 │ /* 数据 🐘 */    alter table users drop column fax; -- gone
          │                                    ^^^^^^^^^^^^^^^
          lock: ACCESS EXCLUSIVE on users, rewritten, scanned
          help: take it out of the code first, and keep it a release longer
          fix:  Fail early (in one transaction)
                  set local lock_timeout = '1s';
                  alter table users drop column fax;

        1 error, 1 warning, 1 note in 3 files
        ");
    }

    #[test]
    fn nothing_found_is_said_and_nothing_read_is_not_well() {
        assert_eq!(Sample::nothing(2).shown("text"), "✓ nothing found in 2 files\n");
        assert_eq!(Sample::nothing(0).shown("text"), "! no file was read\n");
    }

    #[test]
    fn one_file_needs_no_heading_and_ascii_is_enough() {
        let sample = Sample::one(dropped(), "/* 数据 🐘 */\talter table users drop column fax; -- gone\n");
        insta::assert_snapshot!(shown(&Reviewed { theme: Theme::plain(), ..sample.reviewed() }), @r"
        note[SR0501] drop-column: `users.fax` and what is in it are gone
         --> migrations/0004_fax.sql:1:30
        1 | /* 数据 🐘 */    alter table users drop column fax; -- gone
          |                                    ^^^^^^^^^^^^^^^
          lock: ACCESS EXCLUSIVE on users, rewritten, scanned
          help: take it out of the code first, and keep it a release longer
          fix:  Fail early (in one transaction)
                  set local lock_timeout = '1s';
                  alter table users drop column fax;

        0 errors, 0 warnings, 1 note in 1 file
        ");
    }

    #[test]
    fn without_its_file_a_finding_still_says_where() {
        let mut sample = Sample::one(index(), "");
        sample.sources.clear();
        let text = sample.shown("text");
        assert!(text.contains("\n --> migrations/0003_orders.sql:4:1\n  lock: SHARE on orders"), "{text}");
        let text = Sample::one(index(), "shorter now").shown("text");
        assert!(text.contains("\n --> migrations/0003_orders.sql:4:1\n  lock: SHARE on orders"), "{text}");
    }

    #[test]
    fn what_is_said_of_a_whole_script_shows_no_line_of_it() {
        let finding = at(foreign_key(), (1, 1), (1, 1));
        let text = Sample::one(finding.clone(), "select 1;").shown("text");
        assert!(text.contains("1 │ select 1;\n  │ ^\n"), "{text}");
        let whole = switchback_model::Finding { statement: "".into(), ..finding };
        let text = Sample::one(whole, "select 1;").shown("text");
        assert!(!text.contains("select 1;"), "{text}");
    }

    /// The line and the underline of a finding: its columns, and what is underlined.
    fn underlined(text: &str, from: usize, to: usize) -> (String, String) {
        let sample = Sample::one(at(dropped(), (1, from), (1, to)), text);
        let shown = sample.shown("text");
        let mut lines = shown.lines().skip(2).map(|line| line.split_once("│ ").unwrap().1.to_owned());
        let (line, carets) = (lines.next().unwrap(), lines.next().unwrap());
        assert!(width(&line) <= 86, "{line}");
        let (before, marked) = (carets.len() - carets.trim_start().len(), carets.trim().len());
        let column = |n: usize| line.char_indices().find(|(byte, _)| width(&line[..*byte]) == n).unwrap().0;
        let end = if width(&line) == before + marked { line.len() } else { column(before + marked) };
        (line[column(before)..end].to_owned(), line)
    }

    #[test]
    fn the_underline_stands_under_its_part() {
        assert_eq!(underlined("\tdrop table 数据; -- x", 13, 15).0, "数据");
        assert_eq!(underlined("ö🐘e\u{301}\t: drop table a;", 8, 18).0, "drop table");
        assert_eq!(underlined("select 1", 8, 8).0, "1");
        assert_eq!(underlined("select 1;  \r", 1, 99).0, "select 1;");
    }

    #[test]
    fn of_a_long_line_the_part_is_shown() {
        let (left, right) = ("b ".repeat(300), " c".repeat(300));
        let (part, line) = underlined(&format!("{left}drop table a{right}"), 601, 613);
        assert_eq!(part, "drop table a");
        assert!(line.starts_with('…') && line.ends_with('…'), "{line}");
        let (part, line) = underlined(&format!("{left}{}", "数".repeat(300)), 601, 901);
        assert!(line.starts_with('…') && part.starts_with('数') && part.ends_with('…'), "{line}");
        let (part, _) = underlined(&"x".repeat(300), 1, 301);
        assert!(part.starts_with("xxx") && part.ends_with('…'), "{part}");
        let (_, line) = underlined(&"\u{1b}[31m".repeat(5000), 1, 4);
        assert!(!line.contains('\u{1b}'));
    }

    #[test]
    fn any_text_can_be_cut_anywhere() {
        for text in ["❤\u{fe0f}", "👩\u{200d}🚀", "e\u{301}\u{302}", "\t", "数", "\u{1b}[", "क्षि", "\u{feff}"]
        {
            let text = text.repeat(120);
            for (from, to) in [(1, 1), (1, 500), (3, 2), (40, 90), (99, 101), (120, 240), (900, 901)] {
                for columns in [Columns::Characters, Columns::Utf16] {
                    let sample = Sample::one(at(dropped(), (1, from), (1, to)), &text);
                    for theme in [Theme::plain(), Theme { color: false, unicode: true }] {
                        let shown = shown(&Reviewed { columns, theme, width: 0, ..sample.reviewed() });
                        assert_eq!(shown.matches('^').count().min(1), 1, "{shown}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_secret_of_any_length_is_three_stars() {
        let hidden = HIDDEN.to_string().repeat(12);
        let text = format!("alter role a password '{hidden}'; drop table b;");
        let (part, line) = underlined(&text, 39, 51);
        assert_eq!(part, "drop table b");
        assert_eq!(line, "alter role a password '***'; drop table b;");
        assert_eq!(underlined(&text, 1, 37).0, "alter role a password '***'");
    }

    #[test]
    fn columns_of_utf16_are_understood() {
        let sample =
            Sample::one(at(dropped(), (1, 31), (1, 46)), &Sample::some().sources["migrations/0004_fax.sql"]);
        let text = shown(&Reviewed { columns: Columns::Utf16, ..sample.reviewed() });
        let characters = Sample::one(dropped(), &sample.sources["migrations/0004_fax.sql"]).shown("text");
        assert_eq!(text.replace(":31\n", ":30\n"), characters);
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let sample = Sample::some();
        let colored = shown(&Reviewed { theme: Theme { color: true, unicode: true }, ..sample.reviewed() });
        assert!(colored.contains("\u{1b}[31"));
        let bare: Vec<_> = colored.lines().map(clean).collect();
        assert_eq!(bare.join("\n"), sample.shown("text").trim_end());
    }
}
