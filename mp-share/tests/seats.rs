//! Seats that are taken at once and paid for later, in groups larger than one commit takes.

mod world;

use std::time::Duration;

use mp_core::Timestamp;
use mp_share::{
    GroupError,
    group::{GroupId, GroupState},
    member::MemberState,
};

use self::world::{Books, GROUP_PRICE, Payer, Process, World, nobody, pass_deadline, terms, user};

/// More members than one commit lets go of or keeps.
const CROWD: u32 = 700;

/// Opens a group of so many, with Mei as its first member.
async fn group_of(size: u32) -> (World, Process, GroupId) {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(size)).await;
    let group = process.open("mei", offer).await.group;
    (world, process, group)
}

/// Returns up to which member payments have begun.
async fn planned(process: &Process, group: GroupId) -> u32 {
    let group = process.groups.group(&nobody(), group).await;
    group.expect("reads").planned
}

/// Returns until when Ada's seat is held.
async fn held_until(process: &Process, group: GroupId) -> Timestamp {
    let view = process.groups.status(&user("ada"), group).await;
    view.expect("reads").membership.expect("hers").held_until
}

/// Opens a group of [`CROWD`] and has so many more people take a seat.
async fn crowd(process: &Process, people: u32) -> GroupId {
    let mut large = terms(CROWD);
    large.pieces = CROWD;
    let offer = process.offer(large).await;
    let group = process.open("mei", offer).await.group;
    for person in 0..people {
        let taken = process.take_seat(&format!("u{person}"), group).await;
        taken.expect("there are seats");
    }
    group
}

#[tokio::test]
async fn due_work_pays_for_a_seat_that_was_taken_without_waiting() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(2)).await;
    let group = process.open("mei", offer).await.group;
    process.take_seat("ada", group).await.expect("takes a seat");
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Reserved)
    );
    assert_eq!(world.bank.live("ada"), 0, "nothing was asked of the bank");

    world.process().worker.drain().await.expect("works");
    for name in ["mei", "ada"] {
        let member = process.member(name, group).await;
        assert_eq!(member, Some(MemberState::Confirmed), "{name}");
    }
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn a_seat_that_was_taken_is_joined_with_the_same_key() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(3)).await;
    let group = process.open("mei", offer).await.group;
    process.take_seat("ada", group).await.expect("takes a seat");
    let view = process.join("ada", group).await.expect("the same seat");
    let member = view.membership.expect("a member");
    assert_eq!(member.state, MemberState::Secured);
    assert_eq!(view.free, 1);
}

#[tokio::test]
async fn a_group_larger_than_one_commit_fills() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 1).await;
    let full = process.take_seat("late", group).await;
    assert!(matches!(full, Err(GroupError::Full)));
    process.pass(&world, 2).await;

    let view = process.groups.status(&user("mei"), group).await;
    assert_eq!(view.expect("reads").state, GroupState::Filled);
    let taken = i64::from(CROWD) * GROUP_PRICE;
    assert_eq!(world.bank.books(), Books { held: 0, taken });
    assert_eq!(world.told.count("group.filled"), CROWD as usize);
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn a_group_larger_than_one_commit_expires() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 2).await;
    process.pass(&world, 1).await;
    pass_deadline(&world);
    process.pass(&world, 2).await;

    let view = process.groups.status(&user("u0"), group).await;
    let view = view.expect("reads");
    assert_eq!(view.state, GroupState::Expired);
    assert_eq!(view.free, CROWD);
    assert_eq!(world.bank.books(), Books { held: 0, taken: 0 });
    assert_eq!(world.told.count("group.expired"), CROWD as usize - 1);
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn seats_that_lapsed_make_room_for_more_than_one_commit_gives_back() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 1).await;
    // Nobody did due work, and nobody paid in time but the opener.
    world.clock.advance(Duration::from_secs(700));
    for person in 0..CROWD - 1 {
        let taken = process.take_seat(&format!("new{person}"), group).await;
        taken.expect("a seat has lapsed");
    }
    let full = process.take_seat("late", group).await;
    assert!(matches!(full, Err(GroupError::Full)));
    assert_eq!(world.store.overfull(), 0);
    assert_eq!(
        world.bank.keys().len(),
        1,
        "nobody else was asked for money"
    );
    let view = process.groups.status(&user("u0"), group).await;
    let own = view.expect("reads").membership.expect("hers");
    assert_eq!(own.state, MemberState::Released, "nothing has to come back");
    assert_eq!(own.reason.as_deref(), Some("unpaid"));
}

