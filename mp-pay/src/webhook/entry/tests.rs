use super::*;

const fn second(n: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + n * 1_000_000)
}

fn handled(at: Timestamp) -> Option<Handled> {
    let outcome = Handling::Observed;
    Some(Handled { at, outcome })
}

/// Every state of an edition, whatever arrives.
#[test]
fn every_state_and_arrival_has_one_outcome() {
    let now = second(100_000);
    let due = |at, before| {
        let new = false;
        Arrived::Due { at, new, before }
    };
    let given_up = Some(second(99_995));
    let states = [
        ("waits", second(99_990), None, None),
        ("waited long", second(0), None, None),
        ("lies dead", second(99_990), None, given_up),
        ("handled just now", second(0), handled(second(99_995)), None),
        ("handled long ago", second(0), handled(second(5)), None),
    ];
    let hints = [
        Arrived::Noted,
        due(now, Standing::Waits),
        due(now, Standing::Dead),
        due(second(100_005), Standing::Rests),
        due(now, Standing::Rests),
    ];
    for ((state, sent_at, handled, given_up_at), heard) in states.into_iter().zip(hints) {
        for hint in [false, true] {
            let mut entry = Entry::new(None);
            entry.arrive("a", hint, second(0)).expect("is new");
            let edition = entry.editions.get_mut(&1).expect("it is there");
            (edition.sent_at, edition.handled) = (sent_at, handled);
            edition.given_up_at = given_up_at;
            let before = entry.clone();
            let (number, arrived) = entry.arrive("a", hint, now).expect("is known");
            let expected = if hint { heard } else { Arrived::Known };
            assert_eq!((number, arrived), (1, expected), "{state}, hint: {hint}");
            assert_eq!(entry == before, !hint, "{state}: only a hint is written");
            let waits = entry.editions[&1].standing() == Standing::Waits;
            let due = matches!(arrived, Arrived::Due { .. });
            assert!(waits || !due, "{state}: what is due waits");
        }
    }
}

#[test]
fn the_same_event_with_other_bytes_is_kept_as_often_as_is_said() {
    let mut entry = Entry::new(None);
    for (number, digest) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let (edition, arrived) = entry.arrive(digest, false, second(1)).expect("is kept");
        assert_eq!(edition as usize, number + 1);
        assert!(matches!(arrived, Arrived::Due { new: true, .. }));
    }
    let refused = entry.arrive("e", false, second(1));
    assert!(matches!(refused, Err(WebhookRefusal::Contradictory)));
    let known = entry.arrive("c", false, second(1)).expect("is known");
    assert_eq!(known, (3, Arrived::Known));
}
