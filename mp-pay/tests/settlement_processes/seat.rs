use std::time::Duration;

use mp_core::{
    Timestamp,
    id::UserId,
    port::{SecureRequest, SettlementKey},
};

use crate::{
    shop::PAYERS,
    support::{app, eur},
};

/// How many calls there are about each seat.
pub(crate) const CALLS_EACH: u64 = 8;

/// One thing that somebody pays for: a settlement's key, and what is asked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat(pub(crate) u64);

impl Seat {
    pub(crate) fn key(self) -> SettlementKey {
        format!("seat-{}", self.0).parse().expect("a key")
    }

    /// Returns what it costs, in cents.
    pub(crate) const fn price(self) -> i64 {
        20 + (self.0 % 60) as i64
    }

    /// Returns whether anybody may let go of it.
    pub(crate) const fn is_let_go(self) -> bool {
        self.0 % 2 == 1
    }

    fn payer(self) -> UserId {
        payer(self.0 % PAYERS)
    }

    /// Returns what is asked for; of some the deadline comes while the others are still asked for.
    pub(crate) fn request(self, began: Timestamp) -> SecureRequest {
        let seconds = if self.0.is_multiple_of(5) {
            self.0 % 8
        } else {
            3_600
        };
        SecureRequest {
            key: self.key(),
            app: app(),
            payer: self.payer(),
            amount: eur(self.price()),
            deadline: began.plus(Duration::from_secs(seconds)),
        }
    }
}

pub(crate) fn payer(number: u64) -> UserId {
    format!("payer-{number}").parse().expect("a user")
}
