//! What Python sources say, read as text.

use std::path::{Path, PathBuf};

use super::tree::Tree;

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What.
    pub(super) name: String,
    /// The file.
    pub(super) file: PathBuf,
    /// The line, counted from one.
    pub(super) line: usize,
}

impl Found {
    fn new(name: impl Into<String>, file: &Path, line: usize) -> Self {
        Self { name: name.into(), file: file.to_owned(), line }
    }

    /// `app/config.py:19`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// The environment variables that the sources read.
pub(super) fn variables(tree: &Tree) -> Vec<Found> {
    const READS: &[&str] = &["environ[", "environ.get(", "getenv(", "env(", "env.str(", "config("];
    let mut found: Vec<Found> = Vec::new();
    for (file, text) in tree.python() {
        for (at, line) in code_lines(&text) {
            for name in READS.iter().flat_map(|read| after(line, read)) {
                let is_name = name.len() > 1
                    && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
                if is_name && !found.iter().any(|known| known.name == name) {
                    found.push(Found::new(name, file, at));
                }
            }
        }
    }
    found
}

/// The variables that name a PostgreSQL database, the likeliest first.
pub(super) fn database_variables(tree: &Tree) -> Vec<Found> {
    let mut found: Vec<Found> =
        variables(tree).into_iter().filter(|found| names_database(&found.name)).collect();
    // Stable: of the same rank the first in the sources stays first.
    found.sort_by_key(|found| match found.name.as_str() {
        "DATABASE_URL" => 0,
        "SQLALCHEMY_DATABASE_URI" | "SQLALCHEMY_DATABASE_URL" => 1,
        _ => 2,
    });
    found
}

/// Whether a variable's name says that it holds a database's URL.
pub(super) fn names_database(name: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    has(&["URL", "URI", "DSN"])
        && has(&["DATABASE", "DB", "POSTGRES", "SQLALCHEMY", "PG"])
        && !has(&["TEST", "REDIS", "MONGO"])
}

/// The routes of the sources that end like a health check, the likeliest first; with the prefix of
/// their blueprint or router.
pub(super) fn health_routes(tree: &Tree) -> Vec<Found> {
    const ENDS: &[&str] = &[
        "/health",
        "/healthz",
        "/healthcheck",
        "/health-check",
        "/ready",
        "/readyz",
        "/livez",
        "/ping",
        "/status",
    ];
    const ROUTES: &[&str] = &["route(", ".get(", "add_url_rule(", "Route(", "path("];
    let sources: Vec<(PathBuf, String)> = tree.python().map(|(file, text)| (file.to_owned(), text)).collect();
    let mut found = Vec::new();
    for (file, text) in &sources {
        for (at, line) in code_lines(text) {
            for route in ROUTES.iter().flat_map(|call| after(line, call)) {
                let route = format!("/{}", route.trim_start_matches('/'));
                if let Some(rank) = ENDS.iter().position(|end| route.trim_end_matches('/').ends_with(end)) {
                    let prefix = prefix(file, text, &sources);
                    found.push((rank, Found::new(format!("{prefix}{route}"), file, at)));
                }
            }
        }
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.dedup_by(|a, b| a.1.name == b.1.name);
    found.into_iter().map(|(_, found)| found).collect()
}

/// `url_prefix` of a blueprint, in its own file or where it is registered; `prefix` of a router.
fn prefix(file: &Path, text: &str, sources: &[(PathBuf, String)]) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let makes = |line: &&str| line.contains("Blueprint(") || line.contains("APIRouter(");
    let registers = |line: &&str| line.contains("register_blueprint(") && line.contains(&stem);
    let own = flat(text);
    let own = own.iter().map(String::as_str).filter(makes).find_map(prefix_in);
    let elsewhere = || {
        let lines = sources.iter().flat_map(|(_, text)| flat(text)).collect::<Vec<_>>();
        lines.iter().map(String::as_str).filter(registers).find_map(prefix_in)
    };
    let prefix = own.or_else(elsewhere).unwrap_or_default();
    format!("/{}", prefix.trim_matches('/')).trim_end_matches('/').to_owned()
}

fn prefix_in(line: &str) -> Option<String> {
    after(line, "prefix=").first().map(|prefix| (*prefix).to_owned())
}

/// Lines, a call that goes over several of them taken as one.
fn flat(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = 0_usize;
    for (_, line) in code_lines(text) {
        match lines.last_mut().filter(|_| open > 0) {
            Some(last) => last.push_str(line.trim()),
            None => lines.push(line.to_owned()),
        }
        open = (open + line.matches('(').count()).saturating_sub(line.matches(')').count());
    }
    lines
}

/// What FLASK_APP must say; nothing where Flask finds the application by itself.
pub(super) fn flask_app(tree: &Tree) -> Option<Found> {
    const MAKES: &[&str] = &["def create_app(", "def make_app(", "app = Flask(", "application = Flask("];
    if tree.has("app.py") || tree.has("wsgi.py") {
        return None;
    }
    let makes = |text: &str| {
        code_lines(text).find(|(_, line)| MAKES.iter().any(|make| line.starts_with(make))).map(|(at, _)| at)
    };
    let mut found: Vec<Found> = tree
        .python()
        .filter_map(|(file, text)| Some(Found::new(module(file)?, file, makes(&text)?)))
        .collect();
    found.sort_by_key(|found| (found.name.matches('.').count(), found.name.clone()));
    found.into_iter().next()
}

/// A module that serves the application when it is run: `python -m app.serve`.
pub(super) fn serving_module(tree: &Tree) -> Option<Found> {
    const SERVES: &[&str] = &["waitress.create_server(", "waitress.serve(", "uvicorn.run(", "serve_forever("];
    tree.python().find_map(|(file, text)| {
        let runs = text.contains("__name__") && text.contains("__main__");
        let line = code_lines(&text).find(|(_, line)| SERVES.iter().any(|serves| line.contains(serves)));
        let (at, _) = line.filter(|_| runs)?;
        Some(Found::new(module(file)?, file, at))
    })
}

/// The port that a source names as its default.
pub(super) fn port(text: &str) -> Option<u16> {
    let number = |rest: &str| {
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().ok().filter(|port| *port > 0)
    };
    code_lines(text).find_map(|(_, line)| {
        let option = line.contains("--port").then(|| line.split("default=").nth(1)).flatten();
        option.and_then(number).or_else(|| line.split("port=").nth(1).and_then(number))
    })
}

/// The names of log files that the sources write.
pub(super) fn log_files(tree: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    for (file, text) in tree.python() {
        for (at, line) in code_lines(&text) {
            let names = literals(line).into_iter().filter(|name| {
                Path::new(name).extension().is_some_and(|end| end == "log") && !name.contains(['{', '%', '*'])
            });
            found.extend(names.map(|name| Found::new(name, file, at)));
        }
    }
    found
}

/// `app/serve.py` is `app.serve`, `app/__init__.py` is `app`.
fn module(file: &Path) -> Option<String> {
    let name = file.with_extension("").to_str()?.replace('/', ".");
    let name = name.strip_suffix(".__init__").unwrap_or(&name).to_owned();
    (!name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "._".contains(c))).then_some(name)
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
}

