//! The user's own checks: `[[validations]]`.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use switchback_engine::exec::Program;
use switchback_model::config::{Expected, RowBounds, RowRule, RowWord, Validation};
use switchback_model::{Failure, Result, code};
use switchback_postgres::Row;
use switchback_postgres::Session;
use switchback_postgres::session::{ident, literal};
use switchback_sql::tokens;

use super::shared::names::{Relation, counted};
use super::{Check, CheckCx, CheckResult, Sessions, counts};

/// How long one of them may take.
const LIMIT: Duration = Duration::from_mins(10);

/// The check.
pub(super) struct User;

#[async_trait(?Send)]
impl Check for User {
    fn name(&self) -> &'static str {
        "user"
    }

    /// What it counts it counts itself.
    fn reads_facts(&self) -> bool {
        false
    }

    async fn run(&self, cx: &CheckCx<'_>, sessions: &Sessions<'_>) -> Result<Vec<CheckResult>> {
        let picked = cx.config.validations.iter().filter(|validation| cx.pick.has(&validation.name));
        let validations = picked.map(async |validation| match look(cx, sessions, validation).await {
            Err(failure) if failure.code == code::INTERRUPTED => Err(failure),
            Err(failure) => Ok(CheckResult::not_run(&validation.name, &failure)),
            Ok(result) => Ok(result),
        });
        let results: Vec<_> = stream::iter(validations).buffered(cx.jobs.max(1)).collect().await;
        results.into_iter().collect()
    }
}

/// What a validation is, being exactly one of three.
pub(super) enum What<'c> {
    Sql(&'c str, Option<&'c Expected>),
    Table(Relation, &'c RowRule),
    Command(&'c [String]),
}

impl<'c> What<'c> {
    /// # Errors
    /// [`code::CONFIG_INVALID`].
    pub(super) fn of(validation: &'c Validation) -> Result<Self> {
        let invalid = |why: &str| {
            Failure::new(code::CONFIG_INVALID, format!("validation `{}`: {why}", validation.name))
                .hint("a validation has exactly one of: sql (with expect), table (with rows), command")
        };
        if validation.expect.is_some() && validation.sql.is_none() {
            return Err(invalid("`expect` belongs to `sql`"));
        }
        if validation.rows.is_some() && validation.table.is_none() {
            return Err(invalid("`rows` belongs to `table`"));
        }
        match (&validation.sql, &validation.table, &validation.command) {
            (Some(sql), None, None) => Ok(Self::Sql(sql, validation.expect.as_ref())),
            (None, Some(table), None) => {
                let rule = validation.rows.as_ref().ok_or_else(|| invalid("`table` needs `rows`"))?;
                let name = Relation::configured(table)
                    .ok_or_else(|| invalid("`table` is not the name of a table"))?;
                rule_is_whole(rule).map_err(invalid)?;
                Ok(Self::Table(name, rule))
            }
            (None, None, Some(command)) if !command.is_empty() => Ok(Self::Command(command)),
            (None, None, Some(_)) => Err(invalid("`command` is empty")),
            _ => Err(invalid("it has not exactly one of `sql`, `table`, `command`")),
        }
    }
}

fn rule_is_whole(rule: &RowRule) -> Result<(), &'static str> {
    match rule {
        RowRule::Bounds(RowBounds { min: None, max: None, change: None }) => Err("`rows` says nothing"),
        RowRule::Bounds(RowBounds { change: Some(change), .. }) if range(change).is_none() => {
            Err("`change` is not written as `+0..100`")
        }
        RowRule::Bounds(_) | RowRule::Word(RowWord::Unchanged) => Ok(()),
    }
}

/// `+0..100`, `-5..5`; both ends belong to it.
fn range(text: &str) -> Option<(i64, i64)> {
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let (least, most) = text.split_once("..")?;
    Some((number(least)?, number(most)?)).filter(|(least, most)| least <= most)
}

