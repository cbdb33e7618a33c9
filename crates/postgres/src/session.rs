//! A connection to a server, and the only place where its errors become ours.

use std::time::Duration;

use switchback_engine::exec::shell_word;
use switchback_model::{DatabaseUrl, Effect, Failure, Result, code};
pub use tokio_postgres::Row;
use tokio_postgres::config::{ChannelBinding, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::tls::{self, Mode};

const CONNECT: Duration = Duration::from_secs(10);

/// An open session. It ends when it is dropped.
#[derive(Debug)]
pub struct Session {
    client: Client,
    database: String,
    pid: i32,
    tls: Connector,
}

/// TLS for one more connection of the same kind.
#[derive(Clone)]
pub(crate) struct Connector(MakeRustlsConnect);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

/// Asks the server to cancel what a session runs; works beside that session's own query.
#[derive(Clone)]
pub struct Canceller {
    pub(crate) token: CancelToken,
    pub(crate) tls: Connector,
}

impl Canceller {
    /// Asks; that the server was asked does not say that it did so.
    ///
    /// # Errors
    /// [`code::CONNECTION_LOST`] where it could not be asked.
    pub async fn cancel(&self) -> Result<()> {
        self.token.cancel_query(self.tls.0.clone()).await.map_err(|error| {
            Failure::new(code::CONNECTION_LOST, "the server could not be asked to cancel").because(&error)
        })
    }
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
        // Boxed: a handshake's state is large, and everybody awaits this.
        let (client, tls) = Box::pin(open(url, application)).await?;
        let mut session = Self { client, database: url.database().to_owned(), pid: 0, tls };
        session.batch(PINNED).await?;
        // Only some operating systems can tell a server this; elsewhere it notices when it answers.
        drop(session.batch(NOTICES).await);
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

    /// What cancels this session's query.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
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

    /// Has a query planned that will be asked again and again.
    pub async fn prepare(&self, sql: &str) -> Result<Statement> {
        self.client.prepare(sql).await.map_err(|error| query_failed(sql, &error))
    }

    /// The one row of a prepared query.
    pub async fn one_prepared(&self, query: &Statement, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row> {
        let asked = self.client.query_one(query, parameters).await;
        asked.map_err(|error| query_failed("a prepared query", &error))
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

/// A server looks whether its client is still there while it works for it (PostgreSQL manual, 20.3.1,
/// from 14 on): what we asked for does not go on for hours when we were killed.
const NOTICES: &str = "select set_config(name, '1s', false) from pg_settings \
    where name = 'client_connection_check_interval'";

async fn open(url: &DatabaseUrl, application: &str) -> Result<(Client, Connector)> {
    let (client, connection, connector) = dial(url, application, "").await?;
    // The task ends with the connection; an error of it is seen by the next query.
    tokio::spawn(connection);
    Ok((client, connector))
}

/// A connection that somebody must still poll.
pub(crate) type Unpolled = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Connects, with `options` (as in `PGOPTIONS`) beside those of the URL.
pub(crate) async fn dial(
    url: &DatabaseUrl,
    application: &str,
    options: &str,
) -> Result<(Client, Unpolled, Connector)> {
    let hosts = if url.host().is_empty() { default_host() } else { url.host().to_owned() };
    let mode = Mode::of(url, hosts.split(',').all(|host| host.starts_with(['/', '@'])))?;
    let connector = tls::connector(url, mode)?;
    let mut config = config(url, application)?;
    let first = match mode {
        Mode::Disable | Mode::Allow => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    };
    if !options.is_empty() {
        config.options(format!("{} {options}", url.parameter("options").unwrap_or_default()).trim());
    }
    config.ssl_mode(first);
    let mut connected = config.connect(connector.clone()).await;
    // As libpq does it: the other way where the server refuses the first (PostgreSQL manual, 34.19.3).
    let refused_so =
        |error: &tokio_postgres::Error| error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    let other = match mode {
        Mode::Allow => Some(SslMode::Require),
        Mode::Prefer => Some(SslMode::Disable),
        _ => None,
    };
    if let (Err(error), Some(other)) = (&connected, other)
        && (refused_so(error) || mode == Mode::Prefer && tls::failure(url, "", error).is_some())
        && let Ok(second) = config.ssl_mode(other).connect(connector.clone()).await
    {
        connected = Ok(second);
    }
    let (client, connection) = connected.map_err(|error| refused(url, &error))?;
    Ok((client, connection, Connector(connector)))
}

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
    for address in url.parameter("hostaddr").unwrap_or_default().split(',').filter(|one| !one.is_empty()) {
        let address = address
            .parse()
            .map_err(|_| Failure::new(code::URL_INVALID, format!("hostaddr={address} is no address")))?;
        config.hostaddr(address);
    }
    for port in url.port().unwrap_or("5432").split(',') {
        let port =
            port.parse().map_err(|_| Failure::new(code::URL_INVALID, format!("`{port}` is not a port")))?;
        config.port(port);
    }
    let options = url.parameter("options");
    if let Some(options) = options {
        config.options(options);
    }
    config.channel_binding(match url.parameter("channel_binding") {
        None | Some("prefer") => ChannelBinding::Prefer,
        Some("disable") => ChannelBinding::Disable,
        Some("require") => ChannelBinding::Require,
        Some(other) => return Err(no_such("channel_binding", other, "disable, prefer, require")),
    });
    match url.parameter("target_session_attrs") {
        None | Some("any") => {}
        // The read-only fence must not take the primary for a replica.
        Some("read-write" | "primary") => {
            let options = options.unwrap_or_default();
            config.options(format!("{options} -c default_transaction_read_only=off"));
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Some(other) => return Err(no_such("target_session_attrs", other, "any, read-write, primary")),
    }
    Ok(config)
}

fn no_such(parameter: &str, value: &str, known: &str) -> Failure {
    Failure::new(code::URL_INVALID, format!("{parameter}={value} can't be followed"))
        .hint(format!("what can be: {known}"))
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

pub(crate) fn refused(url: &DatabaseUrl, error: &tokio_postgres::Error) -> Failure {
    let user = url.user().unwrap_or_default();
    let database = url.database();
    let place = place(url);
    if let Some(failure) = tls::failure(url, &place, error) {
        return failure.because(error);
    }
    // The driver puts "db error" above what the server said.
    let said: &(dyn std::error::Error + 'static) = match error.as_db_error() {
        Some(said) => said,
        None => error,
    };
    let failure = match error.code() {
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => Failure::new(
            code::LOGIN_REFUSED,
            format!("the server at {place} refuses the login of role `{user}`"),
        )
        .hint(login_hint(error)),
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            Failure::new(code::DATABASE_MISSING, format!("there is no database `{database}` at {place}"))
                .hint(format!(
                    "list what is there: psql '{}' -c '\\l'",
                    url.with_database("postgres").for_psql()
                ))
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
    failure.because(said)
}

fn login_hint(error: &tokio_postgres::Error) -> &'static str {
    let said = error.as_db_error().map_or("", |said| said.message());
    if said.contains("certificate") {
        "name a certificate and its key in the URL: sslcert=… and sslkey=…"
    } else if said.contains("no encryption") {
        "the server takes that login over TLS only: sslmode=verify-full and sslrootcert=… in the URL"
    } else {
        "look at the password in the variable or file that the URL comes from"
    }
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
    // The server's last words to a session that it ends, or that ends with it.
    let ended = [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN].contains(&server.code());
    let mut failure = Failure::new(
        if ended { code::CONNECTION_LOST } else { code::QUERY_FAILED },
        format!("the server says: {} ({})", server.message(), server.code().code()),
    );
    if ended {
        failure = failure.effect(Effect::Unknown);
    }
    if let Some(detail) = server.detail() {
        failure = failure.cause(detail);
    }
    failure = failure.cause(format!("in: {beginning}"));
    if [&SqlState::INVALID_SQL_STATEMENT_NAME, &SqlState::DUPLICATE_PSTATEMENT].contains(&server.code()) {
        failure = failure.hint(
            "that is how a pooler of transactions answers: let the URL name the server itself; see: switchback doctor",
        );
    }
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
