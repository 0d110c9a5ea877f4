//! The payout as a pure state machine: what is asked of it is checked, what is observed of it joined.

use std::time::Duration;

use mp_core::{
    Document, Timestamp,
    amount::Money,
    id::AppId,
    label::Label,
    port::{Destination, PayoutKey, PayoutRequest, PayoutStatus, Receiver},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CreatedPayout, PayoutCapabilities, PayoutError, PayoutEvent, PayoutLookupRequest};
use crate::{
    backend::{DeclineCode, Outcome},
    journal::Source,
    operation::{Asked, Breach, Operation, Stage},
    payment::Move,
};

mp_core::id_type!(
    /// Names one payout, at us and at the backend: derived from the app and the payout's key.
    pub PayoutId, "po"
);

/// Money that is to go to somebody, and how far it has come.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PayoutOrder {
    /// Its id.
    pub id: PayoutId,
    /// Its name, under which it was asked for.
    pub key: PayoutKey,
    /// The app that pays.
    pub app: AppId,
    /// Who is paid.
    pub receiver: Receiver,
    /// Where the money goes, if the receiver has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// How much.
    pub amount: Money,
    /// What for.
    pub reason: Label,
    /// Where it stands.
    pub status: PayoutStatus,
    /// What was asked of the backend, and what is known of that.
    pub operation: Operation,
    /// When it was learnt that the money had gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// When it was called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When something about it changed last.
    pub changed_at: Timestamp,
}

impl Document for PayoutOrder {
    const KIND: &'static str = "payout";
    const FORMAT: u32 = 2;
}

impl PayoutOrder {
    /// Returns the question what became of it, with all names that it is known by.
    pub(super) fn lookup_request(&self) -> PayoutLookupRequest {
        PayoutLookupRequest {
            id: self.id,
            app: self.app.clone(),
            reference: self.operation.reference.clone(),
        }
    }

    pub(super) fn create(created: &CreatedPayout, now: Timestamp) -> Self {
        Self {
            id: created.id,
            key: created.key.clone(),
            app: created.app.clone(),
            receiver: created.receiver.clone(),
            destination: created.destination.clone(),
            amount: created.amount,
            reason: created.reason.clone(),
            status: PayoutStatus::Pending,
            operation: Operation::planned(),
            paid_at: None,
            canceled_at: None,
            created_at: now,
            changed_at: now,
        }
    }

    /// Applies what happened, or refuses it and changes nothing that is kept.
    pub(super) fn apply(&mut self, event: &PayoutEvent, now: Timestamp) -> Result<(), PayoutError> {
        match event {
            PayoutEvent::Created(_) | PayoutEvent::Unrecognized => {}
            PayoutEvent::NoDestination => {
                let declined = Outcome::declined(DeclineCode::of("no_destination"));
                self.hear(&declined, now);
            }
            PayoutEvent::Canceled if self.is_called_off() => {}
            PayoutEvent::Canceled if self.operation.stage == Stage::Planned => {
                self.canceled_at = Some(now);
            }
            PayoutEvent::Canceled => return Err(PayoutError::TooLate(self.status)),
            PayoutEvent::Sent if self.is_called_off() => {}
            PayoutEvent::Sent => self.operation.send(now),
            PayoutEvent::NotSent => self.operation.take_back(),
            PayoutEvent::Observed { outcome, source } => self.observe(outcome, *source, now),
            PayoutEvent::ActionRefused { reference, .. } => {
                let how = Breach::UndeclaredAction;
                self.operation.breached(how, reference.as_ref());
            }
        }
        self.status = self.status();
        self.changed_at = now;
        Ok(())
    }

    fn observe(&mut self, outcome: &Outcome, source: Source, now: Timestamp) {
        match source {
            Source::Person => self.find(outcome, now),
            _ => self.hear(outcome, now),
        }
    }

    /// Takes a person's word for it.
    fn find(&mut self, outcome: &Outcome, now: Timestamp) {
        match outcome {
            Outcome::Settled { .. } => {
                self.paid_at.get_or_insert(now);
            }
            // It never went.
            _ => self.paid_at = None,
        }
        self.operation.decide(outcome, self.asked());
    }

    /// Joins what the backend tells with what is known. That it was paid although a person has found
    /// that it never went is no word that it came back since: the operation has a conflict then, and a
    /// person looks once more.
    fn hear(&mut self, outcome: &Outcome, now: Timestamp) {
        let settled = matches!(outcome, Outcome::Settled { .. });
        let found_declined = self.operation.is_found(Stage::Declined);
        if settled && !found_declined {
            self.paid_at.get_or_insert(now);
        }
        self.operation.learn(outcome, self.asked());
    }

    fn status(&self) -> PayoutStatus {
        match self.operation.stage {
            _ if self.status == PayoutStatus::Unrecognized => PayoutStatus::Unrecognized,
            Stage::Unrecognized => PayoutStatus::Unrecognized,
            Stage::Done => PayoutStatus::Paid,
            Stage::Declined if self.paid_at.is_some() => PayoutStatus::Returned,
            Stage::Declined => PayoutStatus::Declined,
            _ if self.is_called_off() => PayoutStatus::Canceled,
            _ => PayoutStatus::Pending,
        }
    }

    /// What goes out may come back: that it failed is the last word.
    const fn asked(&self) -> Asked {
        Asked::Give(self.amount)
    }

    /// Returns whether it was called off, and nothing was heard of it all the same.
    pub(super) fn is_called_off(&self) -> bool {
        self.operation.stage == Stage::Planned && self.canceled_at.is_some()
    }

    /// Returns whether a call surely did not reach the backend, and is of use still.
    pub(super) fn may_still_come(&self) -> bool {
        self.status == PayoutStatus::Pending && self.operation.was_not_sent()
    }

    /// Decides what is to be done about it at `now`.
    pub(super) fn next_move(
        &self,
        can: PayoutCapabilities,
        call_max: Duration,
        now: Timestamp,
    ) -> Move {
        match self.status {
            PayoutStatus::Canceled => Move::Rest,
            PayoutStatus::Unrecognized => Move::Person,
            _ => self.operation.next_move(can.recovery(), call_max, now),
        }
    }

    /// Returns when due work brings it up again; `None` if it need not.
    pub(super) fn due_at(&self, call_max: Duration, now: Timestamp) -> Option<Timestamp> {
        match self.status {
            PayoutStatus::Canceled => None,
            _ => self.operation.due_at(call_max, now),
        }
    }

    /// Returns whether it was asked for with this request.
    pub(super) fn is_for(&self, request: &PayoutRequest) -> bool {
        let PayoutRequest {
            key,
            app,
            receiver,
            amount,
            reason,
        } = request;
        (&self.key, &self.app, &self.receiver) == (key, app, receiver)
            && (&self.amount, &self.reason) == (amount, reason)
    }
}

/// The outbox message that keeps a payout from being forgotten until its outcome is known.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct PayoutDue {
    pub(crate) payout: PayoutId,
}

impl Document for PayoutDue {
    const KIND: &'static str = "pay.payout";
    const FORMAT: u32 = 1;
}

#[cfg(test)]
mod tests;
