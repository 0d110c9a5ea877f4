use mp_core::{
    Document, Timestamp,
    amount::Unit,
    id::{AppId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, Balance, Side};

/// The most accounts of one book, those in transit left out.
pub const ACCOUNTS_MAX: u32 = 64;

/// Something of one unit that one party has or owes, and the bounds of it.
///
/// Everything but its balance is fixed when it is opened.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// The app that keeps it.
    pub app: AppId,
    /// Whose it is; the app's own if nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// What it counts.
    pub unit: Unit,
    /// On which side its balance grows.
    pub side: Side,
    /// What its balance never falls below, what is pending against it counted in; no limit if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    /// What its balance never rises above, what is pending in its favour counted in; no limit if
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    /// What was debited and credited.
    pub balance: Balance,
    /// The number of the last entry that changed it; 0 if none did.
    pub last_entry: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
}

impl Document for Account {
    const KIND: &'static str = "ledger_account";
    const FORMAT: u32 = 1;
}

impl Account {
    /// Returns an empty account of the app's own without bounds, opened at the beginning of time.
    #[must_use]
    pub fn opened(id: AccountId, app: AppId, unit: Unit, side: Side) -> Self {
        Self {
            id,
            app,
            owner: None,
            unit,
            side,
            least: None,
            most: None,
            balance: Balance::default(),
            last_entry: 0,
            opened_at: Timestamp::MIN,
        }
    }

    /// Says what its balance never falls below and never rises above.
    #[must_use]
    pub const fn bounded(mut self, least: Option<i64>, most: Option<i64>) -> Self {
        (self.least, self.most) = (least, most);
        self
    }

    /// Returns the posted balance, positive on the account's own side.
    #[must_use]
    pub const fn posted(&self) -> i64 {
        self.balance.posted(self.side)
    }

    /// Returns how much can still be taken from it; `None` if there is no bound.
    #[must_use]
    pub fn available(&self) -> Option<i64> {
        let least = self.least?;
        Some(self.balance.least(self.side).saturating_sub(least))
    }

    /// Returns how much it can still take in; `None` if there is no bound.
    #[must_use]
    pub fn room(&self) -> Option<i64> {
        let most = self.most?;
        Some(most.saturating_sub(self.balance.most(self.side)))
    }
}
