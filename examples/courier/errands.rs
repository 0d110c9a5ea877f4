use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Caller, Command, Decision, Edits, Engine, Error, ErrorKind, Family, Scope, Timestamp,
    id::{AppId, IdempotencyKey},
    idempotency::{Idempotency, key_reused},
    port::{
        Fact, PaidOut, Payout, Secured, Settled, Settlement, SettlementListener, SettlementStatus,
    },
    work::{self, Done, Handler, HandlerError},
};

use super::{
    errand::{Errand, ErrandDue, ErrandId, Order},
    stage::{Event, Stage},
};

/// The right to bring errands.
pub(crate) const BRING: Scope = Scope::of("errand:bring");

/// After what time it is asked again what became of money that is on its way.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Errands over an engine and the two ports for money: from customers, and to couriers.
///
/// Each transition is committed together with the work that goes on from it, and each movement of
/// money has a key that follows from what was committed. So a crash anywhere is mended by whoever
/// comes first: the worker, or whoever asks again.
#[derive(Clone, Debug)]
pub(crate) struct Errands {
    engine: Engine,
    settlement: Arc<dyn Settlement>,
    payout: Arc<dyn Payout>,
}

impl Errands {
    pub(crate) fn new(
        engine: &Engine,
        settlement: Arc<dyn Settlement>,
        payout: Arc<dyn Payout>,
    ) -> Self {
        Self {
            engine: engine.clone(),
            settlement,
            payout,
        }
    }

