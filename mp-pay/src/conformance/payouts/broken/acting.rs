//! Bugs in how often, how much, and whether anything is paid.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    port::Destination,
};

use super::{PayoutBug, PayoutInner, bug::Looked, replaying::anew};
use crate::{
    backend::{Lookup, NextAction, Outcome},
    conformance::broken::{
        Answer,
        notes::{Notes, authorized},
    },
    payout::{PayoutId, PayoutInstruction, PayoutLookupRequest},
};

/// Sends every payout twice, the second time under another id, as a client library does that repeats
/// requests by itself.
#[derive(Debug, Default)]
pub struct PaysTwice;

#[async_trait]
impl PayoutBug for PaysTwice {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        backend.pay_out(&anew(payout)).await?;
        backend.pay_out(payout).await
    }
}

/// Declines, and pays by another way.
#[derive(Debug, Default)]
pub struct PaysWhatItDeclines;

#[async_trait]
impl PayoutBug for PaysWhatItDeclines {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let answer = backend.pay_out(payout).await?;
        if let (Outcome::Declined { .. }, Ok(destination)) = (&answer, Destination::new("po_ok")) {
            let again = PayoutInstruction {
                destination,
                ..anew(payout)
            };
            backend.pay_out(&again).await?;
        }
        Ok(answer)
    }
}

/// Keeps the amount of a payout where the next payout finds it.
#[derive(Debug, Default)]
pub struct MixesUpPayouts(Mutex<Option<Money>>);

#[async_trait]
impl PayoutBug for MixesUpPayouts {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        if let Ok(mut latest) = self.0.lock() {
            *latest = Some(payout.amount);
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
        let latest = self.0.lock().ok().and_then(|latest| *latest);
        let amount = latest.unwrap_or(payout.amount);
        let mixed_up = PayoutInstruction {
            amount,
            ..payout.clone()
        };
        backend.pay_out(&mixed_up).await
    }
}

/// Counts yen in hundredths, as if they were cents.
#[derive(Debug, Default)]
pub struct CountsYenInHundredths;

#[async_trait]
impl PayoutBug for CountsYenInHundredths {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let asked = payout.amount;
        if asked.currency() != Currency::JPY {
            return backend.pay_out(payout).await;
        }
        let counted = PayoutInstruction {
            amount: Money::new(asked.minor() * 100, asked.currency()),
            ..payout.clone()
        };
        let answer = backend.pay_out(&counted).await?;
        Ok(answer.with_amount(asked))
    }
}

/// Sends receivers to a page where they are to sign in before they are paid.
#[derive(Debug, Default)]
pub struct AsksReceiversToSignIn;

#[async_trait]
impl PayoutBug for AsksReceiversToSignIn {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let answer = backend.pay_out(payout).await?;
        if payout.destination.as_str() != "po_slow" {
            return Ok(answer);
        }
        let url = "https://bank.example/sign-in".to_owned();
        let action = NextAction::Redirect { url };
        Ok(Outcome::needs_action(action))
    }
}

/// Tells what takes its time as authorized, and as nothing else ever after.
#[derive(Debug, Default)]
pub struct LeavesPayoutsAuthorized(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for LeavesPayoutsAuthorized {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        if payout.destination.as_str() == "po_slow" {
            self.0.note(payout.id, ());
        }
        backend.pay_out(payout).await
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let found = backend.lookup_payout(request).await?;
        Ok(match self.0.get(&request.id) {
            Some(()) => Lookup::Found(authorized()),
            None => found,
        })
    }
}
