//! A backup becomes a database: beside the others, never in the place of one.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use switchback_engine::cancel::Cancel;
use switchback_engine::exec::{Program, Stream};
use switchback_model::{Code, DatabaseUrl, Effect, Failure, Result, code};

use super::compare::{Subject, compare};
use super::manifest::{Compared, DUMP, Manifest, ROLES, Target};
use super::{Client, Listener, Progress, client, draft, files};
use crate::Session;
use crate::server;
use crate::session::{ident, literal};
use crate::settings::DatabaseSettings;

/// What to restore, and where.
#[derive(Clone, Debug)]
pub struct RestoreRequest<'a> {
    /// The backup's folder.
    pub folder: &'a Path,
    /// The server, by a database that is there already (its maintenance database).
    pub server: &'a DatabaseUrl,
    /// The name of the new database.
    pub into: &'a str,
    /// The name under which it is filled; without one, a name like no other.
    pub filling: Option<&'a str>,
    /// With what.
    pub client: &'a Client,
}

/// A database that was restored and compared.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Its name.
    pub database: String,
    /// What was found to be equal.
    pub compared: Compared,
    /// What is worth knowing and is no difference.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Makes a *new* database from a backup, puts its settings back and compares it with the manifest.
/// It is filled under a name of its own and renamed when it is equal, so a database with the name
/// `into` is always a whole one. No other database is touched.
///
/// # Errors
/// [`code::RESTORE_REFUSED`] where a database of that name is there or a role is missing.
/// [`code::RESTORE_FAILED`] where `pg_restore` fails: nothing is left. [`code::BACKUP_DIFFERS`] where the
/// result is not equal: it is left under the other name, for a person to look at. [`code::BACKUP_DAMAGED`]
/// before anything is done.
pub async fn restore(
    request: &RestoreRequest<'_>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Restored> {
    let start = Instant::now();
    let heard = Listener::new(progress);
    let (_reading, manifest) = checked(request.folder, &heard).await?;
    let session = Session::connect(request.server, &request.client.application).await?;
    refuse_unless_possible(&session, request, &manifest).await?;
    let name = request.filling.map_or_else(|| format!("sb_restore_{}", unique()), str::to_owned);
    // Boxed: whoever awaits this should not carry all of its state.
    let filled = Box::pin(fill_and_compare(request, &manifest, &session, &name, cancel, &heard)).await;
    let comparison = match filled {
        Ok(comparison) => comparison,
        Err(failure) if failure.code == code::BACKUP_DIFFERS => {
            let message = format!("the database is left as {name}, and there is no `{}`", request.into);
            return Err(failure.changed(message).effect(Effect::Durable));
        }
        Err(failure) => {
            drop_database(&session, &name).await?;
            return Err(
                failure.changed("the database that was being filled is dropped; no other was touched")
            );
        }
    };
    session.batch(&format!("alter database {} rename to {}", ident(&name), ident(request.into))).await?;
    Ok(Restored {
        database: request.into.to_owned(),
        compared: comparison.compared,
        notes: comparison.notes,
        took: start.elapsed(),
    })
}

/// The manifest of a backup whose every file was checked, and what keeps it from being pruned.
pub(super) async fn checked(folder: &Path, heard: &Listener<'_>) -> Result<(fs::File, Manifest)> {
    let unreadable = |error: std::io::Error| {
        super::io(code::BACKUP_UNKNOWN, format!("the backup in {} can't be read", folder.display()), &error)
    };
    let reading = draft::reading(folder).map_err(unreadable)?;
    let manifest = Manifest::read(folder)?;
    heard.hear("checksums", 0, manifest.bytes());
    manifest.check_files(folder).await?;
    heard.hear("checksums", manifest.bytes(), manifest.bytes());
    Ok((reading, manifest))
}

async fn refuse_unless_possible(
    session: &Session,
    request: &RestoreRequest<'_>,
    manifest: &Manifest,
) -> Result<()> {
    let into = request.into;
    if server::database(session, into).await?.is_some() {
        let message = format!("there is a database `{into}` already, and a restore never replaces one");
        return Err(Failure::new(code::RESTORE_REFUSED, message)
            .changed("nothing was changed")
            .hint(format!("restore it beside: --into {into}_restored")));
    }
    let missing = missing_roles(session, manifest).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let message =
        format!("the server lacks roles that the backup's objects may belong to: {}", missing.join(", "));
    let hint = match manifest.roles.not_readable {
        None => format!("make them: psql -d postgres -f {}", request.folder.join(ROLES).display()),
        Some(_) => "make them: CREATE ROLE …; the backup holds their names only".to_owned(),
    };
    Err(Failure::new(code::RESTORE_REFUSED, message).changed("nothing was changed").hint(hint))
}

