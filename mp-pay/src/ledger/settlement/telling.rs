use std::sync::Arc;

use mp_core::{
    Document, Edits, Timestamp,
    port::{Fact, SettlementListener},
    work::{self, Done, Handler},
};
use serde::{Deserialize, Serialize};

use super::{LedgerSettlement, status_of};
use crate::ledger::Transfer;

/// The message that tells a capability that what it had secured is held no more, which it did not ask
/// for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct FactDue {
    fact: Fact,
}

impl Document for FactDue {
    const KIND: &'static str = "ledger.fact";
    const FORMAT: u32 = 1;
}

impl FactDue {
    /// Tells where a transfer stands that a settlement had begun; of another one there is nobody to tell.
    pub(in crate::ledger) fn tell(transfer: &Transfer, now: Timestamp, edits: &mut Edits) {
        let Some(key) = transfer.home.settlement_key() else {
            return;
        };
        let app = transfer.app.clone();
        // What gives it back stands in the same book.
        if LedgerSettlement::transfer_of(&app, &key).1 == transfer.id {
            let status = status_of(transfer);
            let fact = Fact { app, key, status };
            edits.send("status", now, &Self { fact });
        }
    }
}

impl LedgerSettlement {
    /// Returns the handler that tells the listener which holds have ended; for a
    /// [`Worker`](work::Worker), beside [`Ledger::handlers`](crate::ledger::Ledger::handlers).
    #[must_use]
    pub fn handlers(&self, listener: Arc<dyn SettlementListener>) -> Vec<Arc<dyn Handler>> {
        vec![work::on(move |_, due: FactDue| {
            let listener = listener.clone();
            async move {
                listener.learnt(&due.fact).await?;
                Ok(Done::Finished)
            }
        })]
    }
}
