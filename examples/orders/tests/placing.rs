//! From basket to order.

use super::*;

#[tokio::test]
async fn a_basket_gathers_lines_of_one_shop_within_its_limits() {
    let market = Market::new();
    market.add(&mei(), "beef", 2, "1").await.expect("adds");
    let basket = market.add(&mei(), "beef", 3, "2").await.expect("adds");
    assert_eq!((basket.lines().len(), basket.lines()[0].count()), (1, 5));

    for (item, count, code) in [
        ("beef", 95, "invalid_field"),
        ("gold", 0, "invalid_field"),
        ("tofu", 1, "not_on_menu"),
    ] {
        let error = market.add(&mei(), item, count, "3").await.expect_err(item);
        assert_eq!(error.code(), code, "{item}");
    }
    let line = basket.lines()[0].clone();
    let error = basket
        .add(&"tea".parse().expect("shop"), line)
        .expect_err("other shop");
    assert_eq!(error.code(), "other_shop");
}

#[tokio::test]
async fn a_line_that_is_added_again_is_answered_alike_when_it_is_no_longer_sold() {
    let mut market = Market::new();
    let basket = market.add(&mei(), "beef", 2, "add").await.expect("adds");
    market.orders = Orders::new(&market.engine, market.desk.clone(), Menu::new());
    let again = market.add(&mei(), "beef", 2, "add").await;
    assert_eq!(again.expect("recalls"), basket);
    let error = market.add(&mei(), "beef", 2, "more").await;
    assert_eq!(error.expect_err("is not sold").code(), "not_on_menu");
}

#[test]
fn a_basket_takes_no_more_lines_than_its_limit() {
    let (mei, shop) = (mei(), "noodles".parse().expect("shop"));
    let line = |number: usize| {
        let item = format!("item-{number}").parse().expect("item");
        Line::new(item, "Item".parse().expect("title"), twd(1), 1).expect("a line")
    };
    let empty = Basket::new(mei.app_id().clone(), mei.signed_in().expect("user").clone());
    let full = (0..LINES_MAX)
        .try_fold(empty, |basket, number| basket.add(&shop, line(number)))
        .expect("fits");
    let error = full.clone().add(&shop, line(LINES_MAX)).expect_err("full");
    assert_eq!(error.code(), "basket_full");
    full.add(&shop, line(0))
        .expect("more of what is there fits");
}

#[tokio::test]
async fn an_order_keeps_the_prices_of_its_moment_and_empties_the_basket() {
    let market = Market::new();
    let order = market.placed().await;
    assert_eq!(
        (order.total(), order.state()),
        (twd(36_000), OrderState::Placed)
    );
    assert_eq!(
        market
            .orders
            .order(&mei(), order.id())
            .await
            .expect("reads"),
        order
    );
    let error = market.place("again").await.expect_err("nothing is left");
    assert_eq!(error.code(), "basket_empty");
}

#[tokio::test]
async fn the_same_key_places_once() {
    let market = Market::new();
    let order = market.placed().await;
    market.add(&mei(), "beef", 1, "more").await.expect("adds");
    assert_eq!(market.place("place").await.expect("recalls"), order);
    let other = market.place("other").await.expect("places");
    assert_ne!(other.id(), order.id());
}

#[tokio::test]
async fn a_key_whose_answer_was_forgotten_places_an_order_of_its_own() {
    let market = Market::new();
    let order = market.placed().await;
    market
        .clock
        .advance(mp_core::idempotency::IDEMPOTENCY_MEMORY * 3);
    market.add(&mei(), "beef", 1, "more").await.expect("adds");
    let other = market.place("place").await.expect("places");
    assert_ne!(other.id(), order.id());
    assert_eq!(other.total(), twd(18_000));
}

#[tokio::test]
async fn a_crash_between_basket_and_order_neither_loses_nor_doubles_the_order() {
    for recovers_by_worker in [true, false] {
        let store = Unsteady::new("/order/");
        let market = Market::on(store.store());
        market.add(&mei(), "beef", 2, "add").await.expect("adds");
        store.fail(true);
        let error = market.place("place").await.expect_err("cut off in between");
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Unknown, "order_on_its_way")
        );
        let error = market
            .place("other")
            .await
            .expect_err("another key finds nothing");
        assert_eq!(error.code(), "basket_empty");
        store.fail(false);

        // A restart: nothing is kept but the store.
        let market = Market::on(store.store());
        if recovers_by_worker {
            assert_eq!(market.work().await, 1);
        }
        let order = market.place("place").await.expect("recalls");
        assert_eq!(order.total(), twd(36_000));
        market.orders.pay(&mei(), order.id()).await.expect("pays");
        market.work().await;
        assert_eq!(
            market.state(&order).await,
            OrderState::Paid,
            "a late message changes nothing"
        );
        assert_eq!(store.partitions("/order/"), 1);
    }
}

#[test]
fn a_shop_has_one_currency_and_prices_within_bounds() {
    for price in [
        twd(0),
        twd(-1),
        twd(PRICE_MAX + 1),
        Money::new(1, Currency::EUR),
    ] {
        let (shop, item) = (
            "noodles".parse().expect("shop"),
            "tea".parse().expect("item"),
        );
        let error = menu().with(shop, item, "Tea".parse().expect("title"), price);
        assert_eq!(
            error.expect_err("refused").field(),
            Some("price"),
            "{price}"
        );
    }
}