/// The text literals that stand right behind a mark.
fn after<'a>(line: &'a str, mark: &str) -> Vec<&'a str> {
    let behind = line.match_indices(mark).map(|(at, _)| line[at + mark.len()..].trim_start());
    behind
        .filter(|rest| rest.starts_with(['"', '\'']))
        .filter_map(|rest| literals(rest).first().copied())
        .collect()
}

/// The text literals of a line, escapes left as they are.
fn literals(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = &rest[start..=start];
        let inside = &rest[start + 1..];
        let Some(end) = inside.find(quote) else { break };
        found.push(&inside[..end]);
        rest = &inside[end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_what_stands_before_them() {
        assert_eq!(literals(r#"x = "a" + 'b"c'"#), ["a", "b\"c"]);
        assert_eq!(after(r#"os.environ.get("DATABASE_URL") or os.getenv('X')"#, "getenv("), ["X"]);
        assert_eq!(after("environ[name]", "environ["), Vec::<&str>::new());
    }

    #[test]
    fn ports_are_read_from_options_and_calls() {
        assert_eq!(port("parser.add_argument(\"--port\", type=int, default=5000)"), Some(5000));
        assert_eq!(port("app.run(host='x', port=8080)"), Some(8080));
        assert_eq!(port("serve(app, port=options.port)"), None);
    }
}
