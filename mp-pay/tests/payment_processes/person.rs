use std::collections::BTreeMap;

use mp_core::Error;
use mp_pay::{
    IntentId,
    backend::{Outcome, Reference},
    operation::Stage,
    payments::{Notice, UNRESOLVED_MAX, Unresolved},
};

use crate::{
    shop::Shop,
    support::{idem, process::found_in, staff},
};

/// Somebody who looks in the provider's books for what waits for a person, and gives back what is owed.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// How much they have looked up.
    pub(crate) looked_up: usize,
    /// What they have given back for each payment, in cents, which the provider knows nothing of.
    pub(crate) by_hand: BTreeMap<IntentId, i64>,
}

impl Person {
    /// Sees to all that is listed, and returns how much that was.
    pub(crate) async fn look(&mut self, shop: &Shop) -> Result<usize, Error> {
        let staff = staff();
        let listed = shop.payments.unresolved(&staff, None, UNRESOLVED_MAX);
        let listed = listed.await?;
        let dead = shop.engine.store().dead(None, UNRESOLVED_MAX).await?;
        if dead.len() != listed.len() {
            let message = format!("of {} dead letters {listed:?} wait", dead.len());
            return Err(Error::invalid("dead", message));
        }
        for waiting in &listed {
            let (operation, outcome) = (waiting.operation, self.outcome(shop, waiting).await);
            let notice = Notice { operation, outcome };
            let key = idem(&format!("look-{}-{operation}", self.looked_up));
            shop.payments.resolve(&staff, notice, &key).await?;
            self.looked_up += 1;
        }
        Ok(listed.len())
    }

    async fn outcome(&mut self, shop: &Shop, waiting: &Unresolved) -> Outcome {
        if waiting.stage != Stage::Declined {
            return found_in(&shop.sandbox, waiting.operation).await;
        }
        let given = self.by_hand.entry(waiting.operation.intent).or_default();
        *given += waiting.amount.minor();
        Outcome::settled(Reference::new("cash").expect("a reference"))
    }
}
