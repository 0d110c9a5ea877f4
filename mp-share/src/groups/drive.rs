use async_trait::async_trait;
use mp_core::{
    Caller, Error, ErrorKind,
    id::AppId,
    port::{Fact, SettlementKey, SettlementListener, SettlementStatus},
    work::Done,
};

use super::{GroupView, Groups, partition};
use crate::{
    error::GroupError,
    group::GroupId,
    member::{MemberNumber, PlanId},
};

/// Why a member is let go of whose money was secured and is not any more.
const PAYMENT_LOST: &str = "payment_lost";

impl Groups {
    /// Drives a member's plan as far as it goes now, and tells where that led.
    pub(super) async fn drive(
        &self,
        caller: &Caller,
        id: GroupId,
        member: MemberNumber,
    ) -> Result<GroupView, GroupError> {
        let driven = self.driven(caller, id, member).await;
        driven.map_err(broke_off)
    }

    async fn driven(
        &self,
        caller: &Caller,
        id: GroupId,
        member: MemberNumber,
    ) -> Result<GroupView, GroupError> {
        let (app, group) = (caller.app_id(), id);
        let offer = self.group(caller, group).await?.offer;
        let plan = PlanId {
            offer,
            group,
            member,
        };
        if let Err(error) = self.drive_plan(app, plan).await {
            // What was decided stands, and due work drives the plan on.
            tracing::debug!(%error, %plan, "the first round broke off");
        }
        self.status_of(caller, id, member).await
    }

    async fn hear(&self, fact: &Fact, plan: PlanId, step: usize) -> Result<Done, Error> {
        if is_gone(fact.status) {
            let (partition, id) = (partition(&fact.app, plan.group)?, plan.to_string());
            let lost = self.steps.lose(&partition, &id, step, PAYMENT_LOST);
            lost.await?;
        }
        self.drive_plan(&fact.app, plan).await
    }

    async fn drive_plan(&self, app: &AppId, plan: PlanId) -> Result<Done, Error> {
        let partition = partition(app, plan.group)?;
        self.steps.drive(&partition, &plan.to_string()).await
    }
}

/// Returns the error of what came after something was decided: "nothing happened" would not be true.
pub(super) fn broke_off(error: GroupError) -> GroupError {
    match error {
        GroupError::Core(error) if error.kind() == ErrorKind::Unavailable => {
            let message =
                "it was written down and is being carried out: call again, with the same key";
            let unknown = Error::new(ErrorKind::Unknown, "outcome_unknown", message);
            GroupError::Core(unknown.with_source(error))
        }
        error => error,
    }
}

/// Drives a member's plan on at once when something is learnt about its payment. One whose secured money
/// is gone is let go of, unless the group has filled and the money is being taken: then the answer to that
/// decides.
#[async_trait]
impl SettlementListener for Groups {
    async fn learnt(&self, fact: &Fact) -> Result<(), Error> {
        let Some((plan, step)) = step_of(&fact.key) else {
            return Ok(());
        };
        match self.hear(fact, plan, step).await {
            // Every plan of a group that was archived is at its end.
            Err(error) if error.code() == "archived" => Ok(()),
            heard => heard.map(drop),
        }
    }
}

/// Returns the step whose payment has this name, if it is one of a member's plan.
fn step_of(key: &SettlementKey) -> Option<(PlanId, usize)> {
    let (plan, step) = key.as_str().rsplit_once('.')?;
    Some((plan.parse().ok()?, step.parse().ok()?))
}

/// Returns whether nothing is secured under a key, nor will be.
const fn is_gone(status: SettlementStatus) -> bool {
    matches!(
        status,
        SettlementStatus::Declined | SettlementStatus::Released
    )
}
