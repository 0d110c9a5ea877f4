use std::time::Duration;

use async_trait::async_trait;

use super::Bug;
use crate::store::{Batch, CommitId, Delivery, DueQuery, Query, SlotSet, Store, StoreError};

/// Asks the store another question than it was asked.
macro_rules! asks_another_question {
    ($(#[$doc:meta])* $name:ident, |$query:ident| $ask:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name;

        #[async_trait]
        impl Bug for $name {
            async fn due(
                &self,
                store: &dyn Store,
                query: &DueQuery,
            ) -> Result<Vec<Delivery>, StoreError> {
                let $query = query.clone();
                store.due(&$ask).await
            }
        }
    };
}

/// Leases as the store does, then spoils the answer.
macro_rules! spoils_the_answer {
    ($(#[$doc:meta])* $name:ident, |$leased:ident| $spoil:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name;

        #[async_trait]
        impl Bug for $name {
            async fn due(
                &self,
                store: &dyn Store,
                query: &DueQuery,
            ) -> Result<Vec<Delivery>, StoreError> {
                let mut $leased = store.due(query).await?;
                $spoil;
                Ok($leased)
            }
        }
    };
}

spoils_the_answer! {
    /// Answers the shortest due first.
    LeasesShortestDueFirst, |leased| leased.reverse()
}

asks_another_question! {
    /// Leases what is due within the next hour.
    LeasesTooEarly,
    |query| DueQuery { now: query.now.plus(Duration::from_secs(3_600)), ..query }
}

asks_another_question! {
    /// Leases from every slot.
    IgnoresTheSlots, |query| DueQuery { slots: SlotSet::ALL, ..query }
}

asks_another_question! {
    /// Leases one more than asked for.
    LeasesMoreThanAsked,
    |query| DueQuery { limit: query.limit.saturating_add(1), ..query }
}

asks_another_question! {
    /// Leases for ever.
    NeverLeasesAgain, |query| DueQuery { lease: Duration::MAX, ..query }
}

spoils_the_answer! {
    /// Counts every lease as the first.
    ForgetsAttempts, |leased| leased.iter_mut().for_each(|one| one.attempts = 1)
}

spoils_the_answer! {
    /// Does not tell the error of the last attempt.
    ForgetsTheError, |leased| leased.iter_mut().for_each(|one| one.last_error = None)
}

spoils_the_answer! {
    /// Tells the end of the lease as the time since when the delivery was due.
    HidesTheDueTime,
    |leased| leased.iter_mut().for_each(|one| one.due_at = one.lease.unwrap_or(one.due_at))
}

/// Goes from slot to slot until it has enough, and sorts that.
#[derive(Debug, Default)]
pub struct CutsBeforeItSorts;

#[async_trait]
impl Bug for CutsBeforeItSorts {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let (mut leased, mut limit) = (Vec::new(), query.limit);
        for slot in query.slots.iter() {
            let slots = SlotSet::NONE.with(slot);
            let of_slot = DueQuery {
                slots,
                limit,
                ..query.clone()
            };
            let of_slot = store.due(&of_slot).await?;
            limit -= u32::try_from(of_slot.len()).unwrap_or(limit);
            leased.extend(of_slot);
        }
        leased.sort_by_key(|delivery| delivery.due_at);
        Ok(leased)
    }
}

/// Leases work of other kinds as well.
#[derive(Debug, Default)]
pub struct IgnoresTheKind;

#[async_trait]
impl Bug for IgnoresTheKind {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let mut leased = Vec::new();
        for kind in [query.kind.as_str(), "mailing", "expire"] {
            let kind = kind.to_owned();
            leased.extend(
                store
                    .due(&DueQuery {
                        kind,
                        ..query.clone()
                    })
                    .await?,
            );
        }
        Ok(leased)
    }
}

/// Says that it leased, but does not.
#[derive(Debug, Default)]
pub struct LeasesTwice;

#[async_trait]
impl Bug for LeasesTwice {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let lease = Duration::ZERO;
        let mut leased = store
            .due(&DueQuery {
                lease,
                ..query.clone()
            })
            .await?;
        for delivery in &mut leased {
            delivery.lease = Some(query.now.plus(query.lease));
        }
        Ok(leased)
    }
}

/// Moves the head of each partition it leases from.
#[derive(Debug, Default)]
pub struct MovesTheHeadWhenLeasing;

#[async_trait]
impl Bug for MovesTheHeadWhenLeasing {
    async fn due(&self, store: &dyn Store, query: &DueQuery) -> Result<Vec<Delivery>, StoreError> {
        let leased = store.due(query).await?;
        for delivery in &leased {
            let view = store.read(&delivery.partition, &Query::default()).await?;
            let batch = Batch {
                expect: view.head,
                commit_id: CommitId::random(),
                at: query.now,
                writes: Vec::new(),
            };
            store.commit(&delivery.partition, batch).await?;
        }
        Ok(leased)
    }
}
