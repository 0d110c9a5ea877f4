//! The sandbox as a backend.

use async_trait::async_trait;
use mp_core::{Command, Error, amount::Money};

use super::{
    Behaviour, SandboxBackend,
    book::Act,
    call::{Call, look_up},
};
use crate::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        IncreaseRequest, Lookup, LookupRequest, Outcome, PaymentBackend,
    },
    operation::OperationKey,
};

#[async_trait]
impl PaymentBackend for SandboxBackend {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        let behaviour = Behaviour::of_charge(&request.payment_method, &request.payer);
        let counted = self.can.minor_units.to_wire(request.amount).is_ok();
        let held = request.capture || self.can.separate_capture;
        self.declared("charge", counted && held && self.may_ask(&behaviour))?;
        let call = Call {
            app: request.app.clone(),
            key: request.key,
            charge: request.key,
            act: Act::Charge {
                amount: request.amount,
                capture: request.capture,
            },
        };
        self.call("charge", call, behaviour).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        let further = request.last || self.can.captures_max > 1;
        self.declared("capture", self.can.separate_capture && further)?;
        let CaptureRequest { amount, last, .. } = *request;
        let call = on(&request.key, &request.charge, Act::Capture { amount, last });
        self.call("capture", call, Behaviour::Succeed).await
    }

    async fn increase(&self, request: &IncreaseRequest) -> Result<Outcome, BackendError> {
        let counted = self.can.minor_units.to_wire(request.total).is_ok();
        self.declared("increase", counted && self.can.increases_max > 0)?;
        let total = request.total;
        let call = on(&request.key, &request.charge, Act::Increase { total });
        self.call("increase", call, Behaviour::Succeed).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        let call = on(key, charge, Act::Void);
        self.call("void", call, Behaviour::Succeed).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        let call = on(key, charge, Act::Refund { amount });
        self.call("refund", call, self.refunds.clone()).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        if !self.can.queries.find(request.reference.as_ref()) {
            return Ok(Lookup::CannotTell);
        }
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, "lookup", error);
        let LookupRequest { app, key, .. } = request;
        let page = self.page_of(app, key).map_err(lost)?;
        let command = Command::on(page)
            .key(&format!("o/{key}"))
            .prefix(&format!("c/{}", key.intent));
        let key = *key;
        let look = move |family: &mp_core::Family, now| look_up(family, key, now);
        let committed = self.engine.run(command, look).await.map_err(lost)?;
        Ok(match committed.answer {
            Some(outcome) if request.fits(&outcome) => Lookup::Found(outcome),
            Some(_) => Lookup::CannotTell,
            None => Lookup::NotFound,
        })
    }
}

fn on(key: &OperationKey, charge: &Charged, act: Act) -> Call {
    Call {
        app: charge.app.clone(),
        key: *key,
        charge: charge.key,
        act,
    }
}