#[tokio::test]
async fn who_held_a_seat_that_lapsed_joins_again_before_due_work_runs_however_many_have_lapsed() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 1).await;
    world.clock.advance(Duration::from_secs(700));
    // More seats have lapsed before theirs than one commit gives back.
    let last = format!("u{}", CROWD - 2);
    let key = "again".parse().expect("a key");
    let again = process.groups.take_seat(&user(&last), group, &key).await;
    let number = again.expect("seats have lapsed, their own among them");
    let view = process.groups.status(&user(&last), group).await;
    let view = view.expect("reads");
    let own = view.membership.expect("theirs");
    assert_eq!((own.number, own.state), (number, MemberState::Reserved));
    assert!(view.free > 0, "{} are free", view.free);
    assert_eq!(world.store.overfull(), 0);
}

#[tokio::test]
async fn one_who_is_refused_looks_for_lapsed_seats_and_the_next_ones_need_not() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(3)).await;
    let group = process.open("mei", offer).await.group;
    world.clock.advance(Duration::from_secs(300));
    for name in ["ada", "bo"] {
        world.bank.set(name, Payer::Dawdles(u32::MAX));
        process.join(name, group).await.expect("takes a seat");
    }
    // Mei has paid, so what would have lapsed by now does not.
    world.clock.advance(Duration::from_secs(320));
    let refused = async |name: &str| {
        // What a process has read before, it need not read again.
        let before = world.store.looks();
        let full = world.process().join(name, group).await;
        assert_eq!(full.expect_err("is full").code(), "group_full");
        world.store.looks() - before
    };
    assert!(refused("cy").await > 0);
    let noted = process.groups.group(&nobody(), group).await.expect("reads");
    assert!(noted.lapses_from > process.engine.now());
    assert_eq!(refused("dee").await, 0);
    world.clock.advance(Duration::from_secs(300));
    process.join("cy", group).await.expect("two have lapsed");
}

#[tokio::test]
async fn payments_of_a_crowd_begin_in_the_order_of_their_seats_and_in_portions() {
    let world = World::new();
    let process = world.process();
    let group = crowd(&process, CROWD - 1).await;
    assert_eq!(world.waiting("group.plan").await, 1, "one message for all");
    assert_eq!(world.waiting("group.steps").await, 1, "the opener's");

    process.worker.turn().await.expect("works");
    let planned = planned(&process, group).await;
    assert!((2..CROWD).contains(&planned), "{planned} in one commit");
    assert_eq!(world.waiting("group.plan").await, 1, "there are more");
    process.worker.turn().await.expect("works");
    assert_eq!(self::planned(&process, group).await, CROWD);
    assert_eq!(world.waiting("group.plan").await, 0);
}

#[tokio::test]
async fn who_waits_for_their_payment_overtakes_nobody_who_does_not() {
    let (world, process, group) = group_of(4).await;
    process.take_seat("ada", group).await.expect("takes a seat");
    process.join("bo", group).await.expect("joins");
    assert_eq!(planned(&process, group).await, 1, "Ada has no plan yet");
    process.worker.drain().await.expect("works");
    assert_eq!(planned(&process, group).await, 3);
    for name in ["mei", "ada", "bo"] {
        let member = process.member(name, group).await;
        assert_eq!(member, Some(MemberState::Secured), "{name}");
    }
    assert_eq!(world.bank.keys().len(), 3);
}

#[tokio::test]
async fn a_seat_that_is_taken_twice_with_one_key_is_one_seat() {
    let (_, process, group) = group_of(3).await;
    let number = process.take_seat("ada", group).await.expect("takes a seat");
    for _ in 0..2 {
        assert_eq!(process.take_seat("ada", group).await.ok(), Some(number));
        process.worker.drain().await.expect("works");
    }
    let view = process.join("ada", group).await.expect("the same seat");
    assert_eq!((view.secured, view.free), (2, 1));
}

#[tokio::test]
async fn a_payment_that_is_begun_late_has_no_longer_than_one_that_was_not() {
    let (world, process, group) = group_of(3).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.take_seat("ada", group).await.expect("takes a seat");
    let held_until = held_until(&process, group).await;
    world.clock.advance(Duration::from_secs(590));
    process.worker.drain().await.expect("works");
    assert_eq!(self::held_until(&process, group).await, held_until);
    assert_eq!(world.bank.keys().len(), 2, "her bank was asked");
    world.clock.advance(Duration::from_secs(10));
    process.worker.drain().await.expect("works");
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Released)
    );
    assert_eq!(world.bank.live("ada"), 0);
}

