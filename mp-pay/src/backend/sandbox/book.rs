//! The sandbox's own books: what it was asked, what it answered, what money it moved.

use mp_core::{Document, Timestamp, amount::Money};
use serde::{Deserialize, Serialize};

use super::{name, replays::Answered};
use crate::{
    backend::{DeclineCode, Outcome, Reference},
    operation::OperationKey,
};

/// One movement of money that the sandbox made.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Movement {
    /// For which operation.
    pub operation: OperationKey,
    /// From the payer; below zero what went back to them.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// The root of a page of books.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Page {
    pub(super) calls: u64,
}

impl Document for Page {
    const KIND: &'static str = "sandbox_page";
    const FORMAT: u32 = 1;
}

/// What was asked under one key.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Asked {
    /// The charge that it is about.
    pub(super) charge: OperationKey,
    /// When it was first called for.
    pub(super) first_at: Timestamp,
    /// How often it was called for.
    pub(super) calls: u32,
    /// What became of it; `None` if it never acted.
    pub(super) outcome: Option<Outcome>,
    /// What it was answered first, where more was under way by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_answer: Option<Outcome>,
    /// What is still under way.
    pub(super) under_way: Option<UnderWay>,
    /// What moved because of it: one entry for each time that it acted.
    pub(super) movements: Vec<Movement>,
}

impl Document for Asked {
    const KIND: &'static str = "sandbox_operation";
    const FORMAT: u32 = 3;
}

/// What will be done later.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct UnderWay {
    pub(super) act: Act,
    pub(super) ready_at: Timestamp,
}

/// What the sandbox is asked to do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub(super) enum Act {
    Charge {
        amount: Money,
        capture: bool,
    },
    Increase {
        total: Money,
    },
    Capture {
        amount: Money,
        last: bool,
    },
    Void,
    Refund {
        amount: Money,
    },
    /// What was refunded comes back.
    Fail {
        amount: Money,
    },
}

/// Where a charge stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Account {
    /// What is held.
    pub(super) held: Money,
    /// What was taken and not given back.
    pub(super) taken: Money,
}

impl Document for Account {
    const KIND: &'static str = "sandbox_charge";
    const FORMAT: u32 = 1;
}

impl Act {
    /// Returns what is told of an act that was carried out.
    fn outcome(self, reference: Reference) -> Outcome {
        match self {
            Self::Charge {
                amount,
                capture: false,
            }
            | Self::Increase { total: amount } => {
                Outcome::authorized(reference).with_amount(amount)
            }
            Self::Charge { amount, .. }
            | Self::Capture { amount, .. }
            | Self::Refund { amount } => Outcome::settled(reference).with_amount(amount),
            Self::Void => Outcome::settled(reference),
            Self::Fail { .. } => Outcome::declined(DeclineCode::of("expired_or_canceled_card")),
        }
    }
}

impl Account {
    const fn empty(like: Money) -> Self {
        let nothing = Money::zero(like.currency());
        Self {
            held: nothing,
            taken: nothing,
        }
    }
}

/// Carries an act out on a charge, or says why not; returns what moved.
pub(super) fn carry_out(
    account: &mut Option<Account>,
    act: Act,
) -> Result<Option<Money>, DeclineCode> {
    if let Act::Charge { amount, .. } = act {
        account.get_or_insert_with(|| Account::empty(amount));
    }
    match (act, account) {
        (Act::Charge { amount, capture }, Some(account)) => Ok(account.charge(amount, capture)),
        (Act::Void, None) => Ok(None),
        (_, None) => Err(DeclineCode::of("resource_missing")),
        (Act::Increase { total }, Some(account)) => account.increase(total),
        (Act::Capture { amount, last }, Some(account)) => account.capture(amount, last),
        (Act::Fail { amount }, Some(account)) => Ok(account.charge(amount, true)),
        (Act::Void, Some(account)) => account.void(),
        (Act::Refund { amount }, Some(account)) => account.refund(amount),
    }
}

impl Account {
    fn charge(&mut self, amount: Money, capture: bool) -> Option<Money> {
        if capture {
            self.taken = add(self.taken, amount.minor());
            return Some(amount);
        }
        self.held = add(self.held, amount.minor());
        None
    }

