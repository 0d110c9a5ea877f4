use mp_core::{
    Command, Edits, Error, Family, Timestamp,
    steps::{Home, Plan, Standing},
};

use super::{app, payment::payer, roster::Roster};
use crate::member::{MemberId, PlanId};

/// The group, as the home of its members' plans.
#[derive(Debug)]
pub(crate) struct GroupHome;

impl Home for GroupHome {
    const KIND: &'static str = "group.steps";

    fn reads(command: Command, _plan: &str) -> Command {
        Roster::reads(command)
    }

    fn react(
        family: &Family,
        id: &str,
        plan: Plan,
        before: Standing,
        now: Timestamp,
        edits: &mut Edits,
    ) -> Result<Plan, Error> {
        if plan.standing() == before {
            return Ok(plan);
        }
        let number = id.parse::<PlanId>()?.member;
        let Some(mut roster) = Roster::load(family)? else {
            return Ok(plan);
        };
        let own = MemberId {
            number,
            user: payer(&plan)?,
        };
        let refusal = plan.refusal().unwrap_or("unpaid").to_owned();
        let standing = plan.standing();
        roster.put_plan(number, plan.clone());
        match standing {
            Standing::Reserved => roster.secured(&own, now)?,
            Standing::Confirmed => roster.confirmed(&own)?,
            Standing::Releasing if before == Standing::Reserved => {
                roster.lost(&own, &refusal, now)?;
            }
            Standing::Releasing => roster.let_go(&own, &refusal, now)?,
            Standing::Released => {
                roster.let_go(&own, &refusal, now)?;
                roster.released(&own)?;
            }
            Standing::Reserving | Standing::Confirming | Standing::Unrecognized => return Ok(plan),
        }
        let plan = roster.plan(number)?.map_or(plan, |own| (*own).clone());
        roster.write(Some(number), &app(family.partition())?, now, edits)?;
        Ok(plan)
    }
}
