use std::{fmt, time::Duration};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::AppId,
};

use super::{
    Fault, Joined, Provider, Violation,
    payouts::PayoutProvider,
    scene::{Scene, WHOLE},
    stop::Stop,
};
use crate::backend::{BackendError, Lookup, MinorUnits, Outcome, Queries, Reference};

/// What the kit has to know of a contract to try it: what is asked of a backend, and of the provider
/// behind it. What both contracts promise is tried by the same clauses.
#[async_trait]
pub(super) trait Contract: Sized + Send + Sync + 'static {
    type Backend: fmt::Debug + Send + Sync + ?Sized + 'static;
    type Provider: Behind + ?Sized;
    /// What a backend declares that it can do.
    type Can: Copy + fmt::Debug + PartialEq + Send + Sync + 'static;
    /// One thing asked of a backend, which can be asked again.
    type Ask: Clone + fmt::Display + Send + Sync + 'static;
    /// Under what it is asked.
    type Key: Copy + fmt::Debug + Ord + Send + Sync + 'static;

    /// What the provider shows of the money that it has moved.
    const MOVED: &'static str;
    /// By what the money comes or goes.
    const MEANS: &'static str;

    fn can(backend: &Self::Backend) -> Self::Can;

    fn replays_keys(can: Self::Can) -> bool;

    fn queries(can: Self::Can) -> Queries;

    fn minor_units(can: Self::Can) -> MinorUnits;

    /// Demands that what is declared does not contradict itself.
    fn ensure_coherent(_: Self::Can) -> Result<(), Violation> {
        Ok(())
    }

    /// Returns the plainest thing that the backend is there for, of this amount and under a key of
    /// its own.
    fn plain(scene: &Scene<Self>, amount: Money) -> Self::Ask;

    /// Returns such a thing, which is to be declined.
    fn declined(scene: &Scene<Self>) -> Option<Self::Ask>;

    /// Returns such a thing of any currency, if the provider has it.
    fn plain_in_any(scene: &Scene<Self>, amount: Money) -> Option<Self::Ask>;

    /// Returns something of each kind that the backend does, ready to be asked.
    async fn one_of_each(scene: &Scene<Self>) -> Result<Vec<Self::Ask>, Stop> {
        Ok(vec![scene.plain(WHOLE)])
    }

    fn key(ask: &Self::Ask) -> Self::Key;

    /// Returns whether it may be told for good that nobody can tell what became of something, where
    /// keys are remembered.
    fn may_go_untold(_: &Self::Ask) -> bool {
        false
    }

    /// Returns what is to move or be held.
    fn amount(ask: &Self::Ask) -> Option<Money>;

    /// Returns the same under the same key, of another amount.
    fn with_amount(ask: Self::Ask, amount: Money) -> Self::Ask;

    async fn ask(backend: &Self::Backend, ask: &Self::Ask) -> Result<Outcome, BackendError>;

    /// Asks what became of something, by the backend's own name for it where it has told one.
    async fn look_up(
        backend: &Self::Backend,
        app: &AppId,
        ask: &Self::Ask,
        name: Option<Reference>,
    ) -> Result<Lookup, BackendError>;

    /// Returns what the provider has moved and not moved back so far.
    async fn moved(provider: &Self::Provider, currency: Currency) -> Option<Money>;

    /// Returns what it holds now.
    async fn held(_: &Self::Provider, _: Currency) -> Option<Money> {
        None
    }

    /// Returns what the provider has told by itself of what was asked.
    async fn told(provider: &Self::Provider, ask: &Self::Ask) -> Option<Vec<Outcome>>;

    /// Does what somebody is asked to do first, if that is allowed.
    async fn act(_: &Self::Provider) -> Result<(), Stop> {
        Err(Violation::new("somebody is asked to do something first").into())
    }

    /// Returns whether an outcome need not be asked about again.
    fn is_known(outcome: &Outcome) -> bool {
        outcome.is_known()
    }

    /// Returns whether what was asked has been done.
    fn is_done(outcome: &Outcome) -> bool {
        Self::is_known(outcome) && !matches!(outcome, Outcome::Declined { .. })
    }

    /// Returns by what the money comes or goes, as text that nobody may see.
    fn means(provider: &Self::Provider) -> String;
}

pub(super) type JoinedBy<C> = Joined<<C as Contract>::Backend, <C as Contract>::Provider>;

/// What every provider shows and does, whatever its backend is for.
#[async_trait]
pub(super) trait Behind: fmt::Debug + Send + Sync + 'static {
    fn app(&self) -> AppId;
    fn currency(&self) -> Currency;
    fn secrets(&self) -> Vec<String>;
    fn call_max(&self) -> Duration;
    async fn requests(&self) -> Option<u64>;
    async fn inflict(&self, fault: &Fault) -> bool;
    async fn wait(&self);
}

macro_rules! behind {
    ($($provider:ident)*) => {$(
        #[async_trait]
        impl Behind for dyn $provider {
            fn app(&self) -> AppId {
                $provider::app(self)
            }

            fn currency(&self) -> Currency {
                $provider::currency(self)
            }

            fn secrets(&self) -> Vec<String> {
                $provider::secrets(self)
            }

            fn call_max(&self) -> Duration {
                $provider::call_max(self)
            }

            async fn requests(&self) -> Option<u64> {
                $provider::requests(self).await
            }

            async fn inflict(&self, fault: &Fault) -> bool {
                $provider::inflict(self, fault).await
            }

            async fn wait(&self) {
                $provider::wait(self).await;
            }
        }
    )*};
}

behind! { Provider PayoutProvider }

/// The contract of a [`PaymentBackend`](crate::PaymentBackend).
#[derive(Debug)]
pub(super) struct OfPayments;
