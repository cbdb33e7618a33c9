//! When a run may change the target: days and hours of a place, also where clocks change.
//!
//! An hour that the clock skips is moved on by as much as is skipped (02:30 becomes 03:30); of an
//! hour that comes twice the first one counts. That is how calendars read such times (RFC 5545).

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use switchback_model::config::Window;
use switchback_model::units::{Span, human};
use switchback_model::{Failure, Result, code};

/// More days than any window stays shut.
const HORIZON: i32 = 9;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A window that makes sense.
struct Parsed {
    days: Vec<Weekday>,
    from: Time,
    /// `None` is 24:00.
    to: Option<Time>,
    zone: TimeZone,
}

/// How long the window is still open; `None` while it is shut. Windows that touch are one.
///
/// # Errors
/// `CONFIG_INVALID` where the window can't be understood.
pub fn remaining(window: &Window, now: Timestamp) -> Result<Option<Span>> {
    let parsed = parse(window)?;
    let times = parsed.times(now)?;
    let Some((_, mut end)) = times.iter().copied().find(|(open, close)| *open <= now && now < *close) else {
        return Ok(None);
    };
    for (open, close) in times {
        if open <= end && close > end {
            end = close;
        }
    }
    Ok(Some(Span(Duration::try_from(end.duration_since(now)).unwrap_or_default())))
}

/// When the window opens the next time, later than `now`.
///
/// # Errors
/// As [`remaining`].
pub fn next_open(window: &Window, now: Timestamp) -> Result<Timestamp> {
    let times = parse(window)?.times(now)?;
    let next = times.into_iter().map(|(open, _)| open).find(|open| *open > now);
    next.ok_or_else(|| invalid(window, "never opens"))
}

/// Refuses where the window is shut or is open for less time than is needed.
///
/// # Errors
/// `WINDOW_CLOSED`, else as [`remaining`].
pub fn check(window: &Window, now: Timestamp, needed: Duration) -> Result<()> {
    let message = match remaining(window, now)? {
        Some(open) if open.0 >= needed => return Ok(()),
        Some(open) => format!(
            "the window is open for another {}, and the run needs about {}",
            human(open.0),
            human(needed)
        ),
        None => format!("the window is shut: it is {}", words(window)),
    };
    let next = told(window, next_open(window, now)?)?;
    Err(Failure::new(code::WINDOW_CLOSED, message)
        .changed("nothing was changed")
        .hint(format!("it opens next on {next}"))
        .hint("or change `window` in [environments.NAME]"))
}

/// A moment as a person says it who lives where the window is.
///
/// # Errors
/// As [`remaining`].
pub fn told(window: &Window, at: Timestamp) -> Result<String> {
    let zone = parse(window)?.zone;
    Ok(at.to_zoned(zone).strftime("%A, %Y-%m-%d at %H:%M %Z").to_string())
}

/// The window as a person says it.
pub fn words(window: &Window) -> String {
    let days = window.days.as_deref().unwrap_or("every day");
    format!("{days} from {} to {} ({})", window.from, window.to, window.time_zone)
}

