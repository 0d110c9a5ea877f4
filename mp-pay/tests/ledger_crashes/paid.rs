//! Lives of an intent that is paid from the wallet, as a client lives them who asks again.

use std::sync::Arc;

use mp_core::{
    Caller, Engine, Error,
    amount::{Currency, Money},
    id::IdempotencyKey,
};
use mp_pay::{
    IntentId, PaymentIntent, Payments,
    intent::IntentStatus,
    ledger::{Ledger, LedgerBackend},
    method::PaymentMethodToken,
    operation::Stage,
    payments::{CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, RefundIntent},
};

use crate::{accounts, app, later, life::Life, office};

pub(crate) fn payments(engine: &Engine, ledger: &Ledger) -> Payments {
    Payments::new(engine, Arc::new(LedgerBackend::new(ledger, accounts())))
}

pub(crate) async fn pay(payments: &Payments, life: Life) -> Result<(), Error> {
    let mei = Caller::user(app(), "mei".parse().expect("a user"));
    let wallet = PaymentMethodToken::new("mei/wallet")?;
    let mut create = CreateIntent::of(eur(60)).with_payment_method(wallet);
    if life != Life::Paid {
        create = create.with_manual_capture();
    }
    let key = key();
    let id = payments.create_intent(&mei, create, &key).await?.id;
    let confirm = ConfirmIntent::of(id);
    let confirmed = payments.confirm(&mei, confirm, &key).await?;
    match life {
        Life::Paid => {
            demand(&confirmed, &[IntentStatus::Succeeded])?;
            refund(payments, id, 25).await
        }
        Life::Captured => {
            let taken = IntentStatus::Succeeded;
            demand(&confirmed, &[IntentStatus::RequiresCapture, taken])?;
            let capture = CaptureIntent::of(id).with_amount(eur(40));
            let captured = payments.capture(&office(), capture, &key).await?;
            demand(&captured, &[taken])?;
            refund(payments, id, 10).await
        }
        _ => {
            let (held, given_up) = (IntentStatus::RequiresCapture, IntentStatus::Canceled);
            demand(&confirmed, &[held, given_up])?;
            let cancel = CancelIntent::of(id);
            let canceled = payments.cancel(&office(), cancel, &key).await?;
            demand(&canceled, &[given_up])
        }
    }
}

async fn refund(payments: &Payments, id: IntentId, cents: i64) -> Result<(), Error> {
    let refund = RefundIntent::of(id).with_amount(eur(cents));
    let refund = payments.refund(&office(), refund, &key()).await?;
    match refund.operation.stage {
        Stage::Done => Ok(()),
        Stage::Declined => panic!("{refund:?}"),
        _ => Err(later()),
    }
}

/// Demands that it has come so far, or waits for that.
fn demand(intent: &PaymentIntent, come_to: &[IntentStatus]) -> Result<(), Error> {
    match intent.status {
        status if come_to.contains(&status) => Ok(()),
        IntentStatus::Processing => Err(later()),
        // A capture that is on its way.
        IntentStatus::RequiresCapture => Err(later()),
        status => panic!("{status}: {intent:?}"),
    }
}

fn key() -> IdempotencyKey {
    "it".parse().expect("a key")
}

const fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}
