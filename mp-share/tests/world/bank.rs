use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    amount::Money,
    clock::ManualClock,
    id::AppId,
    port::{
        Declined, SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus,
    },
};

use super::faults::{Faults, Interrupted};

/// How a payer behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Payer {
    #[default]
    Pays,
    Declines,
    /// Has to do something, and is asked so many times before it is done.
    Dawdles(u32),
    /// Secures, then cannot be settled any more.
    RunsDry,
    /// Secures, then so many releases fail.
    HardToRefund(u32),
    /// Secures, but by then so many seconds have gone by.
    Slow(u64),
}

#[derive(Clone, Debug)]
struct Payment {
    payer: String,
    minor: i64,
    status: SettlementStatus,
    asked: u32,
    releases: u32,
}

/// Payments in memory, with every movement of money counted.
#[derive(Debug, Default)]
pub(crate) struct Bank {
    payers: Mutex<BTreeMap<String, Payer>>,
    payments: Mutex<BTreeMap<String, Payment>>,
    faults: Arc<Faults>,
    clock: Option<Arc<ManualClock>>,
}

/// What the bank holds, has taken in all, and has given back of that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Books {
    pub(crate) held: i64,
    pub(crate) taken: i64,
}

impl Bank {
    pub(crate) fn new(faults: Arc<Faults>, clock: Arc<ManualClock>) -> Self {
        Self {
            faults,
            clock: Some(clock),
            ..Self::default()
        }
    }

    pub(crate) fn set(&self, payer: &str, behaviour: Payer) {
        self.payers
            .lock()
            .expect("unpoisoned")
            .insert(payer.to_owned(), behaviour);
    }

    pub(crate) fn books(&self) -> Books {
        let payments = self.payments.lock().expect("unpoisoned");
        payments
            .values()
            .fold(Books::default(), |mut books, payment| {
                match payment.status {
                    SettlementStatus::Secured => books.held += payment.minor,
                    SettlementStatus::Settled => books.taken += payment.minor,
                    _ => {}
                }
                books
            })
    }

    /// Has a payer do now what their payments were waiting for, without telling anybody.
    pub(crate) fn land(&self, payer: &str) {
        let mut payments = self.payments.lock().expect("unpoisoned");
        for payment in payments
            .values_mut()
            .filter(|payment| payment.payer == payer)
        {
            if payment.status == SettlementStatus::Pending {
                payment.status = SettlementStatus::Secured;
            }
        }
    }

    /// Ends what is held of a payer's money, without telling anybody.
    pub(crate) fn drop_hold(&self, payer: &str) {
        let mut payments = self.payments.lock().expect("unpoisoned");
        let theirs = payments.values_mut().filter(|it| it.payer == payer);
        for payment in theirs.filter(|it| it.status == SettlementStatus::Secured) {
            payment.status = SettlementStatus::Declined;
        }
    }

    /// Returns how many payments of a payer hold or have taken money.
    pub(crate) fn live(&self, payer: &str) -> usize {
        let payments = self.payments.lock().expect("unpoisoned");
        let live = [SettlementStatus::Secured, SettlementStatus::Settled];
        payments
            .values()
            .filter(|payment| payment.payer == payer && live.contains(&payment.status))
            .count()
    }

