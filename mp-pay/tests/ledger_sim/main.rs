//! Long runs of random commands: on the pure machine, and on the service over a store that fails.
//! Both end with books that sum to zero. With `MP_FULL` set, and optimised, they are a hundred times
//! as long; `MP_LEDGER_TOWNS` says how many runs of the second kind there are, each of 3,000 commands.

#[path = "../dice/mod.rs"]
mod dice;
#[path = "../ledger_desk/mod.rs"]
mod ledger_desk;
mod town;

use std::{collections::BTreeMap, time::Duration};

use mp_pay::ledger::{Side, TrialBalance};

use self::{
    dice::Dice,
    ledger_desk::{ACCOUNTS, Ask, Floor, desk},
    town::Town,
};

/// How many commands the pure machine takes.
const COMMANDS: u64 = 100_000;

/// How many the service takes, each a few commits.
const CALLS: u64 = 3_000;

/// After how many of them the books are closed.
const CALLS_A_WEEK: u64 = 500;

fn scale() -> u64 {
    if std::env::var_os("MP_FULL").is_some() && !cfg!(debug_assertions) {
        100
    } else {
        1
    }
}

#[test]
fn a_long_run_of_the_pure_machine_sums_to_zero() {
    let (dice, mut floor) = (Dice::new(1), Floor::new(desk()));
    let (mut done, mut refused) = (0_u64, 0_u64);
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for _ in 0..COMMANDS * scale() {
        let one = || (dice.index(ACCOUNTS), dice.index(ACCOUNTS), dice.amount());
        let ask = match dice.below(10) {
            0..3 => Ask::Post(vec![one()]),
            3 => Ask::Post(vec![one(), one(), one()]),
            4 => Ask::Hold(vec![one()]),
            5 => Ask::Hold(vec![one(), one()]),
            6 => Ask::Keep(dice.index(1 << 20), dice.amount()),
            _ => Ask::LetGo(dice.index(1 << 20)),
        };
        let held = match &ask {
            Ask::Keep(which, _) if !floor.held.is_empty() => {
                floor.held[which % floor.held.len()].clone()
            }
            _ => Vec::new(),
        };
        match floor.ask(&ask) {
            Ok(()) => done += 1,
            Err(_) => {
                refused += 1;
                continue;
            }
        }
        // What the machine was asked for, whatever it has written down of it.
        let posted = floor.kept.drain(..).flatten().chain(held.clone());
        for leg in posted {
            let amount = match &ask {
                Ask::Keep(_, part) if held.len() == 1 => (*part).clamp(0, leg.amount),
                _ => leg.amount,
            };
            *sums.entry(leg.debit.to_string()).or_default() -= i128::from(amount);
            *sums.entry(leg.credit.to_string()).or_default() += i128::from(amount);
        }
        floor.desk.take_entries();
    }
    println!("{done} done, {refused} refused");
    assert!(done > refused / 4 && refused > 0, "both happen");
    assert!(TrialBalance::of(floor.desk.accounts()).is_ok_and(|trial| trial.is_balanced()));
    for account in floor.desk.accounts() {
        let model = sums.get(account.id.as_str()).copied().unwrap_or_default();
        let posted = i128::from(account.balance.posted(Side::Credit));
        assert_eq!(posted, model, "{} is as was asked for", account.id);
        assert!(account.available().is_none_or(|available| available >= 0));
        assert!(account.room().is_none_or(|room| room >= 0));
    }
}

fn towns() -> u64 {
    let asked = std::env::var("MP_LEDGER_TOWNS").ok();
    asked.map_or(scale(), |count| count.parse().expect("a number"))
}

#[tokio::test(start_paused = true)]
async fn a_long_run_over_a_store_that_fails_sums_to_zero() {
    for seed in 0..towns() {
        let mut town = Town::open(seed * 10).await;
        let (mut refused, mut closed) = (0, 0);
        for number in 0..CALLS {
            refused += usize::from(town.call(number).await.is_err());
            town.clock.advance(Duration::from_secs(town.dice.below(5)));
            if number % 50 == 0 {
                let _ = town.worker().drain().await;
            }
            if number % CALLS_A_WEEK == CALLS_A_WEEK - 1 {
                closed += town.pass_a_week().await;
            }
        }
        town.settle().await;
        let posted = town.judge().await;
        println!("seed {seed}: {posted} posted, {refused} refused or failed, {closed} closed");
        assert!(posted > 500 && refused > 100, "{posted} {refused}");
        assert!(closed > 1_000, "{closed} entries");
    }
}
