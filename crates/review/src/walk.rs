//! Through all scripts, statement by statement.

use std::collections::{BTreeMap, VecDeque};

use switchback_sql::ast::{Expr, Stmt, Transaction};
use switchback_sql::locks::{self, Effects, Place};
use switchback_sql::schema::{Born, Schema};
use switchback_sql::{Relation, plpgsql, read};

use crate::cx::{
    At, Direction, History, Inner, Migration, Pair, Read, Script, ScriptAt, Session, What, outline,
    read_script,
};
use crate::live::Live;
use crate::options::Options;
use crate::out::{Out, Raw};
use crate::place::Places;
use crate::rule::{BlockLook, HistoryLook, Look, PairLook, Rule, ScriptLook, StatementLook};
use crate::rules;

/// What was found, and the scripts as they were read.
pub(crate) struct Walked {
    /// By no order.
    pub(crate) raw: Vec<Raw>,
    /// The statements of each script.
    pub(crate) reads: Vec<Vec<Read>>,
}

/// The rules that are on, by what they look at.
#[derive(Default)]
struct Active {
    statements: Vec<(&'static Rule, StatementLook)>,
    blocks: Vec<(&'static Rule, BlockLook)>,
    scripts: Vec<(&'static Rule, ScriptLook)>,
    pairs: Vec<(&'static Rule, PairLook)>,
    histories: Vec<(&'static Rule, HistoryLook)>,
}

impl Active {
    fn of(options: &Options) -> Self {
        let mut active = Self::default();
        for rule in rules::active(options) {
            match rule.look {
                Look::Statement(look) => active.statements.push((rule, look)),
                Look::Block(look) => active.blocks.push((rule, look)),
                Look::Script(look) => active.scripts.push((rule, look)),
                Look::Pair(look) => active.pairs.push((rule, look)),
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

/// A way down belongs to one of so many ways up before it.
const BETWEEN: usize = 2;

pub(crate) fn walk(scripts: &[Script<'_>], options: &Options, live: &Live) -> Walked {
    let (active, mut raw) = (Active::of(options), Vec::new());
    let mut walk = Walk::new(scripts, options, live);
    // Where the target's schema is known, the applied scripts only tell what it should be.
    let (mut told, mut schema) = (Schema::new(), live.schema.clone());
    told.set_home_path(live.search_path.clone());
    for (number, script) in scripts.iter().enumerate() {
        walk.reads.push(read_script(script));
        let at = walk.at(number);
        let meets = match &mut schema {
            Some(schema) if !is_told(script, live) => schema,
            _ => &mut told,
        };
        // What another file does may come before it or after.
        if number > 0 && !script.is_numbered() {
            meets.set_unclear(Born { script: number - 1, statement: usize::MAX });
        }
        match script.direction {
            Direction::Up if script.applied => tell(&at, meets),
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
        walk.pair(number, &active, &mut raw);
    }
    walk.outlined();
    if !active.histories.is_empty() {
        let files = schema.is_some().then_some(&told).filter(|_| walk.tells_all());
        let schema = schema.as_ref().unwrap_or(&told);
        let (migrations, first) = walk.migrations();
        let history = History { migrations, first, schema, told: files, options, live };
        for (rule, look) in &active.histories {
            look(&history, &mut Out { rule, raw: &mut raw });
        }
    }
    Walked { raw, reads: walk.reads }
}

/// The scripts as far as they were read.
struct Walk<'a> {
    scripts: &'a [Script<'a>],
    options: &'a Options,
    live: &'a Live,
    places: Vec<Places<'a>>,
    reads: Vec<Vec<Read>>,
    /// Ways up whose way down may still come: all that they say is kept until then.
    open: VecDeque<usize>,
    /// The way down of a way up.
    downs: BTreeMap<usize, usize>,
}

impl<'a> Walk<'a> {
    fn new(scripts: &'a [Script<'a>], options: &'a Options, live: &'a Live) -> Self {
        let places = scripts.iter().map(|script| Places::of(script.text)).collect();
        let reads = Vec::with_capacity(scripts.len());
        Self { scripts, options, live, places, reads, open: VecDeque::new(), downs: BTreeMap::new() }
    }

    fn at(&self, number: usize) -> ScriptAt<'_> {
        ScriptAt {
            number,
            script: &self.scripts[number],
            reads: &self.reads[number],
            places: &self.places[number],
            options: self.options,
            live: self.live,
        }
    }

    /// Looks at the pair that a way down makes with its way up. Of what can't be half of a pair any more
    /// an outline is enough.
    fn pair(&mut self, number: usize, active: &Active, raw: &mut Vec<Raw>) {
        let script = &self.scripts[number];
        if script.direction == Direction::Up {
            self.open.push_back(number);
            if self.open.len() > BETWEEN {
                self.open.drain(..1).for_each(|up| outline(&mut self.reads[up]));
            }
            return;
        }
        if let Some(up) = self.way_up(script) {
            self.downs.insert(up, number);
            let (up, down) = (self.at(up), self.at(number));
            if let Some(pair) = Pair::of(&up, &down) {
                active.pairs.iter().for_each(|(rule, look)| look(&pair, &mut Out { rule, raw }));
            }
        }
        outline(&mut self.reads[number]);
    }

    /// The way up of a way down: of its revision, and if there are two (of one second, by two people), the
    /// one whose name is more like its own.
    fn way_up(&self, down: &Script<'_>) -> Option<usize> {
        let is = |up: &&usize| !down.revision.is_empty() && self.scripts[**up].revision == down.revision;
        let alike = |up: &&usize| {
            let pairs = self.scripts[**up].path.bytes().zip(down.path.bytes());
            pairs.take_while(|(one, other)| one == other).count()
        };
        self.open.iter().filter(is).max_by_key(alike).copied()
    }

    /// Nothing more comes.
    fn outlined(&mut self) {
        for up in std::mem::take(&mut self.open) {
            outline(&mut self.reads[up]);
        }
    }

    /// Whether everything was seen that the applied scripts did to the schema.
    fn tells_all(&self) -> bool {
        let tells = |script: &Script<'_>| is_told(script, self.live) && script.direction == Direction::Up;
        self.scripts.iter().zip(&self.reads).all(|(script, reads)| !tells(script) || is_whole(reads))
    }

    /// By migration, and the first that is reviewed.
    fn migrations(&self) -> (Vec<Migration<'_>>, usize) {
        let ups = self.scripts.iter().enumerate().filter(|(_, script)| script.direction == Direction::Up);
        let migration = |(number, _)| Migration {
            up: self.at(number),
            down: self.downs.get(&number).map(|down| self.at(*down)),
        };
        let migrations: Vec<_> = ups.map(migration).collect();
        let first = migrations.iter().position(|migration| !migration.up.script.applied);
        let first = first.unwrap_or(migrations.len());
        (migrations, first)
    }
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

/// What a script that is applied tells of the schema; nothing is said of it.
fn tell(script: &ScriptAt<'_>, schema: &mut Schema) {
    for (number, read) in script.reads.iter().enumerate() {
        let born = Born { script: script.number, statement: number };
        if is_unclear(read) {
            schema.set_unclear(born);
        }
        match read.stmt() {
            Some(Stmt::Do { body: (body, _), .. }) => {
                for found in plpgsql::statements(body) {
                    match found.text.and_then(|text| read::read(&text).ok()) {
                        Some(stmt) => apply(schema, &stmt, born),
                        None => schema.set_unclear(born),
                    }
                }
            }
            Some(stmt) => apply(schema, stmt, born),
            None => {}
        }
    }
}

/// Takes in what a statement does, and whether more than that is to be seen.
fn apply(schema: &mut Schema, stmt: &Stmt, born: Born) {
    schema.apply(stmt, born);
    if runs_code(stmt) {
        schema.set_unclear(born);
    }
}

/// Whether what stands there may do to the schema what was not seen.
fn is_unclear(read: &Read) -> bool {
    match &read.what {
        What::Statement(stmt) => read.guessed && !writes_rows(stmt),
        What::Psql => !read.data,
        What::Mistake(_) | What::NotPython | What::Unread(_) => true,
    }
}

/// Whether a statement takes back what others did, or calls what may do anything: a procedure, or a function
/// that is called for what it does, as `SELECT drop_views()` is.
fn runs_code(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Call { .. } | Stmt::Unread | Stmt::Transaction(Transaction::Rollback) => true,
        Stmt::Select(query) if query.tables.is_empty() => {
            let calls = |column: &Expr| matches!(column.bare(), Expr::Call { name, .. } if !is_servers_own(&name.name));
            !query.constant || query.columns.iter().any(|(_, column)| calls(column))
        }
        _ => false,
    }
}

fn writes_rows(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Insert { .. } | Stmt::Update { .. } | Stmt::Delete { .. } | Stmt::Merge { .. })
}

/// Functions of the server that scripts call for what they do, and that make and drop nothing.
fn is_servers_own(function: &str) -> bool {
    function.starts_with("pg_") || ["setval", "nextval", "set_config", "now"].contains(&function)
}

/// Statement by statement through one script.
fn through(active: &Active, script: &ScriptAt<'_>, schema: &mut Schema, raw: &mut Vec<Raw>) {
    let mut session = Session::new(script.script.wrapped, script.script.one_query && script.reads.len() > 1);
    if let Some(zone) = &script.live.time_zone {
        session.settings.insert("timezone".to_owned(), zone.clone());
    }
    for (number, read) in script.reads.iter().enumerate() {
        session.stands(read.outside, script.script.wrapped);
        let born = Born { script: script.number, statement: number };
        if is_unclear(read) {
            schema.set_unclear(born);
        }
        let What::Statement(stmt) = &read.what else { continue };
        let effects = effects(stmt, schema, &session, script);
        let at = standing(script, (number, stmt), &effects, schema, &session);
        look(active, &at, raw);
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
        apply(schema, stmt, born);
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
    if at.script.script.direction == Direction::Up {
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
    let born = Born { script: script.number, statement: number };
    for found in plpgsql::statements(body) {
        let stmt = found.text.as_deref().map(read::read);
        let (Some(text), Some(Ok(stmt))) = (&found.text, stmt) else {
            schema.set_unclear(born);
            continue;
        };
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
        look(active, &at, raw);
        let effects = at.effects_on_used();
        // Its transaction is ended by what is around it.
        if !matches!(stmt, Stmt::Transaction(_)) {
            session.apply(number, &stmt, &effects, |_| true);
        }
        apply(schema, &stmt, born);
        inner.push(Inner { at: found.at, stmt, effects });
    }
    session.leave(outside);
    inner
}
