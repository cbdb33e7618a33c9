//! The closed fence, against everybody who would write: counted, timed, and looked at row by row.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod bouncer;
mod inside;
mod load;
mod many;
mod shop;
mod wire;
