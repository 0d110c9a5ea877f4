//! What is asked of the backend, decided as a plain function of what stands in the payment's book.

use mp_core::{
    Command, Decision, Edits, Error, ErrorKind, Family, Timestamp, amount::Money, feed::Feed,
    id::AppId, steps::plan_key,
};

use super::{
    LedgerBackend,
    order::{Order, Ruling, book_of, put_book},
};
use crate::{
    backend::{Charged, DeclineCode},
    ledger::{
        LedgerError, Transfer, TransferStatus,
        authority::Authority,
        begin::begin,
        ledger::shown,
        plan_id::PlanId,
        records::{transfer_in, transfer_key},
        resolving::{post, void},
    },
    operation::OperationKey,
};

/// One operation as it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) app: AppId,
    pub(super) key: OperationKey,
    pub(super) charge: OperationKey,
    pub(super) act: Act,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Begin this transfer, or decline.
    Charge(Result<Box<Transfer>, DeclineCode>),
    /// Post this much of what the charge holds.
    Capture(Money),
    /// Let go of it.
    Void,
    /// Move this much back.
    Refund(Money),
}

/// What is decided about an operation, and the edits that make it true.
type Ruled = (Ruling, Edits);

impl Ask {
    pub(super) fn of(key: OperationKey, charged: &Charged, act: Act) -> Self {
        Self {
            app: charged.app.clone(),
            key,
            charge: charged.key,
            act,
        }
    }

    pub(super) fn reads(&self) -> Result<Command, Error> {
        let (book, charge) = LedgerBackend::transfer_of(&self.app, &self.charge);
        let (_, own) = LedgerBackend::transfer_of(&self.app, &self.key);
        let of_charge = PlanId::of_two_phase(&book, charge);
        let of_own = PlanId {
            home: book,
            transfer: own,
            original: matches!(self.act, Act::Refund(_)).then_some(charge),
        };
        Ok(
            Feed::reads_of_any(book_of(&self.app, [&self.key, &self.charge])?)
                .key(&transfer_key(charge))
                .key(&transfer_key(own))
                .key(&plan_key(&of_charge.to_string()))
                .key(&plan_key(&of_own.to_string())),
        )
    }

    /// Decides, unless that was done before. Who has looked since the call began has been told that
    /// there is nothing to come.
    pub(super) fn decide(
        &self,
        family: &Family,
        lookups_seen: u32,
        now: Timestamp,
    ) -> Result<Decision<()>, LedgerError> {
        let order = Order::under(&self.key, family)?;
        if order.ruling.is_some() {
            return Ok(Decision::unchanged(()));
        }
        if order.lookups != lookups_seen {
            return Err(overtaken().into());
        }
        let mut edits = Edits::new();
        put_book(family, &self.app, &self.key, now, &mut edits)?;
        let (ruling, more) = match &self.act {
            Act::Charge(transfer) => charge(family, transfer, now)?,
            Act::Capture(amount) => self.capture(family, *amount, now)?,
            Act::Void => self.void(family, now)?,
            Act::Refund(amount) => self.refund(family, *amount, now)?,
        };
        edits.extend(more);
        order.ruled(&self.key, ruling, &mut edits);
        Ok(edits.answer(()))
    }

    fn capture(
        &self,
        family: &Family,
        amount: Money,
        now: Timestamp,
    ) -> Result<Ruled, LedgerError> {
        let Some(charge) = self.charge_in(family, now)? else {
            return Ok(declined("resource_missing"));
        };
        Ok(match charge.status {
            _ if !charge.counts(amount) => declined("payment_method_currency_mismatch"),
            _ if amount.minor() < 1 => declined("invalid_amount"),
            TransferStatus::Pending => {
                let plan = PlanId::of(&charge).to_string();
                ruled(post(family, charge, Some(amount.minor()), &plan, now))?
            }
            TransferStatus::Expired => declined("charge_expired_for_capture"),
            TransferStatus::Posted => declined("charge_already_captured"),
            TransferStatus::Posting if charge.is_two_phase() => declined("charge_already_captured"),
            TransferStatus::Voided | TransferStatus::Refused => declined("charge_not_capturable"),
            _ => return Err(on_its_way().into()),
        })
    }

