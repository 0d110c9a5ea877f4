use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mp_benches::{Load, Throughput};
use mp_core::store::{Batch, CommitId, Partition, Store, Version, Write};
use serde_json::Value;
use tokio::runtime::Runtime;

/// The commits of one life, made over and over with nothing decided: the floor that the store sets.
#[derive(Clone, Debug)]
pub(crate) struct Bare {
    store: Arc<dyn Store>,
    life: Arc<[Batch]>,
    /// What each of them writes, if it is written as JSON each time: the floor that the format sets.
    documents: Option<Arc<[Vec<Value>]>>,
    begun: Arc<AtomicU64>,
}

impl Bare {
    pub(crate) fn on(store: Arc<dyn Store>, life: &Arc<[Batch]>) -> Self {
        Self {
            store,
            life: life.clone(),
            documents: None,
            begun: Arc::default(),
        }
    }

    /// Has every value written as JSON before it is committed.
    pub(crate) fn writing(mut self) -> Self {
        let documents = |batch: &Batch| batch.writes.iter().filter_map(value).map(parsed).collect();
        self.documents = Some(self.life.iter().map(documents).collect());
        self
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
        for (number, batch) in self.life.iter().enumerate() {
            let mut batch = Batch {
                expect: head,
                commit_id: CommitId::random(),
                ..batch.clone()
            };
            if let Some(documents) = &self.documents {
                let mut documents = documents[number].iter();
                for write in &mut batch.writes {
                    if let Write::Put { value, .. } | Write::Deliver { value, .. } = write {
                        let document = documents.next().expect("one for each value");
                        *value = serde_json::to_vec(document).expect("is JSON").into();
                    }
                }
            }
            head = self.store.commit(&partition, batch).await.expect("commits");
        }
    }
}

fn value(write: &Write) -> Option<&[u8]> {
    match write {
        Write::Put { value, .. } | Write::Deliver { value, .. } => Some(value),
        Write::Delete { .. } => None,
    }
}

fn parsed(value: &[u8]) -> Value {
    serde_json::from_slice(value).expect("is JSON")
}
