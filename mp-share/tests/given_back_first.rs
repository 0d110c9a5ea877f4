//! The piece of a seat that has come free is given back before whoever takes the seat asks for one, however
//! long the money takes to come back.

mod world;

use std::time::Duration;

use mp_share::{
    group::GroupId,
    groups::Membership,
    member::MemberState,
    offer::{OfferId, Terms},
};

use self::world::{Payer, Process, World, terms, user};

/// How often a bank is asked in vain to give back what it was asked for.
const IN_VAIN: u32 = 3;

/// A group in which Mei has paid and Ada has not, whose time is over; nobody does due work.
async fn lapsed(terms: Terms) -> (World, Process, OfferId, GroupId) {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms).await;
    let group = process.open("mei", offer).await.group;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.join("ada", group).await.expect("takes a seat");
    world.bank.set("ada", Payer::HardToRefund(IN_VAIN));
    world.clock.advance(Duration::from_secs(610));
    (world, process, offer, group)
}

/// An offer with as many pieces as a group has members.
fn scarce() -> Terms {
    Terms {
        pieces: 2,
        ..terms(2)
    }
}

/// One piece for each.
fn one_each() -> Terms {
    Terms {
        each_max: Some(1),
        ..terms(3)
    }
}

async fn own(process: &Process, name: &str, group: GroupId) -> Membership {
    let view = process.groups.status(&user(name), group).await;
    view.expect("reads").membership.expect("theirs")
}

/// Asserts that a person has a seat that is paid for, and that nobody else but Mei has anything.
async fn has_a_seat(
    (world, process, offer): (&World, &Process, OfferId),
    name: &str,
    group: GroupId,
) {
    let own = own(process, name, group).await;
    let paid = [MemberState::Secured, MemberState::Confirmed];
    assert!(paid.contains(&own.state), "{name}: {own:?}");
    process.pass(world, 2).await;
    let (held, sold) = process.stock(offer).await;
    assert_eq!(held + sold, 2, "hers and Mei's");
}

#[tokio::test]
async fn who_joins_again_after_the_time_to_pay_is_refused_nothing_because_of_the_former_seat() {
    let (world, process, offer, group) = lapsed(one_each()).await;
    let key = "again".parse().expect("a key");
    let joined = process.groups.join(&user("ada"), group, &key).await;
    joined.expect("her seat has lapsed");
    has_a_seat((&world, &process, offer), "ada", group).await;
}

#[tokio::test]
async fn who_takes_over_a_seat_that_has_lapsed_gets_the_piece_that_was_held_for_it() {
    let (world, process, offer, group) = lapsed(scarce()).await;
    process.join("bo", group).await.expect("a seat has lapsed");
    has_a_seat((&world, &process, offer), "bo", group).await;
}

#[tokio::test]
async fn due_work_gets_the_piece_too_for_whoever_takes_over_a_seat_and_does_not_wait() {
    let (world, process, offer, group) = lapsed(scarce()).await;
    process.take_seat("bo", group).await.expect("has lapsed");
    process.worker.drain().await.expect("works");
    has_a_seat((&world, &process, offer), "bo", group).await;
}

#[tokio::test]
async fn who_joins_with_the_key_of_a_seat_that_was_taken_over_gets_the_piece_too() {
    let (world, process, offer, group) = lapsed(scarce()).await;
    process.take_seat("bo", group).await.expect("has lapsed");
    process.join("bo", group).await.expect("the same seat");
    has_a_seat((&world, &process, offer), "bo", group).await;
}

#[tokio::test]
async fn who_has_left_and_joins_again_is_refused_nothing_while_the_money_comes_back() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(one_each()).await;
    let group = process.open("mei", offer).await.group;
    world.bank.set("ada", Payer::HardToRefund(IN_VAIN));
    process.join("ada", group).await.expect("joins");
    let left = process.leave("ada", group).await.expect("leaves");
    let left = left.membership.expect("hers");
    assert_eq!(left.state, MemberState::Releasing, "her bank is closed");
    let key = "again".parse().expect("a key");
    let joined = process.groups.join(&user("ada"), group, &key).await;
    joined.expect("there are seats");
    has_a_seat((&world, &process, offer), "ada", group).await;
}
