//! Due work and listings where each slot may be on a server of its own: one slot in each statement.

use std::{collections::BTreeMap, error::Error};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::{connections::Connections, delivery, quiet::Quiet, reader};
use crate::{
    clock::Timestamp,
    store::{Delivery, DueQuery, Key, Partition, Settle, SlotSet, StoreError},
};

/// How many slots one call asks at the same time; fewer than there are connections, so that reads
/// get one meanwhile.
const AT_ONCE: usize = 4;

/// How many deliveries one call looks at, over all slots, to find those that are due longest; at
/// least one in each slot. If more are due in one slot, the rest comes with a later call.
const LOOKED_AT_MAX: usize = 2_048;

/// Leases what is due, the longest due first.
///
/// A slot that is out of reach keeps nobody from the others: it fails only if nothing was leased.
pub(super) async fn lease(
    connections: &Connections,
    quiet: &Quiet,
    query: &DueQuery,
) -> Result<Vec<Delivery>, StoreError> {
    let (counts, unseen) = longest_due(connections, quiet, query).await;
    let leased = stream::iter(counts)
        .map(|(slot, count)| delivery::lease_in(connections, slot, query, count))
        .buffer_unordered(AT_ONCE);
    let (leased, unleased) = gather(leased).await;
    let mut leased: Vec<Delivery> = leased.into_iter().flatten().collect();
    delivery::sort(&mut leased);
    match unseen.or(unleased) {
        Some(error) if leased.is_empty() => Err(error),
        Some(error) => {
            tracing::warn!(%error, source = error.source(), "slots are out of reach");
            Ok(leased)
        }
        None => Ok(leased),
    }
}

/// Waits for all answers, and returns those that are good and the first error.
async fn gather<A>(
    answers: impl Stream<Item = Result<A, StoreError>>,
) -> (Vec<A>, Option<StoreError>) {
    let answers: Vec<Result<A, StoreError>> = answers.collect().await;
    let (mut good, mut first) = (Vec::new(), None);
    for answer in answers {
        match answer {
            Ok(answer) => good.push(answer),
            Err(error) => first = first.or(Some(error)),
        }
    }
    (good, first)
}

/// Tells how many of the deliveries that are due longest stand in each slot, and why a slot does not
/// answer, if one does not.
async fn longest_due(
    connections: &Connections,
    quiet: &Quiet,
    query: &DueQuery,
) -> (BTreeMap<u16, u32>, Option<StoreError>) {
    let slots = quiet.begin(query);
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let each = limit.min((LOOKED_AT_MAX / slots.len().max(1)).max(1));
    let due = stream::iter(slots)
        .map(|slot| look(connections, quiet, query, slot, each))
        .buffer_unordered(AT_ONCE);
    let (due, unseen) = gather(due).await;
    let mut due: Vec<(Timestamp, u16)> = due.into_iter().flatten().collect();
    due.sort_unstable();
    due.truncate(limit);
    let mut counts = BTreeMap::new();
    for (_, slot) in due {
        *counts.entry(slot).or_default() += 1;
    }
    (counts, unseen)
}

/// Looks at what comes up first in a slot, and returns since when which of it has been due.
///
/// A slot that does not answer is left alone for as long as one that has nothing: to ask again at
/// once would take up everybody's time.
async fn look(
    connections: &Connections,
    quiet: &Quiet,
    query: &DueQuery,
    slot: u16,
    each: usize,
) -> Result<Vec<(Timestamp, u16)>, StoreError> {
    let times = delivery::first_in(connections, slot, &query.kind, each).await?;
    if let Some(first) = times.first() {
        quiet.end_at(&query.kind, slot, *first);
    }
    let due = times.into_iter().take_while(|time| *time <= query.now);
    Ok(due.map(|time| (time, slot)).collect())
}

/// Settles deliveries and says for each whether its fence held; whatever is within reach is settled
/// also if it fails.
pub(super) async fn settle(
    connections: &Connections,
    quiet: &Quiet,
    settles: Vec<Settle>,
) -> Result<Vec<bool>, StoreError> {
    let mut held = vec![false; settles.len()];
    let mut portions: BTreeMap<u16, (Vec<usize>, Vec<Settle>)> = BTreeMap::new();
    for (place, settle) in settles.into_iter().enumerate() {
        let (places, portion) = portions.entry(settle.partition.slot()).or_default();
        places.push(place);
        portion.push(settle);
    }
    let slots = portions.keys().copied().fold(SlotSet::NONE, SlotSet::with);
    let answers = stream::iter(portions)
        .map(|(slot, (places, portion))| async move {
            let held = delivery::settle(connections, Some(slot), &portion).await?;
            Ok::<_, StoreError>(places.into_iter().zip(held))
        })
        .buffer_unordered(AT_ONCE);
    let (answers, unsettled) = gather(answers).await;
    quiet.end(slots);
    for (place, one) in answers.into_iter().flatten() {
        held[place] = one;
    }
    unsettled.map_or(Ok(held), Err)
}

/// Lists what lies dead.
pub(super) async fn dead(
    connections: &Connections,
    after: Option<(&Partition, &Key)>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let dead: Vec<Vec<Delivery>> = stream::iter(SlotSet::ALL.iter())
        .map(|slot| delivery::dead_in(connections, slot, after, limit))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut dead: Vec<Delivery> = dead.into_iter().flatten().collect();
    dead.sort_unstable_by(|a, b| (a.partition.id(), &a.key).cmp(&(b.partition.id(), &b.key)));
    dead.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(dead)
}

/// Returns the first of the partitions that begin each slot, and for each whether its slot was cut
/// off behind it.
pub(super) async fn partitions(
    connections: &Connections,
    after: &str,
    share: usize,
    limit: usize,
) -> Result<Vec<(Partition, bool)>, StoreError> {
    let partitions: Vec<Vec<(Partition, bool)>> = stream::iter(SlotSet::ALL.iter())
        .map(|slot| reader::partitions_in(connections, slot, after, share))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut partitions: Vec<(Partition, bool)> = partitions.into_iter().flatten().collect();
    partitions.sort_unstable_by(|(a, _), (b, _)| a.id().cmp(b.id()));
    partitions.truncate(limit);
    Ok(partitions)
}
