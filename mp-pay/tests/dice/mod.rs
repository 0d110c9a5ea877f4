//! Chance that a number replays, for long runs of the ledger.

use mp_core::entropy::{Entropy, SeededEntropy};

#[derive(Debug)]
pub(crate) struct Dice(SeededEntropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    pub(crate) fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    pub(crate) fn index(&self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or_default()
    }

    /// Returns from 1 to 60.
    pub(crate) fn amount(&self) -> i64 {
        i64::try_from(self.below(60)).unwrap_or_default() + 1
    }
}
