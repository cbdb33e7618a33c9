//! SQL as text and meaning.
//!
//! [`lexer`] cuts text into tokens as the server does; everything that reads SQL stands on it.
//! [`split`] cuts a script into statements, [`statement`] says what one of them is, by the server's
//! own grammar.
//!
//! For those who read a migration without running it: [`ast`] is a statement as our small tree,
//! [`plpgsql`] finds the statements in bodies,
//! [`schema`] what is known of the relations that it speaks of, [`locks`] what it does to them.

pub mod ast;
mod grammar;
pub mod keywords;
pub mod lexer;
pub mod locks;
mod place;
mod placeholder;
pub mod plpgsql;
pub mod read;
pub mod schema;
pub mod split;
pub mod statement;

pub use lexer::{Kind, Mentions, Token, tokens, words};
pub use place::Place;
pub use placeholder::placeholder;
pub use split::{Piece, PieceKind, split};
pub use statement::{Block, Mistake, Relation, Statement};
