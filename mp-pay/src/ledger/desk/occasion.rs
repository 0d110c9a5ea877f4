use mp_core::{Timestamp, label::Label};

use crate::ledger::TransferId;

/// What entries are made for, and when.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The transfer.
    pub transfer: TransferId,
    /// What it is for.
    pub memo: Option<Label>,
    /// When.
    pub at: Timestamp,
}
