//! Loyalty passes: stamps, points and rewards that a user collects in a program.

mod entry;
mod operations;
mod passes;
mod program;
mod request;

use mp_core::{
    Document, Error, Timestamp,
    amount::{Amount, OwnUnit, Unit},
    id::{AppId, Name, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    entry::{EntryId, EntryKind, PassEntry},
    passes::{PASS_MANAGE, PASS_READ, PASS_WRITE, Passes},
    program::{Program, STAMPS_PER_REWARD_MAX},
    request::{EarnPoints, OpenPass, ReadPass, Redeem, Redemption, StampPass},
};
use crate::error::PayError;

mp_core::id_type!(
    /// Names a loyalty pass.
    pub PassId, "pass"
);

/// The most stamps that one call puts on a pass.
pub const STAMPS_MAX: u32 = 100;

/// The most points that one call adds to a pass, and the most of anything that a pass holds.
pub const BALANCE_MAX: u64 = 1_000_000_000_000;

/// What one user has collected in one program.
///
/// Every balance is the sum of the entries, and none is ever below zero.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LoyaltyPass {
    /// Its name, derived from the app, the user and the program.
    pub id: PassId,
    /// The app that keeps the promise.
    pub app: AppId,
    /// Whose it is.
    pub owner: UserId,
    /// The program.
    pub program: Name,
    /// How many stamps make a reward, as it was when the pass was opened.
    pub stamps_per_reward: u32,
    /// Stamps towards the next reward, always fewer than make one.
    pub stamps: u64,
    /// Rewards that are ready to be redeemed.
    pub rewards: u64,
    /// Points.
    pub points: u64,
    /// How many entries there are.
    pub entries: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
}

impl Document for LoyaltyPass {
    const KIND: &'static str = "loyalty_pass";
    const FORMAT: u32 = 1;
}

/// What happens to a pass.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Act {
    Stamp(u32),
    Earn(u64),
    Redeem(Redemption),
}

impl LoyaltyPass {
    pub(crate) fn open(
        id: PassId,
        app: AppId,
        owner: UserId,
        program: &Program,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let pass = Self {
            id,
            app,
            owner,
            program: program.name().clone(),
            stamps_per_reward: program.stamps_per_reward(),
            stamps: 0,
            rewards: 0,
            points: 0,
            entries: 0,
            opened_at: now,
        };
        // An app that cannot have units of its own is told so before anything is collected.
        pass.stamps()?;
        Ok(pass)
    }

    /// Carries an act out, and returns the entry that says so.
    pub(crate) fn act(&mut self, act: Act, now: Timestamp) -> Result<PassEntry, PayError> {
        let before = (self.stamps, self.rewards, self.points);
        let kind = match act {
            Act::Stamp(stamps) => self.stamp(stamps)?,
            Act::Earn(points) => self.earn(points)?,
            Act::Redeem(redemption) => self.redeem(redemption)?,
        };
        self.entries += 1;
        let changes = [
            (STAMPS, before.0, self.stamps),
            (REWARDS, before.1, self.rewards),
            (POINTS, before.2, self.points),
        ];
        let changes = changes
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(unit, before, after)| {
                Ok(Amount::new(
                    signed(after) - signed(before),
                    self.unit(unit)?,
                ))
            });
        Ok(PassEntry {
            number: self.entries,
            at: now,
            entry: kind,
            changes: changes.collect::<Result<_, Error>>()?,
        })
    }

    /// Puts stamps on; full cards become rewards, and what is over counts towards the next.
    fn stamp(&mut self, stamps: u32) -> Result<EntryKind, PayError> {
        if !(1..=STAMPS_MAX).contains(&stamps) {
            return Err(Error::invalid("stamps", "is not 1 to 100").into());
        }
        let per_reward = u64::from(self.stamps_per_reward.max(1));
        let all = self.stamps + u64::from(stamps);
        self.rewards = bounded("stamps", self.rewards + all / per_reward)?;
        self.stamps = all % per_reward;
        Ok(EntryKind::Stamped)
    }

    fn earn(&mut self, points: u64) -> Result<EntryKind, PayError> {
        if !(1..=BALANCE_MAX).contains(&points) {
            return Err(Error::invalid("points", "is not more than zero, or too large").into());
        }
        self.points = bounded("points", self.points + points)?;
        Ok(EntryKind::Earned)
    }

    fn redeem(&mut self, redemption: Redemption) -> Result<EntryKind, PayError> {
        let (unit, held, asked) = match redemption {
            Redemption::Rewards { count } => (REWARDS, &mut self.rewards, u64::from(count)),
            Redemption::Points { count } => (POINTS, &mut self.points, count),
        };
        if asked == 0 {
            return Err(Error::invalid("count", "is not more than zero").into());
        }
        let short = PayError::NotEnough {
            unit,
            held: *held,
            asked,
        };
        *held = held.checked_sub(asked).ok_or(short)?;
        Ok(EntryKind::Redeemed)
    }

    /// Returns the stamps towards the next reward, in the app's own unit `{app}:stamps`.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the app's id cannot be part of a unit: it has one of `: @ +`.
    pub fn stamps(&self) -> Result<Amount, Error> {
        Ok(Amount::new(signed(self.stamps), self.unit(STAMPS)?))
    }

    /// Returns the points, in the app's own unit `{app}:points`.
    ///
    /// # Errors
    ///
    /// As [`stamps`](Self::stamps).
    pub fn points(&self) -> Result<Amount, Error> {
        Ok(Amount::new(signed(self.points), self.unit(POINTS)?))
    }

    /// Returns the rewards that are ready, in the app's own unit `{app}:rewards`.
    ///
    /// # Errors
    ///
    /// As [`stamps`](Self::stamps).
    pub fn rewards(&self) -> Result<Amount, Error> {
        Ok(Amount::new(signed(self.rewards), self.unit(REWARDS)?))
    }

    fn unit(&self, name: &str) -> Result<Unit, Error> {
        let unit = OwnUnit::new(self.app.as_str(), name);
        let unfit = |error| Error::invalid("app", "cannot be part of a unit").with_source(error);
        Ok(unit.map_err(unfit)?.into())
    }
}

const STAMPS: &str = "stamps";
const REWARDS: &str = "rewards";
const POINTS: &str = "points";

/// Balances are at most [`BALANCE_MAX`], far within what an amount counts.
fn signed(balance: u64) -> i64 {
    i64::try_from(balance).unwrap_or(i64::MAX)
}

fn bounded(field: &'static str, balance: u64) -> Result<u64, Error> {
    if balance > BALANCE_MAX {
        return Err(Error::invalid(field, "would make the pass hold too much"));
    }
    Ok(balance)
}

#[cfg(test)]
mod tests;
