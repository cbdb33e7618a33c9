//! Fixes that become migrations of their own.

use switchback_model::finding::FixStep;
use switchback_sql::ast::Stmt;

use super::back::{self, Undo};
use super::name::{Layout, behind, directive};
use super::{Back, Place, Written, joined};
use crate::cx::leaves_transaction;

/// What becomes one migration.
pub(super) struct Piece {
    /// Its text.
    pub(super) text: String,
    /// It runs outside of a transaction.
    pub(super) outside: bool,
    /// It is of the fix, not what was there.
    pub(super) fixed: bool,
}

/// Each transaction of the fix as a migration of its own, between what stood before the statement and
/// what stood behind it.
pub(super) fn split(at: &Place<'_>) -> Result<Vec<Written>, String> {
    let layout = Layout::of(at);
    let owns = |read: &crate::cx::Read| matches!(read.stmt(), Some(Stmt::Transaction(_)));
    if at.reads.iter().any(owns) {
        return Err("the script ends the transaction that it runs in".to_owned());
    }
    let section = &at.target.text[at.target.part.range.clone()];
    if section.contains("+goose Statement") || section.contains("set_config(") {
        return Err("it can't be seen what of the script belongs together".to_owned());
    }
    let pieces = pieces(at)?;
    if layout == Layout::NodePgMigrate && pieces.iter().any(|piece| piece.outside) {
        return Err("a script of this layout can't say that it runs outside of a transaction".to_owned());
    }
    let downs = back::parts(at, &pieces)?;
    files(at, layout, &pieces, downs.as_deref())
}

fn pieces(at: &Place<'_>) -> Result<Vec<Piece>, String> {
    let (whole, part, read) = (at.target.text, &at.target.part.range, at.read());
    let own = |text: String| Piece { text, outside: false, fixed: false };
    let mut pieces = Vec::new();
    let mut lead = whole[read.from..read.range.start].trim_start().to_owned();
    let first = at.is_first(0);
    if first {
        whole[part.start..read.range.start].trim_start().clone_into(&mut lead);
    } else {
        pieces.push(own(whole[part.start..read.from].trim().to_owned()));
    }
    for (number, group) in at.groups().into_iter().enumerate() {
        let own_settings = number > 0 || !first;
        let settings = if own_settings { settings(at, group)? } else { String::new() };
        let lead = std::mem::take(&mut lead);
        let steps = joined(group.iter().map(|step| step.sql.as_str()));
        let outside = group.iter().any(|step| step.outside_transaction);
        pieces.push(Piece { text: format!("{settings}{lead}{steps};"), outside, fixed: true });
    }
    let rest = whole[read.range.end..part.end].trim_start();
    let (beside, rest) = same_line(rest.strip_prefix(';').unwrap_or(rest));
    let rest = rest.trim();
    match pieces.last_mut() {
        Some(last) if at.number + 1 == at.reads.len() && !rest.is_empty() => {
            last.text = format!("{}{beside}\n{rest}", last.text);
        }
        Some(last) => {
            last.text.push_str(beside);
            if !rest.is_empty() {
                pieces.push(own(format!("{}{rest}", settings(at, &[])?)));
            }
        }
        None => {}
    }
    Ok(pieces)
}

/// A comment on the statement's line stays with it.
fn same_line(rest: &str) -> (&str, &str) {
    let end = rest.find('\n').unwrap_or(rest.len());
    if rest[..end].trim_start().starts_with("--") { rest.split_at(end) } else { ("", rest) }
}

/// The settings that the statement met, for another migration.
fn settings(at: &Place<'_>, group: &[FixStep]) -> Result<String, String> {
    let outside = group.iter().any(|step| step.outside_transaction);
    let mut text = String::new();
    for (number, stmt) in at.settings(0) {
        match stmt {
            Stmt::Set { name, local: true, .. } if outside && (name == "search_path" || name == "role") => {
                return Err(format!("a step outside of the transaction would not have its {name}"));
            }
            Stmt::Set { local: true, .. } if outside => {}
            _ => {
                text.push_str(at.text(number));
                text.push_str(";\n");
            }
        }
    }
    Ok(text)
}

fn files(
    at: &Place<'_>,
    layout: Layout,
    pieces: &[Piece],
    downs: Option<&[Undo]>,
) -> Result<Vec<Written>, String> {
    let mut files = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let down = downs.map(|downs| &downs[number]);
        let named = |path: &str| match number {
            0 => Ok(path.to_owned()),
            _ => behind(path, number, at.target.others),
        };
        let path = named(at.target.path)?;
        let inner = matches!(at.target.back, Back::Section(_));
        let text = up(at, layout, piece, down.filter(|_| inner), number == 0);
        if piece.outside && layout == Layout::Diesel {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let text = "run_in_transaction = false\n".to_owned();
            files.push(Written { path: format!("{folder}/metadata.toml"), text });
        }
        files.push(Written { path, text });
        if let (Back::File { path, .. }, Some(down)) = (at.target.back, down)
            && !(number == 0 && down.unchanged)
        {
            files.push(Written { path: named(path)?, text: format!("{}\n", down.text) });
        }
    }
    // The file that was there comes first.
    files.sort_by_key(|file| file.path != at.target.path);
    Ok(files)
}

fn up(at: &Place<'_>, layout: Layout, piece: &Piece, down: Option<&Undo>, first: bool) -> String {
    let text = at.target.text;
    let line = directive(at);
    let head = text[..at.target.part.range.start].trim_end_matches(['\n', '\r']);
    let head = head.strip_suffix(line).unwrap_or(head);
    let top = layout.first_line().filter(|line| piece.outside && !text.starts_with(line.trim_end()));
    let own = if piece.outside { layout.outside(line) } else { line.to_owned() };
    let own = if own.is_empty() { own } else { format!("{own}\n") };
    let head = if first { head } else { "" };
    let up = format!("{}{head}{own}{}\n", top.unwrap_or_default(), piece.text);
    let (Back::Section(back), Some(down)) = (at.target.back, down) else { return up };
    let line =
        text[..back.range.start].trim_end_matches(['\n', '\r']).rsplit('\n').next().unwrap_or_default();
    let line = if leaves_transaction(&down.text) { layout.outside(line) } else { line.to_owned() };
    format!("{up}\n{line}\n{}\n", down.text)
}
