//! What libpq reads besides the connection string: service files, variables, the password file and
//! the usual certificates (PostgreSQL manual, 34.15 to 34.17 and 34.19).
//!
//! The URL says most, then the service, then the variables, then the files in their usual places.
//! What is found is kept beside the URL and never written into it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use switchback_model::url::SYSTEM_ROOTS;
use switchback_model::{DatabaseUrl, Failure, Result, code};

use crate::session::role_of;
use crate::tls;

/// Parameters, and the variables that stand for them.
const VARIABLES: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];
/// Files in `~/.postgresql`.
const FILES: &[(&str, &str)] =
    &[("sslrootcert", "root.crt"), ("sslcert", "postgresql.crt"), ("sslkey", "postgresql.key")];
/// Where the system's service file is, unless `PGSYSCONFDIR` says so: Debian, then RHEL.
const SYSTEM: &[&str] = &["/etc/postgresql-common", "/etc/sysconfig/pgsql"];

/// Asks for an environment variable.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The URL, with all that the other sources know of its connection. `warn` hears of a file that was
/// left alone.
///
/// # Errors
/// [`code::URL_INVALID`] where a service is named that no file has, or no database.
pub fn complete(
    url: &DatabaseUrl,
    variables: Variables<'_>,
    warn: &mut dyn FnMut(String),
) -> Result<DatabaseUrl> {
    let filled = |name: &str| variables(name).filter(|value| !value.is_empty());
    let mut url = url.clone();
    let service = url.parameter("service").map(str::to_owned).or_else(|| filled("PGSERVICE"));
    if let Some(service) = service {
        let pairs = read_service(&service, &filled)?;
        url = missing(&url, pairs);
    }
    let pairs = VARIABLES.iter().filter_map(|(name, variable)| Some(((*name).to_owned(), filled(variable)?)));
    url = missing(&url, pairs.collect());
    let home = filled("HOME").map(PathBuf::from);
    if let Some(home) = &home {
        let folder = home.join(".postgresql");
        let there =
            FILES.iter().map(|(name, file)| (*name, folder.join(file))).filter(|(_, path)| path.is_file());
        url =
            missing(&url, there.map(|(name, path)| (name.to_owned(), path.display().to_string())).collect());
    }
    if let Some(bundle) = tls::system_roots() {
        url = url.completed(vec![(SYSTEM_ROOTS.to_owned(), bundle.to_owned())]);
    }
    if url.database().is_empty() {
        return Err(Failure::new(code::URL_INVALID, "neither the URL nor its service names a database")
            .hint("add it to the URL: postgresql:///DATABASE?service=NAME"));
    }
    let named = url.parameter("passfile").map(PathBuf::from);
    let file = named.or_else(|| home.map(|home| home.join(".pgpass")));
    if let (None, Some(file)) = (url.password(), file)
        && let Some(password) = of_file(&url, &file, warn)
    {
        url = url.completed(vec![("password".to_owned(), password)]);
    }
    Ok(url)
}

/// Only what the URL does not say already.
fn missing(url: &DatabaseUrl, mut pairs: Vec<(String, String)>) -> DatabaseUrl {
    pairs.retain(|(name, _)| match name.as_str() {
        "dbname" => url.database().is_empty(),
        "host" => url.host().is_empty(),
        "port" => url.port().is_none(),
        "user" => url.user().is_none(),
        "password" => url.password().is_none(),
        other => url.parameter(other).is_none(),
    });
    url.completed(pairs)
}

