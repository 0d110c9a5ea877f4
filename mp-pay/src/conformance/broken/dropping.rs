//! Bugs in what is left of a call that was dropped half-way.

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, anew},
};
use crate::backend::{ChargeRequest, Outcome};

/// Begins anew, under another key, what was dropped.
#[derive(Debug, Default)]
pub struct BeginsAnewWhatWasDropped;

#[async_trait]
impl Bug for BeginsAnewWhatWasDropped {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let mut again = Again(Some((backend.clone(), anew(request))));
        let answer = backend.charge(request).await;
        again.0 = None;
        answer
    }
}

/// Charges once it is dropped.
struct Again(Option<(Inner, ChargeRequest)>);

impl Drop for Again {
    fn drop(&mut self) {
        if let Some((backend, request)) = self.0.take() {
            tokio::spawn(async move { backend.charge(&request).await });
        }
    }
}

/// Keeps a key claimed for a call that was dropped.
#[derive(Debug, Default)]
pub struct KeepsTheKeyClaimed(Notes<()>);

#[async_trait]
impl Bug for KeepsTheKeyClaimed {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        if self.0.note(request.key, ()).is_some() {
            return Ok(Outcome::Unknown);
        }
        let answer = backend.charge(request).await;
        self.0.forget(&request.key);
        answer
    }
}

/// Lets one charge in at a time, and lets the next one in only after an answer.
#[derive(Debug)]
pub struct KeepsItsLock(Semaphore);

impl Default for KeepsItsLock {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

#[async_trait]
impl Bug for KeepsItsLock {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
        let answer = backend.charge(request).await;
        self.0.add_permits(1);
        answer
    }
}
