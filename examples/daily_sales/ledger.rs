use std::collections::{BTreeMap, BTreeSet};

use mp_core::{Timestamp, amount::Money};
use mp_pay::{
    Payments,
    backend::Outcome as Answer,
    journal::{Event, JournalEntry},
    operation::Step,
    refund::RefundId,
};

use super::{Outcome, market::Sale, sales::Row};

/// Counts the same table from the payments' own journals, without the feed.
pub(crate) async fn journaled(payments: &Payments, sold: &[Sale]) -> Outcome<Vec<Row>> {
    let mut days = BTreeMap::new();
    for sale in sold {
        let journal = payments.journal(&sale.keeper(), sale.intent).await?;
        count(&mut days, sale.stall.as_str(), &journal);
    }
    Ok(days.into_values().collect())
}

type Days = BTreeMap<(String, String), Row>;

/// What a payment's journal has told so far. A bank tells some things twice: the first time counts.
#[derive(Default)]
struct Told {
    price: Option<Money>,
    asked: BTreeMap<RefundId, Money>,
    settled: BTreeSet<Step>,
    declined: BTreeSet<Step>,
}

/// What one entry adds to its day.
#[derive(Clone, Copy)]
enum Moved {
    Sold,
    Refunded(i64),
}

fn count(days: &mut Days, merchant: &str, journal: &[JournalEntry]) {
    let mut told = Told::default();
    for entry in journal {
        let moved = told.hear(&entry.event);
        let (Some(moved), Some(price)) = (moved, told.price) else {
            continue;
        };
        let row = row(days, merchant, entry.at, &price.currency().to_string());
        match moved {
            Moved::Sold => {
                row.sold += price.minor();
                row.payments += 1;
            }
            Moved::Refunded(cents) => row.refunded += cents,
        }
    }
}

impl Told {
    fn hear(&mut self, event: &Event) -> Option<Moved> {
        match event {
            Event::Created(created) => self.price = Some(created.amount),
            Event::RefundAsked { refund, amount, .. } => drop(self.asked.insert(*refund, *amount)),
            Event::Observed {
                operation, outcome, ..
            } => return self.observe(operation.step, outcome),
            _ => {}
        }
        None
    }

    /// A refund that has failed stays so, whatever else is told; if it was made before, it comes back.
    fn observe(&mut self, step: Step, outcome: &Answer) -> Option<Moved> {
        match (step, outcome) {
            (Step::Charge(_), Answer::Settled { .. }) => {
                self.settled.insert(step).then_some(Moved::Sold)
            }
            (Step::Refund(refund), Answer::Settled { .. }) => {
                let made = self.settled.insert(step) && !self.declined.contains(&step);
                made.then_some(Moved::Refunded(self.cents(refund)))
            }
            (Step::Refund(refund), Answer::Declined { .. }) => {
                let failed = self.declined.insert(step) && self.settled.contains(&step);
                failed.then_some(Moved::Refunded(-self.cents(refund)))
            }
            _ => None,
        }
    }

    fn cents(&self, refund: RefundId) -> i64 {
        self.asked.get(&refund).map_or(0, |amount| amount.minor())
    }
}

fn row<'a>(days: &'a mut Days, merchant: &str, at: Timestamp, currency: &str) -> &'a mut Row {
    let day = at.to_string()[.."2026-11-21".len()].to_owned();
    let key = (merchant.to_owned(), day.clone());
    days.entry(key).or_insert_with(|| Row {
        merchant: merchant.to_owned(),
        day,
        currency: currency.to_owned(),
        ..Row::default()
    })
}
