//! Bugs that shipped in group-buying systems, each as a test that it cannot happen here.
//!
//! The systems are litemall, yudao (ruoyi-vue-pro), CRMEB and newbee-mall, whose source is public.

mod world;

use std::time::Duration;

use mp_core::{
    port::{Fact, SettlementListener, SettlementStatus},
    store::{Batch, CommitId, Key, Partition, Query, Store, Write},
};
use mp_share::{
    group::{GroupId, GroupState},
    member::MemberState,
    offer::OfferId,
};

use self::world::{Books, GROUP_PRICE, Payer, Process, World, app, pass_deadline, terms, user};

/// Opens a group of `size` on a new offer, with Mei as its first member.
async fn group_of(size: u32) -> (World, Process, OfferId, GroupId) {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(size)).await;
    let group = process.open("mei", offer).await.group;
    (world, process, offer, group)
}

async fn state(process: &Process, group: GroupId) -> GroupState {
    process
        .groups
        .group(&app(), group)
        .await
        .expect("reads")
        .state
}

fn taken(members: i64) -> Books {
    Books {
        held: 0,
        taken: members * GROUP_PRICE,
    }
}

/// litemall and CRMEB count only paid members when somebody joins, and not again when they pay.
#[tokio::test]
async fn members_who_have_not_paid_yet_cannot_overfill_a_group() {
    let (world, process, _, group) = group_of(2).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process
        .join("ada", group)
        .await
        .expect("takes the last seat");
    let error = process
        .join("bo", group)
        .await
        .expect_err("no seat is left");
    assert_eq!(error.code(), "group_full");
    assert_eq!(world.bank.live("bo"), 0);
}

/// litemall sets a group's status on every payment, so one that lands late revives it; nothing
/// gives that money back.
#[tokio::test]
async fn paid_late() {
    let (world, process, offer, group) = group_of(2).await;
    world.bank.set("ada", Payer::Slow(3_601));
    let view = process.join("ada", group).await.expect("joins in time");
    assert_eq!(
        view.state,
        GroupState::Expired,
        "the payment itself found the deadline passed"
    );
    process.pass(&world, 2).await;
    for name in ["mei", "ada"] {
        assert_eq!(
            process.member(name, group).await,
            Some(MemberState::Released)
        );
    }
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(0), (0, 0))
    );
}

/// The payment's own limit has passed, the seat's has not, but the group's time is over.
#[tokio::test]
async fn paid_late_by_seconds() {
    let (world, process, offer, group) = group_of(2).await;
    world.clock.advance(Duration::from_secs(3_590));
    world.bank.set("ada", Payer::Slow(13));
    let view = process.join("ada", group).await.expect("joins in time");
    assert_eq!((view.state, view.secured), (GroupState::Expired, 0));
    process.pass(&world, 2).await;
    assert_eq!(state(&process, group).await, GroupState::Expired);
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(0), (0, 0))
    );
}

/// A seat outlives its payment's time limit by a margin, and no longer.
#[tokio::test]
async fn a_payment_that_lands_when_its_seat_has_lapsed_is_given_back() {
    for (seconds, expected) in [(609, MemberState::Secured), (610, MemberState::Released)] {
        let (world, process, _, group) = group_of(3).await;
        world.bank.set("ada", Payer::Slow(seconds));
        let view = process.join("ada", group).await.expect("joins");
        assert_eq!(
            view.membership.map(|own| own.state),
            Some(expected),
            "{seconds}"
        );
        assert_eq!(
            world.bank.live("ada"),
            usize::from(expected == MemberState::Secured)
        );
    }
}

/// Nobody depends on a timer having run: past its deadline, a group is over.
#[tokio::test]
async fn a_group_past_its_deadline_cannot_be_joined_or_left() {
    let (world, process, _, group) = group_of(2).await;
    pass_deadline(&world);
    let error = process.join("ada", group).await.expect_err("too late");
    assert_eq!(error.to_string(), "the group is expired: open another one");
    let key = "leave".parse().expect("a key");
    let error = process
        .groups
        .leave(&user("mei"), &key, group)
        .await
        .expect_err("too late");
    assert_eq!(error.code(), "group_over");
}

