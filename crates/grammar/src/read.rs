//! How each of C's types is read into what `pg_query`'s messages have for it.
//!
//! Source: libpg_query's `src/pg_query_outfuncs_protobuf.c`, which does the same towards protobuf.

use std::ffi::{CStr, c_char};

use pg_query::protobuf::{self, Node};

use crate::c::Statements;

/// What is known while a tree is read.
pub(crate) struct Reader {
    /// How many messages may still stand in each other: protobuf's readers go down a hundred.
    left: u32,
    /// Nothing was met that is not known here, or is too deep.
    whole: bool,
}

impl Reader {
    /// Reads what stands in a message of its own.
    pub(crate) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let Some(left) = self.left.checked_sub(1) else { return self.unknown() };
        self.left = left;
        let value = read(self);
        self.left += 1;
        value
    }

    /// Something that is not known here.
    pub(crate) fn unknown<T>(&mut self) -> Option<T> {
        self.whole = false;
        None
    }
}

/// The trees of all statements, if all of them is known.
pub(crate) fn statements(statements: &Statements) -> Option<Vec<Node>> {
    // One more than a hundred: the list's nodes are no messages in protobuf, where the list is.
    let mut reader = Reader { left: 101, whole: true };
    // SAFETY: the list is the parser's own, and lives as long as the statements.
    let all: Vec<Node> = unsafe { Vec::read(statements, &mut reader) };
    let tree = |node: Node| match node.node {
        Some(protobuf::node::Node::RawStmt(raw)) => raw.stmt.map(|node| *node),
        _ => None,
    };
    reader.whole.then(|| all.into_iter().filter_map(tree).collect())
}

/// What can be read where C has a `C`.
pub(crate) trait Read<C>: Sized {
    /// # Safety
    /// There is a `C` that the parser made, whole and, with all that it points to, not changed meanwhile.
    unsafe fn read(c: *const C, reader: &mut Reader) -> Self;
}

/// A pointer of C: null, or to a whole value.
#[repr(transparent)]
pub(crate) struct Ptr<C>(*const C);

impl<C> Ptr<C> {
    pub(crate) fn get(&self) -> *const C {
        self.0
    }
}

/// `char *`: null is an empty text.
pub(crate) type Text = Ptr<c_char>;

/// `char` that stands for itself; zero is an empty text.
#[repr(transparent)]
pub(crate) struct Char(u8);

/// An enum that counts from zero. Protobuf's count from one, because zero is *undefined* there.
#[repr(transparent)]
pub(crate) struct Enum(i32);

/// `PartitionStrategy`, which is a letter.
#[repr(transparent)]
pub(crate) struct Strategy(u32);

/// `FunctionParameterMode`, which is a letter.
#[repr(transparent)]
pub(crate) struct ParameterMode(u32);

/// A pointer to what only the server's planner makes.
#[repr(transparent)]
pub(crate) struct Unmade(*const ());

/// `List`, of pointers to nodes if that is its tag.
#[repr(C)]
pub(crate) struct List {
    tag: u32,
    length: i32,
    _max_length: i32,
    elements: *const Ptr<Any>,
}

/// `T_List`: the other kinds of lists hold numbers.
pub(crate) const LIST: u32 = 1;

/// `T_A_Const`.
pub(crate) const A_CONST: u32 = 72;

impl List {
    fn len(&self) -> usize {
        usize::try_from(self.length).unwrap_or_default()
    }
}

/// How many statements there are.
pub(crate) fn count(statements: &Statements) -> usize {
    // SAFETY: the list is the parser's own, or null.
    unsafe { statements.get().as_ref() }.map_or(0, List::len)
}

/// `Node`: the tag with which every node begins. The parser's memory is aligned to eight bytes.
#[repr(C, align(8))]
pub(crate) struct Any {
    pub(crate) tag: u32,
}

/// `A_Const`: its value is a node that stands in it, valid where it isn't null.
#[repr(C)]
pub(crate) struct AConst {
    _tag: u32,
    value: Value,
    isnull: bool,
    location: i32,
}

/// `ValUnion`: a tag, and a number, a truth or a text behind it.
#[repr(C)]
struct Value {
    node: Any,
    _of: Text,
}

macro_rules! read {
    ($($c:ty => $out:ty: |$value:ident| $read:expr;)*) => {$(
        impl Read<$c> for $out {
            unsafe fn read(c: *const $c, _: &mut Reader) -> Self {
                // SAFETY: there is a whole one, as the caller says.
                let $value = unsafe { &*c };
                $read
            }
        }
    )*};
}

