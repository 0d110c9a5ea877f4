use std::sync::Arc;

use super::{
    Family,
    arrivals::Arrivals,
    job::Job,
    mailbox::{Accepted, Mailboxes},
    runner::Runner,
};
use crate::{
    clock::{Clock, Timestamp},
    entropy::Entropy,
    error::{Error, ErrorKind},
    store::{Partition, Query, Selection, Store, View},
};

/// The one way to a partition: its mailbox, and what reads it.
pub(super) struct Combiner {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) mailboxes: Mailboxes,
    pub(super) arrivals: Arrivals,
}

impl Combiner {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            mailboxes: Mailboxes::new(),
            arrivals: Arrivals::default(),
        }
    }

    /// Takes a job; the runner is a task of its own, so the caller may stop waiting.
    pub(super) fn accept(
        self: &Arc<Self>,
        partition: &Partition,
        job: Box<dyn Job>,
    ) -> Result<(), Error> {
        let address = self.mailboxes.address(partition);
        if let Accepted::Start { kept, arrival } = self.mailboxes.accept(&address, job)? {
            let runner = Runner::new(self.clone(), address, kept, arrival);
            // A task moves its future ten times from first to last, and this one is large.
            tokio::spawn(Box::pin(runner.run()));
        }
        Ok(())
    }

    /// Reads what `reads` selects, of one head, with the time of the decision.
    pub(super) async fn load(
        &self,
        partition: &Partition,
        reads: impl Fn(Timestamp, &mut Vec<Selection>) -> Result<(), Error>,
    ) -> Result<(Family, Timestamp), Error> {
        let mut wanted = Vec::new();
        reads(self.clock.now(), &mut wanted)?;
        loop {
            let family = self.read(partition, &wanted).await?;
            let now = self.clock.now().max(family.at());
            wanted.clear();
            // What a decision reads depends on its time, and that is never before the head it reads.
            reads(now, &mut wanted)?;
            if family.missing(&wanted).is_empty() {
                return Ok((family, now));
            }
        }
    }

    pub(super) async fn read(
        &self,
        partition: &Partition,
        wanted: &[Selection],
    ) -> Result<Family, Error> {
        let view = self.view(partition, wanted).await?;
        Ok(Family::new(partition.clone(), view, wanted))
    }

    pub(super) async fn view(
        &self,
        partition: &Partition,
        wanted: &[Selection],
    ) -> Result<View, Error> {
        let limit = self.store.limits().read_max;
        let view = self
            .store
            .read(
                partition,
                &Query {
                    select: wanted.to_vec(),
                    limit,
                },
            )
            .await?;
        if view.more {
            let message = format!("{partition} holds more than {limit} records");
            return Err(Error::new(ErrorKind::Refused, "partition_full", message));
        }
        Ok(view)
    }
}
