//! From order to money, whatever breaks off in between.

use mp_core::{
    port::Settlement,
    store::{Batch, CommitId, Key, Query, Write},
};
use serde_json::Value;

use super::*;

#[tokio::test]
async fn paying_again_takes_no_more() {
    let market = Market::new();
    let order = market.placed().await;
    for _ in 0..3 {
        let outcome = market.orders.pay(&mei(), order.id()).await.expect("pays");
        assert!(matches!(outcome, PayOutcome::Paid { .. }));
    }
    assert_eq!(market.held(&order), order.total());
}

#[tokio::test]
async fn calls_that_overtake_each_other_agree_and_move_money_once() {
    let market = Market::new();
    let order = market.placed().await;
    let (mei, chen) = (mei(), staff());
    let pay = || market.orders.pay(&mei, order.id());
    let outcomes = tokio::join!(pay(), pay());
    assert_eq!(outcomes.0.expect("pays"), outcomes.1.expect("pays too"));
    assert_eq!(market.held(&order), order.total());

    let (key, reason) = ("key".parse().expect("key"), "Cold".parse().expect("label"));
    let fulfilled = market.orders.fulfil(&chen, order.id(), &key).await;
    fulfilled.expect("hands over");
    let asked = market.orders.request_return(&mei, order.id(), reason, &key);
    asked.await.expect("asks");
    let back = || market.orders.take_back(&chen, order.id());
    let orders = tokio::join!(back(), back());
    assert_eq!(
        orders.0.expect("takes back"),
        orders.1.expect("takes back too")
    );
    assert_eq!(market.held(&order), twd(0));
}

#[tokio::test]
async fn a_lost_answer_of_the_settlement_is_asked_for_again_under_the_same_key() {
    for at in [Answer::Secure, Answer::Settle] {
        for fails in [true, false] {
            let market = Market::new();
            let order = market.placed().await;
            market.desk.lose(at, fails);
            let error = market
                .orders
                .pay(&mei(), order.id())
                .await
                .expect_err("lost");
            assert_eq!(
                error.kind(),
                // Until the first answer nothing is known to have happened.
                if fails && at == Answer::Secure {
                    ErrorKind::Unavailable
                } else {
                    ErrorKind::Unknown
                }
            );
            assert_eq!(market.state(&order).await, OrderState::Placed);
            let outcome = market.orders.pay(&mei(), order.id()).await.expect("pays");
            assert!(matches!(outcome, PayOutcome::Paid { .. }), "{at:?}");
            assert_eq!(market.held(&order), order.total(), "{at:?}");
        }
    }
}

#[tokio::test]
async fn a_crash_after_the_money_was_taken_is_mended_by_paying_again() {
    let store = Unsteady::new("/order/");
    let market = Market::on(store.store());
    let order = market.placed().await;
    store.fail(true);
    let error = market
        .orders
        .pay(&mei(), order.id())
        .await
        .expect_err("cut off");
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Unknown, "payment_unknown"),
        "money has moved"
    );
    store.fail(false);
    assert_eq!(market.held(&order), order.total());
    assert_eq!(market.state(&order).await, OrderState::Placed);
    let later = PAYMENT_TIME * 2;
    market.clock.advance(later);
    let outcome = market.orders.pay(&mei(), order.id()).await.expect("pays");
    assert!(
        matches!(outcome, PayOutcome::Paid { .. }),
        "even after the deadline"
    );
    assert_eq!(market.held(&order), order.total());
}

#[tokio::test]
async fn a_crash_after_the_money_went_back_is_mended_by_taking_back_again() {
    let store = Unsteady::new("/order/");
    let market = Market::on(store.store());
    let order = market.fulfilled().await;
    let (key, reason) = ("key".parse().expect("key"), "Cold".parse().expect("label"));
    let (mei, chen) = (mei(), staff());
    let asked = market.orders.request_return(&mei, order.id(), reason, &key);
    asked.await.expect("asks");
    store.fail(true);
    let cut_off = market.orders.take_back(&chen, order.id()).await;
    let error = cut_off.expect_err("cut off");
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Unknown, "return_unknown")
    );
    store.fail(false);
    assert_eq!(market.held(&order), twd(0));
    let order = market.orders.take_back(&chen, order.id()).await;
    assert_eq!(order.expect("takes back").state(), OrderState::Returned);
}

#[tokio::test]
async fn no_money_is_taken_for_an_order_in_a_state_of_a_newer_release() {
    let market = Market::new();
    let order = market.placed().await;
    let partition = Order::partition(order.app(), order.id()).expect("an id");
    let store = market.engine.store();
    let view = store.read(&partition, &Query::default()).await;
    let view = view.expect("reads");
    let mut root: Value = serde_json::from_slice(&view.records[0].value).expect("is JSON");
    (root["format"], root["state"]) = (9.into(), "gift_wrapped".into());
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: market.engine.now(),
        writes: vec![Write::put(Key::root(), root.to_string().into())],
    };
    store.commit(&partition, batch).await.expect("commits");
    let refused = market.orders.pay(&mei(), order.id()).await;
    assert_eq!(refused.expect_err("is left").code(), "newer_release");
    let fact = Fact {
        app: order.app().clone(),
        key: Payment::key(order.id()),
        status: SettlementStatus::Secured,
    };
    let heard = market.orders.learnt(&fact).await;
    assert_eq!(heard.expect_err("is told again").code(), "newer_release");
    let status = market.desk.status(order.app(), &fact.key).await;
    assert_eq!(status.expect("answers"), SettlementStatus::Unseen);
}

#[tokio::test]
async fn a_declined_order_is_canceled_and_stays_so() {
    let market = Market::new();
    market.add(&mei(), "gold", 1, "add").await.expect("adds");
    let order = market.place("place").await.expect("places");
    for _ in 0..2 {
        let outcome = market
            .orders
            .pay(&mei(), order.id())
            .await
            .expect("answers");
        assert!(matches!(outcome, PayOutcome::Declined { .. }));
        assert_eq!(market.state(&order).await, OrderState::Canceled);
    }
}

#[tokio::test]
async fn an_order_that_was_not_paid_in_time_is_canceled() {
    let market = Market::new();
    let order = market.placed().await;
    market.clock.set(order.pay_by());
    let outcome = market
        .orders
        .pay(&mei(), order.id())
        .await
        .expect("answers");
    assert!(matches!(outcome, PayOutcome::Declined { .. }));
    assert_eq!(market.state(&order).await, OrderState::Canceled);
}

#[tokio::test]
async fn what_is_learnt_later_marks_the_order_paid() {
    let market = Market::new();
    let order = market.placed().await;
    market.desk.ask_the_payer();
    let outcome = market
        .orders
        .pay(&mei(), order.id())
        .await
        .expect("answers");
    assert!(matches!(outcome, PayOutcome::NeedsAction { .. }));
    let fact = |key: &str, status| Fact {
        app: order.app().clone(),
        key: key.parse().expect("key"),
        status,
    };
    let id = order.id().to_string();
    let pending = fact(&id, SettlementStatus::Pending);
    market.orders.learnt(&pending).await.expect("nothing to do");
    assert_eq!(market.state(&order).await, OrderState::Placed);
    for _ in 0..2 {
        let secured = fact(&id, SettlementStatus::Secured);
        market.orders.learnt(&secured).await.expect("takes note");
        assert_eq!(market.state(&order).await, OrderState::Paid);
    }
    let foreign = fact("group-7", SettlementStatus::Secured);
    market.orders.learnt(&foreign).await.expect("not ours");
    assert_eq!(market.held(&order), order.total());
}
