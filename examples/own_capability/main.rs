//! Registers a host's own capability beside payments, orders from a night market's stall through it
//! in JSON, and prints the receipt. With a port it serves both by HTTP instead, until it is stopped.
//!
//! ```sh
//! cargo run --example own_capability
//! cargo run --example own_capability -- 8080
//! ```

mod endpoint;
mod market;
#[cfg(test)]
mod tests;

use std::error::Error;

use mp_core::{Caller, host::Host};
use mp_examples::orders::Receipt;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use self::market::Market;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    match std::env::args().nth(1) {
        Some(port) => serve(port.parse()?).await,
        None => order().await,
    }
}

/// Serves the market's operations, and does what is due beside.
async fn serve(port: u16) -> Outcome<()> {
    let market = Market::open()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tell(&format!("http://{}", listener.local_addr()?));
    let router = endpoint::router(market.host, market::sessions()?);
    let (_running, stop) = watch::channel(false);
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        () = market.worker.run(stop) => {}
    }
    Ok(())
}

fn tell(url: &str) {
    println!("The market is served at {url}. Mei's session is `mei`, the stall's `chen`:\n");
    println!(
        "  curl {url}/call/order.add_line -H 'authorization: Bearer mei' \\\n    \
         -d '{{\"idempotency_key\": \"key-1\", \"shop\": \"noodles\", \"item\": \"beef\", \"count\": 2}}'"
    );
}

async fn order() -> Outcome<()> {
    let host = Market::open()?.host;
    let (mei, stall) = (market::mei()?, market::stall()?);

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

async fn receipt(host: &Host, caller: &Caller, order: &Value) -> Outcome<Receipt> {
    let asked = json!({ "order": order["id"] });
    let answer = host.call(caller, "order.receipt", asked).await?;
    Ok(serde_json::from_value(answer)?)
}
