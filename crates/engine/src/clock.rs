//! The only clock.

use jiff::Timestamp;

/// Now, by the operator's clock.
pub fn now() -> Timestamp {
    Timestamp::now()
}
