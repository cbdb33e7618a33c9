//! `requires = ["rehearsal"]`: the migrations were rehearsed, up and down.

use switchback_model::config;
use switchback_model::record::RecordKind;

use super::{Gate, recorded, requires};

pub(super) const GATE: Gate = Gate {
    name: "rehearsal",
    asked: |environment| requires(environment, config::Gate::Rehearsal),
    look: |cx| Ok(recorded::any(cx, RecordKind::Rehearsal)),
};
