//! What a proof that was killed left on a scratch server of others.
//!
//! A database can't end with the process that made it. So each proof holds a lock on its database's
//! name for as long as its session lives, and each new one drops what nobody holds a lock on. Such a
//! lock belongs to the database in which it was taken, and `scratch_url` may name another one
//! elsewhere: so it is looked for in all of them (PostgreSQL manual, 54.12).

use switchback_model::{DatabaseUrl, Result};

use super::Client;
use super::restore::drop_database;
use crate::Session;
use crate::session::{ident, literal};

/// How the databases of proofs begin.
pub(super) const PROOF: &str = "sb_proof_";
/// How their comments begin; the roles that were made for them follow, as JSON.
const COMMENT: &str = "switchback proof, made for it: ";

/// Drops what proofs that were killed left on a scratch server.
///
/// # Errors
/// As [`Session::connect`].
pub async fn sweep_server(server: &DatabaseUrl, client: &Client) -> Result<()> {
    sweep(&Session::connect(server, &client.application).await?).await
}

/// Holds the name of a proof's database, which is not made yet.
pub(super) async fn hold(session: &Session, name: &str) -> Result<()> {
    session.rows("select pg_advisory_lock(hashtextextended($1, 0))", &[&name]).await.map(drop)
}

/// Says on the database what was made for it besides.
pub(super) async fn mark(session: &Session, name: &str, roles: &[String]) -> Result<()> {
    let text = format!("{COMMENT}{}", serde_json::to_string(roles).unwrap_or_default());
    session.batch(&format!("comment on database {} is {}", ident(name), literal(&text))).await
}

/// Whether a session in any database of the server holds the name. A 64-bit key is shown in two halves.
const HELD: &str = "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 \
    and ((classid::int8 << 32) | objid::int8) = hashtextextended($1, 0))";

/// Drops the databases of proofs whose session is gone, and the roles made for them. What can't be
/// dropped is left: it may be another role's, and it is in nobody's way.
pub(super) async fn sweep(session: &Session) -> Result<()> {
    let all = "select datname::text, shobj_description(oid, 'pg_database') from pg_database \
               where starts_with(datname::text, $1)";
    for row in session.rows(all, &[&PROOF]).await? {
        let (name, comment): (String, Option<String>) = (row.get(0), row.get(1));
        if session.one(HELD, &[&name]).await?.get(0) {
            continue;
        }
        let dropped = drop_database(session, &name).await.is_ok();
        for role in roles(comment.as_deref()).iter().filter(|_| dropped) {
            let _owns_something_else = session.batch(&format!("drop role if exists {}", ident(role))).await;
        }
    }
    Ok(())
}

fn roles(comment: Option<&str>) -> Vec<String> {
    let made = comment.and_then(|comment| comment.strip_prefix(COMMENT));
    made.and_then(|made| serde_json::from_str(made).ok()).unwrap_or_default()
}