/// As above, with the expiry done before the money lands.
#[tokio::test]
async fn an_expired_group_is_not_revived_by_a_payment() {
    let (world, process, offer, group) = group_of(2).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.join("ada", group).await.expect("joins");
    world.bank.land("ada");
    pass_deadline(&world);
    process.pass(&world, 2).await;
    assert_eq!(state(&process, group).await, GroupState::Expired);
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(0), (0, 0))
    );
    assert!(!world.work_is_left().await);
}

/// yudao throws inside the payment's transaction when the group has filled meanwhile: the money is
/// taken, the order unpaid, and no path leads to a refund.
#[tokio::test]
async fn paid_overflow() {
    let (world, process, offer, group) = group_of(2).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.join("ada", group).await.expect("takes a seat");
    world.clock.advance(Duration::from_secs(611));
    let view = process
        .join("bo", group)
        .await
        .expect("the seat has lapsed");
    assert_eq!(view.state, GroupState::Filled);
    world.bank.land("ada");
    process.pass(&world, 2).await;
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Released)
    );
    assert_eq!(
        process.member("bo", group).await,
        Some(MemberState::Confirmed)
    );
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(2), (0, 2))
    );
}

/// yudao refunds a group in one transaction, which throws at the first member who cannot be
/// refunded, for ever.
#[tokio::test]
async fn one_members_refund_blocks_nobody_elses() {
    let (world, process, offer, group) = group_of(3).await;
    world.bank.set("mei", Payer::HardToRefund(u32::MAX));
    process.join("ada", group).await.expect("joins");
    pass_deadline(&world);
    process.pass(&world, 2).await;
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Released)
    );
    assert_eq!(
        process.member("mei", group).await,
        Some(MemberState::Releasing)
    );
    assert_eq!(world.bank.books().held, GROUP_PRICE);
    world.bank.set("mei", Payer::Pays);
    process.pass(&world, 10).await;
    assert_eq!(
        process.member("mei", group).await,
        Some(MemberState::Released)
    );
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(0), (0, 0))
    );
}

/// yudao sends a fresh refund number with each try; litemall and CRMEB lose a refund that fails.
#[tokio::test]
async fn a_refund_that_fails_is_repeated_under_the_same_key() {
    let (world, process, _, group) = group_of(2).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.join("ada", group).await.expect("joins");
    let keys = world.bank.keys();
    world.bank.set("mei", Payer::HardToRefund(5));
    pass_deadline(&world);
    process.pass(&world, 10).await;
    assert_eq!(
        process.member("mei", group).await,
        Some(MemberState::Released)
    );
    assert_eq!((world.bank.books(), world.bank.keys()), (taken(0), keys));
}

/// CRMEB tells members apart by user, nickname and avatar: rename yourself and join twice.
#[tokio::test]
async fn one_user_has_one_seat() {
    let (world, process, _, group) = group_of(3).await;
    let error = process
        .join("mei", group)
        .await
        .expect_err("she has opened it");
    assert_eq!(error.code(), "already_member");
    let leave = "leave".parse().expect("a key");
    process
        .groups
        .leave(&user("mei"), &leave, group)
        .await
        .expect("leaves");
    process.join("mei", group).await.expect("joins anew");
    process.pass(&world, 1).await;
    assert_eq!(world.bank.live("mei"), 1);
    assert_eq!(
        process
            .groups
            .group(&app(), group)
            .await
            .expect("reads")
            .secured(),
        1
    );
}

