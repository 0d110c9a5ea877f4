use std::sync::Arc;

use mp_core::{
    Caller, Command, Decision, Edits, Engine, Error, ErrorKind, Family, Scope, Timestamp,
    host::Operation,
    id::IdempotencyKey,
    idempotency::Idempotency,
    label::Label,
    port::Settlement,
    work::{self, Done, Handler},
};

use super::{
    AddLine, Basket, Menu, Order, OrderId, Receipt, basket, operation, order::Buyer,
    placement::Placement,
};

/// Baskets and orders over an engine, a settlement and a menu.
#[derive(Clone, Debug)]
pub struct Orders {
    pub(super) engine: Engine,
    pub(super) settlement: Arc<dyn Settlement>,
    menu: Arc<Menu>,
}

impl Orders {
    /// Joins what the host supplies.
    #[must_use]
    pub fn new(engine: &Engine, settlement: Arc<dyn Settlement>, menu: Menu) -> Self {
        Self {
            engine: engine.clone(),
            settlement,
            menu: Arc::new(menu),
        }
    }

    /// Returns the operations that a host registers.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        operation::all(self)
    }

    /// Returns the handlers that a host gives to its worker.
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let orders = self.clone();
        vec![work::on(move |_, message: Placement| {
            let orders = orders.clone();
            async move {
                orders.create(message.order).await?;
                Ok(Done::Finished)
            }
        })]
    }

    /// Puts pieces of an item into the caller's basket, at their present price.
    ///
    /// # Errors
    ///
    /// `not_on_menu`, `other_shop`, `basket_full`, `invalid_field`; `unauthenticated`; else the
    /// engine's.
    pub async fn add_line(
        &self,
        caller: &Caller,
        input: &AddLine,
        key: &IdempotencyKey,
    ) -> Result<Basket, Error> {
        let (app, owner) = (caller.app_id().clone(), caller.signed_in()?.clone());
        let once = Idempotency::new(caller, "order.add_line", key, input)?;
        let command = Command::on(Basket::partition(&app, &owner)?).once(once);
        let (menu, input) = (self.menu.clone(), input.clone());
        let decide = move |family: &Family, _| {
            let basket = match family.root::<Basket>()? {
                Some(basket) => Basket::clone(&basket),
                None => Basket::new(app.clone(), owner.clone()),
            };
            // Here, because a call that is repeated is answered as it was, whatever is sold by now.
            let line = menu.line(&input.shop, &input.item, input.count)?;
            let basket = basket.add(&input.shop, line)?;
            let mut edits = Edits::new();
            edits.put_root(basket.clone());
            Ok::<_, Error>(edits.answer(basket))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Orders what is in the caller's basket, and empties it.
    ///
    /// # Errors
    ///
    /// `basket_empty`; `unauthenticated`; `order_on_its_way` if the order is certain but not there
    /// yet; else the engine's.
    pub async fn place(&self, caller: &Caller, key: &IdempotencyKey) -> Result<Order, Error> {
        let (app, owner) = (caller.app_id().clone(), caller.signed_in()?.clone());
        let once = Idempotency::new(caller, "order.place", key, &())?;
        let command = Command::on(Basket::partition(&app, &owner)?).once(once);
        let key = key.clone();
        let decide = move |family: &Family, now: Timestamp| {
            let source = family.head().0.to_string();
            let parts = [app.as_str(), owner.as_str(), key.as_str(), &source];
            let id = OrderId::derived(&parts);
            let (app, owner) = (app.clone(), owner.clone());
            take_basket(family, Buyer { app, owner, id }, now)
        };
        let order = self.engine.run(command, decide).await?.answer;
        self.create(order.clone()).await.map_err(on_its_way)?;
        Ok(order)
    }

    /// Creates an order that its basket has let go of; nothing happens if it is there.
    async fn create(&self, order: Order) -> Result<(), Error> {
        let command = Command::on(Order::partition(order.app(), order.id())?);
        let decide = move |family: &Family, _| {
            let mut edits = Edits::new();
            if !family.exists() {
                edits.put_root(order.clone());
            }
            Ok::<_, Error>(edits.answer(()))
        };
        self.engine.run(command, decide).await?;
        Ok(())
    }

    /// Hands a paid order over; for staff.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, `order_state`; else the engine's.
    pub async fn fulfil(
        &self,
        caller: &Caller,
        id: OrderId,
        key: &IdempotencyKey,
    ) -> Result<Order, Error> {
        caller.require(&Scope::STAFF)?;
        let once = Idempotency::new(caller, "order.fulfil", key, &id)?;
        self.change(caller, id, once, |order, _| order.fulfil())
            .await
    }

    /// Asks to give a fulfilled order back.
    ///
    /// # Errors
    ///
    /// `not_found`, `order_state`; else the engine's.
    pub async fn request_return(
        &self,
        caller: &Caller,
        id: OrderId,
        reason: Label,
        key: &IdempotencyKey,
    ) -> Result<Order, Error> {
        let once = Idempotency::new(caller, "order.request_return", key, &(id, &reason))?;
        let request = move |order: Order, now| order.request_return(reason.clone(), now);
        self.change(caller, id, once, request).await
    }

    /// Returns an order.
    ///
    /// # Errors
    ///
    /// `not_found` if there is none or it is not the caller's; else the store's.
    pub async fn order(&self, caller: &Caller, id: OrderId) -> Result<Order, Error> {
        let command = Command::on(Order::partition(caller.app_id(), id)?);
        theirs(&self.engine.read(command).await?, caller)
    }

    /// Returns an order's receipt as it stands now.
    ///
    /// # Errors
    ///
    /// As [`order`](Self::order).
    pub async fn receipt(&self, caller: &Caller, id: OrderId) -> Result<Receipt, Error> {
        Receipt::of(&self.order(caller, id).await?)
    }

    async fn change(
        &self,
        caller: &Caller,
        id: OrderId,
        once: Idempotency,
        change: impl Fn(Order, Timestamp) -> Result<Order, Error> + Send + 'static,
    ) -> Result<Order, Error> {
        let command = Command::on(Order::partition(caller.app_id(), id)?).once(once);
        let caller = caller.clone();
        let decide = move |family: &Family, now| {
            let order = change(theirs(family, &caller)?, now)?;
            Ok::<_, Error>(keep(order))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

/// Decides that what is in the basket is ordered.
fn take_basket(family: &Family, buyer: Buyer, now: Timestamp) -> Result<Decision<Order>, Error> {
    let basket = family.root::<Basket>()?.ok_or_else(basket::empty)?;
    let mut basket = Basket::clone(&basket);
    let (shop, lines) = basket.take()?;
    let order = Order::place(buyer, shop, lines, now)?;
    let mut edits = Edits::new();
    edits.put_root(basket);
    let message = Placement { order };
    edits.send(&message.order.id().to_string(), now, &message);
    Ok(edits.answer(message.order))
}

/// Decides that the order stands so from now on.
pub(super) fn keep(order: Order) -> Decision<Order> {
    let mut edits = Edits::new();
    edits.put_root(order.clone());
    edits.answer(order)
}

pub(super) fn present(family: &Family) -> Result<Order, Error> {
    let order = family.root::<Order>()?;
    let order = order.ok_or_else(|| Error::not_found("order"))?;
    Ok(Order::clone(&order))
}

fn theirs(family: &Family, caller: &Caller) -> Result<Order, Error> {
    let order = present(family)?;
    caller.require_owner("order", order.app(), order.owner())?;
    Ok(order)
}

fn on_its_way(error: Error) -> Error {
    let message = "the order is certain but not there yet: ask again with the same key";
    Error::new(ErrorKind::Unknown, "order_on_its_way", message).with_source(error)
}
