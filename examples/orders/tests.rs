//! What the orders promise, on the reference store.

mod fixture;
mod paying;
mod placing;
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
async fn a_return_that_was_declined_is_tried_anew_and_gives_the_money_back_once() {
    let market = Market::new();
    let order = market.fulfilled().await;
    let (key, reason) = ("key".parse().expect("key"), "Cold".parse().expect("label"));
    let (mei, chen) = (mei(), staff());
    let asked = market.orders.request_return(&mei, order.id(), reason, &key);
    asked.await.expect("asks");
    market.desk.refuse();
    let back = || market.orders.take_back(&chen, order.id());
    assert_eq!(
        back().await.expect_err("declined").code(),
        "refund_declined"
    );
    assert_eq!(market.state(&order).await, OrderState::ReturnRequested);
    assert_eq!(market.held(&order), order.total());
    for _ in 0..2 {
        let order = back().await.expect("takes back");
        assert_eq!(order.state(), OrderState::Returned);
        assert_eq!(order.returned().expect("a wish").failures(), 1);
    }
    assert_eq!(market.held(&order), twd(0));
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
