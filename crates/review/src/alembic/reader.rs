//! Goes through a revision as Python would, without running it: names get what they are given,
//! conditions that can be seen are decided (the dialect is PostgreSQL's), of the others both sides are
//! read, and functions of the file are entered where they are called.

use std::collections::HashMap;
use std::ops::Range;

use super::python::{Id, Kind, Part, Tree};
use super::value::{Class, Given, Value};
use super::{Operation, What};

/// Functions of the file that call each other, so deep.
const MOST_CALLS: usize = 12;
/// Steps for any file, and more for each of its bytes.
const STEPS: usize = 1_000_000;
const STEPS_A_BYTE: usize = 20;
/// Blocks in blocks.
const DEEPEST: usize = 100;

/// Whether the statements behind are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Ends,
}

/// A revision that is being read.
pub(super) struct Reader<'s> {
    pub(super) source: &'s str,
    pub(super) tree: &'s Tree,
    globals: HashMap<String, Value>,
    pub(super) frames: Vec<HashMap<String, Value>>,
    /// How deep it is in expressions and blocks.
    pub(super) depth: usize,
    steps: usize,
    calls: usize,
    /// Inside of branches that may be taken or not.
    uncertain: usize,
    /// Inside of so many blocks that run without a transaction.
    pub(super) outside_transaction: usize,
    pub(super) autocommit: Vec<Range<usize>>,
    pub(super) found: Vec<Operation>,
    returned: Option<Value>,
    stopped: bool,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s str, tree: &'s Tree) -> Self {
        Self {
            source,
            tree,
            globals: HashMap::new(),
            frames: Vec::new(),
            depth: 0,
            steps: STEPS.saturating_add(source.len().saturating_mul(STEPS_A_BYTE)),
            calls: 0,
            uncertain: 0,
            outside_transaction: 0,
            autocommit: Vec::new(),
            found: Vec::new(),
            returned: None,
            stopped: false,
        }
    }

    /// What runs when the file is loaded.
    pub(super) fn module(&mut self) -> Vec<Operation> {
        if !self.tree.nodes.is_empty() {
            self.block(0);
        }
        std::mem::take(&mut self.found)
    }

    /// What a function of the file does when Alembic calls it. Where it only hands on to one function
    /// for each database (Alembic's template for several), these are read.
    pub(super) fn function(&mut self, name: &str) -> Vec<Operation> {
        let Some(Value::Function(id)) = self.globals.get(name).cloned() else { return Vec::new() };
        self.enter(id, Given::default());
        if self.tree.part(id, Part::Body).is_some_and(|body| self.source_of(body).contains("globals()")) {
            let prefix = format!("{name}_");
            let mut others: Vec<_> =
                self.globals.iter().filter(|(one, _)| one.starts_with(&prefix)).collect();
            others.sort_by_key(|(name, _)| (*name).clone());
            let others: Vec<_> = others.into_iter().map(|(_, value)| value.clone()).collect();
            for other in others {
                if let Value::Function(other) = other {
                    self.enter(other, Given::default());
                }
            }
        }
        std::mem::take(&mut self.found)
    }

    /// What the module gives a name to.
    pub(super) fn global(&self, name: &str) -> Option<&Value> {
        self.globals.get(name)
    }

    pub(super) fn source_of(&self, id: Id) -> &'s str {
        self.source.get(self.tree.range(id)).unwrap_or_default()
    }

    /// Takes so many steps; `false` where there are none left.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        let enough = self.steps >= steps;
        self.steps = self.steps.saturating_sub(steps);
        enough
    }

    /// Says once that the rest was not read.
    pub(super) fn gave_up(&mut self, range: Range<usize>) {
        if !self.stopped {
            self.stopped = true;
            let what = What::Unread("this is too deep, or too much, to be read without running it".into());
            self.emit(&range, "", what, false);
        }
    }

    pub(super) fn emit(&mut self, range: &Range<usize>, name: &str, what: What, exact: bool) {
        self.found.push(Operation {
            range: range.clone(),
            name: name.to_owned(),
            autocommit: self.outside_transaction > 0,
            exact,
            what,
        });
    }

    pub(super) fn look_up(&self, name: &str) -> Value {
        let local = self.frames.iter().rev().find_map(|frame| frame.get(name));
        local.or_else(|| self.globals.get(name)).cloned().unwrap_or_else(|| Value::Name(name.into()))
    }

    /// Gives a target what it stands for from here on.
    pub(super) fn bind(&mut self, target: Id, value: Value) {
        match self.tree.kind(target) {
            Kind::Name => {
                let name = self.source_of(target);
                self.set(name, value);
            }
            Kind::List => {
                let targets = self.tree.children(target);
                for (index, target) in targets.iter().enumerate() {
                    let part = value.items().filter(|items| items.len() == targets.len());
                    let part = part.map_or_else(|| Value::unknown(""), |items| items[index].clone());
                    self.bind_deeper(*target, part);
                }
            }
            // `self.x = …` and `x[1] = …` change what is not followed.
            Kind::Attribute | Kind::Subscript => {}
            _ => {
                if let Some(inner) = self.tree.children(target).first() {
                    self.bind_deeper(*inner, value);
                }
            }
        }
    }

    fn bind_deeper(&mut self, target: Id, value: Value) {
        if self.depth < DEEPEST {
            self.depth += 1;
            self.bind(target, value);
            self.depth -= 1;
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        // What is decided by a branch that may not be taken is not decided.
        let vague = self.uncertain > 0 && matches!(value, Value::None | Value::Bool(_) | Value::Number(_));
        let nameless = matches!(&value, Value::Unknown(called) if called.is_empty());
        let value = if vague || nameless { Value::unknown(name) } else { value };
        self.frames.last_mut().unwrap_or(&mut self.globals).insert(name.to_owned(), value);
    }

    pub(super) fn block(&mut self, id: Id) -> Flow {
        if self.depth >= DEEPEST {
            self.gave_up(self.tree.range(id));
            return Flow::On;
        }
        self.depth += 1;
        let mut flow = Flow::On;
        for child in self.tree.children(id) {
            if flow == Flow::Ends || !self.spend(1) {
                break;
            }
            flow = self.statement(*child);
        }
        self.depth -= 1;
        flow
    }

    fn statement(&mut self, id: Id) -> Flow {
        match self.tree.kind(id) {
            Kind::Block | Kind::Mistake => self.block(id),
            Kind::ExpressionStatement => self.expressions(id),
            Kind::If => self.branch(id),
            Kind::For => self.repeat(id),
            Kind::While => self.perhaps(id),
            Kind::Try => self.attempt(id),
            Kind::With => self.with(id),
            Kind::Function => self.define(id),
            Kind::Class => self.class(id),
            Kind::Decorated => self.block(id),
            Kind::Import => self.import(id, ""),
            Kind::ImportFrom => self.import_from(id),
            Kind::Return => {
                let value = self.tree.children(id).first().map(|value| self.eval(*value));
                self.returned = value;
                Flow::Ends
            }
            Kind::Raise | Kind::Break => {
                self.each(id);
                Flow::Ends
            }
            Kind::Assignment | Kind::AugmentedAssignment => {
                self.assign(id);
                Flow::On
            }
            Kind::Other => self.perhaps(id),
            _ => {
                self.eval(id);
                Flow::On
            }
        }
    }

    /// A clause or statement of which nothing more is known: all that stands in it may happen.
    fn perhaps(&mut self, id: Id) -> Flow {
        self.uncertain += 1;
        self.block(id);
        self.uncertain -= 1;
        Flow::On
    }

    fn each(&mut self, id: Id) {
        for child in self.tree.children(id) {
            self.eval(*child);
        }
    }

    fn expressions(&mut self, id: Id) -> Flow {
        for child in self.tree.children(id) {
            match self.tree.kind(*child) {
                Kind::Assignment | Kind::AugmentedAssignment => self.assign(*child),
                _ => {
                    let value = self.eval(*child);
                    self.dropped(&value);
                }
            }
        }
        Flow::On
    }

    fn assign(&mut self, id: Id) {
        let (Some(left), Some(right)) = (self.tree.part(id, Part::Left), self.tree.part(id, Part::Right))
        else {
            return;
        };
        // `a = b = c` is a row of targets, and may be long.
        let (mut targets, mut right) = (vec![left], right);
        while self.tree.kind(right) == Kind::Assignment {
            targets.extend(self.tree.part(right, Part::Left));
            let Some(next) = self.tree.part(right, Part::Right) else { return };
            right = next;
        }
        let mut value = self.eval(right);
        if self.tree.kind(id) == Kind::AugmentedAssignment {
            value = self.add_to(left, value, id);
        }
        for target in targets {
            self.bind(target, value.clone());
        }
    }

    fn add_to(&mut self, left: Id, value: Value, id: Id) -> Value {
        let before = self.eval(left);
        match (&before, &value) {
            (Value::Text(one), _) => {
                let right = self.shown(&value, &self.tree.range(id));
                if !self.spend(one.cost() + right.cost()) {
                    return Value::unknown("");
                }
                let mut text = (**one).clone();
                text.push(&right);
                Value::text(text)
            }
            (Value::List(_), Value::List(_)) => self.operate("+", before, value, id),
            _ => Value::unknown(""),
        }
    }

    /// `if`, with its `elif` and `else`.
    fn branch(&mut self, id: Id) -> Flow {
        let (mut flows, mut open) = (Vec::new(), true);
        let clauses = std::iter::once(id).chain(
            self.tree
                .children(id)
                .iter()
                .copied()
                .filter(|clause| matches!(self.tree.kind(*clause), Kind::Elif | Kind::Else)),
        );
        let doubt = self.uncertain;
        for clause in clauses {
            if !open {
                break;
            }
            let condition = self.tree.part(clause, Part::Condition).map(|condition| self.eval(condition));
            let decided = condition.map_or(Some(true), |condition| super::eval::truth(&condition));
            let body = self.tree.part(clause, Part::Consequence).or(self.tree.part(clause, Part::Body));
            match decided {
                Some(false) => continue,
                Some(true) => open = false,
                None => self.uncertain = doubt + 1,
            }
            flows.push(body.map_or(Flow::On, |body| self.block(body)));
        }
        self.uncertain = doubt;
        let all = !open && flows.iter().all(|flow| *flow == Flow::Ends);
        if all { Flow::Ends } else { Flow::On }
    }

    fn repeat(&mut self, id: Id) -> Flow {
        let list = self.tree.part(id, Part::Right).map_or(Value::unknown(""), |list| self.eval(list));
        let known = list.is_known();
        self.uncertain += usize::from(!known);
        for value in self.elements(&list) {
            if let Some(target) = self.tree.part(id, Part::Left) {
                self.bind(target, value);
            }
            if let Some(body) = self.tree.part(id, Part::Body) {
                self.block(body);
            }
        }
        self.uncertain -= usize::from(!known);
        if let Some(other) = self.tree.part(id, Part::Alternative) {
            self.block(other);
        }
        Flow::On
    }

    fn attempt(&mut self, id: Id) -> Flow {
        for child in self.tree.children(id) {
            if self.tree.kind(*child) == Kind::Block {
                self.block(*child);
            } else {
                self.perhaps(*child);
            }
        }
        Flow::On
    }

    fn with(&mut self, id: Id) -> Flow {
        let mut free = false;
        let items = self.tree.children(id).iter().flat_map(|child| {
            let tree = self.tree;
            let own = (tree.kind(*child) == Kind::WithItem).then_some(*child);
            let inner = tree.children(*child).iter().copied();
            own.into_iter().chain(inner.filter(move |item| tree.kind(*item) == Kind::WithItem))
        });
        let items: Vec<Id> = items.collect();
        for item in items {
            let Some(value) = self.tree.part(item, Part::Value).or(self.tree.children(item).first().copied())
            else {
                continue;
            };
            free |= self.enter_item(value);
        }
        let Some(body) = self.tree.part(id, Part::Body) else { return Flow::On };
        if free {
            self.autocommit.push(self.tree.range(id));
        }
        self.outside_transaction += usize::from(free);
        let flow = self.block(body);
        self.outside_transaction -= usize::from(free);
        flow
    }

    /// `x as y`; whether it is a block without a transaction.
    fn enter_item(&mut self, item: Id) -> bool {
        let is_as = self.tree.kind(item) == Kind::AsPattern;
        let expression = if is_as { self.tree.children(item).first().copied() } else { Some(item) };
        let value = expression.map_or(Value::unknown(""), |expression| self.eval(expression));
        let free = value.class() == "autocommit_block";
        if let Some(alias) = self.tree.part(item, Part::Alias).filter(|_| is_as) {
            self.bind(alias, value);
        }
        free
    }

    fn define(&mut self, id: Id) -> Flow {
        if let Some(name) = self.tree.part(id, Part::Name) {
            self.bind(name, Value::Function(id));
        }
        Flow::On
    }

    fn class(&mut self, id: Id) -> Flow {
        let name = self.tree.part(id, Part::Name);
        let Some(body) = self.tree.part(id, Part::Body) else { return Flow::On };
        self.frames.push(HashMap::new());
        self.block(body);
        let mut given = self.frames.pop().unwrap_or_default();
        let mut members = Vec::new();
        for statement in self.tree.children(body) {
            let assignment = self.tree.child(*statement, Kind::Assignment);
            let Some(left) = assignment.and_then(|one| self.tree.part(one, Part::Left)) else { continue };
            let member = self.source_of(left);
            members.extend(given.remove(member).map(|value| (member.to_owned(), value)));
        }
        if let Some(name) = name {
            let class = Class { name: self.source_of(name).to_owned(), members };
            self.bind(name, Value::Class(std::rc::Rc::new(class)));
        }
        Flow::On
    }

    /// Enters a function of the file.
    pub(super) fn enter(&mut self, id: Id, given: Given) -> Value {
        let Some(body) = self.tree.part(id, Part::Body) else { return Value::unknown("") };
        if self.calls >= MOST_CALLS || self.depth >= DEEPEST / 2 {
            self.gave_up(self.tree.range(id));
            return Value::unknown("");
        }
        let frame = self.frame(id, given);
        self.frames.push(frame);
        self.calls += 1;
        self.returned = None;
        self.block(body);
        self.calls -= 1;
        self.frames.pop();
        self.returned.take().unwrap_or(Value::None)
    }

    /// Parameters with what they are given.
    fn frame(&mut self, id: Id, given: Given) -> HashMap<String, Value> {
        let mut frame = HashMap::new();
        let parameters = self.tree.part(id, Part::Parameters);
        let parameters = parameters.map_or(&[][..], |parameters| self.tree.children(parameters));
        let mut args = given.args.into_iter();
        for parameter in parameters {
            let name =
                self.tree.part(*parameter, Part::Name).or(self.tree.children(*parameter).first().copied());
            let name = self.source_of(name.unwrap_or(*parameter)).to_owned();
            let named = given.named.iter().find(|(one, _)| **one == *name).map(|(_, value)| value.clone());
            let value = args.next().or(named).or_else(|| {
                let default = self.tree.part(*parameter, Part::Value)?;
                Some(self.eval(default))
            });
            frame.insert(name.clone(), value.unwrap_or_else(|| Value::unknown(&name)));
        }
        frame
    }

    /// `import a.b as c`, `from a import b as c`; what is imported is known by its full name.
    fn import(&mut self, id: Id, module: &str) -> Flow {
        for child in self.tree.children(id).iter().filter(|child| self.tree.nodes[**child].part == Part::Name)
        {
            let (name, alias) = match self.tree.kind(*child) {
                Kind::AliasedImport => {
                    let name = self.tree.part(*child, Part::Name).map_or("", |name| self.source_of(name));
                    (name, self.tree.part(*child, Part::Alias).map(|alias| self.source_of(alias)))
                }
                _ => (self.source_of(*child), None),
            };
            let (full, short) = if module.is_empty() {
                let first = name.split('.').next().unwrap_or_default();
                (if alias.is_some() { name } else { first }.to_owned(), alias.unwrap_or(first))
            } else {
                (format!("{module}.{name}"), alias.unwrap_or(name))
            };
            self.set(short, Value::Name(full.into()));
        }
        Flow::On
    }

    fn import_from(&mut self, id: Id) -> Flow {
        let module = self.tree.part(id, Part::Module).map_or("", |module| self.source_of(module));
        self.import(id, if module.is_empty() { "." } else { module })
    }
}
