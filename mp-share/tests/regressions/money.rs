//! Money that comes late, twice or not at all.

use super::*;

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
