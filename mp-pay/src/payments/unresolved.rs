use mp_core::{
    Caller, Document, Error, Scope, Timestamp,
    amount::Money,
    id::{IdempotencyKey, Name, UserId},
    store::{Delivery, Key, Partition},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Asking, Notice, PAY_MANAGE, Payments, drive};
use crate::{
    backend::Outcome,
    error::{PayError, is_unreadable},
    intent::PaymentIntent,
    journal::{Event, Source},
    operation::{Breach, OperationDue, OperationKey, Stage},
    payment::{Change, Move, Payment, next_move},
};

/// The most operations that [`Payments::unresolved`] lists at a time.
pub const UNRESOLVED_MAX: u32 = 1_000;

/// An operation that only a person can find out about.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Unresolved {
    /// Its key, which is also our reference at the backend.
    pub operation: OperationKey,
    /// Which backend it went to, if its attempt names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Name>,
    /// Whose money it is about.
    pub owner: UserId,
    /// How much; of what is owed no more than is left, where the rest has gone back in another way.
    pub amount: Money,
    /// What the backend says that it moved, where that is not the amount, or not what a person has found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Money>,
    /// How the backend has broken its contract, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<Breach>,
    /// How far it came.
    pub stage: Stage,
    /// When it was last sent.
    pub sent_at: Option<Timestamp>,
}

impl Payments {
    /// Lists the app's operations that wait for a person, by intent, after the one given: those
    /// of a backend that can neither replay nor be asked, or only by a name that it has not told, those
    /// whose window has closed, those of which the backend tells another amount or [breaks its
    /// contract](Breach), those of which it says for good the opposite of what a person has found, what
    /// was taken late or beyond the amount, or let go of or given back by a capability, and could not be
    /// given back, what has not reached its backend for a week, which is tried again once it is
    /// [driven](mp_core::work::DeadLetters) again, and those whose backend is not configured and did not
    /// come back for hours.
    ///
    /// A worker puts them here; at most [`UNRESOLVED_MAX`] at a time. One whose payment does not read
    /// back, or is such that only a newer release reads it, is passed over and told through `tracing`:
    /// [`DeadLetters`](mp_core::work::DeadLetters) list its work.
    ///
    /// # Errors
    ///
    /// `forbidden`, the store's errors.
    pub async fn unresolved(
        &self,
        caller: &Caller,
        after: Option<OperationKey>,
        limit: u32,
    ) -> Result<Vec<Unresolved>, PayError> {
        caller.require(&PAY_MANAGE)?;
        let limit = limit
            .min(UNRESOLVED_MAX)
            .min(self.engine.store().limits().due_max);
        let prefix = format!("{}/pay/", caller.app_id());
        let mut cursor = start(&prefix, after)?;
        let mut listed = Vec::new();
        while listed.len() < limit as usize {
            let (partition, key) = &cursor;
            let store = self.engine.store();
            let dead = store.dead(Some((partition, key)), limit).await;
            let dead = dead.map_err(Error::from)?;
            let Some(last) = dead.last() else { break };
            cursor = (last.partition.clone(), last.key.clone());
            for delivery in &dead {
                if !delivery.partition.id().starts_with(&prefix) {
                    return Ok(listed);
                }
                if listed.len() < limit as usize {
                    listed.extend(self.unresolved_of(caller, delivery).await?);
                }
            }
        }
        Ok(listed)
    }

    async fn unresolved_of(
        &self,
        caller: &Caller,
        delivery: &Delivery,
    ) -> Result<Option<Unresolved>, PayError> {
        let id = delivery.key.as_str().strip_prefix(&prefix_of_due());
        let Some(Ok(operation)) = id.map(str::parse::<OperationKey>) else {
            return Ok(None);
        };
        match self.read(caller.app_id(), operation.intent).await {
            Err(PayError::Core(error)) if is_unreadable(&error) => {
                tracing::error!(%operation, %error, "not listed, because its payment does not read here");
                Ok(None)
            }
            read => Ok(describe(&read?, operation)),
        }
    }

