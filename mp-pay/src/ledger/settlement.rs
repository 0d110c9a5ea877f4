use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    amount::{Currency, Money},
    id::{AppId, UserId},
    idempotency::key_reused,
    port::{
        Declined, SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementStatus,
    },
};

use super::{
    AccountId, BookId, Ledger, LedgerError, Move, SUM_MAX, Transfer, TransferId, TransferStatus,
    fence::{Fence, Fenced},
    moving::Authority,
    resolving::Resolution,
};

/// For how long stored value stays held after the deadline for securing it.
pub const SETTLEMENT_HOLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Tells which accounts stored value is paid from and paid into; the host supplies it.
#[async_trait]
pub trait SettlementAccounts: fmt::Debug + Send + Sync + 'static {
    /// Returns the account that a payer pays from in a currency, if there is one.
    ///
    /// # Errors
    ///
    /// Transient ones: it is asked again.
    async fn payer(
        &self,
        app: &AppId,
        payer: &UserId,
        currency: Currency,
    ) -> Result<Option<AccountId>, Error>;

    /// Returns the account that the app is paid into in a currency, if there is one.
    ///
    /// # Errors
    ///
    /// Transient ones: it is asked again.
    async fn payee(&self, app: &AppId, currency: Currency) -> Result<Option<AccountId>, Error>;
}

