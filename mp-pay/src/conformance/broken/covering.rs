//! Bugs in how much can be captured and refunded.

use std::time::Duration;

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::UserId,
};

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, another, declined, settled},
};
use crate::{
    backend::{
        BackendError, CaptureRequest, ChargeRequest, Charged, IncreaseRequest, Lookup,
        LookupRequest, Outcome,
    },
    intent::IntentId,
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
};

/// For how long a bug looks before it acts.
const MEANWHILE: Duration = Duration::from_millis(40);

/// Moves money that no charge covers; an amount below zero goes to the payer.
async fn move_uncovered(
    backend: &Inner,
    charge: &Charged,
    key: OperationKey,
    minor: i64,
) -> Answer {
    let (Ok(payment_method), Ok(payer)) =
        (PaymentMethodToken::new("pm_ok"), UserId::new("anybody"))
    else {
        return Ok(declined());
    };
    let intent = IntentId::derived(&["uncovered", &key.to_string()]);
    let request = ChargeRequest {
        key: OperationKey {
            intent,
            step: Step::Charge(1),
        },
        app: charge.app.clone(),
        payer,
        amount: Money::new(minor, Currency::EUR),
        payment_method,
        capture: true,
    };
    backend.charge(&request).await?;
    Ok(settled().with_amount(Money::new(minor.abs(), request.amount.currency())))
}

/// Captures what it is asked for, whatever is held.
#[derive(Debug, Default)]
pub struct CapturesBeyondTheHold(Notes<()>);

#[async_trait]
impl Bug for CapturesBeyondTheHold {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let answer = backend.capture(request).await?;
        let first = self.0.note(request.charge.key, ()).is_none();
        if first && matches!(answer, Outcome::Declined { .. }) {
            let minor = request.amount.minor();
            return move_uncovered(backend, &request.charge, request.key, minor).await;
        }
        Ok(answer)
    }
}

/// Answers a void as made, and makes none.
#[derive(Debug, Default)]
pub struct VoidsNothing;

#[async_trait]
impl Bug for VoidsNothing {
    async fn void(&self, _: &Inner, _: &OperationKey, _: &Charged) -> Answer {
        Ok(settled())
    }
}

/// Cannot void what waits for its payer, and takes that for gone all the same, whatever the payer does.
#[derive(Debug, Default)]
pub struct ForgetsWhatItCannotVoid {
    waiting: Notes<()>,
    forgotten: Notes<()>,
}

#[async_trait]
impl Bug for ForgetsWhatItCannotVoid {
    fn answer(&self, key: &OperationKey, answer: Answer) -> Answer {
        if matches!(answer, Ok(Outcome::NeedsAction { .. })) {
            self.waiting.note(*key, ());
        }
        answer
    }

    async fn void(&self, backend: &Inner, key: &OperationKey, charge: &Charged) -> Answer {
        match self.waiting.get(&charge.key) {
            Some(()) => {
                self.forgotten.note(charge.key, ());
                Ok(declined())
            }
            None => backend.void(key, charge).await,
        }
    }

    async fn lookup(
        &self,
        backend: &Inner,
        request: &LookupRequest,
    ) -> Result<Lookup, BackendError> {
        let found = backend.lookup(request).await?;
        let forgotten = self.forgotten.get(&request.key);
        Ok(forgotten.map_or(found, |()| Lookup::Found(declined())))
    }
}

/// Refunds what was captured already, when it is to void it.
#[derive(Debug, Default)]
pub struct RefundsWhatItCannotVoid(Notes<Money>);

#[async_trait]
impl Bug for RefundsWhatItCannotVoid {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        self.0.note(request.charge.key, request.amount);
        backend.capture(request).await
    }

    async fn void(&self, backend: &Inner, key: &OperationKey, charge: &Charged) -> Answer {
        let answer = backend.void(key, charge).await?;
        match (&answer, self.0.get(&charge.key)) {
            (Outcome::Declined { .. }, Some(taken)) => {
                backend.refund(&another(*key), charge, taken).await
            }
            _ => Ok(answer),
        }
    }
}

/// Refunds what it is asked for, whatever was taken, and whoever else has refunded.
#[derive(Debug, Default)]
pub struct RefundsBeyondTheCharge;

