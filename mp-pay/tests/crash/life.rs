//! The lives that are struck.

use std::time::Duration;

use mp_core::ErrorKind;
use mp_pay::{
    IntentId, PayError,
    backend::{
        Capabilities, Lookup, LookupRequest, Outcome, PaymentBackend, Reference, sandbox::Behaviour,
    },
    dispute::DisputeStatus,
    intent::IntentStatus,
    operation::{OperationKey, Step},
    payments::{
        ACTION_LIFE, CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, DisputeNotice,
        IncreaseIntent, LateSuccess, Notice, RefundIntent,
    },
    refund::RefundId,
};

use super::support::{
    app, eur, idem, mei, method,
    process::{Outside, Process, try_to_resolve},
    staff,
    webhooks::Webhooks,
};

/// Asks up to three times while the outcome is not known.
macro_rules! again {
    ($call:expr) => {{
        let mut answer = $call.await;
        for _ in 0..2 {
            match &answer {
                Err(error) if is_unknown(error) => answer = $call.await,
                _ => break,
            }
        }
        answer
    }};
}

/// How long a hold stands: less than an idempotency key is remembered.
pub(crate) const HOLD: Duration = Duration::from_secs(60 * 60);

/// For how long keys are replayed where a payer acts only when their time is over.
const LONG: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a payment goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    /// Held, captured in part, refunded in part.
    Refunded,
    /// Held, raised, captured twice, refunded in part.
    Raised,
    /// Held, captured in part, refunded in part, captured and refunded again.
    PartRefunded,
    /// Held, captured in part, and the rest canceled.
    Closed,
    /// Charged, and refunded by a backend that accepts refunds first.
    RefundedLater,
    /// Charged, and refunded by a backend at which the refund fails later.
    RefundFails,
    /// Held, and never captured.
    Lapsed,
    /// Declined, charged by another method, and refunded in part.
    Declined,
    /// Charged once its payer has acted, as with 3-D Secure, and refunded in part.
    Acted,
    /// Charged, canceled while it waits for its payer, who acts all the same.
    GivenUp,
    /// Charged by a backend that tells another amount; a person looks, and some is refunded.
    Conflicted,
    /// Charged, and refunded by a backend that tells another amount; a person looks.
    RefundConflicted,
    /// Charged, and paid when the payer's time is over, which is accepted; refunded in part.
    LateAccepted,
    /// Charged, and paid when the payer's time is over and another attempt was made: given back.
    LateReturned,
    /// Charged, disputed for the most part, refunded, won, refunded again.
    Disputed,
    /// As the first, with a webhook before each answer.
    ToldFirst,
    /// As the first, with two webhooks before each answer.
    ToldTwice,
    /// As the first, with all webhooks twice at its end, the last one first.
    ToldLate,
}

/// The lives of which the host decides.
pub(crate) const LIVES: [Life; 10] = [
    Life::Refunded,
    Life::Raised,
    Life::PartRefunded,
    Life::Closed,
    Life::RefundedLater,
    Life::RefundFails,
    Life::Lapsed,
    Life::Declined,
    Life::Acted,
    Life::GivenUp,
];

/// Those of them in which a webhook before each answer may change the course.
pub(crate) const OVERTAKEN: [Life; 6] = [
    Life::Raised,
    Life::Closed,
    Life::RefundedLater,
    Life::Declined,
    Life::Acted,
    Life::GivenUp,
];

/// The lives that turn on what the backend tells, and when.
pub(crate) const TOLD: [Life; 8] = [
    Life::Conflicted,
    Life::RefundConflicted,
    Life::LateAccepted,
    Life::LateReturned,
    Life::Disputed,
    Life::ToldFirst,
    Life::ToldTwice,
    Life::ToldLate,
];

impl Life {
    /// Returns whether this may be what the provider's books show in the end, in any order.
    pub(crate) fn moves(self, mut moved: Vec<i64>, unharmed: bool) -> bool {
        moved.sort_unstable();
        let expected: &[i64] = match self {
            // It comes in time for nobody to have given it up, or is given back.
            Self::GivenUp => return matches!(moved[..], [] | [100] | [-100, 100]),
            Self::LateReturned if !unharmed && moved == [100] => return true,
            // What had not come by the end of its payer's time is not sent any more.
            Self::LateAccepted if !unharmed && moved.is_empty() => return true,
            Self::LateReturned => &[-100, 100, 100],
            Self::Lapsed => &[],
            Self::Refunded | Self::ToldFirst | Self::ToldTwice | Self::ToldLate => &[-30, 80],
            Self::Raised => &[-30, 60, 70],
            Self::PartRefunded => &[-30, -20, 30, 40],
            Self::Closed => &[30],
            Self::RefundFails => &[-30, 30, 100],
            Self::Disputed => &[-30, -20, 100],
            Self::RefundedLater
            | Self::Declined
            | Self::Acted
            | Self::Conflicted
            | Self::RefundConflicted
            | Self::LateAccepted => &[-30, 100],
        };
        moved == expected
    }

