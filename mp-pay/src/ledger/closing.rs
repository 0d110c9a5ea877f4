use std::{sync::Arc, time::Duration};

use mp_core::{
    Caller, Command, Error, Family, Timestamp,
    id::AppId,
    retention::{AGE_MIN, Archive, Archived},
    store::{Key, Query, Selection},
};

use super::{
    BookId, Hold, LEDGER_MANAGE, Ledger, LedgerError,
    closed::CLOSING,
    records::{STRETCH, book_in, command, is_retired, stretch_prefix, transfer_in, transfer_key},
    stretch::Stretch,
};

impl Ledger {
    /// Moves the oldest stretch of a book's journal, 100 entries, to an archive, with the transfers
    /// that it is about, and returns how many entries that were; none if not all of them are as old
    /// as `age` and done with, those that stand in other books in their homes too, and what reverses
    /// them final. Call it again until it returns none.
    ///
    /// The balances stay, the chain goes on from the last hash, and what was moved out is verified
    /// before. A transfer's id is remembered as long as its entries are there, so `age` counts as at
    /// least [`AGE_MIN`]. One over several books that is asked for again after its home was closed
    /// is refused as `transfer_id_taken` by those that were not.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger, `not_found`; `corrupt_record` if the stretch
    /// does not verify; the archive's and the store's errors. Nothing is moved out then.
    pub async fn close(
        &self,
        caller: &Caller,
        book: &BookId,
        age: Duration,
        archive: &dyn Archive,
    ) -> Result<u64, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        let app = caller.app_id();
        let first = self.engine().read(command(app, book)?).await?;
        let head = book_in(&first)?.ok_or_else(|| Error::not_found("book"))?;
        let end = ((head.closed + 1) / STRETCH + 1) * STRETCH - 1;
        if end > head.entries {
            return Ok(0);
        }
        let entries = self.stretch(app, book, end).await?;
        let stretch = Stretch::look(&entries, head.closed + 1, end)?;
        let found = stretch.select(command(app, book)?);
        let stretch = stretch.with_followers(&self.engine().read(found).await?)?;
        let reads = command(app, book)?.key(CLOSING);
        let reads = stretch.select(reads.prefix(&stretch_prefix(end)));
        let family = self.engine().read(reads.clone()).await?;
        let by = self.engine().now().minus(age.max(AGE_MIN));
        let holds = stretch.holds(&family)?;
        if !stretch.is_done_with(&family, by)? || !self.is_over(app, &holds).await? {
            return Ok(0);
        }
        stretch.closing(&family, "")?;
        let place = self.keep(app, book, &stretch, archive).await?;
        let decide = move |family: &Family, _: Timestamp| stretch.decide(family, by, &place);
        Ok(self.engine().run(reads, decide).await?.answer)
    }

    /// Returns whether nothing more will be asked of these holds, as their homes say: what is
    /// posted here while its home does not know it yet would be let go of there.
    pub(super) async fn is_over(&self, app: &AppId, holds: &[Arc<Hold>]) -> Result<bool, Error> {
        for hold in holds {
            let home = Command::on(hold.home.partition(app)?);
            let reads = home.key(&transfer_key(hold.transfer));
            let transfer = match self.engine().read(reads).await {
                Ok(family) => transfer_in(&family, hold.transfer)?,
                Err(error) if is_retired(&error) => None,
                Err(error) => return Err(error),
            };
            if !hold.is_over(transfer.as_ref()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn keep(
        &self,
        app: &AppId,
        book: &BookId,
        stretch: &Stretch,
        archive: &dyn Archive,
    ) -> Result<String, LedgerError> {
        let partition = book.partition(app)?;
        let mut select = vec![Selection::Prefix(Key::new(&stretch_prefix(stretch.end()))?)];
        for key in stretch.keys() {
            select.push(Selection::Key(Key::new(&key)?));
        }
        let store = self.engine().store();
        let limit = store.limits().read_max;
        let view = store.read(&partition, &Query { select, limit }).await;
        let view = view.map_err(Error::from)?;
        let archived = Archived {
            partition,
            head: view.head,
            at: view.at,
            records: view.records,
        };
        let now = self.engine().now();
        Ok(archive.keep(vec![archived], now).await?)
    }
}
