use std::sync::Arc;

use mp_core::{
    Command,
    work::{self, Done, Handler, HandlerError},
};

use super::{
    Groups,
    decision::{begin_payments, expire},
    record::{Expire, Notice, PlanPayments},
    roster::Roster,
};

impl Groups {
    /// Returns the handlers of all due work of groups and offers, for a [`Worker`](work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let mut handlers = self.offers.handlers();
        let payments = [self.payments(), self.steps.handler()];
        handlers.extend(payments);
        handlers.extend([self.expiry(), self.notices()]);
        handlers
    }

    fn payments(&self) -> Arc<dyn Handler> {
        let engine = self.engine.clone();
        work::on(move |delivery, _: PlanPayments| {
            let engine = engine.clone();
            async move {
                let command = Roster::reads(Command::on(delivery.partition));
                let more = engine.run(command, begin_payments).await?.answer;
                Ok::<_, HandlerError>(match more {
                    true => Done::Again(engine.now()),
                    false => Done::Finished,
                })
            }
        })
    }

    fn expiry(&self) -> Arc<dyn Handler> {
        let engine = self.engine.clone();
        work::on(move |delivery, _: Expire| {
            let engine = engine.clone();
            async move {
                let command = Roster::reads(Command::on(delivery.partition));
                let until = engine.run(command, expire).await?.answer;
                Ok::<_, HandlerError>(until.map_or(Done::Finished, Done::Again))
            }
        })
    }

    fn notices(&self) -> Arc<dyn Handler> {
        let notifier = self.notifier.clone();
        work::on(move |_, notice: Notice| {
            let notifier = notifier.clone();
            async move {
                let told = notifier.notify(&notice.notification).await;
                // The host's error, of whatever kind, says nothing about this delivery.
                told.map_err(HandlerError::Retry)?;
                Ok(Done::Finished)
            }
        })
    }
}