    const fn is_held(self) -> bool {
        matches!(
            self,
            Self::Refunded
                | Self::Raised
                | Self::PartRefunded
                | Self::Closed
                | Self::Lapsed
                | Self::ToldFirst
                | Self::ToldTwice
                | Self::ToldLate
        )
    }

    /// Returns what the life is lived in.
    pub(crate) fn outside(self, can: Capabilities) -> Outside {
        let can = can.with_hold_life(Some(HOLD));
        let can = match (self, can.replays_keys) {
            (Self::LateAccepted | Self::LateReturned, Some(_)) => can.with_replay(LONG),
            _ => can,
        };
        let mut outside = Outside::new(can);
        outside.sandbox = outside.sandbox.with_refunds(self.refunds());
        match self {
            Self::Conflicted => outside.sandbox.script(Behaviour::Misstate(eur(90))),
            Self::LateAccepted => outside.late = LateSuccess::Accept,
            Self::ToldFirst => outside.webhooks = Webhooks::first(1),
            Self::ToldTwice => outside.webhooks = Webhooks::first(2),
            _ => {}
        }
        outside
    }

    const fn refunds(self) -> Behaviour {
        match self {
            Self::RefundedLater => Behaviour::Delay(Duration::from_secs(60)),
            Self::RefundFails => Behaviour::FailLater(Duration::from_secs(60)),
            Self::RefundConflicted => Behaviour::Misstate(eur(25)),
            _ => Behaviour::Succeed,
        }
    }

    const fn token(self) -> &'static str {
        match self {
            Self::Acted | Self::GivenUp | Self::LateAccepted | Self::LateReturned => "pm_action",
            Self::Declined => "pm_declined",
            _ => "pm_ok",
        }
    }
}

/// Lives a payment's life as a client does that asks again after a lost answer.
pub(crate) async fn live(process: &Process, life: Life) -> Result<IntentId, PayError> {
    let payments = &process.world.payments;
    let mut create = CreateIntent::of(eur(100)).with_payment_method(method(life.token()));
    if life.is_held() {
        create = create.with_manual_capture();
    }
    let intent = again!(payments.create_intent(&mei(), create.clone(), &idem("create")))?;
    let id = intent.id;
    let confirm = ConfirmIntent::of(id);
    again!(payments.confirm(&mei(), confirm.clone(), &idem("confirm")))?;
    match life {
        Life::Refunded | Life::ToldFirst | Life::ToldTwice => {
            capture(process, id, 80, true, "capture").await?;
            refund(process, id, 30, "refund").await?;
        }
        Life::ToldLate => {
            capture(process, id, 80, true, "capture").await?;
            refund(process, id, 30, "refund").await?;
            tell_late(process).await?;
        }
        Life::Raised => {
            let increase = IncreaseIntent::to(id, eur(150));
            again!(payments.increase(&staff(), increase.clone(), &idem("increase")))?;
            capture(process, id, 60, false, "first").await?;
            capture(process, id, 70, true, "capture").await?;
            refund(process, id, 30, "refund").await?;
        }
        Life::PartRefunded => {
            capture(process, id, 30, false, "first").await?;
            refund(process, id, 20, "early").await?;
            capture(process, id, 40, true, "capture").await?;
            refund(process, id, 30, "refund").await?;
        }
        Life::Closed => {
            capture(process, id, 30, false, "first").await?;
            cancel(process, id).await?;
        }
        Life::GivenUp => give_up(process, id).await?,
        Life::Lapsed => process.world.clock.advance(HOLD),
        Life::RefundedLater => drop(refund(process, id, 30, "refund").await?),
        Life::RefundFails => {
            let refund = refund(process, id, 30, "refund").await?;
            fail(process, refund, id).await?;
        }
        Life::Declined => {
            let other = ConfirmIntent::of(id).with_payment_method(method("pm_ok"));
            again!(payments.confirm(&mei(), other.clone(), &idem("again")))?;
            refund(process, id, 30, "refund").await?;
        }
        Life::Acted => {
            process.recover().await;
            refund(process, id, 30, "refund").await?;
        }
        Life::Conflicted => {
            have_resolved(process).await?;
            refund(process, id, 30, "refund").await?;
        }
        Life::RefundConflicted => {
            refund(process, id, 30, "refund").await?;
            have_resolved(process).await?;
        }
        Life::LateAccepted => {
            process.world.clock.advance(ACTION_LIFE);
            have_resolved(process).await?;
            nothing_came(refund(process, id, 30, "refund").await.map(drop))?;
        }
        Life::LateReturned => try_again(process, id).await?,
        Life::Disputed => dispute(process, id).await?,
    }
    Ok(id)
}

