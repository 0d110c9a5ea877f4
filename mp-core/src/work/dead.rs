use super::Worker;
use crate::{
    engine::Engine,
    error::{Error, ErrorKind},
    store::{Delivery, Outcome},
};

/// How many dead deliveries are driven again in one call of the store.
const PAGE: u32 = 1_000;

/// What lies dead of all kinds of work, and what an operator does about it, in any process.
///
/// It is the operator's: it takes no [`Caller`](crate::Caller) and sees what all apps of the store have. Whoever
/// serves an app's own staff takes the listings of the capabilities instead.
///
/// None of it is dropped: a dead letter may be all that tells of money of which nobody knows what became.
/// Whoever knows says so where it belongs, as the capability's own listings have it, and what is due of it is
/// gone with the next try.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use mp_core::{Engine, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
/// # let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
/// use mp_core::work::DeadLetters;
///
/// let dead = DeadLetters::of(&engine);
/// let mut page = dead.list(None, 100).await?;
/// while let Some(last) = page.last() {
///     for letter in &page {
///         println!("{} {}: {:?}", letter.partition, letter.key, letter.last_error);
///     }
///     page = dead.list(Some(last), 100).await?;
/// }
/// // The provider is back:
/// let driven = dead.redrive_all(Some("pay.operation")).await?;
/// # assert_eq!(driven, 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DeadLetters {
    engine: Engine,
}

impl DeadLetters {
    /// Looks at the store of an engine.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
        }
    }

    /// Lists dead deliveries of all apps by partition and key, after the given one: at most `limit`, and
    /// [`due_max`](crate::store::Limits::due_max) of the store in any case.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn list(&self, after: Option<&Delivery>, limit: u32) -> Result<Vec<Delivery>, Error> {
        let after = after.map(|delivery| (&delivery.partition, &delivery.key));
        let store = self.engine.store();
        let limit = limit.min(store.limits().due_max);
        Ok(store.dead(after, limit).await?)
    }

    /// Makes a dead delivery due again, with its attempts counted anew, whichever app's it is.
    ///
    /// # Errors
    ///
    /// `not_dead` if it is not dead any more; the store's errors.
    pub async fn redrive(&self, delivery: &Delivery) -> Result<(), Error> {
        if self.redrive_page(std::slice::from_ref(delivery)).await? == 1 {
            return Ok(());
        }
        let message = "the delivery is not dead any more";
        Err(Error::new(ErrorKind::Refused, "not_dead", message))
    }

    /// Makes all dead deliveries of a kind, or of all kinds, of all apps due again, and returns how many; those
    /// that die anew meanwhile may be among them.
    ///
    /// # Errors
    ///
    /// The store's errors; what was driven until then stays so, and the call may be repeated.
    pub async fn redrive_all(&self, kind: Option<&str>) -> Result<u64, Error> {
        let limit = PAGE.min(self.engine.store().limits().due_max).max(1);
        let (mut driven, mut after) = (0, None);
        loop {
            let mut page = self.list(after.as_ref(), limit).await?;
            let Some(last) = page.last().cloned() else {
                return Ok(driven);
            };
            page.retain(|each| kind.is_none() || each.key.delivery_kind() == kind);
            driven += self.redrive_page(&page).await?;
            after = Some(last);
        }
    }

    async fn redrive_page(&self, page: &[Delivery]) -> Result<u64, Error> {
        let at = self.engine.now();
        let settles = page
            .iter()
            .map(|delivery| delivery.settle(Outcome::Redrive { at }));
        let settled = self.engine.store().settle(settles.collect()).await?;
        Ok(settled.into_iter().filter(|held| *held).count() as u64)
    }
}

impl Worker {
    /// Lists dead deliveries of all apps, at most `limit`: the first page of [`DeadLetters`].
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn dead(&self, limit: u32) -> Result<Vec<Delivery>, Error> {
        DeadLetters::of(&self.engine).list(None, limit).await
    }
}
