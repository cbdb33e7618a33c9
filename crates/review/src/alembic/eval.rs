//! Expressions of a revision: each is looked at once, in the order in which Python would, so that what
//! an operation does is read where it stands.

use std::ops::Range;
use std::rc::Rc;

use super::python::{Id, Kind, Part};
use super::reader::Reader;
use super::text::{Prefix, Text, decode};
use super::value::{Given, List, Object, Value};
use super::{names, strings};

/// Expressions that are nested deeper are not read.
const DEEPEST: usize = 120;
/// A loop over a list that is known is read once for each of its elements, up to so many.
const MOST_ROUNDS: usize = 64;

impl<'s> Reader<'s> {
    /// What an expression gives.
    pub(super) fn eval(&mut self, id: Id) -> Value {
        if self.depth >= DEEPEST || !self.spend(1) {
            self.gave_up(self.tree.range(id));
            return Value::unknown("");
        }
        self.depth += 1;
        let value = self.eval_kind(id);
        self.depth -= 1;
        value
    }

    fn eval_kind(&mut self, id: Id) -> Value {
        match self.tree.kind(id) {
            Kind::Name => self.look_up(self.source_of(id)),
            Kind::Text | Kind::Texts => Value::text(self.text(id)),
            Kind::Number => Value::Number(self.source_of(id).into()),
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::None => Value::None,
            Kind::List => self.list(id),
            Kind::Dict => self.dict(id),
            Kind::Parenthesized => self.first(id),
            Kind::Binary => self.binary(id),
            Kind::Unary | Kind::Not => self.unary(id),
            Kind::Boolean => self.boolean(id),
            Kind::Comparison => self.comparison(id),
            Kind::Conditional => self.conditional(id),
            Kind::Attribute => self.attribute(id),
            Kind::Subscript => self.subscript(id),
            Kind::Comprehension => self.comprehension(id),
            Kind::Named => self.named_expression(id),
            Kind::Call => self.call(id),
            Kind::Lambda => Value::unknown("lambda"),
            _ => self.first(id),
        }
    }

    /// All children are looked at; the first is the value.
    fn first(&mut self, id: Id) -> Value {
        let values: Vec<_> = self.tree.children(id).iter().map(|child| self.eval(*child)).collect();
        values.into_iter().next().unwrap_or_else(|| Value::unknown(self.source_of(id)))
    }

