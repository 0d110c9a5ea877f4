//! What is found, as a person likes to read it.

use mp_core::{
    amount::{Amount, Unit},
    store::Delivery,
};
use mp_pay::{
    journal::JournalEntry,
    ledger::{BookId, TrialBalance, Verified},
    payments::Unresolved,
    webhook::{Handled, Unhandled},
};
use serde_json::Value;

use super::console::History;

pub(crate) fn intent(history: &History) {
    let intent = &history.intent;
    println!(
        "  {}  {} of {}: {}, {} received, {} given back",
        intent.id,
        intent.amount,
        intent.owner,
        intent.status,
        intent.amount_received,
        intent.amount_refunded,
    );
    for entry in &history.journal {
        println!(
            "    {:>2}  {}  {}",
            entry.number,
            time(entry.at),
            said(entry)
        );
    }
    println!();
}

/// Tells an event by its name and what belongs to it; how somebody pays is nobody's business.
fn said(entry: &JournalEntry) -> String {
    let event = serde_json::to_value(&entry.event).unwrap_or_default();
    let Value::Object(mut told) = event else {
        return String::new();
    };
    told.remove("payment_method");
    let kind = told.remove("type").unwrap_or_default();
    let rest = told.iter().filter(|(_, value)| !value.is_null());
    let rest: Vec<String> = rest
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let line = format!(
        "{:<12} {}",
        kind.as_str().unwrap_or_default(),
        rest.join(", ")
    );
    line.trim_end().chars().take(150).collect()
}

pub(crate) fn unresolved(all: &[Unresolved]) {
    for each in all {
        let since = each.sent_at.map_or_else(String::new, time);
        println!(
            "  {}  {} of {}, {:?} since {since}",
            each.operation, each.amount, each.owner, each.stage
        );
    }
    println!("  {} in all\n", all.len());
}

pub(crate) fn dead(letters: &[Delivery]) {
    for letter in letters {
        let why = letter.last_error.as_deref().unwrap_or("no reason is known");
        println!("  {} {}", letter.partition.id(), letter.key);
        println!("      tried {} times: {why}", letter.attempts);
    }
    println!("  {} in all\n", letters.len());
}

pub(crate) fn webhooks(all: &[Unhandled]) {
    for each in all {
        let event = each
            .event
            .as_ref()
            .map_or("no name", |event| event.as_str());
        let why = each.problem.as_deref().unwrap_or("no reason is known");
        println!("  {} ({event})", each.webhook);
        println!("      tried {} times: {why}", each.attempts);
    }
    println!("  {} in all\n", all.len());
}

pub(crate) fn handled(handled: &Handled) {
    println!("  {:?} at {}", handled.outcome, time(handled.at));
}

pub(crate) fn trial_balance(trial: &TrialBalance) {
    println!("  {:<24} {:>14} {:>14}", "", "debits", "credits");
    for row in &trial.rows {
        println!(
            "  {:<24} {:>14} {:>14}",
            row.account.to_string(),
            minor(row.balance.debits_posted, &row.unit),
            minor(row.balance.credits_posted, &row.unit),
        );
    }
    for total in &trial.totals {
        println!(
            "  {:<24} {:>14} {:>14}  in transit {}",
            total.unit.to_string(),
            minor(total.debits_posted, &total.unit),
            minor(total.credits_posted, &total.unit),
            minor(total.in_transit, &total.unit),
        );
    }
    let word = if trial.is_balanced() {
        "they balance"
    } else {
        "THEY DO NOT BALANCE"
    };
    println!("  {word}\n");
}

pub(crate) fn verified(books: &[(BookId, Verified)]) {
    for (book, found) in books {
        match &found.broken {
            None => println!("  {book}: {} entries, whole", found.entries),
            Some(broken) => println!(
                "  {book}: entry {} was changed or is broken ({:?})",
                broken.entry, broken.problem
            ),
        }
    }
    println!();
}

/// Leaves out the date, and what is less than a second.
fn time(at: mp_core::Timestamp) -> String {
    at.to_string().chars().skip(11).take(8).collect()
}

fn minor(minor: i64, unit: &Unit) -> String {
    Amount::new(minor, unit.clone()).to_string()
}
