//! Paying for other capabilities from stored value: the [`Settlement`] port.

mod accounts;
mod deadline;
mod fence;
mod giving_back;
mod securing;
mod settling;
mod telling;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    amount::Money,
    id::AppId,
    port::{
        Declined, SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus,
    },
};

pub use self::accounts::{FixedAccounts, SettlementAccounts};
#[cfg(test)]
pub(crate) use self::fence::Fence;
pub(crate) use self::telling::FactDue;
use super::{BookId, Ledger, Transfer, TransferId, TransferStatus, expiry::ExpiryDue};

/// For how long stored value stays held after the deadline for securing it.
pub const SETTLEMENT_HOLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Secures, settles and releases payers' stored value: [`Settlement`] over a [`Ledger`].
///
/// To secure is a pending transfer from the payer's account to the payee's, to settle is to post
/// it, to release is to void it, or to transfer back what is left if it was posted; that is done when
/// it has arrived, and where the payee cannot pay it is to be asked for again. Each settlement
/// is a book of its own, so that its key alone leads to it. What is secured stays held for
/// [`SETTLEMENT_HOLD`] after the deadline; whoever had it secured is told when that is over, or when
/// somebody else voids it, by the [`handlers`](Self::handlers). That its time is over is written down
/// before it is answered, so that no process whose clock is behind takes it after all.
///
/// The account that is debited must be the [payer's own](super::Account::owner), whichever
/// [`SettlementAccounts`] names; a payer without one is declined as `no_account`.
#[derive(Clone, Debug)]
pub struct LedgerSettlement {
    ledger: Ledger,
    accounts: Arc<dyn SettlementAccounts>,
}

impl LedgerSettlement {
    /// Joins the ledger with whose accounts are whose.
    #[must_use]
    pub fn new(ledger: &Ledger, accounts: Arc<dyn SettlementAccounts>) -> Self {
        let ledger = ledger.clone();
        Self { ledger, accounts }
    }

    /// Returns the transfer that a settlement's key leads to, and the book that it stands in.
    #[must_use]
    pub fn transfer_of(app: &AppId, key: &SettlementKey) -> (BookId, TransferId) {
        let book = BookId::of_settlement(key.as_str());
        let id = TransferId::derived(&[app.as_str(), "settlement", key.as_str()]);
        (book, id)
    }

    async fn found(&self, app: &AppId, key: &SettlementKey) -> Result<Option<Transfer>, Error> {
        let (book, id) = Self::transfer_of(app, key);
        self.recorded(app, &book, id).await
    }

    async fn recorded(
        &self,
        app: &AppId,
        book: &BookId,
        id: TransferId,
    ) -> Result<Option<Transfer>, Error> {
        match self.ledger.recorded(app, book, id).await? {
            Some((found, now)) if found.has_lapsed(now) => Ok(Some(self.lapsed(found).await?)),
            found => Ok(found.map(|(found, _)| found)),
        }
    }

    /// Writes down that its time is over: whose clock is behind would post it yet, and what is answered
    /// is final.
    async fn lapsed(&self, transfer: Transfer) -> Result<Transfer, Error> {
        let recorded = self.ledger.expired(ExpiryDue::of(&transfer)).await?;
        Ok(recorded.unwrap_or(transfer))
    }

    /// Carries on what is on its way, and returns where it stands then.
    async fn carried_on(&self, transfer: Transfer) -> Result<Transfer, Error> {
        if !matches!(
            transfer.status,
            TransferStatus::Moving | TransferStatus::Posting
        ) {
            return Ok(transfer);
        }
        self.ledger.drive(&transfer).await;
        let (app, home) = (&transfer.app, &transfer.home);
        let found = self.recorded(app, home, transfer.id).await?;
        Ok(found.unwrap_or(transfer))
    }
}

/// Returns whether all that was taken was given back, or is on its way back.
fn is_released(transfer: &Transfer) -> bool {
    transfer.reversed_by.is_some() || transfer.returned >= transfer.posted_amount()
}

fn status_of(transfer: &Transfer) -> SettlementStatus {
    match transfer.status {
        TransferStatus::Pending | TransferStatus::Posting => SettlementStatus::Secured,
        TransferStatus::Posted if is_released(transfer) => SettlementStatus::Released,
        TransferStatus::Posted => SettlementStatus::Settled,
        TransferStatus::Voided => SettlementStatus::Released,
        status if status.is_final() => SettlementStatus::Declined,
        _ => SettlementStatus::Pending,
    }
}

fn code_of(transfer: &Transfer) -> &str {
    match transfer.status {
        TransferStatus::Voided => "released",
        TransferStatus::Expired => "expired",
        _ => transfer.refusal_code(),
    }
}

fn declined(code: &str) -> Declined {
    Declined {
        code: code.to_owned(),
    }
}

fn on_its_way() -> Error {
    let message = "it is on its way: ask again";
    Error::new(ErrorKind::Unavailable, "on_its_way", message)
}

#[async_trait]
impl Settlement for LedgerSettlement {
    async fn secure(&self, request: &SecureRequest) -> Result<Secured, Error> {
        self.secured(request).await
    }

    async fn settle(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
        self.settled(app, key).await
    }

    async fn release(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        self.released(app, key).await
    }

    async fn give_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error> {
        self.given_back(app, key, part, amount).await
    }

    async fn status(&self, app: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error> {
        let Some(found) = self.found(app, key).await? else {
            let fence = self.ledger.fence_of(app, key).await?;
            return Ok(fence.map_or(SettlementStatus::Unseen, |fence| fence.status()));
        };
        Ok(status_of(&found))
    }
}
