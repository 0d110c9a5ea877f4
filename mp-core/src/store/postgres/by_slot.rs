//! Due work and listings where each slot may be on a server of its own: one slot in each statement.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

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
pub(super) async fn lease(
    connections: &Connections,
    quiet: &Quiet,
    query: &DueQuery,
) -> Result<Vec<Delivery>, StoreError> {
    let counts = longest_due(connections, quiet, query).await?;
    let leased: Vec<Vec<Delivery>> = stream::iter(counts)
        .map(|(slot, count)| delivery::lease_in(connections, slot, query, count))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut leased: Vec<Delivery> = leased.into_iter().flatten().collect();
    delivery::sort(&mut leased);
    Ok(leased)
}

/// Tells how many of the deliveries that are due longest stand in each slot.
async fn longest_due(
    connections: &Connections,
    quiet: &Quiet,
    query: &DueQuery,
) -> Result<BTreeMap<u16, u32>, StoreError> {
    let slots = quiet.begin(query);
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let each = limit.min((LOOKED_AT_MAX / slots.len().max(1)).max(1));
    let due: Vec<Vec<(Timestamp, u16)>> = stream::iter(slots)
        .map(|slot| look(connections, quiet, query, slot, each))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut due: Vec<(Timestamp, u16)> = due.into_iter().flatten().collect();
    due.sort_unstable();
    due.truncate(limit);
    let mut counts = BTreeMap::new();
    for (_, slot) in due {
        *counts.entry(slot).or_default() += 1;
    }
    Ok(counts)
}

/// Looks at what comes up first in a slot, and returns since when which of it has been due.
async fn look(
    connections: &Connections,
    quiet: &Quiet,
    query: &DueQuery,
    slot: u16,
    each: usize,
) -> Result<Vec<(Timestamp, u16)>, StoreError> {
    let times = delivery::first_in(connections, slot, &query.kind, each).await;
    let first = times
        .as_ref()
        .map_or(Some(&query.now), |times| times.first());
    if let Some(first) = first {
        quiet.end_at(&query.kind, slot, *first);
    }
    let due = times?.into_iter().take_while(|time| *time <= query.now);
    Ok(due.map(|time| (time, slot)).collect())
}

/// Settles deliveries and says for each whether its fence held.
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
    let mut answers = stream::iter(portions)
        .map(|(slot, (places, portion))| async move {
            let held = delivery::settle(connections, Some(slot), &portion).await?;
            Ok::<_, StoreError>(places.into_iter().zip(held))
        })
        .buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.try_next().await? {
        for (place, one) in answer {
            held[place] = one;
        }
    }
    quiet.end(slots);
    Ok(held)
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
