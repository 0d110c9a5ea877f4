//! The provider: sends everything until it is acknowledged, some of it twice, in no order.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mp_core::Clock;
use mp_pay::{backend::sandbox::SandboxEvent, webhook::stripe::SIGNATURE_HEADER};
use tokio::time::{sleep, timeout};

use super::{clock::FastClock, post::post, sender::secret};

/// How many webhooks are on their way at once.
pub(crate) const SENDERS: usize = 16;

/// How long the provider waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is still to be sent, and to whom.
#[derive(Debug)]
pub(crate) struct Provider {
    clock: FastClock,
    waiting: Mutex<VecDeque<SandboxEvent>>,
    pub(crate) endpoints: Mutex<Vec<SocketAddr>>,
    acknowledged: Mutex<usize>,
    /// How often a try was not answered, or not well.
    refused: Mutex<usize>,
}

impl Provider {
    pub(crate) fn new(clock: FastClock, deliveries: Vec<SandboxEvent>) -> Self {
        Self {
            clock,
            waiting: Mutex::new(deliveries.into()),
            endpoints: Mutex::default(),
            acknowledged: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        *lock(&self.acknowledged)
    }

    pub(crate) fn refused(&self) -> usize {
        *lock(&self.refused)
    }

    /// Sends until nothing waits; what is not acknowledged is sent again, at the end.
    pub(crate) async fn send(self: Arc<Self>, seed: u64) {
        let mut chance = fastrand::Rng::with_seed(seed);
        loop {
            let next = lock(&self.waiting).pop_front();
            let Some(event) = next else { return };
            let endpoint = chance.choice(lock(&self.endpoints).iter().copied());
            let endpoint = endpoint.expect("there are processes");
            if self.deliver(endpoint, &event).await {
                *lock(&self.acknowledged) += 1;
            } else {
                *lock(&self.refused) += 1;
                lock(&self.waiting).push_back(event);
                sleep(Duration::from_millis(chance.u64(5..50))).await;
            }
        }
    }

    async fn deliver(&self, endpoint: SocketAddr, event: &SandboxEvent) -> bool {
        let signature = event.sign(&secret(), self.clock.now());
        let headers = [(SIGNATURE_HEADER, signature.as_str())];
        let posted = post(endpoint, "/market/stripe", &headers, event.body.as_bytes());
        let answer = timeout(PATIENCE, posted).await;
        matches!(answer, Ok(Ok(answer)) if answer.status == 200)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
