//! Through all scripts, statement by statement.

use switchback_sql::ast::Stmt;
use switchback_sql::locks::{self, Effects, Place};
use switchback_sql::schema::{Born, Schema};
use switchback_sql::{Relation, plpgsql, read};

use crate::cx::{At, Direction, History, Migration, Read, Script, ScriptAt, Session, What, read_script};
use crate::live::Live;
use crate::options::Options;
use crate::out::{Out, Raw};
use crate::place::Places;
use crate::rule::{HistoryLook, Look, Rule, ScriptLook, StatementLook};
use crate::rules;

/// What was found, and the scripts as they were read.
pub(crate) struct Walked {
    /// By no order.
    pub(crate) raw: Vec<Raw>,
    /// The statements of each script.
    pub(crate) reads: Vec<Vec<Read>>,
}

/// The rules that are on, by what they look at.
struct Active {
    statements: Vec<(&'static Rule, StatementLook)>,
    scripts: Vec<(&'static Rule, ScriptLook)>,
    histories: Vec<(&'static Rule, HistoryLook)>,
}

impl Active {
    fn of(options: &Options) -> Self {
        let mut active = Self { statements: Vec::new(), scripts: Vec::new(), histories: Vec::new() };
        for rule in rules::active(options) {
            match rule.look {
                Look::Statement(look) => active.statements.push((rule, look)),
                Look::Script(look) => active.scripts.push((rule, look)),
                Look::History(look) => active.histories.push((rule, look)),
                Look::StatementAndHistory(look, after) => {
                    active.statements.push((rule, look));
                    active.histories.push((rule, after));
                }
            }
        }
        active
    }
}

pub(crate) fn walk(scripts: &[Script<'_>], options: &Options, live: &Live) -> Walked {
    let active = Active::of(options);
    let reads: Vec<Vec<Read>> = scripts.iter().map(read_script).collect();
    let places: Vec<Places<'_>> = scripts.iter().map(|script| Places::of(script.text)).collect();
    let at = |number: usize| ScriptAt {
        number,
        script: &scripts[number],
        reads: &reads[number],
        places: &places[number],
        options,
        live,
    };
    let mut raw = Vec::new();
    // Where the target's schema is known, the applied scripts only tell what it should be.
    let (mut told, mut schema) = (Schema::new(), live.schema.clone());
    told.set_home_path(live.search_path.clone());
    for number in 0..scripts.len() {
        let script = at(number);
        let meets = match &mut schema {
            Some(schema) if !script.script.applied || live.before.contains(script.script.path) => schema,
            _ => &mut told,
        };
        match script.script.direction {
            Direction::Up => through(&active, &script, meets, &mut raw),
            // What a way down does is not what the next way up meets.
            Direction::Down if script.script.applied => {}
            Direction::Down => through(&active, &script, &mut meets.clone(), &mut raw),
        }
        if !script.script.applied {
            for (rule, look) in &active.scripts {
                look(&script, &mut Out { rule, raw: &mut raw });
            }
        }
    }
    if !active.histories.is_empty() {
        let (migrations, first) = migrations(scripts, &at);
        let is_told = |script: &Script<'_>| script.applied && !live.before.contains(script.path);
        let whole = || scripts.iter().zip(&reads).all(|(script, reads)| !is_told(script) || is_whole(reads));
        let files = schema.is_some().then_some(&told).filter(|_| whole());
        let schema = schema.as_ref().unwrap_or(&told);
        let history = History { migrations, first, schema, told: files, options, live };
        for (rule, look) in &active.histories {
            look(&history, &mut Out { rule, raw: &mut raw });
        }
    }
    Walked { raw, reads }
}

/// Whether everything that a script does to the schema was seen.
fn is_whole(reads: &[Read]) -> bool {
    reads.iter().all(|read| match &read.what {
        What::Statement(stmt) => !matches!(**stmt, Stmt::Do { .. } | Stmt::Call { .. } | Stmt::Unread),
        What::Mistake(_) | What::Unread(_) => false,
        What::Psql => read.data,
    })
}

/// Pairs each way up with the way down of its revision, and says from which on they are reviewed.
fn migrations<'a>(
    scripts: &[Script<'_>],
    at: &impl Fn(usize) -> ScriptAt<'a>,
) -> (Vec<Migration<'a>>, usize) {
    let (mut migrations, mut first): (Vec<Migration<'a>>, _) = (Vec::new(), None);
    for (number, script) in scripts.iter().enumerate() {
        if script.direction == Direction::Down {
            let pair = migrations.iter_mut().rev().take(2).find(|migration| {
                !script.revision.is_empty() && migration.up.script.revision == script.revision
            });
            if let Some(migration) = pair {
                migration.down = Some(at(number));
            }
            continue;
        }
        if !script.applied && first.is_none() {
            first = Some(migrations.len());
        }
        migrations.push(Migration { up: at(number), down: None });
    }
    let first = first.unwrap_or(migrations.len());
    (migrations, first)
}

/// Statement by statement through one script.
fn through(active: &Active, script: &ScriptAt<'_>, schema: &mut Schema, raw: &mut Vec<Raw>) {
    let mut session = Session::new(script.script.wrapped, script.script.one_query && script.reads.len() > 1);
    if let Some(zone) = &script.live.time_zone {
        session.settings.insert("timezone".to_owned(), zone.clone());
    }
    for (number, read) in script.reads.iter().enumerate() {
        session.stands(read.outside, script.script.wrapped);
        let What::Statement(stmt) = &read.what else { continue };
        let effects = effects(stmt, schema, &session, script);
        let at = At {
            stmt,
            text: script.text(number),
            number,
            base: read.exact.then_some(read.range.start),
            effects: &effects,
            schema,
            session: &session,
            script,
            embedded: false,
        };
        if !script.script.applied {
            look(active, &at, raw);
        }
        let (embedded, inner) = if let Stmt::Do { body: (body, start), .. } = &**stmt {
            let (embedded, inner) = inside(active, &at, body, *start, raw);
            (embedded, Some(inner))
        } else {
            (Vec::new(), None)
        };
        let used: Vec<_> = effects.locks.iter().map(|lock| at.is_used(&lock.relation)).collect();
        let is_used = |relation: &Relation| {
            let index = effects.locks.iter().position(|lock| lock.relation == *relation);
            index.is_none_or(|index| used[index])
        };
        session.apply(number, stmt, &effects, is_used);
        if let Some(inner) = inner {
            session.behind(inner);
        }
        let born = Born { script: script.number, statement: number };
        schema.apply(stmt, born);
        for stmt in &embedded {
            schema.apply(stmt, born);
        }
    }
}

fn effects(stmt: &Stmt, schema: &Schema, session: &Session, script: &ScriptAt<'_>) -> Effects {
    let place = Place { version: script.options.version, schema, utc: session.utc() };
    locks::effects(stmt, place)
}

fn look(active: &Active, at: &At<'_>, raw: &mut Vec<Raw>) {
    if at.script.script.direction == Direction::Down {
        return rules::going_back(at, raw, |at, raw| each(active, at, raw));
    }
    each(active, at, raw);
}

fn each(active: &Active, at: &At<'_>, raw: &mut Vec<Raw>) {
    for (rule, look) in &active.statements {
        look(at, &mut Out { rule, raw });
    }
}

/// The statements in the body of a `DO` block, looked at as those around it; gives them, and the
/// session behind them.
fn inside(
    active: &Active,
    outer: &At<'_>,
    body: &str,
    start: usize,
    raw: &mut Vec<Raw>,
) -> (Vec<Stmt>, Session) {
    let mut schema = outer.schema.clone();
    let mut session = outer.session.inside(outer.number);
    let mut stmts = Vec::new();
    for found in plpgsql::statements(body) {
        let Some(text) = &found.text else { continue };
        let Ok(stmt) = read::read(text) else { continue };
        let effects = effects(&stmt, &schema, &session, outer.script);
        let at = At {
            stmt: &stmt,
            text,
            number: outer.number,
            base: outer.base.map(|base| base + start + found.at),
            effects: &effects,
            schema: &schema,
            session: &session,
            script: outer.script,
            embedded: true,
        };
        if !outer.script.script.applied {
            look(active, &at, raw);
        }
        let used: Vec<Relation> = used(&at);
        // Its transaction is ended by what is around it.
        if !matches!(stmt, Stmt::Transaction(_)) {
            session.apply(outer.number, &stmt, &effects, |relation| used.contains(relation));
        }
        schema.apply(&stmt, Born { script: outer.script.number, statement: outer.number });
        stmts.push(stmt);
    }
    (stmts, session)
}

/// The relations that a statement locks and others use.
fn used(at: &At<'_>) -> Vec<Relation> {
    let locks = at.effects.locks.iter().filter(|lock| at.is_used(&lock.relation));
    locks.map(|lock| lock.relation.clone()).collect()
}
