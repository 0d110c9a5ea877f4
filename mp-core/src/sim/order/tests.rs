use proptest::{collection::vec, prelude::*};

use super::*;
use crate::sim::Drawn;

/// A counter of which at most three can be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Taken(u32);

#[derive(Clone, Copy, Debug)]
enum Act {
    Take,
    Look,
}

impl Model for Taken {
    type Command = Act;
    type Answer = u32;

    fn apply(&mut self, act: &Act) -> Result<u32, &'static str> {
        match act {
            Act::Take if self.0 == 3 => return Err("sold_out"),
            Act::Take => self.0 += 1,
            Act::Look => {}
        }
        Ok(self.0)
    }

    fn is_look(act: &Act) -> bool {
        matches!(act, Act::Look)
    }
}

type Asked = Exchange<Act, u32>;

/// A command whose attempts were asked and heard at these moments.
fn asked(act: Act, attempts: impl IntoIterator<Item = (u64, u64, Heard<u32>)>) -> Asked {
    let mut exchange = Exchange::new(Drawn::keyed("", act), "k".parse().expect("a key"));
    let attempts = attempts.into_iter();
    exchange.attempts = attempts
        .map(|(asked, heard, heard_of)| Attempt {
            asked,
            heard,
            heard_of,
        })
        .collect();
    exchange
}

fn answered(act: Act, asked_at: u64, heard: u64, answer: u32) -> Asked {
    asked(act, [(asked_at, heard, Heard::Answered(answer))])
}

fn judge(exchanges: &[&Asked], end: u32) -> Result<(), Violation> {
    demand_order(exchanges, &Taken(end))
}

#[track_caller]
fn assert_explained(exchanges: &[&Asked], end: u32) {
    judge(exchanges, end).unwrap_or_else(|violation| panic!("{violation}"));
}

#[track_caller]
fn assert_unexplained(exchanges: &[&Asked], end: u32) {
    assert!(judge(exchanges, end).is_err());
}

#[test]
fn what_was_answered_before_something_was_asked_comes_first() {
    let take = answered(Act::Take, 0, 1, 1);
    assert_explained(&[&take, &answered(Act::Look, 2, 3, 1)], 1);
    assert_unexplained(&[&take, &answered(Act::Look, 2, 3, 0)], 1);
    // Asked before the other was answered, it may come first.
    assert_explained(&[&take, &answered(Act::Look, 0, 3, 0)], 1);
}

#[test]
fn an_order_must_end_as_the_store_does() {
    let [one, two] = [answered(Act::Take, 0, 1, 1), answered(Act::Take, 2, 3, 2)];
    assert_explained(&[&one, &two], 2);
    assert_unexplained(&[&one, &two], 1);
    assert_unexplained(&[&one, &two], 3);
}

#[test]
fn what_nobody_heard_of_may_have_happened_later_or_never() {
    let lost = asked(Act::Take, [(0, 1, Heard::Unknown)]);
    assert_explained(&[&lost], 0);
    assert_explained(&[&lost], 1);
    assert_unexplained(&[&lost], 2);
    let look = |at, seen| answered(Act::Look, at, at + 1, seen);
    assert_explained(&[&lost, &look(2, 0), &look(4, 1)], 1);
    assert_unexplained(&[&lost, &look(2, 1), &look(4, 0)], 0);
}

#[test]
fn what_was_unavailable_has_not_happened() {
    let out_of_reach = asked(Act::Take, [(0, 1, Heard::Unavailable)]);
    assert_explained(&[&out_of_reach], 0);
    assert_unexplained(&[&out_of_reach], 1);
}

#[test]
fn repeated_attempts_have_one_effect_from_the_first_that_may_have_had_it() {
    let early = asked(
        Act::Take,
        [(0, 1, Heard::Unknown), (6, 7, Heard::Answered(1))],
    );
    let look = answered(Act::Look, 2, 3, 1);
    assert_explained(&[&early, &look], 1);
    assert_unexplained(&[&early], 2);
    let not_yet = asked(
        Act::Take,
        [(0, 1, Heard::Unavailable), (6, 7, Heard::Answered(1))],
    );
    assert_unexplained(&[&not_yet, &look], 1);
}

