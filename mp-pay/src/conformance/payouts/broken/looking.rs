//! Bugs in what a lookup tells.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use mp_core::{
    amount::{Currency, Money},
    label::Label,
    port::Destination,
};

use super::{PayoutBug, PayoutInner, bug::Looked};
use crate::{
    backend::{Capabilities, Lookup, Outcome, Reference, sandbox::REPLAY_WINDOW},
    conformance::broken::{
        Answer,
        notes::{Notes, declined, settled},
    },
    payout::{PayoutId, PayoutInstruction, PayoutLookupRequest},
};

/// Looks for payouts where there are none.
#[derive(Debug, Default)]
pub struct FindsNoPayout;

#[async_trait]
impl PayoutBug for FindsNoPayout {
    async fn lookup_payout(&self, _: &PayoutInner, _: &PayoutLookupRequest) -> Looked {
        Ok(Lookup::NotFound)
    }
}

/// Finds by its own names alone, and takes what has none for what never came.
#[derive(Debug, Default)]
pub struct SaysNotFoundWithoutAName;

#[async_trait]
impl PayoutBug for SaysNotFoundWithoutAName {
    const CAN: Capabilities = Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries_by_reference();

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        match request.reference {
            Some(_) => backend.lookup_payout(request).await,
            None => Ok(Lookup::NotFound),
        }
    }
}

/// Asks the provider by its own name, and believes that whatever has it is what is looked for.
#[derive(Debug, Default)]
pub struct FindsByTheNameAlone(Mutex<BTreeMap<Reference, PayoutId>>);

#[async_trait]
impl PayoutBug for FindsByTheNameAlone {
    fn answer(&self, id: PayoutId, answer: Answer) -> Answer {
        let name = answer.as_ref().ok().and_then(Outcome::reference);
        if let (Some(name), Ok(mut names)) = (name, self.0.lock()) {
            names.insert(name.clone(), id);
        }
        answer
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let named = |name| self.0.lock().ok()?.get(name).copied();
        let named = request.reference.as_ref().and_then(named);
        let request = PayoutLookupRequest {
            id: named.unwrap_or(request.id),
            ..request.clone()
        };
        backend.lookup_payout(&request).await
    }
}

/// Looks only whether a payout is there, not at what became of it.
#[derive(Debug, Default)]
pub struct LooksOnlyWhetherItIsThere;

#[async_trait]
impl PayoutBug for LooksOnlyWhetherItIsThere {
    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        Ok(match backend.lookup_payout(request).await? {
            Lookup::Found(Outcome::Declined { .. }) => Lookup::Found(settled()),
            found => found,
        })
    }
}

/// Finds the latest payout, whichever is looked for.
#[derive(Debug, Default)]
pub struct FindsTheLatest(Mutex<Option<Outcome>>);

#[async_trait]
impl PayoutBug for FindsTheLatest {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let answer = backend.pay_out(payout).await?;
        if let (true, Ok(mut latest)) = (answer.is_known(), self.0.lock()) {
            *latest = Some(answer.clone());
        }
        Ok(answer)
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let found = backend.lookup_payout(request).await?;
        let latest = self.0.lock().ok().and_then(|latest| latest.clone());
        Ok(match (found, latest) {
            (Lookup::NotFound, Some(latest)) => Lookup::Found(latest),
            (found, _) => found,
        })
    }
}

/// Finds the latest payout to the same receiver.
#[derive(Debug, Default)]
pub struct LooksByReceiver {
    receivers: Notes<Destination, PayoutId>,
    latest: Mutex<BTreeMap<String, PayoutId>>,
}

#[async_trait]
impl PayoutBug for LooksByReceiver {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let receiver = payout.destination.clone();
        if let Ok(mut latest) = self.latest.lock() {
            latest.insert(receiver.as_str().to_owned(), payout.id);
        }
        self.receivers.note(payout.id, receiver);
        backend.pay_out(payout).await
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let receiver = self.receivers.get(&request.id);
        let latest = receiver.and_then(|it| self.latest.lock().ok()?.get(it.as_str()).copied());
        let request = PayoutLookupRequest::of(request.app.clone(), latest.unwrap_or(request.id));
        backend.lookup_payout(&request).await
    }
}

/// Pays what it looks for and does not find.
#[derive(Debug, Default)]
pub struct PaysWhatItLooksFor;

#[async_trait]
impl PayoutBug for PaysWhatItLooksFor {
    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let found = backend.lookup_payout(request).await?;
        if let (Lookup::NotFound, Ok(destination), Ok(reason)) =
            (&found, Destination::new("po_ok"), Label::new("anything"))
        {
            let payout = PayoutInstruction {
                id: request.id,
                app: request.app.clone(),
                destination,
                amount: Money::new(1_000, Currency::EUR),
                reason,
            };
            backend.pay_out(&payout).await?;
        }
        Ok(found)
    }
}

/// Does not find what it has only just paid, as a search does that lags behind.
#[derive(Debug, Default)]
pub struct SearchLagsBehind(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for SearchLagsBehind {
    fn answer(&self, id: PayoutId, answer: Answer) -> Answer {
        if matches!(answer, Ok(Outcome::Unknown)) {
            self.0.note(id, ());
        }
        answer
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        match self.0.forget(&request.id) {
            Some(()) => Ok(Lookup::NotFound),
            None => backend.lookup_payout(request).await,
        }
    }
}

/// Finds what it meant to pay, whether or not it was paid.
#[derive(Debug, Default)]
pub struct FindsWhatItMeantToDo(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for FindsWhatItMeantToDo {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        self.0.note(payout.id, ());
        backend.pay_out(payout).await
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let meant = self.0.get(&request.id).is_some();
        Ok(match backend.lookup_payout(request).await? {
            Lookup::NotFound if meant => Lookup::Found(settled()),
            found => found,
        })
    }
}

/// Answers that it never came for what is on its way.
#[derive(Debug, Default)]
pub struct SaysNotFoundOfWhatIsOnItsWay(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for SaysNotFoundOfWhatIsOnItsWay {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        self.0.note(payout.id, ());
        let answer = backend.pay_out(payout).await;
        self.0.forget(&payout.id);
        answer
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        match self.0.forget(&request.id) {
            Some(()) => Ok(Lookup::NotFound),
            None => backend.lookup_payout(request).await,
        }
    }
}

/// Reads as failed what is not paid yet.
#[derive(Debug, Default)]
pub struct ReadsPendingAsFailed(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for ReadsPendingAsFailed {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        self.0.note(payout.id, ());
        let answer = backend.pay_out(payout).await;
        self.0.forget(&payout.id);
        answer
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        match self.0.forget(&request.id) {
            Some(()) => Ok(Lookup::Found(declined())),
            None => backend.lookup_payout(request).await,
        }
    }
}

/// Looks into its own notes, which a call that was dropped never wrote.
#[derive(Debug, Default)]
pub struct LooksIntoItsOwnNotes(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for LooksIntoItsOwnNotes {
    fn answer(&self, id: PayoutId, answer: Answer) -> Answer {
        self.0.note(id, ());
        answer
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        match self.0.get(&request.id) {
            Some(()) => backend.lookup_payout(request).await,
            None => Ok(Lookup::NotFound),
        }
    }
}
