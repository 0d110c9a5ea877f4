//! Whatever is asked of a desk, its books balance, and what is refused changes nothing.

mod ledger_desk;

use mp_pay::ledger::{Act, Desk, Effect, LedgerError, TrialBalance};
use proptest::prelude::*;

use self::ledger_desk::{ACCOUNTS, Ask, Floor, desk};

fn asks() -> impl Strategy<Value = Ask> {
    let ends = (0..ACCOUNTS, 0..ACCOUNTS, 1..60_i64);
    prop_oneof![
        4 => (ends.clone(), ends.clone()).prop_map(|(one, two)| Ask::Post(vec![one, two])),
        3 => ends.clone().prop_map(|one| Ask::Post(vec![one])),
        4 => ends.clone().prop_map(|one| Ask::Hold(vec![one])),
        2 => (ends.clone(), ends).prop_map(|(one, two)| Ask::Hold(vec![one, two])),
        3 => (any::<usize>(), 0..60_i64).prop_map(|(which, part)| Ask::Keep(which, part)),
        3 => any::<usize>().prop_map(Ask::LetGo),
        1 => any::<usize>().prop_map(Ask::Undo),
    ]
}

/// Folds the journal anew, without the desk.
fn folded(desk: &Desk, entries: &[mp_pay::ledger::Entry]) -> bool {
    desk.accounts().all(|account| {
        let mut sums = [0_i64; 4];
        for entry in entries {
            let effect = Effect::of(entry).expect("is known");
            for (end, at) in [(&entry.debit, 0), (&entry.credit, 2)] {
                if *end == account.id {
                    sums[at] += effect.posted;
                    sums[at + 1] += effect.pending;
                }
            }
        }
        let balance = account.balance;
        sums == [
            balance.debits_posted,
            balance.debits_pending,
            balance.credits_posted,
            balance.credits_pending,
        ]
    })
}

proptest! {
    #[test]
    fn debits_and_credits_come_to_the_same_whatever_is_asked(
        asks in proptest::collection::vec(asks(), 0..80),
    ) {
        let mut floor = Floor::new(desk());
        for ask in asks {
            let before = floor.desk.clone();
            let resolves = matches!(ask, Ask::Keep(..) | Ask::LetGo(_));
            let undoes = matches!(ask, Ask::Undo(_));
            match floor.ask(&ask) {
                Err(LedgerError::Core(error)) => panic!("{error}"),
                Err(_) => {
                    prop_assert!(!resolves && !undoes, "what is held can be resolved: {:?}", ask);
                    prop_assert_eq!(before.entries(), floor.desk.entries());
                    prop_assert_eq!(before.book(), floor.desk.book());
                    prop_assert!(before.accounts().eq(floor.desk.accounts()));
                }
                Ok(()) if undoes => floor.bounded = false,
                Ok(()) => {}
            }
            let trial = TrialBalance::of(floor.desk.accounts()).expect("adds up");
            prop_assert!(trial.is_balanced(), "{:?}", trial);
            for account in floor.desk.accounts().filter(|_| floor.bounded) {
                prop_assert!(account.available().is_none_or(|available| available >= 0));
                prop_assert!(account.room().is_none_or(|room| room >= 0));
            }
        }
        prop_assert!(folded(&floor.desk, floor.desk.entries()), "the journal makes the balances");
        let mut hash = mp_pay::ledger::ChainHash::START;
        for (number, entry) in (1..).zip(floor.desk.entries()) {
            prop_assert_eq!(entry.number, number);
            prop_assert_eq!(entry.chained_to(&hash), entry.hash);
            prop_assert_ne!(entry.act, Act::Unrecognized);
            hash = entry.hash;
        }
        prop_assert_eq!(hash, floor.desk.book().hash);
    }

    #[test]
    fn every_change_of_an_entry_changes_its_hash(member in 0..8_usize) {
        let mut floor = Floor::new(desk());
        floor.ask(&Ask::Post(vec![(0, 1, 5)])).expect("posts");
        let entry = floor.desk.entries()[0].clone();
        let hash = entry.chained_to(&mp_pay::ledger::ChainHash::START);
        let mut other = entry.clone();
        match member {
            0 => other.number += 1,
            1 => other.amount += 1,
            2 => other.released += 1,
            3 => other.debit_after += 1,
            4 => other.credit_after += 1,
            5 => std::mem::swap(&mut other.debit, &mut other.credit),
            6 => other.memo = Some("other".parse().expect("a label")),
            _ => other.act = Act::Undone,
        }
        prop_assert_ne!(other.chained_to(&mp_pay::ledger::ChainHash::START), hash);
        prop_assert_ne!(entry.chained_to(&hash), hash, "the chain counts");
    }
}
