//! Bugs in what a lookup tells.

use std::sync::Mutex;

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    id::UserId,
};

use super::{
    Bug,
    bug::{Answer, Inner},
    notes::{Notes, settled},
};
use crate::{
    backend::{
        BackendError, Capabilities, ChargeRequest, Lookup, LookupRequest, Outcome,
        sandbox::REPLAY_WINDOW,
    },
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
};

type Looked = Result<Lookup, BackendError>;

/// Declares bugs that never find one kind of operation.
macro_rules! never_finds {
    ($($(#[$attribute:meta])* $bug:ident, $step:pat,)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Default)]
        pub struct $bug;

        #[async_trait]
        impl Bug for $bug {
            async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
                match request.key.step {
                    $step => Ok(Lookup::NotFound),
                    _ => backend.lookup(request).await,
                }
            }
        }
    )*};
}

never_finds! {
    /// Looks for charges where there are none.
    FindsNoCharge, Step::Charge(_),
    /// Looks among charges only, and finds no capture.
    FindsNoCapture, Step::Capture(..),
    /// Looks among charges only, and finds no increase.
    FindsNoIncrease, Step::Increase(..),
    /// Looks among charges only, and finds no void.
    FindsNoVoid, Step::Void(..),
    /// Looks among charges only, and finds no refund.
    FindsNoRefund, Step::Refund(_),
}

/// Finds by its own names alone, and takes what has none for what never came.
#[derive(Debug, Default)]
pub struct SaysNotFoundWithoutAName;

#[async_trait]
impl Bug for SaysNotFoundWithoutAName {
    const CAN: Capabilities = Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries_by_reference();

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        match request.reference {
            Some(_) => backend.lookup(request).await,
            None => Ok(Lookup::NotFound),
        }
    }
}

/// Looks among what was paid, and finds no hold.
#[derive(Debug, Default)]
pub struct FindsNoHold;

#[async_trait]
impl Bug for FindsNoHold {
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        match (request.key.step, backend.lookup(request).await?) {
            (Step::Charge(_), Lookup::Found(Outcome::Authorized { .. })) => Ok(Lookup::NotFound),
            (_, found) => Ok(found),
        }
    }
}

/// Looks only whether an operation is there, not at what became of it.
#[derive(Debug, Default)]
pub struct LooksOnlyWhetherItIsThere;

#[async_trait]
impl Bug for LooksOnlyWhetherItIsThere {
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        Ok(match backend.lookup(request).await? {
            Lookup::Found(Outcome::Declined { .. }) => Lookup::Found(settled()),
            found => found,
        })
    }
}

/// Finds the latest charge, whichever is looked for.
#[derive(Debug, Default)]
pub struct FindsTheLatest(Mutex<Option<Outcome>>);

#[async_trait]
impl Bug for FindsTheLatest {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        let answer = backend.charge(request).await?;
        if let (true, Ok(mut latest)) = (answer.is_known(), self.0.lock()) {
            *latest = Some(answer.clone());
        }
        Ok(answer)
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let found = backend.lookup(request).await?;
        let latest = self.0.lock().ok().and_then(|latest| latest.clone());
        Ok(match (found, latest) {
            (Lookup::NotFound, Some(latest)) => Lookup::Found(latest),
            (found, _) => found,
        })
    }
}

/// Charges what it looks for and does not find.
#[derive(Debug, Default)]
pub struct ChargesWhatItLooksFor;

#[async_trait]
impl Bug for ChargesWhatItLooksFor {
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let found = backend.lookup(request).await?;
        if let (Lookup::NotFound, Ok(payment_method), Ok(payer)) = (
            &found,
            PaymentMethodToken::new("pm_ok"),
            UserId::new("anybody"),
        ) {
            let charge = ChargeRequest {
                key: request.key,
                app: request.app.clone(),
                payer,
                amount: Money::new(1_000, Currency::EUR),
                payment_method,
                capture: true,
            };
            backend.charge(&charge).await?;
        }
        Ok(found)
    }
}

/// Does not find what it has only just done, as a search does that lags behind.
#[derive(Debug, Default)]
pub struct SearchLagsBehind(Notes<()>);

#[async_trait]
impl Bug for SearchLagsBehind {
    fn answer(&self, key: &OperationKey, answer: Answer) -> Answer {
        if matches!(answer, Ok(Outcome::Unknown)) {
            self.0.note(*key, ());
        }
        answer
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        match self.0.forget(&request.key) {
            Some(()) => Ok(Lookup::NotFound),
            None => backend.lookup(request).await,
        }
    }
}

/// Finds what it meant to do, whether or not it was done.
#[derive(Debug, Default)]
pub struct FindsWhatItMeantToDo(Notes<()>);

#[async_trait]
impl Bug for FindsWhatItMeantToDo {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.0.note(request.key, ());
        backend.charge(request).await
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let meant = self.0.get(&request.key).is_some();
        Ok(match backend.lookup(request).await? {
            Lookup::NotFound if meant => Lookup::Found(settled()),
            found => found,
        })
    }
}

/// Answers that it never came for what is on its way.
#[derive(Debug, Default)]
pub struct SaysNotFoundOfWhatIsOnItsWay(Notes<()>);

#[async_trait]
impl Bug for SaysNotFoundOfWhatIsOnItsWay {
    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        self.0.note(request.key, ());
        let answer = backend.charge(request).await;
        self.0.forget(&request.key);
        answer
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        match self.0.forget(&request.key) {
            Some(()) => Ok(Lookup::NotFound),
            None => backend.lookup(request).await,
        }
    }
}

/// Looks into its own notes, which a call that was dropped never wrote.
#[derive(Debug, Default)]
pub struct LooksIntoItsOwnNotes(Notes<()>);

#[async_trait]
impl Bug for LooksIntoItsOwnNotes {
    fn answer(&self, key: &OperationKey, answer: Answer) -> Answer {
        self.0.note(*key, ());
        answer
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        match self.0.get(&request.key) {
            Some(()) => backend.lookup(request).await,
            None => Ok(Lookup::NotFound),
        }
    }
}
