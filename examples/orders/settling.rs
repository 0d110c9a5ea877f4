//! What [`Orders`] does with money: each call may be repeated, none moves it twice.

use async_trait::async_trait;
use mp_core::{
    Caller, Command, Error, ErrorKind, Family, Scope,
    id::AppId,
    port::{Fact, SecureRequest, Secured, Settled, SettlementListener, SettlementStatus},
};

use super::{
    Order, OrderEvent, OrderId, OrderState, Orders, PayOutcome, Payment, Return,
    payment::Observed,
    service::{keep, present},
};

impl Orders {
    /// Takes the order's money. Asking again asks for the same payment and never takes it twice.
    ///
    /// # Errors
    ///
    /// `not_found` for an order that is not the caller's; `newer_release` for one in a state that is not
    /// known here, of which no money is taken; `payment_unknown` while nobody knows: ask again; else the
    /// settlement's and the engine's.
    pub async fn pay(&self, caller: &Caller, id: OrderId) -> Result<PayOutcome, Error> {
        let order = self.order(caller, id).await?;
        match PayOutcome::of(order.clone()) {
            Some(outcome) => Ok(outcome),
            None => self.collect(&order).await,
        }
    }

    async fn collect(&self, order: &Order) -> Result<PayOutcome, Error> {
        require_unpaid(order.state())?;
        let request = Payment::request(order);
        match self.settlement.secure(&request).await? {
            Secured::Secured => {
                let settled = self.settle(order, &request).await;
                settled.map_err(|error| after_effect(error, payment_unknown))
            }
            Secured::NeedsAction(action) => Ok(PayOutcome::NeedsAction { action }),
            Secured::Declined(declined) => self.observe(order, Observed::Declined(declined)).await,
            _ => Err(payment_unknown()),
        }
    }

    /// Takes money that is held.
    async fn settle(&self, order: &Order, request: &SecureRequest) -> Result<PayOutcome, Error> {
        match self.settlement.settle(&request.app, &request.key).await? {
            Settled::Settled => self.observe(order, Observed::Settled).await,
            Settled::Declined(declined) => self.observe(order, Observed::Declined(declined)).await,
            _ => Err(payment_unknown()),
        }
    }

    /// Commits what the settlement has told, together with the state that follows.
    async fn observe(&self, order: &Order, observed: Observed) -> Result<PayOutcome, Error> {
        let command = Command::on(Order::partition(order.app(), order.id())?);
        let decide = move |family: &Family, now| {
            let order = present(family)?.observe(observed.at(now))?;
            Ok::<_, Error>(keep(order))
        };
        let order = self.engine.run(command, decide).await?.answer;
        PayOutcome::of(order).ok_or_else(payment_unknown)
    }

    /// Takes an order back and gives its money back, whole; for staff. Asking again gives nothing
    /// more, and tries anew what was declined.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, `order_state` unless the buyer has asked; `return_unknown` if the order
    /// could not be kept after the money went: ask again; else the settlement's and the engine's.
    pub async fn take_back(&self, caller: &Caller, id: OrderId) -> Result<Order, Error> {
        caller.require(&Scope::STAFF)?;
        let order = self.order(caller, id).await?;
        if order.state() == OrderState::Returned {
            return Ok(order);
        }
        // No other event leads away from this state, so the money may go before the commit.
        order.state().next(OrderEvent::Return)?;
        let wish = order.returned().ok_or_else(|| Error::not_found("return"))?;
        self.give_back(&order, wish).await?;
        let command = Command::on(Order::partition(order.app(), id)?);
        let decide = |family: &Family, now| Ok::<_, Error>(keep(present(family)?.give_back(now)?));
        let committed = self.engine.run(command, decide).await;
        Ok(committed
            .map_err(|error| after_effect(error, return_unknown))?
            .answer)
    }

    async fn give_back(&self, order: &Order, wish: &Return) -> Result<(), Error> {
        let (key, part) = (Payment::key(order.id()), wish.part(order.id()));
        let (app, total) = (order.app(), order.total());
        match self.settlement.give_back(app, &key, &part, total).await {
            Err(refused) if refused.kind() == ErrorKind::Refused => {
                self.fail_return(order, wish).await?;
                Err(refused)
            }
            given => given,
        }
    }

    /// Commits that the money did not go back under its key, so that the next try has a new one: what
    /// the settlement has declined it declines for good.
    async fn fail_return(&self, order: &Order, wish: &Return) -> Result<(), Error> {
        let command = Command::on(Order::partition(order.app(), order.id())?);
        let wish = wish.clone();
        let decide =
            move |family: &Family, _| Ok::<_, Error>(keep(present(family)?.fail_return(&wish)));
        self.engine.run(command, decide).await?;
        Ok(())
    }

    async fn find(&self, app: &AppId, id: OrderId) -> Result<Option<Order>, Error> {
        let command = Command::on(Order::partition(app, id)?);
        let order = self.engine.read(command).await?.root::<Order>()?;
        Ok(order.map(|order| Order::clone(&order)))
    }
}

#[async_trait]
impl SettlementListener for Orders {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        let Ok(id) = fact.key.as_str().parse::<OrderId>() else {
            return Ok(());
        };
        let moved = !matches!(
            fact.status,
            SettlementStatus::Unseen | SettlementStatus::Pending
        );
        match self.find(&fact.app, id).await? {
            Some(order) if moved && order.payment().is_none() => {
                self.collect(&order).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Refuses unless the order waits for its money: what is taken for any other could not be written down.
fn require_unpaid(state: OrderState) -> Result<(), Error> {
    if state == OrderState::Unrecognized {
        let message = "a newer release wrote this order, and only it can go on";
        return Err(Error::new(ErrorKind::Unavailable, "newer_release", message));
    }
    state.next(OrderEvent::Pay)?;
    Ok(())
}

/// Returns the error of what came after money had moved: "nothing happened" would not be true.
fn after_effect(error: Error, unknown: fn() -> Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable => unknown().with_source(error),
        _ => error,
    }
}

fn return_unknown() -> Error {
    let message = "the money has gone back, the order is not yet: take it back again";
    Error::new(ErrorKind::Unknown, "return_unknown", message)
}

fn payment_unknown() -> Error {
    let message = "the payment's outcome is not known yet: pay again, it is taken once";
    Error::new(ErrorKind::Unknown, "payment_unknown", message)
}
