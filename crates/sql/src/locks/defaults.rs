//! Defaults of new columns: one value for all old rows, or one for each.
//!
//! A value that is the same for the whole statement is kept in the catalog; one of a volatile function
//! is written into every row (`contain_volatile_functions`).

use super::Place;
use crate::ast::{Column, Expr};
use crate::schema::{Function, MadeKind};

/// Whether a table must be written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rewrites {
    /// It stays as it is.
    No,
    /// It depends on something that nobody has seen: a function, a type.
    Perhaps,
    /// It is.
    Yes,
}

/// What a new column does to the rows that are there.
pub fn of_new_column(place: Place<'_>, column: &Column) -> Rewrites {
    if column.identity.is_some() || column.of.name.contains("serial") {
        return Rewrites::Yes;
    }
    if column.generated.is_some() {
        return if column.generated_virtual { Rewrites::No } else { Rewrites::Yes };
    }
    let of_type = match place.schema.made_type(&column.of).map(|made| &made.kind) {
        Some(MadeKind::Domain(_, true)) if !column.of.array => Rewrites::Yes,
        _ => Rewrites::No,
    };
    let of_default = column.default.as_ref().map_or(Rewrites::No, |default| volatile(place, default));
    of_type.max(of_default)
}

/// Whether an expression has another value for each row.
pub fn volatile(place: Place<'_>, expr: &Expr) -> Rewrites {
    let mut worst = Rewrites::No;
    expr.walk(&mut |part| {
        if let Expr::Call { name, .. } = part {
            worst = worst.max(function(place, name));
        }
    });
    worst
}

fn function(place: Place<'_>, name: &crate::statement::Relation) -> Rewrites {
    if let Some(worst) = place.schema.functions(name).map(of_function).max() {
        return worst;
    }
    let name = name.name.as_str();
    if VOLATILE.contains(&name) {
        Rewrites::Yes
    } else if STEADY.contains(&name) {
        Rewrites::No
    } else {
        Rewrites::Perhaps
    }
}

/// A short function in SQL is put in place of its call, and then its body counts.
fn of_function(function: &Function) -> Rewrites {
    match (function.volatility.as_str(), function.language.as_str()) {
        ("immutable" | "stable", _) => Rewrites::No,
        (_, "sql") => Rewrites::Perhaps,
        _ => Rewrites::Yes,
    }
}

/// Functions of the server and its usual extensions that are volatile (`pg_proc.provolatile`).
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "currval",
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "lastval",
    "nextval",
    "pg_advisory_lock",
    "pg_notify",
    "pg_sleep",
    "random",
    "random_normal",
    "set_config",
    "setseed",
    "setval",
    "timeofday",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

/// Functions of the server that are stable or immutable and stand in defaults.
const STEADY: &[&str] = &[
    "abs",
    "age",
    "array_append",
    "array_cat",
    "array_fill",
    "array_length",
    "array_prepend",
    "array_remove",
    "array_to_json",
    "array_to_string",
    "ascii",
    "bit_length",
    "btrim",
    "cardinality",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "convert_from",
    "convert_to",
    "current_catalog",
    "current_database",
    "current_date",
    "current_query",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_time",
    "current_timestamp",
    "current_user",
    "date",
    "date_bin",
    "date_part",
    "date_trunc",
    "daterange",
    "decode",
    "div",
    "encode",
    "exp",
    "extract",
    "floor",
    "format",
    "greatest",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "initcap",
    "int4range",
    "int8range",
    "interval",
    "isfinite",
    "json_array",
    "json_build_array",
    "json_build_object",
    "json_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object",
    "jsonb_set",
    "justify_days",
    "justify_hours",
    "justify_interval",
    "least",
    "left",
    "length",
    "ln",
    "localtime",
    "localtimestamp",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "md5",
    "mod",
    "now",
    "nullif",
    "numrange",
    "octet_length",
    "overlay",
    "pg_current_xact_id",
    "pi",
    "point",
    "position",
    "power",
    "quote_ident",
    "quote_literal",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_to_json",
    "rpad",
    "rtrim",
    "session_user",
    "setweight",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sign",
    "split_part",
    "sqrt",
    "statement_timestamp",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "system_user",
    "timezone",
    "to_char",
    "to_date",
    "to_hex",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "tsrange",
    "tstzrange",
    "txid_current",
    "upper",
    "user",
    "uuid_nil",
    "uuid_ns_dns",
    "uuid_ns_url",
    "uuid_generate_v3",
    "uuid_generate_v5",
    "version",
    "width_bucket",
];
