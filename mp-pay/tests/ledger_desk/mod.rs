//! A desk with accounts of every kind, and what may be asked of it.

#![allow(dead_code, reason = "each test file uses some of it")]

use mp_core::{Timestamp, amount::Unit};
use mp_pay::ledger::{
    Account, Act, Balance, Book, BookId, Desk, LedgerError, Leg, Occasion, Side, TransferId,
};

/// How many accounts there are.
pub(crate) const ACCOUNTS: usize = 6;

/// What is asked: legs are (debited, credited, amount).
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Post(Vec<(usize, usize, i64)>),
    Hold(Vec<(usize, usize, i64)>),
    Keep(usize, i64),
    LetGo(usize),
    Undo(usize),
}

/// A desk, and what is held and kept on it.
pub(crate) struct Floor {
    pub(crate) desk: Desk,
    pub(crate) held: Vec<Vec<Leg>>,
    pub(crate) kept: Vec<Vec<Leg>>,
    /// Whether nothing was undone yet, which may break bounds.
    pub(crate) bounded: bool,
    turn: u64,
}

impl Floor {
    pub(crate) fn new(desk: Desk) -> Self {
        Self {
            desk,
            held: Vec::new(),
            kept: Vec::new(),
            bounded: true,
            turn: 0,
        }
    }

    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<(), LedgerError> {
        self.turn += 1;
        let occasion = Occasion {
            transfer: TransferId::from_bytes(u128::from(self.turn).to_be_bytes()),
            memo: None,
            at: Timestamp::from_micros(i64::try_from(self.turn).unwrap_or_default()),
        };
        match ask {
            Ask::Post(moves) => {
                let legs = legs(moves);
                self.desk.post(&legs, &occasion)?;
                self.kept.push(legs);
            }
            Ask::Hold(moves) => {
                let legs = legs(moves);
                self.desk.hold(&legs, &occasion)?;
                self.held.push(legs);
            }
            Ask::Keep(which, part) => {
                if let Some(legs) = taken(&mut self.held, *which) {
                    let only = legs.len() == 1;
                    let posted = |leg: &Leg| if only { *part } else { leg.amount };
                    self.desk.keep(&legs, &occasion, posted)?;
                }
            }
            Ask::LetGo(which) => {
                if let Some(legs) = taken(&mut self.held, *which) {
                    let acts = [Act::VoidedPending, Act::ExpiredPending];
                    self.desk.let_go(&legs, &occasion, acts[which % 2])?;
                }
            }
            Ask::Undo(which) => {
                if let Some(legs) = taken(&mut self.kept, *which) {
                    self.desk.undo(&legs, &occasion, |leg| leg.amount)?;
                }
            }
        }
        Ok(())
    }
}

fn taken(of: &mut Vec<Vec<Leg>>, which: usize) -> Option<Vec<Leg>> {
    (!of.is_empty()).then(|| of.swap_remove(which % of.len()))
}

/// Opens accounts on both sides, bounded and not.
pub(crate) fn desk() -> Desk {
    let app = "market".parse().expect("an app");
    let book = Book::new(app, book(), Timestamp::MIN);
    let mut desk = Desk::new(book, []);
    for number in 0..ACCOUNTS {
        let side = [Side::Debit, Side::Credit][number % 2];
        let account = Account::opened(
            name(number),
            "market".parse().expect("an app"),
            unit(),
            side,
        );
        let account = match number {
            0 | 1 => account,
            2 | 3 => account.bounded(Some(0), None),
            _ => account.bounded(Some(-50), Some(100)),
        };
        assert_eq!(account.balance, Balance::default());
        desk.open(account).expect("there is room");
    }
    desk
}

fn legs(moves: &[(usize, usize, i64)]) -> Vec<Leg> {
    let legs = (0_u32..).zip(moves);
    legs.map(|(of_move, (debit, credit, amount))| Leg {
        of_move,
        debit: name(*debit),
        // An account is never debited and credited at once.
        credit: name(if credit == debit {
            (credit + 1) % ACCOUNTS
        } else {
            *credit
        }),
        unit: unit(),
        amount: *amount,
    })
    .collect()
}

fn book() -> BookId {
    "stall".parse().expect("a book")
}

fn name(number: usize) -> mp_pay::ledger::AccountId {
    book().account(&format!("a{number}")).expect("a name")
}

fn unit() -> Unit {
    "EUR".parse().expect("a unit")
}
