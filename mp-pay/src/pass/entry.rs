use mp_core::{Document, Error, Timestamp, amount::Amount};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, LoyaltyPass, POINTS, REWARDS, Redemption, STAMPS, signed};

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

impl PassEntry {
    /// Returns whether this very act has made the entry of a pass: what it changed says how much was
    /// asked for.
    pub(super) fn is_of(&self, act: Act, pass: &LoyaltyPass) -> Result<bool, Error> {
        let stamps = self.changed(STAMPS, pass)?;
        let (rewards, points) = (self.changed(REWARDS, pass)?, self.changed(POINTS, pass)?);
        let all = (stamps, rewards, points);
        Ok(match (self.entry, act) {
            (EntryKind::Stamped, Act::Stamp(asked)) => {
                let per_reward = i64::from(pass.stamps_per_reward.max(1));
                stamps + rewards * per_reward == i64::from(asked) && points == 0
            }
            (EntryKind::Earned, Act::Earn(asked)) => all == (0, 0, signed(asked)),
            (EntryKind::Redeemed, Act::Redeem(Redemption::Rewards { count })) => {
                all == (0, -i64::from(count), 0)
            }
            (EntryKind::Redeemed, Act::Redeem(Redemption::Points { count })) => {
                all == (0, 0, -signed(count))
            }
            _ => false,
        })
    }

    /// Returns by how much it changed one of the pass's balances.
    fn changed(&self, name: &str, pass: &LoyaltyPass) -> Result<i64, Error> {
        let unit = pass.unit(name)?;
        let change = self.changes.iter().find(|change| *change.unit() == unit);
        Ok(change.map_or(0, Amount::minor))
    }
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
