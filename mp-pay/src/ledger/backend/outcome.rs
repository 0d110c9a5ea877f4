//! What has become of an operation, in the words of payments.

use mp_core::amount::{Money, Unit};

use super::{order::Ruling, standing::Standing};
use crate::{
    backend::{DeclineCode, Outcome, Reference},
    ledger::{Transfer, TransferStatus},
    operation::Step,
};

impl Standing {
    /// Returns what has become of the operation; `None` if it has not come.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        Some(match self.order.ruling.as_ref()? {
            Ruling::Declined { code } => Outcome::declined(code.clone()),
            Ruling::Unrecognized => Outcome::Unknown,
            Ruling::Begun => self.begun().unwrap_or(Outcome::Unknown),
        })
    }

    fn begun(&self) -> Option<Outcome> {
        if let Step::Void(..) = self.key.step {
            return Some(Outcome::settled(Reference::new(self.key.to_string()).ok()?));
        }
        let transfer = self.transfer()?;
        Some(match self.key.step {
            Step::Charge(_) if transfer.is_two_phase() => held(transfer)?,
            _ => moved(transfer)?,
        })
    }
}

/// Tells of a charge that holds, whatever was done with the hold later.
fn held(transfer: &Transfer) -> Option<Outcome> {
    Some(match transfer.status {
        TransferStatus::Pending | TransferStatus::Posting | TransferStatus::Posted => {
            let amount = money(transfer, transfer.moves.first()?.amount.minor())?;
            let held = Outcome::authorized(reference(transfer)?).with_amount(amount);
            match transfer.expires_at {
                Some(at) => held.with_expiry(at),
                None => held,
            }
        }
        _ => ended(transfer)?,
    })
}

/// Tells of a charge that takes at once, a capture or a refund.
fn moved(transfer: &Transfer) -> Option<Outcome> {
    Some(match transfer.status {
        TransferStatus::Posted => {
            let amount = money(transfer, transfer.posted_amount())?;
            Outcome::settled(reference(transfer)?).with_amount(amount)
        }
        _ => ended(transfer)?,
    })
}

fn ended(transfer: &Transfer) -> Option<Outcome> {
    Some(match transfer.status {
        TransferStatus::Moving | TransferStatus::Posting => {
            Outcome::accepted().with_reference(reference(transfer)?)
        }
        TransferStatus::Voided => Outcome::declined(DeclineCode::of("canceled")),
        TransferStatus::Expired => Outcome::declined(DeclineCode::of("expired")),
        TransferStatus::Refused => {
            let code = DeclineCode::new(transfer.refusal_code());
            Outcome::declined(code.unwrap_or_else(|_| DeclineCode::of("generic_decline")))
        }
        _ => Outcome::Unknown,
    })
}

fn reference(transfer: &Transfer) -> Option<Reference> {
    Reference::new(transfer.id.to_string()).ok()
}

/// Returns an amount of what the transfer moves, if that is a currency.
fn money(transfer: &Transfer, minor: i64) -> Option<Money> {
    let Unit::Currency(currency) = transfer.moves.first()?.amount.unit() else {
        return None;
    };
    Some(Money::new(minor, *currency))
}
