//! The reference store keeps the contract.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    conformance::StoreFactory,
    store::{Listing, MemoryStore, Store},
};

#[derive(Debug)]
struct Memory;

#[async_trait]
impl StoreFactory for Memory {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }

    async fn reopen(&self, _: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        None
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        Some(Arc::new(MemoryStore::new()))
    }
}

mp_core::store_conformance!(Memory);
