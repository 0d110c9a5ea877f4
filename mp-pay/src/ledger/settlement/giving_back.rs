use mp_core::{Error, ErrorKind, amount::Money, id::AppId, port::SettlementKey};

use super::{LedgerSettlement, is_released, on_its_way, securing::Begun};
use crate::ledger::{
    LedgerError, Transfer, TransferId, TransferStatus, moving::Authority, resolving::Resolution,
};

impl LedgerSettlement {
    pub(super) async fn released(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
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
        let back = of.returning(id, amount, self.ledger.engine().now());
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

    pub(super) async fn given_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error> {
        let found = self.found(app, key).await?;
        let found = found.ok_or_else(|| Error::not_found("key"))?;
        let found = self.carried_on(found).await?;
        if !found.counts(amount) || amount.minor() < 1 {
            return Err(Error::invalid("amount", "is not of what was taken"));
        }
        let part = format!("given-{part}");
        self.return_part(&found, &part, amount.minor()).await
    }
}
