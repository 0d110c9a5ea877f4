use serde_json::json;

use super::*;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(super) fn plan() -> Plan {
    let steps = [("stock", 300), ("seat", 200), ("payment", 100)];
    let steps = steps.map(|(name, until)| Step::new(name, json!({}), at(until)));
    Plan::new(steps.into()).expect("a well-formed plan")
}

fn reserved() -> Plan {
    (0..3).fold(plan(), |plan, step| plan.observe(step, &Seen::Reserved))
}

#[test]
fn reservations_are_asked_for_in_order_and_let_go_of_in_reverse() {
    let mut plan = plan();
    for step in 0..3 {
        assert_eq!(plan.next(at(0)), Next::Call(step, Verb::Reserve));
        plan = plan.observe(step, &Seen::Reserved);
    }
    assert_eq!(
        (plan.standing(), plan.next(at(0))),
        (Standing::Reserved, Next::Rest)
    );
    plan = plan.release();
    for step in [2, 1, 0] {
        assert_eq!(plan.next(at(0)), Next::Call(step, Verb::Release));
        plan = plan.observe(step, &Seen::Released);
    }
    assert_eq!(
        (plan.standing(), plan.next(at(0))),
        (Standing::Released, Next::Rest)
    );
}

#[test]
fn a_refusal_releases_what_was_reserved_and_nothing_else() {
    let plan = plan()
        .observe(0, &Seen::Reserved)
        .observe(1, &Seen::Refused("taken".into()));
    assert_eq!(plan.standing(), Standing::Releasing);
    assert_eq!(plan.refusal(), Some("taken"));
    assert_eq!(plan.next(at(0)), Next::Call(0, Verb::Release));
    let plan = plan.observe(0, &Seen::Released);
    assert_eq!(plan.standing(), Standing::Released);
}

#[test]
fn a_step_that_may_have_been_asked_for_is_released_too() {
    let plan = plan().observe(0, &Seen::Reserved).release();
    assert_eq!(
        plan.next(at(0)),
        Next::Call(1, Verb::Release),
        "its answer may have been lost"
    );
    let plan = plan.observe(1, &Seen::Released).observe(0, &Seen::Released);
    assert_eq!(plan.standing(), Standing::Released);
}

#[test]
fn a_refusal_that_comes_late_hides_no_step_that_may_have_been_asked_for() {
    let held = plan().observe(0, &Seen::Reserved);
    assert_eq!(held.next(at(0)), Next::Call(1, Verb::Reserve));
    let plan = held.observe(0, &Seen::Refused("lapsed".into()));
    assert_eq!(plan.next(at(0)), Next::Call(1, Verb::Release));
    assert_eq!(plan.steps()[2].state, StepState::Released, "never asked");
    let plan = plan.observe(1, &Seen::Released);
    assert_eq!(plan.standing(), Standing::Released);
    assert_eq!(plan.refusal(), Some("lapsed"));
}

#[test]
fn a_step_that_met_an_error_is_released_with_the_others() {
    let reserving = plan().observe(0, &Seen::Reserved);
    let confirming = reserved().confirm().expect("all reserved");
    let confirming = confirming.observe(0, &Seen::Confirmed);
    for (plan, verb, expected) in [
        (reserving.clone(), Verb::Reserve, vec![1, 0]),
        (
            reserving.observe(1, &Seen::Pending(json!("sign in"))),
            Verb::Reserve,
            vec![1, 0],
        ),
        (confirming, Verb::Confirm, vec![2, 1, 0]),
    ] {
        assert_eq!(plan.next(at(0)), Next::Call(1, verb));
        let mut plan = plan.fail(1, verb, "key_reused");
        for step in expected {
            assert_eq!(plan.standing(), Standing::Releasing);
            assert_eq!(plan.next(at(0)), Next::Call(step, Verb::Release));
            plan = plan.observe(step, &Seen::Released);
        }
        assert_eq!(plan.standing(), Standing::Released);
        assert_eq!(plan.refusal(), Some("key_reused"));
    }
}

#[test]
fn an_error_of_an_overtaken_call_changes_nothing() {
    let held = plan().observe(0, &Seen::Reserved);
    let confirming = reserved().confirm().expect("all reserved");
    let confirmed = (0..3).fold(confirming.clone(), |plan, step| {
        plan.observe(step, &Seen::Confirmed)
    });
    for (plan, step, verb) in [
        (&held, 0, Verb::Reserve),
        (&held, 0, Verb::Confirm),
        (&held, 99, Verb::Reserve),
        (&reserved(), 2, Verb::Reserve),
        (&confirming, 1, Verb::Reserve),
        (&confirmed, 1, Verb::Confirm),
        (&held.release(), 1, Verb::Reserve),
        (&held.release(), 1, Verb::Release),
    ] {
        assert_eq!(plan.fail(step, verb, "late"), *plan, "{step} {verb:?}");
    }
}

