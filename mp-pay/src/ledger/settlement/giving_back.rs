use mp_core::{Error, ErrorKind, amount::Money, id::AppId, port::SettlementKey};

use super::{LedgerSettlement, is_released, on_its_way, securing::Begun};
use crate::ledger::{
    LedgerError, Transfer, TransferId, TransferStatus, authority::Authority, resolving::Resolution,
};

impl LedgerSettlement {
    pub(super) async fn released(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        let Some(found) = self.found(app, key).await? else {
            return match self.ledger.fence(app, key, "released").await? {
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
                    Ok(_) => Ok(()),
                    Err(LedgerError::UnexpectedStatus { .. }) => self.ended(app, key).await,
                    Err(error) => Err(error.into()),
                }
            }
            _ => Err(on_its_way()),
        }
    }

    /// Demands that nothing is held under a key any more. What was posted meanwhile, or is being, is
    /// given back when it is asked for again.
    async fn ended(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        let status = self.found(app, key).await?.map(|found| found.status);
        let ended = |it: TransferStatus| it.is_final() && it != TransferStatus::Posted;
        if status.is_some_and(ended) {
            Ok(())
        } else {
            Err(on_its_way())
        }
    }

    /// Returns whether all that was taken is back; `None` while it is on its way, for what is may yet
    /// be refused.
    pub(super) async fn is_back(&self, taken: &Transfer) -> Result<Option<bool>, Error> {
        if !is_released(taken) {
            return Ok(Some(false));
        }
        let all = self.ledger.transfers_in(&taken.app, &taken.home).await?;
        let taken = all.iter().find(|it| it.id == taken.id).unwrap_or(taken);
        let moves = |it: &Transfer| gives_back(it, taken) && !it.status.is_final();
        Ok(match is_released(taken) {
            true if all.iter().any(moves) => None,
            is_back => Some(is_back),
        })
    }

    /// Transfers back what is left of what was posted. That is done when nothing is on its way any
    /// more, for what is may yet be refused.
    async fn return_rest(&self, of: &Transfer) -> Result<(), Error> {
        for back in self.ledger.transfers_in(&of.app, &of.home).await? {
            if gives_back(&back, of) {
                self.carried_on(back).await?;
            }
        }
        let all = self.ledger.transfers_in(&of.app, &of.home).await?;
        let of = all.iter().find(|it| it.id == of.id).unwrap_or(of);
        let backs = || all.iter().filter(|it| gives_back(it, of));
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

fn gives_back(back: &Transfer, taken: &Transfer) -> bool {
    back.returns.or(back.reverses) == Some(taken.id)
}

/// Names the transfer that gives back what is left, after so many were refused: what was refused is
/// so for good.
fn release(refused: usize) -> String {
    match refused {
        0 => "release".to_owned(),
        refused => format!("release-{refused}"),
    }
}