fn read_service(name: &str, variables: Variables<'_>) -> Result<Vec<(String, String)>> {
    let of_user = variables("PGSERVICEFILE")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variables("HOME")?).join(".pg_service.conf")));
    let system = variables("PGSYSCONFDIR")
        .map_or_else(|| SYSTEM.iter().map(PathBuf::from).collect(), |one| vec![PathBuf::from(one)]);
    let files: Vec<PathBuf> = of_user
        .into_iter()
        .chain(system.into_iter().map(|folder: PathBuf| folder.join("pg_service.conf")))
        .collect();
    for file in &files {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        if let Some(pairs) = section(&text, name) {
            return pairs.map_err(|line| {
                let message = format!("{}:{line} is not of the form `name=value`", file.display());
                Failure::new(code::URL_INVALID, message)
            });
        }
    }
    let places: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Err(Failure::new(code::URL_INVALID, format!("there is no service `{name}`"))
        .cause(format!("looked for [{name}] in {}", places.join(", ")))
        .hint("name the file that has it: export PGSERVICEFILE=…"))
}

/// The pairs below `[name]`, or the number of the line that is none.
fn section(text: &str, name: &str) -> Option<std::result::Result<Vec<(String, String)>, usize>> {
    let lines = text.lines().map(str::trim).enumerate();
    let mut inside = lines.skip_while(|(_, line)| *line != format!("[{name}]"));
    inside.next()?;
    let body = inside.take_while(|(_, line)| !line.starts_with('['));
    let said = body.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let pair = |(at, line): (usize, &str)| {
        let (name, value) = line.split_once('=').ok_or(at + 1)?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    Some(said.map(pair).collect())
}

/// The password of the first line that fits, from a file that nobody else can read.
fn of_file(url: &DatabaseUrl, file: &Path, warn: &mut dyn FnMut(String)) -> Option<String> {
    let facts = std::fs::metadata(file).ok()?;
    if !facts.is_file() {
        warn(format!("{} is no plain file, so no password is read from it", file.display()));
        return None;
    }
    if facts.mode() & 0o077 != 0 {
        warn(format!("others can read {0}, so no password is read from it: chmod 600 {0}", file.display()));
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let host = url.host().split(',').next().unwrap_or_default();
    let host = if host.is_empty() || host.starts_with(['/', '@']) { "localhost" } else { host };
    let port = url.port().and_then(|ports| ports.split(',').next()).unwrap_or("5432");
    let wanted = [host.trim_matches(['[', ']']), port, url.database(), &role_of(url)].map(str::to_owned);
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| fitting(line, &wanted))
}

/// `host:port:database:role:password`; a backslash takes `:` and itself as they are, `*` is anything.
fn fitting(line: &str, wanted: &[String; 4]) -> Option<String> {
    let mut rest = line;
    for value in wanted {
        let (field, after) = field(rest)?;
        if rest[..rest.len() - after.len()] != *"*:" && field != *value {
            return None;
        }
        rest = after;
    }
    let (password, _) = field(rest).unwrap_or_else(|| (unescaped(rest), ""));
    Some(password).filter(|password| !password.is_empty())
}

/// The text up to the next `:` that is not escaped, and what follows.
fn field(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => return Some((unescaped(&text[..at]), &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut out = String::new();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Home {
        folder: tempfile::TempDir,
        variables: BTreeMap<String, String>,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let variables = [("HOME".to_owned(), folder.path().display().to_string())].into();
            Self { folder, variables }
        }

        fn set(mut self, name: &str, value: &str) -> Self {
            self.variables.insert(name.to_owned(), value.to_owned());
            self
        }

        fn file(self, name: &str, text: &str, mode: u32) -> Self {
            let path = self.folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            self
        }

        fn complete(&self, url: &str) -> (Result<DatabaseUrl>, Vec<String>) {
            let mut said = Vec::new();
            let url = DatabaseUrl::parse(url).unwrap();
            let variables = |name: &str| self.variables.get(name).cloned();
            (complete(&url, &variables, &mut |line| said.push(line)), said)
        }

        fn password(&self, url: &str) -> Option<String> {
            self.complete(url).0.unwrap().password().map(str::to_owned)
        }
    }

    #[test]
    fn the_first_line_of_the_password_file_that_fits_wins() {
        let text = "# db:5432:ada:ada:comment\ndb:5432:ada:ada:one\ndb:*:*:*:two\nlocalhost:5432:ada:ada:socket\n\
                    \\:\\:1:5432:*:ada:six\nh:5432:a\\:b:ada:p\\:q\\\\r\n*:*:*:last:any\n";
        let home = Home::new().file(".pgpass", text, 0o600);
        assert_eq!(home.password("postgresql://ada@db/ada").as_deref(), Some("one"));
        assert_eq!(home.password("postgresql://ada@db:5433/ada").as_deref(), Some("two"));
        assert_eq!(home.password("postgresql://ada@/ada?host=/run/postgresql").as_deref(), Some("socket"));
        assert_eq!(home.password("postgresql://ada@[::1]/x").as_deref(), Some("six"));
        assert_eq!(home.password("postgresql://ada@h/a%3Ab").as_deref(), Some(r"p:q\r"));
        assert_eq!(home.password("postgresql://last@other/x").as_deref(), Some("any"));
        assert_eq!(home.password("postgresql://ada@other/x"), None);
        assert_eq!(home.password("postgresql://ada:own@db/ada").as_deref(), Some("own"));
        let variable = home.set("PGPASSWORD", "variable");
        assert_eq!(variable.password("postgresql://ada@db/ada").as_deref(), Some("variable"));
    }

    #[test]
    fn a_password_file_that_others_can_read_is_left_alone_and_said() {
        let home = Home::new().file("elsewhere", "*:*:*:*:hush", 0o640);
        let path = home.folder.path().join("elsewhere").display().to_string();
        let home = home.set("PGPASSFILE", &path);
        let (url, said) = home.complete("postgresql://ada@db/ada");
        assert_eq!(url.unwrap().password(), None);
        assert!(said[0].contains("chmod 600") && !said[0].contains("hush"), "{said:?}");
    }

    #[test]
    fn a_service_says_what_the_url_does_not_and_more_than_variables() {
        let text = "# all of them\n[other]\nhost=no\n[ada]\nhost=db\nport=5433\nuser=ada\ndbname=ada\n# in between\npassword=hush\n\n[last]\n";
        let home = Home::new()
            .file(".pg_service.conf", text, 0o644)
            .set("PGHOST", "variable")
            .set("PGSSLMODE", "require");
        let url = home.complete("postgresql+psycopg:///?service=ada").0.unwrap();
        assert_eq!((url.host(), url.port(), url.user()), ("db", Some("5433"), Some("ada")));
        assert_eq!((url.database(), url.password()), ("ada", Some("hush")));
        assert_eq!(url.parameter("sslmode"), Some("require"));
        let url = home.complete("postgresql://eve@mine/mine?service=ada").0.unwrap();
        assert_eq!((url.host(), url.user(), url.database()), ("mine", Some("eve"), "mine"));
        let failure = home.complete("postgresql:///?service=none").0.unwrap_err();
        assert!(
            failure.message.contains("`none`") && failure.causes[0].contains(".pg_service.conf"),
            "{failure:?}"
        );
        let failure = home.complete("postgresql:///?service=last").0.unwrap_err();
        assert!(failure.message.contains("names a database"), "{failure:?}");
    }

    #[test]
    fn certificates_in_their_usual_places_are_found() {
        let home = Home::new().file(".postgresql/root.crt", "x", 0o644).file(
            ".postgresql/postgresql.crt",
            "x",
            0o644,
        );
        let url = home.complete("postgresql://ada@db/ada").0.unwrap();
        assert!(url.parameter("sslrootcert").unwrap().ends_with(".postgresql/root.crt"));
        assert!(url.parameter("sslcert").is_some() && url.parameter("sslkey").is_none());
        let url = home.set("PGSSLROOTCERT", "/other.crt").complete("postgresql://ada@db/ada").0.unwrap();
        assert_eq!(url.parameter("sslrootcert"), Some("/other.crt"));
    }
}
