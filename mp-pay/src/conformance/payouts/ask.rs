use std::fmt;

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::AppId,
    label::Label,
    port::Destination,
};

use super::PayoutProvider;
use crate::{
    backend::{BackendError, Lookup, MinorUnits, Outcome, Queries, Reference},
    conformance::{
        contract::Contract,
        scene::{Scene, WHOLE},
    },
    payout::{PayoutBackend, PayoutCapabilities, PayoutId, PayoutInstruction, PayoutLookupRequest},
};

/// The contract of a [`PayoutBackend`].
#[derive(Debug)]
pub(in crate::conformance) struct OfPayouts;

pub(super) type PayoutScene = Scene<OfPayouts>;

/// A payout, which can be asked for again.
#[derive(Clone, Debug)]
pub(in crate::conformance) struct Ask(pub(super) PayoutInstruction);

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a payout of {}", self.0.amount)
    }
}

impl PayoutScene {
    /// Returns a payout under an id of its own.
    pub(super) fn to(&self, destination: Destination, amount: Money) -> Ask {
        Ask(PayoutInstruction {
            id: PayoutId::from_bytes(self.chance()),
            app: self.provider.app(),
            destination,
            amount,
            reason: Label::new("conformance").expect("letters make a label"),
        })
    }
}

#[async_trait]
impl Contract for OfPayouts {
    type Backend = dyn PayoutBackend;
    type Provider = dyn PayoutProvider;
    type Can = PayoutCapabilities;
    type Ask = Ask;
    type Key = PayoutId;

    const MOVED: &'static str = "paid";
    const MEANS: &'static str = "the destination";

    fn can(backend: &Self::Backend) -> PayoutCapabilities {
        backend.payout_capabilities()
    }

    fn replays_keys(can: PayoutCapabilities) -> bool {
        can.replays_keys.is_some()
    }

    fn queries(can: PayoutCapabilities) -> Queries {
        can.queries
    }

    fn minor_units(can: PayoutCapabilities) -> MinorUnits {
        can.minor_units
    }

    fn plain(scene: &PayoutScene, amount: Money) -> Ask {
        scene.to(scene.provider.accepted(), amount)
    }

    fn declined(scene: &PayoutScene) -> Option<Ask> {
        let destination = scene.provider.declined()?;
        Some(scene.to(destination, scene.money(WHOLE)))
    }

    fn plain_in_any(scene: &PayoutScene, amount: Money) -> Option<Ask> {
        let destination = scene.provider.accepted_in(amount.currency())?;
        Some(scene.to(destination, amount))
    }

    fn key(ask: &Ask) -> PayoutId {
        ask.0.id
    }

    fn amount(ask: &Ask) -> Option<Money> {
        Some(ask.0.amount)
    }

    fn with_amount(mut ask: Ask, amount: Money) -> Ask {
        ask.0.amount = amount;
        ask
    }

    async fn ask(backend: &Self::Backend, ask: &Ask) -> Result<Outcome, BackendError> {
        backend.pay_out(&ask.0).await
    }

    async fn look_up(
        backend: &Self::Backend,
        app: &AppId,
        ask: &Ask,
        reference: Option<Reference>,
    ) -> Result<Lookup, BackendError> {
        let request = PayoutLookupRequest {
            reference,
            ..PayoutLookupRequest::of(app.clone(), ask.0.id)
        };
        backend.lookup_payout(&request).await
    }

    async fn moved(provider: &Self::Provider, currency: Currency) -> Option<Money> {
        provider.paid(currency).await
    }

    async fn told(provider: &Self::Provider, ask: &Ask) -> Option<Vec<Outcome>> {
        let notices = provider.notices().await?.into_iter();
        let mine = notices.filter(|notice| notice.payout == ask.0.id);
        Some(mine.map(|notice| notice.outcome).collect())
    }

    /// What is authorized was accepted, and not paid yet.
    fn is_known(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Settled { .. } | Outcome::Declined { .. })
    }

    fn means(provider: &Self::Provider) -> String {
        provider.accepted().as_str().to_owned()
    }
}
