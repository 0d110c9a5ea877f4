//! Bugs in what an operation is told as later, and under which key.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use mp_core::amount::Money;

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, charge_of, declined, settled},
};
use crate::{
    backend::{BackendError, CaptureRequest, Charged, Lookup, LookupRequest, Outcome},
    operation::{OperationKey, Step},
};

type Looked = Result<Lookup, BackendError>;

/// Thinks better of a decline when it is asked a second time.
#[derive(Debug, Default)]
pub struct ForgivesDeclines(Notes<()>);

#[async_trait]
impl Bug for ForgivesDeclines {
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let found = backend.lookup(request).await?;
        let declined = matches!(found, Lookup::Found(Outcome::Declined { .. }));
        if declined && self.0.note(request.key, ()).is_some() {
            return Ok(Lookup::Found(settled()));
        }
        Ok(found)
    }
}

/// Reads a charge that was refunded as declined.
#[derive(Debug, Default)]
pub struct ReadsRefundedAsDeclined(Notes<()>);

#[async_trait]
impl Bug for ReadsRefundedAsDeclined {
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        self.0.note(charge.key, ());
        backend.refund(key, charge, amount).await
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        gone(&self.0, backend, request).await
    }
}

/// Reads a hold that was captured as declined: it is no hold any more.
#[derive(Debug, Default)]
pub struct ReadsCapturedAsDeclined(Notes<()>);

#[async_trait]
impl Bug for ReadsCapturedAsDeclined {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        self.0.note(request.charge.key, ());
        backend.capture(request).await
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        gone(&self.0, backend, request).await
    }
}

async fn gone(notes: &Notes<()>, backend: &Inner, request: &LookupRequest) -> Looked {
    match notes.get(&request.key) {
        Some(()) => Ok(Lookup::Found(declined())),
        None => backend.lookup(request).await,
    }
}

/// Tells a hold that was voided as settled: the void is.
#[derive(Debug, Default)]
pub struct SettlesWhatItVoids(Notes<()>);

#[async_trait]
impl Bug for SettlesWhatItVoids {
    async fn void(&self, backend: &Inner, key: &OperationKey, charge: &Charged) -> Answer {
        self.0.note(charge.key, ());
        backend.void(key, charge).await
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        match self.0.get(&request.key) {
            Some(()) => Ok(Lookup::Found(settled())),
            None => backend.lookup(request).await,
        }
    }
}

/// Answers whatever is asked about a payment with the latest of its refunds.
#[derive(Debug, Default)]
pub struct FindsTheLatestRefund(Mutex<BTreeMap<OperationKey, OperationKey>>);

#[async_trait]
impl Bug for FindsTheLatestRefund {
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        if let Ok(mut latest) = self.0.lock() {
            latest.insert(charge.key, *key);
        }
        backend.refund(key, charge, amount).await
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let key = request.key;
        let is_refund = matches!(key.step, Step::Refund(_));
        let latest = self.0.lock().ok();
        let latest = latest.and_then(|latest| latest.get(&charge_of(&key)).copied());
        let key = latest.filter(|_| is_refund).unwrap_or(key);
        backend
            .lookup(&LookupRequest::of(request.app.clone(), key))
            .await
    }
}

/// Answers whatever is asked about a payment with what became of its charge.
#[derive(Debug, Default)]
pub struct AnswersUnderTheChargesKey;

#[async_trait]
impl Bug for AnswersUnderTheChargesKey {
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let charge = charge_of(&request.key);
        backend
            .lookup(&LookupRequest::of(request.app.clone(), charge))
            .await
    }
}
