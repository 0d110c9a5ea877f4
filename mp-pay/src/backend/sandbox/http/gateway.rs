use mp_core::{
    Caller, Engine,
    amount::Money,
    id::{AppId, IdempotencyKey},
};
use serde_json::Value;

use super::{in_flight::InFlight, object, refusal::Refusal};
use crate::{
    backend::{DeclineCode, MinorUnits},
    error::PayError,
    intent::{IntentId, IntentStatus, PaymentIntent},
    payments::{
        CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, IncreaseIntent, Payments,
    },
};

/// Speaks for one app.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
    pub(super) payments: Payments,
    pub(super) caller: Caller,
    pub(super) in_flight: InFlight,
}

impl Gateway {
    pub(super) const fn engine(&self) -> &Engine {
        self.payments.engine()
    }

    pub(super) const fn app(&self) -> &AppId {
        self.caller.app_id()
    }

    pub(super) async fn create(
        &self,
        order: CreateIntent,
        confirm: bool,
        key: IdempotencyKey,
    ) -> Result<Value, Refusal> {
        let created = self.payments.create_intent(&self.caller, order, &key);
        let intent = created.await?;
        if confirm {
            return self.confirm(ConfirmIntent::of(intent.id), key).await;
        }
        Ok(object::intent(&intent)?)
    }

    pub(super) async fn confirm(
        &self,
        request: ConfirmIntent,
        key: IdempotencyKey,
    ) -> Result<Value, Refusal> {
        let id = request.intent;
        let confirmed = self.payments.confirm(&self.caller, request, &key).await;
        let intent = self.told(id, confirmed).await?;
        let shown = object::intent(&intent)?;
        match &intent.last_error {
            Some(code) if object::has_failed(&intent) => Err(Refusal::declined(code, shown)),
            _ => Ok(shown),
        }
    }

    pub(super) async fn capture(
        &self,
        id: IntentId,
        amount: Option<i64>,
        last: bool,
        key: IdempotencyKey,
    ) -> Result<Value, Refusal> {
        let amount = self.of_intent(id, amount).await?;
        let request = CaptureIntent {
            intent: id,
            amount,
            last,
        };
        let captured = self.payments.capture(&self.caller, request, &key).await;
        Ok(object::intent(&self.told(id, captured).await?)?)
    }

    pub(super) async fn cancel(
        &self,
        request: CancelIntent,
        key: IdempotencyKey,
    ) -> Result<Value, Refusal> {
        let id = request.intent;
        let canceled = self.payments.cancel(&self.caller, request, &key).await;
        Ok(object::intent(&self.told(id, canceled).await?)?)
    }

    pub(super) async fn increment(
        &self,
        id: IntentId,
        amount: i64,
        key: IdempotencyKey,
    ) -> Result<Value, Refusal> {
        let intent = self.intent(id).await?;
        let total = MinorUnits::STRIPE.from_wire(amount, intent.amount.currency())?;
        let request = IncreaseIntent::to(id, total);
        let increased = self.payments.increase(&self.caller, request, &key).await;
        let intent = self.told(id, increased).await?;
        let shown = object::intent(&intent)?;
        // The hold stands as it was, and can be captured.
        if intent.status == IntentStatus::RequiresCapture && intent.amount != total {
            return Err(Refusal::declined(&DeclineCode::of("card_declined"), shown));
        }
        Ok(shown)
    }

    pub(super) async fn intent(&self, id: IntentId) -> Result<PaymentIntent, Refusal> {
        Ok(self.payments.intent(&self.caller, id).await?)
    }

    /// Counts an amount in an intent's currency.
    pub(super) async fn of_intent(
        &self,
        id: IntentId,
        amount: Option<i64>,
    ) -> Result<Option<Money>, Refusal> {
        let Some(amount) = amount else {
            return Ok(None);
        };
        let currency = self.intent(id).await?.amount.currency();
        Ok(Some(MinorUnits::STRIPE.from_wire(amount, currency)?))
    }

    /// Shows the intent with a refusal that its state is the reason of.
    pub(super) async fn told<T>(
        &self,
        id: IntentId,
        result: Result<T, PayError>,
    ) -> Result<T, Refusal> {
        let refusal = match result {
            Ok(done) => return Ok(done),
            Err(error) => Refusal::from(error),
        };
        if !refusal.has_code("payment_intent_unexpected_state") {
            return Err(refusal);
        }
        let intent = self.intent(id).await?;
        Err(refusal.intent(object::intent(&intent)?))
    }
}
