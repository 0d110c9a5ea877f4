use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    counts::Counts,
    error::AuditError,
    file::Family,
    findings::Findings,
    invariant::Invariant::{EveryEffectOnce, NoGroupOverFull, NoPayerWithoutSeatOrRefund},
    ledger::Receipts,
    member::{Member, Plan},
    offer::Sales,
};

/// One member's part in a group, and what it was to cost.
#[derive(Debug)]
pub(super) struct Share {
    partition: String,
    /// The member's plan, `{offer}.{group}.{number}`: its steps are the piece, `.0`, and the
    /// payment, `.1`.
    plan: String,
    price: i64,
    /// Whether the member has a seat for good, in a group that filled.
    seated: bool,
}

#[derive(Deserialize)]
struct Group {
    offer: String,
    state: String,
    group_size: u64,
    seats: Seats,
}

#[derive(Deserialize)]
struct Seats {
    quotas: BTreeMap<String, Quota>,
}

#[derive(Deserialize)]
struct Quota {
    size: u64,
    reserved: u64,
    confirmed: u64,
}

impl Quota {
    const fn given_out(&self) -> u64 {
        self.reserved + self.confirmed
    }
}

/// Recounts a group's seats from its members, and returns what each member should have paid.
pub(super) fn audit(
    family: &Family,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Result<Vec<Share>, AuditError> {
    let group: Group = family.root()?;
    let members = family.shelf::<Member>("m/")?;
    let mut plans: BTreeMap<_, _> = family.shelf::<Plan>("s/")?.into_iter().collect();
    counts.groups_opened += 1;
    counts.groups_filled += u64::from(group.state == "filled");
    counts.groups_expired += u64::from(group.state == "expired");
    recount(&family.partition, &group, &members, findings);
    let mut shares = Vec::new();
    for (_, member) in &members {
        let name = format!("{}.{}.{}", group.offer, family.id(), member.number);
        let plan = plans.remove(name.as_str());
        shares.extend(share(family, &group, member, name, plan, findings));
    }
    if let Some((plan, _)) = plans.pop_first() {
        let problem = format_args!("the plan {plan} is no member's");
        findings.add(NoPayerWithoutSeatOrRefund, &family.partition, problem);
    }
    let seated = shares.iter().filter(|share| share.seated);
    counts.seats += seated.count() as u64;
    Ok(shares)
}

fn recount(partition: &str, group: &Group, members: &[(&str, Member)], findings: &mut Findings) {
    let mut claim = |holds, problem: String| {
        findings.expect(holds, NoGroupOverFull, partition, problem);
    };
    let size = group.group_size;
    let seated = || {
        members
            .iter()
            .map(|(_, member)| member)
            .filter(|member| member.has_seat())
    };
    let count = seated().count() as u64;
    claim(
        count <= size,
        format!("{count} members have a seat, and there are {size}"),
    );
    let short = group.state == "filled" && count < size;
    claim(
        !short,
        format!("it is filled, and only {count} of {size} have a seat"),
    );
    let taken: u64 = members.iter().map(|(_, member)| member.takes()).sum();
    let told: u64 = group.seats.quotas.values().map(Quota::given_out).sum();
    claim(
        taken == told && taken == count,
        format!("{count} members have {taken} seats, and the group says {told}"),
    );
    let quota = group.seats.quotas.get("seats").map(|quota| quota.size);
    claim(
        quota == Some(size),
        format!("it has {quota:?} seats, and its offer is for {size}"),
    );
    let users: BTreeSet<&str> = seated().map(|member| member.user.as_str()).collect();
    claim(
        users.len() as u64 == count,
        "somebody has two seats".to_owned(),
    );
    for (key, member) in members {
        let number = member.number;
        claim(
            *key == number.to_string(),
            format!("member {number} stands at m/{key}"),
        );
    }
}

/// Returns what a member should have paid, and finds out whether that is settled.
fn share(
    family: &Family,
    group: &Group,
    member: &Member,
    name: String,
    plan: Option<Plan>,
    findings: &mut Findings,
) -> Option<Share> {
    let (partition, number) = (&family.partition, member.number);
    let Some(plan) = plan else {
        let problem = format_args!("member {number} has no plan");
        findings.add(NoPayerWithoutSeatOrRefund, partition, problem);
        return None;
    };
    let (state, standing) = (member.state.as_str(), plan.standing.as_str());
    let at_rest = matches!(standing, "confirmed" | "released");
    let problem = format_args!("the plan of member {number} is still {standing}");
    findings.expect(at_rest, EveryEffectOnce, partition, problem);

    let seated = state == "confirmed" && group.state == "filled";
    let settled = seated || state == "released";
    let problem = format_args!(
        "member {number} is {state} in a group that is {}",
        group.state
    );
    findings.expect(settled, NoPayerWithoutSeatOrRefund, partition, problem);
    let problem = format_args!("member {number} is {state}, and the plan {standing}");
    findings.expect(
        state == standing,
        NoPayerWithoutSeatOrRefund,
        partition,
        problem,
    );
    let price = plan.price();
    let problem = format_args!("the plan of member {number} names no price");
    findings.expect(
        price.is_some(),
        NoPayerWithoutSeatOrRefund,
        partition,
        problem,
    );
    Some(Share {
        partition: partition.clone(),
        plan: name,
        price: price.unwrap_or_default(),
        seated,
    })
}

impl Share {
    /// Holds a member to what the provider has kept of them and what the offer has given them: the
    /// price and a piece for a seat, else nothing of either.
    pub(super) fn check(
        &self,
        receipts: &mut Receipts,
        sales: &mut Sales,
        findings: &mut Findings,
    ) {
        let plan = &self.plan;
        let kept = receipts.take(&format!("{plan}.1")).kept();
        let due = if self.seated { self.price } else { 0 };
        let problem = format_args!("the provider keeps {kept} cents for {plan}, and {due} are due");
        findings.expect(
            kept == due,
            NoPayerWithoutSeatOrRefund,
            &self.partition,
            problem,
        );
        let pieces = u64::from(self.seated);
        sales.deliver(&self.partition, &format!("{plan}.0"), pieces, findings);
    }
}
