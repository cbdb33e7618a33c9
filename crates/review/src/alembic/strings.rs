//! What is done to texts before they are run: `format`, `%`, `join`, `replace`.

use std::ops::Range;

use super::reader::Reader;
use super::text::{Text, stand_in};
use super::value::{Given, Value};

/// The value under a key.
pub(super) fn entry<'v>(pairs: &'v [(Value, Value)], key: &str) -> Option<&'v Value> {
    let found = pairs.iter().rev().find(|(one, _)| one.as_text().is_some_and(|one| one.text == key));
    found.map(|(_, value)| value)
}

/// Methods of a dictionary that give something that is known.
pub(super) fn of_dict(pairs: &[(Value, Value)], name: &str, given: &Given) -> Value {
    match name {
        "items" => Value::list(
            pairs.iter().map(|(key, value)| Value::list(vec![key.clone(), value.clone()])).collect(),
        ),
        "keys" => Value::list(pairs.iter().map(|(key, _)| key.clone()).collect()),
        "values" => Value::list(pairs.iter().map(|(_, value)| value.clone()).collect()),
        "get" => {
            let key = given.args.first().and_then(Value::as_text);
            key.and_then(|key| entry(pairs, &key.text)).cloned().unwrap_or_else(|| Value::unknown("get"))
        }
        _ => Value::unknown(name),
    }
}

/// Methods of a text.
pub(super) fn method(
    reader: &mut Reader<'_>,
    text: &Text,
    name: &str,
    given: &Given,
    range: &Range<usize>,
) -> Value {
    if !reader.spend(text.cost()) {
        return Value::unknown(name);
    }
    let arg = |place: usize| given.args.get(place).and_then(Value::as_text);
    match name {
        // Space around a statement means nothing.
        "strip" | "lstrip" | "rstrip" if given.args.is_empty() => Value::text(text.clone()),
        "lower" => Value::text(text.map(str::to_lowercase)),
        "upper" => Value::text(text.map(str::to_uppercase)),
        "format" => Value::text(format(reader, text, given, range)),
        "replace" => match (arg(0), arg(1)) {
            (Some(old), Some(new)) if !old.text.is_empty() => replace(reader, text, &old.text, new),
            _ => Value::text(text.inexact()),
        },
        "join" => join(reader, text, given.args.first(), range),
        _ => Value::unknown(name),
    }
}

fn replace(reader: &mut Reader<'_>, text: &Text, old: &str, new: &Text) -> Value {
    let mut made = text.beginning();
    let mut from = 0;
    for (at, _) in text.text.match_indices(old) {
        if !reader.spend(new.cost()) {
            return Value::unknown("replace");
        }
        made.push(&text.slice(from, at));
        made.push(new);
        from = at + old.len();
    }
    made.push(&text.slice(from, text.text.len()));
    Value::text(made)
}

fn join(reader: &mut Reader<'_>, between: &Text, list: Option<&Value>, range: &Range<usize>) -> Value {
    let Some(items) = list.and_then(Value::items) else {
        return Value::text(Text::unknown(list.map_or("", Value::called), range.start));
    };
    let mut made = Text::new(range.start);
    for (index, item) in items.iter().enumerate() {
        let item = if let Value::Text(text) = item {
            (**text).clone()
        } else {
            Text::unknown(item.called(), range.start)
        };
        if !reader.spend(between.cost() + item.cost()) {
            return Value::unknown("join");
        }
        if index > 0 {
            made.push(between);
        }
        made.push(&item);
    }
    Value::text(made)
}

/// A value where it is put into a text.
fn shown(reader: &Reader<'_>, value: Option<&Value>, name: &str, range: &Range<usize>) -> Text {
    match value {
        Some(Value::Text(text)) => (**text).clone(),
        Some(Value::Number(_) | Value::Bool(_)) => reader.shown(value.unwrap_or(&Value::None), range),
        Some(Value::Unknown(called) | Value::Name(called)) if !called.is_empty() => {
            Text::unknown(called, range.start)
        }
        _ => Text::unknown(name, range.start),
    }
}

/// `"… {} … {name}".format(…)` (Python library, "Format String Syntax").
fn format(reader: &mut Reader<'_>, text: &Text, given: &Given, range: &Range<usize>) -> Text {
    let mut made = text.beginning();
    let (source, mut from, mut at, mut next) = (text.text.as_str(), 0, 0, 0);
    while let Some(brace) = source[at..].find(['{', '}']).map(|found| at + found) {
        let doubled = source.as_bytes().get(brace + 1) == Some(&source.as_bytes()[brace]);
        let close = source[brace..].find('}').map(|found| brace + found);
        if doubled {
            made.push(&text.slice(from, brace + 1));
            (from, at) = (brace + 2, brace + 2);
            continue;
        }
        let (Some(close), true) = (close, source[brace..].starts_with('{')) else {
            at = brace + 1;
            continue;
        };
        made.push(&text.slice(from, brace));
        let field = source[brace + 1..close].split(['!', ':']).next().unwrap_or_default();
        let value = match field.parse::<usize>() {
            Ok(index) => given.args.get(index),
            Err(_) if field.is_empty() => {
                next += 1;
                given.args.get(next - 1)
            }
            Err(_) => given.named.iter().find(|(name, _)| &**name == field).map(|(_, value)| value),
        };
        let value = shown(reader, value, field, range);
        if reader.spend(value.cost()) {
            made.push(&value);
        }
        (from, at) = (close + 1, close + 1);
    }
    made.push(&text.slice(from, source.len()));
    made
}

/// `"… %s … %(name)s" % values` (Python library, "printf-style String Formatting").
pub(super) fn percent(reader: &mut Reader<'_>, text: &Text, values: &Value, range: &Range<usize>) -> Text {
    let mut made = text.beginning();
    let (source, mut from, mut at, mut next) = (text.text.as_str(), 0, 0, 0);
    while let Some(sign) = source[at..].find('%').map(|found| at + found) {
        let rest = &source[sign + 1..];
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
        let before = name.map_or(0, |name| name.len() + 2);
        let flags = rest[before..].find(|c: char| !"#0-+ .".contains(c) && !c.is_ascii_digit());
        let letter = flags.and_then(|flags| rest[before + flags..].chars().next());
        let (Some(flags), Some(letter)) = (flags, letter) else { break };
        let end = sign + 1 + before + flags + letter.len_utf8();
        at = end;
        made.push(&text.slice(from, sign));
        from = end;
        if letter == '%' {
            made.push_str("%", text.place(sign));
            continue;
        }
        let value = match (name, values) {
            (Some(name), Value::Dict(dict)) => entry(&dict.pairs, name),
            (None, Value::List(list)) => list.items.get(next),
            (None, one) => Some(one).filter(|_| next == 0),
            _ => None,
        };
        next += 1;
        let value = shown(reader, value, name.unwrap_or_default(), range);
        if reader.spend(value.cost()) {
            made.push(&value);
        }
    }
    made.push(&text.slice(from, source.len()));
    made
}

/// A name that is needed and not known stands there under a name of its own.
pub(super) fn name(value: &Value) -> Option<(String, bool)> {
    match value {
        Value::Text(text) => Some((text.text.clone(), text.exact)),
        Value::Unknown(name) | Value::Name(name) => Some((stand_in(name), false)),
        Value::Object(object) => Some((stand_in(&object.name), false)),
        _ => None,
    }
}
