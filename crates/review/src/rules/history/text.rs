//! What stands in a script and is no statement that the server would understand.

use crate::rule::prelude::*;

pub(super) const SYNTAX: Rule = Rule {
    code: "SR1222",
    name: "syntax-error",
    severity: Severity::Error,
    style: false,
    page: include_str!("syntax_error.md"),
    look: Look::Script(syntax),
};

pub(super) const PLACEHOLDER: Rule = Rule {
    code: "SR1223",
    name: "unresolved-placeholder",
    severity: Severity::Error,
    style: false,
    page: include_str!("unresolved_placeholder.md"),
    look: Look::Script(placeholder),
};

pub(super) const PSQL: Rule = Rule {
    code: "SR1224",
    name: "psql-only-syntax",
    severity: Severity::Warning,
    style: false,
    page: include_str!("psql_only_syntax.md"),
    look: Look::Script(psql),
};

fn syntax(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    for (number, read) in at.reads.iter().enumerate() {
        let mistake = match &read.what {
            What::Mistake(mistake) if switchback_sql::placeholder(at.text(number)).is_none() => mistake,
            What::NotPython => {
                out.push_statement(at, number, not_python());
                continue;
            }
            _ => continue,
        };
        let found = Found::new(
            format!("the server would refuse this: {}", mistake.message.trim_end_matches('.')),
            "the script stops here; what it did before, outside of a transaction, stays",
        );
        let help =
            "write it as PostgreSQL's grammar has it; nothing else is said of a statement that can't be read";
        out.push_statement(at, number, found.at(mistake.at).help(help));
    }
    encoding(at, out);
}

fn not_python() -> Found {
    let message = "this is no Python, and Alembic could not load the file";
    let why = "one file that can't be loaded stops every command of Alembic, those on other revisions too";
    Found::new(message, why).help("correct it; `python -m py_compile FILE` says what is wrong")
}

/// Whoever read the file put this character where its bytes made none.
const NO_CHARACTER: char = '\u{fffd}';

fn encoding(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    let part = at.script.part.clone().unwrap_or(0..at.script.text.len());
    let Some(byte) = at.script.text.get(part.clone()).and_then(|text| text.find(NO_CHARACTER)) else {
        return;
    };
    let found = Found::new(
        "bytes that are no UTF-8 stand here",
        "the server refuses them, unless the client says that it writes in another encoding; names and texts are then \
         read otherwise here than there",
    );
    let start = part.start + byte;
    let range = (start, start + NO_CHARACTER.len_utf8());
    out.push_script(at, Some(range), found.severity(Severity::Warning).help("save the file in UTF-8"));
}

fn placeholder(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    for (number, read) in at.reads.iter().enumerate() {
        let What::Mistake(_) = &read.what else { continue };
        let text = at.text(number);
        let Some(place) = switchback_sql::placeholder(text) else { continue };
        let found = Found::new(
            format!("`{}` stands for something that nothing here puts in", &text[place.clone()]),
            "the server gets it as it is, and refuses the statement",
        );
        let help = "write the name itself, or review what the template program makes of the script";
        out.push_statement(at, number, found.at(place.start).help(help));
    }
}

fn psql(at: &ScriptAt<'_>, out: &mut Out<'_>) {
    for (number, read) in at.reads.iter().enumerate() {
        let (message, help) = match &read.what {
            What::Psql => {
                let word = at.text(number).split_whitespace().next().unwrap_or("\\").to_owned();
                (
                    format!("`{word}` is a command of `psql`, not of the server"),
                    "write what it does in SQL, or run the script by psql only",
                )
            }
            _ if read.data => (
                "the data of this COPY stands in the script, as only `psql` sends it".to_owned(),
                "write INSERT … VALUES, or load the data by psql",
            ),
            _ => continue,
        };
        let why = "a migrator sends the script as SQL, and the server refuses it there";
        out.push_statement(at, number, Found::new(message, why).help(help));
    }
}