    fn void(&self, family: &Family, now: Timestamp) -> Result<Ruled, LedgerError> {
        let Some(charge) = self.charge_in(family, now)? else {
            return self.forestall(family);
        };
        Ok(match charge.status {
            TransferStatus::Moving | TransferStatus::Pending if charge.is_two_phase() => {
                let plan = PlanId::of(&charge).to_string();
                ruled(void(family, charge, &plan, true, now))?
            }
            TransferStatus::Posted => declined("charge_already_captured"),
            TransferStatus::Posting if charge.is_two_phase() => declined("charge_already_captured"),
            status if status.is_final() => (Ruling::Begun, Edits::new()),
            _ => return Err(on_its_way().into()),
        })
    }

    /// Sees to it that a charge which has not come never does.
    fn forestall(&self, family: &Family) -> Result<Ruled, LedgerError> {
        let mut edits = Edits::new();
        let order = Order::under(&self.charge, family)?;
        if order.ruling.is_none() {
            order.ruled(&self.charge, Ruling::declined("canceled"), &mut edits);
        }
        Ok((Ruling::Begun, edits))
    }

    fn refund(&self, family: &Family, amount: Money, now: Timestamp) -> Result<Ruled, LedgerError> {
        let Some(charge) = self.charge_in(family, now)? else {
            return Ok(declined("resource_missing"));
        };
        Ok(match charge.status {
            _ if !charge.counts(amount) => declined("payment_method_currency_mismatch"),
            _ if amount.minor() < 1 => declined("invalid_amount"),
            TransferStatus::Posted => {
                let (_, id) = LedgerBackend::transfer_of(&self.app, &self.key);
                let back = charge.returning(id, amount.minor(), now);
                ruled(begin(family, back, &Authority::All, now))?
            }
            TransferStatus::Pending => declined("charge_not_captured"),
            status if status.is_final() => declined("resource_missing"),
            _ => return Err(on_its_way().into()),
        })
    }

    fn charge_in(&self, family: &Family, now: Timestamp) -> Result<Option<Transfer>, Error> {
        let (_, id) = LedgerBackend::transfer_of(&self.app, &self.charge);
        Ok(transfer_in(family, id)?.map(|charge| shown(charge, now)))
    }
}

fn charge(
    family: &Family,
    transfer: &Result<Box<Transfer>, DeclineCode>,
    now: Timestamp,
) -> Result<Ruled, LedgerError> {
    match transfer {
        Ok(transfer) => ruled(begin(
            family,
            Transfer::clone(transfer),
            &Authority::All,
            now,
        )),
        Err(code) => {
            let code = code.clone();
            Ok((Ruling::Declined { code }, Edits::new()))
        }
    }
}

/// Takes what the ledger refuses for declined; that something is broken is not a refusal.
fn ruled(decided: Result<Decision<Transfer>, LedgerError>) -> Result<Ruled, LedgerError> {
    match decided {
        Ok(Decision { edits, .. }) => Ok((Ruling::Begun, edits)),
        Err(LedgerError::AlreadyReversed { .. }) => Ok(declined("charge_already_refunded")),
        Err(LedgerError::AmountTooLarge { .. }) => Ok(declined("amount_too_large")),
        Err(error) => Err(error),
    }
}

fn declined(code: &'static str) -> Ruled {
    (Ruling::declined(code), Edits::new())
}

fn overtaken() -> Error {
    let message = "it was looked for meanwhile and told not to come: call again";
    Error::new(ErrorKind::Unavailable, "overtaken", message)
}

fn on_its_way() -> Error {
    let message = "its charge is on its way: call again";
    Error::new(ErrorKind::Unavailable, "on_its_way", message)
}
