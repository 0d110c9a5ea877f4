use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    counts::Counts,
    error::AuditError,
    file::Family,
    findings::Findings,
    invariant::Invariant::{EveryEffectOnce, NoGroupOverFull, NoPayerWithoutSeatOrRefund},
    ledger::Receipts,
    member::{Member, Memberships, Plan},
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
    let everybody = family.shelf::<Memberships>("m/")?;
    let members: Vec<_> = everybody.iter().flat_map(|(_, all)| &all.members).collect();
    let mut plans: BTreeMap<_, _> = family.shelf::<Plan>("s/")?.into_iter().collect();
    counts.groups_opened += 1;
    counts.groups_filled += u64::from(group.state == "filled");
    counts.groups_expired += u64::from(group.state == "expired");
    recount(&family.partition, &group, &members, findings);
    check_users(&family.partition, &everybody, findings);
    let mut shares = Vec::new();
    for (number, member) in members {
        let name = format!("{}.{}.{number}", group.offer, family.id());
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

fn recount(partition: &str, group: &Group, members: &[(&u32, &Member)], findings: &mut Findings) {
    let mut claim = |holds, problem: String| {
        findings.expect(holds, NoGroupOverFull, partition, problem);
    };
    let size = group.group_size;
    let number = |has: fn(&Member) -> bool| {
        let those = members.iter().filter(|(_, member)| has(member));
        those.count() as u64
    };
    let count = number(Member::has_seat);
    claim(
        count <= size,
        format!("{count} members have a seat, and there are {size}"),
    );
    let short = group.state == "filled" && count < size;
    claim(
        !short,
        format!("it is filled, and only {count} of {size} have a seat"),
    );
    let taken = number(Member::takes_a_seat);
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
    let numbers: BTreeSet<_> = members.iter().map(|(number, _)| number).collect();
    claim(
        numbers.len() == members.len(),
        "two members have the same number".to_owned(),
    );
}

/// Finds users who have more than one seat, or whose record is another's.
fn check_users(partition: &str, everybody: &[(&str, Memberships)], findings: &mut Findings) {
    for (key, Memberships { user, members }) in everybody {
        let seats = members.values().filter(|member| member.has_seat()).count();
        let problem = format_args!("{user} has {seats} seats");
        findings.expect(seats <= 1, NoGroupOverFull, partition, problem);
        let problem = format_args!("{user} stands at m/{key}");
        findings.expect(key == user, NoGroupOverFull, partition, problem);
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
    let partition = &family.partition;
    let Some(plan) = plan else {
        // Whoever was let go of before a plan was made owes nothing and has nothing coming back.
        let problem = format_args!("{name} is {}, and has no plan", member.state);
        let settled = member.state == "released";
        findings.expect(settled, NoPayerWithoutSeatOrRefund, partition, problem);
        return settled.then(|| Share {
            partition: partition.clone(),
            plan: name,
            price: 0,
            seated: false,
        });
    };
    let (state, standing) = (member.state.as_str(), plan.standing.as_str());
    let at_rest = matches!(standing, "confirmed" | "released");
    let problem = format_args!("the plan {name} is still {standing}");
    findings.expect(at_rest, EveryEffectOnce, partition, problem);

    let seated = state == "confirmed" && group.state == "filled";
    let settled = seated || state == "released";
    let problem = format_args!("{name} is {state} in a group that is {}", group.state);
    findings.expect(settled, NoPayerWithoutSeatOrRefund, partition, problem);
    let problem = format_args!("{name} is {state}, and the plan {standing}");
    findings.expect(
        state == standing,
        NoPayerWithoutSeatOrRefund,
        partition,
        problem,
    );
    let price = plan.price();
    let problem = format_args!("the plan {name} names no price");
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
