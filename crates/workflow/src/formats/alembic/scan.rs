//! What a migration file says of itself at module level, and what its `downgrade()` does.

use std::collections::BTreeMap;

use super::Downgrade;
use super::literal::{self, Names, Value};
use super::token::{Fault, Kind, Line, Lines, Token};

/// The module-level names that Alembic reads from a migration
/// (`alembic.script.base.Script`).
const WANTED: [&str; 4] = ["revision", "down_revision", "branch_labels", "depends_on"];

/// The facts of one file.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The module's docstring.
    pub(super) doc: Option<String>,
    /// The last value given to each of the wanted names, and the line where.
    pub(super) given: BTreeMap<String, (Value, usize)>,
    /// Whether the module has an `upgrade`, and the line where.
    pub(super) upgrade: Option<usize>,
    pub(super) downgrade: Downgrade,
    pub(super) autocommit_block: bool,
}

/// Reads a text whose line ends are `\n`.
pub(super) fn scan(text: &str) -> Result<Scan, Fault> {
    let mut walker = Walker::default();
    for (number, line) in Lines::new(text).enumerate() {
        let line = line?;
        if number == 0 {
            walker.found.doc = docstring(&line);
        }
        walker.line(&line);
    }
    walker.found.downgrade = walker.body.map_or(Downgrade::Absent, Body::verdict);
    Ok(walker.found)
}

/// What a block of statements belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// `def downgrade()` of the module.
    Downgrade,
    /// Another function or a class: its names are its own.
    Local,
    /// `if`, `try`, `with`, `for`, …: its names are the module's, if it runs.
    Branch,
}

#[derive(Clone, Copy, Default)]
struct Body {
    acts: bool,
    raises: bool,
}

impl Body {
    fn verdict(self) -> Downgrade {
        match self {
            Self { raises: true, .. } => Downgrade::Refuses,
            Self { acts: true, .. } => Downgrade::Present,
            Self { .. } => Downgrade::Empty,
        }
    }
}

#[derive(Default)]
struct Walker {
    found: Scan,
    names: Names,
    blocks: Vec<(usize, Block)>,
    body: Option<Body>,
}

impl Walker {
    fn line(&mut self, line: &Line<'_>) {
        while self.blocks.last().is_some_and(|(indent, _)| *indent >= line.indent) {
            self.blocks.pop();
        }
        self.found.autocommit_block |= calls_autocommit_block(&line.tokens);
        let Some(colon) = header(&line.tokens) else {
            return self.statements(&line.tokens, line.cut);
        };
        let (head, inline) = line.tokens.split_at(colon);
        if self.in_downgrade() {
            self.acts();
        }
        let block = self.open(head);
        self.blocks.push((line.indent, block));
        self.statements(inline.get(1..).unwrap_or_default(), line.cut);
    }

