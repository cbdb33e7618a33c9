//! Python's syntax as a small tree of our own. Nobody else knows who provides the grammar.
//!
//! The tree lies in one list, so that neither making nor dropping it recurses: a file may be nested as
//! deep as it likes.

use std::ops::{ControlFlow, Range};

use tree_sitter::{ParseOptions, Parser, TreeCursor};

/// A node's place in [`Tree::nodes`].
pub(super) type Id = usize;

/// Files beyond this size are not read; the grammar counts bytes in 32 bits.
const MOST_BYTES: usize = 256 << 20;

/// How many hundreds of steps of the grammar a file may take: so many, and one for so many bytes.
/// Ordinary files need a tenth of it; what needs more is not Python, and recovering from that may take
/// very long.
const STEPS: usize = 20_000;
const BYTES_A_STEP: usize = 8;

/// A file's syntax. The first node is the module.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Parents stand before their children.
    pub(super) nodes: Vec<Node>,
    /// What is not Python.
    pub(super) mistakes: Vec<Range<usize>>,
}

/// A piece of syntax.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// What it is to its parent.
    pub(super) part: Part,
    /// Bytes of the source.
    pub(super) range: Range<usize>,
    pub(super) children: Vec<Id>,
}

/// What a node is, as far as anybody here asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    Block,
    ExpressionStatement,
    Assignment,
    AugmentedAssignment,
    Function,
    Class,
    Decorated,
    If,
    Elif,
    Else,
    For,
    While,
    Try,
    With,
    WithItem,
    AsPattern,
    Return,
    Raise,
    Break,
    Import,
    ImportFrom,
    AliasedImport,
    DottedName,
    Call,
    Arguments,
    KeywordArgument,
    ListSplat,
    DictSplat,
    Attribute,
    Name,
    Text,
    TextStart,
    TextEnd,
    Interpolation,
    Texts,
    Number,
    True,
    False,
    None,
    List,
    Dict,
    Pair,
    Parenthesized,
    Binary,
    Unary,
    Not,
    Boolean,
    Comparison,
    Conditional,
    Subscript,
    Comprehension,
    ForIn,
    Lambda,
    Named,
    Parameters,
    DefaultParameter,
    /// A word or sign that says which operator it is.
    Operator,
    Mistake,
    Other,
}

/// What a node is to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    None,
    Name,
    Value,
    Left,
    Right,
    Operator,
    Function,
    Arguments,
    Object,
    Attribute,
    Condition,
    Consequence,
    Alternative,
    Body,
    Parameters,
    Alias,
    Module,
    Type,
    Other,
}

impl Tree {
    /// Reads a file. What is not Python is passed over and noted.
    pub(super) fn read(source: &str) -> Self {
        let Some(tree) = parse(source) else {
            return Self {
                nodes: vec![module(source)],
                mistakes: std::iter::once(0..source.len()).collect(),
            };
        };
        let mut made = Self::default();
        made.take(&mut tree.walk());
        made
    }

    /// Copies the tree below a cursor, without recursion.
    fn take(&mut self, cursor: &mut TreeCursor<'_>) {
        let mut parents: Vec<Option<Id>> = Vec::new();
        loop {
            let id = self.add(cursor, parents.last().copied().flatten());
            let below = parents.last().copied().flatten();
            if cursor.goto_first_child() {
                parents.push(id.or(below));
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                parents.pop();
            }
        }
    }

    /// One node, unless it is a comment or a bare sign.
    fn add(&mut self, cursor: &TreeCursor<'_>, parent: Option<Id>) -> Option<Id> {
        let node = cursor.node();
        let part = part(cursor.field_name().unwrap_or_default());
        if node.is_missing() || node.is_error() {
            self.mistakes.push(node.byte_range());
        }
        if !wanted(node.is_named(), part, node.kind()) {
            return None;
        }
        let id = self.nodes.len();
        let kind = if node.is_named() { kind(node.kind()) } else { Kind::Operator };
        self.nodes.push(Node { kind, part, range: node.byte_range(), children: Vec::new() });
        if let Some(parent) = parent {
            self.nodes[parent].children.push(id);
        }
        Some(id)
    }

    /// The child that is this part.
    pub(super) fn part(&self, id: Id, part: Part) -> Option<Id> {
        self.nodes[id].children.iter().copied().find(|child| self.nodes[*child].part == part)
    }

    /// The child of this kind.
    pub(super) fn child(&self, id: Id, kind: Kind) -> Option<Id> {
        self.nodes[id].children.iter().copied().find(|child| self.nodes[*child].kind == kind)
    }

    pub(super) fn kind(&self, id: Id) -> Kind {
        self.nodes[id].kind
    }

    pub(super) fn range(&self, id: Id) -> Range<usize> {
        self.nodes[id].range.clone()
    }

