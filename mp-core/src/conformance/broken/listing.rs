use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::Bug;
use crate::store::{Listing, Partition, StoreError};

/// Leaves out a partition at the edge of each page.
#[derive(Debug, Default)]
pub struct SkipsAtThePageEdge;

#[async_trait]
impl Bug for SkipsAtThePageEdge {
    async fn partitions(
        &self,
        store: &dyn Listing,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        let page = store.partitions(after, limit).await?;
        Ok(page
            .into_iter()
            .skip(usize::from(after.is_some()))
            .collect())
    }
}

/// Counts the partitions that it has listed, and goes on at that number.
#[derive(Debug, Default)]
pub struct ListsByPosition(AtomicUsize);

#[async_trait]
impl Bug for ListsByPosition {
    async fn partitions(
        &self,
        store: &dyn Listing,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        let all = store.partitions(None, store.limits().read_max).await?;
        let position = match after {
            None => 0,
            Some(_) => self.0.load(Ordering::Relaxed),
        };
        let page = all.into_iter().skip(position).take(limit as usize);
        let page: Vec<Partition> = page.collect();
        self.0.store(position + page.len(), Ordering::Relaxed);
        Ok(page)
    }
}

/// Lists slot by slot.
#[derive(Debug, Default)]
pub struct ListsBySlot;

#[async_trait]
impl Bug for ListsBySlot {
    async fn partitions(
        &self,
        store: &dyn Listing,
        after: Option<&Partition>,
        limit: u32,
    ) -> Result<Vec<Partition>, StoreError> {
        let place = |partition: &Partition| (partition.slot(), partition.clone());
        let mut all = store.partitions(None, store.limits().read_max).await?;
        all.sort_by_key(place);
        all.retain(|one| after.is_none_or(|after| place(one) > place(after)));
        all.truncate(limit as usize);
        Ok(all)
    }
}
