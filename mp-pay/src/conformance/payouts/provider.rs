use std::{fmt, time::Duration};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::AppId,
    port::Destination,
};

use crate::{
    conformance::Fault,
    payout::{PayoutNotice, PayoutsOptions},
};

/// The side of the money: what the kit has to see of the provider behind a payout backend, and do to
/// it.
///
/// Only [`accepted`](Self::accepted) is required. Whatever else a provider tells or does lets the
/// kit try more; promises that it cannot try without are skipped, and the report says for want of
/// what.
#[async_trait]
pub trait PayoutProvider: fmt::Debug + Send + Sync {
    /// Returns a destination that money can be sent to, at once: as much as 1,000 units of any
    /// currency.
    fn accepted(&self) -> Destination;

    /// Returns such a destination for a currency; `None` if there is none, as at a bank whose accounts
    /// are in another. What is declared of such a currency is not tried.
    fn accepted_in(&self, _: Currency) -> Option<Destination> {
        Some(self.accepted())
    }

    /// Returns a destination that is always declined, such as an account that is closed.
    fn declined(&self) -> Option<Destination> {
        None
    }

    /// Returns a destination that is paid only after a [`wait`](Self::wait).
    fn slow(&self) -> Option<Destination> {
        None
    }

    /// Returns a destination from which the money comes back in a [`wait`](Self::wait).
    fn returned(&self) -> Option<Destination> {
        None
    }

    /// Returns the app that pays.
    fn app(&self) -> AppId {
        AppId::new("conformance").expect("letters make an app's name")
    }

    /// Returns the currency that most clauses pay in.
    fn currency(&self) -> Currency {
        Currency::EUR
    }

    /// Returns what it has paid and what has not come back so far, by its own books.
    async fn paid(&self, _: Currency) -> Option<Money> {
        None
    }

    /// Returns how many requests of the backend have reached it.
    async fn requests(&self) -> Option<u64> {
        None
    }

    /// Makes the next request of the backend go wrong like this, once; returns whether it can.
    async fn inflict(&self, _: &Fault) -> bool {
        false
    }

    /// Returns what nobody may see of the backend's configuration: its API key.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns what the provider has told by itself so far, as the host's webhook code reads it.
    async fn notices(&self) -> Option<Vec<PayoutNotice>> {
        None
    }

    /// Returns the longest that a call may take which nothing was done to.
    fn call_max(&self) -> Duration {
        PayoutsOptions::default().call_max
    }

    /// Lets some time pass for the provider, so that what is under way there comes to an end.
    async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
