use mp_core::{
    Error,
    id::AppId,
    port::{Settled, SettlementKey},
};

use super::{LedgerSettlement, code_of, declined};
use crate::ledger::{LedgerError, TransferStatus, resolving::Resolution};

impl LedgerSettlement {
    pub(super) async fn settled(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
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
            TransferStatus::Posted => match self.is_back(&found).await? {
                Some(true) => Settled::Declined(declined("released")),
                Some(false) => Settled::Settled,
                None => Settled::Unknown,
            },
            status if status.is_final() => Settled::Declined(declined(code_of(&found))),
            _ => Settled::Unknown,
        })
    }
}
