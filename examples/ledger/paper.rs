//! Statements and balances as a person likes to read them.

use mp_core::amount::{Amount, Unit};
use mp_pay::ledger::{Statement, TrialBalance, Verified};

pub(crate) fn statement(statement: &Statement) {
    println!("Statement of {}", statement.account);
    println!("  {:<46} {:>12}", "opening", number(&statement.opening));
    let unit = statement.opening.unit();
    for line in &statement.lines {
        let memo = line.memo.as_ref().map_or("", |memo| memo.as_str());
        println!(
            "  {} {:<12.11} {:<15} {:>11} {:>12}",
            &line.at.to_string()[11..16],
            memo,
            line.act,
            change(line.change, line.pending, unit),
            minor(line.balance, unit),
        );
    }
    println!("  {:<46} {:>12}\n", "closing", number(&statement.closing));
}

/// Shows what is only held in brackets.
fn change(posted: i64, pending: i64, unit: &Unit) -> String {
    if posted == 0 && pending != 0 {
        format!("({})", minor(pending, unit))
    } else {
        minor(posted, unit)
    }
}

pub(crate) fn trial_balance(trial: &TrialBalance) {
    println!("Trial balance {:>24} {:>12}", "debits", "credits");
    for row in &trial.rows {
        println!(
            "  {:<22} {:>13} {:>12}",
            row.account.to_string(),
            minor(row.balance.debits_posted, &row.unit),
            minor(row.balance.credits_posted, &row.unit),
        );
    }
    for total in &trial.totals {
        println!(
            "  {:<22} {:>13} {:>12}   in transit {}\n",
            total.unit.to_string(),
            minor(total.debits_posted, &total.unit),
            minor(total.credits_posted, &total.unit),
            minor(total.in_transit, &total.unit),
        );
    }
}

pub(crate) fn verified(book: &str, verified: &Verified) {
    match &verified.broken {
        None => println!("{book}: {} entries, whole", verified.entries),
        Some(broken) => println!(
            "{book}: entry {} is broken: {:?}",
            broken.entry, broken.problem
        ),
    }
}

fn minor(minor: i64, unit: &Unit) -> String {
    number(&Amount::new(minor, unit.clone()))
}

/// Leaves out the unit, which the heading tells.
fn number(amount: &Amount) -> String {
    let text = amount.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}
