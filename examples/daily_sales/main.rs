//! Keeps the day's sales per merchant in the host's own table, from what payments tell a feed.
//!
//! ```sh
//! cargo run --example daily_sales
//! ```
//!
//! Three stalls sell for two days; what one gives back comes back the next day. On the second evening
//! the report dies half-way through a transaction; a new process goes on, and its table agrees with the
//! payments' own journals.

mod ledger;
mod market;
mod report;
mod sales;
#[cfg(test)]
mod tests;

use std::{error::Error, path::Path, sync::Arc};

use mp_core::{clock::ManualClock, work::LEASE};

use self::{
    ledger::journaled,
    market::{DAYS, Market, STALLS},
    report::Report,
    sales::DailySales,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    print!("{}", two_days(folder.path()).await?);
    Ok(())
}

/// Lives through two days and a crash, and returns what there is to see.
async fn two_days(folder: &Path) -> Outcome<Report> {
    let clock = Arc::new(ManualClock::at(DAYS[0].parse()?));
    let table = Arc::new(DailySales::open(&folder.join("host.db"))?);
    let market = Market::open(folder, &clock, table.clone()).await?;
    let mut sold = Vec::new();
    market.sell(&mut sold).await?;
    let in_vain = sold[1].clone();
    market.give_half_back_in_vain(&in_vain).await?;
    market.work().await?;
    clock.set(DAYS[1].parse()?);
    market.sell(&mut sold).await?;
    market.hear(&in_vain).await?;

    // The process dies in the host's transaction for one stall's day: all of that is gone.
    table.die_at(STALLS[1]);
    market.work().await?;
    let at_crash = table.rows()?;
    drop((market, table));

    clock.advance(LEASE);
    let table = Arc::new(DailySales::open(&folder.join("host.db"))?);
    let market = Market::open(folder, &clock, table.clone()).await?;
    market.work().await?;
    Ok(Report {
        at_crash,
        table: table.rows()?,
        journals: journaled(&market.payments, &sold).await?,
    })
}
