//! Through all scripts, statement by statement.

use switchback_sql::ast::Stmt;
use switchback_sql::locks::{self, Effects, Place};
use switchback_sql::schema::{Born, Schema};
use switchback_sql::{Relation, plpgsql, read};

use crate::cx::{
    At, Direction, History, Inner, Migration, Read, Script, ScriptAt, Session, What, outline, read_script,
};
use crate::live::Live;
use crate::options::Options;
use crate::out::{Out, Raw};
use crate::place::Places;
use crate::rule::{BlockLook, HistoryLook, Look, Rule, ScriptLook, StatementLook};
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
    blocks: Vec<(&'static Rule, BlockLook)>,
    scripts: Vec<(&'static Rule, ScriptLook)>,
    histories: Vec<(&'static Rule, HistoryLook)>,
}

impl Active {
    fn of(options: &Options) -> Self {
        let (statements, blocks, scripts, histories) = Default::default();
        let mut active = Self { statements, blocks, scripts, histories };
        for rule in rules::active(options) {
            match rule.look {
                Look::Statement(look) => active.statements.push((rule, look)),
                Look::Block(look) => active.blocks.push((rule, look)),
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
    let (mut raw, mut reads) = (Vec::new(), Vec::with_capacity(scripts.len()));
    // Where the target's schema is known, the applied scripts only tell what it should be.
    let (mut told, mut schema) = (Schema::new(), live.schema.clone());
    told.set_home_path(live.search_path.clone());
    for (number, script) in scripts.iter().enumerate() {
        let mut own = read_script(script);
        let places = Places::of(script.text);
        let at = ScriptAt { number, script, reads: &own, places: &places, options, live };
        let meets = match &mut schema {
            Some(schema) if !is_told(script, live) => schema,
            _ => &mut told,
        };
        match script.direction {
            Direction::Up => through(&active, &at, meets, &mut raw),
            // What a way down does is not what the next way up meets.
            Direction::Down if script.applied => {}
            Direction::Down => meets.aside(|schema| through(&active, &at, schema, &mut raw)),
        }
        if !script.applied {
            for (rule, look) in &active.scripts {
                look(&at, &mut Out { rule, raw: &mut raw });
            }
        }
        outline(&mut own);
        reads.push(own);
    }
    let places: Vec<Places<'_>> = scripts.iter().map(|script| Places::of(script.text)).collect();
    let at = |number: usize| ScriptAt {
        number,
        script: &scripts[number],
        reads: &reads[number],
        places: &places[number],
        options,
        live,
    };
    if !active.histories.is_empty() {
        let (migrations, first) = migrations(scripts, &at);
        let tells = |script: &Script<'_>| is_told(script, live) && script.direction == Direction::Up;
        let whole = || scripts.iter().zip(&reads).all(|(script, reads)| !tells(script) || is_whole(reads));
        let files = schema.is_some().then_some(&told).filter(|_| whole());
        let schema = schema.as_ref().unwrap_or(&told);
        let history = History { migrations, first, schema, told: files, options, live };
        for (rule, look) in &active.histories {
            look(&history, &mut Out { rule, raw: &mut raw });
        }
    }
    Walked { raw, reads }
}

/// Whether a script only tells of the schema, and the target has what it did.
fn is_told(script: &Script<'_>, live: &Live) -> bool {
    script.applied && !live.before.contains(script.path)
}

/// Whether everything that a script does to the schema was seen.
fn is_whole(reads: &[Read]) -> bool {
    reads.iter().all(|read| match &read.what {
        What::Statement(stmt) => !matches!(**stmt, Stmt::Do { .. } | Stmt::Call { .. } | Stmt::Unread),
        What::Mistake(_) | What::NotPython | What::Unread(_) => false,
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
        let at = standing(script, (number, stmt), &effects, schema, &session);
        if !script.script.applied {
            look(active, &at, raw);
        }
        if let Stmt::Do { body: (body, start), .. } = &**stmt {
            let base = at.base.map(|base| base + start);
            let inner = inside(active, script, (number, base), body, &mut session, schema, raw);
            let behind = standing(script, (number, stmt), &effects, schema, &session);
            blocks(active, &behind, &inner, raw);
            continue;
        }
        let used: Vec<_> = effects.locks.iter().map(|lock| at.is_used(&lock.relation)).collect();
        let is_used = |relation: &Relation| {
            let index = effects.locks.iter().position(|lock| lock.relation == *relation);
            index.is_none_or(|index| used[index])
        };
        session.apply(number, stmt, &effects, is_used);
        schema.apply(stmt, Born { script: script.number, statement: number });
    }
}

/// A statement of the script itself.
fn standing<'a>(
    script: &'a ScriptAt<'a>,
    (number, stmt): (usize, &'a Stmt),
    effects: &'a Effects,
    schema: &'a Schema,
    session: &'a Session,
) -> At<'a> {
    let read = &script.reads[number];
    let at = At {
        stmt,
        text: script.text(number),
        number,
        base: read.exact.then_some(read.range.start),
        effects,
        schema,
        session,
        script,
        embedded: false,
        alters_used: false,
    };
    at.prepared()
}

fn blocks(active: &Active, at: &At<'_>, inner: &[Inner], raw: &mut Vec<Raw>) {
    // On a way down only what a statement locks is spoken of, and a block's are those of its statements.
    if !at.script.script.applied && at.script.script.direction == Direction::Up {
        for (rule, look) in &active.blocks {
            look(at, inner, &mut Out { rule, raw });
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

/// The statements in the body of a `DO` block, looked at as those around it; gives them. `number` is the
/// block's, and `base` the byte of the script at which its body begins.
fn inside(
    active: &Active,
    script: &ScriptAt<'_>,
    (number, base): (usize, Option<usize>),
    body: &str,
    session: &mut Session,
    schema: &mut Schema,
    raw: &mut Vec<Raw>,
) -> Vec<Inner> {
    let (mut inner, outside) = (Vec::new(), session.enter(number));
    for found in plpgsql::statements(body) {
        let Some(text) = &found.text else { continue };
        let Ok(stmt) = read::read(text) else { continue };
        let effects = effects(&stmt, schema, session, script);
        let at = At {
            stmt: &stmt,
            text,
            number,
            base: base.map(|base| base + found.at),
            effects: &effects,
            schema,
            session,
            script,
            embedded: true,
            alters_used: false,
        }
        .prepared();
        if !script.script.applied {
            look(active, &at, raw);
        }
        let effects = at.effects_on_used();
        // Its transaction is ended by what is around it.
        if !matches!(stmt, Stmt::Transaction(_)) {
            session.apply(number, &stmt, &effects, |_| true);
        }
        schema.apply(&stmt, Born { script: script.number, statement: number });
        inner.push(Inner { at: found.at, stmt, effects });
    }
    session.leave(outside);
    inner
}
