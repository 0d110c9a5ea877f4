//! Bugs in what is told of a payout, at once and later.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use mp_core::amount::Money;

use super::{
    PayoutBug, PayoutInner,
    bug::{Looked, by_id},
};
use crate::{
    backend::{Lookup, Outcome, Reference},
    conformance::broken::{
        Answer,
        notes::{Notes, settled},
    },
    payout::{PayoutId, PayoutInstruction, PayoutLookupRequest, PayoutNotice},
};

/// Tells of a payout what its receiver gets after the provider's fee.
#[derive(Debug, Default)]
pub struct TellsPayoutsWithoutTheFee;

#[async_trait]
impl PayoutBug for TellsPayoutsWithoutTheFee {
    async fn pay_out(&self, backend: &PayoutInner, payout: &PayoutInstruction) -> Answer {
        let answer = backend.pay_out(payout).await?;
        let left = payout.amount.minor() - 30;
        Ok(answer.with_amount(Money::new(left, payout.amount.currency())))
    }
}

/// Names a payout anew each time that it is asked about.
#[derive(Debug, Default)]
pub struct InventsReferences(AtomicU32);

#[async_trait]
impl PayoutBug for InventsReferences {
    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(match backend.lookup_payout(&by_id(request)).await? {
            Lookup::Found(Outcome::Settled { reference, amount }) => {
                let reference = Reference::new(format!("lookup.{number}")).unwrap_or(reference);
                Lookup::Found(Outcome::Settled { reference, amount })
            }
            found => found,
        })
    }
}

/// Thinks better of a decline when it is asked a second time.
#[derive(Debug, Default)]
pub struct ForgivesDeclines(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for ForgivesDeclines {
    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let found = backend.lookup_payout(request).await?;
        let declined = matches!(found, Lookup::Found(Outcome::Declined { .. }));
        if declined && self.0.note(request.id, ()).is_some() {
            return Ok(Lookup::Found(settled()));
        }
        Ok(found)
    }
}

/// Reads what was returned as paid: it was once.
#[derive(Debug, Default)]
pub struct ReadsReturnedAsPaid(Notes<(), PayoutId>);

#[async_trait]
impl PayoutBug for ReadsReturnedAsPaid {
    fn answer(&self, id: PayoutId, answer: Answer) -> Answer {
        if matches!(answer, Ok(Outcome::Settled { .. })) {
            self.0.note(id, ());
        }
        answer
    }

    async fn lookup_payout(&self, backend: &PayoutInner, request: &PayoutLookupRequest) -> Looked {
        let paid_once = self.0.get(&request.id).is_some();
        Ok(match backend.lookup_payout(request).await? {
            Lookup::Found(Outcome::Declined { .. }) if paid_once => Lookup::Found(settled()),
            found => found,
        })
    }
}

/// Reads nothing in any webhook.
#[derive(Debug, Default)]
pub struct DropsEveryWebhook;

impl PayoutBug for DropsEveryWebhook {
    fn notices(_: Vec<PayoutNotice>) -> Vec<PayoutNotice> {
        Vec::new()
    }
}

/// Reads every webhook as one about the first payout.
#[derive(Debug, Default)]
pub struct ReadsWebhooksAsAboutTheFirst;

impl PayoutBug for ReadsWebhooksAsAboutTheFirst {
    fn notices(mut notices: Vec<PayoutNotice>) -> Vec<PayoutNotice> {
        let first = notices.first().map(|notice| notice.payout);
        for notice in &mut notices {
            notice.payout = first.unwrap_or(notice.payout);
        }
        notices
    }
}
