//! Money that was secured is gone before the group is full: its seat is free, and no group fills on it.

mod world;

use mp_core::port::{Fact, SettlementListener, SettlementStatus};
use mp_share::{
    group::{GroupId, GroupState},
    member::MemberState,
    offer::OfferId,
};

use self::world::{Books, GROUP_PRICE, Process, World, app, nobody, terms, user};

/// A group of two in which Mei's money is secured.
async fn half_full() -> (World, Process, OfferId, GroupId) {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(2)).await;
    let group = process.open("mei", offer).await.group;
    (world, process, offer, group)
}

/// Tells the group what has become of every payment so far.
async fn tell(world: &World, process: &Process, status: SettlementStatus) {
    for key in world.bank.keys() {
        let fact = Fact {
            app: app(),
            key: key.parse().expect("a key"),
            status,
        };
        process.groups.learnt(&fact).await.expect("hears");
    }
}

async fn state(process: &Process, group: GroupId) -> (GroupState, u32) {
    let group = process.groups.group(&nobody(), group).await.expect("reads");
    (group.state, group.secured())
}

#[tokio::test]
async fn no_group_fills_on_a_seat_whose_money_is_gone() {
    for gone in [SettlementStatus::Declined, SettlementStatus::Released] {
        let (world, process, offer, group) = half_full().await;
        assert_eq!(state(&process, group).await, (GroupState::Open, 1));
        world.bank.drop_hold("mei");
        tell(&world, &process, gone).await;
        let own = process.groups.status(&user("mei"), group).await;
        let own = own.expect("reads").membership.expect("hers");
        assert_eq!(own.state, MemberState::Released);
        assert_eq!(own.reason.as_deref(), Some("payment_lost"));
        assert_eq!(state(&process, group).await, (GroupState::Open, 0));
        assert_eq!(process.stock(offer).await, (0, 0), "her piece is free too");
        process.join("ada", group).await.expect("joins");
        assert_eq!(state(&process, group).await, (GroupState::Open, 1));
        process.join("mei", group).await.expect("joins again");
        process.pass(&world, 2).await;
        assert_eq!(state(&process, group).await, (GroupState::Filled, 2));
        let taken = 2 * GROUP_PRICE;
        assert_eq!(world.bank.books(), Books { held: 0, taken });
        assert_eq!(process.stock(offer).await, (0, 2));
        assert_eq!(world.told.count("group.seat_lost"), 1, "once");
    }
}

#[tokio::test]
async fn what_is_told_late_of_a_seat_that_was_given_up_is_no_news() {
    let (world, process, _, group) = half_full().await;
    process.leave("mei", group).await.expect("leaves");
    tell(&world, &process, SettlementStatus::Released).await;
    process.pass(&world, 1).await;
    let own = process.groups.status(&user("mei"), group).await;
    let own = own.expect("reads").membership.expect("hers");
    assert_eq!(own.reason.as_deref(), Some("left"));
    assert_eq!(world.told.count("group.seat_lost"), 0);
}

#[tokio::test]
async fn money_that_is_told_to_be_gone_while_it_is_taken_is_what_taking_it_says() {
    let (world, process, _, group) = half_full().await;
    process.join("ada", group).await.expect("fills the group");
    tell(&world, &process, SettlementStatus::Declined).await;
    process.pass(&world, 2).await;
    for name in ["mei", "ada"] {
        let member = process.member(name, group).await;
        assert_eq!(member, Some(MemberState::Confirmed), "{name}");
    }
    assert_eq!(world.bank.books().taken, 2 * GROUP_PRICE);
    assert_eq!(world.told.count("group.seat_lost"), 0);
}
