//! A database URL as the application and its migrator write it.
//!
//! SQLAlchemy's `postgresql+psycopg://` and libpq's `postgresql://` are the same to us; the
//! original text is kept so that a child process gets exactly the dialect it was configured with.

use std::fmt;

use crate::code;
use crate::failure::{Failure, Result};

/// A PostgreSQL connection URL. Its `Debug` and `Display` never show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    scheme: String,
    user: Option<String>,
    password: Option<String>,
    hosts: String,
    database: String,
    query: Vec<(String, String)>,
    /// What other sources say of the connection; never a part of the text.
    elsewhere: Vec<(String, String)>,
}

impl DatabaseUrl {
    /// Reads `postgresql[+driver]://[user[:password]@][host[:port]]/database[?name=value&…]`, or
    /// libpq's `host=… dbname=…`. Several hosts are separated by commas. With `service=NAME` the
    /// database may be left to the service file.
    ///
    /// # Errors
    /// [`code::URL_INVALID`]; the message never repeats the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.contains("://") && text.contains('=') {
            return Self::of_words(text);
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid("it has no `://`"))?;
        let dialect = scheme.split('+').next().unwrap_or_default();
        if !matches!(dialect, "postgres" | "postgresql") {
            return Err(invalid("it does not begin with `postgresql://`"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (some(decode(user)?), some(decode(password)?)),
            None => (None, None),
        };
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        let url = Self {
            scheme: scheme.to_owned(),
            user,
            password,
            hosts: decode(hosts)?,
            database: decode(database)?,
            query: pairs,
            elsewhere: Vec::new(),
        };
        url.checked()
    }

    /// Reads libpq's keywords and values (PostgreSQL manual, 34.1.1.1).
    fn of_words(text: &str) -> Result<Self> {
        let mut url = Self {
            scheme: "postgresql".to_owned(),
            user: None,
            password: None,
            hosts: String::new(),
            database: String::new(),
            query: words(text)?,
            elsewhere: Vec::new(),
        };
        let mut take = |name: &str| {
            let at = url.query.iter().position(|(key, _)| key == name)?;
            Some(url.query.remove(at).1)
        };
        (url.user, url.password) = (take("user"), take("password"));
        url.database = take("dbname").unwrap_or_default();
        url.checked()
    }

    fn checked(mut self) -> Result<Self> {
        if self.database().is_empty() && self.parameter("service").is_none() {
            return Err(invalid("it names no database"));
        }
        // Several hosts are told apart here; each has its port.
        if self.hosts.contains(',') {
            let (hosts, ports): (Vec<_>, Vec<_>) = self.hosts.split(',').map(host_and_port).unzip();
            let ports: Vec<_> = ports.into_iter().map(|port| port.unwrap_or("5432")).collect();
            let both = [("host", hosts.join(",")), ("port", ports.join(","))];
            self.elsewhere = both.map(|(name, value)| (name.to_owned(), value)).to_vec();
        }
        Ok(self)
    }

    /// The same URL, with what it does not say itself.
    #[must_use]
    pub fn completed(&self, elsewhere: Vec<(String, String)>) -> Self {
        let mut url = self.clone();
        url.elsewhere.extend(elsewhere);
        url
    }

    /// Whether the password is not a part of the text.
    pub fn password_elsewhere(&self) -> Option<&str> {
        let own = self.password.is_some() || self.query.iter().any(|(name, _)| name == "password");
        if own { None } else { self.password() }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        let in_query = self.query.iter().find(|(name, _)| name == "dbname").map(|(_, value)| value.as_str());
        let own = in_query.unwrap_or(&self.database);
        if own.is_empty() { self.parameter("dbname").unwrap_or_default() } else { own }
    }

    /// The role, where the URL names one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref().or_else(|| self.parameter("user"))
    }

    /// The password, where the URL holds one.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref().or_else(|| self.parameter("password"))
    }

    /// Host name, address or socket folder; empty for libpq's default.
    pub fn host(&self) -> &str {
        let own = host_and_port(&self.hosts).0;
        if own.is_empty() || own.contains(',') || self.query.iter().any(|(name, _)| name == "host") {
            return self.parameter("host").unwrap_or_default();
        }
        own
    }

    /// The port as written, where the URL names one.
    pub fn port(&self) -> Option<&str> {
        let own = host_and_port(&self.hosts).1.filter(|_| !self.hosts.contains(','));
        match own {
            Some(port) if self.query.iter().all(|(name, _)| name != "port") => Some(port),
            _ => self.parameter("port"),
        }
    }

    /// A parameter of the query part (`sslmode`, `options`, …).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let all = self.query.iter().chain(&self.elsewhere);
        all.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The same URL with another value of a parameter.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let mut url = self.clone();
        url.query.retain(|(key, _)| key != name);
        url.query.push((name.to_owned(), value.to_owned()));
        url
    }

    /// The same URL with another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut url = self.clone();
        name.clone_into(&mut url.database);
        url.query.retain(|(key, _)| key != "dbname");
        url
    }

    /// The same role, dialect and settings at the address of `server`, with what belongs to an
    /// address: TLS, and which of several hosts is meant.
    #[must_use]
    pub fn at(&self, server: &Self) -> Self {
        let mut query: Vec<_> =
            server.query.iter().filter(|(name, _)| is_of_address(name)).cloned().collect();
        query.extend(self.query.iter().filter(|(name, _)| !is_of_address(name)).cloned());
        let mut elsewhere: Vec<_> =
            server.elsewhere.iter().filter(|(name, _)| is_of_address(name)).cloned().collect();
        elsewhere.extend(self.elsewhere.iter().filter(|(name, _)| !is_of_address(name)).cloned());
        // An address that stands in no URL has to stand in this one.
        for (name, value) in &elsewhere {
            if server.hosts.is_empty() && is_of_address(name) && !query.iter().any(|(key, _)| key == name) {
                query.push((name.clone(), value.clone()));
            }
        }
        Self { hosts: server.hosts.clone(), query, elsewhere, ..self.clone() }
    }

    /// The same database and dialect, by the role of `other`.
    #[must_use]
    pub fn with_login_of(&self, other: &Self) -> Self {
        let mut url = self.clone();
        url.query.retain(|(name, _)| name != "user" && name != "password");
        url.elsewhere.retain(|(name, _)| name != "user" && name != "password");
        url.user = other.user().map(str::to_owned);
        url.password = other.password().map(str::to_owned);
        url
    }

    /// The same for a psql that a person is shown how to call: without any password, which psql asks for,
    /// and without a driver's name, which it does not know.
    #[must_use]
    pub fn for_psql(&self) -> Self {
        let mut url = self.clone();
        "postgresql".clone_into(&mut url.scheme);
        url.password = None;
        url.query.retain(|(name, _)| name != "password");
        url.elsewhere.retain(|(name, _)| name != "password");
        url
    }

    /// The URL as text **with its password**: for the environment of a child, never for a person.
    pub fn expose(&self) -> String {
        self.text(self.password.as_deref())
    }

    /// libpq's environment variables for this URL: what client programs are told, so that no
    /// password stands in an argument (PostgreSQL manual, 34.15).
    pub fn libpq_environment(&self) -> Vec<(String, String)> {
        const PARAMETERS: &[(&str, &str)] = &[
            ("sslmode", "PGSSLMODE"),
            ("sslrootcert", "PGSSLROOTCERT"),
            ("sslcert", "PGSSLCERT"),
            ("sslkey", "PGSSLKEY"),
            ("sslcrl", "PGSSLCRL"),
            ("sslsni", "PGSSLSNI"),
            ("channel_binding", "PGCHANNELBINDING"),
            ("hostaddr", "PGHOSTADDR"),
            ("passfile", "PGPASSFILE"),
            ("options", "PGOPTIONS"),
            ("target_session_attrs", "PGTARGETSESSIONATTRS"),
        ];
        let mut variables = vec![("PGDATABASE".to_owned(), self.database().to_owned())];
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                variables.push((name.to_owned(), value.to_owned()));
            }
        };
        add("PGHOST", Some(self.host()));
        add("PGPORT", self.port());
        add("PGUSER", self.user());
        add("PGPASSWORD", self.password());
        for (parameter, variable) in PARAMETERS {
            // Before 16 libpq takes `system` for the name of a file.
            let system = *parameter == "sslrootcert" && self.parameter(parameter) == Some("system");
            add(variable, self.parameter(if system { SYSTEM_ROOTS } else { parameter }));
        }
        variables
    }

    fn text(&self, password: Option<&str>) -> String {
        let mut text = format!("{}://", self.scheme);
        if let Some(user) = &self.user {
            text.push_str(&encode(user));
        }
        if let Some(password) = password {
            text.push(':');
            text.push_str(&encode(password));
        }
        if self.user.is_some() || password.is_some() {
            text.push('@');
        }
        text.push_str(&encode_host(&self.hosts));
        text.push('/');
        text.push_str(&encode(&self.database));
        for (index, (name, value)) in self.query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(&encode(name));
            text.push('=');
            let hidden = self.password.as_deref() != password && name == "password";
            text.push_str(&if hidden { "***".to_owned() } else { encode(value) });
        }
        text
    }
}

