//! SQL as text and meaning.
//!
//! [`lexer`] cuts text into tokens as the server does; everything that reads SQL stands on it.

pub mod lexer;

pub use lexer::{Kind, Token, tokens, words};
