//! JSON Schema 2020-12, as much of it as our schemas use. A keyword that is not known here is an
//! error of the test, so that nothing passes because it was not looked at.

use serde_json::Value;

/// Keywords that say something to people, or where other keywords are.
const SILENT: &[&str] =
    &["$schema", "$defs", "title", "description", "default", "format", "examples", "writeOnly"];

/// What is wrong with a document, one line each.
pub(crate) fn errors(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, document, "", &mut found);
    found
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut found = Vec::new();
    check(root, schema, value, "", &mut found);
    found.is_empty()
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            found.push(format!("{at}: must not be there"));
        }
        return;
    };
    for (keyword, wanted) in keywords {
        let good = match keyword.as_str() {
            "$ref" => {
                let target = root.pointer(wanted.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                check(root, target, value, at, found);
                true
            }
            "type" => wanted
                .as_array()
                .map_or_else(|| is(value, wanted), |all| all.iter().any(|one| is(value, one))),
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| fits(root, one, value)),
            "oneOf" => wanted.as_array().unwrap().iter().filter(|one| fits(root, one, value)).count() == 1,
            "allOf" => wanted.as_array().unwrap().iter().all(|one| fits(root, one, value)),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(wanted.as_str().unwrap(), text)),
            "required" => wanted.as_array().unwrap().iter().all(|name| {
                value.as_object().is_none_or(|object| object.contains_key(name.as_str().unwrap()))
            }),
            "properties" | "additionalProperties" | "items" => {
                below(root, keywords, keyword, value, at, found);
                true
            }
            other => {
                assert!(SILENT.contains(&other), "the keyword {other} is not known to this test");
                true
            }
        };
        if !good {
            found.push(format!("{at}: {value} is against {keyword} {wanted}"));
        }
    }
}

/// The values inside of an object or an array.
fn below(
    root: &Value,
    keywords: &serde_json::Map<String, Value>,
    keyword: &str,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let wanted = &keywords[keyword];
    match (keyword, value) {
        ("items", Value::Array(items)) => {
            for item in items {
                check(root, wanted, item, &format!("{at}/*"), found);
            }
        }
        ("properties", Value::Object(object)) => {
            for (name, schema) in wanted.as_object().unwrap() {
                if let Some(value) = object.get(name) {
                    check(root, schema, value, &format!("{at}/{name}"), found);
                }
            }
        }
        ("additionalProperties", Value::Object(object)) => {
            let known = keywords.get("properties").and_then(Value::as_object);
            for (name, value) in
                object.iter().filter(|(name, _)| !known.is_some_and(|known| known.contains_key(*name)))
            {
                check(root, wanted, value, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

/// The few patterns that there are; another one is added here with its schema.
fn matches(pattern: &str, text: &str) -> bool {
    let number_and = |units: &[&str]| {
        let text = text.trim();
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < text.len() && units.contains(&unit.trim())
    };
    match pattern {
        "^SB[0-9]{4}$" => text
            .strip_prefix("SB")
            .is_some_and(|rest| rest.len() == 4 && rest.bytes().all(|b| b.is_ascii_digit())),
        r"^\s*[0-9]+\s*(ms|s|m|h|d)\s*$" => number_and(&["ms", "s", "m", "h", "d"]),
        r"^\s*[0-9]+\s*([KMGT]iB|[kMGT]?B)\s*$" => {
            number_and(&["KiB", "MiB", "GiB", "TiB", "B", "kB", "MB", "GB", "TB"])
        }
        other => panic!("the pattern {other} is not known to this test"),
    }
}