#[async_trait]
impl Bug for RefundsBeyondTheCharge {
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        match backend.refund(key, charge, amount).await? {
            Outcome::Declined { code } if code.as_str() == ALREADY_REFUNDED => {
                move_uncovered(backend, charge, *key, -amount.minor()).await
            }
            answer => Ok(answer),
        }
    }
}

/// What the sandbox says of a refund that is beyond what is left.
const ALREADY_REFUNDED: &str = "charge_already_refunded";

/// Compares a refund with its charge, and forgets the refunds before.
#[derive(Debug, Default)]
pub struct ForgetsEarlierRefunds(Notes<Money>);

#[async_trait]
impl Bug for ForgetsEarlierRefunds {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.0.note(request.key, request.amount);
        backend.charge(request).await
    }

    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        let whole = self.0.get(&charge.key).map_or(0, Money::minor);
        match backend.refund(key, charge, amount).await? {
            Outcome::Declined { code }
                if code.as_str() == ALREADY_REFUNDED && amount.minor() <= whole =>
            {
                move_uncovered(backend, charge, *key, -amount.minor()).await
            }
            answer => Ok(answer),
        }
    }
}

/// Adds earlier refunds up, and refunds a little later (hyperswitch #13182).
#[derive(Debug, Default)]
pub struct ChecksBeforeItRefunds {
    charged: Notes<i64>,
    refunded: Notes<i64>,
}

#[async_trait]
impl Bug for ChecksBeforeItRefunds {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.charged.note(request.key, request.amount.minor());
        backend.charge(request).await
    }

    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        let whole = self.charged.get(&charge.key).unwrap_or_default();
        let so_far = self.refunded.get(&charge.key).unwrap_or_default();
        if so_far + amount.minor() > whole {
            return backend.refund(key, charge, amount).await;
        }
        tokio::time::sleep(MEANWHILE).await;
        let answer = match backend.refund(key, charge, amount).await? {
            Outcome::Declined { code } if code.as_str() == ALREADY_REFUNDED => {
                move_uncovered(backend, charge, *key, -amount.minor()).await?
            }
            answer => answer,
        };
        if matches!(answer, Outcome::Settled { .. }) {
            self.refunded.note(charge.key, so_far + amount.minor());
        }
        Ok(answer)
    }
}

/// Looks whether a hold was captured, and captures a little later (medusa #13301).
#[derive(Debug, Default)]
pub struct ChecksBeforeItCaptures(Notes<()>);

#[async_trait]
impl Bug for ChecksBeforeItCaptures {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        if self.0.get(&request.charge.key).is_some() {
            return backend.capture(request).await;
        }
        tokio::time::sleep(MEANWHILE).await;
        let answer = backend.capture(request).await?;
        let raced = self.0.note(request.charge.key, ()).is_some();
        if raced && matches!(answer, Outcome::Declined { .. }) {
            let minor = request.amount.minor();
            return move_uncovered(backend, &request.charge, request.key, minor).await;
        }
        Ok(answer)
    }
}

/// Lets go of the hold that it cannot raise.
#[derive(Debug, Default)]
pub struct LetsGoOfWhatItCannotRaise;

#[async_trait]
impl Bug for LetsGoOfWhatItCannotRaise {
    async fn increase(&self, backend: &Inner, request: &IncreaseRequest) -> Answer {
        let answer = backend.increase(request).await?;
        if matches!(answer, Outcome::Declined { .. }) {
            let key = another(request.key);
            backend.void(&key, &request.charge).await?;
        }
        Ok(answer)
    }
}

/// Counts a refund that was declined as one that was made.
#[derive(Debug, Default)]
pub struct CountsDeclinedRefunds(Notes<OperationKey>);

#[async_trait]
impl Bug for CountsDeclinedRefunds {
    async fn refund(
        &self,
        backend: &Inner,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Answer {
        if self.0.get(&charge.key).is_some_and(|first| first != *key) {
            return Ok(declined());
        }
        let answer = backend.refund(key, charge, amount).await?;
        if matches!(answer, Outcome::Declined { .. }) {
            self.0.note(charge.key, *key);
        }
        Ok(answer)
    }
}
