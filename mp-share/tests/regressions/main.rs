//! Bugs that shipped in group-buying systems, each as a test that it cannot happen here.
//!
//! The systems are litemall, yudao (ruoyi-vue-pro), CRMEB and newbee-mall, whose source is public.

mod money;
#[path = "../world/mod.rs"]
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

use self::world::{
    Books, GROUP_PRICE, Payer, Process, World, app, nobody, pass_deadline, terms, user,
};

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
        .group(&nobody(), group)
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
        .leave(&user("mei"), group, &key)
        .await
        .expect_err("too late");
    assert_eq!(error.code(), "group_over");
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
        .leave(&user("mei"), group, &leave)
        .await
        .expect("leaves");
    process.join("mei", group).await.expect("joins anew");
    process.pass(&world, 1).await;
    assert_eq!(world.bank.live("mei"), 1);
    assert_eq!(
        process
            .groups
            .group(&nobody(), group)
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
        .leave(&user("mei"), group, &key)
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
        .leave(&user("ada"), group, &key)
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

/// Nobody depends on a worker having run: past its time, a seat is nobody's, its owner's neither.
#[tokio::test]
async fn whoever_held_a_seat_that_has_lapsed_may_join_anew() {
    let (world, process, _, group) = group_of(3).await;
    world.bank.set("ada", Payer::Dawdles(u32::MAX));
    process.join("ada", group).await.expect("takes a seat");
    let anew = async |key: &str| {
        let key = key.parse().expect("a key");
        process.groups.join(&user("ada"), group, &key).await
    };
    world.clock.advance(Duration::from_secs(609));
    let early = anew("early").await.expect_err("is held still");
    assert_eq!(early.code(), "already_member");
    world.clock.advance(Duration::from_secs(1));
    world.bank.set("ada", Payer::Pays);
    let view = anew("late").await.expect("the seat has lapsed");
    assert_eq!(
        view.membership.map(|own| own.state),
        Some(MemberState::Secured)
    );
    process.pass(&world, 1).await;
    assert_eq!(world.bank.live("ada"), 1);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let (world, process, _, group) = group_of(3).await;
    world.bank.set("ada", Payer::Declines);
    for n in 0..10 {
        let key = format!("try-{n}").parse().expect("a key");
        process
            .groups
            .join(&user("ada"), group, &key)
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
    let newer = Newer::brings(&world, "group", &group.to_string()).await;
    let error = process
        .join("ada", group)
        .await
        .expect_err("not ours to change");
    assert_eq!(error.code(), "newer_release");
    pass_deadline(&world);
    process.pass(&world, 2).await;
    newer.stands(&world).await;
}

#[tokio::test]
async fn an_offer_in_a_newer_releases_state_is_not_told_to_be_closed() {
    let (world, process, offer, _) = group_of(3).await;
    let newer = Newer::brings(&world, "offer", &offer.to_string()).await;
    let offers = process.groups.offers();
    let stranger = offers.close(&user("ada"), offer).await;
    assert_eq!(stranger.expect_err("not hers").code(), "not_found");
    let closed = offers.close(&user("merchant"), offer).await;
    assert_eq!(
        closed.expect_err("not ours to close").code(),
        "newer_release"
    );
    newer.stands(&world).await;
}

/// A root that a newer release has brought into a state of its own.
struct Newer {
    partition: Partition,
    root: String,
}

impl Newer {
    async fn brings(world: &World, kind: &str, id: &str) -> Self {
        let partition = Partition::new(&app(), kind, id).expect("a partition");
        let view = world.store.read(&partition, &Query::default()).await;
        let view = view.expect("reads");
        let root = String::from_utf8(view.records[0].value.to_vec()).expect("JSON is UTF-8");
        let root = root.replace(r#""state":"open""#, r#""state":"simmering""#);
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId(1),
            at: view.at,
            writes: vec![Write::put(Key::root(), root.clone().into())],
        };
        let committed = world.store.commit(&partition, batch).await;
        committed.expect("commits");
        Self { partition, root }
    }

    async fn stands(&self, world: &World) {
        let view = world.store.read(&self.partition, &Query::default()).await;
        assert_eq!(view.expect("reads").records[0].value, self.root);
    }
}
