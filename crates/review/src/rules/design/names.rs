//! Names.

use switchback_sql::{Kind, tokens};

use crate::rule::prelude::*;
use crate::rules::safe;

pub(super) const TOO_LONG: Rule = Rule {
    code: "SR0917",
    name: "identifier-too-long",
    severity: Severity::Error,
    style: false,
    page: include_str!("identifier_too_long.md"),
    look: Look::Statement(too_long),
};

pub(super) const QUOTED: Rule = Rule {
    code: "SR0918",
    name: "identifier-needs-quotes",
    severity: Severity::Info,
    style: true,
    page: include_str!("identifier_needs_quotes.md"),
    look: Look::Statement(needs_quotes),
};

pub(super) const UNNAMED: Rule = Rule {
    code: "SR0919",
    name: "unnamed-constraint",
    severity: Severity::Info,
    style: true,
    page: include_str!("unnamed_constraint.md"),
    look: Look::Statement(unnamed),
};

pub(super) const UNQUALIFIED: Rule = Rule {
    code: "SR0920",
    name: "unqualified-object",
    severity: Severity::Info,
    style: true,
    page: include_str!("unqualified_object.md"),
    look: Look::Statement(unqualified),
};

/// The server keeps so many bytes of a name (`NAMEDATALEN` less one).
const LONGEST: usize = 63;

fn too_long(at: &At<'_>, out: &mut Out<'_>) {
    let rows = matches!(
        at.stmt,
        Stmt::Select(_) | Stmt::Insert { .. } | Stmt::Update { .. } | Stmt::Delete { .. } | Stmt::Do { .. }
    );
    if rows || at.text.len() <= LONGEST || !has_long_run(at.text) {
        return;
    }
    for token in tokens(at.text) {
        let name = match token.kind {
            Kind::Word => token.of(at.text).to_owned(),
            Kind::Name => token.inside(at.text).replace("\"\"", "\""),
            _ => continue,
        };
        if name.len() <= LONGEST {
            continue;
        }
        let kept = name.floor_char_boundary(LONGEST);
        let found = Found::new(
            format!("`{name}` is {} bytes long, and the server keeps {LONGEST}", name.len()),
            "the rest is cut off with a notice that nobody reads: two names with the same beginning are one, and what \
             looks it up by the long name does not find it",
        );
        let help = format!("a shorter name; the server would call it `{}`", &name[..kept]);
        out.push(at, found.help(help).at(token.start));
    }
}

/// Nothing is cut into tokens where no name can be long: neither a word, nor what stands in quotes.
fn has_long_run(text: &str) -> bool {
    if !text.contains('"') {
        return has_long_word(text.as_bytes());
    }
    let (mut word, mut quote) = (0, None);
    text.bytes().enumerate().any(|(at, byte)| {
        word = if byte == b'"' || byte.is_ascii_whitespace() { 0 } else { word + 1 };
        let open = if byte == b'"' { quote.replace(at) } else { None };
        word > LONGEST || open.is_some_and(|open| at - open > LONGEST)
    })
}

/// So many bytes in a row without white space; what is shorter is stepped over from its end.
fn has_long_word(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(next) = text.get(from..=from + LONGEST) {
        match next.iter().rposition(u8::is_ascii_whitespace) {
            Some(blank) => from += blank + 1,
            None => return true,
        }
    }
    false
}

fn needs_quotes(at: &At<'_>, out: &mut Out<'_>) {
    for (name, byte) in made(at) {
        if ident(name) == *name {
            continue;
        }
        let found = Found::new(
            format!("`{name}` must stand in quotes wherever it is used"),
            "it has a capital, a blank or another special character, or it is a reserved word: written without quotes \
             it is another name, or a syntax error",
        );
        let found = found.help("small letters, digits and underscores, and no reserved word");
        out.push(at, found.at(byte));
    }
}

/// Names that the statement gives, with the byte at which each stands, as far as that is known.
fn made<'a>(at: &At<'a>) -> Vec<(&'a String, usize)> {
    match at.stmt {
        Stmt::CreateTable(create) => {
            let columns = create.columns.iter().map(|column| (&column.name, column.at));
            let constraints = create.constraints.iter().filter_map(named);
            std::iter::once((&create.name.name, 0)).chain(columns).chain(constraints).collect()
        }
        Stmt::AlterTable { actions, .. } => actions
            .iter()
            .filter_map(|action| match &action.kind {
                ActionKind::AddColumn { column, .. } => Some((&column.name, column.at)),
                ActionKind::AddConstraint(constraint) => named(constraint),
                _ => None,
            })
            .collect(),
        Stmt::CreateIndex(create) => create.name.iter().map(|name| (name, 0)).collect(),
        Stmt::CreateView(create) => vec![(&create.name.name, 0)],
        Stmt::CreateFunction(create) => vec![(&create.name.name, 0)],
        Stmt::CreateTrigger(create) => vec![(&create.name, 0)],
        Stmt::CreateEnum { name, .. } | Stmt::CreateType { name, .. } | Stmt::CreateDomain { name, .. } => {
            vec![(&name.name, 0)]
        }
        Stmt::Sequence(sequence) if !sequence.alter => vec![(&sequence.name.name, 0)],
        Stmt::CreateSchema { name, .. } => vec![(name, 0)],
        Stmt::Rename { to, .. } => vec![(to, 0)],
        _ => Vec::new(),
    }
}