async fn fill_and_compare(
    request: &RestoreRequest<'_>,
    manifest: &Manifest,
    session: &Session,
    name: &str,
    cancel: &Cancel,
    heard: &Listener<'_>,
) -> Result<super::compare::Comparison> {
    let RestoreRequest { folder, server: url, client, .. } = *request;
    let major = server::Identity::read(session).await?.major();
    create(session, name, &manifest.target, Some(&manifest.settings.tablespace), major).await?;
    give(session, name, &manifest.settings.owner).await;
    let url = &url.with_database(name);
    pg_restore(
        Dump { folder, manifest, url, tablespaces: true, code: code::RESTORE_FAILED, client },
        cancel,
        heard,
    )
    .await?;
    let same_major = major == manifest.major();
    let subject = Subject { folder, manifest, url, same_major, tablespaces: true, client };
    let mut comparison = compare(subject, cancel, heard).await?;
    manifest.settings.apply(session, name).await?;
    let found = DatabaseSettings::read(session, name).await?;
    comparison.settings(&manifest.settings, &found, true);
    comparison.equal("the restored database")
}

/// Roles of the backup that the server has not.
pub(super) async fn missing_roles(session: &Session, manifest: &Manifest) -> Result<Vec<String>> {
    let rows = session.rows("select rolname::text from pg_roles", &[]).await?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(manifest.roles.names.iter().filter(|name| !there.contains(name)).cloned().collect())
}

/// An empty database with the target's encoding and locale.
pub(super) async fn create(
    session: &Session,
    name: &str,
    target: &Target,
    tablespace: Option<&str>,
    major: u16,
) -> Result<()> {
    let mut sql = create_sql(name, target, major);
    // Naming the default one asks for a right that only naming it needs.
    if let Some(tablespace) = tablespace.filter(|name| *name != "pg_default") {
        sql.push_str(" tablespace ");
        sql.push_str(&ident(tablespace));
    }
    session.batch(&sql).await
}

/// Gives a new database to the target's owner at once, where our role may. A plain role makes objects
/// for their owners only where those may create (PostgreSQL manual, ALTER TABLE, Notes), and in the
/// schema `public` that is the database's owner alone. What could not be done here is seen later: by
/// `pg_restore`, or by the comparison.
pub(super) async fn give(session: &Session, name: &str, owner: &str) {
    if !owner.is_empty() {
        let _seen_later =
            session.batch(&format!("alter database {} owner to {}", ident(name), ident(owner))).await;
    }
}

fn create_sql(name: &str, target: &Target, major: u16) -> String {
    let mut sql = format!(
        "create database {} template template0 encoding {} lc_collate {} lc_ctype {}",
        ident(name),
        literal(&target.encoding),
        literal(&target.collate),
        literal(&target.ctype)
    );
    let locale = target.locale.as_deref().map(literal).unwrap_or_default();
    match target.provider.as_str() {
        // Before 15 there is no other, and no word for it.
        "c" if major >= 15 => sql.push_str(" locale_provider libc"),
        "i" => {
            sql.push_str(" locale_provider icu icu_locale ");
            sql.push_str(&locale);
        }
        "b" => {
            sql.push_str(" locale_provider builtin builtin_locale ");
            sql.push_str(&locale);
        }
        _ => {}
    }
    if let Some(rules) = &target.icu_rules {
        sql.push_str(" icu_rules ");
        sql.push_str(&literal(rules));
    }
    sql
}

/// Drops a database that we made.
pub(super) async fn drop_database(session: &Session, name: &str) -> Result<()> {
    session.batch(&format!("drop database if exists {} with (force)", ident(name))).await
}