async fn look(cx: &CheckCx<'_>, sessions: &Sessions<'_>, validation: &Validation) -> Result<CheckResult> {
    let name = &validation.name;
    match What::of(validation)? {
        What::Sql(sql, expected) => {
            let role = cx.config.database_url.user();
            let timed = async |session: &Session| {
                let begin = Instant::now();
                value(session, sql, role).await.map(|found| (found, begin.elapsed()))
            };
            let (found, took) = sessions.with(timed).await?;
            Ok(judge(name, &found, expected).took(took))
        }
        What::Table(table, rule) => {
            let (key, now) = rows(sessions, &table).await?;
            let before = match cx.before {
                Some(before) => {
                    counts::rows(before).get(key.as_str()).map_or(Before::NoTable, |rows| Before::Rows(*rows))
                }
                None => Before::NoRestorePoint,
            };
            Ok(judge_rows(name, now, before, rule))
        }
        What::Command(command) => {
            let begin = Instant::now();
            Ok(run(cx, sessions, name, command).await?.took(begin.elapsed()))
        }
    }
}

/// A table's name as facts have it (quoted only where SQL needs it), and its rows.
async fn rows(sessions: &Sessions<'_>, table: &Relation) -> Result<(String, i64)> {
    let (schema, name) = (&table.schema, &table.name);
    let key = sessions.rows(&format!("select format('%I.%I', {}, {})", text(schema), text(name))).await?;
    let count = sessions.rows(&format!("select count(*) from {}.{}", ident(schema), ident(name))).await?;
    Ok((first(&key)?.get(0), first(&count)?.get(0)))
}

/// A text literal with its type, which `format` asks for.
fn text(text: &str) -> String {
    format!("{}::text", literal(text))
}

fn first(rows: &[Row]) -> Result<&Row> {
    rows.first().ok_or_else(|| Failure::new(code::INTERNAL, "a query that always gives a row gave none"))
}

/// What the restore point says of a table.
#[derive(Clone, Copy)]
enum Before {
    Rows(i64),
    NoTable,
    NoRestorePoint,
}

fn judge_rows(name: &str, now: i64, before: Before, rule: &RowRule) -> CheckResult {
    let (bounds, change) = match rule {
        RowRule::Word(RowWord::Unchanged) => (RowBounds { min: None, max: None, change: None }, Some((0, 0))),
        RowRule::Bounds(bounds) => (bounds.clone(), bounds.change.as_deref().and_then(range)),
    };
    let found = counted(now, "row", "rows");
    if bounds.min.is_some_and(|min| now < min) {
        return CheckResult::failed(name, format!("{found}, fewer than {}", bounds.min.unwrap_or_default()));
    }
    if bounds.max.is_some_and(|max| now > max) {
        return CheckResult::failed(name, format!("{found}, more than {}", bounds.max.unwrap_or_default()));
    }
    let Some((least, most)) = change else { return CheckResult::ok(name, found) };
    match before {
        Before::NoRestorePoint => CheckResult::ok(name, format!("{found}; not compared: no restore point")),
        Before::NoTable => CheckResult::failed(name, format!("{found}; the restore point has no such table")),
        Before::Rows(then) if (least..=most).contains(&(now - then)) => {
            CheckResult::ok(name, format!("{then} → {now} rows"))
        }
        Before::Rows(then) => CheckResult::failed(
            name,
            format!("{then} → {now} rows, a change of {:+}; allowed is {least:+}..{most:+}", now - then),
        ),
    }
}

/// Runs a command, which is told the target as the migrator is.
async fn run(
    cx: &CheckCx<'_>,
    sessions: &Sessions<'_>,
    name: &str,
    command: &[String],
) -> Result<CheckResult> {
    let migrations = &cx.config.migrations;
    let url = cx.config.database_url.with_database(sessions.url().database());
    let program = Program::of(command)?
        .folder(cx.config.working_directory())
        .envs(&migrations.env)
        .env(&migrations.database_url_variable, url.expose())
        .secret(url.password())
        .limit(LIMIT);
    let finished = program.run(cx.cancel, |_, _| {}).await?;
    let said = finished.tail.iter().rev().find(|line| !line.trim().is_empty());
    let said = said.map(|line| format!(": {line}")).unwrap_or_default();
    Ok(if finished.succeeded() {
        CheckResult::ok(name, format!("`{}` ended with exit status 0", program.display()))
    } else {
        CheckResult::failed(
            name,
            format!("`{}` ended with exit status {}{said}", program.display(), finished.status),
        )
    })
}

