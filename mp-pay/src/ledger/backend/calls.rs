//! The ledger as a backend: each call, as the ledger takes it.

use async_trait::async_trait;
use mp_core::{Error, amount::Money, retention::AGE_MIN};

use super::{
    LedgerBackend,
    ask::{Act, Ask},
    not_acted,
    order::{charge_of, overtake},
};
use crate::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        Lookup, LookupRequest, Outcome, PaymentBackend, WebhookTrust,
    },
    operation::OperationKey,
};

#[async_trait]
impl PaymentBackend for LedgerBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::neither()
            .with_replay(AGE_MIN)
            .with_queries()
            .with_captures(1)
            .with_increases(0)
            .with_hold_life(Some(self.hold_life))
            .with_webhooks(WebhookTrust::HintOnly)
            .with_next_actions(&[])
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        let failed = |error: Error| not_acted("charge", error);
        let ChargeRequest { app, key, .. } = request;
        // What the host is asked takes time, in which it may be looked for: that was seen before.
        let before = self.standing(app, *key, *key).await.map_err(failed)?;
        if let Some(outcome) = before.outcome() {
            return Ok(outcome);
        }
        let transfer = self.transfer_for(request).await.map_err(failed)?;
        let ask = Ask {
            app: app.clone(),
            key: *key,
            charge: *key,
            act: Act::Charge(transfer),
        };
        self.act("charge", ask, before.lookups_seen).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        if !request.last {
            return Err(unsupported("capture", "a hold is captured once"));
        }
        let act = Act::Capture(request.amount);
        self.take("capture", Ask::of(request.key, &request.charge, act))
            .await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.take("void", Ask::of(*key, charge, Act::Void)).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        let act = Act::Refund(amount);
        self.take("refund", Ask::of(*key, charge, act)).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        let failed = |error: Error| not_acted("lookup", error);
        let LookupRequest { app, key, .. } = request;
        let charge = charge_of(*key);
        let found = |outcome| match request.fits(&outcome) {
            true => Lookup::Found(outcome),
            false => Lookup::CannotTell,
        };
        let standing = self.standing(app, *key, charge).await.map_err(failed)?;
        if let Some(outcome) = standing.outcome() {
            return Ok(found(outcome));
        }
        let overtaken = overtake(&self.ledger, app, *key).await;
        if overtaken.map_err(failed)? {
            return Ok(Lookup::NotFound);
        }
        let standing = self.standing(app, *key, charge).await.map_err(failed)?;
        Ok(standing.outcome().map_or(Lookup::CannotTell, found))
    }
}

fn unsupported(op: &'static str, problem: &'static str) -> BackendError {
    BackendError::new(BackendErrorKind::Unsupported, op, problem)
}