/// In CRMEB an over-full group counts down past zero and neither completes nor fails.
#[tokio::test]
async fn seats_that_lapse_leave_a_group_that_can_still_fill() {
    let (world, process, offer, group) = group_of(2).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.join("ada", group).await.expect("takes a seat");
    process.pass(&world, 12).await;
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Released)
    );
    let view = process.join("bo", group).await.expect("the seat is free");
    assert_eq!((view.state, view.free), (GroupState::Filled, 0));
    process.pass(&world, 2).await;
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(2), (0, 2))
    );
}

/// newbee-mall counts stock down before it checks anything, and never up again: it undersells.
#[tokio::test]
async fn a_declined_payment_gives_seat_and_piece_back() {
    let (world, process, offer, group) = group_of(2).await;
    world.bank.set("ada", Payer::Declines);
    let view = process
        .join("ada", group)
        .await
        .expect("joins, and is declined");
    let membership = view.membership.expect("hers");
    assert_eq!(membership.state, MemberState::Released);
    assert_eq!(membership.reason.as_deref(), Some("insufficient_funds"));
    assert_eq!((view.free, process.stock(offer).await), (1, (1, 0)));
}

/// litemall and yudao settle a whole group at once; here a member whose money runs dry at the end
/// loses the seat alone, and is told.
#[tokio::test]
async fn money_that_runs_dry_at_the_end_costs_one_seat_only() {
    let (world, process, offer, group) = group_of(2).await;
    world.bank.set("mei", Payer::RunsDry);
    process.join("ada", group).await.expect("fills the group");
    process.pass(&world, 2).await;
    assert_eq!(state(&process, group).await, GroupState::Filled);
    assert_eq!(
        process.member("mei", group).await,
        Some(MemberState::Released)
    );
    assert_eq!(
        process.member("ada", group).await,
        Some(MemberState::Confirmed)
    );
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(1), (0, 1))
    );
    assert_eq!(world.told.count("group.seat_lost"), 1);
}

/// Stock is reserved before money is asked for, over all groups of an offer.
#[tokio::test]
async fn what_is_sold_out_is_refused_before_money_is_asked_for() {
    let world = World::new();
    let process = world.process();
    let mut terms = terms(2);
    terms.pieces = 2;
    let offer = process.offer(terms).await;
    let group = process.open("mei", offer).await.group;
    process.join("ada", group).await.expect("fills the group");
    let late = process.open("bo", offer).await.membership.expect("his");
    assert_eq!(late.reason.as_deref(), Some("sold_out"));
    assert_eq!(
        (late.state, world.bank.live("bo")),
        (MemberState::Released, 0)
    );
}

/// A limit per user that holds in one group only is no limit.
#[tokio::test]
async fn a_limit_per_user_counts_over_all_groups() {
    let world = World::new();
    let process = world.process();
    let mut terms = terms(2);
    terms.each_max = Some(1);
    let offer = process.offer(terms).await;
    process.open("mei", offer).await;
    let other = process.open("ada", offer).await.group;
    let view = process.join("mei", other).await.expect("takes a seat");
    let membership = view.membership.expect("hers");
    assert_eq!(membership.reason.as_deref(), Some("owner_limit"));
    assert_eq!((membership.state, view.free), (MemberState::Released, 1));
}

#[tokio::test]
async fn who_leaves_gets_everything_back_until_the_group_has_filled() {
    let (world, process, offer, group) = group_of(2).await;
    let key = "leave".parse().expect("a key");
    let view = process
        .groups
        .leave(&user("mei"), &key, group)
        .await
        .expect("leaves");
    assert_eq!(
        view.membership.map(|own| own.state),
        Some(MemberState::Released)
    );
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(0), (0, 0))
    );
    for name in ["ada", "bo"] {
        process.join(name, group).await.expect("joins");
    }
    let error = process
        .groups
        .leave(&user("ada"), &key, group)
        .await
        .expect_err("too late");
    assert_eq!(error.code(), "group_over");
}

