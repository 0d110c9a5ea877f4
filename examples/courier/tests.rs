use std::time::Duration;

use mp_core::amount::Money;

use super::{errand::Order, market::ORDER, stage::Stage, *};

/// What the provider is told to do with cards and accounts: answers get lost, or come later.
const PROVIDERS: [(&str, &str); 4] = [
    ("pm_ok", OPEN),
    ("pm_timeout_after", "po_timeout_after"),
    ("pm_timeout_before", "po_timeout_before"),
    ("pm_ok", "po_slow"),
];

fn once() -> Moved {
    Moved {
        taken: vec![ORDER.price],
        paid: vec![ORDER.wage],
    }
}

#[tokio::test]
async fn killed_at_any_moment_both_are_paid_once() -> Outcome<()> {
    let mut kills = 0;
    for (card, account) in PROVIDERS {
        for moment in 1..=moments((card, account)).await? {
            let outside = Outside::paying_with(card)?;
            let place = die_at(&outside, moment, account).await?;
            assert_ne!(place, "nowhere", "moment {moment}");
            let process = recover(&outside, account).await?;
            let case = format!("{card} {account} {place}");
            let moved = process.moved().await?;
            assert!(
                moved.taken.len() <= 1 && moved.paid.len() <= 1,
                "{case}: {moved:?}"
            );

            // Whoever was not answered asks again, under the same keys.
            assert_eq!(process.deliver().await?.stage, Stage::Closed, "{case}");
            assert_eq!(process.moved().await?, once(), "{case}");
            assert_eq!(process.given_up().await?, [], "{case}");
            kills += 1;
        }
    }
    assert!(kills > 100, "{kills}");
    Ok(())
}

#[tokio::test]
async fn what_is_done_leaves_no_work_behind() -> Outcome<()> {
    for (card, account) in PROVIDERS {
        let process = Outside::paying_with(card)?.start(Fuse::at(0), account)?;
        process.order().await?;
        assert_ne!(process.left().await?, [""; 0], "there is work to be seen");
        process.deliver().await?;
        process.work().await?;
        assert_eq!(process.left().await?, [""; 0], "{card} {account}");
        assert_eq!(process.moved().await?, once(), "{card} {account}");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_handed_over_is_paid_by_due_work_alone() -> Outcome<()> {
    let outside = Outside::paying_with("pm_ok")?;
    let first = outside.start(Fuse::at(0), OPEN)?;
    let ordered = first.order().await?;
    // What its payment has told was heard: nothing else brings the errand up again.
    first.work().await?;
    let process = outside.start(Fuse::at(2), OPEN)?;
    assert!(
        process
            .fuse
            .live(process.hand_over(ordered.id))
            .await
            .is_none()
    );
    let process = recover(&outside, OPEN).await?;
    assert_eq!(process.moved().await?, once());
    let brought = process.hand_over(ordered.id).await?;
    assert_eq!(brought.stage, Stage::Closed);
    Ok(())
}

#[tokio::test]
async fn a_courier_whose_account_is_closed_is_put_before_a_person() -> Outcome<()> {
    let outside = Outside::paying_with("pm_ok")?;
    let process = outside.start(Fuse::at(0), CLOSED)?;
    let brought = process.deliver().await?;
    assert_eq!(brought.stage, Stage::Owed);
    let given_up = process.given_up().await?;
    assert_eq!(given_up.len(), 1, "{given_up:?}");
    assert!(given_up[0].1.contains("account_closed"), "{given_up:?}");

    let process = outside.start(Fuse::at(0), OPEN)?;
    let paid = process.pay_again(brought.id).await?;
    assert_eq!(paid.stage, Stage::Closed);
    assert_eq!(process.moved().await?, once());
    assert_eq!(process.given_up().await?, []);
    Ok(())
}

#[tokio::test]
async fn a_customer_whose_bank_asks_for_something_is_told_what_and_pays_once() -> Outcome<()> {
    let outside = Outside::paying_with("pm_action")?;
    let process = outside.start(Fuse::at(0), OPEN)?;
    for _ in 0..2 {
        let ordered = process.order().await?;
        assert_eq!(ordered.stage, Stage::Ordered);
        let action = ordered.action.ok_or("there is something to do")?;
        assert_eq!(action["type"], "redirect", "{action}");
    }
    // By now she has done it.
    let brought = process.deliver().await?;
    assert_eq!((brought.stage, brought.action), (Stage::Closed, None));
    assert_eq!(process.moved().await?, once());
    Ok(())
}

#[tokio::test]
async fn an_errand_whose_money_is_not_held_any_more_is_over() -> Outcome<()> {
    let outside = Outside::paying_with("pm_ok")?;
    let process = outside.start(Fuse::at(0), OPEN)?;
    let ordered = process.order().await?;
    assert_eq!(ordered.stage, Stage::UnderWay);
    outside
        .clock
        .advance(Duration::from_secs(30 * 24 * 60 * 60));
    process.work().await?;
    assert_eq!(process.order().await?.stage, Stage::Refused);
    let late = process.hand_over(ordered.id).await.expect_err("is over");
    assert_eq!(late.code(), "errand_stage");
    assert_eq!(process.moved().await?, Moved::default());
    assert_eq!(process.left().await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn nothing_is_brought_to_whoever_cannot_pay() -> Outcome<()> {
    let outside = Outside::paying_with("pm_declined")?;
    let process = outside.start(Fuse::at(0), OPEN)?;
    let ordered = process.order().await?;
    assert_eq!(ordered.stage, Stage::Refused);
    let refused = process.hand_over(ordered.id).await.expect_err("refused");
    assert_eq!(refused.code(), "errand_stage");
    assert_eq!(process.moved().await?, Moved::default());
    Ok(())
}

#[tokio::test]
async fn a_key_whose_answer_was_forgotten_still_names_its_errand() -> Outcome<()> {
    let outside = Outside::paying_with("pm_ok")?;
    let process = outside.start(Fuse::at(0), OPEN)?;
    let brought = process.deliver().await?;
    outside
        .clock
        .advance(mp_core::idempotency::IDEMPOTENCY_MEMORY * 3);
    assert_eq!(process.order().await?, brought);
    for (price, wage) in [
        (ORDER.price.minor() + 1, ORDER.wage.minor()),
        (ORDER.price.minor(), ORDER.wage.minor() + 1),
    ] {
        let money = |minor| Money::new(minor, ORDER.price.currency());
        let other = Order {
            price: money(price),
            wage: money(wage),
        };
        let refused = process.order_as(other).await.expect_err("another order");
        assert_eq!(refused.code(), "idempotency_conflict");
    }
    assert_eq!(process.moved().await?, once());
    Ok(())
}