    /// Tells what became of an operation that waited for a person: over everything that the backend
    /// has said. Where the amounts differ, the outcome says [how much](crate::backend::Outcome::with_amount) has
    /// moved; what the payer has paid too much is given back.
    ///
    /// That something which was to be given back by itself never happened does not settle what is owed: it
    /// is listed again, as declined, until somebody says that it has gone back in another way, or once more
    /// that it has not, which lets go of it. Each word takes a key of its own: under the same key it is the
    /// same word.
    ///
    /// # Errors
    ///
    /// `forbidden` for anybody but staff, `not_found`, `invalid_field` for an outcome that is
    /// itself open or whose amount is not more than zero or of another currency,
    /// [`PayError::AmountTooLarge`] for more than is left of what is owed, [`PayError::NotUnresolved`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn resolve(
        &self,
        caller: &Caller,
        notice: Notice,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntent, PayError> {
        caller.require(&Scope::STAFF)?;
        if !notice.outcome.is_known() {
            let problem = "does not say for good what became of it";
            return Err(Error::invalid("outcome", problem).into());
        }
        let app = caller.app_id();
        if self.find(app, notice.operation.intent).await?.is_none() {
            return Err(Error::not_found("operation").into());
        }
        let call_max = self.options.call_max;
        let intent = notice.operation.intent;
        let asking = Asking::by_call(caller, "pay.resolve", intent, key, &notice)?;
        let Notice { operation, outcome } = notice;
        let resolve = move |change: &mut Change| {
            let (payment, now) = (change.payment(), change.now());
            if payment.operation(operation.step).is_none() {
                return Err(Error::not_found("operation").into());
            }
            is_of(&outcome, payment.amount_of(operation.step))?;
            payment.check_found(operation.step, &outcome)?;
            let can = change.routing().can(payment, operation.step).ok();
            if next_move(payment, operation.step, can, call_max, now) != Move::Person {
                return Err(PayError::NotUnresolved(operation));
            }
            let event = Event::Observed {
                operation,
                outcome: outcome.clone(),
                source: Source::Person,
            };
            drive::observe(change, event)
        };
        let payment = self.ask_for(app, intent, asking, resolve).await?;
        Ok(payment.into_intent())
    }
}

/// Refuses an outcome that tells an amount of nothing or less, or in another currency than that of
/// what was asked for.
fn is_of(outcome: &Outcome, asked: Option<Money>) -> Result<(), Error> {
    let (Some(told), Some(asked)) = (outcome.amount(), asked) else {
        return Ok(());
    };
    if told.currency() != asked.currency() {
        let problem = format!("is not in {}", asked.currency());
        return Err(Error::invalid("amount", problem));
    }
    if !told.is_positive() {
        return Err(Error::invalid("amount", "is not more than zero"));
    }
    Ok(())
}

/// Returns the place in the list of dead work after which the app's operations come.
fn start(prefix: &str, after: Option<OperationKey>) -> Result<(Partition, Key), Error> {
    match after {
        Some(operation) => Ok((
            Partition::parse(&format!("{prefix}{}", operation.intent))?,
            Key::new(&format!("{}{operation}", prefix_of_due()))?,
        )),
        // No intent's id sorts before this.
        None => Ok((Partition::parse(&format!("{prefix}+"))?, Key::root())),
    }
}

fn prefix_of_due() -> String {
    format!("~o/{}/", OperationDue::KIND)
}

fn describe(payment: &Payment, key: OperationKey) -> Option<Unresolved> {
    let operation = payment.operation(key.step)?;
    Some(Unresolved {
        operation: key,
        backend: payment
            .attempt_of(key.step)
            .and_then(|it| it.backend.clone()),
        owner: payment.intent.owner.clone(),
        amount: payment.amount_open(key.step)?,
        told: operation.conflict,
        breach: operation.breach,
        stage: operation.stage,
        sent_at: operation.sent_at,
    })
}
