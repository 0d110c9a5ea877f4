//! Payments for other capabilities: the [`Settlement`] port.

mod mark;

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    Edits, Error, ErrorKind, Family, Timestamp,
    amount::{JSON_INTEGER_MAX, Money},
    id::AppId,
    idempotency::key_reused,
    port::{
        Declined, SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementListener,
        SettlementStatus,
    },
    work::{self, Done, Handler},
};

pub use self::mark::SettlementMark;
pub(crate) use self::mark::{FactLearnt, status_of};
use crate::{
    error::PayError,
    intent::{CaptureMethod, IntentId, IntentStatus, PaymentIntent},
    journal::{Created, Event},
    method::{PaymentMethodToken, PaymentMethods},
    operation::Stage,
    payment::{self, Change, Fence, Payment, Root},
    payments::Payments,
    refund::{REFUNDS_MAX, RefundId},
};

/// Secures, settles and releases payers' money with payment intents, one per settlement key.
///
/// It holds the money where the backend can hold, and charges at once where it cannot. A key is
/// good for one attempt: a decline is final. What is let go of while its outcome is unknown is let
/// go of as soon as that is known.
#[derive(Clone, Debug)]
pub struct PaymentsSettlement {
    payments: Payments,
    methods: Arc<dyn PaymentMethods>,
}

/// What stands in a settlement's partition.
enum Found {
    Nothing,
    Fenced(Declined),
    Payment(Box<Payment>),
}

impl PaymentsSettlement {
    /// Joins the payments with what payers pay with.
    #[must_use]
    pub fn new(payments: &Payments, methods: Arc<dyn PaymentMethods>) -> Self {
        let payments = payments.clone();
        Self { payments, methods }
    }

    /// Returns the handler that tells the listener what is learnt; for a
    /// [`Worker`](work::Worker), beside [`Payments::handlers`].
    #[must_use]
    pub fn handlers(&self, listener: Arc<dyn SettlementListener>) -> Vec<Arc<dyn Handler>> {
        vec![work::on(move |_, learnt: FactLearnt| {
            let listener = listener.clone();
            async move {
                listener.learnt(&learnt.fact).await?;
                Ok(Done::Finished)
            }
        })]
    }

    /// Returns the intent that a settlement's key leads to.
    #[must_use]
    pub fn intent_of(app: &AppId, key: &SettlementKey) -> IntentId {
        IntentId::derived(&[app.as_str(), "settlement", key.as_str()])
    }

    async fn found(&self, app: &AppId, key: &SettlementKey) -> Result<Found, PayError> {
        let command = payment::command(app, Self::intent_of(app, key))?;
        let family = self.payments.engine().read(command).await?;
        found(&family)
    }

    /// Opens the payment, unless it was opened or fenced before.
    async fn open(
        &self,
        request: &SecureRequest,
        method: Option<PaymentMethodToken>,
    ) -> Result<(), PayError> {
        let id = Self::intent_of(&request.app, &request.key);
        let request = request.clone();
        let call_max = self.payments.call_max();
        let held = self.payments.capabilities().separate_capture;
        let command = payment::command(&request.app, id)?;
        let open = move |family: &Family, now: Timestamp| {
            if family.exists() {
                return Ok(Edits::new().answer(()));
            }
            match &method {
                _ if request.deadline <= now => Ok(fence("expired", now).answer(())),
                None => Ok(fence("no_payment_method", now).answer(())),
                Some(method) => {
                    let change = opened(&request, id, method, held, now)?;
                    Ok::<_, PayError>(change.decision((), call_max))
                }
            }
        };
        self.payments.engine().run(command, open).await?;
        Ok(())
    }

