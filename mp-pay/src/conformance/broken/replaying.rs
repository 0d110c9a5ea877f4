//! Bugs in what becomes of a key that comes again.

use std::time::Duration;

use async_trait::async_trait;
use mp_core::amount::Money;

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, anew, another, declined, settled},
};
use crate::{
    backend::{
        BackendError, CaptureRequest, ChargeRequest, Charged, IncreaseRequest, Lookup,
        LookupRequest, Outcome,
    },
    operation::OperationKey,
};

/// Sends a charge without its key.
#[derive(Debug, Default)]
pub struct DropsTheKey(Notes<()>);

#[async_trait]
impl Bug for DropsTheKey {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        match self.0.note(request.key, ()) {
            None => backend.charge(request).await,
            Some(()) => backend.charge(&anew(request)).await,
        }
    }
}

/// Sends a capture without its key.
#[derive(Debug, Default)]
pub struct DropsACapturesKey(Notes<()>);

#[async_trait]
impl Bug for DropsACapturesKey {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let key = match self.0.note(request.key, ()) {
            None => request.key,
            Some(()) => another(request.key),
        };
        let request = CaptureRequest {
            key,
            ..request.clone()
        };
        backend.capture(&request).await
    }
}

/// Sends a refund without its key.
#[derive(Debug, Default)]
pub struct DropsARefundsKey(Notes<()>);

#[async_trait]
impl Bug for DropsARefundsKey {
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        match self.0.note(*key, ()) {
            None => backend.refund(key, charge, amount).await,
            Some(()) => backend.refund(&another(*key), charge, amount).await,
        }
    }
}

/// Declines a void that comes again: there is nothing to let go of any more.
#[derive(Debug, Default)]
pub struct DeclinesASecondVoid(Notes<()>);

#[async_trait]
impl Bug for DeclinesASecondVoid {
    async fn void(&self, backend: &Inner, key: &OperationKey, charge: &Charged) -> Answer {
        match self.0.note(*key, ()) {
            None => backend.void(key, charge).await,
            Some(()) => Ok(declined()),
        }
    }
}

/// Declines an increase that comes again: so much is held already.
#[derive(Debug, Default)]
pub struct DeclinesASecondIncrease(Notes<()>);

#[async_trait]
impl Bug for DeclinesASecondIncrease {
    async fn increase(&self, backend: &Inner, request: &IncreaseRequest) -> Answer {
        match self.0.note(request.key, ()) {
            None => backend.increase(request).await,
            Some(()) => Ok(declined()),
        }
    }
}

/// Answers whatever comes again as done, as if only success were remembered.
#[derive(Debug, Default)]
pub struct ReplaysADeclineAsDone;

#[async_trait]
impl Bug for ReplaysADeclineAsDone {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let known = look_for(backend, request).await?;
        if matches!(known, Lookup::Found(Outcome::Declined { .. })) {
            return Ok(settled());
        }
        backend.charge(request).await
    }
}

/// Takes key and amount together for the key.
#[derive(Debug, Default)]
pub struct KeysByAmountToo(Notes<Money>);

#[async_trait]
impl Bug for KeysByAmountToo {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        match self.0.get(&request.key) {
            Some(amount) if amount != request.amount => backend.charge(&anew(request)).await,
            _ => {
                self.0.note(request.key, request.amount);
                backend.charge(request).await
            }
        }
    }
}

/// Looks whether the key was used, and acts a little later.
#[derive(Debug, Default)]
pub struct ChecksTheKeyBeforeItActs {
    begun: Notes<()>,
    done: Notes<()>,
}

#[async_trait]
impl Bug for ChecksTheKeyBeforeItActs {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        if self.done.get(&request.key).is_some() {
            return backend.charge(request).await;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
        let answer = match self.begun.note(request.key, ()) {
            None => backend.charge(request).await,
            Some(()) => backend.charge(&anew(request)).await,
        };
        self.done.note(request.key, ());
        answer
    }
}

/// Repeats what had no answer under another key.
#[derive(Debug, Default)]
pub struct ForgetsTheKeyOfWhatFailed(Notes<Outcome>);

#[async_trait]
impl Bug for ForgetsTheKeyOfWhatFailed {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = match self.0.get(&request.key) {
            Some(Outcome::Unknown) => backend.charge(&anew(request)).await?,
            _ => backend.charge(request).await?,
        };
        self.0.note(request.key, answer.clone());
        Ok(answer)
    }
}

/// Marks a key as used before anything was done under it, and only looks what became of it then.
#[derive(Debug, Default)]
pub struct MarksTheKeyTooEarly(Notes<()>);

#[async_trait]
impl Bug for MarksTheKeyTooEarly {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        if self.0.note(request.key, ()).is_none() {
            return backend.charge(request).await;
        }
        match look_for(backend, request).await? {
            Lookup::Found(outcome) => Ok(outcome),
            Lookup::NotFound | Lookup::CannotTell => Ok(Outcome::Unknown),
        }
    }
}

async fn look_for(backend: &Inner, charge: &ChargeRequest) -> Result<Lookup, BackendError> {
    let request = LookupRequest::of(charge.app.clone(), charge.key);
    backend.lookup(&request).await
}