    fn increase(&mut self, total: Money) -> Result<Option<Money>, DeclineCode> {
        if !self.held.is_positive() || self.taken.is_positive() {
            return Err(DeclineCode::of("charge_not_increasable"));
        }
        self.held = total;
        Ok(None)
    }

    fn capture(&mut self, amount: Money, last: bool) -> Result<Option<Money>, DeclineCode> {
        if amount.minor() > self.held.minor() {
            return Err(DeclineCode::of("charge_not_capturable"));
        }
        self.held = if last {
            Money::zero(amount.currency())
        } else {
            add(self.held, -amount.minor())
        };
        self.taken = add(self.taken, amount.minor());
        Ok(Some(amount))
    }

    fn void(&mut self) -> Result<Option<Money>, DeclineCode> {
        if self.taken.is_positive() && self.held.is_zero() {
            return Err(DeclineCode::of("charge_already_captured"));
        }
        self.held = Money::zero(self.held.currency());
        Ok(None)
    }

    fn refund(&mut self, amount: Money) -> Result<Option<Money>, DeclineCode> {
        if amount.minor() > self.taken.minor() {
            return Err(DeclineCode::of("charge_already_refunded"));
        }
        self.taken = add(self.taken, -amount.minor());
        Ok(Some(Money::new(-amount.minor(), amount.currency())))
    }
}

fn add(one: Money, minor: i64) -> Money {
    Money::new(one.minor().saturating_add(minor), one.currency())
}

impl Asked {
    pub(super) const fn first(charge: OperationKey, now: Timestamp) -> Self {
        Self {
            charge,
            first_at: now,
            calls: 0,
            outcome: None,
            first_answer: None,
            under_way: None,
            movements: Vec::new(),
        }
    }

    pub(super) const fn answered(&self) -> Answered<'_> {
        Answered {
            first_at: self.first_at,
            first_answer: self.first_answer.as_ref(),
            outcome: self.outcome.as_ref(),
        }
    }

    /// Keeps what is answered now, if that is not the end of it.
    pub(super) fn keep_first_answer(&mut self) {
        if self.under_way.is_some() && self.first_answer.is_none() {
            self.first_answer.clone_from(&self.outcome);
        }
    }

    /// Returns what the next thing that is done under the key is called, or is while it is put off.
    fn name(&self, key: OperationKey) -> Option<Reference> {
        name::of(key, self.movements.len())
    }

    /// Answers with this until an act is carried out later.
    pub(super) fn put_off(&mut self, key: OperationKey, outcome: Outcome, later: UnderWay) {
        self.outcome = Some(match self.name(key) {
            Some(name) => outcome.with_reference(name),
            None => outcome,
        });
        self.under_way = Some(later);
    }

    /// Carries the act out, and takes note of what it came to.
    pub(super) fn act(
        &mut self,
        key: OperationKey,
        act: Act,
        account: &mut Option<Account>,
        at: Timestamp,
    ) {
        let acted = carry_out(account, act);
        let reference = self.name(key);
        self.under_way = None;
        if let Ok(moved) = &acted {
            self.movements.extend(moved.map(|amount| Movement {
                operation: key,
                amount,
                at,
            }));
        }
        self.outcome = Some(match (acted, reference) {
            (Err(code), _) => Outcome::declined(code),
            (_, None) => Outcome::Unknown,
            (Ok(_), Some(reference)) => act.outcome(reference),
        });
    }

    /// Does what was put off until now; returns whether anything was.
    pub(super) fn ripen(
        &mut self,
        key: OperationKey,
        account: &mut Option<Account>,
        now: Timestamp,
    ) -> bool {
        match self.under_way {
            Some(UnderWay { act, ready_at }) if ready_at <= now => {
                self.act(key, act, account, now);
                true
            }
            _ => false,
        }
    }

    /// Returns how much is under way.
    pub(super) fn under_way_amount(&self) -> Option<Money> {
        match self.under_way?.act {
            Act::Charge { amount, .. }
            | Act::Increase { total: amount }
            | Act::Capture { amount, .. }
            | Act::Refund { amount }
            | Act::Fail { amount } => Some(amount),
            Act::Void => None,
        }
    }

    pub(super) fn decline(&mut self, code: DeclineCode) {
        self.under_way = None;
        self.outcome = Some(Outcome::Declined { code });
    }
}
