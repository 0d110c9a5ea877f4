use std::{collections::BTreeMap, sync::Arc};

use mp_core::Error;

use super::{Event, JournalEntry};
use crate::{
    attempt::Attempt,
    dispute::{Dispute, DisputeId},
    intent::PaymentIntent,
    payment::Payment,
    refund::{Refund, RefundId},
};

/// What a journal comes to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Replayed {
    /// The intent.
    pub intent: PaymentIntent,
    /// Its attempts, in their order.
    pub attempts: Vec<Attempt>,
    /// Its refunds.
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Its disputes.
    pub disputes: BTreeMap<DisputeId, Dispute>,
}

/// Replays a journal from its first entry, without a store or a backend: to see how a payment got
/// where it is, entry by entry, or to hold what is stored to it.
///
/// ```
/// # use std::sync::Arc;
/// # use mp_core::{Caller, Engine, Scope, amount::{Currency, Money}, clock::SystemClock};
/// # use mp_core::{entropy::SystemEntropy, store::MemoryStore};
/// # use mp_pay::{Payments, SandboxBackend, method::PaymentMethodToken};
/// # use mp_pay::payments::{ConfirmIntent, CreateIntent};
/// use mp_pay::{intent::IntentStatus, journal::replay};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
/// # let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
/// # let mei = Caller::user("market".parse()?, "mei".parse()?);
/// # let staff = Caller::app("market".parse()?).with_scope(Scope::STAFF);
/// # let order = CreateIntent::of(Money::new(12_50, Currency::EUR))
/// #     .with_payment_method(PaymentMethodToken::new("pm_ok")?);
/// # let intent = payments.create_intent(&mei, order, &"order-17".parse()?).await?;
/// # payments.confirm(&mei, ConfirmIntent::of(intent.id), &"order-17".parse()?).await?;
/// let journal = payments.journal(&staff, intent.id).await?;
/// assert_eq!(replay(&journal)?.intent, payments.intent(&mei, intent.id).await?);
/// assert_eq!(replay(&journal[..1])?.intent.status, IntentStatus::RequiresConfirmation);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// `invalid_field` for `journal` if it does not start with a creation, has a gap, has an entry that
/// a newer release wrote, or one that cannot follow on those before it.
pub fn replay(entries: &[JournalEntry]) -> Result<Replayed, Error> {
    let Payment {
        intent,
        attempts,
        refunds,
        disputes,
    } = fold(entries)?;
    Ok(Replayed {
        intent: Arc::unwrap_or_clone(intent),
        attempts: attempts.into_values().map(Arc::unwrap_or_clone).collect(),
        refunds: owned(refunds),
        disputes: owned(disputes),
    })
}

/// Returns the payment that a journal comes to.
///
/// # Errors
///
/// As [`replay`].
pub(crate) fn fold(entries: &[JournalEntry]) -> Result<Payment, Error> {
    let starts = "does not start with a creation, as entry 1";
    let (first, rest) = entries.split_first().ok_or_else(|| refused(starts))?;
    let Event::Created(created) = &first.event else {
        return Err(refused(starts));
    };
    if first.number != 1 {
        return Err(refused(starts));
    }
    let mut payment = Payment::create(created, first.at);
    for (number, entry) in (2..).zip(rest) {
        if entry.number != number {
            return Err(refused(format!("has no entry {number} in its place")));
        }
        if matches!(entry.event, Event::Created(_) | Event::Unrecognized) {
            let problem = format!("has an entry {number} that is not to be understood here");
            return Err(refused(problem));
        }
        let applied = payment.apply(&entry.event, entry.at);
        applied.map_err(|error| {
            let problem = format!("has an entry {number} that cannot follow on those before it");
            refused(problem).with_source(Error::from(error))
        })?;
    }
    Ok(payment)
}

fn owned<K: Ord, T: Clone>(parts: BTreeMap<K, Arc<T>>) -> BTreeMap<K, T> {
    let parts = parts.into_iter();
    parts
        .map(|(id, part)| (id, Arc::unwrap_or_clone(part)))
        .collect()
}

fn refused(problem: impl Into<String>) -> Error {
    Error::invalid("journal", problem.into())
}
