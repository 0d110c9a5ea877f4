use proptest::prelude::*;

use super::*;
use crate::id::UserId;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn user(name: &str) -> UserId {
    name.parse().expect("a user id")
}

fn reserved() -> (Capacity, Taken) {
    let capacity = Capacity::of("seats", 3);
    let request = Request::one("seats", &user("mei"), at(10));
    let taken = capacity
        .reserve(&request, &Holding::default(), at(0))
        .expect("free");
    (capacity, taken)
}

/// An event, and the state or refusal it leads to.
type Rule = (
    ReservationState,
    &'static str,
    Result<ReservationState, CapacityRefusal>,
);

#[test]
fn every_state_and_event_has_one_outcome() {
    use ReservationState::{Confirmed, Lapsed, Released, Reserved, Unrecognized};
    let rules: [Rule; 20] = [
        (Reserved, "confirm in time", Ok(Confirmed)),
        (Reserved, "confirm late", Err(CapacityRefusal::Lapsed)),
        (Reserved, "release", Ok(Released)),
        (Reserved, "lapse", Ok(Lapsed)),
        (Confirmed, "confirm in time", Ok(Confirmed)),
        (Confirmed, "confirm late", Ok(Confirmed)),
        (Confirmed, "release", Ok(Released)),
        (Confirmed, "lapse", Ok(Confirmed)),
        (Released, "confirm in time", Err(CapacityRefusal::Released)),
        (Released, "confirm late", Err(CapacityRefusal::Released)),
        (Released, "release", Ok(Released)),
        (Released, "lapse", Ok(Released)),
        (Lapsed, "confirm in time", Err(CapacityRefusal::Lapsed)),
        (Lapsed, "confirm late", Err(CapacityRefusal::Lapsed)),
        (Lapsed, "release", Ok(Lapsed)),
        (Lapsed, "lapse", Ok(Lapsed)),
        (
            Unrecognized,
            "confirm in time",
            Err(CapacityRefusal::Unrecognized),
        ),
        (
            Unrecognized,
            "confirm late",
            Err(CapacityRefusal::Unrecognized),
        ),
        (Unrecognized, "release", Err(CapacityRefusal::Unrecognized)),
        (Unrecognized, "lapse", Ok(Unrecognized)),
    ];
    assert_eq!(rules.len(), ReservationState::ALL.len() * 4);
    for (state, event, expected) in rules {
        let (
            _,
            Taken {
                capacity,
                holding,
                reservation,
            },
        ) = reserved();
        let reservation = Reservation {
            state,
            ..reservation
        };
        let outcome = match event {
            "confirm in time" => capacity.confirm(&reservation, &holding, at(9)),
            "confirm late" => capacity.confirm(&reservation, &holding, at(10)),
            "release" => capacity.release(&reservation, &holding),
            _ => capacity.lapse(&reservation, &holding, at(10)),
        };
        let outcome = outcome.map(|taken| taken.reservation.state);
        assert_eq!(outcome, expected, "{state:?} {event}");
    }
}

#[test]
fn several_quotas_are_taken_together_or_not_at_all() {
    let capacity = Capacity::of("seats", 2).with_quota("students", 0);
    let mut request = Request::one("seats", &user("mei"), at(10));
    request.takes.insert("students".into(), 1);
    let refusal = capacity.reserve(&request, &Holding::default(), at(0));
    assert_eq!(
        refusal,
        Err(CapacityRefusal::SoldOut {
            quota: "students".into(),
            free: 0
        })
    );
    assert_eq!(capacity.free("seats"), 2);
}

#[test]
fn what_cannot_be_a_reservation_is_refused() {
    let capacity = Capacity::of("seats", 2);
    let mut nothing = Request::one("seats", &user("mei"), at(10));
    nothing.takes.insert("seats".into(), 0);
    let late = Request::one("seats", &user("mei"), at(0));
    let elsewhere = Request::one("boats", &user("mei"), at(10));
    let holding = Holding::default();
    assert_eq!(
        capacity.reserve(&nothing, &holding, at(0)),
        Err(CapacityRefusal::Empty)
    );
    assert_eq!(
        capacity.reserve(&late, &holding, at(0)),
        Err(CapacityRefusal::Empty)
    );
    let refusal = CapacityRefusal::NoSuchQuota("boats".into());
    assert_eq!(capacity.reserve(&elsewhere, &holding, at(0)), Err(refusal));
}

#[derive(Clone, Debug)]
enum Act {
    Reserve(u8, u32, i64),
    Confirm(usize),
    Release(usize),
    Lapse(usize),
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0_u8..4, 1_u32..4, 1_i64..20)
            .prop_map(|(who, takes, span)| Act::Reserve(who, takes, span)),
        (0_usize..40).prop_map(Act::Confirm),
        (0_usize..40).prop_map(Act::Release),
        (0_usize..40).prop_map(Act::Lapse),
        (1_i64..10).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..80)
}

proptest! {
    /// Whatever happens in whatever order: the counters equal the sums over the reservations,
    /// never more than there is, and no owner above the limit.
    #[test]
    fn capacity_is_never_exceeded_and_always_adds_up(acts in acts()) {
        const SIZE: u32 = 7;
        const EACH: u32 = 4;
        let mut capacity = Capacity::of("seats", SIZE).with_owner_max(EACH);
        let mut holdings = [Holding::default(); 4];
        let mut reservations: Vec<(usize, Reservation)> = Vec::new();
        let mut now = 0;
        for act in acts {
            let (taken, place) = match act {
                Act::Wait(span) => { now += span; continue }
                Act::Reserve(who, takes, span) => {
                    let mut request = Request::one("seats", &user(&format!("u{who}")), at(now + span));
                    request.takes.insert("seats".into(), takes);
                    let who = usize::from(who);
                    let Ok(taken) = capacity.reserve(&request, &holdings[who], at(now)) else { continue };
                    reservations.push((who, taken.reservation.clone()));
                    (taken, reservations.len() - 1)
                }
                Act::Confirm(place) | Act::Release(place) | Act::Lapse(place) => {
                    let Some((who, reservation)) = reservations.get(place) else { continue };
                    let holding = &holdings[*who];
                    let taken = match act {
                        Act::Confirm(_) => capacity.confirm(reservation, holding, at(now)),
                        Act::Release(_) => capacity.release(reservation, holding),
                        _ => capacity.lapse(reservation, holding, at(now)),
                    };
                    let Ok(taken) = taken else { continue };
                    (taken, place)
                }
            };
            let who = reservations[place].0;
            reservations[place].1 = taken.reservation;
            holdings[who] = taken.holding;
            capacity = taken.capacity;

            let sum = |state| -> u32 {
                reservations.iter().filter(|(_, r)| r.state == state).map(|(_, r)| r.quantity()).sum()
            };
            let quota = capacity.quota("seats").expect("the quota");
            prop_assert_eq!(quota.reserved, sum(ReservationState::Reserved));
            prop_assert_eq!(quota.confirmed, sum(ReservationState::Confirmed));
            prop_assert!(quota.reserved + quota.confirmed <= SIZE);
            for holding in &holdings {
                prop_assert!(holding.quantity <= EACH);
            }
        }
    }
}
