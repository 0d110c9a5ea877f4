//! What the clauses act on: a fresh backend, and charges under keys of their own.

use std::sync::Arc;

use mp_core::{
    amount::Money,
    entropy::{Entropy, SystemEntropy},
    id::UserId,
};

use super::{
    Fault, Joined, Skip,
    ask::{Ask, Made},
    books::Books,
    contract::{Behind, Contract, JoinedBy, OfPayments},
    names::Names,
    stop::{Stop, declared},
};
use crate::{
    backend::{CaptureRequest, ChargeRequest, Charged, IncreaseRequest, Reference},
    intent::IntentId,
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
    refund::RefundId,
};

/// What most clauses charge, in minor units.
pub(super) const WHOLE: i64 = 1_000;
/// A part of it, more than half.
pub(super) const PART: i64 = 600;
/// The rest.
pub(super) const REST: i64 = WHOLE - PART;

/// One backend, its provider, and where the provider's books stood at the beginning.
#[derive(Debug)]
pub(super) struct Scene<C: Contract = OfPayments> {
    pub(super) backend: Arc<C::Backend>,
    pub(super) provider: Arc<C::Provider>,
    pub(super) can: C::Can,
    entropy: SystemEntropy,
    /// What the backend calls what it was asked.
    pub(super) names: Names<C::Key>,
    /// What was moved and held before.
    pub(super) before: Books,
}

impl<C: Contract> Scene<C> {
    pub(super) async fn open(joined: JoinedBy<C>) -> Self {
        let Joined { backend, provider } = joined;
        let currency = provider.currency();
        Self {
            can: C::can(&backend),
            entropy: SystemEntropy::new(),
            names: Names::default(),
            before: Books {
                moved: C::moved(&provider, currency).await,
                held: C::held(&provider, currency).await,
            },
            backend,
            provider,
        }
    }

    pub(super) fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.provider.currency())
    }

    pub(super) fn chance(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Returns the plainest thing that the backend is there for, under a key of its own.
    pub(super) fn plain(&self, minor: i64) -> C::Ask {
        C::plain(self, self.money(minor))
    }

    /// Returns such a thing, which is to be declined.
    pub(super) fn declined(&self) -> Result<C::Ask, Skip> {
        C::declined(self).ok_or(Skip::NotProvided("declined"))
    }

    /// Returns something of each kind that the backend does, ready to be asked.
    pub(super) async fn one_of_each(&self) -> Result<Vec<C::Ask>, Stop> {
        C::one_of_each(self).await
    }

    /// Makes the next request go wrong, if the provider can.
    pub(super) async fn inflict(&self, fault: Fault) -> Result<(), Skip> {
        if self.provider.inflict(&fault).await {
            Ok(())
        } else {
            Err(Skip::NotProvided("inflict"))
        }
    }
}

impl Scene {
    /// Returns a charge that takes the money at once, under a key of its own.
    pub(super) fn charge(&self, minor: i64) -> Ask {
        self.plain(minor)
    }

    pub(super) fn charge_of(&self, token: PaymentMethodToken, amount: Money, take: bool) -> Ask {
        self.charge_by(self.provider.payer(), token, amount, take)
    }

    pub(super) fn charge_by(
        &self,
        payer: UserId,
        token: PaymentMethodToken,
        amount: Money,
        take: bool,
    ) -> Ask {
        Ask::Charge(ChargeRequest {
            key: OperationKey {
                intent: IntentId::from_bytes(self.chance()),
                step: Step::Charge(1),
            },
            app: self.provider.app(),
            payer,
            amount,
            payment_method: token,
            capture: take,
        })
    }

    /// Returns a charge whose payer is asked to do something first, by a backend that declares it.
    pub(super) fn charge_of_acting(&self) -> Result<Ask, Skip> {
        declared(!self.can.next_actions.is_empty(), "next_actions")?;
        let token = self.provider.acting();
        let token = token.ok_or(Skip::NotProvided("acting"))?;
        Ok(self.charge_of(token, self.money(WHOLE), true))
    }

    /// Returns a charge whose payer would have to do something first, whatever the backend declares.
    pub(super) fn charge_that_may_wait(&self) -> Result<Ask, Skip> {
        match self.provider.acting() {
            Some(token) => Ok(self.charge_of(token, self.money(WHOLE), true)),
            None => self.charge_of_acting(),
        }
    }

    /// Takes money.
    pub(super) async fn take(&self, minor: i64) -> Result<Made, Stop> {
        self.make(self.charge(minor)).await
    }

    /// Holds money, if the backend can.
    pub(super) async fn hold(&self, minor: i64) -> Result<Made, Stop> {
        declared(self.can.separate_capture, "separate_capture")?;
        let hold = self.charge_of(self.provider.accepted(), self.money(minor), false);
        self.make(hold).await
    }

    /// Makes a charge, which must succeed.
    pub(super) async fn make(&self, ask: Ask) -> Result<Made, Stop> {
        let outcome = self.settle(&ask).await?;
        Ok(self.made(ask, outcome.reference().cloned()))
    }

    /// Returns a charge as later operations point at it.
    pub(super) fn made(&self, ask: Ask, reference: Option<Reference>) -> Made {
        let charge = Charged {
            app: self.provider.app(),
            key: ask.key(),
            reference,
        };
        Made { ask, charge }
    }

    pub(super) fn capture(&self, hold: &Made, number: u32, minor: i64, last: bool) -> Ask {
        Ask::Capture(CaptureRequest {
            key: key_of(hold, Step::Capture(1, number)),
            charge: hold.charge.clone(),
            amount: self.money(minor),
            last,
        })
    }

    pub(super) fn increase(&self, hold: &Made, number: u32, total: i64) -> Ask {
        Ask::Increase(IncreaseRequest {
            key: key_of(hold, Step::Increase(1, number)),
            charge: hold.charge.clone(),
            total: self.money(total),
        })
    }

    pub(super) fn void(charge: &Made) -> Ask {
        Ask::Void {
            key: key_of(charge, Step::Void(1, 1)),
            charge: charge.charge.clone(),
        }
    }

    pub(super) fn refund(&self, charge: &Made, minor: i64) -> Ask {
        let refund = RefundId::from_bytes(self.chance());
        Ask::Refund {
            key: key_of(charge, Step::Refund(refund)),
            charge: charge.charge.clone(),
            amount: self.money(minor),
        }
    }

    /// Returns a charge, and something of each kind that may follow one.
    pub(super) async fn charge_and_what_follows(&self) -> Result<Vec<Ask>, Stop> {
        let mut asks = vec![self.charge(WHOLE)];
        asks.push(self.refund(&self.take(WHOLE).await?, WHOLE));
        if self.can.separate_capture {
            asks.push(self.capture(&self.hold(WHOLE).await?, 1, WHOLE, true));
            asks.push(Self::void(&self.hold(WHOLE).await?));
        }
        if self.can.increases_max > 0 {
            asks.push(self.increase(&self.hold(WHOLE).await?, 1, WHOLE + REST));
        }
        Ok(asks)
    }
}

fn key_of(charge: &Made, step: Step) -> OperationKey {
    let intent = charge.charge.key.intent;
    OperationKey { intent, step }
}
