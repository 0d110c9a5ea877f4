use std::sync::Arc;

use async_trait::async_trait;

use super::{Fact, SettlementListener};
use crate::error::Error;

/// Tells several listeners every fact: where several capabilities share one settlement.
///
/// Each of them passes over what is not its own. One that fails keeps no other from hearing; the fact
/// is then told to all of them again.
///
/// ```
/// # use std::sync::Arc;
/// # use mp_core::port::{Listeners, SettlementListener};
/// # fn join(orders: Arc<dyn SettlementListener>, groups: Arc<dyn SettlementListener>) {
/// let listener: Arc<dyn SettlementListener> =
///     Arc::new(Listeners::default().with(orders).with(groups));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Listeners(Vec<Arc<dyn SettlementListener>>);

impl Listeners {
    /// Adds a listener.
    #[must_use]
    pub fn with(mut self, listener: Arc<dyn SettlementListener>) -> Self {
        self.0.push(listener);
        self
    }
}

#[async_trait]
impl SettlementListener for Listeners {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        let mut learnt = Ok(());
        for listener in &self.0 {
            learnt = learnt.and(listener.learnt(fact).await);
        }
        learnt
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{error::ErrorKind, port::SettlementStatus};

    /// Counts what it hears; and fails the first time if it is to.
    #[derive(Debug, Default)]
    struct Ear {
        heard: AtomicU32,
        fails: bool,
    }

    #[async_trait]
    impl SettlementListener for Ear {
        async fn learnt(&self, _: &Fact) -> Result<(), Error> {
            match self.heard.fetch_add(1, Ordering::SeqCst) {
                0 if self.fails => Err(Error::new(ErrorKind::Unavailable, "deaf", "say it again")),
                _ => Ok(()),
            }
        }
    }

    #[tokio::test]
    async fn a_listener_that_fails_keeps_no_other_from_hearing_and_is_told_again() {
        let sound = Arc::new(Ear::default());
        let deaf = Arc::new(Ear {
            fails: true,
            ..Ear::default()
        });
        let both = Listeners::default().with(deaf.clone()).with(sound.clone());
        let fact = Fact {
            app: "market".parse().expect("an app"),
            key: "order-17".parse().expect("a key"),
            status: SettlementStatus::Secured,
        };
        let failed = both.learnt(&fact).await.expect_err("one has failed");
        assert_eq!(failed.code(), "deaf");
        assert_eq!(sound.heard.load(Ordering::SeqCst), 1);
        both.learnt(&fact).await.expect("all have heard");
        assert_eq!(deaf.heard.load(Ordering::SeqCst), 2);
    }
}
