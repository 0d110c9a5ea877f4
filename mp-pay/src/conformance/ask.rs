use std::fmt;

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::AppId,
};

use super::{
    Provider, Skip, Violation,
    contract::{Contract, OfPayments},
    scene::{Scene, WHOLE},
    stop::Stop,
    violation::ensure,
};
use crate::{
    backend::{
        BackendError, Capabilities, CaptureRequest, ChargeRequest, Charged, IncreaseRequest,
        Lookup, LookupRequest, MinorUnits, Outcome, PaymentBackend, Queries, Reference,
    },
    operation::OperationKey,
};

/// One thing asked of a backend, which can be asked again.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Charge(ChargeRequest),
    Capture(CaptureRequest),
    Increase(IncreaseRequest),
    Void {
        key: OperationKey,
        charge: Charged,
    },
    Refund {
        key: OperationKey,
        charge: Charged,
        amount: Money,
    },
}

impl Ask {
    pub(super) async fn of(&self, backend: &dyn PaymentBackend) -> Result<Outcome, BackendError> {
        match self {
            Self::Charge(request) => backend.charge(request).await,
            Self::Capture(request) => backend.capture(request).await,
            Self::Increase(request) => backend.increase(request).await,
            Self::Void { key, charge } => backend.void(key, charge).await,
            Self::Refund {
                key,
                charge,
                amount,
            } => backend.refund(key, charge, *amount).await,
        }
    }

    pub(super) const fn key(&self) -> OperationKey {
        match self {
            Self::Charge(ChargeRequest { key, .. })
            | Self::Capture(CaptureRequest { key, .. })
            | Self::Increase(IncreaseRequest { key, .. })
            | Self::Void { key, .. }
            | Self::Refund { key, .. } => *key,
        }
    }

    /// Returns the question what became of it, by our key alone.
    pub(super) fn lookup(&self) -> LookupRequest {
        let key = self.key();
        match self {
            Self::Charge(ChargeRequest { app, .. }) => LookupRequest::of(app.clone(), key),
            Self::Capture(CaptureRequest { charge, .. })
            | Self::Increase(IncreaseRequest { charge, .. })
            | Self::Void { charge, .. }
            | Self::Refund { charge, .. } => {
                LookupRequest::of(charge.app.clone(), key).with_charge(charge.clone())
            }
        }
    }

    /// Returns what is to move or be held; a void has no amount.
    pub(super) const fn amount(&self) -> Option<Money> {
        Some(match self {
            Self::Charge(ChargeRequest { amount, .. })
            | Self::Capture(CaptureRequest { amount, .. })
            | Self::Increase(IncreaseRequest { total: amount, .. })
            | Self::Refund { amount, .. } => *amount,
            Self::Void { .. } => return None,
        })
    }

    /// Returns the same under the same key, of another amount.
    pub(super) fn with_amount(mut self, other: Money) -> Self {
        match &mut self {
            Self::Charge(ChargeRequest { amount, .. })
            | Self::Capture(CaptureRequest { amount, .. })
            | Self::Increase(IncreaseRequest { total: amount, .. })
            | Self::Refund { amount, .. } => *amount = other,
            Self::Void { .. } => {}
        }
        self
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Charge(ChargeRequest {
                amount, capture, ..
            }) => {
                let what = if *capture { "charge" } else { "hold" };
                write!(f, "a {what} of {amount}")
            }
            Self::Capture(CaptureRequest { amount, last, .. }) => {
                let which = if *last { "last" } else { "further" };
                write!(f, "a {which} capture of {amount}")
            }
            Self::Increase(IncreaseRequest { total, .. }) => write!(f, "an increase to {total}"),
            Self::Void { .. } => write!(f, "a void"),
            Self::Refund { amount, .. } => write!(f, "a refund of {amount}"),
        }
    }
}

/// A charge that was made, for what comes after it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) ask: Ask,
    pub(super) charge: Charged,
}

#[async_trait]
impl Contract for OfPayments {
    type Backend = dyn PaymentBackend;
    type Provider = dyn Provider;
    type Can = Capabilities;
    type Ask = Ask;
    type Key = OperationKey;

    const MOVED: &'static str = "taken";
    const MEANS: &'static str = "the payment method";

    fn can(backend: &Self::Backend) -> Capabilities {
        backend.capabilities()
    }

    fn replays_keys(can: Capabilities) -> bool {
        can.replays_keys.is_some()
    }

    fn queries(can: Capabilities) -> Queries {
        can.queries
    }

    fn minor_units(can: Capabilities) -> MinorUnits {
        can.minor_units
    }

    fn may_go_untold(ask: &Ask) -> bool {
        !matches!(ask, Ask::Charge(_))
    }

    fn ensure_coherent(can: Capabilities) -> Result<(), Violation> {
        let whole = can.partial_capture || can.captures_max <= 1;
        ensure(whole, || {
            "several captures are declared, and captures of a part are not".to_owned()
        })?;
        let holds = can.separate_capture || can.increases_max == 0;
        ensure(holds, || {
            "increases are declared, and holds are not".to_owned()
        })
    }

    fn plain(scene: &Scene, amount: Money) -> Ask {
        scene.charge_of(scene.provider.accepted(), amount, true)
    }

    fn declined(scene: &Scene) -> Option<Ask> {
        let token = scene.provider.declined()?;
        Some(scene.charge_of(token, scene.money(WHOLE), true))
    }

    fn plain_in_any(scene: &Scene, amount: Money) -> Option<Ask> {
        let token = scene.provider.accepted_in(amount.currency())?;
        Some(scene.charge_of(token, amount, true))
    }

    async fn one_of_each(scene: &Scene) -> Result<Vec<Ask>, Stop> {
        scene.charge_and_what_follows().await
    }

    fn key(ask: &Ask) -> OperationKey {
        ask.key()
    }

    fn amount(ask: &Ask) -> Option<Money> {
        ask.amount()
    }

    fn with_amount(ask: Ask, amount: Money) -> Ask {
        ask.with_amount(amount)
    }

    async fn ask(backend: &Self::Backend, ask: &Ask) -> Result<Outcome, BackendError> {
        ask.of(backend).await
    }

    async fn look_up(
        backend: &Self::Backend,
        _: &AppId,
        ask: &Ask,
        reference: Option<Reference>,
    ) -> Result<Lookup, BackendError> {
        let request = LookupRequest {
            reference,
            ..ask.lookup()
        };
        backend.lookup(&request).await
    }

    async fn moved(provider: &Self::Provider, currency: Currency) -> Option<Money> {
        provider.taken(currency).await
    }

    async fn held(provider: &Self::Provider, currency: Currency) -> Option<Money> {
        provider.held(currency).await
    }

    async fn told(provider: &Self::Provider, ask: &Ask) -> Option<Vec<Outcome>> {
        let notices = provider.notices().await?.into_iter();
        let mine = notices.filter(|notice| notice.operation == ask.key());
        Some(mine.map(|notice| notice.outcome).collect())
    }

    async fn act(provider: &Self::Provider) -> Result<(), Stop> {
        match provider.act_as_payer().await {
            true => Ok(()),
            false => Err(Skip::NotProvided("act_as_payer").into()),
        }
    }

    fn means(provider: &Self::Provider) -> String {
        provider.accepted().as_str().to_owned()
    }
}
