//! Types that have a better one beside them.

use super::columns::{Typed, is, retyped, typed};
use crate::rule::prelude::*;

pub(super) const CHAR: Rule = Rule {
    code: "SR0901",
    name: "char-type",
    severity: Severity::Warning,
    style: true,
    page: include_str!("char_type.md"),
    look: Look::Statement(char),
};

pub(super) const VARCHAR: Rule = Rule {
    code: "SR0902",
    name: "varchar-limit",
    severity: Severity::Info,
    style: true,
    page: include_str!("varchar_limit.md"),
    look: Look::Statement(varchar),
};

pub(super) const INT: Rule = Rule {
    code: "SR0904",
    name: "int-foreign-key-or-column",
    severity: Severity::Info,
    style: true,
    page: include_str!("int_foreign_key_or_column.md"),
    look: Look::Statement(int),
};

pub(super) const TIMESTAMP: Rule = Rule {
    code: "SR0905",
    name: "timestamp-without-timezone",
    severity: Severity::Info,
    style: true,
    page: include_str!("timestamp_without_timezone.md"),
    look: Look::Statement(timestamp),
};

pub(super) const JSON: Rule = Rule {
    code: "SR0906",
    name: "json-type",
    severity: Severity::Warning,
    style: false,
    page: include_str!("json_type.md"),
    look: Look::Statement(json),
};

pub(super) const MONEY: Rule = Rule {
    code: "SR0907",
    name: "money-type",
    severity: Severity::Warning,
    style: false,
    page: include_str!("money_type.md"),
    look: Look::Statement(money),
};

pub(super) const FLOAT: Rule = Rule {
    code: "SR0908",
    name: "float-type",
    severity: Severity::Info,
    style: true,
    page: include_str!("float_type.md"),
    look: Look::Statement(float),
};

pub(super) const TIMETZ: Rule = Rule {
    code: "SR0909",
    name: "timetz-type",
    severity: Severity::Info,
    style: true,
    page: include_str!("timetz_type.md"),
    look: Look::Statement(timetz),
};

pub(super) const XML: Rule = Rule {
    code: "SR0910",
    name: "xml-or-hstore-type",
    severity: Severity::Info,
    style: true,
    page: include_str!("xml_or_hstore_type.md"),
    look: Look::Statement(xml),
};

pub(super) const SERIAL: Rule = Rule {
    code: "SR0911",
    name: "serial-type",
    severity: Severity::Info,
    style: true,
    page: include_str!("serial_type.md"),
    look: Look::Statement(serial),
};

pub(super) const BY_DEFAULT: Rule = Rule {
    code: "SR0912",
    name: "identity-by-default",
    severity: Severity::Info,
    style: true,
    page: include_str!("identity_by_default.md"),
    look: Look::Statement(by_default),
};

/// What is said of each column of such a type.
struct Says {
    why: &'static str,
    help: &'static str,
}

/// Each column for which there is a better type; `better` gives it, empty where it can't be said.
fn each(at: &At<'_>, out: &mut Out<'_>, says: &Says, better: impl Fn(&Typed<'_>) -> Option<&'static str>) {
    let columns = typed(at);
    let found: Vec<(&Typed<'_>, &str)> =
        columns.iter().filter_map(|typed| Some((typed, better(typed)?))).collect();
    if found.is_empty() {
        return;
    }
    let fix = if found.iter().any(|(_, to)| to.is_empty()) { None } else { retyped(at, &found) };
    for (column, _) in &found {
        let message = format!("`{}.{}` is of type `{}`", column.table, column.name, spelled(column.of));
        let found = Found::new(message, says.why).help(says.help).at(column.at);
        out.push(at, found.fix(fix.clone()));
    }
}

fn spelled(of: &Type) -> String {
    let name = if of.name == "bpchar" { "char" } else { &of.name };
    let modifiers: Vec<String> = of.modifiers.iter().map(ToString::to_string).collect();
    let modifiers = if modifiers.is_empty() { String::new() } else { format!("({})", modifiers.join(",")) };
    format!("{name}{modifiers}{}", if of.array { "[]" } else { "" })
}

fn char(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "shorter values are filled up with blanks, which count in some comparisons and not in others, and it is \
              no faster than text",
        help: "text, with a CHECK on the length where that matters",
    };
    each(at, out, &says, |column| is(column.of, &["bpchar"]).then_some("text"));
}

fn varchar(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "another limit later is ALTER TABLE under ACCESS EXCLUSIVE, and a lower one reads or rewrites every row; \
              the limit saves nothing",
        help: "text; a CHECK on the length can be exchanged by NOT VALID and VALIDATE",
    };
    each(at, out, &says, |column| {
        (is(column.of, &["varchar"]) && !column.of.modifiers.is_empty()).then_some("text")
    });
}

