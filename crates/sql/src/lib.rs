//! SQL as text and meaning.
//!
//! [`lexer`] cuts text into tokens as the server does; everything that reads SQL stands on it.
//! [`split`] cuts a script into statements, [`statement`] says what one of them is, by the server's
//! own grammar.

mod grammar;
pub mod lexer;
mod place;
mod placeholder;
pub mod split;
pub mod statement;

pub use lexer::{Kind, Token, tokens, words};
pub use place::Place;
pub use placeholder::placeholder;
pub use split::{Piece, PieceKind, split};
pub use statement::{Block, Mistake, Relation, Statement};
