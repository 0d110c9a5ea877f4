//! A call that comes once more after its answer is forgotten is still about the same membership.

mod world;

use std::time::Duration;

use mp_core::idempotency::IDEMPOTENCY_MEMORY;
use mp_share::{GroupView, group::GroupId, member::MemberState};

use self::world::{Process, World, nobody, terms, user};

/// A group that stays open for long, with Mei as its first member.
async fn long_group() -> (World, Process, GroupId) {
    let world = World::new();
    let process = world.process();
    let mut terms = terms(4);
    terms.group_duration = Duration::from_secs(30 * 24 * 60 * 60);
    let offer = process.offer(terms).await;
    let group = process.open("mei", offer).await.group;
    (world, process, group)
}

fn forget(world: &World) {
    world.clock.advance(IDEMPOTENCY_MEMORY * 2);
}

fn own(view: GroupView) -> (u32, MemberState) {
    let own = view.membership.expect("a member");
    (own.number.0.get(), own.state)
}

async fn attempts(process: &Process, group: GroupId) -> u32 {
    let group = process.groups.group(&nobody(), group).await;
    group.expect("reads").attempts
}

#[tokio::test]
async fn who_has_left_does_not_join_anew_by_a_join_that_is_delivered_again() {
    let (world, process, group) = long_group().await;
    let joined = process.join("ada", group).await.expect("joins");
    assert_eq!(own(joined), (2, MemberState::Secured));
    process.leave("ada", group).await.expect("leaves");
    let keys = world.bank.keys();
    forget(&world);
    let again = process.join("ada", group).await.expect("answers");
    assert_eq!(own(again), (2, MemberState::Released));
    let seat = process.take_seat("ada", group).await.expect("answers");
    assert_eq!(seat.0.get(), 2);
    process.worker.drain().await.expect("works");
    assert_eq!(attempts(&process, group).await, 2);
    assert_eq!(
        world.bank.keys(),
        keys,
        "nothing more was asked of her bank"
    );
    assert_eq!(world.bank.live("ada"), 0);
}

#[tokio::test]
async fn a_join_that_took_effect_is_not_refused_when_it_is_delivered_again() {
    let (world, process, group) = long_group().await;
    process.join("ada", group).await.expect("joins");
    forget(&world);
    let again = process.join("ada", group).await.expect("answers");
    assert_eq!(own(again), (2, MemberState::Secured));
    let canceled = process.groups.cancel(&user("merchant"), group).await;
    canceled.expect("calls off");
    process.worker.drain().await.expect("works");
    let again = process.join("ada", group).await.expect("answers");
    assert_eq!(own(again), (2, MemberState::Released));
    assert_eq!(attempts(&process, group).await, 2);
}

#[tokio::test]
async fn a_leave_that_is_delivered_again_gives_up_no_seat_that_was_taken_since() {
    let (world, process, group) = long_group().await;
    process.join("ada", group).await.expect("joins");
    process.leave("ada", group).await.expect("leaves");
    let key = "anew".parse().expect("a key");
    let anew = process.groups.join(&user("ada"), group, &key).await;
    assert_eq!(own(anew.expect("joins")), (3, MemberState::Secured));
    forget(&world);
    let again = process.leave("ada", group).await.expect("answers");
    assert_eq!(own(again), (2, MemberState::Released));
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Secured)
    );
}