/// Secures, settles and releases payers' stored value: [`Settlement`] over a [`Ledger`].
///
/// To secure is a pending transfer from the payer's account to the payee's, to settle is to post
/// it, to release is to void it, or to transfer back what is left if it was posted. Each settlement
/// is a book of its own, so that its key alone leads to it. What is secured stays held for
/// [`SETTLEMENT_HOLD`] after the deadline.
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
        Ok(self.ledger.found(app, &book, id).await?)
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
        let found = self.ledger.found(app, home, transfer.id).await?;
        Ok(found.unwrap_or(transfer))
    }

    async fn begin(&self, request: &SecureRequest) -> Result<Begun, Error> {
        let now = self.ledger.engine().now();
        if request.deadline <= now {
            return self.fence(&request.app, &request.key, "expired").await;
        }
        let currency = request.amount.currency();
        let payer = self.accounts.payer(&request.app, &request.payer, currency);
        let (payer, payee) = (payer.await?, self.accounts.payee(&request.app, currency));
        let (Some(payer), Some(payee)) = (payer, payee.await?) else {
            return self.fence(&request.app, &request.key, "no_account").await;
        };
        let (home, id) = Self::transfer_of(&request.app, &request.key);
        let moves = vec![Move {
            debit: payer,
            credit: payee,
            amount: request.amount.into(),
        }];
        let held_until = request.deadline.plus(SETTLEMENT_HOLD);
        let transfer = Transfer {
            id,
            app: request.app.clone(),
            home,
            moves,
            pending_for_s: Some(held_until.since(now).as_secs().max(1)),
            memo: None,
            reverses: None,
            returns: None,
            status: TransferStatus::Moving,
            expires_at: None,
            posted_part: None,
            refusal: None,
            reversed_by: None,
            returned: 0,
            created_at: now,
            changed_at: now,
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

    async fn fence(&self, app: &AppId, key: &SettlementKey, code: &str) -> Result<Begun, Error> {
        Ok(match self.ledger.fence(app, key, code).await? {
            Fenced::Fence(fence) => Begun::Fenced(fence),
            Fenced::Transfer => Begun::Elsewhere,
        })
    }

    async fn secured(&self, request: &SecureRequest) -> Result<Secured, Error> {
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

    async fn settled(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
        let Some(found) = self.found(app, key).await? else {
            return match self.ledger.fence_of(app, key).await? {
                Some(fence) => Ok(Settled::Declined(declined(&fence.code))),
                None => Err(Error::not_found("key")),
            };
        };
        let mut found = self.carried_on(found).await?;
        if found.status == TransferStatus::Pending {
            let posted = self
                .ledger
                .resolve(app, &found.home, found.id, Resolution::Post(None));
            found = match posted.await {
                Ok(posted) => posted,
                Err(LedgerError::UnexpectedStatus { .. }) => {
                    self.found(app, key).await?.unwrap_or(found)
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(match found.status {
            TransferStatus::Posted if is_released(&found) => {
                Settled::Declined(declined("released"))
            }
            TransferStatus::Posted => Settled::Settled,
            status if status.is_final() => Settled::Declined(declined(code_of(&found))),
            _ => Settled::Unknown,
        })
    }

    async fn released(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        let Some(found) = self.found(app, key).await? else {
            return match self.fence(app, key, "released").await? {
                Begun::Fenced(_) => Ok(()),
                _ => Err(on_its_way()),
            };
        };
        let mut found = found;
        if found.status == TransferStatus::Posting {
            found = self.carried_on(found).await?;
        }
        match found.status {
            TransferStatus::Posted if is_released(&found) => Ok(()),
            TransferStatus::Posted => {
                let left = found.posted_amount() - found.returned;
                self.return_part(&found, "release", left).await
            }
            status if status.is_final() => Ok(()),
            TransferStatus::Moving | TransferStatus::Pending => {
                let voided = self
                    .ledger
                    .resolve(app, &found.home, found.id, Resolution::Void);
                match voided.await {
                    // It was posted meanwhile, or is being: ask again, and it is given back.
                    Err(LedgerError::UnexpectedStatus { status, .. })
                        if status == TransferStatus::Posted || !status.is_final() =>
                    {
                        Err(on_its_way())
                    }
                    Ok(_) | Err(LedgerError::UnexpectedStatus { .. }) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
            _ => Err(on_its_way()),
        }
    }

    /// Transfers back a part of what was posted, once per name.
    async fn return_part(&self, of: &Transfer, part: &str, amount: i64) -> Result<(), Error> {
        let id = TransferId::derived(&[of.id.to_string().as_str(), "part", part]);
        let now = self.ledger.engine().now();
        let back = Transfer {
            id,
            moves: of.moves.iter().map(|it| it.swapped(amount)).collect(),
            pending_for_s: None,
            returns: Some(of.id),
            status: TransferStatus::Moving,
            expires_at: None,
            posted_part: None,
            refusal: None,
            returned: 0,
            created_at: now,
            changed_at: now,
            ..of.clone()
        };
        let begun = self.ledger.start(back, Authority::All).await?;
        let begun = self.carried_on(begun).await?;
        match begun.status {
            TransferStatus::Posted => Ok(()),
            status if status.is_final() => {
                let message = "the payee has not enough to give back: top it up first";
                Err(Error::new(
                    ErrorKind::Refused,
                    "balance_insufficient",
                    message,
                ))
            }
            // It is written down and carried on by due work.
            _ => Ok(()),
        }
    }

    async fn given_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error> {
        let found = self.found(app, key).await?;
        let found = found.ok_or_else(|| Error::not_found("key"))?;
        let found = self.carried_on(found).await?;
        let only = found.moves.first().map(|only| only.amount.unit().clone());
        if only != Some(amount.currency().into()) || amount.minor() < 1 {
            return Err(Error::invalid("amount", "is not of what was taken"));
        }
        let part = format!("given-{part}");
        self.return_part(&found, &part, amount.minor()).await
    }
}

/// What became of beginning a settlement.
enum Begun {
    Transfer(Box<Transfer>),
    Fenced(Fence),
    /// Somebody else has begun it meanwhile: ask again.
    Elsewhere,
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

/// Returns whether all that was taken was given back, or is on its way back.
fn is_released(transfer: &Transfer) -> bool {
    transfer.returned >= transfer.posted_amount()
}

fn code_of(transfer: &Transfer) -> &str {
    match transfer.status {
        TransferStatus::Voided => "released",
        TransferStatus::Expired => "expired",
        _ => match transfer.refusal.as_deref() {
            // What every settlement says of a payer who has too little.
            None | Some("balance_insufficient") => "insufficient_funds",
            Some(code) => code,
        },
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
        Ok(match found.status {
            TransferStatus::Pending | TransferStatus::Posting => SettlementStatus::Secured,
            TransferStatus::Posted if is_released(&found) => SettlementStatus::Released,
            TransferStatus::Posted => SettlementStatus::Settled,
            TransferStatus::Voided => SettlementStatus::Released,
            status if status.is_final() => SettlementStatus::Declined,
            _ => SettlementStatus::Pending,
        })
    }
}