read! {
    bool => bool: |value| *value;
    i16 => i32: |value| i32::from(*value);
    i32 => i32: |value| *value;
    i64 => i64: |value| *value;
    u32 => u32: |value| *value;
    Enum => i32: |value| value.0 + 1;
    Strategy => i32: |value| place_in("lrh", value.0);
    ParameterMode => i32: |value| place_in("iobvtd", value.0);
    Char => String: |value| if value.0 == 0 { String::new() } else { char::from(value.0).to_string() };
}

/// The place of a letter, from one; zero where it isn't there.
fn place_in(letters: &str, letter: u32) -> i32 {
    let found = letters.chars().zip(1..).find(|(known, _)| u32::from(*known) == letter);
    found.map_or(0, |(_, place)| place)
}

impl Read<Text> for String {
    unsafe fn read(c: *const Text, reader: &mut Reader) -> Self {
        // SAFETY: there is a whole pointer.
        let text = unsafe { (*c).get() };
        if text.is_null() {
            return Self::new();
        }
        // SAFETY: what isn't null is a text of C, which ends with a NUL.
        let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
        Self::from_utf8(bytes.to_vec()).ok().or_else(|| reader.unknown()).unwrap_or_default()
    }
}

impl<C, Out: Read<C>> Read<C> for Box<Out> {
    unsafe fn read(c: *const C, reader: &mut Reader) -> Self {
        // SAFETY: the same value is read.
        Self::new(unsafe { Out::read(c, reader) })
    }
}

impl<C, Out: Read<C>> Read<Ptr<C>> for Option<Out> {
    unsafe fn read(c: *const Ptr<C>, reader: &mut Reader) -> Self {
        // SAFETY: there is a whole pointer.
        let to = unsafe { (*c).get() };
        // SAFETY: what isn't null is a whole value.
        if to.is_null() { None } else { reader.deeper(|reader| Some(unsafe { Out::read(to, reader) })) }
    }
}

impl Read<Ptr<List>> for Vec<Node> {
    unsafe fn read(c: *const Ptr<List>, reader: &mut Reader) -> Self {
        // SAFETY: there is a whole pointer, and what isn't null is a whole list.
        let Some(list) = (unsafe { (*c).get().as_ref() }) else { return Self::new() };
        if list.tag != LIST {
            reader.unknown::<()>();
            return Self::new();
        }
        let element = |at| {
            // SAFETY: that many elements stand there.
            let node: Option<Node> = unsafe { Option::read(list.elements.add(at), reader) };
            // A null stands in a list as a node without anything.
            node.unwrap_or_default()
        };
        (0..list.len()).map(element).collect()
    }
}

impl Read<List> for protobuf::List {
    unsafe fn read(c: *const List, reader: &mut Reader) -> Self {
        let list = Ptr(c);
        // SAFETY: the pointer is to a whole list, and outlives this.
        Self { items: unsafe { Vec::read(&raw const list, reader) } }
    }
}

impl<Out> Read<Unmade> for Option<Out> {
    unsafe fn read(c: *const Unmade, reader: &mut Reader) -> Self {
        // SAFETY: there is a whole pointer.
        if unsafe { &*c }.0.is_null() { None } else { reader.unknown() }
    }
}

impl Read<AConst> for protobuf::AConst {
    unsafe fn read(c: *const AConst, reader: &mut Reader) -> Self {
        // SAFETY: there is a whole one.
        let (isnull, location) = unsafe { ((*c).isnull, (*c).location) };
        let mut value = || {
            // SAFETY: a value that isn't null is a node that begins there.
            value(unsafe { Node::read((&raw const (*c).value).cast(), reader) })
        };
        Self { isnull, location, val: if isnull { None } else { value() } }
    }
}

fn value(node: Node) -> Option<protobuf::a_const::Val> {
    use protobuf::a_const::Val;
    use protobuf::node::Node as Kind;
    match node.node? {
        Kind::Integer(number) => Some(Val::Ival(number)),
        Kind::Float(number) => Some(Val::Fval(number)),
        Kind::Boolean(truth) => Some(Val::Boolval(truth)),
        Kind::String(text) => Some(Val::Sval(text)),
        Kind::BitString(bits) => Some(Val::Bsval(bits)),
        _ => None,
    }
}
