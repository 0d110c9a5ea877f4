use std::collections::BTreeMap;

use mp_core::Timestamp;
use mp_pay::{
    Payments,
    backend::Outcome as Answer,
    journal::{Event, JournalEntry},
    operation::Step,
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

fn count(days: &mut Days, merchant: &str, journal: &[JournalEntry]) {
    let mut asked = BTreeMap::new();
    let mut price = None;
    for entry in journal {
        match &entry.event {
            Event::Created(created) => price = Some(created.amount),
            Event::RefundAsked { refund, amount, .. } => drop(asked.insert(*refund, *amount)),
            Event::Observed {
                operation,
                outcome: Answer::Settled { .. },
                ..
            } => match (operation.step, price) {
                (Step::Charge(_), Some(price)) => {
                    let row = row(days, merchant, entry.at, &price.currency().to_string());
                    row.sold += price.minor();
                    row.payments += 1;
                }
                (Step::Refund(refund), Some(price)) => {
                    let row = row(days, merchant, entry.at, &price.currency().to_string());
                    row.refunded += asked.get(&refund).map_or(0, |amount| amount.minor());
                }
                _ => {}
            },
            _ => {}
        }
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