/// What is restored into what.
#[derive(Clone, Copy)]
pub(super) struct Dump<'a> {
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a Manifest,
    /// An empty database.
    pub(super) url: &'a DatabaseUrl,
    /// Whether objects go to the tablespaces they were in.
    pub(super) tablespaces: bool,
    /// Of a failure of `pg_restore`.
    pub(super) code: Code,
    pub(super) client: &'a Client,
}

/// Fills an empty database; returns how long `pg_restore` took.
pub(super) async fn pg_restore(dump: Dump<'_>, cancel: &Cancel, heard: &Listener<'_>) -> Result<Duration> {
    let Dump { folder, manifest, url, client, .. } = dump;
    let session = Session::connect(url, &client.application).await?;
    for object in &manifest.target.dropped {
        session.batch(&format!("drop {object}")).await?;
    }
    let sql = "select rolsuper from pg_roles where rolname = current_user";
    let superuser: bool = session.one(sql, &[]).await?.get(0);
    drop(session);
    let program = client
        .program("pg_restore", url)
        .args(["--exit-on-error", "--verbose", &client.jobs(), "--dbname", &client::dbname(url.database())])
        .args((!dump.tablespaces).then_some("--no-tablespaces"))
        .arg(folder.join(DUMP));
    let lists = tempfile::tempdir().map_err(|error| {
        super::io(dump.code, "a folder for the lists of `pg_restore` can't be made", &error)
    })?;
    let rounds =
        if superuser { vec![program] } else { in_rounds(&dump, &program, lists.path(), cancel).await? };
    let total =
        manifest.files.iter().filter(|(name, _)| name.starts_with(DUMP)).map(|(_, file)| file.bytes).sum();
    let mut done = 0;
    let on_line = |_: Stream, line: &str| {
        done += finished_item(line).and_then(|item| bytes_of(manifest, item)).unwrap_or(0);
        heard.hear("restore", done, total);
    };
    let message = format!("`pg_restore` could not restore the backup {}", manifest.id);
    let mut on_line = on_line;
    let mut took = Duration::ZERO;
    for program in &rounds {
        let ran = client::run(program, cancel, dump.code, &message, &mut on_line).await;
        took += ran.map_err(explained)?.took;
    }
    // Items without a file of their own (large objects, the table of contents) are not counted above.
    heard.hear("restore", total, total);
    Ok(took)
}

/// For a role that is no superuser the schemas and their privileges come first: `pg_restore` alone
/// would give an object to an owner who may not create in its schema yet.
async fn in_rounds(
    dump: &Dump<'_>,
    program: &Program,
    folder: &Path,
    cancel: &Cancel,
) -> Result<Vec<Program>> {
    let contents = folder.join("contents");
    let list = dump.client.program("pg_restore", dump.url).args(["--list", "--file"]).arg(&contents);
    client::run(
        &list.arg(dump.folder.join(DUMP)),
        cancel,
        dump.code,
        "`pg_restore` could not list the backup",
        |_, _| {},
    )
    .await?;
    let listed = fs::read_to_string(&contents)
        .map_err(|error| super::io(dump.code, "the list of `pg_restore` can't be read", &error))?;
    let (first, rest) = schemas_first(&listed);
    let mut rounds = Vec::new();
    for (name, lines) in [("schemas", first), ("rest", rest)] {
        let path = folder.join(name);
        files::write(&path, lines.as_bytes())
            .map_err(|error| super::io(dump.code, "a list for `pg_restore` can't be written", &error))?;
        rounds.push(program.clone().arg("--use-list").arg(path));
    }
    Ok(rounds)
}

/// The lines of a table of contents: schemas, their comments and privileges; and all others.
fn schemas_first(list: &str) -> (String, String) {
    let lines = list.lines().filter(|line| !line.starts_with(';'));
    let of_schemas = |line: &&str| {
        // `ID; CATALOG OID KIND …`: only a schema's own line has that kind, only its privileges' this tag.
        let words: Vec<&str> = line.split(' ').skip(3).take(3).collect();
        words.first() == Some(&"SCHEMA") || words.as_slice() == ["ACL", "-", "SCHEMA"]
    };
    let (first, rest): (Vec<&str>, Vec<&str>) = lines.partition(of_schemas);
    (first.join("\n") + "\n", rest.join("\n") + "\n")
}

