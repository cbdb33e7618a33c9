//! Where findings go.

use std::borrow::Cow;
use std::sync::Arc;

use switchback_model::Severity;
use switchback_model::finding::{Finding, Fix, LockTaken};
use switchback_sql::Relation;

use crate::cx::{At, Read, ScriptAt, What};
use crate::rule::Rule;

/// What a rule found at a statement.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Found {
    message: String,
    why: Cow<'static, str>,
    help: Cow<'static, str>,
    fix: Option<Fix>,
    at: Option<usize>,
    table: Option<Relation>,
    severity: Option<Severity>,
    question: Option<Question>,
    once: Option<String>,
}

/// A question to the target: a query that gives one number, and what the number means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Reads only.
    pub sql: String,
    /// What is said where the number is not zero; `{n}` is the number: `fails: {n} rows are null`.
    pub some: String,
    /// What is said where it is zero.
    pub none: String,
}

impl Found {
    /// What stands there, and what comes of it: sentences without a period, names in backticks.
    pub fn new(message: impl Into<String>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), why: why.into(), ..Self::default() }
    }

    /// What to do instead, in words.
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = help.into();
        self
    }

    /// What to do instead, as statements, where they can be written down.
    pub fn fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }

    /// In words only: what stands in a body of code can't be put apart into transactions.
    fn without_fix(self) -> Self {
        let title = self.fix.map(|fix| fix.title).unwrap_or_default();
        let help = if self.help.is_empty() { title.into() } else { self.help };
        Self { fix: None, help, ..self }
    }

    /// Says so where the statement could not be read to the last name.
    fn guessed(mut self, read: &Read) -> Self {
        if read.guessed && !matches!(read.what, What::Unread(_)) {
            self.message.push_str(", as far as it could be read");
        }
        self
    }

    /// The byte of the statement at which it stands; the beginning where nothing is said.
    pub fn at(mut self, byte: usize) -> Self {
        self.at = Some(byte);
        self
    }

    /// The table that the harm is done to by its size: where it is known to be small, the finding
    /// weighs less.
    pub fn on(mut self, table: &Relation) -> Self {
        self.table = Some(table.clone());
        self
    }

    /// Another weight than the rule's.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// It is said once in a script of what this names, at the first place.
    pub fn once(mut self, of: impl Into<String>) -> Self {
        self.once = Some(of.into());
        self
    }

    /// What the target can say to it.
    pub fn ask(mut self, sql: impl Into<String>, some: impl Into<String>, none: impl Into<String>) -> Self {
        self.question = Some(Question { sql: sql.into(), some: some.into(), none: none.into() });
        self
    }
}

/// A finding, with what is not for readers.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The finding; it is large, and is sorted.
    pub finding: Box<Finding>,
    /// The statement's number in its script; nothing: of the whole script.
    pub statement: Option<usize>,
    /// The script's number.
    pub script: usize,
    /// What the target can say to it.
    pub question: Option<Question>,
    /// Of several of one rule with this in a script, only the first is told.
    pub once: Option<String>,
}

/// Collects what one rule finds.
#[derive(Debug)]
pub struct Out<'a> {
    pub(crate) rule: &'static Rule,
    pub(crate) raw: &'a mut Vec<Raw>,
}

impl Out<'_> {
    /// A finding at a statement.
    pub fn push(&mut self, at: &At<'_>, found: Found) {
        let severity = self.weight(at, &found);
        // A fix is SQL in the place of SQL.
        let found = if at.embedded || at.script.script.is_python() { found.without_fix() } else { found };
        let found = found.guessed(&at.script.reads[at.number]);
        let (start, end) = at.span(found.at);
        let lock = at.lock(found.table.as_ref());
        self.add(at.script, (start, end), Some(at), Found { severity: Some(severity), ..found }, lock);
    }

    /// A finding at bytes of a script, or at its beginning.
    pub fn push_script(&mut self, script: &ScriptAt<'_>, at: Option<(usize, usize)>, found: Found) {
        self.add(script, at.unwrap_or((0, 0)), None, found, None);
    }

    /// A finding at a statement of a script, by its number, when the schema around it is not there any
    /// more.
    pub fn push_statement(&mut self, script: &ScriptAt<'_>, number: usize, found: Found) {
        let Some(read) = script.reads.get(number) else { return };
        let found = if script.script.is_python() { found.without_fix() } else { found };
        let found = found.guessed(read);
        let start = (read.range.start + found.at.unwrap_or_default()).min(read.range.end);
        let severity = found.severity.unwrap_or(self.rule.severity);
        let small = found.table.as_ref().is_some_and(|table| script.is_small(table));
        let severity = if small { severity.min(Severity::Info) } else { severity };
        let found = Found { severity: Some(severity), ..found };
        let before = self.raw.len();
        self.add(script, (start, read.range.end), None, found, None);
        for raw in &mut self.raw[before..] {
            raw.statement = Some(number);
            raw.finding.statement = script.text(number).into();
        }
    }

    fn weight(&self, at: &At<'_>, found: &Found) -> Severity {
        let severity = found.severity.unwrap_or(self.rule.severity);
        let small = found.table.as_ref().is_some_and(|table| at.is_small(table));
        if small { severity.min(Severity::Info) } else { severity }
    }

    fn add(
        &mut self,
        script: &ScriptAt<'_>,
        (start, end): (usize, usize),
        at: Option<&At<'_>>,
        found: Found,
        lock: Option<LockTaken>,
    ) {
        let places = script.places;
        let ((line, column), (end_line, end_column)) = (places.place(start), places.place(end.max(start)));
        let finding = Finding {
            code: self.rule.code.into(),
            rule: self.rule.name.into(),
            severity: found.severity.unwrap_or(self.rule.severity),
            file: self.shared(script.script.path, |last| &last.file),
            line,
            column,
            end_line,
            end_column,
            statement: self.shared(at.map_or("", |at| at.text), |last| &last.statement),
            message: found.message,
            why: found.why,
            help: found.help,
            fix: found.fix,
            lock,
        };
        let statement = at.map(|at| at.number);
        let (question, once) = (found.question, found.once);
        let finding = Box::new(finding);
        self.raw.push(Raw { finding, statement, script: script.number, question, once });
    }

    /// A text that the finding before has too, more often than not.
    fn shared(&self, text: &str, of: impl Fn(&Finding) -> &Arc<str>) -> Arc<str> {
        let last = self.raw.last().map(|raw| of(&raw.finding)).filter(|last| ***last == *text);
        last.map_or_else(|| text.into(), Arc::clone)
    }
}
