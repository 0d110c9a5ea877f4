use super::journal::Outcome;

/// One thing asked of the provider.
#[derive(Debug, Default)]
pub(super) struct Operation {
    /// What it moves if it moves money, in cents: from the payer, below zero to them.
    pub(super) cents: i64,
    /// How often the journal says that the provider was about to be called for it.
    pub(super) sent: u32,
    /// Whether an answer about it was lost.
    pub(super) doubted: bool,
    pub(super) outcome: Outcome,
}

impl Operation {
    /// Creates one that was asked for, and of which nothing is known.
    pub(super) fn asked(cents: i64) -> Self {
        Self {
            cents,
            ..Self::default()
        }
    }

    /// Returns what it has moved, as far as was observed.
    pub(super) const fn moved(&self) -> i64 {
        match self.outcome {
            Outcome::Settled => self.cents,
            _ => 0,
        }
    }

    /// Takes in an outcome: a success counts for good, also after a decline.
    pub(super) fn observe(&mut self, outcome: Outcome) {
        if outcome.is_known() && !self.outcome.happened() {
            self.outcome = outcome;
        }
        self.doubted |= outcome == Outcome::Unknown && !self.outcome.is_known();
    }
}
