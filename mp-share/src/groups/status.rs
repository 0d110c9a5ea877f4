use mp_core::{
    Caller, Command, Error,
    id::{AppId, UserId},
    steps::{Plan, plan_key},
};

use super::{GroupView, Groups, Membership, partition, record::member_key};
use crate::{
    error::GroupError,
    group::{Group, GroupId},
    member::{MemberNumber, Memberships, PlanId},
};

/// Where groups and the parts in them stand.
impl Groups {
    /// Returns a group of the app, and the caller's own part in it: the last, if there were several.
    ///
    /// # Errors
    ///
    /// `not_found`; the store's errors.
    pub async fn status(&self, caller: &Caller, id: GroupId) -> Result<GroupView, GroupError> {
        let group = self.group(caller, id).await?;
        let membership = match caller.user_id() {
            Some(user) => self.last_membership(caller.app_id(), &group, user).await?,
            None => None,
        };
        Ok(GroupView::of(&group, membership, self.engine.now()))
    }

    /// Returns a group, and the part of the signed-in caller that has this number: a repeated call tells
    /// of the one that it was about, which need not be the last any more.
    pub(super) async fn status_of(
        &self,
        caller: &Caller,
        id: GroupId,
        member: MemberNumber,
    ) -> Result<GroupView, GroupError> {
        let user = caller.signed_in()?;
        let group = self.group(caller, id).await?;
        let membership = self.membership(caller.app_id(), &group, user, member);
        let membership = membership.await?;
        Ok(GroupView::of(&group, membership, self.engine.now()))
    }
}

impl Groups {
    async fn last_membership(
        &self,
        app: &AppId,
        group: &Group,
        user: &UserId,
    ) -> Result<Option<Membership>, Error> {
        let key = member_key(user);
        let command = Command::on(partition(app, group.id)?).key(&key);
        let all = self.engine.read(command).await?.get::<Memberships>(&key)?;
        match all.as_ref().and_then(|all| all.last()) {
            Some((member, _)) => self.membership(app, group, user, member).await,
            None => Ok(None),
        }
    }

    /// Reads a membership and its plan, both of one moment.
    async fn membership(
        &self,
        app: &AppId,
        group: &Group,
        user: &UserId,
        member: MemberNumber,
    ) -> Result<Option<Membership>, Error> {
        let plan = PlanId {
            offer: group.offer,
            group: group.id,
            member,
        };
        let (key, plan) = (member_key(user), plan_key(&plan.to_string()));
        let command = Command::on(partition(app, group.id)?).key(&key).key(&plan);
        let found = self.engine.read(command).await?;
        let (all, plan) = (found.get::<Memberships>(&key)?, found.get::<Plan>(&plan)?);
        let own = all.as_ref().and_then(|all| all.members.get(&member));
        let now = self.engine.now();
        Ok(own.map(|own| Membership::of(group, member, own, plan.as_deref(), now)))
    }
}
