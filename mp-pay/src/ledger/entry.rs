use std::{fmt, fmt::Write as _, str::FromStr};

use mp_core::{Document, Timestamp, amount::Unit, label::Label};
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, TransferId};

/// One line of a book's journal: an amount moved from one of its accounts to another, or is held to
/// be. Entries are appended and never changed, and each is chained to the one before.
///
/// It debits and credits the same amount, so that no entry can unbalance a book.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number within the book, from 1, without gaps.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What was done.
    pub act: Act,
    /// For which transfer.
    pub transfer: TransferId,
    /// For which of its moves, from 0.
    #[serde(rename = "move")]
    pub of_move: u32,
    /// The account that is debited.
    pub debit: AccountId,
    /// The account that is credited.
    pub credit: AccountId,
    /// What both count.
    pub unit: Unit,
    /// How much is posted or held, in minor units.
    pub amount: i64,
    /// How much of what was held is held no longer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub released: i64,
    /// The debited account's posted balance afterwards.
    pub debit_after: i64,
    /// The credited account's posted balance afterwards.
    pub credit_after: i64,
    /// What the transfer is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Label>,
    /// SHA-256 over the entry before's hash and this one's [canonical bytes](Self::canonical).
    pub hash: ChainHash,
}

impl Document for Entry {
    const KIND: &'static str = "ledger_entry";
    const FORMAT: u32 = 1;
}

/// What an entry did.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// It moved an amount for good.
    Posted,
    /// It held an amount.
    Pending,
    /// It moved what was held, or part of it, and let go of the rest.
    PostedPending,
    /// It let go of what was held, because somebody said so.
    VoidedPending,
    /// It let go of what was held, because its time was over.
    ExpiredPending,
    /// It moved back what a plan over several books had moved and could not finish.
    Undone,
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

impl Act {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Pending => "pending",
            Self::PostedPending => "posted_pending",
            Self::VoidedPending => "voided_pending",
            Self::ExpiredPending => "expired_pending",
            Self::Undone => "undone",
            Self::Unrecognized => "unrecognized",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Entry {
    /// Returns the bytes that the hash covers: the format `mp-ledger-entry-1`, then every member in
    /// the order of the declaration but the hash, each as a netstring (length in decimal, a colon,
    /// the text, a comma; [D. J. Bernstein, 1997](https://cr.yp.to/proto/netstrings.txt)). The time
    /// is in microseconds since 1970; a memo that is missing is an empty text.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(256);
        netstring(&mut text, "mp-ledger-entry-1");
        number(&mut text, i128::from(self.number));
        number(&mut text, i128::from(self.at.as_micros()));
        netstring(&mut text, self.act.as_str());
        shown(&mut text, &self.transfer);
        number(&mut text, i128::from(self.of_move));
        netstring(&mut text, self.debit.as_str());
        netstring(&mut text, self.credit.as_str());
        shown(&mut text, &self.unit);
        for amount in [
            self.amount,
            self.released,
            self.debit_after,
            self.credit_after,
        ] {
            number(&mut text, i128::from(amount));
        }
        netstring(&mut text, self.memo.as_ref().map_or("", Label::as_str));
        text
    }

    /// Returns the hash that the entry has to have after this one.
    #[must_use]
    pub fn chained_to(&self, before: &ChainHash) -> ChainHash {
        before.followed_by(&self.canonical())
    }
}

pub(super) fn netstring(text: &mut String, field: &str) {
    number_text(text, field.len() as u128);
    text.push(':');
    text.push_str(field);
    text.push(',');
}

pub(super) fn number(text: &mut String, field: i128) {
    let start = text.len();
    if field < 0 {
        text.push('-');
    }
    number_text(text, field.unsigned_abs());
    in_front(text, start);
}

fn shown(text: &mut String, field: &impl fmt::Display) {
    let start = text.len();
    // Writing to a text does not fail.
    let _ = write!(text, "{field}");
    in_front(text, start);
}

/// Puts the length of what was written since in front of it.
fn in_front(text: &mut String, start: usize) {
    let field = text.split_off(start);
    netstring(text, &field);
}

fn number_text(text: &mut String, number: u128) {
    let _ = write!(text, "{number}");
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(released: &i64) -> bool {
    *released == 0
}

/// The hash of an entry and, through it, of everything before it: 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What the first entry is chained to.
    pub const START: Self = Self([0; 32]);

    /// Returns the hash of this one and what follows it.
    pub(super) fn followed_by(&self, text: &str) -> Self {
        let mut covered = Vec::with_capacity(32 + text.len());
        covered.extend_from_slice(&self.0);
        covered.extend_from_slice(text.as_bytes());
        let hash = digest(&SHA256, &covered);
        let mut bytes = [0; 32];
        // A SHA-256 has 32 bytes.
        bytes.copy_from_slice(hash.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// The text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct ParseChainHashError(());

impl FromStr for ChainHash {
    type Err = ParseChainHashError;

    fn from_str(text: &str) -> Result<Self, ParseChainHashError> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ParseChainHashError(()));
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

const fn nibble(digit: u8) -> Result<u8, ParseChainHashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseChainHashError(())),
    }
}

mp_core::text_form!(
    ChainHash,
    expected: "64 hexadecimal digits",
    pattern: "^[0-9a-f]{64}$"
);
