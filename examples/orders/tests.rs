//! What the orders promise, on the reference store.

mod fixture;
mod unsteady;

use std::sync::Arc;

use mp_core::{
    Caller, Engine, Error, ErrorKind, Scope, Timestamp,
    amount::{Amount, Currency, Money},
    clock::ManualClock,
    entropy::SeededEntropy,
    host::Host,
    port::{Fact, SettlementListener, SettlementStatus},
    store::{MemoryStore, Store},
    work::{Worker, WorkerOptions},
};
use proptest::prelude::*;
use serde_json::json;

use self::unsteady::{Answer, Unsteady, UnsteadyDesk};
use super::*;

struct Market {
    engine: Engine,
    clock: Arc<ManualClock>,
    desk: Arc<UnsteadyDesk>,
    orders: Orders,
}

impl Market {
    fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    fn on(store: Arc<dyn Store>) -> Self {
        let start = Timestamp::from_micros(1_795_000_000_000_000);
        let clock = Arc::new(ManualClock::at(start));
        let desk = CashDesk::new(clock.clone()).with_limit(twd(100_000));
        let desk = Arc::new(UnsteadyDesk::new(desk));
        let engine = Engine::new(store, clock.clone(), Arc::new(SeededEntropy::new(1)));
        let orders = Orders::new(&engine, desk.clone(), menu());
        Self {
            engine,
            clock,
            desk,
            orders,
        }
    }

    async fn add(
        &self,
        caller: &Caller,
        item: &str,
        count: u32,
        key: &str,
    ) -> Result<Basket, Error> {
        let (shop, item) = (
            "noodles".parse().expect("shop"),
            item.parse().expect("item"),
        );
        let line = AddLine { shop, item, count };
        self.orders
            .add_line(caller, &line, &key.parse().expect("key"))
            .await
    }

    async fn place(&self, key: &str) -> Result<Order, Error> {
        self.orders.place(&mei(), &key.parse().expect("key")).await
    }

    /// Orders two bowls of noodles at 180.00.
    async fn placed(&self) -> Order {
        self.add(&mei(), "beef", 2, "add").await.expect("adds");
        self.place("place").await.expect("places")
    }

    async fn fulfilled(&self) -> Order {
        let order = self.placed().await;
        self.orders.pay(&mei(), order.id()).await.expect("pays");
        let key = "fulfil".parse().expect("key");
        self.orders
            .fulfil(&staff(), order.id(), &key)
            .await
            .expect("hands over")
    }

    async fn state(&self, order: &Order) -> OrderState {
        self.orders
            .order(&mei(), order.id())
            .await
            .expect("reads")
            .state()
    }

    fn held(&self, order: &Order) -> Money {
        let key = Payment::key(order.id());
        self.desk
            .inner()
            .held(order.app(), &key)
            .expect("was taken")
    }

    /// Lets a worker do what is due, and returns how much that was.
    async fn work(&self) -> u64 {
        let worker =
            Worker::new(&self.engine, WorkerOptions::default()).with(self.orders.handlers());
        worker.drain().await.expect("works")
    }
}

fn menu() -> Menu {
    [
        ("beef", "Beef noodles", 18_000),
        ("gold", "Gold noodles", 100_001),
    ]
    .into_iter()
    .try_fold(Menu::new(), |menu, (item, title, price)| {
        let shop = "noodles".parse().expect("shop");
        let (item, title) = (item.parse().expect("item"), title.parse().expect("title"));
        menu.with(shop, item, title, twd(price))
    })
    .expect("a menu")
}

const fn twd(minor: i64) -> Money {
    Money::new(minor, Currency::TWD)
}

fn user(name: &str) -> Caller {
    Caller::user("market".parse().expect("app"), name.parse().expect("user"))
}

fn mei() -> Caller {
    user("mei").with_scope(ORDER_READ).with_scope(ORDER_WRITE)
}

