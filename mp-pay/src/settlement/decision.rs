//! What a settlement comes to, as plain functions of what stands in its partition.

use std::collections::BTreeMap;

use mp_core::{
    Edits, Error, ErrorKind, Family, Timestamp,
    amount::Money,
    idempotency::key_reused,
    port::{Declined, SecureRequest, Secured, Settled, SettlementStatus},
};

use super::{
    SettlementMark,
    returned::{goes_back, is_open, note_return},
    status_of,
};
use crate::{
    error::PayError,
    intent::{CaptureMethod, IntentId, IntentStatus, PaymentIntent},
    journal::{Confirmed, Created, Event},
    method::PaymentMethod,
    operation::{Operation, Stage},
    payment::{self, Change, Fence, Payment, Policy, Root},
    payments::may_refund,
    refund::{RefundId, RefundReason},
    routing::RouteRequest,
};

/// What stands in a settlement's partition.
pub(super) enum Found {
    Nothing,
    Fenced(Declined),
    Payment(Box<Payment>),
}

pub(super) fn found(family: &Family) -> Result<Found, PayError> {
    if let Some(payment) = payment::load(family)? {
        return Ok(Found::Payment(Box::new(payment)));
    }
    let root = family.root::<Root>()?;
    Ok(match root.as_deref() {
        Some(Root::Fence(fence)) => Found::Fenced(declined(&fence.code)),
        _ => Found::Nothing,
    })
}

/// Returns whether letting go was not asked for yet, or was and the backend has refused it.
pub(super) fn is_news(intent: &PaymentIntent) -> bool {
    let released = intent.settlement.as_ref().is_some_and(|mark| mark.released);
    !released || intent.amount_refundable().is_positive()
}

pub(super) fn fence(code: &'static str, now: Timestamp) -> Edits {
    let mut edits = Edits::new();
    edits.put_root(Root::Fence(Fence {
        fenced_at: now,
        code: code.to_owned(),
    }));
    edits
}

/// Creates and confirms the intent in one commit, at the first backend that takes it.
pub(super) fn opened(
    request: &SecureRequest,
    id: IntentId,
    method: &PaymentMethod,
    policy: &Policy,
    now: Timestamp,
) -> Result<Change, PayError> {
    let way = RouteRequest::of(request.amount)
        .of_type(method.payment_method_type.clone())
        .from_country(method.country);
    let first = policy.routing.first(&way, now)?;
    let held = first.can.separate_capture;
    let capture_method = if held {
        CaptureMethod::Manual
    } else {
        CaptureMethod::Automatic
    };
    let created = Created {
        id,
        app: request.app.clone(),
        owner: request.payer.clone(),
        amount: request.amount,
        capture_method,
        lines: BTreeMap::new(),
        payment_method: Some(method.token.clone()),
        payment_method_type: method.payment_method_type.clone(),
        country: method.country,
        description: None,
        settlement: Some(SettlementMark::new(request.key.clone(), request.deadline)),
    };
    let mut change = Change::create(created, policy, now);
    change.apply(Event::Confirmed(Confirmed {
        payment_method: None,
        payment_method_type: method.payment_method_type.clone(),
        country: method.country,
        backend: first.backend,
        capture: !held,
        expires_at: request.deadline,
        hold_seconds: first.can.hold_life.map(|life| life.as_secs()),
    }))?;
    Ok(change)
}

pub(super) fn is_for(intent: &PaymentIntent, request: &SecureRequest) -> Result<(), Error> {
    let deadline = intent.settlement.as_ref().map(|mark| mark.deadline);
    let same = intent.owner == request.payer
        && intent.amount == request.amount
        && deadline == Some(request.deadline);
    if same { Ok(()) } else { Err(key_reused()) }
}