#[test]
fn what_is_held_no_more_releases_its_plan_until_it_is_being_confirmed() {
    let lost = reserved().lose(2, "gone");
    assert_eq!(lost.standing(), Standing::Releasing);
    assert_eq!(lost.refusal(), Some("gone"));
    assert_eq!(lost.next(at(0)), Next::Call(2, Verb::Release), "it too");
    let reserving = plan().observe(0, &Seen::Reserved);
    let early = reserving.lose(0, "gone");
    assert_eq!(early.next(at(0)), Next::Call(1, Verb::Release));
    let confirming = reserved().confirm().expect("all reserved");
    let confirmed = (0..3).fold(confirming.clone(), |plan, step| {
        plan.observe(step, &Seen::Confirmed)
    });
    for (plan, step) in [
        (&reserving, 1),
        (&reserving, 99),
        (&confirming, 2),
        (&confirmed, 2),
        (&lost, 2),
    ] {
        assert_eq!(plan.lose(step, "late"), *plan, "{step}");
    }
}

#[test]
fn a_confirmation_that_is_refused_undoes_those_before_it() {
    let plan = reserved().confirm().expect("all reserved");
    let plan = plan
        .observe(0, &Seen::Confirmed)
        .observe(1, &Seen::Refused("lapsed".into()));
    assert_eq!(plan.next(at(0)), Next::Call(2, Verb::Release));
    let plan = plan.observe(2, &Seen::Released);
    assert_eq!(plan.next(at(0)), Next::Call(0, Verb::Release));
    assert_eq!(
        plan.observe(0, &Seen::Released).standing(),
        Standing::Released
    );
}

#[test]
fn reserving_past_its_time_expires_and_confirming_needs_everything() {
    let plan = plan().observe(0, &Seen::Reserved);
    assert_eq!(plan.next(at(200)), Next::Expire);
    assert_eq!(plan.confirm().expect_err("not all").code(), "not_reserved");
    assert!(plan.release().confirm().is_err());
}

#[test]
fn a_late_answer_to_an_overtaken_call_changes_nothing() {
    let released = reserved().release().observe(2, &Seen::Released);
    for seen in [
        Seen::Reserved,
        Seen::Confirmed,
        Seen::Refused("late".into()),
    ] {
        assert_eq!(released.observe(2, &seen), released, "{seen:?}");
    }
    assert_eq!(released.observe(99, &Seen::Reserved), released);
}

#[test]
fn a_reservation_must_outlive_the_one_after_it() {
    let steps = |first, second| {
        vec![
            Step::new("a", json!({}), at(first)),
            Step::new("b", json!({}), at(second)),
        ]
    };
    assert!(Plan::new(steps(110, 100)).is_ok());
    assert_eq!(
        Plan::new(steps(109, 100)).expect_err("too short").field(),
        Some("until")
    );
    assert_eq!(
        Plan::new(Vec::new()).expect_err("none").field(),
        Some("steps")
    );
}

#[test]
fn a_plan_that_is_not_recognized_is_never_changed() {
    let rewritten = |plan: &Plan, from: &str, to: &str| -> Plan {
        let text = serde_json::to_string(plan).expect("serialises");
        assert!(text.contains(from), "{text}");
        serde_json::from_str(&text.replacen(from, to, 1)).expect("reads")
    };
    let confirming = reserved().confirm().expect("all reserved");
    let released = reserved().release().observe(2, &Seen::Released);
    for plan in [plan(), reserved(), confirming, released] {
        let standing = serde_json::to_string(&plan.standing()).expect("serialises");
        let state = r#""state":"released""#.replace(
            "released",
            match plan.standing() {
                Standing::Reserving => "planned",
                _ => "reserved",
            },
        );
        for newer in [
            rewritten(&plan, &standing, r#""auctioned""#),
            rewritten(&plan, &state, r#""state":"mortgaged""#),
        ] {
            assert!(!newer.is_recognized());
            for step in 0..3 {
                for seen in [
                    Seen::Reserved,
                    Seen::Pending(json!("sign in")),
                    Seen::Refused("no".into()),
                    Seen::Confirmed,
                    Seen::Released,
                ] {
                    assert_eq!(newer.observe(step, &seen), newer, "{step} {seen:?}");
                }
            }
            assert_eq!(newer.release(), newer);
            assert_eq!(newer.expire(at(1_000)), newer);
            let refused = newer.confirm().expect_err("is left to the newer release");
            assert_eq!(refused.code(), "newer_release");
        }
    }
}
