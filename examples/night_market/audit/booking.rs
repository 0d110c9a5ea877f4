use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::{
    counts::Counts,
    error::AuditError,
    file::Family,
    findings::Findings,
    invariant::Invariant::{EveryEffectOnce, MoneyInEqualsMoneyOut, RefundedLeCaptured},
    money::Cents,
};

/// What the provider's books say that it did under one key.
#[derive(Debug)]
pub(super) struct Booking {
    pub(super) partition: String,
    /// How often it was called under the key.
    pub(super) calls: u32,
    /// What moved, in cents: from the payer, below zero to them.
    pub(super) movements: Vec<i64>,
}

/// The provider's books, by the keys that it was called under.
pub(super) type Books = BTreeMap<String, Booking>;

#[derive(Deserialize)]
struct Asked {
    charge: String,
    calls: u32,
    under_way: Option<IgnoredAny>,
    movements: Vec<Movement>,
}

#[derive(Deserialize)]
struct Movement {
    operation: String,
    amount: Cents,
}

/// Where a charge stands by the provider's own account.
#[derive(Deserialize)]
struct Account {
    held: Cents,
    taken: Cents,
}

/// Copies a page of the provider's books, and adds every charge on it up again.
pub(super) fn copy(
    family: &Family,
    books: &mut Books,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let partition = &family.partition;
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    for (key, asked) in family.shelf::<Asked>("o/")? {
        let open = asked.under_way.is_some();
        let problem = format_args!("{key} is still under way at the provider");
        findings.expect(!open, EveryEffectOnce, partition, problem);
        let own = asked
            .movements
            .iter()
            .all(|movement| movement.operation == key);
        let problem = format_args!("a movement of another operation is booked under {key}");
        findings.expect(own, MoneyInEqualsMoneyOut, partition, problem);
        let movements: Vec<i64> = asked
            .movements
            .iter()
            .map(|movement| movement.amount.0)
            .collect();
        counts.provider_calls += u64::from(asked.calls);
        counts.provider_movements += movements.len() as u64;
        *taken.entry(asked.charge).or_default() += movements.iter().sum::<i64>();
        let booking = Booking {
            partition: partition.clone(),
            calls: asked.calls,
            movements,
        };
        books.insert(key.to_owned(), booking);
    }
    add_up(family, taken, findings)
}

/// Holds the provider's accounts to the movements that its books show for each charge.
fn add_up(
    family: &Family,
    mut moved: BTreeMap<String, i64>,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let partition = &family.partition;
    for (charge, account) in family.shelf::<Account>("c/")? {
        let (taken, sum) = (account.taken.0, moved.remove(charge).unwrap_or_default());
        let problem = format_args!("{charge} has taken {taken} cents, and its movements are {sum}");
        findings.expect(taken == sum, MoneyInEqualsMoneyOut, partition, problem);
        let problem = format_args!("{charge} gave back {} cents more than it took", -sum);
        findings.expect(sum >= 0, RefundedLeCaptured, partition, problem);
        let held = account.held.0;
        let problem = format_args!("{charge} still holds {held} cents");
        findings.expect(held == 0, EveryEffectOnce, partition, problem);
    }
    for (charge, sum) in moved.into_iter().filter(|(_, sum)| *sum != 0) {
        let problem = format_args!("{charge} has no account, and its movements are {sum}");
        findings.add(MoneyInEqualsMoneyOut, partition, problem);
    }
    Ok(())
}
