//! What an expression of a revision gives, as far as that can be seen without running it.

use std::ops::Range;
use std::rc::Rc;

use super::python::Id;
use super::text::Text;

/// Values that are nested deeper, or hold more, are not known: walking one never takes long.
const DEEPEST: usize = 100;
const LARGEST: usize = 1_000_000;

/// What an expression gives.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    /// As it is written.
    Number(Rc<str>),
    Text(Rc<Text>),
    /// Lists, tuples, sets.
    List(Rc<List>),
    Dict(Rc<Dict>),
    /// Something of another module, by its full dotted name.
    Name(Rc<str>),
    /// What a call gives, or an attribute of it.
    Object(Rc<Object>),
    /// A function of this file.
    Function(Id),
    /// A class of this file.
    Class(Rc<Class>),
    /// Known only when the revision runs; what the file calls it.
    Unknown(Rc<str>),
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) items: Vec<Value>,
    measure: Measure,
}

#[derive(Debug)]
pub(super) struct Dict {
    pub(super) pairs: Vec<(Value, Value)>,
    measure: Measure,
}

#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    /// What its body gives names to.
    pub(super) members: Vec<(String, Value)>,
}

/// A call that is not looked into: `sa.Column("id", sa.Integer())`, `update(t).where(c)`, or an
/// operator on something that is not known.
#[derive(Debug)]
pub(super) struct Object {
    /// The dotted name of what is called; empty for a method of another value.
    pub(super) callee: Rc<str>,
    /// The last part of it: `Column`, `where`, `==`.
    pub(super) name: Rc<str>,
    /// Whose method it is.
    pub(super) receiver: Option<Value>,
    pub(super) args: Vec<Value>,
    pub(super) named: Vec<(Rc<str>, Value)>,
    /// It is an attribute, and not called.
    pub(super) attribute: bool,
    /// Some arguments are known only when the revision runs.
    pub(super) open: bool,
    /// Where it stands.
    pub(super) range: Range<usize>,
    measure: Measure,
}

#[derive(Clone, Copy, Debug, Default)]
struct Measure {
    depth: usize,
    size: usize,
}

impl Measure {
    fn around<'v>(parts: impl Iterator<Item = &'v Value>) -> Self {
        let sum = |sum: Self, part: &Value| {
            let part = part.measure();
            Self { depth: sum.depth.max(part.depth), size: sum.size.saturating_add(part.size) }
        };
        let inner = parts.fold(Self::default(), sum);
        Self { depth: inner.depth + 1, size: inner.size.saturating_add(1) }
    }

    fn fits(self) -> bool {
        self.depth <= DEEPEST && self.size <= LARGEST
    }
}

impl Value {
    pub(super) fn text(text: Text) -> Self {
        Self::Text(Rc::new(text))
    }

    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown(name.into())
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        let measure = Measure::around(items.iter());
        if measure.fits() { Self::List(Rc::new(List { items, measure })) } else { Self::unknown("list") }
    }

    pub(super) fn dict(pairs: Vec<(Self, Self)>) -> Self {
        let measure = Measure::around(pairs.iter().flat_map(|(key, value)| [key, value]));
        if measure.fits() { Self::Dict(Rc::new(Dict { pairs, measure })) } else { Self::unknown("dict") }
    }

    fn measure(&self) -> Measure {
        match self {
            Self::List(list) => list.measure,
            Self::Dict(dict) => dict.measure,
            Self::Object(object) => object.measure,
            _ => Measure { depth: 0, size: 1 },
        }
    }

    /// How much there is in it.
    pub(super) fn size(&self) -> usize {
        self.measure().size
    }

    pub(super) fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_object(&self) -> Option<&Rc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(&list.items),
            _ => None,
        }
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The last part of the name of a class or function, whether it is called or not.
    pub(super) fn class(&self) -> &str {
        match self {
            Self::Name(name) => name.rsplit('.').next().unwrap_or_default(),
            Self::Object(object) => &object.name,
            _ => "",
        }
    }

    /// What the file calls it.
    pub(super) fn called(&self) -> &str {
        match self {
            Self::Unknown(name) | Self::Name(name) => name,
            Self::Object(object) => &object.name,
            Self::Class(class) => &class.name,
            _ => "",
        }
    }

    /// Whether it can be seen what it is.
    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::None | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_))
            || matches!(self, Self::Dict(_))
    }
}

/// What makes an [`Object`].
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) args: Vec<Value>,
    pub(super) named: Vec<(Rc<str>, Value)>,
    pub(super) open: bool,
}

impl Object {
    /// A call of something by its dotted name.
    pub(super) fn call(callee: &Rc<str>, given: Given, range: Range<usize>) -> Value {
        let name = callee.rsplit('.').next().unwrap_or_default().into();
        Self::make(callee.clone(), name, None, given, false, range)
    }

    /// A call of a method.
    pub(super) fn method(receiver: Value, name: &str, given: Given, range: Range<usize>) -> Value {
        Self::make("".into(), name.into(), Some(receiver), given, false, range)
    }

    pub(super) fn attribute(receiver: Value, name: &str, range: Range<usize>) -> Value {
        Self::make("".into(), name.into(), Some(receiver), Given::default(), true, range)
    }

    /// An operator with its operands.
    pub(super) fn operator(name: &str, args: Vec<Value>, range: Range<usize>) -> Value {
        let given = Given { args, ..Given::default() };
        Self::make("".into(), name.into(), None, given, false, range)
    }

    fn make(
        callee: Rc<str>,
        name: Rc<str>,
        receiver: Option<Value>,
        given: Given,
        attribute: bool,
        range: Range<usize>,
    ) -> Value {
        let Given { args, named, open } = given;
        let parts = args.iter().chain(named.iter().map(|(_, value)| value)).chain(&receiver);
        let measure = Measure::around(parts);
        if !measure.fits() {
            return Value::Unknown(name);
        }
        Value::Object(Rc::new(Self { callee, name, receiver, args, named, attribute, open, range, measure }))
    }

    /// An argument by its name.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().rev().find(|(one, _)| &**one == name).map(|(_, value)| value)
    }

    /// An argument by its place or its name.
    pub(super) fn arg(&self, place: usize, name: &str) -> Option<&Value> {
        self.args.get(place).or_else(|| self.named(name))
    }

    /// Whether a named argument is `True`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.named(name).is_some_and(Value::is_true)
    }

    /// The object at the beginning of a chain of methods: `update(t)` of `update(t).where(c)`.
    pub(super) fn root(self: &Rc<Self>) -> &Rc<Self> {
        let mut here = self;
        while let Some(Value::Object(before)) = &here.receiver {
            here = before;
        }
        here
    }

    /// The dotted name that a chain of methods begins with, empty where there is none.
    pub(super) fn origin(self: &Rc<Self>) -> &str {
        let root = self.root();
        match &root.receiver {
            Some(Value::Name(name) | Value::Unknown(name)) => name,
            _ => &root.callee,
        }
    }
}
