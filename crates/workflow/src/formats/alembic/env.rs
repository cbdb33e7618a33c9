//! What `env.py` says about the version table and about transactions.

use super::literal::{self, Names, Value};
use super::scan::split;
use super::token::{Fault, Kind, Line, Lines, Token};

/// A setting that `env.py` hands to `context.configure()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// It is not mentioned, so Alembic's default holds.
    #[default]
    Default,
    /// It is written out.
    Said(T),
    /// It is computed, or differs between calls; only running `env.py` would tell.
    Computed {
        /// The line of `env.py`, counted from one.
        line: usize,
    },
}

impl<T: Clone> Setting<T> {
    /// The value, with Alembic's default where nothing is said; nothing where it is computed.
    pub fn known(&self, default: T) -> Option<T> {
        match self {
            Self::Default => Some(default),
            Self::Said(value) => Some(value.clone()),
            Self::Computed { .. } => None,
        }
    }
}

/// The facts of one `env.py`.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) version_table: Setting<String>,
    pub(super) version_table_schema: Setting<String>,
    pub(super) transaction_per_migration: Setting<bool>,
    /// It takes the database from Flask-Migrate's extension.
    pub(super) flask: bool,
    /// A call takes further arguments from elsewhere (`**conf_args`), at this line.
    pub(super) spread: Option<usize>,
}

/// Reads the text of an `env.py` whose line ends are `\n`.
pub(super) fn facts(text: &str) -> Result<Facts, Fault> {
    let mut reader = Reader::default();
    for line in Lines::new(text) {
        reader.line(&line?);
    }
    // The online calls are those that apply; where none can be told apart, all count.
    let online: Vec<&Call> = reader.calls.iter().filter(|call| !call.offline).collect();
    let calls = if online.is_empty() { reader.calls.iter().collect() } else { online };
    let mut facts = Facts {
        flask: reader.flask,
        spread: calls.iter().find_map(|call| call.spread),
        version_table: agreed(&calls, "version_table", written),
        version_table_schema: agreed(&calls, "version_table_schema", written),
        transaction_per_migration: agreed(&calls, "transaction_per_migration", |value| match value {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }),
    };
    if facts.spread.is_some() {
        unsettle(&mut facts.version_table, reader.elsewhere.get("version_table"));
        unsettle(&mut facts.version_table_schema, reader.elsewhere.get("version_table_schema"));
        unsettle(&mut facts.transaction_per_migration, reader.elsewhere.get("transaction_per_migration"));
    }
    Ok(facts)
}

fn written(value: &Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text.clone()) } else { None }
}

/// One call of `configure(…)`.
#[derive(Debug)]
struct Call {
    offline: bool,
    spread: Option<usize>,
    given: Vec<(String, Value, usize)>,
}

const WANTED: [&str; 3] = ["version_table", "version_table_schema", "transaction_per_migration"];

#[derive(Default)]
struct Reader {
    names: Names,
    calls: Vec<Call>,
    /// The function at module level that the line is in, with its indentation.
    function: Option<(usize, String)>,
    /// Wanted names outside of the calls: perhaps keys of what is spread into one.
    elsewhere: std::collections::BTreeMap<&'static str, usize>,
    flask: bool,
}

impl Reader {
    fn line(&mut self, line: &Line<'_>) {
        let tokens = line.tokens.as_slice();
        self.place(line);
        self.constant(line);
        self.flask |= tokens.iter().any(|t| t.is_name("flask_migrate"))
            || tokens.windows(2).any(|pair| {
                pair[0].is_sign("[") && literal::text(pair[1].text).as_deref() == Some("migrate")
            });
        let mut at = 0;
        while at < tokens.len() {
            if configures(&tokens[at..]) {
                let inside = &tokens[at + 4..];
                let inside = &inside[..closing(inside)];
                self.call(inside, line.cut);
                at += 4 + inside.len();
            } else {
                self.mention(&tokens[at]);
                at += 1;
            }
        }
    }

