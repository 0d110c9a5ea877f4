//! Holds a store of one's own to every clause of the store contract, and shows how the mistake of
//! a helpful colleague is caught by name.
//!
//! ```sh
//! cargo run --example custom_store
//! cargo test --example custom_store
//! ```

#[path = "custom_store/family.rs"]
mod family;
#[path = "custom_store/folder.rs"]
mod folder;

use std::{
    error::Error,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use mp_core::{
    conformance::{
        CLAUSES, Clause, StoreFactory, Verdict,
        broken::{Broken, Bug},
    },
    store::{Batch, Partition, Query, Store, StoreError, StoreErrorKind, Version},
};
use tempfile::TempDir;

use self::folder::FolderStore;

// The contract as tests of this program, one for each clause. This line, and a factory such as
// `Folders` below, are all that a store needs.
mp_core::store_conformance!(Folders::new(as_it_is));

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("A store that keeps each partition in a JSON file of its own:\n");
    let folders = Folders::new(as_it_is);
    hold_to(CLAUSES.iter(), &folders).await;

    println!("\nWhat a partition looks like:\n");
    let partition = folders.path(1).join("conformance%scene%1");
    println!("{}", fs::read_to_string(partition)?);

    println!("\nThe same store in helpful hands, which try again when they meet a conflict:\n");
    let checked = CLAUSES.iter().filter(|clause| clause.number() == 2);
    hold_to(checked, &Folders::new(in_helpful_hands)).await;
    Ok(())
}

/// Tries clauses, prints how each ended, and counts those that were broken.
async fn hold_to(clauses: impl Iterator<Item = &'static Clause>, factory: &dyn StoreFactory) {
    let (mut tried, mut broken) = (0, 0);
    for clause in clauses {
        tried += 1;
        let told = match clause.check(factory).await {
            Ok(Verdict::Kept) => "kept".to_owned(),
            Ok(_) => "skipped".to_owned(),
            Err(violation) => {
                broken += 1;
                format!("BROKEN: {violation}")
            }
        };
        println!("{:>2}  {:<38}  {told}", clause.number(), clause.name());
    }
    println!("\n{tried} clauses, {broken} broken.");
}

/// Opens stores, each in a folder of its own that goes away in the end.
#[derive(Debug)]
struct Folders {
    folder: TempDir,
    opened: AtomicU32,
    handed_out: fn(FolderStore) -> Arc<dyn Store>,
}

impl Folders {
    fn new(handed_out: fn(FolderStore) -> Arc<dyn Store>) -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            opened: AtomicU32::new(0),
            handed_out,
        }
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    fn open_folder(&self, number: u32) -> Arc<dyn Store> {
        let store = FolderStore::open(&self.path(number));
        (self.handed_out)(store.expect("the folder opens"))
    }
}

#[async_trait]
impl StoreFactory for Folders {
    async fn open(&self) -> Arc<dyn Store> {
        self.open_folder(self.opened.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(self.open_folder(self.opened.load(Ordering::Relaxed)))
    }
}

fn as_it_is(store: FolderStore) -> Arc<dyn Store> {
    Arc::new(store)
}

fn in_helpful_hands(store: FolderStore) -> Arc<dyn Store> {
    Arc::new(Broken::<TriesAgain>::new(Arc::new(store)))
}

/// Spares its callers every conflict: reads the new head and writes over what is there now.
#[derive(Debug, Default)]
struct TriesAgain;

#[async_trait]
impl Bug for TriesAgain {
    async fn commit(
        &self,
        store: &dyn Store,
        partition: &Partition,
        mut batch: Batch,
    ) -> Result<Version, StoreError> {
        loop {
            match store.commit(partition, batch.clone()).await {
                Err(error) if error.kind() == StoreErrorKind::Conflict => {
                    batch.expect = store.read(partition, &Query::default()).await?.head;
                }
                answer => return answer,
            }
        }
    }
}

#[test]
fn a_second_process_is_kept_out() {
    let folders = Folders::new(as_it_is);
    let open = || FolderStore::open(&folders.path(1));
    let first = open().expect("the folder opens");
    let refused = open().expect_err("the folder is taken");
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    drop(first);
    open().expect("the folder is free again");
}
