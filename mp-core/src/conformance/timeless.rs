//! 13. The engine's own clock is never used.

use super::{
    StoreFactory, Violation,
    scene::{LEASE, batch, deliver, due, due_one, partition, put, read},
    violation::{ensure, ensure_eq},
};
use crate::{clock::Timestamp, store::Version};

/// Far in the past and far in the future everything goes by the caller's time.
pub async fn every_time_is_the_callers(factory: &dyn StoreFactory) -> Result<(), Violation> {
    for now in ["1971-01-01T00:00:00Z", "9000-01-01T00:00:00Z"] {
        let now: Timestamp = now
            .parse()
            .map_err(|_| Violation::new("a moment is not read"))?;
        by_this_time(factory, now).await?;
    }
    Ok(())
}

async fn by_this_time(factory: &dyn StoreFactory, now: Timestamp) -> Result<(), Violation> {
    let store = factory.open().await;
    let later = now.plus(LEASE);
    let writes = vec![
        put("", "created"),
        deliver("~o/mail/1", now),
        deliver("~o/mail/2", later),
    ];
    let head = store
        .commit(&partition(1), batch(Version::ABSENT, now, writes))
        .await?;
    ensure_eq("the head", head, Version::ABSENT.next(now))?;
    ensure_eq("the head's time", read(&store, 1).await?.at, now)?;
    ensure_eq("the lease", due_one(&store, now).await?.lease, Some(later))?;
    ensure(due(&store, now).await?.is_empty(), "due before its time")?;
    ensure_eq("due when both are", due(&store, later).await?.len(), 2)
}