    async fn secured(&self, request: &SecureRequest) -> Result<Secured, PayError> {
        if !(1..=JSON_INTEGER_MAX).contains(&request.amount.minor()) {
            return Err(Error::invalid("amount", "is not more than zero, or too large").into());
        }
        if let Found::Nothing = self.found(&request.app, &request.key).await? {
            let (app, payer) = (&request.app, &request.payer);
            let method = self.methods.method_of(app, payer).await?;
            self.open(request, method).await?;
        }
        match self.found(&request.app, &request.key).await? {
            Found::Nothing => Ok(Secured::Unknown),
            Found::Fenced(declined) => Ok(Secured::Declined(declined)),
            Found::Payment(payment) => {
                is_for(&payment.intent, request)?;
                let id = payment.intent.id;
                let payment = self.payments.carry_on(&request.app, id).await?;
                secured(&payment)
            }
        }
    }

    async fn settled(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, PayError> {
        let payment = match self.found(app, key).await? {
            Found::Nothing => return Err(Error::not_found("key").into()),
            Found::Fenced(declined) => return Ok(Settled::Declined(declined)),
            Found::Payment(payment) => payment,
        };
        let id = payment.intent.id;
        // What became of securing it may just be found out.
        self.payments.carry_on(app, id).await?;
        let command = payment::command(app, id)?;
        self.payments.change(command, settle).await?;
        let payment = self.payments.carry_on(app, id).await?;
        Ok(settled(&payment))
    }

    async fn released(&self, app: &AppId, key: &SettlementKey) -> Result<(), PayError> {
        let id = Self::intent_of(app, key);
        let call_max = self.payments.call_max();
        let release = move |family: &Family, now: Timestamp| match found(family)? {
            Found::Nothing => Ok(fence("released", now).answer(false)),
            Found::Fenced(_) => Ok(Edits::new().answer(false)),
            Found::Payment(_) => {
                let mut change = Change::load(family, now)?;
                if is_news(&change.payment().intent) {
                    change.apply(Event::ReleaseAsked)?;
                }
                Ok::<_, PayError>(change.decision(true, call_max))
            }
        };
        let command = payment::command(app, id)?;
        let seen = self.payments.engine().run(command, release).await?.answer;
        if seen {
            self.payments.carry_on(app, id).await?;
        }
        Ok(())
    }

    async fn given_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), PayError> {
        let id = Self::intent_of(app, key);
        let refund = RefundId::derived(&[&id.to_string(), "part", part.as_str()]);
        let partial = self.payments.capabilities().partial_refund;
        let ask = move |change: &mut Change| ask_back(change, refund, amount, partial);
        let command = payment::command(app, id)?;
        self.payments.change(command, ask).await?;
        let payment = self.payments.carry_on(app, id).await?;
        let stage = payment.refunds.get(&refund).map(|it| it.operation.stage);
        if stage == Some(Stage::Declined) {
            let message = "the payment backend declined to give it back: take another part name";
            return Err(Error::new(ErrorKind::Refused, "refund_declined", message).into());
        }
        Ok(())
    }
}

#[async_trait]
impl Settlement for PaymentsSettlement {
    async fn secure(&self, request: &SecureRequest) -> Result<Secured, Error> {
        Ok(self.secured(request).await?)
    }

    async fn settle(&self, app: &AppId, key: &SettlementKey) -> Result<Settled, Error> {
        Ok(self.settled(app, key).await?)
    }

    async fn release(&self, app: &AppId, key: &SettlementKey) -> Result<(), Error> {
        Ok(self.released(app, key).await?)
    }

    async fn give_back(
        &self,
        app: &AppId,
        key: &SettlementKey,
        part: &SettlementKey,
        amount: Money,
    ) -> Result<(), Error> {
        Ok(self.given_back(app, key, part, amount).await?)
    }

    async fn status(&self, app: &AppId, key: &SettlementKey) -> Result<SettlementStatus, Error> {
        Ok(match self.found(app, key).await? {
            Found::Nothing => SettlementStatus::Unseen,
            Found::Fenced(declined) if declined.code == "released" => SettlementStatus::Released,
            Found::Fenced(_) => SettlementStatus::Declined,
            Found::Payment(payment) => status_of(&payment),
        })
    }
}