impl Parsed {
    /// Opening and closing times from yesterday on, in order.
    fn times(&self, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>> {
        let today = now.to_zoned(self.zone.clone()).date();
        let days = (-1..=HORIZON).filter_map(|days| today.checked_add(days.days()).ok());
        let days = days.filter(|date| self.days.contains(&date.weekday()));
        days.map(|date| Ok((self.at(date, self.from)?, self.close(date)?))).collect()
    }

    fn close(&self, opened: Date) -> Result<Timestamp> {
        match self.to {
            Some(to) if to > self.from => self.at(opened, to),
            to => {
                let next = opened.checked_add(1.day()).map_err(|error| out_of_range(&error))?;
                self.at(next, to.unwrap_or(Time::midnight()))
            }
        }
    }

    fn at(&self, date: Date, time: Time) -> Result<Timestamp> {
        let zoned = date.to_datetime(time).to_zoned(self.zone.clone());
        zoned.as_ref().map(Zoned::timestamp).map_err(out_of_range)
    }
}

fn out_of_range(error: &jiff::Error) -> Failure {
    Failure::new(code::INTERNAL, "the calendar ends here").because(error)
}

fn parse(window: &Window) -> Result<Parsed> {
    let days = match &window.days {
        Some(text) => days(text).ok_or_else(|| invalid(window, &format!("has days `{text}`")))?,
        None => DAYS.iter().map(|(_, day)| *day).collect(),
    };
    let from = time(&window.from).ok_or_else(|| invalid(window, &format!("opens at `{}`", window.from)))?;
    let to = match window.to.trim() {
        "24:00" => None,
        text => Some(time(text).ok_or_else(|| invalid(window, &format!("closes at `{text}`")))?),
    };
    if to == Some(from) {
        return Err(invalid(window, "opens and closes at the same time"));
    }
    let zone = TimeZone::get(&window.time_zone).map_err(|error| {
        Failure::new(code::CONFIG_INVALID, format!("the time zone `{}` is not known here", window.time_zone))
            .because(&error)
            .hint("write it as in the IANA list, time_zone = \"Europe/Berlin\"")
            .hint("where no zone is known at all, install the package tzdata")
    })?;
    Ok(Parsed { days, from, to, zone })
}

/// `Sun`, `Mon-Fri`, `Sat,Sun`, `Fri-Mon`.
fn days(text: &str) -> Option<Vec<Weekday>> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (day(first)?, day(last)?);
        found.push(day);
        while day != last {
            day = day.next();
            found.push(day);
        }
    }
    Some(found)
}

