//! Calls that are on their way while something else happens.

use std::sync::Arc;

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    store::{Partition, Store, StoreErrorKind},
};
use tokio::sync::Semaphore;

use super::scene::{Scene, app, key};
use crate::{
    backend::{BackendErrorKind, Lookup, LookupRequest, Outcome, PaymentBackend},
    operation::Step,
};

/// A store on which commits to payments' books wait at a gate.
struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
    store: Arc<dyn Store>,
}

impl Gate {
    fn before(store: Arc<dyn Store>) -> Self {
        let (arrived, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (tell, wait) = (arrived.clone(), open.clone());
        let hook = move |call, phase, partition: Option<&Partition>| {
            let stops = call == Call::Commit && phase == Phase::Before && is_payment(partition);
            let (tell, wait) = (tell.clone(), wait.clone());
            async move {
                if stops {
                    tell.add_permits(1);
                    wait.acquire().await.expect("stays").forget();
                }
                Ok(())
            }
        };
        Self {
            arrived,
            open,
            store: Arc::new(HookedStore::new(store, hook)),
        }
    }

    async fn wait_for_somebody(&self) {
        self.arrived.acquire().await.expect("stays").forget();
    }

    fn open(&self) {
        self.open.add_permits(1_000);
    }
}

fn is_payment(partition: Option<&Partition>) -> bool {
    partition.is_some_and(|it| it.local_id().starts_with("payment:"))
}

pub(super) async fn a_call_that_was_looked_for_on_its_way_never_acts(scene: Scene) {
    let gate = Gate::before(scene.store.clone());
    let (late, request) = (scene.another(gate.store.clone()), scene.request(30, true));
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
    let gate = Gate::before(scene.store.clone());
    let (late, request) = (scene.another(gate.store.clone()), scene.request(30, true));
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