#[test]
fn a_refusal_comes_before_the_effect_of_the_same_command() {
    let [one, two, three] = [1, 2, 3].map(|n| answered(Act::Take, 2 * n, 2 * n + 1, n as u32));
    let refused = asked(Act::Take, [(10, 11, Heard::Refused("sold_out"))]);
    assert_explained(&[&one, &two, &three, &refused], 3);
    assert_unexplained(&[&one, &two, &refused], 2);
    let lost = (8, 9, Heard::Unknown);
    let late = asked(Act::Take, [lost, (10, 11, Heard::Refused("sold_out"))]);
    assert_explained(&[&one, &two, &three, &late], 3);
    let answered = (0, 1, Heard::Answered(1));
    let forgotten = asked(Act::Take, [answered, (2, 3, Heard::Refused("sold_out"))]);
    assert_unexplained(&[&forgotten], 1);
}

/// Without that, each of the sets of those who looked is a state of its own.
#[test]
fn many_who_only_look_are_in_nobodys_way() {
    let take = answered(Act::Take, 0, 100, 1);
    let looks = (1..60).map(|n| answered(Act::Look, n, 100 + n, u32::from(n % 2 == 0)));
    let lost = (0..6).map(|_| asked(Act::Take, [(1, 2, Heard::Unknown)]));
    let all = Vec::from_iter(looks.chain([take]).chain(lost));
    let all = Vec::from_iter(&all);
    assert_explained(&all, 1);
    let account = judge(&all, 0).expect_err("one was taken").to_string();
    assert!(account.starts_with("no order"), "{account}");
}

#[test]
fn an_account_says_how_far_it_can_be_explained() {
    let [one, two] = [answered(Act::Take, 0, 1, 1), answered(Act::Take, 2, 3, 1)];
    let account = judge(&[&one, &two], 1)
        .expect_err("two cannot both be first")
        .to_string();
    for part in ["after 1 of 2", "Taken(1)", "answers Ok(2)", "told Ok(1)"] {
        assert!(account.contains(part), "{account}");
    }
}

/// One command that took effect at a moment, asked some time before and heard some time after.
fn command() -> impl Strategy<Value = (Act, u64, u64)> {
    let act = prop_oneof![Just(Act::Take), Just(Act::Look)];
    (act, 0_u64..30, 0_u64..30)
}

/// Carries commands out one after another, and tells what their clients saw of it.
fn carry_out(commands: &[(Act, u64, u64)]) -> (Vec<Asked>, Taken) {
    let mut model = Taken::default();
    let mut exchanges = Vec::new();
    for (number, (act, before, after)) in commands.iter().enumerate() {
        // Even moments are asked at, odd ones heard: no two are at once.
        let moment = 10 * number as u64 + 100;
        let heard = match model.apply(act) {
            Ok(answer) => Heard::Answered(answer),
            Err(code) => Heard::Refused(code),
        };
        exchanges.push(asked(
            *act,
            [(moment - 2 * before, moment + 2 * after + 1, heard)],
        ));
    }
    (exchanges, model)
}

proptest! {
    #[test]
    fn whatever_happened_in_some_order_is_explained(commands in vec(command(), 0..25)) {
        let (exchanges, end) = carry_out(&commands);
        prop_assert!(demand_order(&Vec::from_iter(&exchanges), &end).is_ok());
    }

    #[test]
    fn whatever_ends_otherwise_is_not(commands in vec(command(), 0..25), off in 1_u32..3) {
        let (exchanges, Taken(end)) = carry_out(&commands);
        prop_assert!(judge(&Vec::from_iter(&exchanges), end + off).is_err());
    }
}
