//! Bugs in what a backend calls an operation.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;

use super::{
    Bug, SECRET,
    bug::{Answer, Inner},
    notes::settled,
};
use crate::{
    backend::{BackendError, Lookup, LookupRequest, Outcome, Reference},
    operation::{OperationKey, Step},
};

type Looked = Result<Lookup, BackendError>;

/// Names an operation anew each time that it is asked about.
#[derive(Debug, Default)]
pub struct InventsReferences;

#[async_trait]
impl Bug for InventsReferences {
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        Ok(match backend.lookup(&by_key(request)).await? {
            Lookup::Found(Outcome::Settled {
                amount: Some(amount),
                ..
            }) => Lookup::Found(settled().with_amount(amount)),
            found => found,
        })
    }
}

/// Takes its API key into the references that it tells.
#[derive(Debug, Default)]
pub struct RefersByItsSecret;

#[async_trait]
impl Bug for RefersByItsSecret {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        Ok(match answer? {
            Outcome::Settled { reference, amount } => Outcome::Settled {
                reference: told(&reference),
                amount,
            },
            outcome => outcome,
        })
    }

    /// It knows its own names, at least.
    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        backend.lookup(&by_key(request)).await
    }
}

/// Names what waits for its payer after the page that it sends them to.
#[derive(Debug, Default)]
pub struct NamesThePageItSendsTo;

#[async_trait]
impl Bug for NamesThePageItSendsTo {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        Ok(match (answer?, Reference::new("page_1")) {
            (open @ Outcome::NeedsAction { .. }, Ok(page)) => open.with_reference(page),
            (outcome, _) => outcome,
        })
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        backend.lookup(&by_key(request)).await
    }
}

/// Asks the provider by its own name, and believes that whatever has it is what is looked for.
#[derive(Debug, Default)]
pub struct FindsByTheNameAlone(Mutex<BTreeMap<Reference, OperationKey>>);

#[async_trait]
impl Bug for FindsByTheNameAlone {
    fn answer(&self, key: &OperationKey, answer: Answer) -> Answer {
        let name = answer.as_ref().ok().and_then(Outcome::reference);
        if let (Some(name), Ok(mut names)) = (name, self.0.lock()) {
            names.insert(name.clone(), *key);
        }
        answer
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        let named = |name| self.0.lock().ok()?.get(name).copied();
        let named = request.reference.as_ref().and_then(named);
        let key = named.unwrap_or(request.key);
        backend
            .lookup(&LookupRequest {
                key,
                ..request.clone()
            })
            .await
    }
}

/// Compares what a charge's name leads to with its key, and believes that of a refund.
#[derive(Debug, Default)]
pub struct FindsRefundsByTheNameAlone(FindsByTheNameAlone);

#[async_trait]
impl Bug for FindsRefundsByTheNameAlone {
    fn answer(&self, key: &OperationKey, answer: Answer) -> Answer {
        match key.step {
            Step::Refund(_) => self.0.answer(key, answer),
            _ => answer,
        }
    }

    async fn lookup(&self, backend: &Inner, request: &LookupRequest) -> Looked {
        self.0.lookup(backend, request).await
    }
}

fn told(reference: &Reference) -> Reference {
    Reference::new(format!("{SECRET}/{reference}")).unwrap_or_else(|_| reference.clone())
}

fn by_key(request: &LookupRequest) -> LookupRequest {
    LookupRequest::of(request.app.clone(), request.key)
}
