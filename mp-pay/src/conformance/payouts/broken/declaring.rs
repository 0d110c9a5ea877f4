//! Bugs in what is declared, and in what is refused.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::{PayoutBug, PayoutInner};
use crate::{
    backend::{Capabilities, MinorUnits},
    conformance::broken::{Answer, PLAIN},
    payout::{PayoutCapabilities, PayoutInstruction, PayoutLookupRequest},
};

/// Finds out what it can do when it is first called.
#[derive(Debug, Default)]
pub struct LearnsWhatItCan(AtomicBool);

#[async_trait]
impl PayoutBug for LearnsWhatItCan {
    fn payout_capabilities(&self, backend: &PayoutInner) -> PayoutCapabilities {
        let can = backend.payout_capabilities();
        if self.0.load(Ordering::SeqCst) {
            can.with_minor_units(MinorUnits::STRIPE)
        } else {
            can
        }
    }

    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        self.0.store(true, Ordering::SeqCst);
        backend.pay_out(payout).await
    }
}

/// Looks at the provider whether it is there, and refuses what it cannot count only then.
#[derive(Debug, Default)]
pub struct AsksBeforeItRefuses;

#[async_trait]
impl PayoutBug for AsksBeforeItRefuses {
    const CAN: Capabilities = PLAIN;

    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let request = PayoutLookupRequest::of(payout.app.clone(), payout.id);
        backend.lookup_payout(&request).await?;
        backend.pay_out(payout).await
    }
}

/// Declares euros only, and pays whatever it is asked for.
#[derive(Debug, Default)]
pub struct PaysWhatItCannotCount;

impl PayoutBug for PaysWhatItCannotCount {
    fn payout_capabilities(&self, backend: &PayoutInner) -> PayoutCapabilities {
        let can = backend.payout_capabilities();
        can.with_minor_units(PLAIN.minor_units)
    }
}
