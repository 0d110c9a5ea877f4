use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mp_benches::{Load, Throughput};
use mp_core::store::{Batch, CommitId, Partition, Store, Version};
use tokio::runtime::Runtime;

/// The commits of one life, made over and over with nothing decided: the floor that the store sets.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    store: Arc<dyn Store>,
    life: Arc<[Batch]>,
    begun: Arc<AtomicU64>,
}

impl Bare {
    pub(crate) fn on(store: Arc<dyn Store>, life: &Arc<[Batch]>) -> Self {
        Self {
            store,
            life: life.clone(),
            begun: Arc::default(),
        }
    }

    pub(crate) fn run(&self, runtime: &Runtime, load: Load) -> Throughput {
        let bare = self.clone();
        load.run(runtime, move |_, _| {
            let bare = bare.clone();
            async move { bare.live().await }
        })
    }

    async fn live(&self) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        // As long as the name of a payment.
        let partition = format!("market/bare/pi_{number:026}");
        let partition = Partition::parse(&partition).expect("a partition");
        let mut head = Version::ABSENT;
        for batch in &*self.life {
            let batch = Batch {
                expect: head,
                commit_id: CommitId::random(),
                ..batch.clone()
            };
            head = self.store.commit(&partition, batch).await.expect("commits");
        }
    }
}
