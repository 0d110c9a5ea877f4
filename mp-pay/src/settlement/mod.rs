//! Payments for other capabilities: the [`Settlement`] port.

mod decision;
mod mark;
mod returned;

use std::sync::Arc;

use async_trait::async_trait;
use mp_core::{
    Edits, Error, Family, Timestamp,
    amount::{JSON_INTEGER_MAX, Money},
    id::AppId,
    port::{
        SecureRequest, Secured, Settled, Settlement, SettlementKey, SettlementListener,
        SettlementStatus,
    },
    work::{self, Done, Handler},
};

use self::decision::{
    Found, ask_back, fence, found, is_for, is_news, opened, secured, settle, settled,
};
pub use self::mark::SettlementMark;
pub(crate) use self::mark::{FactLearnt, status_of};
use self::returned::{is_returned, note_return};
use crate::{
    error::PayError,
    intent::IntentId,
    journal::Event,
    method::{PaymentMethod, PaymentMethods},
    payment::{self, Change, Payment},
    payments::{Asking, Begun, Payments},
    refund::RefundId,
};

/// Secures, settles and releases payers' money with payment intents, one per settlement key.
///
/// It holds the money where the backend can hold, and charges at once where it cannot. A key is
/// good for one confirmation: a decline is final, once no further backend is to be
/// [tried](crate::routing), and so is that no backend takes the payment, as `no_route`. What is let go of while its outcome is unknown is let
/// go of as soon as that is known.
///
/// What staff refund in full before it was settled is told as released, and no more to be had: while the
/// refund is on its way the answer is `Unknown`, and once it is known `released`, for good. Should the money
/// come back to us after that, it is given back again, as after a `release`; a refund that was declined before
/// leaves it secured.
#[derive(Clone, Debug)]
pub struct PaymentsSettlement {
    payments: Payments,
    methods: Arc<dyn PaymentMethods>,
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
        method: Option<PaymentMethod>,
    ) -> Result<Begun, PayError> {
        let id = Self::intent_of(&request.app, &request.key);
        let request = request.clone();
        let (policy, telling) = (self.payments.policy(), self.payments.telling());
        let command = telling.reads(payment::command(&request.app, id)?);
        let open = move |family: &Family, now: Timestamp| {
            if family.exists() {
                return Ok(Edits::new().answer(Begun::default()));
            }
            let fenced = |code| Ok(fence(code, now).answer(Begun::default()));
            match &method {
                _ if request.deadline <= now => fenced("expired"),
                None => fenced("no_payment_method"),
                Some(method) => match opened(&request, id, method, &policy, now) {
                    Ok(mut change) => {
                        let begun = Begun::claimed(&mut change)?;
                        Ok(telling.decision(change, begun, family, now)?)
                    }
                    Err(refusal) if is_no_route(&refusal) => fenced("no_route"),
                    Err(error) => Err(error),
                },
            }
        };
        Ok(self.payments.engine().run(command, open).await?.answer)
    }

    async fn secured(&self, request: &SecureRequest) -> Result<Secured, PayError> {
        if !(1..=JSON_INTEGER_MAX).contains(&request.amount.minor()) {
            return Err(Error::invalid("amount", "is not more than zero, or too large").into());
        }
        if let Found::Nothing = self.found(&request.app, &request.key).await? {
            let (app, payer) = (&request.app, &request.payer);
            let method = self.methods.method_of(app, payer).await?;
            let begun = self.open(request, method).await?;
            if begun.is_known() {
                let id = Self::intent_of(app, &request.key);
                return secured(&self.payments.go_on(app, id, begun).await?);
            }
        }
        match self.found(&request.app, &request.key).await? {
            Found::Nothing => Ok(Secured::Unknown),
            Found::Fenced(declined) => Ok(Secured::Declined(declined)),
            Found::Payment(payment) => {
                is_for(&payment.intent, request)?;
                let id = payment.intent.id;
                let payment = self.payments.carry_on(&request.app, id).await?;
                secured(&self.returned(payment).await?)
            }
        }
    }

    /// Writes down that somebody else has given it back, before that is told.
    async fn returned(&self, payment: Payment) -> Result<Payment, PayError> {
        if !is_returned(&payment.intent) {
            return Ok(payment);
        }
        let (app, id) = (&payment.intent.app, payment.intent.id);
        let asking = Asking::of_state(app, id)?;
        self.payments.ask_for(app, id, asking, note_return).await
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
        let asking = Asking::of_state(app, id)?;
        let payment = self.payments.ask_for(app, id, asking, settle).await?;
        Ok(settled(&payment))
    }

    async fn released(&self, app: &AppId, key: &SettlementKey) -> Result<(), PayError> {
        let id = Self::intent_of(app, key);
        let (policy, telling) = (self.payments.policy(), self.payments.telling());
        let command = telling.reads(payment::command(app, id)?);
        let release = move |family: &Family, now: Timestamp| match found(family)? {
            Found::Nothing => Ok(fence("released", now).answer(false)),
            Found::Fenced(_) => Ok(Edits::new().answer(false)),
            Found::Payment(_) => {
                let mut change = Change::load(family, &policy, now)?;
                if is_news(&change.payment().intent) {
                    change.apply(Event::ReleaseAsked)?;
                }
                Ok::<_, PayError>(telling.decision(change, true, family, now)?)
            }
        };
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
        let ask = move |change: &mut Change| ask_back(change, refund, amount);
        let asking = Asking::of_state(app, id)?;
        let payment = self.payments.ask_for(app, id, asking, ask).await?;
        let refund = payment.refunds.get(&refund);
        Ok(decision::given_back(refund.map(|it| &it.operation))?)
    }
}

/// Returns whether no backend takes the payment, whatever is tried.
const fn is_no_route(refusal: &PayError) -> bool {
    matches!(
        refusal,
        PayError::NoRoute(_) | PayError::Unsupported(_) | PayError::Uncounted(_)
    )
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