fn found(family: &Family) -> Result<Found, PayError> {
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
fn is_news(intent: &PaymentIntent) -> bool {
    let released = intent.settlement.as_ref().is_some_and(|mark| mark.released);
    !released || intent.amount_refundable().is_positive()
}

fn fence(code: &'static str, now: Timestamp) -> Edits {
    let mut edits = Edits::new();
    edits.put_root(Root::Fence(Fence {
        fenced_at: now,
        code: code.to_owned(),
    }));
    edits
}

/// Creates and confirms the intent in one commit.
fn opened(
    request: &SecureRequest,
    id: IntentId,
    method: &PaymentMethodToken,
    held: bool,
    now: Timestamp,
) -> Result<Change, PayError> {
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
        payment_method: Some(method.clone()),
        description: None,
        settlement: Some(SettlementMark::new(request.key.clone(), request.deadline)),
    };
    let mut change = Change::create(created, now);
    change.apply(Event::Confirmed {
        payment_method: None,
        capture: !held,
        expires_at: request.deadline,
    })?;
    Ok(change)
}

fn is_for(intent: &PaymentIntent, request: &SecureRequest) -> Result<(), Error> {
    let deadline = intent.settlement.as_ref().map(|mark| mark.deadline);
    let same = intent.owner == request.payer
        && intent.amount == request.amount
        && deadline == Some(request.deadline);
    if same { Ok(()) } else { Err(key_reused()) }
}

fn secured(payment: &Payment) -> Result<Secured, PayError> {
    let intent = &payment.intent;
    if intent.settlement.as_ref().is_some_and(|mark| mark.released) {
        return Ok(Secured::Declined(declined("released")));
    }
    Ok(match status_of(payment) {
        SettlementStatus::Secured | SettlementStatus::Settled => Secured::Secured,
        SettlementStatus::Declined | SettlementStatus::Released => {
            Secured::Declined(declined_by(intent))
        }
        _ if intent.status == IntentStatus::RequiresAction => {
            let action = serde_json::to_value(&intent.next_action);
            let broken = |error| Error::invalid("next_action", "is no JSON").with_source(error);
            Secured::NeedsAction(action.map_err(broken)?)
        }
        _ => Secured::Unknown,
    })
}

fn settle(change: &mut Change) -> Result<(), PayError> {
    let intent = &change.payment().intent;
    let mark = intent.settlement.as_ref();
    if mark.is_none_or(|mark| mark.released || mark.settled) {
        return Ok(());
    }
    match intent.status {
        IntentStatus::RequiresCapture => {
            let amount = intent.amount_capturable;
            change.apply(Event::CaptureAsked { amount })?;
            change.apply(Event::SettleAsked)
        }
        IntentStatus::Succeeded => change.apply(Event::SettleAsked),
        _ => Ok(()),
    }
}

fn settled(payment: &Payment) -> Settled {
    let intent = &payment.intent;
    if intent.settlement.as_ref().is_some_and(|mark| mark.released) {
        return Settled::Declined(declined("released"));
    }
    match intent.status {
        IntentStatus::Succeeded => Settled::Settled,
        IntentStatus::Canceled => Settled::Declined(declined_by(intent)),
        _ => Settled::Unknown,
    }
}

fn ask_back(
    change: &mut Change,
    refund: RefundId,
    amount: Money,
    partial: bool,
) -> Result<(), PayError> {
    let payment = change.payment();
    if let Some(earlier) = payment.refunds.get(&refund) {
        return if earlier.amount == amount {
            Ok(())
        } else {
            Err(key_reused().into())
        };
    }
    if !partial && amount != payment.intent.amount_received {
        return Err(PayError::Unsupported("partial refund"));
    }
    if payment.refunds.len() >= REFUNDS_MAX as usize {
        let (what, most) = ("refunds", REFUNDS_MAX);
        return Err(PayError::TooMany { what, most });
    }
    let reason = None;
    change.apply(Event::RefundAsked {
        refund,
        amount,
        reason,
    })
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
