use std::sync::Arc;

use mp_core::{
    Command, Decision, Document, Edits, Error, Family, Timestamp,
    id::AppId,
    retention::AGE_MIN,
    work::{self, Done, Handler, HandlerError},
};
use serde::{Deserialize, Serialize};

use super::{BookId, Hold, Ledger, TransferId, records::hold_key};

/// The work of forgetting a hold that made no entries: one that was refused, or let go of before it
/// came. The others go with their entries, when the book is [closed](Ledger::close).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ForgetDue {
    pub(crate) app: AppId,
    pub(crate) book: BookId,
    pub(crate) transfer: TransferId,
}

impl Document for ForgetDue {
    const KIND: &'static str = "ledger.forget";
    const FORMAT: u32 = 1;
}

impl ForgetDue {
    /// Sets the timer, for when nobody asks for the hold any more.
    pub(super) fn schedule(self, now: Timestamp, edits: &mut Edits) {
        edits.schedule(&self.transfer.to_string(), now.plus(AGE_MIN), &self);
    }
}

impl Ledger {
    pub(super) fn forget_handler(&self) -> Arc<dyn Handler> {
        let ledger = self.clone();
        work::on(move |_, due: ForgetDue| {
            let ledger = ledger.clone();
            async move { ledger.forget(due).await.map_err(HandlerError::from) }
        })
    }

    async fn forget(&self, due: ForgetDue) -> Result<Done, Error> {
        let at = hold_key(due.transfer);
        let reads = Command::on(due.book.partition(&due.app)?).key(&at);
        let found = self.engine().read(reads.clone()).await?;
        let Some(hold) = found.get::<Hold>(&at)? else {
            return Ok(Done::Finished);
        };
        if !self.is_over(&due.app, std::slice::from_ref(&hold)).await? {
            return Ok(Done::Again(self.engine().now().plus(AGE_MIN)));
        }
        let forget = move |family: &Family, _: Timestamp| {
            let mut edits = Edits::new();
            if family
                .get::<Hold>(&at)?
                .is_some_and(|found| *found == *hold)
            {
                edits.delete(&at);
            }
            Ok::<Decision<()>, Error>(edits.answer(()))
        };
        self.engine().run(reads, forget).await?;
        Ok(Done::Finished)
    }
}