fn staff() -> Caller {
    user("chen").with_scope(Scope::STAFF)
}

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
                if fails {
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
    market
        .orders
        .pay(&mei(), order.id())
        .await
        .expect_err("cut off");
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

#[tokio::test]
async fn a_return_gives_the_money_back_once() {
    let market = Market::new();
    let order = market.fulfilled().await;
    let key = "return".parse().expect("key");
    let reason: mp_core::label::Label = "The soup was cold".parse().expect("label");
    for _ in 0..2 {
        let asked = market
            .orders
            .request_return(&mei(), order.id(), reason.clone(), &key)
            .await;
        assert_eq!(asked.expect("asks").state(), OrderState::ReturnRequested);
    }
    market.desk.lose(Answer::GiveBack, true);
    market
        .orders
        .take_back(&staff(), order.id())
        .await
        .expect_err("lost");
    for _ in 0..3 {
        let order = market
            .orders
            .take_back(&staff(), order.id())
            .await
            .expect("takes back");
        assert_eq!(order.state(), OrderState::Returned);
    }
    assert_eq!(market.held(&order), twd(0));
    let receipt = market
        .orders
        .receipt(&mei(), order.id())
        .await
        .expect("reads");
    assert_eq!(
        (receipt.paid, receipt.given_back, receipt.kept),
        (twd(36_000), twd(36_000), twd(0))
    );
}

#[tokio::test]
async fn no_money_goes_back_before_the_buyer_asks() {
    let market = Market::new();
    let order = market.fulfilled().await;
    let error = market
        .orders
        .take_back(&staff(), order.id())
        .await
        .expect_err("not asked for");
    assert_eq!(error.code(), "order_state");
    assert_eq!(market.held(&order), order.total());
}

#[tokio::test]
async fn nobody_sees_or_moves_what_is_not_theirs() {
    let market = Market::new();
    let order = market.placed().await;
    let other_app = Caller::user("fair".parse().expect("app"), "mei".parse().expect("user"))
        .with_scope(Scope::STAFF);
    let key = "key".parse().expect("key");
    for stranger in [user("ada"), other_app] {
        let seen = market.orders.receipt(&stranger, order.id()).await;
        assert_eq!(seen.expect_err("hidden").code(), "not_found");
        let paid = market.orders.pay(&stranger, order.id()).await;
        assert_eq!(paid.expect_err("hidden").code(), "not_found");
    }
    let handed = market.orders.fulfil(&mei(), order.id(), &key).await;
    assert_eq!(handed.expect_err("staff only").code(), "forbidden");
    let taken = market.orders.take_back(&mei(), order.id()).await;
    assert_eq!(taken.expect_err("staff only").code(), "forbidden");
    let app = Caller::app("market".parse().expect("app"));
    let placed = market.orders.place(&app, &key).await;
    assert_eq!(
        placed.expect_err("nobody's basket").code(),
        "unauthenticated"
    );
}

#[tokio::test]
async fn a_host_registers_the_operations_like_any_others() {
    let market = Market::new();
    let host = Host::new(&market.engine)
        .with(market.orders.operations())
        .expect("fits");
    let names: Vec<&str> = host
        .operations()
        .map(|operation| operation.name())
        .collect();
    let expected = [
        "order.add_line",
        "order.fulfil",
        "order.pay",
        "order.place",
        "order.receipt",
        "order.request_return",
        "order.return",
    ];
    assert_eq!(names, expected);
    let line = json!({"idempotency_key": "1", "shop": "noodles", "item": "beef", "count": 1});
    host.call(&mei(), "order.add_line", line)
        .await
        .expect("adds");
    let order = host
        .call(&mei(), "order.place", json!({"idempotency_key": "2"}))
        .await;
    let order = order.expect("places");
    let pay = json!({"idempotency_key": "3", "order": order["id"]});
    let paid = host.call(&mei(), "order.pay", pay).await.expect("pays");
    assert_eq!(paid["outcome"], "paid");
    let error = host
        .call(&mei(), "order.pay", json!({"order": order["id"]}))
        .await;
    assert_eq!(error.expect_err("no key").field(), Some("idempotency_key"));
}

#[test]
fn a_receipt_reads_like_one() {
    let order = fixture::returned_order();
    let printed = Receipt::of(&order).expect("a receipt").to_string();
    let expected = "\
noodles  ord_01HF7YAT000000000000000000
2026-11-21 18:00 UTC
  2 × Beef noodles                  360.00 TWD
      total                         360.00 TWD
      paid                          360.00 TWD
      given back                    360.00 TWD
";
    assert_eq!(printed, expected);
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

proptest! {
    #[test]
    fn the_total_is_the_sum_of_the_lines_even_of_the_largest_order(
        wanted in prop::collection::vec((1..=PRICE_MAX, 1..=COUNT_MAX), 1..=LINES_MAX)
    ) {
        let lines: Vec<Line> = wanted
            .iter()
            .map(|(price, count)| {
                let (item, title) = ("item".parse().expect("item"), "Item".parse().expect("title"));
                Line::new(item, title, twd(*price), *count).expect("within the limits")
            })
            .collect();
        let sum: i64 = wanted.iter().map(|(price, count)| price * i64::from(*count)).sum();
        let total = line::total(Currency::TWD, &lines).expect("fits");
        prop_assert_eq!(total, twd(sum));
        prop_assert!(serde_json::to_string(&Amount::from(total)).is_ok(), "JSON carries it");
    }
}
