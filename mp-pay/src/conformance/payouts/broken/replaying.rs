//! Bugs in what becomes of an id that comes again.

use std::time::Duration;

use async_trait::async_trait;
use mp_core::amount::Money;

use super::{PayoutBug, PayoutInner};
use crate::{
    backend::{Lookup, Outcome},
    conformance::broken::{
        Answer,
        notes::{Notes, settled},
    },
    payout::{PayoutId, PayoutInstruction, PayoutLookupRequest},
};

/// Returns the same payout under another id.
pub(super) fn anew(payout: &PayoutInstruction) -> PayoutInstruction {
    PayoutInstruction {
        id: PayoutId::derived(&["another", &payout.id.to_string()]),
        ..payout.clone()
    }
}

/// Sends a payout without its id.
#[derive(Debug, Default)]
pub struct DropsTheId(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for DropsTheId {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        match self.0.note(payout.id, ()) {
            None => backend.pay_out(payout).await,
            Some(()) => backend.pay_out(&anew(payout)).await,
        }
    }
}

/// Answers whatever comes again as paid, as if only success were remembered.
#[derive(Debug, Default)]
pub struct ReplaysADeclineAsPaid;

#[async_trait]
impl PayoutBug for ReplaysADeclineAsPaid {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let request = PayoutLookupRequest::of(payout.app.clone(), payout.id);
        let known = backend.lookup_payout(&request).await?;
        if matches!(known, Lookup::Found(Outcome::Declined { .. })) {
            return Ok(settled());
        }
        backend.pay_out(payout).await
    }
}

/// Takes id and amount together for the key.
#[derive(Debug, Default)]
pub struct KeysByAmountToo(Notes<Money, PayoutId>);

#[async_trait]
impl PayoutBug for KeysByAmountToo {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        match self.0.get(&payout.id) {
            Some(amount) if amount != payout.amount => backend.pay_out(&anew(payout)).await,
            _ => {
                self.0.note(payout.id, payout.amount);
                backend.pay_out(payout).await
            }
        }
    }
}

/// Looks whether the id was used, and pays a little later.
#[derive(Debug, Default)]
pub struct ChecksTheIdBeforeItPays {
    begun: Notes<(), PayoutId>,
    done: Notes<(), PayoutId>,
}

#[async_trait]
impl PayoutBug for ChecksTheIdBeforeItPays {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        if self.done.get(&payout.id).is_some() {
            return backend.pay_out(payout).await;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
        let answer = match self.begun.note(payout.id, ()) {
            None => backend.pay_out(payout).await,
            Some(()) => backend.pay_out(&anew(payout)).await,
        };
        self.done.note(payout.id, ());
        answer
    }
}

/// Repeats what had no answer under another id.
#[derive(Debug, Default)]
pub struct ForgetsTheIdOfWhatFailed(Notes<Outcome, PayoutId>);

#[async_trait]
impl PayoutBug for ForgetsTheIdOfWhatFailed {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let answer = match self.0.get(&payout.id) {
            Some(Outcome::Unknown) => backend.pay_out(&anew(payout)).await?,
            _ => backend.pay_out(payout).await?,
        };
        self.0.note(payout.id, answer.clone());
        Ok(answer)
    }
}

/// Marks an id as used before anything was paid under it, and only looks what became of it then.
#[derive(Debug, Default)]
pub struct MarksTheIdTooEarly(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for MarksTheIdTooEarly {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        if self.0.note(payout.id, ()).is_none() {
            return backend.pay_out(payout).await;
        }
        let request = PayoutLookupRequest::of(payout.app.clone(), payout.id);
        match backend.lookup_payout(&request).await? {
            Lookup::Found(outcome) => Ok(outcome),
            Lookup::NotFound | Lookup::CannotTell => Ok(Outcome::Unknown),
        }
    }
}
