use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    counts::Counts, error::AuditError, file::Family, findings::Findings,
    invariant::Invariant::PassesSum,
};

#[derive(Deserialize)]
struct Pass {
    stamps_per_reward: i64,
    stamps: i64,
    rewards: i64,
    points: i64,
    entries: i64,
}

#[derive(Deserialize)]
struct Entry {
    number: i64,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    amount: i64,
    unit: String,
}

/// Adds a pass up again from its entries, in their order.
pub(super) fn check(
    family: &Family,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let pass: Pass = family.root()?;
    let mut entries: Vec<Entry> = family
        .shelf("e/")?
        .into_iter()
        .map(|(_, entry)| entry)
        .collect();
    entries.sort_by_key(|entry| entry.number);
    let mut claim = |holds, problem: &str| {
        findings.expect(holds, PassesSum, &family.partition, problem);
    };

    let numbered = (1..).zip(&entries).all(|(at, entry)| entry.number == at);
    let whole = numbered && entries.len() as i64 == pass.entries;
    claim(whole, "its entries are not numbered through");

    let mut balances: BTreeMap<&str, i64> = BTreeMap::new();
    for change in entries.iter().flat_map(|entry| &entry.changes) {
        let unit = change.unit.rsplit(':').next().unwrap_or_default();
        let balance = balances.entry(unit).or_default();
        *balance += change.amount;
        claim(*balance >= 0, "a balance was below zero");
    }
    let balance = |unit: &str| balances.get(unit).copied().unwrap_or_default();
    let held = [
        ("stamps", pass.stamps),
        ("rewards", pass.rewards),
        ("points", pass.points),
    ];
    for (unit, held) in held {
        let sum = balance(unit);
        claim(
            held == sum,
            &format!("it holds {held} {unit}, and its entries add up to {sum}"),
        );
    }
    let full = balance("stamps") >= pass.stamps_per_reward;
    claim(!full, "a full card has not become a reward");

    counts.passes += 1;
    let stamps = balance("stamps") + balance("rewards") * pass.stamps_per_reward;
    counts.stamps += u64::try_from(stamps).unwrap_or_default();
    Ok(())
}