/// Where [`DatabaseUrl::completed`] is told the file behind `sslrootcert=system`.
pub const SYSTEM_ROOTS: &str = "system_roots";

/// `host:port` in its parts; brackets belong to the host.
fn host_and_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, Some(port).filter(|port| !port.is_empty()))
        }
        _ => (text, None),
    }
}

/// `name=value name='a value'`; a backslash takes the next character as it is.
fn words(text: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| invalid("a keyword has no `=`"))?;
        let mut letters = after.trim_start().char_indices().peekable();
        let quoted = letters.next_if(|(_, letter)| *letter == '\'').is_some();
        let (mut value, mut end) = (String::new(), after.trim_start().len());
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => value.extend(letters.next().map(|(_, next)| next)),
                '\'' if quoted => {
                    end = at + 1;
                    break;
                }
                letter if !quoted && letter.is_whitespace() => {
                    end = at;
                    break;
                }
                letter => value.push(letter),
            }
        }
        found.push((name.trim().to_owned(), value));
        rest = after.trim_start()[end..].trim_start();
    }
    Ok(found)
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.clone();
        for (name, value) in &mut shown.query {
            if name == "password" {
                "***".clone_into(value);
            }
        }
        f.write_str(&shown.text(self.password.as_ref().map(|_| "***")))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Whether a parameter says where the server is and how it is spoken to, and not who speaks.
