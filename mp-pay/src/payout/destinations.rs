use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use mp_core::{
    Error,
    id::{AppId, UserId},
    port::Destination,
};

/// Knows where users' money goes; the host supplies it.
///
/// # Contract
/// 1. *Steady.* The answer may change between payouts; within one it is asked for until the payout is
///    written down, and what was written down counts.
#[async_trait]
pub trait PayoutDestinations: fmt::Debug + Send + Sync + 'static {
    /// Returns where a user's money goes, `None` if they have told nothing.
    ///
    /// # Errors
    ///
    /// Any; the payout is not written down.
    async fn destination_of(
        &self,
        app: &AppId,
        user: &UserId,
    ) -> Result<Option<Destination>, Error>;
}

/// Destinations held in memory.
#[derive(Clone, Debug, Default)]
pub struct FixedDestinations(BTreeMap<UserId, Destination>);

impl FixedDestinations {
    /// Tells where a user's money goes.
    #[must_use]
    pub fn with(mut self, user: UserId, destination: Destination) -> Self {
        self.0.insert(user, destination);
        self
    }
}

#[async_trait]
impl PayoutDestinations for FixedDestinations {
    async fn destination_of(&self, _: &AppId, user: &UserId) -> Result<Option<Destination>, Error> {
        Ok(self.0.get(user).cloned())
    }
}
