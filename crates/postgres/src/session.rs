//! A connection to a server, and the only place where its errors become ours.

use std::time::Duration;

use switchback_engine::exec::shell_word;
use switchback_model::{DatabaseUrl, Effect, Failure, Result, code};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};

const CONNECT: Duration = Duration::from_secs(10);

/// An open session. It ends when it is dropped.
#[derive(Debug)]
pub struct Session {
    client: Client,
    database: String,
    pid: i32,
}

impl Session {
    /// Connects as `application` (seen in `pg_stat_activity`), with a search path that holds
    /// nothing but `pg_catalog` and every output format pinned: what we read must not depend on
    /// the settings of role or database.
    ///
    /// # Errors
    /// [`code::SERVER_UNREACHABLE`], [`code::LOGIN_REFUSED`], [`code::DATABASE_MISSING`]; none of
    /// them holds the password.
    pub async fn connect(url: &DatabaseUrl, application: &str) -> Result<Self> {
        let (client, connection) =
            config(url, application)?.connect(NoTls).await.map_err(|error| refused(url, &error))?;
        // The task ends with the connection; an error of it is seen by the next query.
        tokio::spawn(connection);
        let mut session = Self { client, database: url.database().to_owned(), pid: 0 };
        session.batch(PINNED).await?;
        session.pid = session.one("select pg_backend_pid()", &[]).await?.get(0);
        Ok(session)
    }

    /// The database it is connected to.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The process id of its backend.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether the connection is known to be gone.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The driver's own client, for what this type does not wrap (COPY, cancelling).
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// All rows of a query.
    pub async fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.client.query(sql, parameters).await.map_err(|error| query_failed(sql, &error))
    }

    /// The one row of a query.
    pub async fn one(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row> {
        self.client.query_one(sql, parameters).await.map_err(|error| query_failed(sql, &error))
    }

    /// The first row of a query, where there is one.
    pub async fn optional(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>> {
        Ok(self.rows(sql, parameters).await?.into_iter().next())
    }

    /// Runs statements by the simple protocol: several in one message are one transaction, unless
    /// they say otherwise (PostgreSQL manual, 55.2.2.1).
    pub async fn batch(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|error| query_failed(sql, &error))
    }
}

/// `extra_float_digits` 1 is the shortest text that reads back as the same number (from 12 on).
const PINNED: &str = "set search_path = pg_catalog; set datestyle = 'ISO, YMD'; set timezone = 'UTC'; \
    set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'; \
    set lc_monetary = 'C'; set row_security = off; set statement_timeout = 0; set lock_timeout = 0; \
    set idle_in_transaction_session_timeout = 0; set client_min_messages = warning";

fn config(url: &DatabaseUrl, application: &str) -> Result<Config> {
    let mut config = Config::new();
    config.dbname(url.database()).application_name(application).connect_timeout(CONNECT);
    config.user(role_of(url));
    if let Some(password) = url.password() {
        config.password(password);
    }
    let hosts = if url.host().is_empty() { default_host() } else { url.host().to_owned() };
    for host in hosts.split(',') {
        config.host(host.trim_matches(['[', ']']));
    }
    for port in url.port().unwrap_or("5432").split(',') {
        let port =
            port.parse().map_err(|_| Failure::new(code::URL_INVALID, format!("`{port}` is not a port")))?;
        config.port(port);
    }
    if let Some(options) = url.parameter("options") {
        config.options(options);
    }
    match url.parameter("sslmode") {
        Some(mode @ ("require" | "verify-ca" | "verify-full")) => {
            return Err(Failure::new(code::URL_INVALID, format!("sslmode={mode} is not supported yet"))
                .hint("connect over a unix socket or a local tunnel, with sslmode=prefer or disable"));
        }
        _ => config.ssl_mode(SslMode::Disable),
    };
    Ok(config)
}

/// The role that a URL logs in as.
pub fn role_of(url: &DatabaseUrl) -> String {
    url.user().map_or_else(login_name, str::to_owned)
}

/// libpq's default role: the name of the operating system's user.
fn login_name() -> String {
    std::env::var_os("PGUSER")
        .or_else(|| std::env::var_os("USER"))
        .map_or_else(|| "postgres".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// libpq's default host on Debian: the socket folder of the server package.
fn default_host() -> String {
    std::env::var_os("PGHOST")
        .map_or_else(|| "/var/run/postgresql".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn refused(url: &DatabaseUrl, error: &tokio_postgres::Error) -> Failure {
    let user = url.user().unwrap_or_default();
    let database = url.database();
    let place = place(url);
    let failure = match error.code() {
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => Failure::new(
            code::LOGIN_REFUSED,
            format!("the server at {place} refuses the login of role `{user}`"),
        )
        .hint("look at the password in the variable or file that the URL comes from"),
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            Failure::new(code::DATABASE_MISSING, format!("there is no database `{database}` at {place}"))
                .hint(format!("list what is there: psql '{}' -c '\\l'", url.with_database("postgres")))
        }
        Some(_) => Failure::new(
            code::SERVER_UNREACHABLE,
            format!("the server at {place} accepts no connection to `{database}`"),
        ),
        None if asks_for_password(error) => Failure::new(
            code::LOGIN_REFUSED,
            format!("the server at {place} asks for a password and there is none"),
        )
        .hint("add it to the URL's variable, as postgresql://USER:PASSWORD@HOST/DATABASE"),
        None => Failure::new(code::SERVER_UNREACHABLE, format!("no server answers at {place}"))
            .hint(format!("look whether it runs and listens there: pg_isready {}", ready_words(url))),
    };
    failure.because(error)
}

/// The driver says so underneath an error of its configuration.
fn asks_for_password(error: &tokio_postgres::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.to_string().contains("password missing") {
            return true;
        }
        next = error.source();
    }
    false
}

fn ready_words(url: &DatabaseUrl) -> String {
    let host = if url.host().is_empty() { default_host() } else { url.host().to_owned() };
    format!("-h {} -p {}", shell_word(&host), shell_word(url.port().unwrap_or("5432")))
}

fn place(url: &DatabaseUrl) -> String {
    let host = if url.host().is_empty() { default_host() } else { url.host().to_owned() };
    format!("{host}:{}", url.port().unwrap_or("5432"))
}

/// A query's failure: the server's own message, detail and hint, and the statement's beginning.
fn query_failed(sql: &str, error: &tokio_postgres::Error) -> Failure {
    if error.is_closed() {
        return Failure::new(code::CONNECTION_LOST, "the connection to the server was lost")
            .because(error)
            .effect(Effect::Unknown);
    }
    let beginning: String = sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    let Some(server) = error.as_db_error() else {
        return Failure::new(code::QUERY_FAILED, "a query failed")
            .because(error)
            .cause(format!("in: {beginning}"));
    };
    let mut failure = Failure::new(
        code::QUERY_FAILED,
        format!("the server says: {} ({})", server.message(), server.code().code()),
    );
    if let Some(detail) = server.detail() {
        failure = failure.cause(detail);
    }
    failure = failure.cause(format!("in: {beginning}"));
    match server.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// An identifier as it stands in SQL.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text literal as it stands in SQL, whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', r"\\")) } else { format!("'{quoted}'") }
}
