use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn pass(stamps_per_reward: u32) -> LoyaltyPass {
    let program = Program::new("coffee".parse().expect("a name"), stamps_per_reward);
    let (app, owner) = (
        "shop".parse().expect("an app"),
        "mei".parse().expect("a user"),
    );
    let program = program.expect("a program");
    let id = PassId::from_bytes([1; 16]);
    LoyaltyPass::open(id, app, owner, &program, Timestamp::MIN).expect("opens")
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..130_u32).prop_map(Act::Stamp),
        (0..50_u64).prop_map(Act::Earn),
        (0..3_u32).prop_map(|count| Act::Redeem(Redemption::Rewards { count })),
        (0..60_u64).prop_map(|count| Act::Redeem(Redemption::Points { count })),
        Just(Act::Earn(u64::MAX)),
        Just(Act::Redeem(Redemption::Points { count: u64::MAX })),
    ]
}

proptest! {
    #[test]
    fn every_balance_is_the_sum_of_the_entries_and_never_below_zero(
        per_reward in 1..20_u32,
        acts in proptest::collection::vec(acts(), 0..60),
    ) {
        let mut pass = pass(per_reward);
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let mut stamped = 0;
        for act in acts {
            let mut after = pass.clone();
            let Ok(entry) = after.act(act, Timestamp::MIN) else { continue };
            if let Act::Stamp(stamps) = act {
                stamped += u64::from(stamps);
            }
            for change in entry.changes {
                let sum = sums.entry(change.unit().to_string()).or_default();
                *sum += change.minor();
                prop_assert!(*sum >= 0);
            }
            pass = after;
            let sum = |unit: &str| sums.get(&format!("shop:{unit}")).copied().unwrap_or(0);
            prop_assert_eq!(pass.stamps().expect("a unit").minor(), sum("stamps"));
            prop_assert_eq!(pass.rewards().expect("a unit").minor(), sum("rewards"));
            prop_assert_eq!(pass.points().expect("a unit").minor(), sum("points"));
            prop_assert!(pass.stamps < u64::from(per_reward), "full cards become rewards");
            prop_assert!(pass.stamps + pass.rewards * u64::from(per_reward) <= stamped);
        }
    }
}

#[test]
fn stamps_over_a_full_card_count_towards_the_next() {
    let mut pass = pass(10);
    pass.act(Act::Stamp(9), Timestamp::MIN).expect("stamps");
    let entry = pass.act(Act::Stamp(23), Timestamp::MIN).expect("stamps");
    assert_eq!((pass.rewards, pass.stamps), (3, 2));
    let changes: Vec<String> = entry.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["-7 shop:stamps", "3 shop:rewards"]);
}

#[test]
fn more_than_is_held_is_not_redeemed() {
    let mut pass = pass(10);
    pass.act(Act::Earn(5), Timestamp::MIN).expect("earns");
    let all = Act::Redeem(Redemption::Points { count: 6 });
    let refused = pass.act(all, Timestamp::MIN);
    assert!(matches!(
        refused,
        Err(PayError::NotEnough {
            held: 5,
            asked: 6,
            ..
        })
    ));
    assert_eq!((pass.points, pass.entries), (5, 1));
}
