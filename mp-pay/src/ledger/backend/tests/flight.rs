//! Calls that are on their way while something else happens.

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    Error,
    amount::Currency,
    conformance::{Call, HookedStore, Phase},
    id::{AppId, UserId},
    store::{Partition, Store, StoreErrorKind},
};
use tokio::sync::Semaphore;

use super::scene::{Scene, account, app, charged, key};
use crate::{
    backend::{BackendErrorKind, Lookup, LookupRequest, Outcome, PaymentBackend},
    ledger::{AccountId, LedgerBackend, SettlementAccounts},
    operation::Step,
};

/// A gate that calls wait at.
#[derive(Clone, Debug)]
struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        let (arrived, open) = (closed(), closed());
        Self { arrived, open }
    }

    /// Returns a store on which commits to such partitions wait.
    fn before(
        &self,
        store: Arc<dyn Store>,
        waits: fn(Option<&Partition>) -> bool,
    ) -> Arc<dyn Store> {
        let gate = self.clone();
        let hook = move |call, phase, partition: Option<&Partition>| {
            let stops = call == Call::Commit && phase == Phase::Before && waits(partition);
            let gate = gate.clone();
            async move {
                if stops {
                    gate.pass().await;
                }
                Ok(())
            }
        };
        Arc::new(HookedStore::new(store, hook))
    }

    async fn pass(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.expect("stays").forget();
    }

    async fn wait_for_somebody(&self) {
        self.arrived.acquire().await.expect("stays").forget();
    }

    fn open(&self) {
        self.open.add_permits(1_000);
    }
}

/// A host that is asked for the payee waits.
#[async_trait]
impl SettlementAccounts for Gate {
    async fn payer(&self, _: &AppId, _: &UserId, _: Currency) -> Result<Option<AccountId>, Error> {
        Ok(None)
    }

    async fn payee(&self, _: &AppId, _: Currency) -> Result<Option<AccountId>, Error> {
        self.pass().await;
        Ok(Some(account("house/till")))
    }
}

/// Returns a store on which nothing but payments' books can be written.
fn without_far_books(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let hook = move |call, phase, partition: Option<&Partition>| {
        let writes = (call, phase) == (Call::Commit, Phase::Before);
        let fails = writes && !is_payment(partition);
        async move {
            match fails {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    };
    Arc::new(HookedStore::new(store, hook))
}

fn is_payment(partition: Option<&Partition>) -> bool {
    partition.is_some_and(|it| it.local_id().starts_with("payment:"))
}

pub(super) async fn a_call_that_was_looked_for_on_its_way_never_acts(scene: Scene) {
    let gate = Gate::new();
    let late = scene.another(gate.before(scene.store.clone(), is_payment));
    never_acts_once_looked_for(scene, gate, late).await;
}

pub(super) async fn a_call_that_was_looked_for_while_its_host_was_asked_never_acts(scene: Scene) {
    let gate = Gate::new();
    let late = scene.naming(Arc::new(gate.clone()));
    never_acts_once_looked_for(scene, gate, late).await;
}

pub(super) async fn a_call_that_was_looked_for_while_it_carried_on_never_acts(scene: Scene) {
    let cut_off = scene.another(without_far_books(scene.store.clone()));
    let begun = cut_off.charge(&scene.request(30, false)).await;
    let begun = begun.expect("is answered");
    assert!(matches!(begun, Outcome::Accepted { .. }), "{begun:?}");

    let gate = Gate::new();
    let late = scene.another(gate.before(scene.store.clone(), |it| !is_payment(it)));
    let call = tokio::spawn(async move { late.void(&key(Step::Void(1, 1)), &charged()).await });
    gate.wait_for_somebody().await;
    assert_eq!(scene.look(Step::Void(1, 1)).await, Lookup::NotFound);
    gate.open();
    let refused = call.await.expect("no panic").expect_err("is too late");
    assert_eq!(refused.kind(), BackendErrorKind::Unavailable, "{refused:?}");
    assert_eq!(scene.balances().await, (100, 70, 0));
    scene.void().await;
    assert_eq!(scene.balances().await, (100, 100, 0));
    scene.audit().await;
}

async fn never_acts_once_looked_for(scene: Scene, gate: Gate, late: LedgerBackend) {
    let request = scene.request(30, true);
    let call = tokio::spawn(async move { late.charge(&request).await });
    gate.wait_for_somebody().await;
    assert_eq!(scene.look(Step::Charge(1)).await, Lookup::NotFound);
    gate.open();
    let refused = call.await.expect("no panic").expect_err("is too late");
    assert_eq!(refused.kind(), BackendErrorKind::Unavailable, "{refused:?}");
    assert_eq!(scene.balances().await, (100, 100, 0));
    assert_eq!(scene.look(Step::Charge(1)).await, Lookup::NotFound);
    // One that begins now is another call.
    scene.charge(30).await;
    assert_eq!(scene.balances().await, (70, 70, 30));
    scene.audit().await;
}

pub(super) async fn a_call_that_is_dropped_is_found_or_never_acts(scene: Scene) {
    let gate = Gate::new();
    let late = scene.another(gate.before(scene.store.clone(), is_payment));
    let request = scene.request(30, true);
    let call = tokio::spawn(async move { late.charge(&request).await });
    gate.wait_for_somebody().await;
    call.abort();
    let told = scene.look(Step::Charge(1)).await;
    gate.open();
    assert_eq!(told, Lookup::NotFound, "nothing was committed");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.look(Step::Charge(1)).await, Lookup::NotFound);
    assert_eq!(scene.balances().await, (100, 100, 0));
}

pub(super) async fn a_call_whose_answer_is_lost_is_never_declined(scene: Scene) {
    // The n-th call on the store is lost, before or after it acted.
    for number in 0..40 {
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let hook = move |call, phase, _: Option<&Partition>| {
            let passed = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let writes = call == Call::Commit && phase == Phase::After;
            async move {
                match passed == number {
                    true if writes => Err(StoreErrorKind::Unknown),
                    true => Err(StoreErrorKind::Unavailable),
                    false => Ok(()),
                }
            }
        };
        let attempt = u32::try_from(number).unwrap_or_default() + 1;
        let mut request = scene.request(2, true);
        request.key = key(Step::Charge(attempt));
        let before = scene.balances().await.0;
        let store = Arc::new(HookedStore::new(scene.store.clone(), hook));
        match scene.another(store).charge(&request).await {
            Ok(outcome) => assert!(!matches!(outcome, Outcome::Declined { .. }), "{outcome:?}"),
            Err(error) if error.kind() == BackendErrorKind::Unavailable => {
                let found = scene
                    .backend
                    .lookup(&LookupRequest::of(app(), request.key))
                    .await;
                assert_eq!(
                    found.expect("looks"),
                    Lookup::NotFound,
                    "it surely did not act"
                );
            }
            Err(error) => assert_eq!(error.kind(), BackendErrorKind::Unknown),
        }
        let settled = scene.backend.charge(&request).await.expect("is answered");
        assert!(matches!(settled, Outcome::Settled { .. }), "{settled:?}");
        assert_eq!(scene.balances().await.0, before - 2, "{number}");
    }
    scene.audit().await;
}