    /// Returns the keys that were asked for.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.payments
            .lock()
            .expect("unpoisoned")
            .keys()
            .cloned()
            .collect()
    }

    fn behaviour(&self, payer: &str) -> Payer {
        let payers = self.payers.lock().expect("unpoisoned");
        payers.get(payer).copied().unwrap_or_default()
    }

    fn try_secure(&self, request: &SecureRequest) -> Secured {
        let payer = request.payer.as_str();
        let behaviour = self.behaviour(payer);
        if let (Payer::Slow(seconds), Some(clock)) = (behaviour, &self.clock) {
            clock.advance(Duration::from_secs(seconds));
        }
        let mut payments = self.payments.lock().expect("unpoisoned");
        let payment = payments.entry(request.key.to_string()).or_insert(Payment {
            payer: payer.to_owned(),
            minor: request.amount.minor(),
            status: SettlementStatus::Pending,
            asked: 0,
            releases: 0,
        });
        payment.asked += 1;
        payment.status = match (payment.status, behaviour) {
            (SettlementStatus::Pending, Payer::Declines) => SettlementStatus::Declined,
            (SettlementStatus::Pending, Payer::Dawdles(asks)) if payment.asked <= asks => {
                return Secured::NeedsAction(serde_json::json!({ "confirm_at": "bank" }));
            }
            (SettlementStatus::Pending, _) => SettlementStatus::Secured,
            (known, _) => known,
        };
        let declined = |code: &str| {
            Secured::Declined(Declined {
                code: code.to_owned(),
            })
        };
        match payment.status {
            SettlementStatus::Secured | SettlementStatus::Settled => Secured::Secured,
            SettlementStatus::Released => declined("released"),
            _ => declined("insufficient_funds"),
        }
    }

    fn try_settle(&self, key: &SettlementKey) -> Result<Settled, Error> {
        let mut payments = self.payments.lock().expect("unpoisoned");
        let payment = payments
            .get_mut(key.as_str())
            .ok_or_else(|| Error::not_found("key"))?;
        if self.behaviour(&payment.payer) == Payer::RunsDry {
            payment.status = SettlementStatus::Declined;
        }
        Ok(match payment.status {
            SettlementStatus::Secured | SettlementStatus::Settled => {
                payment.status = SettlementStatus::Settled;
                Settled::Settled
            }
            _ => Settled::Declined(Declined {
                code: "run_dry".into(),
            }),
        })
    }

    fn try_release(&self, key: &SettlementKey) -> Result<(), Error> {
        let mut payments = self.payments.lock().expect("unpoisoned");
        let payment = payments.entry(key.to_string()).or_insert(Payment {
            payer: String::new(),
            minor: 0,
            status: SettlementStatus::Released,
            asked: 0,
            releases: 0,
        });
        payment.releases += 1;
        match self.behaviour(&payment.payer) {
            Payer::HardToRefund(fails) if payment.releases <= fails => Err(unavailable()),
            _ => {
                payment.status = SettlementStatus::Released;
                Ok(())
            }
        }
    }
}

fn unavailable() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "bank_closed",
        "the bank does not answer",
    )
}

#[async_trait]
impl Settlement for Bank {
    async fn secure(&self, request: &SecureRequest) -> Result<Secured, Error> {
        let answer = self.faults.around(async { self.try_secure(request) }).await;
        match answer {
            Ok(secured) => Ok(secured),
            Err(Interrupted::Unknown) => Ok(Secured::Unknown),
            Err(Interrupted::Dead) => Err(unavailable()),
        }
    }

    async fn settle(&self, _: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
        let answer = self.faults.around(async { self.try_settle(key) }).await;
        match answer {
            Ok(settled) => settled,
            Err(Interrupted::Unknown) => Ok(Settled::Unknown),
            Err(Interrupted::Dead) => Err(unavailable()),
        }
    }

    async fn release(&self, _: &AppId, key: &SettlementKey) -> Result<(), Error> {
        let answer = self.faults.around(async { self.try_release(key) }).await;
        answer.map_err(|_| unavailable())?
    }

    async fn give_back(
        &self,
        _: &AppId,
        _: &SettlementKey,
        _: &SettlementKey,
        _: Money,
    ) -> Result<(), Error> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "unsupported",
            "groups give back all or nothing",
        ))
    }

    async fn status(&self, _: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error> {
        let payments = self.payments.lock().expect("unpoisoned");
        let payment = payments.get(key.as_str());
        Ok(payment.map_or(SettlementStatus::Unseen, |payment| payment.status))
    }
}
