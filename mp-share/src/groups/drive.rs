use async_trait::async_trait;
use mp_core::{
    Caller, Error,
    id::AppId,
    port::{Fact, SettlementListener},
    work::Done,
};

use super::{GroupView, Groups, partition};
use crate::{
    error::GroupError,
    group::GroupId,
    member::{MemberNumber, PlanId},
};

impl Groups {
    /// Drives a member's plan as far as it goes now, and tells where that led.
    pub(super) async fn drive(
        &self,
        caller: &Caller,
        id: GroupId,
        member: MemberNumber,
    ) -> Result<GroupView, GroupError> {
        let (app, group) = (caller.app_id(), id);
        let offer = self.group(app, group).await?.offer;
        let plan = PlanId {
            offer,
            group,
            member,
        };
        if let Err(error) = self.drive_plan(app, plan).await {
            // What was decided stands, and due work drives the plan on.
            tracing::debug!(%error, %plan, "the first round broke off");
        }
        self.status(caller, id).await
    }

    async fn drive_plan(&self, app: &AppId, plan: PlanId) -> Result<Done, Error> {
        let partition = partition(app, plan.group)?;
        self.steps.drive(&partition, &plan.to_string()).await
    }
}

/// Drives a member's plan on at once when something is learnt about its payment.
#[async_trait]
impl SettlementListener for Groups {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        let plan = fact.key.as_str().rsplit_once('.');
        if let Some(Ok(plan)) = plan.map(|(plan, _step)| plan.parse::<PlanId>()) {
            self.drive_plan(&fact.app, plan).await?;
        }
        Ok(())
    }
}