/// The payment's time is over, and the seat, which outlives it by a margin, is not yet.
#[tokio::test]
async fn a_payment_that_nobody_began_in_time_is_not_begun() {
    let (world, process, group) = group_of(3).await;
    process.take_seat("ada", group).await.expect("takes a seat");
    world.clock.advance(Duration::from_secs(600));
    process.worker.drain().await.expect("works");
    let view = process.groups.status(&user("ada"), group).await;
    let view = view.expect("reads");
    let own = view.membership.expect("hers");
    assert_eq!(own.state, MemberState::Released);
    assert_eq!(own.reason.as_deref(), Some("unpaid"));
    // The opener's was begun with the seat, and is secured.
    assert_eq!((view.free, view.secured), (2, 1));
    assert_eq!(world.bank.keys().len(), 1, "nothing was asked of her bank");

    let key = "again".parse().expect("a key");
    let again = process.groups.join(&user("ada"), group, &key).await;
    let own = again.expect("joins anew").membership.expect("hers");
    assert_eq!(own.state, MemberState::Secured);
}

#[tokio::test]
async fn who_joins_with_the_key_of_a_seat_that_was_lost_is_told_so() {
    let (world, process, group) = group_of(3).await;
    process.take_seat("ada", group).await.expect("takes a seat");
    world.clock.advance(Duration::from_secs(600));
    let view = process.join("ada", group).await.expect("answers");
    let own = view.membership.expect("hers");
    assert_eq!(own.state, MemberState::Released);
    assert_eq!(own.reason.as_deref(), Some("unpaid"));
    assert_eq!(world.bank.live("ada"), 0);
}

#[tokio::test]
async fn who_leaves_before_the_payment_has_begun_has_nothing_to_wait_for() {
    let (world, process, group) = group_of(3).await;
    process.take_seat("ada", group).await.expect("takes a seat");
    let view = process.leave("ada", group).await.expect("leaves");
    let own = view.membership.expect("hers");
    assert_eq!(own.state, MemberState::Released);
    assert_eq!((own.reason.as_deref(), view.free), (Some("left"), 2));
    process.worker.drain().await.expect("works");
    assert_eq!(world.bank.keys().len(), 1, "nothing was asked of her bank");
    assert!(world.waiting("group.plan").await == 0);
}

#[tokio::test]
async fn who_is_being_let_go_of_has_nothing_to_do_for_the_payment() {
    let (world, process, group) = group_of(3).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    let view = process.join("ada", group).await.expect("joins");
    let own = view.membership.expect("hers");
    assert!(own.needs_action.is_some(), "her bank asks for something");
    world.bank.set("ada", Payer::HardToRefund(1));
    let view = process.leave("ada", group).await.expect("leaves");
    let own = view.membership.expect("hers");
    assert_eq!(
        (own.state, own.needs_action),
        (MemberState::Releasing, None)
    );
}

#[tokio::test]
async fn debug_shows_nothing_that_a_payer_pays_with() {
    let (world, process, group) = group_of(3).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    let view = process.join("ada", group).await.expect("joins");
    let own = view.membership.as_ref().expect("hers");
    let told = own.needs_action.as_ref().expect("her bank asks");
    assert_eq!(told["confirm_at"], "bank", "the payer is told");
    let shown = format!("{view:?} {own:#?}");
    assert!(!shown.contains("confirm_at"), "{shown}");
}

#[tokio::test]
async fn nobody_is_asked_to_pay_when_the_time_for_it_is_over() {
    for seconds in [599, 600, 3_600] {
        let (world, process, group) = group_of(3).await;
        if seconds == 3_600 {
            world.clock.advance(Duration::from_secs(3_550));
        }
        world.bank.set("ada", Payer::Dawdles(u32::MAX));
        let view = process.join("ada", group).await.expect("joins");
        let own = view.membership.expect("hers");
        assert!(own.needs_action.is_some(), "her bank asks for something");
        // Nobody has come round to letting go of her seat.
        world
            .clock
            .set(view.deadline.minus(Duration::from_secs(3_600 - seconds)));
        let view = process.groups.status(&user("ada"), group).await;
        let own = view.expect("reads").membership.expect("hers");
        assert_eq!(own.state, MemberState::Reserved, "after {seconds} s");
        assert_eq!(own.needs_action.is_some(), seconds == 599);
    }
}

#[tokio::test]
async fn a_group_that_is_called_off_lets_go_of_seats_without_payments() {
    let (world, process, group) = group_of(3).await;
    process.take_seat("ada", group).await.expect("takes a seat");
    let canceled = process.groups.cancel(&user("merchant"), group).await;
    assert_eq!(canceled.expect("calls off").free, 3);
    process.worker.drain().await.expect("works");
    for name in ["mei", "ada"] {
        let member = process.member(name, group).await;
        assert_eq!(member, Some(MemberState::Released), "{name}");
    }
    assert_eq!(world.told.count("group.canceled"), 2);
    assert_eq!(
        world.bank.keys().len(),
        1,
        "nothing was asked of Ada's bank"
    );
    assert!(!world.work_is_left().await);
}
