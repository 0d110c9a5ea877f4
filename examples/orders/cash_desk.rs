use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use mp_core::{
    Clock, Error, ErrorKind,
    amount::{AmountError, Money},
    id::AppId,
    port::{
        Declined, SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus,
    },
};

/// A settlement that keeps its payments in memory and forgets them when the program ends: for
/// tests, and for trying things out.
#[derive(Debug)]
pub struct CashDesk {
    clock: Arc<dyn Clock>,
    limit: Option<Money>,
    payments: Mutex<Payments>,
}

type Payments = BTreeMap<(AppId, SettlementKey), Entry>;

#[derive(Clone, Debug)]
struct Entry {
    /// What was asked for; nothing for a key that was released before it was ever seen.
    request: Option<SecureRequest>,
    status: SettlementStatus,
    given_back: BTreeMap<SettlementKey, Money>,
}

impl CashDesk {
    /// Creates a cash desk where everybody has enough money.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            limit: None,
            payments: Mutex::default(),
        }
    }

    /// Declines what costs more than this, in its currency.
    #[must_use]
    pub const fn with_limit(mut self, limit: Money) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Returns what the desk holds of a payment: what was taken less what was given back.
    ///
    /// # Errors
    ///
    /// `not_found` if nothing was asked for under this key, or it was never taken.
    pub fn held(&self, app: &AppId, key: &SettlementKey) -> Result<Money, Error> {
        let payments = self.payments();
        let entry = payments
            .get(&(app.clone(), key.clone()))
            .ok_or_else(unseen)?;
        entry.held()
    }

    fn payments(&self) -> MutexGuard<'_, Payments> {
        // A panic elsewhere leaves the map whole: each call changes one entry, at its end.
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first(&self, request: &SecureRequest) -> SettlementStatus {
        let amount = request.amount;
        let over = self.limit.is_some_and(|limit| {
            limit.currency() == amount.currency() && amount.minor() > limit.minor()
        });
        if over || self.clock.now() >= request.deadline {
            SettlementStatus::Declined
        } else {
            SettlementStatus::Secured
        }
    }
}

impl Entry {
    const fn new(request: Option<SecureRequest>, status: SettlementStatus) -> Self {
        Self {
            request,
            status,
            given_back: BTreeMap::new(),
        }
    }

    fn held(&self) -> Result<Money, Error> {
        match &self.request {
            Some(request) if self.status == SettlementStatus::Settled => self
                .given_back
                .values()
                .try_fold(request.amount, |left, part| left.checked_sub(*part))
                .map_err(not_addable),
            _ => Err(unseen()),
        }
    }

    fn give_back(&mut self, part: &SettlementKey, amount: Money) -> Result<(), Error> {
        if let Some(given) = self.given_back.get(part) {
            return if *given == amount {
                Ok(())
            } else {
                Err(other_request())
            };
        }
        let left = self.held()?.checked_sub(amount).map_err(not_addable)?;
        if left.is_negative() || !amount.is_positive() {
            let message = "more than is left cannot be given back";
            return Err(Error::new(ErrorKind::Refused, "refused", message));
        }
        self.given_back.insert(part.clone(), amount);
        Ok(())
    }
}

#[async_trait]
impl Settlement for CashDesk {
    async fn secure(&self, request: &SecureRequest) -> Result<Secured, Error> {
        let key = (request.app.clone(), request.key.clone());
        let first = || Entry::new(Some(request.clone()), self.first(request));
        let mut payments = self.payments();
        let entry = payments.entry(key).or_insert_with(first);
        if entry.request.as_ref().is_some_and(|seen| seen != request) {
            return Err(other_request());
        }
        Ok(match entry.status {
            SettlementStatus::Secured | SettlementStatus::Settled => Secured::Secured,
            SettlementStatus::Released => Secured::Declined(declined("released")),
            _ => Secured::Declined(declined("declined")),
        })
    }

    async fn settle(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
        let mut payments = self.payments();
        let entry = payments
            .get_mut(&(app.clone(), key.clone()))
            .ok_or_else(unseen)?;
        match entry.status {
            SettlementStatus::Secured => entry.status = SettlementStatus::Settled,
            SettlementStatus::Settled => {}
            _ => return Ok(Settled::Declined(declined("declined"))),
        }
        Ok(Settled::Settled)
    }

    async fn release(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        let released = || Entry::new(None, SettlementStatus::Released);
        let mut payments = self.payments();
        let entry = payments
            .entry((app.clone(), key.clone()))
            .or_insert_with(released);
        if entry.status != SettlementStatus::Declined {
            entry.status = SettlementStatus::Released;
        }
        Ok(())
    }

    async fn give_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error> {
        let mut payments = self.payments();
        payments
            .get_mut(&(app.clone(), key.clone()))
            .ok_or_else(unseen)?
            .give_back(part, amount)
    }

    async fn status(&self, app: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error> {
        let payments = self.payments();
        let entry = payments.get(&(app.clone(), key.clone()));
        Ok(entry.map_or(SettlementStatus::Unseen, |entry| entry.status))
    }
}

fn declined(code: &str) -> Declined {
    Declined {
        code: code.to_owned(),
    }
}

fn unseen() -> Error {
    Error::not_found("key")
}

fn not_addable(error: AmountError) -> Error {
    Error::invalid("amount", "does not fit the payment").with_source(error)
}

fn other_request() -> Error {
    mp_core::idempotency::key_reused()
}
