//! What is asked of intents.

use mp_core::{
    Caller, Command, Decision, Error, Family, Scope, Timestamp,
    amount::JSON_INTEGER_MAX,
    engine::Planned,
    id::{AppId, IdempotencyKey},
    idempotency::{Idempotency, key_reused},
};

use super::{
    ACTION_LIFE, Asking, Begun, CancelIntent, ConfirmIntent, CreateIntent, PAY_MANAGE, Payments,
    drive::unclear, may_charge,
};
use crate::{
    error::PayError,
    intent::{CaptureMethod, IntentEvent, IntentId, LINES_MAX, PaymentIntent},
    journal::{Confirmed, Created, Event, Request},
    payment::{self, Change},
    routing::RouteRequest,
};

/// The operation that a creation is asked for by.
const CREATE: &str = "pay.create_intent";

impl Payments {
    /// Creates an intent. Its id is derived from the app, the caller and the key: the same call is answered
    /// with the same intent, whatever the backends of today can.
    ///
    /// # Errors
    ///
    /// `invalid_field` for an amount that is not more than zero or lines that are more than it,
    /// [`PayError::Unsupported`] for a manual capture that the backend does not have,
    /// [`PayError::Uncounted`] for an amount that it does not count, [`PayError::NoRoute`] if none of several
    /// backends has or counts it, `forbidden` if somebody else is to pay and the caller is not
    /// staff, `idempotency_conflict`, the store's errors.
    pub async fn create_intent(
        &self,
        caller: &Caller,
        request: CreateIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        let once = Idempotency::new(caller, CREATE, key, &request)?;
        let asked = Request::of(caller, CREATE, key, &once);
        let created = self.created(caller, request, key)?;
        let (app, id) = (created.app.clone(), created.id);
        let command = self.creating(&app, id)?.once_by_decision(once);
        let create = self.create(created, asked);
        let begun = self
            .engine
            .run(command.presume_absent(), create)
            .await?
            .answer;
        match begun.into_parts() {
            Some((payment, _)) => Ok(payment.into_intent()),
            None => {
                let read = self.read(&app, id).await;
                Ok(read.map_err(unclear)?.into_intent())
            }
        }
    }

    /// Decides what [`create_intent`](Self::create_intent) would, without committing it, and answers
    /// the intent's id: for a host whose order and our intent are to exist both or not at all. It
    /// commits the batch inside a transaction of its own, with the `commit_in` of the store.
    ///
    /// # Errors
    ///
    /// As [`create_intent`](Self::create_intent).
    pub async fn plan_create_intent(
        &self,
        caller: &Caller,
        request: CreateIntent,
        key: &IdempotencyKey,
    ) -> Result<Planned<IntentId>, PayError> {
        let once = Idempotency::new(caller, CREATE, key, &request)?;
        let asked = Request::of(caller, CREATE, key, &once);
        let created = self.created(caller, request, key)?;
        let id = created.id;
        let command = self.creating(&created.app, id)?.once_by_decision(once);
        let planned = self
            .engine
            .plan(command, self.create(created, asked))
            .await?;
        Ok(planned.map(|_| id))
    }

    fn creating(&self, app: &AppId, id: IntentId) -> Result<Command, Error> {
        Ok(self.telling().reads(payment::command(app, id)?))
    }

