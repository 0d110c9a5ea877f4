//! Bugs in what is left of a call that was dropped half-way.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::{PayoutBug, PayoutInner, replaying::anew};
use crate::{
    backend::Outcome,
    conformance::broken::{Answer, notes::Notes},
    payout::{PayoutId, PayoutInstruction},
};

/// Begins anew, under another id, what was dropped.
#[derive(Debug, Default)]
pub struct BeginsAnewWhatWasDropped;

#[async_trait]
impl PayoutBug for BeginsAnewWhatWasDropped {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let mut again = Again(Some((backend.clone(), anew(payout))));
        let answer = backend.pay_out(payout).await;
        again.0 = None;
        answer
    }
}

/// Waits for the bank to confirm what it has paid, and sends anew what was dropped while it waited.
#[derive(Debug, Default)]
pub struct SendsAnewWhatWasNotConfirmed;

#[async_trait]
impl PayoutBug for SendsAnewWhatWasNotConfirmed {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let answer = backend.pay_out(payout).await;
        let mut again = Again(Some((backend.clone(), anew(payout))));
        tokio::time::sleep(Duration::from_millis(60)).await;
        again.0 = None;
        answer
    }
}

/// Pays once it is dropped.
struct Again(Option<(PayoutInner, PayoutInstruction)>);

impl Drop for Again {
    fn drop(&mut self) {
        if let Some((backend, payout)) = self.0.take() {
            tokio::spawn(async move { backend.pay_out(&payout).await });
        }
    }
}

/// Keeps an id claimed for a call that was dropped.
#[derive(Debug, Default)]
pub struct KeepsTheIdClaimed(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for KeepsTheIdClaimed {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        if self.0.note(payout.id, ()).is_some() {
            return Ok(Outcome::Unknown);
        }
        let answer = backend.pay_out(payout).await;
        self.0.forget(&payout.id);
        answer
    }
}

/// Lets one payout in at a time, and lets the next one in only after an answer.
#[derive(Debug)]
pub struct KeepsItsLock(Semaphore);

impl Default for KeepsItsLock {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

#[async_trait]
impl PayoutBug for KeepsItsLock {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
        let answer = backend.pay_out(payout).await;
        self.0.add_permits(1);
        answer
    }
}
