use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use mp_core::{
    Command, Engine, Error,
    amount::Money,
    id::{AppId, Name},
    store::{Batch, CommitId, Key, Listing, Partition, Write},
};
use mp_pay::{
    PaymentBackend, SandboxBackend,
    backend::{
        BackendError, Capabilities, CaptureRequest, ChargeRequest, Charged, Lookup, LookupRequest,
        Outcome, sandbox::Movement,
    },
    operation::OperationKey,
};

use mp_share::{
    group::{Group, GroupState},
    member::Memberships,
};

use super::{market::Market, options::Fault};

/// How many calls a fault spoils; a few more if several are made at once.
const SPOILED: u32 = 3;

/// Writes a member too many into a group that is full, past every service, as a broken store might.
pub(crate) async fn forge_a_member(
    market: &Market,
    listing: &Arc<dyn Listing>,
) -> Result<(), Error> {
    let mut last: Option<Partition> = None;
    loop {
        let page = listing.partitions(last.as_ref(), 1_000).await?;
        let Some(end) = page.last().cloned() else {
            return Ok(());
        };
        for partition in page
            .iter()
            .filter(|partition| partition.id().contains("/group/"))
        {
            if forge_in(market, partition).await? {
                return Ok(());
            }
        }
        last = Some(end);
    }
}

async fn forge_in(market: &Market, partition: &Partition) -> Result<bool, Error> {
    let family = market
        .engine
        .read(Command::on(partition.clone()).prefix("m/"))
        .await?;
    let filled = family
        .root::<Group>()?
        .is_some_and(|group| group.state == GroupState::Filled);
    let members = family.scan::<Memberships>("m/")?;
    let mut each = members.iter();
    let seated = each.find(|(_, all)| all.last().is_some_and(|(_, last)| last.state.has_seat()));
    let (true, Some((key, member))) = (filled, seated) else {
        return Ok(false);
    };
    let key = Key::new(&format!("{key}x"))?;
    let value = mp_core::document::encode(&**member, None)?;
    let batch = Batch {
        expect: family.head(),
        commit_id: CommitId::random(),
        at: market.engine.now(),
        writes: vec![Write::put(key, value)],
    };
    market.engine.store().commit(partition, batch).await?;
    Ok(true)
}

/// The market's payment provider: a sandbox that keeps its books in the same store, so that a
/// killed run finds the same provider again; and, if asked for, one that does a thing twice.
#[derive(Debug)]
pub(crate) struct Acquirer {
    sound: SandboxBackend,
    /// The same books, without a memory for keys: called twice, it moves money twice.
    forgetful: SandboxBackend,
    fault: Option<Fault>,
    spoiled: AtomicU32,
}

impl Acquirer {
    pub(crate) fn new(engine: &Engine, fault: Option<Fault>) -> Result<Self, Error> {
        let account = Name::new("acquirer").map_err(|error| Error::invalid("account", error))?;
        let forgetful = SandboxBackend::on(engine, &account);
        Ok(Self {
            sound: SandboxBackend::on(engine, &account),
            forgetful: forgetful.with_capabilities(Capabilities::neither()),
            fault,
            spoiled: AtomicU32::new(0),
        })
    }

    /// Returns every movement of the market's money in the provider's own books.
    pub(crate) async fn movements(&self, app: &AppId) -> Result<Vec<Movement>, Error> {
        self.sound.movements(app).await
    }

    fn spoils(&self, fault: Fault) -> bool {
        self.fault == Some(fault) && self.spoiled.load(Ordering::Relaxed) < SPOILED
    }

    /// Notes what came of a thing and of doing it again: it was spoiled if both times happened.
    ///
    /// A declined card is not charged twice, and of what was given back whole nothing is left.
    fn note(&self, once: &Outcome, again: &Outcome) {
        let settled = |outcome| matches!(outcome, &Outcome::Settled { .. });
        if settled(once) && settled(again) {
            self.spoiled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl PaymentBackend for Acquirer {
    fn capabilities(&self) -> Capabilities {
        self.sound.capabilities()
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<Outcome, BackendError> {
        if request.capture && self.spoils(Fault::Capture) {
            let once = self.forgetful.charge(request).await?;
            self.note(&once, &self.forgetful.charge(request).await?);
            return Ok(once);
        }
        self.sound.charge(request).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Outcome, BackendError> {
        self.sound.capture(request).await
    }

    async fn void(&self, key: &OperationKey, charge: &Charged) -> Result<Outcome, BackendError> {
        self.sound.void(key, charge).await
    }

    async fn refund(
        &self,
        key: &OperationKey,
        charge: &Charged,
        amount: Money,
    ) -> Result<Outcome, BackendError> {
        if self.spoils(Fault::Refund) {
            let once = self.forgetful.refund(key, charge, amount).await?;
            let again = self.forgetful.refund(key, charge, amount).await?;
            self.note(&once, &again);
            return Ok(once);
        }
        self.sound.refund(key, charge, amount).await
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Lookup, BackendError> {
        self.sound.lookup(request).await
    }
}