fn named(constraint: &Constraint) -> Option<(&String, usize)> {
    Some((constraint.name.as_ref()?, constraint.at))
}

fn unnamed(at: &At<'_>, out: &mut Out<'_>) {
    let Some((table, actions)) = at.alters_any() else { return };
    for action in actions {
        let (constraints, column) = match &action.kind {
            ActionKind::AddConstraint(constraint) => (std::slice::from_ref(&**constraint), None),
            ActionKind::AddColumn { column, .. } => (column.constraints.as_slice(), Some(&**column)),
            _ => continue,
        };
        for constraint in constraints.iter().filter(|constraint| constraint.name.is_none()) {
            let Some((label, columns)) = shape(constraint, column) else { continue };
            let found = Found::new(
                format!("a constraint of `{table}` is added without a name"),
                "the server makes one up, with a number at its end where it is taken: the way down, and every later \
                 migration that drops it, has to guess it",
            );
            let fix = fix(at, table, constraint, label, &columns);
            out.push(at, found.help("give it a name: CONSTRAINT name …").at(constraint.at).fix(fix));
        }
    }
}

/// How the server calls such a constraint, and after which columns.
fn shape<'c>(constraint: &'c Constraint, column: Option<&'c Column>) -> Option<(&'static str, Vec<&'c str>)> {
    let own = |columns: &'c [String]| match column {
        Some(column) => vec![column.name.as_str()],
        None => columns.iter().map(String::as_str).collect(),
    };
    Some(match &constraint.kind {
        ConstraintKind::Check(expr) => {
            let columns = safe::columns(expr);
            ("check", if columns.len() == 1 { columns } else { Vec::new() })
        }
        ConstraintKind::Primary { using_index: None, .. } => ("pkey", Vec::new()),
        ConstraintKind::Unique { columns, using_index: None } => ("key", own(columns)),
        ConstraintKind::Foreign(key) => ("fkey", own(&key.columns)),
        ConstraintKind::Exclude => ("excl", Vec::new()),
        _ => return None,
    })
}

fn fix(at: &At<'_>, table: &Relation, constraint: &Constraint, label: &str, columns: &[&str]) -> Option<Fix> {
    const BEGINNINGS: &[&str] = &["check", "unique", "primary", "foreign", "exclude", "references"];
    let rest = at.text.get(constraint.at..)?.to_ascii_lowercase();
    if at.embedded || !BEGINNINGS.iter().any(|word| rest.starts_with(word)) {
        return None;
    }
    let name = safe::name(at, table, None, columns, label)?;
    let (before, behind) = at.text.split_at(constraint.at);
    let text = format!("{before}CONSTRAINT {} {behind}", ident(&name));
    switchback_sql::read::read(&text).ok()?;
    Some(Fix::new("give it the name that the server would", vec![FixStep::new(text)]))
}

fn unqualified(at: &At<'_>, out: &mut Out<'_>) {
    let (what, name) = match at.stmt {
        Stmt::CreateTable(create) if !create.temporary => ("table", &create.name),
        Stmt::CreateView(create) if !create.temporary => ("view", &create.name),
        Stmt::CreateFunction(create) => ("function", &create.name),
        Stmt::CreateEnum { name, .. } | Stmt::CreateType { name, .. } => ("type", name),
        Stmt::CreateDomain { name, .. } => ("domain", name),
        Stmt::Sequence(sequence) if !sequence.alter => ("sequence", &sequence.name),
        Stmt::AlterTable { kind: ObjectKind::Table, table, .. } => ("table", table),
        _ => return,
    };
    if name.schema.is_some() || at.schema.table(name).is_some_and(|known| known.temporary) {
        return;
    }
    let found = Found::new(
        format!("{what} `{name}` is named without its schema"),
        "where it is made or found depends on the search_path of whoever runs the migration",
    );
    out.push(at, found.help("write the schema before the name"));
}
