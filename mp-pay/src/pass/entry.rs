use mp_core::{Document, Timestamp, amount::Amount};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mp_core::id_type!(
    /// Names an entry of a pass: derived from the call that made it.
    pub EntryId, "pe"
);

/// One change to a pass; entries are appended and never changed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PassEntry {
    /// Its number within the pass, from 1.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What was done.
    pub entry: EntryKind,
    /// What it changed, by unit: `{app}:stamps`, `{app}:rewards`, `{app}:points`.
    pub changes: Vec<Amount>,
}

impl Document for PassEntry {
    const KIND: &'static str = "pass_entry";
    const FORMAT: u32 = 1;
}

/// What was done to a pass.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// Stamps were put on it.
    Stamped,
    /// Points were earned.
    Earned,
    /// Rewards or points were redeemed.
    Redeemed,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}
