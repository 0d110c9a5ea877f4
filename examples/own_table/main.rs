//! A shop keeps its orders in a table of its own, on the database that also holds our records: an
//! order and the payment intent for it exist both or not at all, whenever the shop dies.
//!
//! ```sh
//! cargo run --example own_table
//! cargo run --example own_table -- --store postgres://user:password@host/database
//! ```

mod postgres;
mod shop;
mod sqlite;

use std::error::Error;

use clap::Parser;
use mp_core::amount::{Currency, Money};

use self::{
    postgres::PostgresTable,
    shop::{Dies, Order, Shop, Table},
    sqlite::SqliteTable,
};

/// An order in the shop's own table and a payment intent of ours, in one transaction.
#[derive(Parser)]
struct Options {
    /// Where both are kept: `sqlite:PATH` or a `postgres://` URL [default: a new SQLite file].
    #[arg(long)]
    store: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let new = format!("sqlite:{}", folder.path().join("shop.db").display());
    let store = Options::parse().store.unwrap_or(new);
    if store.starts_with("postgres://") {
        sell(&mut Shop::new(PostgresTable::connect(&store).await?)).await
    } else if let Some(path) = store.strip_prefix("sqlite:") {
        sell(&mut Shop::new(SqliteTable::open(path.as_ref())?)).await
    } else {
        Err("write `sqlite:PATH` or `postgres://…`".into())
    }
}

async fn sell(shop: &mut Shop<impl Table>) -> Result<(), Box<dyn Error>> {
    let order = |number, customer, cents| Order {
        number,
        customer,
        amount: Money::new(cents, Currency::EUR),
    };
    println!("Mei orders tea. The shop lives.");
    shop.place(&order(1, "mei", 450), Dies::Never).await?;
    println!("Ben orders noodles. The shop dies before it commits:");
    shop.place(&order(2, "ben", 980), Dies::BeforeCommit)
        .await?;
    shop.show().await?;
    println!("Ben's phone asks again, and the shop lives:");
    shop.place(&order(2, "ben", 980), Dies::Never).await?;
    println!("Mei's phone asks again as well, since it never heard an answer. Then both pay:");
    shop.place(&order(1, "mei", 450), Dies::Never).await?;
    shop.pay("mei").await?;
    shop.pay("ben").await?;
    shop.show().await
}

#[cfg(test)]
mod tests {
    use throwaway_postgres::database;

    use super::*;

    async fn an_order_and_its_intent_exist_both_or_not_at_all(mut shop: Shop<impl Table>) {
        let amount = Money::new(980, Currency::EUR);
        let (number, customer) = (7, "ben");
        let order = Order {
            number,
            customer,
            amount,
        };
        for (dies, found) in [(Dies::BeforeCommit, 0), (Dies::Never, 1), (Dies::Never, 1)] {
            shop.place(&order, dies).await.expect("is placed");
            let rows = shop.table.rows().await.expect("reads");
            assert_eq!(rows.len(), found);
            let planned = shop.plan(&order).await.expect("plans");
            let is_there = planned.batch.is_none();
            assert_eq!(is_there, found == 1, "the intent is there with the row");
        }
        sell(&mut shop).await.expect("sells to the end");
    }

    #[tokio::test]
    async fn in_a_sqlite_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let table = SqliteTable::open(&folder.path().join("shop.db")).expect("opens");
        an_order_and_its_intent_exist_both_or_not_at_all(Shop::new(table)).await;
    }

    #[tokio::test]
    async fn in_a_postgresql_database() {
        let Some(database) = database("in_a_postgresql_database").await else {
            return;
        };
        let table = PostgresTable::connect(database.url())
            .await
            .expect("connects");
        an_order_and_its_intent_exist_both_or_not_at_all(Shop::new(table)).await;
    }
}
