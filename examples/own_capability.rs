//! Registers a host's own capability, orders from a night market's stall through it in JSON, and
//! prints the receipt.
//!
//! ```sh
//! cargo run --example own_capability
//! ```

use std::{error::Error, sync::Arc};

use mp_core::{
    Caller, Engine, Scope,
    amount::{Currency, Money},
    clock::SystemClock,
    entropy::SystemEntropy,
    host::Host,
    store::MemoryStore,
};
use mp_examples::orders::{CashDesk, Menu, ORDER_READ, ORDER_WRITE, Orders, Receipt};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = host()?;
    let mei = Caller::user("market".parse()?, "mei".parse()?)
        .with_scope(ORDER_READ)
        .with_scope(ORDER_WRITE);
    let stall = Caller::user("market".parse()?, "chen".parse()?).with_scope(Scope::STAFF);

    println!("What this host can be asked:");
    for operation in host.operations() {
        println!("  {:<22}{}", operation.name(), operation.summary());
    }

    for (key, item, count) in [("key-1", "beef", 2), ("key-2", "plum", 3)] {
        let line = json!({"idempotency_key": key, "shop": "noodles", "item": item, "count": count});
        host.call(&mei, "order.add_line", line).await?;
    }
    let place = json!({"idempotency_key": "key-3"});
    let order = host.call(&mei, "order.place", place.clone()).await?;
    let again = host.call(&mei, "order.place", place).await?;
    assert_eq!(order, again, "the same key orders once");

    let of_order = |key: &str| json!({"idempotency_key": key, "order": order["id"]});
    host.call(&mei, "order.pay", of_order("key-4")).await?;
    host.call(&stall, "order.fulfil", of_order("key-5")).await?;
    println!("\n{}", receipt(&host, &mei, &order).await?);

    let error = host.call(&mei, "order.return", of_order("key-6")).await;
    if let Err(error) = error {
        println!("Mei cannot give the money back to herself: {error}.");
    }
    let mut request = of_order("key-7");
    request["reason"] = json!("The soup was cold");
    host.call(&mei, "order.request_return", request).await?;
    host.call(&stall, "order.return", of_order("key-8")).await?;
    println!(
        "After the return:\n\n{}",
        receipt(&host, &mei, &order).await?
    );
    Ok(())
}

fn host() -> Result<Host, Box<dyn Error>> {
    let engine = Engine::new(
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy::new()),
    );
    let desk = Arc::new(CashDesk::new(engine.clock().clone()));
    let orders = Orders::new(&engine, desk, menu()?);
    Ok(Host::new(&engine).with(orders.operations())?)
}

fn menu() -> Result<Menu, Box<dyn Error>> {
    let mut menu = Menu::new();
    for (item, title, price) in [
        ("beef", "Beef noodles", 18_000),
        ("plum", "Sour plum juice", 4_500),
    ] {
        let price = Money::new(price, Currency::TWD);
        menu = menu.with("noodles".parse()?, item.parse()?, title.parse()?, price)?;
    }
    Ok(menu)
}

async fn receipt(host: &Host, caller: &Caller, order: &Value) -> Result<Receipt, Box<dyn Error>> {
    let asked = json!({ "order": order["id"] });
    let answer = host.call(caller, "order.receipt", asked).await?;
    Ok(serde_json::from_value(answer)?)
}
