//! A session for an application's own scripts.
//!
//! Nothing is pinned in it: a script runs with the settings that role and database give. One statement
//! is one message of the simple protocol, so that the server treats it as it would treat one that
//! `psql` sends, and so that what it says can be told to belong to that statement.

use std::future::poll_fn;
use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt;
use switchback_model::{DatabaseUrl, Failure, Result};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage};

use crate::session::{Canceller, Connector, dial};

/// How much of a `COPY`'s data goes out at once.
const PART: usize = 64 << 10;

/// An open session for scripts. It ends when it is dropped.
#[derive(Debug)]
pub struct ScriptSession {
    client: Client,
    tls: Connector,
}

/// What the server says against a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE (PostgreSQL manual, appendix A); empty where the connection was lost.
    pub sqlstate: String,
    /// The message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// What might help.
    pub hint: Option<String>,
    /// Where in functions and data it happened, the innermost first.
    pub context: Option<String>,
    /// The character of the statement, from 1.
    pub position: Option<usize>,
    /// Whether the connection was lost, so that nobody knows whether the statement was done.
    pub lost: bool,
}

impl ScriptSession {
    /// Connects as `application`, with `options` (as in `PGOPTIONS`) beside those of the URL. Each
    /// notice of the server is handed to `hear`.
    ///
    /// # Errors
    /// As [`Session::connect`](crate::Session::connect).
    pub async fn connect(
        url: &DatabaseUrl,
        application: &str,
        options: &str,
        hear: impl Fn(&str) + Send + 'static,
    ) -> Result<Self> {
        let (client, mut connection, tls) = Box::pin(dial(url, application, options)).await?;
        // The task ends with the connection; an error of it is seen by the next statement.
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    hear(&format!("{}: {}", notice.severity(), notice.message()));
                }
            }
        });
        Ok(Self { client, tls })
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn run(&self, statement: &str) -> Result<(), Refusal> {
        self.client.batch_execute(statement).await.map_err(|error| refusal(&error))
    }

    /// Runs `COPY … FROM stdin` with its data.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn copy_in(&self, statement: &str, data: &str) -> Result<(), Refusal> {
        let lost = |error: tokio_postgres::Error| refusal(&error);
        let sink = self.client.copy_in::<_, Cursor<Vec<u8>>>(statement).await.map_err(lost)?;
        let mut sink = pin!(sink);
        for part in data.as_bytes().chunks(PART) {
            // A server that wants no more says why at the end.
            if sink.feed(Cursor::new(part.to_vec())).await.is_err() {
                break;
            }
        }
        sink.finish().await.map(drop).map_err(lost)
    }

    /// The rows of a query of our own, as texts; names in it need their schema.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn texts(&self, query: &str) -> Result<Vec<Vec<String>>, Refusal> {
        let messages = self.client.simple_query(query).await.map_err(|error| refusal(&error))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let texts = |row: &tokio_postgres::SimpleQueryRow| {
            (0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect()
        };
        Ok(rows.map(texts).collect())
    }

    /// A hand that ends the statement at work, from outside.
    pub fn canceller(&self) -> impl Future<Output = ()> + use<> {
        let canceller = Canceller { token: self.client.cancel_token(), tls: self.tls.clone() };
        async move {
            // Who can't be reached can't be asked to stop; the session ends with this process anyway.
            drop(canceller.cancel().await);
        }
    }
}

fn refusal(error: &tokio_postgres::Error) -> Refusal {
    let Some(server) = error.as_db_error() else {
        let cause =
            Failure::new(switchback_model::code::CONNECTION_LOST, "").because(error).causes.join(": ");
        return Refusal { message: cause, lost: true, ..Refusal::default() };
    };
    Refusal {
        sqlstate: server.code().code().to_owned(),
        message: server.message().to_owned(),
        detail: server.detail().map(str::to_owned),
        hint: server.hint().map(str::to_owned),
        context: server.where_().map(str::to_owned),
        position: match server.position() {
            Some(ErrorPosition::Original(at)) => usize::try_from(*at).ok(),
            _ => None,
        },
        // Class 57P is an operator's intervention: the session is gone, with it the answer.
        lost: server.code().code().starts_with("57P") || error.is_closed(),
    }
}
