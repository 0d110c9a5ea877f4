use std::{future::poll_fn, sync::Arc, task::Poll};

use async_trait::async_trait;

use super::{Fact, SettlementListener};
use crate::{error::Error, work::HandlerError};

/// Tells several listeners every fact: where several capabilities share one settlement.
///
/// Each of them passes over what is not its own. All are told at once: one that fails, or hangs, keeps no
/// other from hearing. The fact is then told to all of them again, unless no error is left that may
/// pass.
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
        let told = self.0.iter().map(|listener| listener.learnt(fact));
        let mut telling: Vec<_> = told.collect();
        let mut errors = Vec::new();
        poll_fn(|context| {
            telling.retain_mut(|telling| match telling.as_mut().poll(context) {
                Poll::Ready(told) => {
                    errors.extend(told.err());
                    false
                }
                Poll::Pending => true,
            });
            match telling.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        weightiest(errors).map_or(Ok(()), Err)
    }
}

/// Returns an error after which the fact is told again, if there is one: by any other it is lost for
/// whoever has not heard it.
fn weightiest(errors: Vec<Error>) -> Option<Error> {
    let may_pass =
        |error: &Error| matches!(HandlerError::from(error.clone()), HandlerError::Retry(_));
    let place = errors.iter().position(may_pass).unwrap_or_default();
    errors.into_iter().nth(place)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{error::ErrorKind, port::SettlementStatus};

    /// Counts what it hears; and fails the first time if it is to, or hangs.
    #[derive(Debug, Default)]
    struct Ear {
        heard: AtomicU32,
        fails: Option<ErrorKind>,
        hangs: bool,
    }

    #[async_trait]
    impl SettlementListener for Ear {
        async fn learnt(&self, _: &Fact) -> Result<(), Error> {
            let before = self.heard.fetch_add(1, Ordering::SeqCst);
            if self.hangs {
                std::future::pending::<()>().await;
            }
            match self.fails {
                Some(kind) if before == 0 => Err(Error::new(kind, "deaf", "say it again")),
                _ => Ok(()),
            }
        }
    }

    fn fact() -> Fact {
        Fact {
            app: "market".parse().expect("an app"),
            key: "order-17".parse().expect("a key"),
            status: SettlementStatus::Secured,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_hangs_keeps_no_other_from_hearing() {
        let sound = Arc::new(Ear::default());
        let hangs = Arc::new(Ear {
            hangs: true,
            ..Ear::default()
        });
        let both = Listeners::default().with(hangs).with(sound.clone());
        let soon = std::time::Duration::from_secs(1);
        let told = tokio::time::timeout(soon, both.learnt(&fact())).await;
        told.expect_err("one of them hangs");
        assert_eq!(sound.heard.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_error_that_may_pass_counts_before_one_that_does_not() {
        let deaf = |kind| {
            Arc::new(Ear {
                fails: Some(kind),
                ..Ear::default()
            })
        };
        let (gives_up, tries_again) = (ErrorKind::Unsupported, ErrorKind::Unavailable);
        for kinds in [[gives_up, tries_again], [tries_again, gives_up]] {
            let [one, other] = kinds.map(deaf);
            let both = Listeners::default().with(one).with(other);
            let failed = both.learnt(&fact()).await.expect_err("both have failed");
            assert_eq!(failed.kind(), tries_again, "{kinds:?}");
        }
    }

    #[tokio::test]
    async fn a_listener_that_fails_keeps_no_other_from_hearing_and_is_told_again() {
        let sound = Arc::new(Ear::default());
        let deaf = Arc::new(Ear {
            fails: Some(ErrorKind::Unavailable),
            ..Ear::default()
        });
        let both = Listeners::default().with(deaf.clone()).with(sound.clone());
        let fact = fact();
        let failed = both.learnt(&fact).await.expect_err("one has failed");
        assert_eq!(failed.code(), "deaf");
        assert_eq!(sound.heard.load(Ordering::SeqCst), 1);
        both.learnt(&fact).await.expect("all have heard");
        assert_eq!(deaf.heard.load(Ordering::SeqCst), 2);
    }
}
