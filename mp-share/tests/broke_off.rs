//! The store is lost after something was decided: nobody is told that nothing happened.

mod world;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mp_core::{
    Error, ErrorKind,
    conformance::{Call, HookedStore, Phase},
    store::{Partition, StoreErrorKind},
};
use mp_share::{
    GroupError, GroupView,
    group::{GroupId, GroupState},
    member::MemberState,
    offer::OfferId,
};

use self::world::{Process, World, terms, user};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Open,
    Join,
    Leave,
    Cancel,
}

/// A process that reads nothing any more once it has committed to a group.
fn cut_off(world: &World) -> Process {
    let lost = Arc::new(AtomicBool::new(false));
    let hook = move |call, phase, partition: Option<&Partition>| {
        let is_group = partition.is_some_and(|it| it.kind() == "group");
        if is_group && (call, phase) == (Call::Commit, Phase::After) {
            lost.store(true, Ordering::SeqCst);
        }
        let fails = (call, phase) == (Call::Read, Phase::Before) && lost.load(Ordering::SeqCst);
        async move {
            match fails {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    };
    world.process_on(Arc::new(HookedStore::new(world.store.clone(), hook)))
}

async fn ask(
    process: &Process,
    asked: Asked,
    offer: OfferId,
    group: GroupId,
) -> Result<GroupView, GroupError> {
    let (groups, key) = (&process.groups, "tap".parse().expect("a key"));
    match asked {
        Asked::Open => groups.open(&user("bo"), offer, &key).await,
        Asked::Join => groups.join(&user("bo"), group, &key).await,
        Asked::Leave => groups.leave(&user("mei"), group, &key).await,
        Asked::Cancel => groups.cancel(&user("merchant"), group).await,
    }
}

fn is_told_unknown(answer: Result<GroupView, GroupError>, asked: Asked) {
    let error = Error::from(answer.expect_err("is cut off"));
    assert_eq!(error.kind(), ErrorKind::Unknown, "{asked:?}");
    assert_eq!(error.code(), "outcome_unknown", "{asked:?}");
}

#[tokio::test]
async fn what_was_decided_before_the_store_was_lost_is_not_told_as_nothing() {
    for asked in [Asked::Open, Asked::Join, Asked::Leave, Asked::Cancel] {
        let world = World::new();
        let process = world.process();
        let offer = process.offer(terms(3)).await;
        let group = process.open("mei", offer).await.group;
        is_told_unknown(ask(&cut_off(&world), asked, offer, group).await, asked);
        let view = ask(&process, asked, offer, group).await;
        let view = view.expect("is carried on under the same key");
        let own = view.membership.map(|own| own.state);
        let expected = match asked {
            Asked::Open | Asked::Join => Some(MemberState::Secured),
            Asked::Leave => Some(MemberState::Released),
            Asked::Cancel => None,
        };
        assert_eq!(own, expected, "{asked:?}");
        let ended = view.state == GroupState::Canceled;
        assert_eq!(ended, asked == Asked::Cancel);
        let begun = process.groups.group(&world::nobody(), group).await;
        let begun = begun.expect("reads").attempts;
        assert_eq!(begun, if asked == Asked::Join { 2 } else { 1 });
    }
}

/// The seat stands, and its payment, which `join` begins, cannot be looked at.
#[tokio::test]
async fn a_seat_that_was_taken_before_is_not_told_as_nothing_either() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(3)).await;
    let group = process.open("mei", offer).await.group;
    process.take_seat("bo", group).await.expect("takes a seat");
    let lost = Arc::new(AtomicBool::new(false));
    let reads = lost.clone();
    let hook = move |call, phase, _: Option<&Partition>| {
        // The first read finds what was answered under the key.
        let fails =
            (call, phase) == (Call::Read, Phase::Before) && reads.swap(true, Ordering::SeqCst);
        async move {
            match fails {
                true => Err(StoreErrorKind::Unavailable),
                false => Ok(()),
            }
        }
    };
    let cut_off = world.process_on(Arc::new(HookedStore::new(world.store.clone(), hook)));
    is_told_unknown(cut_off.join("bo", group).await, Asked::Join);
    assert!(lost.load(Ordering::SeqCst));
    let view = process.join("bo", group).await.expect("pays");
    let own = view.membership.map(|own| own.state);
    assert_eq!(own, Some(MemberState::Secured));
}