    /// How many children a node has; they are asked for by number, so that the tree can be walked while
    /// its reader changes.
    pub(super) fn children(&self, id: Id) -> &[Id] {
        &self.nodes[id].children
    }
}

fn module(source: &str) -> Node {
    Node { kind: Kind::Module, part: Part::None, range: 0..source.len(), children: Vec::new() }
}

fn parse(source: &str) -> Option<tree_sitter::Tree> {
    if source.len() > MOST_BYTES {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    let most = STEPS + source.len() / BYTES_A_STEP;
    let mut steps = 0_usize;
    let mut look = |_: &tree_sitter::ParseState| {
        steps += 1;
        if steps > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut look);
    let mut read = |at: usize, _| source.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

/// Comments and bare signs are of no interest; operators are.
fn wanted(named: bool, part: Part, kind: &str) -> bool {
    if named { kind != "comment" } else { part == Part::Operator || matches!(kind, "and" | "or") }
}

fn part(field: &str) -> Part {
    match field {
        "" => Part::None,
        "name" => Part::Name,
        "value" => Part::Value,
        "left" => Part::Left,
        "right" => Part::Right,
        "operator" | "operators" => Part::Operator,
        "function" => Part::Function,
        "arguments" => Part::Arguments,
        "object" => Part::Object,
        "attribute" => Part::Attribute,
        "condition" => Part::Condition,
        "consequence" => Part::Consequence,
        "alternative" => Part::Alternative,
        "body" => Part::Body,
        "parameters" => Part::Parameters,
        "alias" => Part::Alias,
        "module_name" => Part::Module,
        "type" => Part::Type,
        _ => Part::Other,
    }
}

fn kind(name: &str) -> Kind {
    statement(name).or_else(|| expression(name)).unwrap_or(Kind::Other)
}

fn statement(name: &str) -> Option<Kind> {
    Some(match name {
        "module" => Kind::Module,
        "block" => Kind::Block,
        "expression_statement" => Kind::ExpressionStatement,
        "assignment" => Kind::Assignment,
        "augmented_assignment" => Kind::AugmentedAssignment,
        "function_definition" => Kind::Function,
        "class_definition" => Kind::Class,
        "decorated_definition" => Kind::Decorated,
        "if_statement" => Kind::If,
        "elif_clause" => Kind::Elif,
        "else_clause" => Kind::Else,
        "for_statement" => Kind::For,
        "while_statement" => Kind::While,
        "try_statement" => Kind::Try,
        "with_statement" => Kind::With,
        "with_item" => Kind::WithItem,
        "as_pattern" => Kind::AsPattern,
        "return_statement" => Kind::Return,
        "raise_statement" => Kind::Raise,
        "break_statement" | "continue_statement" => Kind::Break,
        "import_statement" => Kind::Import,
        "import_from_statement" => Kind::ImportFrom,
        "aliased_import" => Kind::AliasedImport,
        "dotted_name" | "relative_import" => Kind::DottedName,
        "parameters" => Kind::Parameters,
        "default_parameter" | "typed_default_parameter" => Kind::DefaultParameter,
        "ERROR" => Kind::Mistake,
        _ => return None,
    })
}

fn expression(name: &str) -> Option<Kind> {
    Some(match name {
        "call" => Kind::Call,
        "argument_list" => Kind::Arguments,
        "keyword_argument" => Kind::KeywordArgument,
        "list_splat" => Kind::ListSplat,
        "dictionary_splat" => Kind::DictSplat,
        "attribute" => Kind::Attribute,
        "identifier" => Kind::Name,
        "string" => Kind::Text,
        "string_start" => Kind::TextStart,
        "string_end" => Kind::TextEnd,
        "interpolation" => Kind::Interpolation,
        "concatenated_string" => Kind::Texts,
        "integer" | "float" => Kind::Number,
        "true" => Kind::True,
        "false" => Kind::False,
        "none" => Kind::None,
        "list" | "tuple" | "set" | "expression_list" | "pattern_list" | "tuple_pattern" | "list_pattern" => {
            Kind::List
        }
        "dictionary" => Kind::Dict,
        "pair" => Kind::Pair,
        "parenthesized_expression" => Kind::Parenthesized,
        "binary_operator" => Kind::Binary,
        "unary_operator" => Kind::Unary,
        "not_operator" => Kind::Not,
        "boolean_operator" => Kind::Boolean,
        "comparison_operator" => Kind::Comparison,
        "conditional_expression" => Kind::Conditional,
        "subscript" => Kind::Subscript,
        "list_comprehension" | "set_comprehension" | "generator_expression" => Kind::Comprehension,
        "for_in_clause" => Kind::ForIn,
        "lambda" => Kind::Lambda,
        "named_expression" => Kind::Named,
        _ => return None,
    })
}
