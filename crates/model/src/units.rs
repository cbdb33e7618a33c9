//! Durations and sizes as a configuration writes them: `90s`, `20GiB`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time: `500ms`, `90s`, `5m`, `2h`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes: `512MiB`, `20GiB`, `1GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SPANS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Number and unit; the error names the units that there are.
fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim()).map(|(_, factor)| *factor);
    let value = number.parse::<u64>().ok().zip(factor).and_then(|(n, f)| n.checked_mul(f));
    value.ok_or_else(|| {
        let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
        format!("`{text}` is not a whole number followed by one of {}", names.join(", "))
    })
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text, SPANS).map(|ms| Self(Duration::from_millis(ms)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let unit = SPANS.iter().rev().find(|(_, factor)| ms >= *factor && ms % factor == 0);
        let (name, factor) = unit.copied().unwrap_or(("ms", 1));
        write!(f, "{}{name}", ms / factor)
    }
}

impl fmt::Display for Size {
    /// The largest binary unit that leaves at least 1, with one decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = SIZES[..4].iter().rev().find(|(_, f)| self.0 >= *f).copied().unwrap_or(("B", 1));
        if factor == 1 {
            return write!(f, "{} B", self.0);
        }
        let tenths = self.0 / (factor / 10).max(1);
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A text of this form, in a schema.
fn text_like(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text_like(r"^\s*[0-9]+\s*(ms|s|m|h|d)\s*$")
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text_like(r"^\s*[0-9]+\s*([KMGT]iB|[kMGT]?B)\s*$")
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text, SPANS).map(|ms| Self(Duration::from_millis(ms))).map_err(de::Error::custom)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}B", self.0))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(&String::deserialize(deserializer)?, SIZES).map(Self).map_err(de::Error::custom)
    }
}

/// A length of time as a person reads it: `0.4 s`, `12.3 s`, `4 min 05 s`.
pub fn human(took: Duration) -> String {
    let ms = took.as_millis();
    if ms < 60_000 {
        return format!("{}.{} s", ms / 1000, (ms % 1000) / 100);
    }
    format!("{} min {:02} s", ms / 60_000, (ms / 1000) % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same() {
        for text in ["500ms", "90s", "5m", "2h", "1d"] {
            let span: Span = serde_json::from_value(text.into()).unwrap();
            assert_eq!(span.to_string(), text);
        }
        let size: Size = serde_json::from_value("20GiB".into()).unwrap();
        assert_eq!((size.0, size.to_string()), (20 << 30, "20.0 GiB".to_owned()));
    }

    #[test]
    fn refuses_what_is_neither() {
        for text in ["", "90", "s", "1.5h", "90 parsecs", "99999999999999999999s", "-1s"] {
            assert!(serde_json::from_value::<Span>(text.into()).is_err(), "{text}");
        }
    }
}
