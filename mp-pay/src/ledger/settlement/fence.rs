use mp_core::{
    Decision, Document, Edits, Error, Family, Timestamp,
    id::AppId,
    port::{SettlementKey, SettlementStatus},
};
use serde::{Deserialize, Serialize};

use super::LedgerSettlement;
use crate::ledger::{
    Book, Ledger,
    records::{book_in, command, transfer_in, transfer_key},
};

/// Where a settlement's fence stands in its book.
const FENCE: &str = "fence";

/// Keeps a settlement's key from being secured: it was released before it came, or was refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Fence {
    pub(crate) code: String,
    pub(crate) fenced_at: Timestamp,
}

impl Document for Fence {
    const KIND: &'static str = "ledger_fence";
    const FORMAT: u32 = 1;
}

impl Fence {
    pub(super) fn status(&self) -> SettlementStatus {
        match self.code.as_str() {
            "released" => SettlementStatus::Released,
            _ => SettlementStatus::Declined,
        }
    }
}

/// What stands under a key once it was to be fenced.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Fenced {
    Fence(Fence),
    /// A transfer had come first.
    Transfer,
}

impl Ledger {
    pub(super) async fn fence_of(
        &self,
        app: &AppId,
        key: &SettlementKey,
    ) -> Result<Option<Fence>, Error> {
        let (book, _) = LedgerSettlement::transfer_of(app, key);
        let reads = command(app, &book)?.key(FENCE);
        let fence = self.engine().read(reads).await?.get::<Fence>(FENCE)?;
        Ok(fence.map(|fence| Fence::clone(&fence)))
    }

    /// Fences a key, unless a transfer stands under it.
    pub(super) async fn fence(
        &self,
        app: &AppId,
        key: &SettlementKey,
        code: &str,
    ) -> Result<Fenced, Error> {
        let (book, id) = LedgerSettlement::transfer_of(app, key);
        let reads = command(app, &book)?.key(FENCE).key(&transfer_key(id));
        let (app, code) = (app.clone(), code.to_owned());
        let decide = move |family: &Family, now: Timestamp| {
            if transfer_in(family, id)?.is_some() {
                return Ok(Decision::unchanged(Fenced::Transfer));
            }
            if let Some(fence) = family.get::<Fence>(FENCE)? {
                return Ok(Decision::unchanged(Fenced::Fence(Fence::clone(&fence))));
            }
            let fence = Fence {
                code: code.clone(),
                fenced_at: now,
            };
            let mut edits = Edits::new();
            let head = book_in(family)?;
            edits.put_root(head.unwrap_or_else(|| Book::new(app.clone(), book.clone(), now)));
            edits.put(FENCE, fence.clone());
            Ok::<_, Error>(edits.answer(Fenced::Fence(fence)))
        };
        Ok(self.engine().run(reads, decide).await?.answer)
    }

    /// Refuses a transfer under a key that was fenced.
    pub(in crate::ledger) fn demand_no_fence(family: &Family) -> Result<(), Error> {
        match family.get::<Fence>(FENCE)? {
            Some(_) => Err(mp_core::idempotency::key_reused()),
            None => Ok(()),
        }
    }

    /// Selects what [`demand_no_fence`](Self::demand_no_fence) reads.
    pub(in crate::ledger) fn reads_fence(command: mp_core::Command) -> mp_core::Command {
        command.key(FENCE)
    }
}
