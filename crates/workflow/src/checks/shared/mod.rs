//! What several checks need.

pub(crate) mod names;
pub(crate) mod pick;
pub(crate) mod reach;
pub(crate) mod reference;
pub(crate) mod sessions;
