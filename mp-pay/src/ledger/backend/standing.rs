use mp_core::{Error, id::AppId};

use super::{
    LedgerBackend,
    order::{Order, book_of},
};
use crate::{
    ledger::{
        Ledger, Transfer, TransferStatus,
        ledger::shown,
        records::{transfer_in, transfer_key},
    },
    operation::{OperationKey, Step},
};

/// Where an operation stands: what was decided about it, and what has become of that.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) key: OperationKey,
    pub(super) order: Order,
    /// How often it had been looked for when it was first read.
    pub(super) lookups_seen: u32,
    /// The transfer of the charge that it is about.
    pub(super) charge: Option<Transfer>,
    /// Its own transfer; a charge and a refund have one.
    pub(super) own: Option<Transfer>,
}

impl Standing {
    pub(super) async fn read(
        ledger: &Ledger,
        app: &AppId,
        key: OperationKey,
        charge: OperationKey,
    ) -> Result<Self, Error> {
        let (_, of_charge) = LedgerBackend::transfer_of(app, &charge);
        let (_, own) = LedgerBackend::transfer_of(app, &key);
        let reads = book_of(app, [&key, &charge])?
            .key(&transfer_key(of_charge))
            .key(&transfer_key(own));
        let family = ledger.engine().read(reads).await?;
        let now = ledger.engine().now().max(family.at());
        let found = |id| Ok::<_, Error>(transfer_in(&family, id)?.map(|it| shown(it, now)));
        let order = Order::under(&key, &family)?;
        Ok(Self {
            key,
            lookups_seen: order.lookups,
            order,
            charge: found(of_charge)?,
            own: found(own)?,
        })
    }

    /// Returns the transfer that tells what has become of the operation.
    pub(super) const fn transfer(&self) -> Option<&Transfer> {
        match self.key.step {
            Step::Refund(_) | Step::Return(..) => self.own.as_ref(),
            _ => self.charge.as_ref(),
        }
    }

    /// Returns the transfers that other books are being asked about.
    pub(super) fn on_its_way(&self) -> Vec<&Transfer> {
        let moves =
            |it: &&Transfer| matches!(it.status, TransferStatus::Moving | TransferStatus::Posting);
        let own = self
            .own
            .as_ref()
            .filter(|own| Some(&own.id) != self.charge.as_ref().map(|it| &it.id));
        self.charge.iter().chain(own).filter(moves).collect()
    }
}