    pub(crate) fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let errands = self.clone();
        vec![work::on(move |_, due: ErrandDue| {
            let errands = errands.clone();
            async move { errands.work(&due.app, due.errand).await }
        })]
    }

    /// Orders a dish; the customer's money is held.
    pub(crate) async fn order(
        &self,
        customer: &Caller,
        order: Order,
        key: &IdempotencyKey,
    ) -> Result<Errand, Error> {
        let (app, user) = (customer.app_id().clone(), customer.signed_in()?.clone());
        let once = Idempotency::new(customer, "errand.order", key, &order)?;
        let id = ErrandId::derived(&[app.as_str(), user.as_str(), key.as_str()]);
        let command = Command::on(Errand::partition(&app, id)?).once(once);
        let decide = move |family: &Family, now: Timestamp| {
            if let Some(errand) = family.root::<Errand>()? {
                // The answer is forgotten by now, but the key still names this errand.
                return match errand.is_of(order) {
                    true => Ok(Decision::unchanged(Errand::clone(&errand))),
                    false => Err(key_reused()),
                };
            }
            let errand = Errand::of(id, (app.clone(), user.clone()), order, now)?;
            Ok::<_, Error>(keep(errand, now))
        };
        self.engine.run(command, decide).await?;
        self.carry_on(customer.app_id(), id).await
    }

    /// Hands a dish over: the customer's money is taken, and the courier paid.
    pub(crate) async fn hand_over(
        &self,
        courier: &Caller,
        id: ErrandId,
        key: &IdempotencyKey,
    ) -> Result<Errand, Error> {
        courier.require(&BRING)?;
        let event = Event::HandedOver(courier.signed_in()?.clone());
        let once = Idempotency::new(courier, "errand.hand_over", key, &id)?;
        self.change(courier, id, event, once).await
    }

    /// Pays a courier after all, whose account took no money before; for staff.
    pub(crate) async fn pay_again(
        &self,
        staff: &Caller,
        id: ErrandId,
        key: &IdempotencyKey,
    ) -> Result<Errand, Error> {
        staff.require(&Scope::STAFF)?;
        let once = Idempotency::new(staff, "errand.pay_again", key, &id)?;
        self.change(staff, id, Event::PayAgain, once).await
    }

    async fn errand(&self, app: &AppId, id: ErrandId) -> Result<Errand, Error> {
        let command = Command::on(Errand::partition(app, id)?);
        present(&self.engine.read(command).await?)
    }

    /// Commits what somebody does, or refuses it, and moves the money that follows.
    async fn change(
        &self,
        caller: &Caller,
        id: ErrandId,
        event: Event,
        once: Idempotency,
    ) -> Result<Errand, Error> {
        let command = Command::on(Errand::partition(caller.app_id(), id)?).once(once);
        let decide = move |family: &Family, now: Timestamp| {
            let errand = present(family)?;
            let after = errand.after(&event).ok_or_else(|| not_now(errand.stage))?;
            Ok::<_, Error>(keep(after, now))
        };
        self.engine.run(command, decide).await?;
        self.carry_on(caller.app_id(), id).await
    }

    async fn work(&self, app: &AppId, id: ErrandId) -> Result<Done, HandlerError> {
        let errand = self.carry_on(app, id).await?;
        match errand.stage {
            stage if stage.is_due() => Ok(Done::Again(self.engine.now().plus(ASK_AGAIN))),
            Stage::Owed => Err(HandlerError::GiveUp(unpaid(&errand))),
            _ => Ok(Done::Finished),
        }
    }

    /// Moves the money that is to be moved, as far as its outcome becomes known and nobody else has to
    /// do something first.
    async fn carry_on(&self, app: &AppId, id: ErrandId) -> Result<Errand, Error> {
        let mut errand = self.errand(app, id).await?;
        while errand.stage.is_due() {
            let Some(event) = self.ask(&errand).await? else {
                break;
            };
            let waits = matches!(event, Event::Asked(_));
            errand = self.observe(&errand, event).await?;
            if waits {
                break;
            }
        }
        Ok(errand)
    }

    /// Asks for what the errand's stage asks for, under a key that follows from it.
    async fn ask(&self, errand: &Errand) -> Result<Option<Event>, Error> {
        match errand.stage {
            Stage::Ordered => self.secure(errand).await,
            Stage::HandedOver => self.charge(errand).await,
            Stage::WageDue => self.pay_courier(errand).await,
            _ => Ok(None),
        }
    }

    async fn secure(&self, errand: &Errand) -> Result<Option<Event>, Error> {
        Ok(match self.settlement.secure(&errand.secure()?).await? {
            Secured::Secured => Some(Event::Secured),
            Secured::NeedsAction(action) => Some(Event::Asked(action)),
            Secured::Declined(declined) => Some(Event::Refused(declined.code)),
            _ => None,
        })
    }

    async fn charge(&self, errand: &Errand) -> Result<Option<Event>, Error> {
        let payment = errand.payment()?;
        Ok(match self.settlement.settle(&errand.app, &payment).await? {
            Settled::Settled => Some(Event::Charged),
            Settled::Declined(declined) => Some(Event::Lost(declined.code)),
            _ => None,
        })
    }

    async fn pay_courier(&self, errand: &Errand) -> Result<Option<Event>, Error> {
        Ok(match self.payout.pay_out(&errand.pay_courier()?).await? {
            PaidOut::Paid => Some(Event::Paid),
            PaidOut::Declined(declined) => Some(Event::Unpaid(declined.code)),
            _ => None,
        })
    }

    /// Ends an errand whose money is not held any more, before the dish is handed over.
    async fn see_if_held(&self, errand: &Errand) -> Result<(), Error> {
        let payment = errand.payment()?;
        match self.settlement.status(&errand.app, &payment).await? {
            SettlementStatus::Declined | SettlementStatus::Released => {
                let lost = Event::Lost("hold_ended".to_owned());
                self.observe(errand, lost).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Commits what became of money, unless somebody else was faster: what the ports say of a key
    /// is final. What was known before is not committed again.
    async fn observe(&self, errand: &Errand, event: Event) -> Result<Errand, Error> {
        let command = Command::on(Errand::partition(&errand.app, errand.id)?);
        let asked = errand.clone();
        let decide = move |family: &Family, now: Timestamp| {
            let errand = present(family)?;
            let is_news = |after: &Errand| errand == asked && *after != errand;
            let after = errand.after(&event).filter(is_news);
            Ok::<_, Error>(match after {
                Some(after) => keep(after, now),
                None => Decision::unchanged(errand),
            })
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

/// Goes on with an errand at once when something is learnt about the customer's money, instead of when
/// its work is due again. What was learnt is asked for once more: the fact may be an old one.
#[async_trait]
impl SettlementListener for Errands {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        let Ok(id) = fact.key.as_str().parse::<ErrandId>() else {
            return Ok(()); // of another capability's
        };
        let errand = self.carry_on(&fact.app, id).await?;
        match errand.stage {
            Stage::UnderWay => self.see_if_held(&errand).await,
            _ => Ok(()),
        }
    }
}

/// Decides that the errand stands so from now on, with the work that goes on from there.
fn keep(errand: Errand, now: Timestamp) -> Decision<Errand> {
    let (name, due) = (errand.id.to_string(), ErrandDue::of(&errand));
    let mut edits = Edits::new();
    match errand.stage {
        // What nobody can go on with lies dead, where an operator sees it.
        stage if stage.is_due() || stage == Stage::Owed => edits.send(&name, now, &due),
        _ => edits.unsend::<ErrandDue>(&name),
    }
    edits.put_root(errand.clone());
    edits.answer(errand)
}

fn present(family: &Family) -> Result<Errand, Error> {
    let errand = family.root::<Errand>()?;
    let errand = errand.ok_or_else(|| Error::not_found("errand"))?;
    Ok(Errand::clone(&errand))
}

fn not_now(stage: Stage) -> Error {
    let message = format!("the errand is {stage}");
    Error::new(ErrorKind::Refused, "errand_stage", message)
}

fn unpaid(errand: &Errand) -> Error {
    let code = errand.code.as_deref().unwrap_or("declined");
    let message =
        format!("the courier could not be paid ({code}): pay again once they have told where to");
    Error::new(ErrorKind::Refused, "courier_unpaid", message)
}
