//! A day at a stall in double entry: Mei tops up her wallet, pays for noodles from it, gets the cold
//! ones back, and in the evening the stall is paid out. A lantern she
//! pays by a payment intent whose backend is the ledger. Then the books are drawn up, the journal is
//! verified, and somebody changes a record behind the ledger's back, which is seen.
//!
//! ```sh
//! cargo run --example ledger
//! ```

mod checkout;
mod paper;
mod stall;

use std::sync::Arc;

use mp_core::{Engine, clock::ManualClock, entropy::SystemEntropy, store::MemoryStore};

use self::stall::Stall;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::at("2026-11-21T10:00:00Z".parse()?));
    let engine = Engine::new(store.clone(), clock.clone(), Arc::new(SystemEntropy::new()));
    let stall = Stall::open(&engine, clock).await?;

    stall.top_up("09.top-up", 50_00).await?;
    let noodles = stall.order("10.noodles", 12_50, Some(11_00)).await?;
    println!(
        "10:05  noodles, 12.50 held, 11.00 posted: {}",
        noodles.status
    );
    let soup = stall.order("11.soup", 8_00, None).await?;
    println!("10:10  soup, 8.00 held and posted: {}", soup.status);
    let back = stall.give_back("12.cold", &soup).await?;
    println!("10:15  the soup was cold, and goes back: {}", back.status);
    let refused = stall.order("13.banquet", 99_00, None).await;
    let refused = refused.expect_err("the wallet holds less");
    println!("10:20  a banquet: {refused}");
    let paid_out = stall.pay_out("20.pay-out", 10_00).await?;
    println!("10:30  paid out to the stall's bank: {}", paid_out.status);

    let (mei, checkout) = (&stall.mei, &stall.checkout);
    let lantern = checkout.pay(mei, "mei/wallet", 6_00, "lantern").await?;
    let back = checkout.refund(&stall.office, lantern.id, 1_50, "dented");
    let back = back.await?.operation.stage;
    println!(
        "10:30  a lantern by payment intent: {}, 1.50 refunded: {back:?}",
        lantern.status
    );
    let other = checkout.pay(mei, "stall/sales", 1_00, "cheek").await?;
    let why = other
        .last_error
        .map_or_else(String::new, |code| code.to_string());
    println!("10:30  … and from an account that is not hers: {why}\n");

    for account in ["mei/wallet", "stall/sales"] {
        paper::statement(&stall.statement(account).await?);
    }
    let trial = stall.trial_balance(&*store).await?;
    paper::trial_balance(&trial);

    for book in ["mei", "stall", "house"] {
        paper::verified(book, &stall.verify(book).await?);
    }
    stall.tamper(&*store).await?;
    println!("\nSomebody makes Mei's 50.00 a 90.00 in the database …");
    paper::verified("mei", &stall.verify("mei").await?);
    Ok(())
}

#[cfg(test)]
mod tests;
