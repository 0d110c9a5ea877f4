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
            TransferStatus::Posted => self.return_rest(&found).await,
            status if status.is_final() => Ok(()),
            TransferStatus::Moving | TransferStatus::Pending => {
                let void = Resolution::Void { is_asked: true };
                let voided = self.ledger.resolve(app, &found.home, found.id, void);
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

    /// Transfers back what is left of what was posted. That is done when nothing is on its way any
    /// more, for what is may yet be refused.
    async fn return_rest(&self, of: &Transfer) -> Result<(), Error> {
        let back_from = |it: &Transfer| it.returns.or(it.reverses) == Some(of.id);
        for back in self.ledger.transfers_in(&of.app, &of.home).await? {
            if back_from(&back) {
                self.carried_on(back).await?;
            }
        }
        let all = self.ledger.transfers_in(&of.app, &of.home).await?;
        let of = all.iter().find(|it| it.id == of.id).unwrap_or(of);
        let backs = || all.iter().filter(|it| back_from(it));
        if backs().any(|back| !back.status.is_final()) {
            return Err(on_its_way());
        }
        if is_released(of) {
            return Ok(());
        }
        let refused = backs().filter(|back| back.status == TransferStatus::Refused);
        let left = of.posted_amount() - of.returned;
        match self.return_part(of, &release(refused.count()), left).await {
            Ok(back) if back.status == TransferStatus::Posted => Ok(()),
            Ok(back) if back.status.is_final() => Err(Error::new(
                ErrorKind::Unavailable,
                "balance_insufficient",
                "the payee cannot give it back: top it up, and release again",
            )),
            Err(LedgerError::Core(error)) if error.kind() != ErrorKind::KeyReused => Err(error),
            // It is carried on, or somebody else has begun another one meanwhile.
            _ => Err(on_its_way()),
        }
    }

    /// Transfers back a part of what was posted, once per name, and returns where that stands.
    async fn return_part(
        &self,
        of: &Transfer,
        part: &str,
        amount: i64,
    ) -> Result<Transfer, LedgerError> {
        let id = TransferId::derived(&[of.id.to_string().as_str(), "part", part]);
        let back = of.returning(id, amount, self.ledger.engine().now());
        let begun = self.ledger.start(back, Authority::All).await?;
        Ok(self.carried_on(begun).await?)
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
        let back = self.return_part(&found, &part, amount.minor()).await?;
        match back.status {
            TransferStatus::Posted => Ok(()),
            status if status.is_final() => Err(Error::new(
                ErrorKind::Refused,
                "balance_insufficient",
                "the payee cannot give it back: top it up, and take another part name",
            )),
            _ => Err(on_its_way()),
        }
    }
}

/// Names the transfer that gives back what is left, after so many were refused: what was refused is
/// so for good.
fn release(refused: usize) -> String {
    match refused {
        0 => "release".to_owned(),
        refused => format!("release-{refused}"),
    }
}
