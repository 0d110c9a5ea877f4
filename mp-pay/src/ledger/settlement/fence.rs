use mp_core::{
    Decision, Document, Edits, Error, Family, Timestamp,
    id::AppId,
    port::{SettlementKey, SettlementStatus},
};
use serde::{Deserialize, Serialize};

use super::{LedgerSettlement, securing::Begun};
use crate::ledger::{
    Book, BookId, Ledger,
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

    pub(super) fn found(family: &Family) -> Result<Option<Self>, Error> {
        let fence = family.get::<Self>(FENCE)?;
        Ok(fence.map(|fence| Self::clone(&fence)))
    }

    /// Puts up a fence in a settlement's book.
    pub(super) fn put(
        family: &Family,
        app: &AppId,
        book: &BookId,
        code: &str,
        now: Timestamp,
    ) -> Result<Decision<Self>, Error> {
        let fence = Self {
            code: code.to_owned(),
            fenced_at: now,
        };
        let mut edits = Edits::new();
        let head = book_in(family)?;
        edits.put_root(head.unwrap_or_else(|| Book::new(app.clone(), book.clone(), now)));
        edits.put(FENCE, fence.clone());
        Ok(edits.answer(fence))
    }
}

impl Ledger {
    pub(super) async fn fence_of(
        &self,
        app: &AppId,
        key: &SettlementKey,
    ) -> Result<Option<Fence>, Error> {
        let (book, _) = LedgerSettlement::transfer_of(app, key);
        let reads = command(app, &book)?.key(FENCE);
        Fence::found(&self.engine().read(reads).await?)
    }

    /// Fences a key, unless a transfer stands under it.
    pub(super) async fn fence(
        &self,
        app: &AppId,
        key: &SettlementKey,
        code: &str,
    ) -> Result<Begun, Error> {
        let (book, id) = LedgerSettlement::transfer_of(app, key);
        let reads = command(app, &book)?.key(FENCE).key(&transfer_key(id));
        let (app, code) = (app.clone(), code.to_owned());
        let decide = move |family: &Family, now: Timestamp| {
            if transfer_in(family, id)?.is_some() {
                return Ok(Decision::unchanged(Begun::Elsewhere));
            }
            let fence = match Fence::found(family)? {
                Some(fence) => Decision::unchanged(fence),
                None => Fence::put(family, &app, &book, &code, now)?,
            };
            Ok::<_, Error>(fence.map(Begun::Fenced))
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