    /// Takes note of a block's header and says what kind of block follows.
    fn open(&mut self, head: &[Token<'_>]) -> Block {
        let head = if head.first().is_some_and(|t| t.is_name("async")) { &head[1..] } else { head };
        let defines = head.first().is_some_and(|t| t.is_name("def"));
        if !(defines || head.first().is_some_and(|t| t.is_name("class"))) {
            return Block::Branch;
        }
        let Some(name) = head.get(1).filter(|_| self.at_module()) else { return Block::Local };
        self.bind(name.text, &Value::Unknown, name.line);
        if defines && name.text == "downgrade" {
            self.body = Some(Body::default());
            if self.blocks.is_empty() {
                return Block::Downgrade;
            }
            self.acts();
        }
        Block::Local
    }

    fn statements(&mut self, tokens: &[Token<'_>], cut: bool) {
        for statement in split(tokens, ";").into_iter().filter(|statement| !statement.is_empty()) {
            if self.in_downgrade() {
                self.downgrade_statement(statement);
            } else if self.at_module() {
                self.module_statement(statement, cut);
            }
        }
    }

    fn downgrade_statement(&mut self, statement: &[Token<'_>]) {
        if statement[0].is_name("raise") {
            self.body.get_or_insert_default().raises = true;
        } else if !is_idle(statement) {
            self.acts();
        }
    }

    fn module_statement(&mut self, statement: &[Token<'_>], cut: bool) {
        let first = statement[0];
        if first.is_name("import") || first.is_name("from") {
            return self.import(statement);
        }
        let mut targets = split(statement, "=");
        let value = match targets.pop() {
            Some(last) if !targets.is_empty() => {
                if cut {
                    Value::Unknown
                } else {
                    literal::value(last, &self.names)
                }
            }
            _ => {
                if statement.get(1).is_some_and(is_augmented) {
                    self.bind(first.text, &Value::Unknown, first.line);
                }
                return;
            }
        };
        for target in targets {
            self.assign(target, &value);
        }
    }

    /// Gives `value` to `name`, `name: annotation` or `one, other`.
    fn assign(&mut self, target: &[Token<'_>], value: &Value) {
        let target = match target {
            [name, colon, ..] if colon.is_sign(":") => std::slice::from_ref(name),
            [open, inner @ .., close] if open.is_sign("(") && close.is_sign(")") => inner,
            whole => whole,
        };
        let names = split(target, ",");
        let several = names.len() > 1;
        for (at, name) in names.into_iter().enumerate() {
            let [name] = name else { continue };
            let part = match value {
                Value::Many(values) if several => values.get(at).unwrap_or(&Value::Unknown),
                _ if several => &Value::Unknown,
                whole => whole,
            };
            self.bind(name.text, part, name.line);
        }
    }

    /// An import binds the last name before each comma; what it stands for is in another file.
    fn import(&mut self, statement: &[Token<'_>]) {
        let after = statement.iter().position(|t| t.is_name("import")).map_or(0, |at| at + 1);
        let names = statement.get(after..).unwrap_or_default();
        for (at, token) in names.iter().enumerate() {
            let ends = names.get(at + 1).is_none_or(|next| next.is_sign(",") || next.is_sign(")"));
            if ends && token.kind == Kind::Name {
                self.bind(token.text, &Value::Unknown, token.line);
            }
        }
    }

    fn bind(&mut self, name: &str, value: &Value, line: usize) {
        let value = if self.blocks.is_empty() { value } else { &Value::Unknown };
        self.names.bind(name, value);
        match name {
            "upgrade" => self.found.upgrade = Some(line),
            "downgrade" => self.body = Some(Body { acts: true, raises: false }),
            name if WANTED.contains(&name) => {
                self.found.given.insert(name.to_owned(), (value.clone(), line));
            }
            _ => {}
        }
    }

    fn acts(&mut self) {
        self.body.get_or_insert_default().acts = true;
    }

    /// Directly in the body of the module's `downgrade()`, not in a block within it.
    fn in_downgrade(&self) -> bool {
        matches!(self.blocks.as_slice(), [(_, Block::Downgrade)])
    }

    fn at_module(&self) -> bool {
        self.blocks.iter().all(|(_, block)| *block == Block::Branch)
    }
}

/// Strings alone at the very start are the docstring.
fn docstring(line: &Line<'_>) -> Option<String> {
    let first = *split(&line.tokens, ";").first()?;
    let only_text = !first.is_empty() && first.iter().all(|token| token.kind == Kind::Text);
    only_text.then(|| first.iter().map(|token| literal::text(token.text)).collect())?
}

/// Where the colon stands that ends a block's header, if the line is one.
fn header(tokens: &[Token<'_>]) -> Option<usize> {
    const OPENERS: [&str; 12] =
        ["def", "class", "if", "elif", "else", "try", "except", "finally", "for", "while", "with", "async"];
    let first = tokens.first()?;
    let colon = outside(tokens).find(|(_, token)| token.is_sign(":")).map(|(at, _)| at)?;
    let opens = OPENERS.iter().any(|word| first.is_name(word));
    // `match` and `case` are words only where they open a block.
    (opens || colon + 1 == tokens.len()).then_some(colon)
}

/// Splits at a sign that stands outside of all brackets.
pub(super) fn split<'s, 'a>(tokens: &'s [Token<'a>], sign: &str) -> Vec<&'s [Token<'a>]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, token) in outside(tokens) {
        if token.is_sign(sign) {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// The tokens outside of all brackets, with their places.
fn outside<'s, 'a>(tokens: &'s [Token<'a>]) -> impl Iterator<Item = (usize, &'s Token<'a>)> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().filter(move |(_, token)| {
        if token.kind == Kind::Sign {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        depth == 0
    })
}

/// `name += …` and the like; a comparison is none.
fn is_augmented(token: &Token<'_>) -> bool {
    token.kind == Kind::Sign
        && token.text.len() > 1
        && token.text.ends_with('=')
        && !["==", "!=", "<=", ">=", ":="].contains(&token.text)
}

/// A statement that does nothing.
fn is_idle(statement: &[Token<'_>]) -> bool {
    match statement {
        [only] => {
            only.is_name("pass") || only.is_name("return") || only.is_sign("...") || only.kind == Kind::Text
        }
        [first, none] if first.is_name("return") => none.is_name("None"),
        several => several.iter().all(|token| token.kind == Kind::Text),
    }
}

fn calls_autocommit_block(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|pair| pair[0].is_name("autocommit_block") && pair[1].is_sign("("))
}
