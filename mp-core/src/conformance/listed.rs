//! 14 and 15. A store that lists shows every partition once, in pages that follow one another.

use std::{collections::BTreeSet, iter, sync::Arc};

use super::{
    StoreFactory, Verdict, Violation,
    scene::{at, batch, partition, put},
    violation::{ensure, ensure_eq, ensure_refused},
};
use crate::store::{Listing, Partition, StoreErrorKind, Version};

/// How many partitions are asked for at a time.
const PAGE: u32 = 10;

/// Each partition is on exactly one page, however unevenly they lie in the slots.
pub async fn each_partition_is_on_one_page(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let Some(store) = factory.open_listing().await else {
        return Ok(Verdict::Skipped);
    };
    let crowded = |one: &Partition| one.slot() == 7;
    let spread = (0..25).map(partition);
    let crowd = (25..).map(partition).filter(crowded).take(25);
    let made: BTreeSet<Partition> = spread.chain(crowd).collect();
    create(&store, &made).await?;
    let listed = list(&store, iter::empty()).await?;
    ensure_eq("how many are listed", listed.len(), made.len())?;
    ensure_eq("which are listed", BTreeSet::from_iter(listed), made)?;
    Ok(Verdict::Kept)
}

/// Partitions that are made between two pages, before and after the place between them, neither hide
/// nor repeat those that were there.
pub async fn a_listing_goes_on_while_partitions_are_made(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let Some(store) = factory.open_listing().await else {
        return Ok(Verdict::Skipped);
    };
    let made: BTreeSet<Partition> = (100..150).map(partition).collect();
    create(&store, &made).await?;
    let newcomers = (0..5).map(|n| BTreeSet::from([partition(n), partition(900 + n)]));
    let mut listed = list(&store, newcomers).await?;
    listed.retain(|one| made.contains(one));
    ensure_eq("how many are listed", listed.len(), made.len())?;
    ensure_eq("which are listed", BTreeSet::from_iter(listed), made)?;
    Ok(Verdict::Kept)
}

/// The pages are in the order of the partitions' ids, and none is larger than was asked for.
pub async fn pages_come_in_the_order_of_ids(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let Some(store) = factory.open_listing().await else {
        return Ok(Verdict::Skipped);
    };
    create(&store, &(0..25).map(partition).collect()).await?;
    let listed = list(&store, iter::empty()).await?;
    ensure(
        listed.is_sorted(),
        "partitions are listed in another order than that of their ids",
    )?;
    Ok(Verdict::Kept)
}

/// A page over the limit is refused.
pub async fn a_page_too_large_is_invalid(factory: &dyn StoreFactory) -> Result<Verdict, Violation> {
    let Some(store) = factory.open_listing().await else {
        return Ok(Verdict::Skipped);
    };
    let limit = store.limits().read_max;
    store.partitions(None, limit).await?;
    let answer = store.partitions(None, limit + 1).await;
    ensure_refused("a page", answer, StoreErrorKind::Invalid)?;
    Ok(Verdict::Kept)
}

async fn create(store: &Arc<dyn Listing>, made: &BTreeSet<Partition>) -> Result<(), Violation> {
    for partition in made {
        let batch = batch(
            Version::ABSENT,
            at(0),
            vec![put("", "listed"), put("a", "")],
        );
        store.commit(partition, batch).await?;
    }
    Ok(())
}

/// Asks for page after page until one is empty, and makes some of the newcomers after each.
async fn list(
    store: &Arc<dyn Listing>,
    mut newcomers: impl Iterator<Item = BTreeSet<Partition>>,
) -> Result<Vec<Partition>, Violation> {
    /// More than any clause makes, for a store that never comes to an end.
    const PAGES_MAX: u32 = 100;
    let mut listed: Vec<Partition> = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = store.partitions(listed.last(), PAGE).await?;
        ensure(
            page.len() <= PAGE as usize,
            "a page has more partitions than were asked for",
        )?;
        if page.is_empty() {
            return Ok(listed);
        }
        listed.extend(page);
        create(store, &newcomers.next().unwrap_or_default()).await?;
    }
    Err(Violation::new("the listing does not come to an end"))
}