    fn children(&self, id: Id) -> impl Iterator<Item = Id> + use<'s> {
        self.tree.children(id).iter().copied()
    }

    /// One literal, or several that stand side by side. Long rows of them are no depth.
    fn text(&mut self, id: Id) -> Text {
        let mut text = Text::new(self.tree.range(id).start);
        let tree = self.tree;
        let literals: Vec<Id> = match tree.kind(id) {
            Kind::Texts => tree.children(id).to_vec(),
            _ => vec![id],
        };
        for literal in literals {
            self.literal(&mut text, literal);
        }
        text
    }

    fn literal(&mut self, text: &mut Text, id: Id) {
        let tree = self.tree;
        let Some(start) = tree.child(id, Kind::TextStart).map(|start| tree.range(start)) else { return };
        let end = tree.child(id, Kind::TextEnd).map_or(tree.range(id).end, |end| tree.range(end).start);
        let prefix = Prefix::of(&self.source[start.clone()]);
        let mut here = start.end;
        for part in tree.children(id).iter().filter(|part| tree.kind(**part) == Kind::Interpolation) {
            let hole = tree.range(*part);
            decode(text, self.source.get(here..hole.start).unwrap_or_default(), here, prefix);
            let value = tree.children(*part).first().map(|inside| (self.eval(*inside), tree.range(*inside)));
            let (value, range) = value.unwrap_or_else(|| (Value::unknown(""), hole.clone()));
            let value = self.shown(&value, &range);
            if self.spend(value.cost()) {
                text.push(&value);
            }
            here = hole.end;
        }
        decode(text, self.source.get(here..end).unwrap_or_default(), here, prefix);
    }

    /// A value inside a text.
    pub(super) fn shown(&self, value: &Value, range: &Range<usize>) -> Text {
        match value {
            Value::Text(text) => (**text).clone(),
            Value::Number(number) => Text::of(number, range.start),
            Value::Bool(true) => Text::of("True", range.start),
            Value::Bool(false) => Text::of("False", range.start),
            _ => Text::unknown(self.source.get(range.clone()).unwrap_or_default(), range.start),
        }
    }

    fn list(&mut self, id: Id) -> Value {
        let mut items = Vec::new();
        let children: Vec<Id> = self.children(id).collect();
        for child in children {
            if self.tree.kind(child) == Kind::ListSplat {
                match self.first(child) {
                    Value::List(list) => items.extend(list.items.iter().cloned()),
                    other => items.push(Value::unknown(other.called())),
                }
            } else {
                items.push(self.eval(child));
            }
        }
        self.spend(items.len());
        Value::list(items)
    }

    fn dict(&mut self, id: Id) -> Value {
        let mut pairs = Vec::new();
        for child in self.tree.children(id) {
            let value = self.tree.part(*child, Part::Value);
            let key = self.tree.children(*child).first().copied();
            match (self.tree.kind(*child), key, value) {
                (Kind::Pair, Some(key), Some(value)) => {
                    let key = self.eval(key);
                    pairs.push((key, self.eval(value)));
                }
                (Kind::DictSplat, ..) => {
                    if let Value::Dict(dict) = self.first(*child) {
                        pairs.extend(dict.pairs.iter().cloned());
                    }
                }
                _ => {}
            }
        }
        self.spend(pairs.len());
        Value::dict(pairs)
    }

    /// A chain of operators is a comb to the left: it is gone along, not into.
    fn binary(&mut self, id: Id) -> Value {
        let (mut spine, mut here) = (Vec::new(), id);
        while self.tree.kind(here) == Kind::Binary {
            spine.push(here);
            let Some(left) = self.tree.part(here, Part::Left) else { break };
            here = left;
        }
        let mut value =
            if self.tree.kind(here) == Kind::Binary { Value::unknown("") } else { self.eval(here) };
        // Texts in a row are put together once, not once for each sign.
        let mut joined: Option<Text> = None;
        for node in spine.into_iter().rev() {
            let sign = self.tree.part(node, Part::Operator).map_or("", |sign| self.source_of(sign));
            let right =
                self.tree.part(node, Part::Right).map_or(Value::unknown(""), |right| self.eval(right));
            if sign == "+"
                && (joined.is_some() || matches!(value, Value::Text(_)) || matches!(right, Value::Text(_)))
            {
                let range = self.tree.range(here);
                let text = joined.get_or_insert_with(|| self.shown(&value, &range));
                let range = self.tree.part(node, Part::Right).map_or(0..0, |right| self.tree.range(right));
                let right = self.shown(&right, &range);
                if self.spend(right.cost()) {
                    text.push(&right);
                }
                continue;
            }
            if let Some(text) = joined.take() {
                value = Value::text(text);
            }
            value = self.operate(sign, value, right, node);
        }
        joined.map_or(value, Value::text)
    }

    pub(super) fn operate(&mut self, sign: &str, left: Value, right: Value, id: Id) -> Value {
        let range = self.tree.range(id);
        match (sign, &left, &right) {
            ("%", Value::Text(text), _) => Value::text(strings::percent(self, text, &right, &range)),
            ("+", Value::List(one), Value::List(other)) => {
                let items: Vec<_> = one.items.iter().chain(&other.items).cloned().collect();
                if self.spend(items.len()) { Value::list(items) } else { Value::unknown("") }
            }
            _ => Object::operator(sign, vec![left, right], range),
        }
    }

    fn unary(&mut self, id: Id) -> Value {
        let sign = self.tree.part(id, Part::Operator).map_or("not", |sign| self.source_of(sign));
        let inner = self.children(id).find(|child| self.tree.kind(*child) != Kind::Operator);
        let inner = inner.map_or(Value::unknown(""), |inner| self.eval(inner));
        match (sign, inner) {
            ("not", inner) => truth(&inner).map_or(Value::unknown("not"), |truth| Value::Bool(!truth)),
            ("-", Value::Number(number)) => Value::Number(format!("-{number}").into()),
            (sign, inner) => Object::operator(sign, vec![inner], self.tree.range(id)),
        }
    }

    fn boolean(&mut self, id: Id) -> Value {
        let operator = self.child_operator(id);
        let left = self.tree.part(id, Part::Left).map_or(Value::unknown(""), |left| self.eval(left));
        let decided = operator == "or";
        if truth(&left) == Some(decided) {
            return left;
        }
        let right = self.tree.part(id, Part::Right).map_or(Value::unknown(""), |right| self.eval(right));
        match (truth(&left), truth(&right)) {
            (Some(_), _) => right,
            (None, Some(truth)) if truth == decided => Value::Bool(truth),
            _ => Value::unknown(operator),
        }
    }

    fn child_operator(&self, id: Id) -> &'s str {
        let operator = self.children(id).find(|child| self.tree.kind(*child) == Kind::Operator);
        operator.map_or("", |operator| self.source_of(operator))
    }

    fn comparison(&mut self, id: Id) -> Value {
        let (mut operands, mut signs) = (Vec::new(), Vec::new());
        for child in self.tree.children(id) {
            if self.tree.kind(*child) == Kind::Operator {
                signs.push(self.source_of(*child));
            } else {
                operands.push(self.eval(*child));
            }
        }
        // `not in` and `is not` are one operator each.
        let sign = signs.join(" ");
        match operands.as_slice() {
            [left, right] => compare(&sign, left, right)
                .map_or_else(|| Object::operator(&sign, operands, self.tree.range(id)), Value::Bool),
            _ => Value::unknown(""),
        }
    }

    /// `a if c else b`.
    fn conditional(&mut self, id: Id) -> Value {
        let [body, condition, other] = self.tree.children(id) else { return self.first(id) };
        let condition = self.eval(*condition);
        match truth(&condition) {
            Some(true) => self.eval(*body),
            Some(false) => self.eval(*other),
            None => {
                self.eval(*body);
                self.eval(*other);
                Value::unknown(self.source_of(*body))
            }
        }
    }

    fn named_expression(&mut self, id: Id) -> Value {
        let value = self.tree.part(id, Part::Value).map_or(Value::unknown(""), |value| self.eval(value));
        if let Some(name) = self.tree.part(id, Part::Name) {
            self.bind(name, value.clone());
        }
        value
    }

    fn attribute(&mut self, id: Id) -> Value {
        let Some(object) = self.tree.part(id, Part::Object) else { return Value::unknown("") };
        let name = self.tree.part(id, Part::Attribute).map_or("", |name| self.source_of(name));
        let object = self.eval(object);
        self.attribute_of(object, name, self.tree.range(id))
    }

    fn attribute_of(&mut self, object: Value, name: &str, range: Range<usize>) -> Value {
        if names::is_dialect_name(&object, name) {
            return Value::text(Text::of("postgresql", range.start));
        }
        match &object {
            Value::Name(before) if self.spend(before.len() / 16) => {
                Value::Name(format!("{before}.{name}").into())
            }
            Value::Class(class) => {
                let member = class.members.iter().find(|(one, _)| one == name);
                member.map_or_else(
                    || Object::attribute(object.clone(), name, range),
                    |(_, value)| value.clone(),
                )
            }
            // The value of a member of an enum is the member here.
            Value::Text(_) if name == "value" => object,
            Value::Unknown(_) => Value::unknown(name),
            _ => Object::attribute(object, name, range),
        }
    }

    fn subscript(&mut self, id: Id) -> Value {
        let children: Vec<Id> = self.children(id).collect();
        let values: Vec<Value> = children.into_iter().map(|child| self.eval(child)).collect();
        let [object, key] = values.as_slice() else { return Value::unknown("") };
        match (object, key) {
            (Value::List(list), Value::Number(number)) => {
                let index = number.parse::<isize>().ok();
                let index =
                    index.map(|index| if index < 0 { index + list.items.len().cast_signed() } else { index });
                let index = index.and_then(|index| usize::try_from(index).ok());
                index
                    .and_then(|index| list.items.get(index))
                    .cloned()
                    .unwrap_or_else(|| Value::unknown("item"))
            }
            (Value::Dict(dict), Value::Text(key)) => {
                strings::entry(&dict.pairs, &key.text).cloned().unwrap_or_else(|| Value::unknown(&key.text))
            }
            (Value::Object(_) | Value::Name(_), Value::Text(key)) => {
                Object::attribute(object.clone(), &key.text, self.tree.range(id))
            }
            _ => Value::unknown(self.source_of(id)),
        }
    }

    /// `[f(x) for x in list]`, once for each element where the list is known.
    fn comprehension(&mut self, id: Id) -> Value {
        let loops: Vec<Id> =
            self.children(id).filter(|child| self.tree.kind(*child) == Kind::ForIn).collect();
        let Some(body) = self.tree.part(id, Part::Body) else { return Value::unknown("") };
        self.frames.push(std::collections::HashMap::new());
        let mut items = Vec::new();
        self.rounds(&loops, body, &mut items);
        self.frames.pop();
        Value::list(items)
    }

    fn rounds(&mut self, loops: &[Id], body: Id, items: &mut Vec<Value>) {
        let Some((first, rest)) = loops.split_first().filter(|_| loops.len() <= 4) else {
            items.push(self.eval(body));
            return;
        };
        let target = self.tree.part(*first, Part::Left);
        let list = self.tree.part(*first, Part::Right).map_or(Value::unknown(""), |list| self.eval(list));
        for value in self.elements(&list) {
            if let Some(target) = target {
                self.bind(target, value);
            }
            self.rounds(rest, body, items);
        }
    }

    /// What a loop goes over: each element where they are known, else one that is not.
    pub(super) fn elements(&self, list: &Value) -> Vec<Value> {
        match list {
            Value::List(list) if list.items.is_empty() => Vec::new(),
            Value::List(list) if list.items.len() <= MOST_ROUNDS => list.items.clone(),
            Value::Dict(dict) if dict.pairs.len() <= MOST_ROUNDS => {
                dict.pairs.iter().map(|(key, _)| key.clone()).collect()
            }
            _ => vec![Value::unknown("")],
        }
    }

    /// The arguments of a call.
    fn given(&mut self, id: Id) -> Given {
        let mut given = Given::default();
        let Some(list) = self.tree.part(id, Part::Arguments) else { return given };
        if self.tree.kind(list) != Kind::Arguments {
            given.args.push(self.eval(list));
            return given;
        }
        for child in self.tree.children(list) {
            self.argument(*child, &mut given);
        }
        given
    }

    fn argument(&mut self, id: Id, given: &mut Given) {
        match self.tree.kind(id) {
            Kind::KeywordArgument => {
                let name = self.tree.part(id, Part::Name).map_or("", |name| self.source_of(name));
                let value =
                    self.tree.part(id, Part::Value).map_or(Value::unknown(""), |value| self.eval(value));
                given.named.push((name.into(), value));
            }
            Kind::ListSplat => match self.first(id) {
                Value::List(list) if self.spend(list.items.len()) => {
                    given.args.extend(list.items.iter().cloned())
                }
                _ => given.open = true,
            },
            Kind::DictSplat => match self.first(id) {
                Value::Dict(dict) if self.spend(dict.pairs.len()) => {
                    given.named.extend(dict.pairs.iter().filter_map(|(key, value)| {
                        Some((key.as_text()?.text.as_str().into(), value.clone()))
                    }))
                }
                _ => given.open = true,
            },
            _ => given.args.push(self.eval(id)),
        }
    }

    fn call(&mut self, id: Id) -> Value {
        let range = self.tree.range(id);
        let Some(function) = self.tree.part(id, Part::Function) else { return Value::unknown("") };
        if self.tree.kind(function) == Kind::Attribute {
            let object =
                self.tree.part(function, Part::Object).map_or(Value::unknown(""), |object| self.eval(object));
            let name =
                self.tree.part(function, Part::Attribute).map_or("", |name| self.source_of(name)).to_owned();
            let given = self.given(id);
            if let (Value::List(list), "append" | "extend") = (&object, name.as_str()) {
                return self.lengthen(function, list, &given);
            }
            return self.method(object, &name, given, id);
        }
        let callee = self.eval(function);
        let given = self.given(id);
        match callee {
            Value::Function(function) => self.enter(function, given),
            Value::Name(name) => self.called(&name, given, id),
            Value::Class(_) => Object::method(callee, "()", given, range),
            _ => {
                self.handed_out(&given, id);
                Value::unknown(callee.called())
            }
        }
    }

    /// `list.append(x)`, `list.extend(y)`: the name stands for the longer list from here on.
    fn lengthen(&mut self, function: Id, list: &List, given: &Given) -> Value {
        let extends =
            self.tree.part(function, Part::Attribute).is_some_and(|name| self.source_of(name) == "extend");
        let more = match given.args.first() {
            Some(Value::List(more)) if extends => more.items.clone(),
            Some(one) => vec![if extends { Value::unknown("") } else { one.clone() }],
            None => Vec::new(),
        };
        let name = self.tree.part(function, Part::Object).filter(|name| self.tree.kind(*name) == Kind::Name);
        if let Some(name) = name.filter(|_| self.spend(list.items.len() + more.len())) {
            self.bind(name, Value::list(list.items.iter().cloned().chain(more).collect()));
        }
        Value::None
    }

    fn method(&mut self, object: Value, name: &str, given: Given, id: Id) -> Value {
        let range = self.tree.range(id);
        match &object {
            Value::Text(text) => strings::method(self, text, name, &given, &range),
            Value::Name(before) => {
                let full: Rc<str> = format!("{before}.{name}").into();
                self.called(&full, given, id)
            }
            Value::Dict(dict) => strings::of_dict(&dict.pairs, name, &given),
            Value::List(_) | Value::Number(_) => Value::unknown(name),
            _ => {
                let made = Object::method(object, name, given, range);
                self.effect(made, id)
            }
        }
    }

    /// A call of something of another module.
    fn called(&mut self, name: &Rc<str>, given: Given, id: Id) -> Value {
        let range = self.tree.range(id);
        if let Some(value) = names::gives(name, &given) {
            return value;
        }
        let made = Object::call(name, given, range);
        self.effect(made, id)
    }
}

/// Whether a value is true, where that can be seen.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::None => Some(false),
        Value::Bool(truth) => Some(*truth),
        Value::Text(text) if text.exact => Some(!text.text.is_empty()),
        Value::List(list) => Some(!list.items.is_empty()),
        Value::Dict(dict) => Some(!dict.pairs.is_empty()),
        _ => None,
    }
}

fn compare(sign: &str, left: &Value, right: &Value) -> Option<bool> {
    match sign {
        "==" | "is" => same(left, right),
        "!=" | "<>" | "is not" => same(left, right).map(|same| !same),
        "in" | "not in" => {
            let items = right.items()?;
            let found: Option<Vec<bool>> = items.iter().map(|item| same(left, item)).collect();
            found.map(|found| found.contains(&true) == (sign == "in"))
        }
        _ => None,
    }
}

fn same(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) if left.exact && right.exact => Some(left.text == right.text),
        (Value::None, Value::None) => Some(true),
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => Some(left == right),
        (left, right) if left.is_known() && right.is_known() => Some(false),
        _ => None,
    }
}