    fn create(
        &self,
        created: Created,
        asked: Request,
    ) -> impl Fn(&Family, Timestamp) -> Result<Decision<Begun>, PayError> + Send + 'static {
        let (policy, telling) = (self.policy(), self.telling());
        move |family, now| {
            if family.exists() {
                let known = Change::load(family, &policy, now)?;
                // One of a release that did not keep who asked may be of another call.
                return match known.repeats(&asked)? {
                    true => Ok(Decision::unchanged(Begun::default())),
                    false => Err(PayError::Core(key_reused())),
                };
            }
            // What was written down once is not held against today's backends again.
            let (amount, capture) = (created.amount, created.capture_method);
            policy.routing.admit(amount, capture)?;
            let mut change = Change::create(created.clone(), &policy, now);
            change.asked_by(asked.clone());
            let begun = Begun::seen(&change);
            Ok(telling.decision(change, begun, family, now)?)
        }
    }

    fn created(
        &self,
        caller: &Caller,
        request: CreateIntent,
        key: &IdempotencyKey,
    ) -> Result<Created, PayError> {
        let CreateIntent { amount, .. } = request;
        if !(1..=JSON_INTEGER_MAX).contains(&amount.minor()) {
            return Err(Error::invalid("amount", "is not more than zero, or too large").into());
        }
        check_lines(&request)?;
        let owner = match request.payer {
            Some(payer) if caller.user_id() != Some(&payer) => {
                caller.require(&Scope::STAFF)?;
                payer
            }
            _ if caller.user_id().is_none() && caller.has(&Scope::STAFF) => {
                let problem = "is required: the caller is the app itself";
                return Err(Error::invalid("payer", problem).into());
            }
            _ => caller.signed_in()?.clone(),
        };
        let app = caller.app_id().clone();
        let parts = [app.as_str(), caller.key_segment(), CREATE, key.as_str()];
        Ok(Created {
            id: IntentId::derived(&parts),
            app,
            owner,
            amount,
            capture_method: request.capture_method,
            lines: request.lines,
            payment_method: request.payment_method,
            payment_method_type: request.payment_method_type,
            country: request.country,
            description: request.description,
            settlement: None,
        })
    }

    /// Charges the payer, or holds the money if capture is manual. A decline is no error: the
    /// intent answered has it as its `last_error`. With several backends, what one surely did not
    /// take is tried at the next [as the rules say](crate::routing).
    ///
    /// # Errors
    ///
    /// `not_found`, `forbidden` if somebody else is to pay and the caller is not staff, `invalid_field`
    /// without a payment method, [`PayError::UnexpectedState`],
    /// [`PayError::NoRoute`], [`PayError::Unsupported`] and [`PayError::Uncounted`] if no backend
    /// takes it, `idempotency_conflict`, the store's errors.
    pub async fn confirm(
        &self,
        caller: &Caller,
        request: ConfirmIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        let id = request.intent;
        let asking = Asking::by_call(caller, "pay.confirm", id, key, &request)?;
        let caller_of = caller.clone();
        let confirm = move |change: &mut Change| {
            may_charge(&caller_of, &change.payment().intent)?;
            change.catch_up()?;
            change.payment().allow(IntentEvent::Confirm)?;
            let confirmed = confirmed(change, &request)?;
            change.apply(Event::Confirmed(confirmed))
        };
        let app = caller.app_id();
        let payment = self.ask_for(app, id, asking, confirm).await?;
        // A call that is known again was not decided on anew.
        may_charge(caller, &payment.intent)?;
        Ok(payment.into_intent())
    }

    /// Gives an intent up and lets go of what is held. Where part of it was captured, only the rest
    /// is let go, and the intent has `succeeded`.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, [`PayError::UnexpectedState`] while money is moving or once it was
    /// taken, `idempotency_conflict`, the store's errors.
    pub async fn cancel(
        &self,
        caller: &Caller,
        request: CancelIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&PAY_MANAGE)?;
        let (id, reason) = (request.intent, request.reason);
        let asking = Asking::by_call(caller, "pay.cancel", id, key, &request)?;
        let cancel = move |change: &mut Change| {
            change.catch_up()?;
            change.apply(Event::CancelAsked { reason })
        };
        let app = caller.app_id();
        let payment = self.ask_for(app, id, asking, cancel).await?;
        Ok(payment.shown_to(caller))
    }
}

/// Returns what the attempt is opened with, and where.
fn confirmed(change: &Change, request: &ConfirmIntent) -> Result<Confirmed, PayError> {
    let intent = &change.payment().intent;
    // What is told of the intent's payment method is not true of another one.
    let known = request.payment_method.is_none();
    let known = intent.payment_method_type.as_ref().filter(|_| known);
    let payment_method_type = request.payment_method_type.as_ref().or(known).cloned();
    let country = request.country.or(intent.country);
    let way = RouteRequest::of(intent.amount)
        .captured(intent.capture_method)
        .of_type(payment_method_type.clone())
        .from_country(country);
    let first = change.routing().first(&way, change.now())?;
    Ok(Confirmed {
        payment_method: request.payment_method.clone(),
        payment_method_type,
        country,
        backend: first.backend,
        capture: intent.capture_method == CaptureMethod::Automatic,
        expires_at: change.now().plus(ACTION_LIFE),
        hold_seconds: first.can.hold_life.map(|life| life.as_secs()),
    })
}

/// Refuses lines that make no sense, or together more than is paid.
fn check_lines(request: &CreateIntent) -> Result<(), Error> {
    let wrong = |problem: &'static str| Err(Error::invalid("lines", problem));
    if request.lines.len() > LINES_MAX {
        return wrong("has more than 100 lines");
    }
    let mut left = request.amount;
    for part in request.lines.values() {
        let Ok(rest) = left.checked_sub(*part) else {
            return wrong("has a line in another currency");
        };
        if !part.is_positive() || rest.is_negative() {
            return wrong("has a line that is not more than zero, or more than the amount in all");
        }
        left = rest;
    }
    Ok(())
}