/// What helps where the server has not what the target's has.
fn explained(failure: Failure) -> Failure {
    let said = failure.causes.join("\n");
    if said.contains("extension control file") || said.contains("is not available") {
        return failure
            .hint("install the package of that extension where the backup is proven (on Debian: postgresql-N-NAME)")
            .hint("or set scratch_url in [environments.NAME] to a server of the same major version that has it");
    }
    if said.contains("must be member of role") || said.contains("must be able to SET ROLE") {
        return failure.hint("grant that role to the one that restores; see: switchback doctor");
    }
    failure
}

/// `pg_restore: finished item 3301 TABLE DATA users`.
fn finished_item(line: &str) -> Option<&str> {
    line.strip_prefix("pg_restore: finished item ")?.split(' ').next()
}

fn bytes_of(manifest: &Manifest, item: &str) -> Option<u64> {
    let names = [format!("{DUMP}/{item}.dat.gz"), format!("{DUMP}/{item}.dat")];
    names.iter().find_map(|name| manifest.files.get(name)).map(|file| file.bytes)
}

/// Eight hexadecimal digits that no other process or call comes up with.
pub(super) fn unique() -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut text = files::sha256(format!("{} {call} {time:?}", std::process::id()).as_bytes());
    text.truncate(8);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(provider: &str, locale: Option<&str>) -> Target {
        let server = server::Identity {
            system_identifier: String::new(),
            timeline: 1,
            version_num: 160_001,
            version: "16.1".to_owned(),
        };
        Target {
            host: String::new(),
            database: "ada".to_owned(),
            server,
            encoding: "UTF8".to_owned(),
            collate: "C".to_owned(),
            ctype: "de_DE".to_owned(),
            provider: provider.to_owned(),
            locale: locale.map(str::to_owned),
            icu_rules: None,
            dropped: Vec::new(),
        }
    }

    #[test]
    fn the_locale_is_said_as_each_version_knows_it() {
        let sql = |provider, locale, major| create_sql("n", &target(provider, locale), major);
        assert!(sql("c", None, 14).ends_with("lc_collate 'C' lc_ctype 'de_DE'"));
        assert!(sql("c", None, 15).ends_with("locale_provider libc"));
        assert!(sql("i", Some("de-x-icu"), 15).ends_with("locale_provider icu icu_locale 'de-x-icu'"));
        assert!(sql("b", Some("C.UTF-8"), 17).ends_with("locale_provider builtin builtin_locale 'C.UTF-8'"));
    }

    #[test]
    fn schemas_and_their_privileges_come_first() {
        let list = "; Archive\n;\n5; 2615 2200 SCHEMA - public pg_database_owner\n\
                    3301; 0 0 ACL - SCHEMA public pg_database_owner\n209; 1259 1 TABLE public SCHEMA ada\n\
                    3302; 0 0 ACL public TABLE SCHEMA ada\n";
        let (first, rest) = schemas_first(list);
        assert_eq!(first.lines().count(), 2, "{first}");
        assert_eq!(rest.lines().count(), 2, "{rest}");
    }

    /// What is no list as `pg_restore` writes it is for `pg_restore` to refuse: no line is lost here, and
    /// none is made.
    #[test]
    fn every_line_of_any_list_stands_in_one_round() {
        let list = "; Archive\n5; 2615 2200 SCHEMA - public owner\n3301; 0 0 ACL - SCHEMA public owner\n\
                    209; 1259 1 TABLE public SCHEMA ada\n";
        for (at, with) in (0..list.len()).flat_map(|at| {
            ["", "\0", " ", ";", "\n", "\r\n", "SCHEMA", "é", "../", "\u{202e}"].map(|with| (at, with))
        }) {
            let text = format!("{}{with}{}", &list[..at], &list[at + 1..]);
            let (first, rest) = schemas_first(&text);
            let mut sorted: Vec<&str> =
                first.lines().chain(rest.lines()).filter(|line| !line.is_empty()).collect();
            let mut all: Vec<&str> =
                text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')).collect();
            sorted.sort_unstable();
            all.sort_unstable();
            assert_eq!(sorted, all, "{text:?}");
        }
    }

    #[test]
    fn reads_progress_from_what_pg_restore_says() {
        assert_eq!(finished_item("pg_restore: finished item 3301 TABLE DATA users"), Some("3301"));
        assert_eq!(finished_item("pg_restore: launching item 3301 TABLE DATA users"), None);
    }
}
