//! Security and privileges.

use crate::rule::Rule;

mod definer;
mod grants;
mod roles;
mod row_security;
mod server;

/// Every rule of this folder.
pub(super) const RULES: &[&Rule] = &[
    &definer::FUNCTION,
    &grants::PUBLIC,
    &grants::REVOKE,
    &row_security::DISABLE,
    &row_security::ENABLE,
    &row_security::TRUE,
    &row_security::RESTRICTIVE,
    &row_security::UNCACHED,
    &server::EXTENSION,
    &server::SUPERUSER,
    &server::SECRET,
    &definer::VIEW,
    &grants::DEFAULTS,
    &roles::LOCKED_OUT,
];
