use std::{fmt, time::Duration};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::{AppId, UserId},
};

use crate::{PaymentsOptions, method::PaymentMethodToken, payments::Notice};

/// The side of the money: what the kit has to see of the provider behind a backend, and do to it.
///
/// Only [`accepted`](Self::accepted) is required. Whatever else a provider tells or does lets the
/// kit try more; promises that it cannot try without are skipped, and the report says for want of
/// what.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// Returns the payment method of a payer who has money enough: 1,000 units of any currency.
    fn accepted(&self) -> PaymentMethodToken;

    /// Returns such a payment method for a currency; `None` if this payer has none of it, as one whose
    /// account is in another. What is declared of such a currency is not tried.
    fn accepted_in(&self, _: Currency) -> Option<PaymentMethodToken> {
        Some(self.accepted())
    }

    /// Returns a payment method that is always declined.
    fn declined(&self) -> Option<PaymentMethodToken> {
        None
    }

    /// Returns the payment method of a payer who has to do something first, also where the backend
    /// declares that it asks for nothing: it is tried then that it does not.
    fn acting(&self) -> Option<PaymentMethodToken> {
        None
    }

    /// Returns another payer who has money enough, and a payment method that the backend keeps for
    /// them alone; `None` if it keeps none.
    fn of_another(&self) -> Option<(UserId, PaymentMethodToken)> {
        None
    }

    /// Does what the payer was asked to do; returns whether it can.
    async fn act_as_payer(&self) -> bool {
        false
    }

    /// Returns the app that is paid.
    fn app(&self) -> AppId {
        AppId::new("conformance").expect("letters make an app's name")
    }

    /// Returns whose the payment methods are.
    fn payer(&self) -> UserId {
        UserId::new("payer").expect("letters make a user's name")
    }

    /// Returns the currency that most clauses pay in.
    fn currency(&self) -> Currency {
        Currency::EUR
    }

    /// Returns what it has taken of payers and not given back so far, by its own books.
    async fn taken(&self, _: Currency) -> Option<Money> {
        None
    }

    /// Returns what it holds of payers now, by its own books.
    async fn held(&self, _: Currency) -> Option<Money> {
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
    async fn notices(&self) -> Option<Vec<Notice>> {
        None
    }

    /// Returns the longest that a call may take which nothing was done to.
    fn call_max(&self) -> Duration {
        PaymentsOptions::default().call_max
    }

    /// Lets some time pass for the provider, so that what is under way there comes to an end.
    async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What can go wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It gets lost on its way there, and the backend cannot know.
    LoseRequest,
    /// It is carried out, and its answer gets lost.
    LoseAnswer,
    /// It finds nobody: the connection is refused, and the backend can know that nothing happened.
    Refuse,
    /// It is declined.
    Decline,
    /// It is carried out only after this time, whether or not anybody waits for the answer.
    Delay(Duration),
}
