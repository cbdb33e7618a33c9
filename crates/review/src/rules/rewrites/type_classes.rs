//! What is lost between two types, and what values fit.

use crate::rule::prelude::*;

/// What becomes of values that are taken into another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Some don't fit: the change fails.
    Narrower,
    /// Some lose a part: digits, the time of day.
    Coarser,
}

/// What is lost, if anything.
pub(super) fn loss(from: &Type, to: &Type) -> Option<Loss> {
    if from.array || to.array {
        return None;
    }
    let (old, new) = (from.name.as_str(), to.name.as_str());
    match (old, new) {
        ("text" | "varchar" | "bpchar" | "citext" | "name", "varchar" | "bpchar")
        | ("bit" | "varbit", "bit" | "varbit") => limit(from, to),
        ("numeric", "numeric") => numeric(digits(from), digits(to)),
        ("float4" | "float8", "numeric") => digits(to).map(|_| Loss::Coarser),
        ("numeric" | "float4" | "float8" | "money", "int2" | "int4" | "int8")
        | ("numeric", "float4" | "float8" | "money")
        | ("float8" | "int4" | "int8", "float4")
        | ("int8", "float8")
        | ("timestamp" | "timestamptz", "date" | "time" | "timetz") => Some(Loss::Coarser),
        ("int2" | "int4" | "int8", "int2" | "int4" | "int8") => {
            (bytes(old) > bytes(new)).then_some(Loss::Narrower)
        }
        ("int2" | "int4" | "int8", "numeric") => {
            let whole = digits(to).map(|(precision, scale)| precision - scale);
            whole.filter(|whole| *whole < longest(old)).map(|_| Loss::Narrower)
        }
        ("timestamp" | "timestamptz" | "time" | "timetz" | "interval", _) if old == new => {
            (fine(from) > fine(to)).then_some(Loss::Coarser)
        }
        _ => None,
    }
}

/// A limit of length that is smaller than before.
fn limit(from: &Type, to: &Type) -> Option<Loss> {
    let new = to.modifiers.first()?;
    let fits = from.modifiers.first().is_some_and(|old| old <= new);
    (!fits).then_some(Loss::Narrower)
}

fn numeric(from: Option<(i64, i64)>, to: Option<(i64, i64)>) -> Option<Loss> {
    let (precision, scale) = to?;
    let Some((old_precision, old_scale)) = from else { return Some(Loss::Coarser) };
    if old_scale > scale {
        return Some(Loss::Coarser);
    }
    (old_precision - old_scale > precision - scale).then_some(Loss::Narrower)
}

/// Precision and scale, where there are any.
fn digits(of: &Type) -> Option<(i64, i64)> {
    let precision = *of.modifiers.first()?;
    Some((precision, of.modifiers.get(1).copied().unwrap_or(0)))
}

/// Digits behind the point of a second.
fn fine(of: &Type) -> i64 {
    of.modifiers.last().copied().unwrap_or(6).min(6)
}

fn bytes(integer: &str) -> u8 {
    match integer {
        "int2" => 2,
        "int4" => 4,
        _ => 8,
    }
}

/// Digits of the longest value.
fn longest(integer: &str) -> i64 {
    match integer {
        "int2" => 5,
        "int4" => 10,
        _ => 19,
    }
}

/// A condition that is true for values that lose nothing in the new type, and null for null.
pub(super) fn fitting(column: &str, from: Option<&Type>, to: &Type) -> Option<String> {
    let (from, column) = (from?, ident(column));
    Some(match (from.name.as_str(), to.name.as_str()) {
        ("text" | "varchar" | "bpchar" | "citext", "varchar" | "bpchar") => {
            format!("char_length({column}::text) <= {}", to.modifiers.first()?)
        }
        (_, "int2") => {
            format!("{column} between -32768 and 32767 and {column}::numeric = trunc({column}::numeric)")
        }
        (_, "int4") => {
            format!(
                "{column} between -2147483648 and 2147483647 and {column}::numeric = trunc({column}::numeric)"
            )
        }
        ("numeric", "int8") => format!(
            "{column} between -9223372036854775808 and 9223372036854775807 and {column} = trunc({column})"
        ),
        ("numeric" | "int2" | "int4" | "int8", "numeric") => {
            let (precision, scale) = digits(to)?;
            format!(
                "{column}::numeric = round({column}::numeric, {scale}) and abs({column}::numeric) < 10::numeric ^ {}",
                precision - scale
            )
        }
        ("timestamp" | "timestamptz", "date") => format!("{column} = date_trunc('day', {column})"),
        _ => return None,
    })
}

/// From which types the change to this one is free, in words.
pub(super) fn unless(to: &Type) -> String {
    if to.array {
        return "it is the same array without a smaller limit".to_owned();
    }
    let limit = to.modifiers.first();
    match (to.name.as_str(), limit) {
        ("text", _) | ("varchar", None) => "it is a `varchar` or `text`".to_owned(),
        ("varchar", Some(limit)) => format!("it is a `varchar` of {limit} or fewer"),
        ("numeric", Some(_)) => "it is a `numeric` of the same scale and no greater precision".to_owned(),
        ("numeric", None) => "it is a `numeric`".to_owned(),
        ("inet", _) => "it is a `cidr` or `inet`".to_owned(),
        ("timestamptz", _) => "it is a `timestamp` and the session's TimeZone is UTC".to_owned(),
        ("timestamp", _) => "it is a `timestamptz` and the session's TimeZone is UTC".to_owned(),
        _ => "it is the same type already".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, modifiers: &[i64]) -> Type {
        Type { name: name.into(), modifiers: modifiers.to_vec(), ..Type::default() }
    }

    #[test]
    fn what_is_lost() {
        let lost = |from: (&str, &[i64]), to: (&str, &[i64])| loss(&of(from.0, from.1), &of(to.0, to.1));
        assert_eq!(lost(("varchar", &[50]), ("varchar", &[100])), None);
        assert_eq!(lost(("varchar", &[50]), ("varchar", &[20])), Some(Loss::Narrower));
        assert_eq!(lost(("text", &[]), ("varchar", &[20])), Some(Loss::Narrower));
        assert_eq!(lost(("varchar", &[20]), ("text", &[])), None);
        assert_eq!(lost(("int8", &[]), ("int4", &[])), Some(Loss::Narrower));
        assert_eq!(lost(("int4", &[]), ("int8", &[])), None);
        assert_eq!(lost(("numeric", &[10, 2]), ("numeric", &[12, 4])), None);
        assert_eq!(lost(("numeric", &[10, 2]), ("numeric", &[10, 4])), Some(Loss::Narrower));
        assert_eq!(lost(("numeric", &[10, 2]), ("numeric", &[12, 1])), Some(Loss::Coarser));
        assert_eq!(lost(("numeric", &[]), ("numeric", &[12, 1])), Some(Loss::Coarser));
        assert_eq!(lost(("timestamptz", &[]), ("timestamptz", &[0])), Some(Loss::Coarser));
        assert_eq!(lost(("timestamptz", &[]), ("date", &[])), Some(Loss::Coarser));
        assert_eq!(lost(("int8", &[]), ("numeric", &[12, 2])), Some(Loss::Narrower));
        assert_eq!(lost(("int4", &[]), ("numeric", &[12, 2])), None);
    }
}
