use mp_core::{
    Error, ErrorKind,
    id::AppId,
    idempotency::key_reused,
    port::{SecureRequest, Secured, SettlementKey},
};

use super::{
    LedgerSettlement, SETTLEMENT_HOLD, code_of, declined,
    fence::{Fence, Fenced},
    is_released,
};
use crate::ledger::{
    LedgerError, Move, SUM_MAX, Transfer, TransferStatus, ends::Ends, moving::Authority,
};

/// What became of beginning a settlement.
pub(super) enum Begun {
    Transfer(Box<Transfer>),
    Fenced(Fence),
    /// Somebody else has begun it meanwhile: ask again.
    Elsewhere,
}

impl LedgerSettlement {
    async fn begin(&self, request: &SecureRequest) -> Result<Begun, Error> {
        let now = self.ledger.engine().now();
        if request.deadline <= now {
            return self.fence(&request.app, &request.key, "expired").await;
        }
        let Some(only) = self.move_for(request).await? else {
            return self.fence(&request.app, &request.key, "no_account").await;
        };
        let (home, id) = Self::transfer_of(&request.app, &request.key);
        let held_until = request.deadline.plus(SETTLEMENT_HOLD);
        let transfer = Transfer {
            pending_for_s: Some(held_until.since(now).as_secs().max(1)),
            ..Transfer::asked(id, request.app.clone(), home, vec![only], now)
        };
        match self.ledger.start(transfer, Authority::All).await {
            Ok(begun) => Ok(Begun::Transfer(Box::new(begun))),
            // Another call has begun it at another moment, or has fenced it.
            Err(LedgerError::Core(error)) if error.kind() == ErrorKind::KeyReused => {
                Ok(Begun::Elsewhere)
            }
            Err(LedgerError::NoAccount { .. } | LedgerError::UnitMismatch { .. }) => {
                self.fence(&request.app, &request.key, "no_account").await
            }
            Err(error) => Err(error.into()),
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

    pub(super) async fn fence(
        &self,
        app: &AppId,
        key: &SettlementKey,
        code: &str,
    ) -> Result<Begun, Error> {
        Ok(match self.ledger.fence(app, key, code).await? {
            Fenced::Fence(fence) => Begun::Fenced(fence),
            Fenced::Transfer => Begun::Elsewhere,
        })
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
            return Ok(secured(&self.carried_on(found).await?));
        }
        if let Some(fence) = self.ledger.fence_of(&request.app, &request.key).await? {
            return Ok(Secured::Declined(declined(&fence.code)));
        }
        match self.begin(request).await? {
            Begun::Transfer(begun) => Ok(secured(&begun)),
            Begun::Fenced(fence) => Ok(Secured::Declined(declined(&fence.code))),
            Begun::Elsewhere => Ok(Secured::Unknown),
        }
    }

    async fn demand_same(&self, found: &Transfer, request: &SecureRequest) -> Result<(), Error> {
        let currency = request.amount.currency();
        let payer = self.accounts.payer(&request.app, &request.payer, currency);
        let payer = payer.await?;
        let same = found.moves.first().is_some_and(|only| {
            only.amount == request.amount.into() && payer.is_none_or(|payer| payer == only.debit)
        });
        if same { Ok(()) } else { Err(key_reused()) }
    }
}

fn secured(transfer: &Transfer) -> Secured {
    match transfer.status {
        TransferStatus::Posted if is_released(transfer) => Secured::Declined(declined("released")),
        TransferStatus::Pending | TransferStatus::Posting | TransferStatus::Posted => {
            Secured::Secured
        }
        status if status.is_final() => Secured::Declined(declined(code_of(transfer))),
        _ => Secured::Unknown,
    }
}
