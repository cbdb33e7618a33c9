//! `${NAME}` in values. `$${` stands for a literal `${`.

use std::path::Path;

use serde_json::Value;

use super::Variables;
use crate::code;
use crate::failure::{Failure, Result};

/// Replaces every `${NAME}` in every text of the table.
pub(super) fn replace(value: &mut Value, variables: Variables<'_>, path: &Path) -> Result<()> {
    walk(value, &mut Vec::new(), variables, path)
}

fn walk(value: &mut Value, keys: &mut Vec<String>, variables: Variables<'_>, path: &Path) -> Result<()> {
    match value {
        Value::String(text) => *text = replaced(text, keys, variables, path)?,
        Value::Array(items) => {
            for item in items {
                walk(item, keys, variables, path)?;
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                keys.push(key.clone());
                walk(entry, keys, variables, path)?;
                keys.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

fn replaced(text: &str, keys: &[String], variables: Variables<'_>, path: &Path) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = rest.split_at(start);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &after[2..];
            continue;
        }
        out.push_str(before);
        let end = after.find('}').ok_or_else(|| unclosed(keys, path))?;
        out.push_str(&value_of(&after[2..end], keys, variables, path)?);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn value_of(name: &str, keys: &[String], variables: Variables<'_>, path: &Path) -> Result<String> {
    variables(name).ok_or_else(|| {
        let message = format!(
            "the environment variable {name} is not set; {} needs it for {}",
            path.display(),
            keys.join(".")
        );
        Failure::new(code::VARIABLE_UNSET, message).hint(format!("set it and try again: export {name}=…"))
    })
}

fn unclosed(keys: &[String], path: &Path) -> Failure {
    Failure::new(
        code::CONFIG_INVALID,
        format!("{}: `${{` without `}}` in {}", path.display(), keys.join(".")),
    )
    .hint("a literal `${` is written `$${`")
}