/// The first three letters or more.
fn day(text: &str) -> Option<Weekday> {
    let text = text.trim().to_ascii_lowercase();
    let known = |(name, _): &&(&str, Weekday)| text.len() >= 3 && name.starts_with(&text);
    DAYS.iter().find(known).map(|(_, day)| *day)
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    // Two digits and nothing else: a number may have a sign, an hour has none.
    let digits = |text: &&str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text| Some(text).filter(digits)?.parse::<i8>().ok();
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

fn invalid(window: &Window, why: &str) -> Failure {
    Failure::new(code::CONFIG_INVALID, format!("the window {why}"))
        .cause(format!("the window is: {}", words(window)))
        .hint("write it as { days = \"Sat,Sun\", from = \"02:00\", to = \"04:00\", time_zone = \"Europe/Berlin\" }")
        .hint("days may be Sun, Mon-Fri or Sat,Sun; a whole day is from 00:00 to 24:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: Option<&str>, from: &str, to: &str) -> Window {
        let (days, time_zone) = (days.map(str::to_owned), "Europe/Berlin".to_owned());
        Window { days, from: from.into(), to: to.into(), time_zone }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn open_for_as_long_as_the_table_says() {
        // Berlin is UTC+1, in summer UTC+2. 2026-03-29 skips 02:00-03:00, 2026-10-25 has it twice.
        let table = [
            // An ordinary Sunday.
            (Some("Sun"), "02:00", "04:00", "2026-01-04T01:00:00Z", Some(7200)),
            (Some("Sun"), "02:00", "04:00", "2026-01-04T00:59:59Z", None),
            (Some("Sun"), "02:00", "04:00", "2026-01-04T03:00:00Z", None),
            (Some("Sat"), "02:00", "04:00", "2026-01-04T01:00:00Z", None),
            (Some("Mon-Fri"), "02:00", "04:00", "2026-01-04T01:00:00Z", None),
            (Some("sat, SUNDAY"), "02:00", "04:00", "2026-01-04T01:30:00Z", Some(5400)),
            // Over midnight: the day is that of the opening.
            (Some("Sat"), "23:00", "01:00", "2026-01-03T23:30:00Z", Some(1800)),
            (Some("Sun"), "23:00", "01:00", "2026-01-03T23:30:00Z", None),
            // Ranges over the week's end.
            (Some("Sat-Mon"), "02:00", "04:00", "2026-01-05T01:00:00Z", Some(7200)),
            (Some("Sat-Mon"), "02:00", "04:00", "2026-01-06T01:00:00Z", None),
            // Windows that touch are one.
            (Some("Sat,Sun"), "00:00", "24:00", "2026-01-03T22:00:00Z", Some(25 * 3600)),
            // The night that is an hour shorter: it opens at 03:00 and is open for one hour.
            (Some("Sun"), "02:00", "04:00", "2026-03-29T00:59:59Z", None),
            (Some("Sun"), "02:00", "04:00", "2026-03-29T01:00:00Z", Some(3600)),
            (Some("Sun"), "02:15", "02:45", "2026-03-29T01:15:00Z", Some(1800)),
            (Some("Sun"), "01:00", "02:30", "2026-03-29T00:00:00Z", Some(5400)),
            // The night that is an hour longer: three hours from the first 02:00.
            (Some("Sun"), "02:00", "04:00", "2026-10-25T00:00:00Z", Some(3 * 3600)),
            (Some("Sun"), "02:00", "04:00", "2026-10-25T01:30:00Z", Some(5400)),
            (Some("Sun"), "02:15", "02:45", "2026-10-25T00:15:00Z", Some(1800)),
            (Some("Sun"), "02:15", "02:45", "2026-10-25T01:15:00Z", None),
            (Some("Sat"), "23:00", "05:00", "2026-10-24T21:00:00Z", Some(7 * 3600)),
        ];
        for (days, from, to, now, expected) in table {
            let open = remaining(&window(days, from, to), at(now)).unwrap();
            assert_eq!(open.map(|span| span.0.as_secs()), expected, "{days:?} {from}-{to} at {now}");
        }
    }

    #[test]
    fn a_window_of_every_hour_is_open_for_days() {
        let open = remaining(&window(None, "00:00", "24:00"), at("2026-01-03T22:55:00Z")).unwrap();
        assert!(open.unwrap().0 > Duration::from_hours(7 * 24));
    }

    #[test]
    fn opens_next() {
        let table = [
            ("02:00", "04:00", "2026-01-04T00:59:59Z", "2026-01-04T01:00:00Z"),
            ("02:00", "04:00", "2026-01-04T01:00:00Z", "2026-01-11T01:00:00Z"),
            ("02:00", "04:00", "2026-03-23T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("02:00", "04:00", "2026-03-29T12:00:00Z", "2026-04-05T00:00:00Z"),
            ("02:30", "04:00", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ];
        for (from, to, now, expected) in table {
            assert_eq!(next_open(&window(Some("Sun"), from, to), at(now)).unwrap(), at(expected), "{now}");
        }
    }

    #[test]
    fn refuses_with_the_next_opening() {
        let sunday = window(Some("Sun"), "02:00", "04:00");
        check(&sunday, at("2026-01-04T01:00:00Z"), Duration::from_hours(2)).unwrap();
        let short = check(&sunday, at("2026-01-04T02:59:00Z"), Duration::from_mins(5)).unwrap_err();
        assert_eq!(short.code, code::WINDOW_CLOSED);
        assert!(short.message.contains("1 min 00 s") && short.message.contains("5 min 00 s"), "{short}");
        let shut = check(&sunday, at("2026-01-05T12:00:00Z"), Duration::ZERO).unwrap_err();
        assert!(shut.hints[0].contains("Sunday, 2026-01-11 at 02:00 CET"), "{:?}", shut.hints);
    }

    #[test]
    fn nonsense_is_refused() {
        let mut nowhere = window(None, "02:00", "04:00");
        nowhere.time_zone = "Europe/Atlantis".into();
        let nonsense = [
            window(Some("Someday"), "02:00", "04:00"),
            window(Some(""), "02:00", "04:00"),
            window(Some("S"), "02:00", "04:00"),
            window(None, "2:00", "04:00"),
            window(None, "02:00", "25:00"),
            window(None, "24:00", "04:00"),
            window(None, "02:00", "02:00"),
            window(None, "+2:00", "04:00"),
            nowhere,
        ];
        for window in nonsense {
            let failure = remaining(&window, at("2026-01-04T01:00:00Z")).unwrap_err();
            assert_eq!(failure.code, code::CONFIG_INVALID, "{window:?}");
        }
    }
}
