use std::collections::BTreeMap;

use mp_core::{Document, Timestamp, amount::Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Account, AccountId, Balance, Book, ChainHash,
    entry::{netstring, number},
    verify::Auditor,
};

/// Where the closing stands.
pub(super) const CLOSING: &str = "closing";

/// What a book's accounts came to when its journal was last closed: what the entries that were moved
/// out made of them. The chain goes on from its hash.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Closing {
    /// The number of the last entry that was moved out.
    pub through: u64,
    /// When that entry was made.
    pub at: Timestamp,
    /// Its hash.
    pub hash: ChainHash,
    /// Where the archive has put it.
    pub place: String,
    /// The balances.
    pub balances: Vec<ClosedBalance>,
}

/// What an account came to at a closing.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClosedBalance {
    /// The account.
    pub account: AccountId,
    /// Its balance.
    pub balance: Balance,
}

/// What the head of a book tells of its closing, so that nobody changes the one without the other.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Seal {
    /// The number of the last entry that was moved out.
    pub through: u64,
    /// SHA-256 over the closing, through which it covers all that was moved out.
    pub hash: ChainHash,
}

impl Document for Closing {
    const KIND: &'static str = "ledger_closing";
    const FORMAT: u32 = 1;
}

impl Closing {
    /// Returns the balance of an account at the closing.
    #[must_use]
    pub fn balance_of(&self, account: &AccountId) -> Balance {
        let closed = self.balances.iter().find(|each| &each.account == account);
        closed.map_or_else(Balance::default, |each| each.balance)
    }

    /// Returns the bytes that the [`seal`](Self::seal) covers: the format `mp-ledger-closing-1`, then
    /// every member in the order of the declaration, each as a netstring as in
    /// [`Entry::canonical`](super::Entry::canonical); of a balance, the account, then its posted and
    /// pending debits, then its credits.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(256);
        netstring(&mut text, "mp-ledger-closing-1");
        number(&mut text, i128::from(self.through));
        number(&mut text, i128::from(self.at.as_micros()));
        netstring(&mut text, &self.hash.to_string());
        netstring(&mut text, &self.place);
        for ClosedBalance { account, balance } in &self.balances {
            netstring(&mut text, account.as_str());
            let debits = [balance.debits_posted, balance.debits_pending];
            let credits = [balance.credits_posted, balance.credits_pending];
            for sum in debits.into_iter().chain(credits) {
                number(&mut text, i128::from(sum));
            }
        }
        text
    }

    /// Returns what the book's head tells of it: SHA-256 over its hash and its
    /// [canonical bytes](Self::canonical).
    #[must_use]
    pub fn seal(&self) -> Seal {
        Seal {
            through: self.through,
            hash: self.hash.followed_by(&self.canonical()),
        }
    }

    /// Returns whether a book is closed as its head tells, and debits and credits come to the same
    /// there.
    pub(super) fn is_whole(closing: Option<&Self>, head: &Book, accounts: &[&Account]) -> bool {
        let Some(closing) = closing else {
            return head.closed == 0;
        };
        // A release that knew of no seals has closed since.
        let seal = head.seal.as_ref().filter(|it| it.through == head.closed);
        closing.through == head.closed
            && seal.is_none_or(|seal| *seal == closing.seal())
            && closing.is_balanced(accounts)
    }

    fn is_balanced(&self, accounts: &[&Account]) -> bool {
        let mut sums: BTreeMap<&Unit, [i128; 2]> = BTreeMap::new();
        for ClosedBalance { account, balance } in &self.balances {
            let Some(account) = accounts.iter().find(|it| it.id == *account) else {
                return false;
            };
            let [posted, pending] = sums.entry(&account.unit).or_default();
            *posted += i128::from(balance.debits_posted) - i128::from(balance.credits_posted);
            *pending += i128::from(balance.debits_pending) - i128::from(balance.credits_pending);
        }
        sums.into_values().all(|sums| sums == [0, 0])
    }

    pub(super) fn auditor(&self) -> Auditor {
        Auditor {
            hash: self.hash,
            balances: self
                .balances
                .iter()
                .map(|each| (each.account.clone(), each.balance))
                .collect(),
        }
    }
}