fn int(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "what counts or points to rows outgrows it one day, and the change to bigint then writes every row anew \
              under ACCESS EXCLUSIVE; bigint costs four bytes, often lost to padding anyway",
        help: "bigint, unless the values are small by their nature",
    };
    each(at, out, &says, |column| {
        let primary = column.column.is_some_and(|column| column.constraints.iter().any(is_primary));
        (is(column.of, &["int4", "int2"]) && !primary).then_some("bigint")
    });
}

pub(super) fn is_primary(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::Primary { .. })
}

fn timestamp(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "it keeps a reading of a clock and not a moment: what it means depends on the zone of whoever wrote it, \
              which nothing records",
        help: "timestamptz: as large, and it is a moment",
    };
    each(at, out, &says, |column| is(column.of, &["timestamp"]).then_some("timestamptz"));
}

fn json(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "json has no equality: SELECT DISTINCT, UNION and GROUP BY over the table's rows are refused from then \
              on, and every access reads the text again",
        help: "jsonb, unless the text itself, with its blanks and the order of its keys, must be kept",
    };
    let before = out.raw.len();
    each(at, out, &says, |column| is(column.of, &["json"]).then_some("jsonb"));
    // Queries on a new table are yet to be written.
    let new = matches!(at.stmt, Stmt::CreateTable(_)) || at.alters().is_none();
    for raw in out.raw[before..].iter_mut().filter(|_| new) {
        raw.finding.severity = Severity::Info;
    }
}

fn money(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "what is written and read depends on lc_monetary: restored or read under another one, the same bytes are \
              another amount, and no currency is kept",
        help: "numeric, with the currency in a column beside it",
    };
    each(at, out, &says, |column| is(column.of, &["money"]).then_some("numeric"));
}

fn float(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "it keeps the nearest binary number: 0.1 is not 0.1, and sums depend on their order",
        help: "numeric for what is counted or paid; float8 is right for what is measured",
    };
    each(at, out, &says, |column| is(column.of, &["float4", "float8"]).then(|| float_for(column.name)));
}

/// Measured values may well be floats; amounts never.
fn float_for(name: &str) -> &'static str {
    let amounts = ["price", "amount", "total", "cost", "balance", "fee", "tax", "salary"];
    if amounts.iter().any(|word| name.contains(word)) { "numeric" } else { "" }
}

fn timetz(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "an offset without a date can't follow daylight saving, so that it is wrong for half of the year; the \
              manual advises against it",
        help: "timestamptz for a moment; time, with the zone's name in a column beside it, for an hour of the day",
    };
    each(at, out, &says, |column| is(column.of, &["timetz"]).then_some(""));
}

fn xml(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "it can't be compared or indexed (xml), or it holds only texts and needs an extension (hstore)",
        help: "jsonb, or text where the document is only kept",
    };
    each(at, out, &says, |column| (is(column.of, &["xml"]) || column.of.name == "hstore").then_some(""));
}

fn serial(at: &At<'_>, out: &mut Out<'_>) {
    let says = Says {
        why: "its sequence is an object of its own with privileges of its own, and nothing keeps a client from writing \
              an id that the sequence gives out later",
        help: "GENERATED ALWAYS AS IDENTITY",
    };
    each(at, out, &says, |column| match column.of.name.as_str() {
        _ if column.of.schema.is_some() => None,
        "bigserial" | "serial8" => Some("bigint GENERATED ALWAYS AS IDENTITY"),
        "serial" | "serial4" => Some("int GENERATED ALWAYS AS IDENTITY"),
        "smallserial" | "serial2" => Some("smallint GENERATED ALWAYS AS IDENTITY"),
        _ => None,
    });
}

fn by_default(at: &At<'_>, out: &mut Out<'_>) {
    for column in typed(at) {
        if column.column.is_none_or(|column| column.identity != Some(Identity::ByDefault)) {
            continue;
        }
        let found = Found::new(
            format!("`{}.{}` is GENERATED BY DEFAULT", column.table, column.name),
            "a client that writes an id of its own does not move the sequence, which gives out the same id later: that \
             insert fails",
        );
        let help = "GENERATED ALWAYS AS IDENTITY; OVERRIDING SYSTEM VALUE is there for those who must";
        out.push(at, found.help(help).at(column.at).fix(always(at)));
    }
}

fn always(at: &At<'_>) -> Option<Fix> {
    let tokens: Vec<_> = switchback_sql::tokens(at.text).filter(|token| !token.is_comment()).collect();
    let is = |index: usize, word: &str| tokens[index].of(at.text).eq_ignore_ascii_case(word);
    let mut text = at.text.to_owned();
    for index in (0..tokens.len().saturating_sub(2)).rev() {
        if is(index, "generated") && is(index + 1, "by") && is(index + 2, "default") {
            text.replace_range(tokens[index + 1].start..tokens[index + 2].end, "ALWAYS");
        }
    }
    let changed = text != at.text && !at.embedded;
    changed.then(|| Fix::new("let the server alone give ids", vec![FixStep::new(text)]).changing())
}
