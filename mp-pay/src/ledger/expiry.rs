use std::sync::Arc;

use mp_core::{
    Decision, Document, Edits, Family, Timestamp,
    feed::Feed,
    id::AppId,
    steps::{Plan, plan_key},
    work::{self, Done, Handler, HandlerError},
};
use serde::{Deserialize, Serialize};

use super::{
    BookId, Ledger, LedgerError, Transfer, TransferEvent, TransferId, TransferStatus,
    home::{HomeBook, put, take_step},
    plan_id::PlanId,
    records::{command, transfer_in, transfer_key},
};

/// The work of tidying up a transfer whose time is over. That it is over is decided by the clock.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ExpiryDue {
    pub(crate) app: AppId,
    pub(crate) book: BookId,
    pub(crate) transfer: TransferId,
}

impl Document for ExpiryDue {
    const KIND: &'static str = "ledger.expire";
    const FORMAT: u32 = 1;
}

impl ExpiryDue {
    /// Sets the timer of a transfer that may be pending.
    pub(super) fn schedule(transfer: &Transfer, edits: &mut Edits) {
        let Some(at) = transfer.expires_at else {
            return;
        };
        let due = Self {
            app: transfer.app.clone(),
            book: transfer.home.clone(),
            transfer: transfer.id,
        };
        edits.schedule(&transfer.id.to_string(), at, &due);
    }
}

impl Ledger {
    pub(super) fn expiry_handler(&self) -> Arc<dyn Handler> {
        let ledger = self.clone();
        work::on(move |_, due: ExpiryDue| {
            let ledger = ledger.clone();
            async move {
                let expired = ledger.expire(due).await;
                expired.map_err(|error| HandlerError::from(mp_core::Error::from(error)))
            }
        })
    }

    async fn expire(&self, due: ExpiryDue) -> Result<Done, LedgerError> {
        let at = transfer_key(due.transfer);
        let id = PlanId::of_two_phase(&due.book, due.transfer).to_string();
        let plan_at = plan_key(&id);
        let reads = Feed::reads_of_any(command(&due.app, &due.book)?);
        let reads = reads.key(&at).key(&plan_at);
        let expire = move |family: &Family, now: Timestamp| {
            let Some(mut transfer) = transfer_in(family, due.transfer)? else {
                return Ok(Decision::unchanged(None));
            };
            if !transfer.has_lapsed(now) {
                return Ok(Decision::unchanged(Some(transfer)));
            }
            let mut edits = take_step(family, &mut transfer, TransferEvent::Expire, now)?;
            if let Some(plan) = family.get::<Plan>(&plan_at)? {
                mp_core::steps::put::<HomeBook>(&mut edits, &id, plan.release(), now)?;
            }
            put(family, transfer.clone(), now, &mut edits)?;
            Ok::<_, LedgerError>(edits.answer(Some(transfer)))
        };
        let Some(transfer) = self.engine().run(reads, expire).await?.answer else {
            return Ok(Done::Finished);
        };
        // This process's clock is behind the one that leased the work.
        if let Some(at) = transfer.lapses_at() {
            return Ok(Done::Again(at));
        }
        if transfer.status == TransferStatus::Expired {
            self.drive(&transfer).await;
        }
        Ok(Done::Finished)
    }
}
