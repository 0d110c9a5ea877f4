//! Bugs in what is declared.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use mp_core::{amount::Money, id::AppId};

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, declined},
};
use crate::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        IncreaseRequest, Lookup, LookupRequest, MinorUnits, Outcome, Rule, sandbox::REPLAY_WINDOW,
    },
    operation::OperationKey,
};

/// Everything that the sandbox can do.
pub(super) const ALL: Capabilities = Capabilities::neither()
    .with_replay(REPLAY_WINDOW)
    .with_queries();

/// What a simple provider can do.
pub(in crate::conformance) const PLAIN: Capabilities = ALL
    .without_partial_capture()
    .with_increases(0)
    .with_minor_units(MinorUnits::only(&[Rule::as_iso("EUR")]));

/// Finds out what it can do when it is first called.
#[derive(Debug, Default)]
pub struct LearnsWhatItCan(AtomicBool);

#[async_trait]
impl Bug for LearnsWhatItCan {
    fn capabilities(&self, backend: &Inner) -> Capabilities {
        let can = backend.capabilities();
        if self.0.load(Ordering::SeqCst) {
            can.with_increases(0)
        } else {
            can
        }
    }

    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.0.store(true, Ordering::SeqCst);
        backend.charge(request).await
    }
}

/// Declares holds, and declines them.
#[derive(Debug, Default)]
pub struct DeclinesHolds;

#[async_trait]
impl Bug for DeclinesHolds {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        if request.capture {
            return backend.charge(request).await;
        }
        Ok(declined())
    }
}

/// Declares captures of a part, and captures all or nothing.
#[derive(Debug, Default)]
pub struct CapturesOnlyTheWhole(Notes<Money>);

#[async_trait]
impl Bug for CapturesOnlyTheWhole {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.0.note(request.key, request.amount);
        backend.charge(request).await
    }

    async fn increase(&self, backend: &Inner, request: &IncreaseRequest) -> Answer {
        self.0.note(request.charge.key, request.total);
        backend.increase(request).await
    }

    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let held = self.0.get(&request.charge.key);
        if held.is_some_and(|held| request.amount.minor() < held.minor()) {
            return Ok(declined());
        }
        backend.capture(request).await
    }
}

/// Takes every capture for the last.
#[derive(Debug, Default)]
pub struct TakesEveryCaptureForTheLast;

#[async_trait]
impl Bug for TakesEveryCaptureForTheLast {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let last = CaptureRequest {
            last: true,
            ..request.clone()
        };
        backend.capture(&last).await
    }
}

/// Takes no capture for the last.
#[derive(Debug, Default)]
pub struct TakesNoCaptureForTheLast;

#[async_trait]
impl Bug for TakesNoCaptureForTheLast {
    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        let further = CaptureRequest {
            last: false,
            ..request.clone()
        };
        backend.capture(&further).await
    }
}

/// Declares refunds of a part, and refunds all or nothing.
#[derive(Debug, Default)]
pub struct RefundsOnlyTheWhole(Notes<Money>);

#[async_trait]
impl Bug for RefundsOnlyTheWhole {
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
        let whole = self.0.get(&charge.key);
        if whole.is_some_and(|whole| amount.minor() < whole.minor()) {
            return Ok(declined());
        }
        backend.refund(key, charge, amount).await
    }
}

/// Declares several refunds, and makes one.
#[derive(Debug, Default)]
pub struct RefundsOnce(Notes<OperationKey>);

#[async_trait]
impl Bug for RefundsOnce {
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
        if matches!(answer, Outcome::Settled { .. }) {
            self.0.note(charge.key, *key);
        }
        Ok(answer)
    }
}

/// Takes at once what it cannot hold.
#[derive(Debug, Default)]
pub struct TakesWhatItCannotHold;

#[async_trait]
impl Bug for TakesWhatItCannotHold {
    const CAN: Capabilities = ALL.without_separate_capture().with_increases(0);

    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let taken = ChargeRequest {
            capture: true,
            ..request.clone()
        };
        backend.charge(&taken).await
    }
}

/// Asks the provider first, and refuses what it does not do afterwards.
#[derive(Debug, Default)]
pub struct AsksBeforeItRefuses;

impl AsksBeforeItRefuses {
    async fn ask(backend: &Inner, app: &AppId, key: &OperationKey) -> Result<Lookup, BackendError> {
        backend.lookup(&LookupRequest::of(app.clone(), *key)).await
    }
}

#[async_trait]
impl Bug for AsksBeforeItRefuses {
    const CAN: Capabilities = PLAIN;

    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        Self::ask(backend, &request.app, &request.key).await?;
        backend.charge(request).await
    }

    async fn capture(&self, backend: &Inner, request: &CaptureRequest) -> Answer {
        Self::ask(backend, &request.charge.app, &request.key).await?;
        backend.capture(request).await
    }

    async fn increase(&self, backend: &Inner, request: &IncreaseRequest) -> Answer {
        Self::ask(backend, &request.charge.app, &request.key).await?;
        backend.increase(request).await
    }
}

/// Refuses what it does not declare as if it were only out of reach, so that it is tried for ever.
#[derive(Debug, Default)]
pub struct RefusesAsUnavailable;

impl Bug for RefusesAsUnavailable {
    const CAN: Capabilities = PLAIN;

    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        answer.map_err(|error| match error.kind() {
            BackendErrorKind::Unsupported => {
                BackendError::new(BackendErrorKind::Unavailable, "call", "not supported")
            }
            _ => error,
        })
    }
}
