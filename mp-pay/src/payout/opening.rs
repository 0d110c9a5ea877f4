//! How a payout is written down, once.

use mp_core::{
    Error, Family, Timestamp,
    amount::JSON_INTEGER_MAX,
    engine::Command,
    idempotency::{Idempotency, key_reused},
    port::{Destination, PayoutRequest, Receiver},
};

use super::{
    CreatedPayout, PayoutError, PayoutEvent, PayoutId, PayoutOrder, Payouts,
    change::{Change, command},
};

impl Payouts {
    /// Writes a payout down, unless it was before.
    pub(super) async fn open(
        &self,
        request: &PayoutRequest,
        once: Option<Idempotency>,
    ) -> Result<(), PayoutError> {
        if !(1..=JSON_INTEGER_MAX).contains(&request.amount.minor()) {
            return Err(Error::invalid("amount", "is not more than zero, or too large").into());
        }
        let id = Self::id_of(&request.app, &request.key);
        let created = match self.find(&request.app, id).await? {
            Some(order) if once.is_none() => return is_for(&order, request),
            // What was written down once is not checked again.
            Some(order) => created(&order),
            None => self.created(id, request).await?,
        };
        let command = command(&request.app, id)?;
        let command = once.into_iter().fold(command, Command::once);
        let (request, call_max) = (request.clone(), self.options.call_max);
        let open = move |family: &Family, now: Timestamp| {
            let change = if family.exists() {
                let change = Change::load(family, now)?;
                is_for(change.order(), &request)?;
                change
            } else {
                opened(created.clone(), now)?
            };
            Ok::<_, PayoutError>(change.decision((), call_max))
        };
        self.engine.run(command, open).await?;
        Ok(())
    }

    async fn created(
        &self,
        id: PayoutId,
        request: &PayoutRequest,
    ) -> Result<CreatedPayout, PayoutError> {
        self.options.check(request.amount)?;
        let can = self.backend.payout_capabilities();
        can.minor_units.to_wire(request.amount)?;
        Ok(CreatedPayout {
            id,
            key: request.key.clone(),
            app: request.app.clone(),
            destination: self.destination_of(request).await?,
            receiver: request.receiver.clone(),
            amount: request.amount,
            reason: request.reason.clone(),
        })
    }

    async fn destination_of(&self, request: &PayoutRequest) -> Result<Option<Destination>, Error> {
        match &request.receiver {
            Receiver::User { user } => self.destinations.destination_of(&request.app, user).await,
            Receiver::Destination { destination } => Ok(Some(destination.clone())),
            _ => Err(Error::invalid("receiver", "is of a kind not known here")),
        }
    }
}

/// Starts a payout; where nobody has told where the money goes, it is declined.
fn opened(created: CreatedPayout, now: Timestamp) -> Result<Change, PayoutError> {
    let nowhere = created.destination.is_none();
    let mut change = Change::create(created, now);
    if nowhere {
        change.apply(PayoutEvent::NoDestination)?;
    }
    Ok(change)
}

fn created(order: &PayoutOrder) -> CreatedPayout {
    CreatedPayout {
        id: order.id,
        key: order.key.clone(),
        app: order.app.clone(),
        receiver: order.receiver.clone(),
        destination: order.destination.clone(),
        amount: order.amount,
        reason: order.reason.clone(),
    }
}

fn is_for(order: &PayoutOrder, request: &PayoutRequest) -> Result<(), PayoutError> {
    match order.is_for(request) {
        true => Ok(()),
        false => Err(key_reused().into()),
    }
}