fn is_of_address(name: &str) -> bool {
    const ADDRESS: &[&str] = &["host", "hostaddr", "port", "target_session_attrs", "channel_binding"];
    ADDRESS.contains(&name) || name.starts_with("ssl")
}

fn invalid(why: &str) -> Failure {
    Failure::new(code::URL_INVALID, format!("the database URL can't be read: {why}"))
        .hint("write it as `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`")
        .hint("characters such as `@ : / ?` in a password must be percent-encoded")
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|d| char::from(d).to_digit(16)));
        let [Some(high), Some(low)] = digits else {
            return Err(invalid("a `%` is not followed by two hexadecimal digits"));
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 after decoding"))
}

/// Percent-encoded, as it stands in [`DatabaseUrl::expose`].
pub fn encode(text: &str) -> String {
    encode_except(text, b"-._~")
}

fn encode_host(text: &str) -> String {
    // A socket folder must be encoded; brackets and colons belong to addresses and ports.
    encode_except(text, b"-._~:[],*")
}

fn encode_except(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    out
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_sqlalchemy_and_libpq_write() {
        let url = DatabaseUrl::parse("postgresql+psycopg://ada:p%40ss@db.example:5433/ada?sslmode=require")
            .unwrap();
        assert_eq!((url.user(), url.password()), (Some("ada"), Some("p@ss")));
        assert_eq!((url.host(), url.port(), url.database()), ("db.example", Some("5433"), "ada"));
        assert_eq!(url.parameter("sslmode"), Some("require"));
        let socket = DatabaseUrl::parse("postgresql://ada@/ada?host=/run/postgresql").unwrap();
        assert_eq!((socket.host(), socket.port()), ("/run/postgresql", None));
        let six = DatabaseUrl::parse("postgresql://[::1]:5432/x").unwrap();
        assert_eq!((six.host(), six.port()), ("[::1]", Some("5432")));
    }

    #[test]
    fn what_is_shown_for_psql_can_be_typed() {
        let shown = |text: &str| DatabaseUrl::parse(text).unwrap().for_psql().to_string();
        assert_eq!(shown("postgresql+psycopg://shop:s3cret@db:5433/shop"), "postgresql://shop@db:5433/shop");
        assert_eq!(
            shown("postgres://shop@/shop?password=s3cret&sslmode=require"),
            "postgresql://shop@/shop?sslmode=require"
        );
        // As it is asked for once it was shown masked: nothing of the mask is left.
        assert!(!shown("postgresql://shop:%2A%2A%2A@db/shop").contains('*'));
        assert!(!shown("postgresql://shop:s3cret@db/shop").contains("%2A"));
    }

    #[test]
    fn another_database_keeps_all_else() {
        let text = "postgresql+psycopg://ada:p%40ss@db.example:5433/ada?sslmode=require";
        let url = DatabaseUrl::parse(text).unwrap();
        assert_eq!(url.expose(), text);
        assert_eq!(url.with_database("ada_sb_1").expose(), text.replace("/ada?", "/ada_sb_1?"));
    }

    #[test]
    fn the_same_role_at_another_address() {
        let url = DatabaseUrl::parse(
            "postgresql+psycopg://ada:p%40ss@pooler:6432/ada?sslmode=require&options=-cx.y%3D1",
        )
        .unwrap();
        let server =
            DatabaseUrl::parse("postgresql://keeper:hush@db:5432/postgres?sslmode=verify-full").unwrap();
        assert_eq!(
            url.at(&server).expose(),
            "postgresql+psycopg://ada:p%40ss@db:5432/ada?sslmode=verify-full&options=-cx.y%3D1"
        );
    }

    #[test]
    fn another_role_in_the_same_dialect() {
        let url = DatabaseUrl::parse("postgresql+psycopg://ada:p%40ss@db/ada?user=x&a=b").unwrap();
        let other = DatabaseUrl::parse("postgresql://keeper:hush@elsewhere/postgres").unwrap();
        assert_eq!(url.with_login_of(&other).expose(), "postgresql+psycopg://keeper:hush@db/ada?a=b");
    }

    #[test]
    fn reads_keywords_and_values_as_libpq_does() {
        let url = DatabaseUrl::parse(
            r"host=db port = 5433 user=ada password='it\'s \\ x' dbname=ada sslmode=require",
        )
        .unwrap();
        assert_eq!((url.host(), url.port(), url.user()), ("db", Some("5433"), Some("ada")));
        assert_eq!((url.password(), url.database()), (Some(r"it's \ x"), "ada"));
        assert_eq!(url.parameter("sslmode"), Some("require"));
        let again = DatabaseUrl::parse(&url.expose()).unwrap();
        assert_eq!((again.host(), again.password(), again.database()), (url.host(), url.password(), "ada"));
        assert!(!format!("{url}").contains("it"), "{url}");
    }

    #[test]
    fn several_hosts_have_each_their_port() {
        let url = DatabaseUrl::parse("postgresql://ada@one:5433,two,[::1]:5434/ada").unwrap();
        assert_eq!((url.host(), url.port()), ("one,two,[::1]", Some("5433,5432,5434")));
        assert_eq!(url.expose(), "postgresql://ada@one:5433,two,[::1]:5434/ada");
    }

    #[test]
    fn what_is_known_from_elsewhere_is_used_and_not_written() {
        let url = DatabaseUrl::parse("postgresql:///?service=ada").unwrap();
        let pairs = [
            ("dbname", "ada"),
            ("host", "db"),
            ("user", "ada"),
            ("password", "hush"),
            ("sslmode", "verify-full"),
        ];
        let url = url.completed(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        assert_eq!((url.database(), url.host(), url.password()), ("ada", "db", Some("hush")));
        assert_eq!(url.password_elsewhere(), Some("hush"));
        let fenced = url.with_database("ada_sb_1");
        assert_eq!(fenced.database(), "ada_sb_1");
        assert_eq!(fenced.expose(), "postgresql:///ada_sb_1?service=ada");
        let environment = url.libpq_environment();
        assert!(environment.contains(&("PGSSLMODE".to_owned(), "verify-full".to_owned())), "{environment:?}");
    }

    #[test]
    fn never_shows_a_password() {
        for text in
            ["postgres://u:hush@h/d", "postgres://u@h/d?password=hush", "postgres://u:hush@h/d?password=hush"]
        {
            let url = DatabaseUrl::parse(text).unwrap();
            assert!(!format!("{url} {url:?}").contains("hush"), "{url}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_url_without_repeating_it() {
        for text in ["", "ada", "mysql://u:hush@h/d", "postgres://u:hush@h/", "postgres://u:hush%4@h/d"] {
            let failure = DatabaseUrl::parse(text).unwrap_err();
            assert_eq!(failure.code, code::URL_INVALID);
            assert!(!format!("{failure:?}").contains("hush"));
        }
    }
}