/// The one value of a query, as text. It runs in the read-only transaction of the snapshot, with the
/// search path of the application's role.
async fn value(session: &Session, sql: &str, role: Option<&str>) -> Result<Value> {
    let path = search_path(session, role).await?;
    session.rows(SET_PATH, &[&path]).await?;
    session.batch(&format!("set statement_timeout = {}", LIMIT.as_millis())).await?;
    // As a part of another statement it can be nothing but one query. JSON gives every type a text.
    let query = without_end(sql);
    let whole = format!(
        "select (select count(*) from json_object_keys(to_json(switchback_validation))), \
         (select value from json_each_text(to_json(switchback_validation)) limit 1) \
         from (\n{query}\n) as switchback_validation limit 2"
    );
    let rows = session.rows(&whole, &[]).await?;
    session.batch("set search_path = pg_catalog; set statement_timeout = 0").await?;
    Ok(match rows.as_slice() {
        [] => Value::Wrong("it gave no row".to_owned()),
        [row] if row.get::<_, i64>(0) == 1 => Value::One(row.get(1)),
        [row] => Value::Wrong(format!("it gave {} columns, not one", row.get::<_, i64>(0))),
        _ => Value::Wrong("it gave more than one row".to_owned()),
    })
}

/// What a query gave.
enum Value {
    One(Option<String>),
    Wrong(String),
}

const SET_PATH: &str = "select set_config('search_path', $1, false)";

/// Settings for a role in a database come before those for the role, and these before those for the
/// database (PostgreSQL manual, ALTER ROLE).
const PATH: &str = "
select coalesce(
       (select substr(s.setting, length('search_path=') + 1)
          from pg_db_role_setting d, unnest(d.setconfig) as s(setting)
         where starts_with(s.setting, 'search_path=')
           and d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
           and d.setrole in (0, (select oid from pg_roles where rolname = coalesce($1, current_user)))
         order by d.setrole = 0, d.setdatabase = 0 limit 1),
       (select reset_val from pg_settings where name = 'search_path'))";

async fn search_path(session: &Session, role: Option<&str>) -> Result<String> {
    let path: String = session.one(PATH, &[&role]).await?.get(0);
    // Ours may be another role.
    Ok(role.map_or(path.clone(), |role| path.replace("\"$user\"", &ident(role))))
}

/// The query without the semicolons and comments at its end, which can't stand in brackets.
fn without_end(sql: &str) -> &str {
    let end = tokens(sql).filter(|token| !token.is_comment() && token.of(sql) != ";").last();
    end.map_or("", |token| &sql[..token.end])
}

fn judge(name: &str, value: &Value, expected: Option<&Expected>) -> CheckResult {
    let found = match value {
        Value::Wrong(why) => return CheckResult::failed(name, why.clone()),
        Value::One(None) => return CheckResult::failed(name, "it gave null"),
        Value::One(Some(found)) => found,
    };
    let (same, wanted) = match expected {
        None => (found == "true", "true".to_owned()),
        Some(Expected::Bool(bool)) => (*found == bool.to_string(), bool.to_string()),
        Some(Expected::Number(number)) => (is_number(found, *number), number.to_string()),
        Some(Expected::Text(text)) => (found == text, format!("`{text}`")),
    };
    let shown: String = found.chars().take(200).collect();
    if same {
        CheckResult::ok(name, shown)
    } else {
        CheckResult::failed(name, format!("{shown}, expected {wanted}"))
    }
}

/// Whether a text of the server is this number: `5`, `5.00`, `5e+00`.
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "only for texts that are floating-point numbers"
)]
fn is_number(text: &str, number: i64) -> bool {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
    match whole.parse::<i64>() {
        Ok(found) => found == number,
        Err(_) => text.contains(['e', 'E']) && text.parse::<f64>().is_ok_and(|found| found == number as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_the_server_writes_them() {
        for text in ["5", "5.00", "5e+00"] {
            assert!(is_number(text, 5), "{text}");
        }
        for text in ["5.5", "50", "", "five", "5.", "NaN"] {
            assert_eq!(is_number(text, 5), text == "5.", "{text}");
        }
        assert!(!is_number("9223372036854775808", i64::MAX));
    }

    #[test]
    fn ranges() {
        assert_eq!(range("+0..100"), Some((0, 100)));
        assert_eq!(range("-5..5"), Some((-5, 5)));
        for text in ["", "5", "5..", "5..-5", "a..b"] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn a_query_ends_before_its_semicolon() {
        assert_eq!(without_end("select ';' ; -- why\n;"), "select ';'");
        assert_eq!(without_end(" -- nothing"), "");
    }
}