#[tokio::test]
async fn a_group_is_called_off_by_its_merchant_only() {
    let (world, process, offer, group) = group_of(2).await;
    let error = process
        .groups
        .cancel(&user("mei"), group)
        .await
        .expect_err("not hers");
    assert_eq!(error.code(), "not_found");
    for _ in 0..2 {
        let view = process
            .groups
            .cancel(&user("merchant"), group)
            .await
            .expect("calls off");
        assert_eq!(view.state, GroupState::Canceled);
    }
    process.pass(&world, 1).await;
    assert_eq!(
        (world.bank.books(), process.stock(offer).await),
        (taken(0), (0, 0))
    );
    assert_eq!(world.told.count("group.canceled"), 1);
    assert!(!world.work_is_left().await);
}

#[tokio::test]
async fn a_payer_is_shown_what_to_do_and_the_bank_s_word_goes_on_from_there() {
    let (world, process, _, group) = group_of(2).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    let view = process.join("ada", group).await.expect("joins");
    let action = view
        .membership
        .and_then(|own| own.needs_action)
        .expect("something to do");
    assert_eq!(action, serde_json::json!({ "confirm_at": "bank" }));
    world.bank.land("ada");
    world.bank.set("ada", Payer::Pays);
    for key in world.bank.keys() {
        let fact = Fact {
            app: app(),
            key: key.parse().expect("a key"),
            status: SettlementStatus::Secured,
        };
        process.groups.learnt(&fact).await.expect("hears");
    }
    assert_eq!(state(&process, group).await, GroupState::Filled);
}

#[tokio::test]
async fn facts_about_other_payments_are_none_of_ours() {
    let (_, process, _, _) = group_of(2).await;
    for key in ["order-17", "order.17", "a.b.c.1"] {
        let fact = Fact {
            app: app(),
            key: key.parse().expect("a key"),
            status: SettlementStatus::Secured,
        };
        process.groups.learnt(&fact).await.expect("passes over it");
    }
}

#[tokio::test]
async fn nobody_is_named_to_those_who_are_invited() {
    let (_, process, _, group) = group_of(3).await;
    let view = process
        .groups
        .status(&user("stranger"), group)
        .await
        .expect("reads");
    assert_eq!(
        (view.membership.as_ref(), view.secured, view.free),
        (None, 1, 2)
    );
    let shown = serde_json::to_string(&view).expect("JSON");
    assert!(!shown.contains("mei"), "{shown}");
}

#[tokio::test]
async fn attempts_are_bounded() {
    let (world, process, _, group) = group_of(3).await;
    world.bank.set("ada", Payer::Declines);
    for n in 0..10 {
        let key = format!("try-{n}").parse().expect("a key");
        process
            .groups
            .join(&user("ada"), &key, group)
            .await
            .expect("joins, is declined");
    }
    let error = process.join("ada", group).await.expect_err("enough");
    assert_eq!(error.code(), "too_many_attempts");
}

/// Two adjacent releases may share a store: what the older one does not know it leaves alone.
#[tokio::test]
async fn a_group_in_a_newer_releases_state_is_left_alone() {
    let (world, process, _, group) = group_of(3).await;
    let partition = Partition::new(&app(), "group", &group.to_string()).expect("a partition");
    let view = world
        .store
        .read(&partition, &Query::default())
        .await
        .expect("reads");
    let root = String::from_utf8(view.records[0].value.to_vec()).expect("JSON is UTF-8");
    let newer = root.replace(r#""state":"open""#, r#""state":"simmering""#);
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId(1),
        at: view.at,
        writes: vec![Write::Put {
            key: Key::root(),
            value: newer.clone().into(),
        }],
    };
    world
        .store
        .commit(&partition, batch)
        .await
        .expect("commits");
    let error = process
        .join("ada", group)
        .await
        .expect_err("not ours to change");
    assert_eq!(error.code(), "newer_release");
    pass_deadline(&world);
    process.pass(&world, 2).await;
    let view = world
        .store
        .read(&partition, &Query::default())
        .await
        .expect("reads");
    assert_eq!(view.records[0].value, newer);
}
