//! What several checks need.

pub mod names;
pub mod reach;
pub mod reference;
pub mod sessions;