async fn capture(
    process: &Process,
    id: IntentId,
    cents: i64,
    last: bool,
    key: &str,
) -> Result<(), PayError> {
    let mut capture = CaptureIntent::of(id).with_amount(eur(cents));
    capture.last = last;
    let payments = &process.world.payments;
    again!(payments.capture(&staff(), capture.clone(), &idem(key))).map(drop)
}

async fn refund(
    process: &Process,
    id: IntentId,
    cents: i64,
    key: &str,
) -> Result<RefundId, PayError> {
    let refund = RefundIntent::of(id).with_amount(eur(cents));
    let payments = &process.world.payments;
    let given = again!(payments.refund(&staff(), refund.clone(), &idem(key)));
    given.map(|refund| refund.id)
}

async fn cancel(process: &Process, id: IntentId) -> Result<(), PayError> {
    let cancel = CancelIntent::of(id);
    let payments = &process.world.payments;
    again!(payments.cancel(&staff(), cancel.clone(), &idem("cancel"))).map(drop)
}

async fn give_up(process: &Process, id: IntentId) -> Result<(), PayError> {
    faster(cancel(process, id).await)
}

/// Takes it that the payer was faster.
fn faster(answer: Result<(), PayError>) -> Result<(), PayError> {
    match answer {
        Err(PayError::UnexpectedState {
            status: IntentStatus::Succeeded,
            ..
        }) => Ok(()),
        answer => answer,
    }
}

/// Takes it that the charge did not come before its payer's time was over.
fn nothing_came(answer: Result<(), PayError>) -> Result<(), PayError> {
    match answer {
        Err(PayError::UnexpectedState {
            status: IntentStatus::RequiresPaymentMethod,
            ..
        }) => Ok(()),
        answer => answer,
    }
}

/// Confirms again when the payer's time is over, who has acted all the same.
async fn try_again(process: &Process, id: IntentId) -> Result<(), PayError> {
    process.world.clock.advance(ACTION_LIFE);
    let confirm = ConfirmIntent::of(id).with_payment_method(method("pm_ok"));
    let payments = &process.world.payments;
    let confirmed = again!(payments.confirm(&mei(), confirm.clone(), &idem("again")));
    faster(confirmed.map(drop))
}

/// Lets a worker work, and a person see to what waits for one.
async fn have_resolved(process: &Process) -> Result<(), PayError> {
    process.recover().await;
    let payments = &process.world.payments;
    let listed = again!(payments.unresolved(&staff(), None, 100))?;
    for waiting in listed {
        match again!(try_to_resolve(&process.world, &waiting)) {
            // The answer was lost, and it was.
            Ok(_) | Err(PayError::NotUnresolved(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Has the bank take the most of it back, and give it back again; of the rest some is refunded.
async fn dispute(process: &Process, id: IntentId) -> Result<(), PayError> {
    use DisputeStatus::{Inquiry, NeedsResponse, UnderReview, Won};
    tell_dispute(process, id, &[Inquiry, NeedsResponse, NeedsResponse]).await?;
    refund(process, id, 20, "early").await?;
    tell_dispute(process, id, &[Won, UnderReview, NeedsResponse, Won]).await?;
    refund(process, id, 30, "refund").await.map(drop)
}

async fn tell_dispute(
    process: &Process,
    id: IntentId,
    told: &[DisputeStatus],
) -> Result<(), PayError> {
    let reference = Reference::new("dp_1").expect("a reference");
    for status in told {
        let notice = DisputeNotice {
            intent: id,
            attempt: None,
            reference: reference.clone(),
            amount: eur(80),
            status: *status,
            reason: None,
        };
        let payments = &process.world.payments;
        again!(payments.observe_dispute(&staff(), notice.clone()))?;
    }
    Ok(())
}

/// Tells everything twice, the last first.
async fn tell_late(process: &Process) -> Result<(), PayError> {
    let payments = &process.world.payments;
    let mut told = process.backend.webhooks.told();
    told.reverse();
    for notice in told.iter().chain(&told) {
        again!(payments.observe(&staff(), notice.clone()))?;
    }
    Ok(())
}

/// Lets what was given back come back, and has the provider tell of it.
async fn fail(process: &Process, refund: RefundId, intent: IntentId) -> Result<(), PayError> {
    let world = &process.world;
    world.clock.advance(Duration::from_secs(61));
    let step = Step::Refund(refund);
    let operation = OperationKey { intent, step };
    let queries = Capabilities::neither().with_queries();
    let books = world.sandbox.clone().with_capabilities(queries);
    let found = books
        .lookup(&LookupRequest::of(app(), operation))
        .await
        .expect("looks");
    if let Lookup::Found(outcome @ Outcome::Declined { .. }) = found {
        let notice = Notice { operation, outcome };
        again!(world.payments.observe(&staff(), notice.clone()))?;
    }
    Ok(())
}

fn is_unknown(error: &PayError) -> bool {
    mp_core::Error::from(error.clone()).kind() == ErrorKind::Unknown
}