pub(super) fn secured(payment: &Payment) -> Result<Secured, PayError> {
    let intent = &payment.intent;
    if intent.settlement.as_ref().is_some_and(|mark| mark.released) {
        return Ok(Secured::Declined(declined("released")));
    }
    Ok(match status_of(payment) {
        SettlementStatus::Secured | SettlementStatus::Settled => Secured::Secured,
        SettlementStatus::Declined => Secured::Declined(declined_by(intent)),
        _ if intent.status == IntentStatus::RequiresAction => {
            let action = serde_json::to_value(&intent.next_action);
            let broken = |error| Error::invalid("next_action", "is no JSON").with_source(error);
            Secured::NeedsAction(action.map_err(broken)?)
        }
        _ => Secured::Unknown,
    })
}

pub(super) fn settle(change: &mut Change) -> Result<(), PayError> {
    note_return(change)?;
    let intent = &change.payment().intent;
    // Of what is on its way back nobody knows yet whether it can be taken.
    if !is_open(intent) || goes_back(intent) {
        return Ok(());
    }
    match intent.status {
        IntentStatus::RequiresCapture => {
            let amount = intent.amount_capturable;
            let last = true;
            change.apply(Event::CaptureAsked { amount, last })?;
            change.apply(Event::SettleAsked)
        }
        IntentStatus::Succeeded if intent.amount_received.is_positive() => {
            change.apply(Event::SettleAsked)
        }
        _ => Ok(()),
    }
}

pub(super) fn settled(payment: &Payment) -> Settled {
    let intent = &payment.intent;
    if intent.settlement.as_ref().is_some_and(|mark| mark.released) {
        return Settled::Declined(declined("released"));
    }
    let is_taken = intent.amount_received.is_positive();
    match intent.status {
        // It is found out meanwhile what became of it, or whether it goes back: the next to ask is told.
        IntentStatus::Succeeded if is_taken && is_open(intent) => Settled::Unknown,
        IntentStatus::Succeeded if is_taken => Settled::Settled,
        IntentStatus::Succeeded | IntentStatus::Canceled => Settled::Declined(declined_by(intent)),
        _ => Settled::Unknown,
    }
}

pub(super) fn ask_back(
    change: &mut Change,
    refund: RefundId,
    amount: Money,
) -> Result<(), PayError> {
    let payment = change.payment();
    if let Some(earlier) = payment.refunds.get(&refund) {
        return if earlier.amount == amount {
            Ok(())
        } else {
            Err(key_reused().into())
        };
    }
    change.catch_up()?;
    let payment = change.payment();
    may_refund(payment, amount, change.routing().can_now(payment)?)?;
    change.apply(Event::RefundAsked {
        refund,
        amount,
        reason: Some(RefundReason::GivenBack),
        lines: BTreeMap::new(),
    })
}

/// Returns what the asker of a part is told. What is not sure to be on its way is to be asked for again,
/// so that whoever was told that it is can leave it to a person should it be declined after all. What is
/// left to a person is not refused before that person has let go of it: another part would be given
/// back beside it.
pub(super) fn given_back(refund: Option<&Operation>) -> Result<(), Error> {
    let left_to_a_person = |it: &Operation| it.is_named() && !it.is_forgone();
    let told = |it: &Operation| it.is_done() || left_to_a_person(it);
    match refund {
        Some(operation) if told(operation) => Ok(()),
        Some(operation) if operation.stage == Stage::Declined => {
            let message = "the payment backend declined to give it back: take another part name";
            Err(Error::new(ErrorKind::Refused, "refund_declined", message))
        }
        _ => {
            let message =
                "it is being found out whether it is given back: ask again for the same part";
            Err(Error::new(ErrorKind::Unknown, "outcome_unknown", message))
        }
    }
}

fn declined_by(intent: &PaymentIntent) -> Declined {
    declined(
        intent
            .last_error
            .as_ref()
            .map_or("declined", |code| code.as_str()),
    )
}

fn declined(code: &str) -> Declined {
    Declined {
        code: code.to_owned(),
    }
}