    fn place(&mut self, line: &Line<'_>) {
        if self.function.as_ref().is_some_and(|(indent, _)| line.indent <= *indent) {
            self.function = None;
        }
        let words = line.tokens.as_slice();
        let words = if words.first().is_some_and(|t| t.is_name("async")) { &words[1..] } else { words };
        if let [def, name, ..] = words
            && def.is_name("def")
            && self.function.is_none()
        {
            self.function = Some((line.indent, name.text.to_owned()));
        }
    }

    /// `NAME = "…"` of the module, which a call may use.
    fn constant(&mut self, line: &Line<'_>) {
        let parts = split(&line.tokens, "=");
        let [target, value] = parts.as_slice() else { return };
        let Some(name) = target.first().filter(|t| t.kind == Kind::Name) else { return };
        let plain = target.len() == 1 || target[1].is_sign(":");
        if plain {
            let known = line.indent == 0 && self.function.is_none() && !line.cut;
            let value = if known { literal::value(value, &self.names) } else { Value::Unknown };
            self.names.bind(name.text, &value);
        }
    }

    /// A wanted name as a keyword or as a key, anywhere.
    fn mention(&mut self, token: &Token<'_>) {
        for wanted in WANTED {
            let key = token.kind == Kind::Text && literal::text(token.text).as_deref() == Some(wanted);
            if key || token.is_name(wanted) {
                self.elsewhere.insert(wanted, token.line);
            }
        }
    }

    fn call(&mut self, inside: &[Token<'_>], cut: bool) {
        let mut call = Call { offline: false, spread: None, given: Vec::new() };
        let mut connected = false;
        for argument in split(inside, ",") {
            match argument {
                [stars, ..] if stars.is_sign("**") => call.spread = Some(stars.line),
                [name, equals, value @ ..] if equals.is_sign("=") => {
                    connected |= name.is_name("connection");
                    call.offline |= name.is_name("url") || name.is_name("literal_binds");
                    let value = if cut { Value::Unknown } else { literal::value(value, &self.names) };
                    if value != Value::None {
                        call.given.push((name.text.to_owned(), value, name.line));
                    }
                }
                _ => {}
            }
        }
        let function = self.function.as_ref().map_or("", |(_, name)| name);
        call.offline = !connected && (call.offline || function.contains("offline"));
        self.calls.push(call);
    }
}

/// `context.configure(`, with whatever context (`MigrationContext`, say).
fn configures(tokens: &[Token<'_>]) -> bool {
    let [context, dot, configure, open, ..] = tokens else { return false };
    context.text.to_lowercase().ends_with("context")
        && dot.is_sign(".")
        && configure.is_name("configure")
        && open.is_sign("(")
}

/// Where the bracket closes that was open before these tokens.
fn closing(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Sign) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// What the calls say together; one that says another thing, or nothing while others say
/// something, makes it computed.
fn agreed<T: PartialEq>(calls: &[&Call], name: &str, read: impl Fn(&Value) -> Option<T>) -> Setting<T> {
    let said: Vec<Option<(Option<T>, usize)>> = calls
        .iter()
        .map(|call| {
            let given = call.given.iter().find(|(given, _, _)| given == name);
            given.map(|(_, value, line)| (read(value), *line))
        })
        .collect();
    let Some(line) = said.iter().flatten().map(|(_, line)| *line).next() else { return Setting::Default };
    let mut values = said.into_iter().map(|said| said.and_then(|(value, _)| value));
    let Some(first) = values.next().flatten() else { return Setting::Computed { line } };
    if values.all(|value| value.as_ref() == Some(&first)) {
        Setting::Said(first)
    } else {
        Setting::Computed { line }
    }
}

/// A call takes more arguments from elsewhere, and the name stands elsewhere.
fn unsettle<T>(setting: &mut Setting<T>, elsewhere: Option<&usize>) {
    if let (Setting::Default, Some(line)) = (&*setting, elsewhere) {
        *setting = Setting::Computed { line: *line };
    }
}
