//! A courier brings a dish: the customer pays when it is handed over, the courier is paid for
//! bringing it, and the process may be killed at any moment in between.
//!
//! ```sh
//! cargo run --example courier
//! ```
//!
//! The capability is the host's own ([`errands`]). Money comes in through the
//! [`Settlement`](mp_core::port::Settlement) port and goes out through the
//! [`Payout`](mp_core::port::Payout) port; `market.rs` joins both with `mp-pay` in one line. First a
//! delivery as it should be; then one to a customer whose bank asks for something first, and one by a
//! courier whose account is closed, which waits for a person; then the first once more for each moment at which the process can die: before and after every
//! write of the market's and of the payment provider's.

mod errand;
mod errands;
mod fuse;
mod market;
mod stage;
#[cfg(test)]
mod tests;

use std::error::Error;

use mp_core::amount::Money;

use self::{
    errand::Errand,
    fuse::Fuse,
    market::{Moved, ORDER, Outside, Process},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// An account of the courier's that takes money, and one that was closed.
const OPEN: &str = "acct_hugo";
const CLOSED: &str = "po_declined";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    println!("A dish for {}, brought for {}\n", ORDER.price, ORDER.wage);
    as_it_should_be().await?;
    println!("\nThe customer's bank asks for something first\n");
    through_a_bank_that_asks().await?;
    println!("\nThe courier's account is closed\n");
    to_a_closed_account().await?;
    println!("\nThe process is killed, and another started: what the provider's books say then\n");
    killed_at_every_moment().await
}

async fn as_it_should_be() -> Outcome<()> {
    let outside = Outside::paying_with("pm_ok")?;
    let process = outside.start(Fuse::at(0), OPEN)?;
    let ordered = process.order().await?;
    tell("Mei orders", &ordered, &process).await?;
    let brought = process.hand_over(ordered.id).await?;
    tell("Hugo hands it over", &brought, &process).await
}

async fn through_a_bank_that_asks() -> Outcome<()> {
    let outside = Outside::paying_with("pm_action")?;
    let process = outside.start(Fuse::at(0), OPEN)?;
    let ordered = process.order().await?;
    tell("Mei orders", &ordered, &process).await?;
    process.work().await?;
    let brought = process.hand_over(ordered.id).await?;
    tell("Mei has done so, Hugo brings", &brought, &process).await
}

async fn to_a_closed_account() -> Outcome<()> {
    let outside = Outside::paying_with("pm_ok")?;
    let process = outside.start(Fuse::at(0), CLOSED)?;
    let brought = process.deliver().await?;
    tell("Hugo hands it over", &brought, &process).await?;
    for (work, why) in process.given_up().await? {
        println!("  waits for a person: {work}\n    {why}");
    }
    let process = outside.start(Fuse::at(0), OPEN)?;
    let paid = process.pay_again(brought.id).await?;
    tell("Hugo tells another account", &paid, &process).await
}

async fn killed_at_every_moment() -> Outcome<()> {
    println!(
        "  {:<44} {:>14} {:>14}",
        "killed", "Mei has paid", "Hugo has got"
    );
    let moments = moments(("pm_ok", OPEN)).await?;
    let mut exact = 0;
    for moment in 1..=moments {
        let outside = Outside::paying_with("pm_ok")?;
        let place = die_at(&outside, moment, OPEN).await?;
        let process = recover(&outside, OPEN).await?;
        process.deliver().await?;
        let Moved { taken, paid } = process.moved().await?;
        exact += u32::from(taken == [ORDER.price] && paid == [ORDER.wage]);
        println!("  {place:<44} {:>14} {:>14}", listed(&taken), listed(&paid));
    }
    println!("\n{moments} kills; after {exact} of them both were paid, once.");
    Ok(())
}

/// Returns at how many moments a delivery's process can die.
async fn moments((card, account): (&'static str, &str)) -> Outcome<u32> {
    let process = Outside::paying_with(card)?.start(Fuse::at(0), account)?;
    process.deliver().await?;
    Ok(process.fuse.moments())
}

/// Lives until the process dies, and returns where it did.
async fn die_at(outside: &Outside, moment: u32, account: &str) -> Outcome<String> {
    let process = outside.start(Fuse::at(moment), account)?;
    process.fuse.live(process.deliver()).await.transpose()?;
    Ok(process.fuse.place().unwrap_or_else(|| "nowhere".to_owned()))
}

/// Starts another process, which does what is due.
async fn recover(outside: &Outside, account: &str) -> Outcome<Process> {
    let process = outside.start(Fuse::at(0), account)?;
    process.work().await?;
    Ok(process)
}

async fn tell(what: &str, errand: &Errand, process: &Process) -> Outcome<()> {
    let Moved { taken, paid } = process.moved().await?;
    let (what, stage) = (format!("{what}:"), errand.stage);
    println!(
        "  {what:<28} {stage:<16} Mei has paid {}, Hugo has got {}",
        listed(&taken),
        listed(&paid)
    );
    if let Some(action) = &errand.action {
        println!("    what her screen has to show: {action}");
    }
    Ok(())
}

/// Shows every movement: who was charged twice would see both.
fn listed(movements: &[Money]) -> String {
    let told: Vec<String> = movements.iter().map(ToString::to_string).collect();
    match told.is_empty() {
        true => "nothing".to_owned(),
        false => told.join(" + "),
    }
}
