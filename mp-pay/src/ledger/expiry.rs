use std::{sync::Arc, time::Duration};

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

/// How long a transfer in a status of a newer release is left to it before it is looked at again.
const UNRECOGNIZED_PAUSE: Duration = Duration::from_secs(10 * 60);

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
        if let Some(at) = transfer.expires_at {
            edits.schedule(&transfer.id.to_string(), at, &Self::of(transfer));
        }
    }

    pub(super) fn of(transfer: &Transfer) -> Self {
        Self {
            app: transfer.app.clone(),
            book: transfer.home.clone(),
            transfer: transfer.id,
        }
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
        let Some(transfer) = self.expired(due).await? else {
            return Ok(Done::Finished);
        };
        if transfer.status == TransferStatus::Unrecognized {
            // It may wait for its time to be over: nobody would set the timer again.
            return Ok(Done::Again(self.engine().now().plus(UNRECOGNIZED_PAUSE)));
        }
        // This process's clock may be behind the one that leased the work.
        Ok(transfer.lapses_at().map_or(Done::Finished, Done::Again))
    }

    /// Writes down that a transfer's time is over, if it is, and returns how it stands then.
    pub(super) async fn expired(&self, due: ExpiryDue) -> Result<Option<Transfer>, LedgerError> {
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
        let transfer = self.engine().run(reads, expire).await?.answer;
        if let Some(transfer) = &transfer
            && transfer.status == TransferStatus::Expired
        {
            self.drive(transfer).await;
        }
        Ok(transfer)
    }
}
