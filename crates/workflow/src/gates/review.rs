//! `requires = ["review"]`: the scripts were reviewed, and what was found was accepted.

use switchback_model::config;
use switchback_model::record::RecordKind;

use super::{Gate, recorded, requires};

pub(super) const GATE: Gate = Gate {
    name: "review",
    asked: |environment| requires(environment, config::Gate::Review),
    look: |cx| Ok(recorded::any(cx, RecordKind::Review)),
};
