//! A desk full of work for tests of workers: raw deliveries of any kind, handlers made of closures,
//! and a clock that follows the runtime's time.
#![allow(dead_code)] // each test program uses some of it

use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use mp_core::{
    Clock, Engine, Timestamp,
    entropy::SeededEntropy,
    store::{Batch, CommitId, Delivery, Key, MemoryStore, Partition, Query, Store, Write},
    work::{Done, Handler, HandlerError},
};
use tokio::time::Instant;

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A clock that passes as the runtime's time does, which a test may pause, and is off.
#[derive(Debug)]
pub(crate) struct RuntimeClock {
    since: Instant,
    start: Timestamp,
}

impl RuntimeClock {
    pub(crate) fn exact() -> Self {
        Self::starting_at(START)
    }

    pub(crate) fn ahead(span: Duration) -> Self {
        Self::starting_at(START.plus(span))
    }

    pub(crate) fn behind(span: Duration) -> Self {
        Self::starting_at(START.minus(span))
    }

    fn starting_at(start: Timestamp) -> Self {
        let since = Instant::now();
        Self { since, start }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.since.elapsed())
    }
}

pub(crate) fn engine(store: &Arc<dyn Store>, clock: RuntimeClock) -> Engine {
    let entropy = Arc::new(SeededEntropy::new(1));
    Engine::new(store.clone(), Arc::new(clock), entropy)
}

pub(crate) fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// Puts so much work of a kind on the desk, due since long ago.
pub(crate) async fn put(store: &Arc<dyn Store>, kind: &str, count: usize) {
    let partition = Partition::parse(&format!("test/desk/{kind}")).expect("a valid id");
    let view = store.read(&partition, &Query::default()).await;
    let deliver = |number| {
        Write::deliver(
            Key::new(&format!("~o/{kind}/{number:06}")).expect("a valid key"),
            Bytes::from_static(b"{}"),
            START.minus(Duration::from_secs(60)),
        )
    };
    let root = Write::put(Key::root(), Bytes::from_static(b"{}"));
    let batch = Batch {
        expect: view.expect("reads").head,
        commit_id: CommitId::random(),
        at: START,
        writes: (0..count).map(deliver).chain([root]).collect(),
    };
    store.commit(&partition, batch).await.expect("commits");
}

/// Makes a handler of an async function.
pub(crate) fn on<F, R>(kind: &'static str, function: F) -> Arc<dyn Handler>
where
    F: Fn(Delivery) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Done, HandlerError>> + Send + 'static,
{
    Arc::new(On { kind, function })
}

struct On<F> {
    kind: &'static str,
    function: F,
}

impl<F> fmt::Debug for On<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "On({})", self.kind)
    }
}

#[async_trait]
impl<F, R> Handler for On<F>
where
    F: Fn(Delivery) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Done, HandlerError>> + Send + 'static,
{
    fn kind(&self) -> &str {
        self.kind
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Done, HandlerError> {
        (self.function)(delivery.clone()).await
    }
}
