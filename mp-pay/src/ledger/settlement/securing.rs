use mp_core::{
    Error, ErrorKind, Family, Timestamp,
    idempotency::key_reused,
    port::{SecureRequest, Secured},
};
use serde::{Deserialize, Serialize};

use super::{LedgerSettlement, code_of, deadline::begin_until, declined, fence::Fence};
use crate::ledger::{
    LedgerError, Move, SUM_MAX, Transfer, TransferStatus,
    ends::Ends,
    records::{account_in, command},
};

/// What became of beginning a settlement.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Begun {
    Transfer(Box<Transfer>),
    Fenced(Fence),
    /// Somebody else has begun it meanwhile: ask again.
    Elsewhere,
}

impl LedgerSettlement {
    async fn begin(&self, request: &SecureRequest) -> Result<Begun, Error> {
        let fence = async |code| self.ledger.fence(&request.app, &request.key, code).await;
        if request.deadline <= self.ledger.engine().now() {
            return fence("expired").await;
        }
        let Some(only) = self.move_for(request).await? else {
            return fence("no_account").await;
        };
        match self.start(request, only).await {
            // Another call has begun it otherwise.
            Err(LedgerError::Core(error)) if error.kind() == ErrorKind::KeyReused => {
                Ok(Begun::Elsewhere)
            }
            Err(LedgerError::NoAccount { .. } | LedgerError::UnitMismatch { .. }) => {
                fence("no_account").await
            }
            begun => Ok(begun?),
        }
    }

    /// Begins to hold it, and drives it as far as it goes. What was asked of the host may have taken
    /// until after the deadline: that is decided by when it is begun.
    async fn start(&self, request: &SecureRequest, only: Move) -> Result<Begun, LedgerError> {
        let (home, id) = Self::transfer_of(&request.app, &request.key);
        let (app, now) = (request.app.clone(), self.ledger.engine().now());
        let asked = Transfer::asked(id, app, home, vec![only], now);
        let (asked, reads) = self.ledger.asked(asked).await?;
        let deadline = request.deadline;
        let begin =
            move |family: &Family, now: Timestamp| begin_until(deadline, family, &asked, now);
        match self.ledger.engine().run(reads, begin).await?.answer {
            Begun::Transfer(begun) => {
                let begun = self.ledger.set_off(*begun).await;
                let begun = match begun.status {
                    TransferStatus::Expired => self.lapsed(begun).await?,
                    _ => begun,
                };
                Ok(Begun::Transfer(Box::new(begun)))
            }
            fenced => Ok(fenced),
        }
    }

    /// Returns the move from the payer's own account to the app's; `None` if there is no such
    /// account.
    async fn move_for(&self, request: &SecureRequest) -> Result<Option<Move>, Error> {
        let SecureRequest {
            app, payer, amount, ..
        } = request;
        let currency = amount.currency();
        let ends = Ends {
            payer: self.accounts.payer(app, payer, currency).await?,
            payee: self.accounts.payee(app, currency).await?,
        };
        Ok(self.ledger.payment(app, payer, ends, *amount).await?.ok())
    }

    pub(super) async fn secured(&self, request: &SecureRequest) -> Result<Secured, Error> {
        if !(1..=SUM_MAX).contains(&request.amount.minor()) {
            return Err(Error::invalid(
                "amount",
                "is not more than zero, or too large",
            ));
        }
        if let Some(found) = self.found(&request.app, &request.key).await? {
            self.demand_same(&found, request).await?;
            let found = self.carried_on(found).await?;
            return self.answered(&found).await;
        }
        if let Some(fence) = self.ledger.fence_of(&request.app, &request.key).await? {
            return Ok(Secured::Declined(declined(&fence.code)));
        }
        match self.begin(request).await? {
            Begun::Transfer(begun) => self.answered(&begun).await,
            Begun::Fenced(fence) => Ok(Secured::Declined(declined(&fence.code))),
            Begun::Elsewhere => Ok(Secured::Unknown),
        }
    }

    /// Refuses another request under the same key. Whose account was debited tells who pays: which
    /// one the host names may have changed since.
    async fn demand_same(&self, found: &Transfer, request: &SecureRequest) -> Result<(), Error> {
        let only = found.moves.first().ok_or_else(key_reused)?;
        let reads = command(&found.app, &only.debit.book())?;
        let debited = account_in(&self.ledger.engine().read(reads).await?, &only.debit)?;
        let payer = debited.and_then(|debited| debited.owner);
        let same = only.amount == request.amount.into() && payer.as_ref() == Some(&request.payer);
        if same { Ok(()) } else { Err(key_reused()) }
    }

    async fn answered(&self, transfer: &Transfer) -> Result<Secured, Error> {
        Ok(match transfer.status {
            TransferStatus::Posted => match self.is_back(transfer).await? {
                Some(true) => Secured::Declined(declined("released")),
                Some(false) => Secured::Secured,
                None => Secured::Unknown,
            },
            TransferStatus::Pending | TransferStatus::Posting => Secured::Secured,
            status if status.is_final() => Secured::Declined(declined(code_of(transfer))),
            _ => Secured::Unknown,
        })
    }
}
