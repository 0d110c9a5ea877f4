use async_trait::async_trait;
use mp_core::{
    Error,
    id::AppId,
    port::{Declined, PaidOut, Payout, PayoutKey, PayoutRequest, PayoutStatus},
};

use super::{PayoutOrder, Payouts};
use crate::operation::Stage;

#[async_trait]
impl Payout for Payouts {
    async fn pay_out(&self, request: &PayoutRequest) -> Result<PaidOut, Error> {
        self.open(request, None).await?;
        let id = Self::id_of(&request.app, &request.key);
        Ok(told(&self.carry_on(&request.app, id).await?))
    }

    async fn status(&self, app: &AppId, key: &PayoutKey) -> Result<PayoutStatus, Error> {
        let order = self.find(app, Self::id_of(app, key)).await?;
        Ok(order.map_or(PayoutStatus::Unseen, |order| order.status))
    }
}

fn told(order: &PayoutOrder) -> PaidOut {
    let declined = |otherwise: &str| {
        let code = order.operation.code.as_ref().map(ToString::to_string);
        let code = code.unwrap_or_else(|| otherwise.to_owned());
        PaidOut::Declined(Declined { code })
    };
    match order.status {
        PayoutStatus::Paid => PaidOut::Paid,
        PayoutStatus::Declined => declined("declined"),
        PayoutStatus::Returned => declined("returned"),
        PayoutStatus::Canceled => declined("canceled"),
        _ if order.operation.stage == Stage::Pending => PaidOut::Accepted,
        _ => PaidOut::Unknown,
    }
}
