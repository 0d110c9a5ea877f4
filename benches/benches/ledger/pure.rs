//! One core, no store: what making an entry costs.

use std::time::{Duration, Instant};

use doubleentry::prelude::*;
use mp_benches::Throughput;
use mp_core::{Timestamp, amount::Currency};
use mp_pay::ledger::{Account, Book, Desk, Leg, Occasion, Side, TransferId};

/// How many transfers one round makes.
const TRANSFERS: u32 = 50_000;

/// How many go by before their entries are taken away, as a batch that was committed.
const BATCH: u32 = 500;

/// Makes transfers by our pure machine: bounds checked, entry chained by SHA-256.
pub(crate) fn desk() -> Throughput {
    let mut desk = opened();
    let book = desk.book().id.clone();
    let [debit, credit] = ["cash", "sales"].map(|name| book.account(name).expect("a name"));
    let legs = [Leg {
        of_move: 0,
        debit,
        credit,
        unit: Currency::EUR.into(),
        amount: 1,
    }];
    timed(|number| {
        let occasion = Occasion {
            transfer: TransferId::from_bytes(u128::from(number).to_be_bytes()),
            memo: None,
            at: Timestamp::from_micros(i64::from(number)),
        };
        desk.post(&legs, &occasion).expect("moves");
        if number % BATCH == 0 {
            desk.take_entries();
        }
    })
}

fn opened() -> Desk {
    let app: mp_core::id::AppId = "market".parse().expect("an app");
    let book = Book::new(
        app.clone(),
        "stall".parse().expect("a book"),
        Timestamp::MIN,
    );
    let mut desk = Desk::new(book, []);
    for (name, side) in [("stall/cash", Side::Debit), ("stall/sales", Side::Credit)] {
        let id = name.parse().expect("an account");
        let account = Account::opened(id, app.clone(), Currency::EUR.into(), side);
        desk.open(account.bounded(Some(0), None)).expect("opens");
    }
    desk
}

/// Makes the same transfers by the crate `doubleentry`, which keeps a Merkle log of them.
pub(crate) fn doubleentry() -> Throughput {
    let start = date!("2026-01-01");
    let ledger = LedgerId::new("example.com/stall").expect("a ledger");
    let mut books = Journal::new(ledger);
    books.declare_currency(EUR, 2, start).expect("a currency");
    books.define_months(2026, 1..=12).expect("periods");
    for (account, kind) in [
        ("Assets:Cash", AccountKind::Asset),
        ("Income:Sales", AccountKind::Income),
    ] {
        books.open(account, kind, start).expect("opens");
    }
    timed(|number| {
        let entry = Entry::new(format!("sale-{number}"), date!("2026-03-15"))
            .debit("Assets:Cash", amount!("0.01"), EUR)
            .credit("Income:Sales", amount!("0.01"), EUR);
        books.record(entry).expect("records");
    })
}

fn timed(mut transfer: impl FnMut(u32)) -> Throughput {
    let started = Instant::now();
    for number in 1..=TRANSFERS {
        transfer(number);
    }
    let spent = started.elapsed();
    Throughput {
        per_second: f64::from(2 * TRANSFERS) / spent.as_secs_f64(),
        p99: Duration::ZERO,
    }
}
