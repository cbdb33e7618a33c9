//! What several forms share.

pub(super) mod fix;
pub(super) mod identity;
pub(super) mod machine;
pub(super) mod source;
#[cfg(test)]
pub(super) mod testing;
pub(super) mod words;
