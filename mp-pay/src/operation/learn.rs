//! What is learnt of an operation, joined with what is known: any order and repetition come to the
//! same.

use mp_core::amount::Money;

use super::{Heard, Operation, Stage};
use crate::backend::{DeclineCode, Outcome, Reference};

/// What an operation was to do, as far as it matters for what is learnt of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// To take or hold this much. Where a backend says both, that it happened is the last word: the
    /// money is with us, and has to be given back.
    Take(Money),
    /// To give this much back. Where a backend says both, that it failed is the last word, since
    /// what was given back may come back; again the money is with us.
    Give(Money),
    /// To let go of a hold, which moves nothing. That it happened is the last word.
    Release,
}

impl Asked {
    const fn amount(self) -> Option<Money> {
        match self {
            Self::Take(amount) | Self::Give(amount) => Some(amount),
            Self::Release => None,
        }
    }

    /// Returns the amount that an outcome tells, if it is not the one that was asked for.
    pub(crate) fn contradicted_by(self, outcome: &Outcome) -> Option<Money> {
        let told = outcome.amount();
        told.filter(|told| self.amount().is_some_and(|asked| asked != *told))
    }

    const fn last_word(self) -> Stage {
        match self {
            Self::Take(_) | Self::Release => Stage::Done,
            Self::Give(_) => Stage::Declined,
        }
    }
}

impl Operation {
    /// Joins an observation of the backend's with what is known.
    pub(crate) fn learn(&mut self, outcome: &Outcome, asked: Asked) {
        if self.stage == Stage::Unrecognized {
            return;
        }
        self.refer(outcome.reference());
        match outcome {
            Outcome::Settled { .. } | Outcome::Authorized { .. } => {
                match asked.contradicted_by(outcome) {
                    // That it happened is no news, and how much is what the person has said.
                    Some(_) if self.is_found(Stage::Done) => {}
                    Some(other) => self.contradict(other),
                    None => self.close(Stage::Done, None, asked),
                }
            }
            Outcome::Declined { code } => self.close(Stage::Declined, Some(code), asked),
            Outcome::Accepted { .. } => self.hear(Heard::Accepted),
            Outcome::NeedsAction { .. } => self.hear(Heard::NeedsAction),
            Outcome::Unknown => self.doubt(),
        }
    }

    /// Takes a person's word for what became of it, over everything that the backend has said.
    pub(crate) fn decide(&mut self, outcome: &Outcome, asked: Asked) {
        self.moved = asked.contradicted_by(outcome);
        let declined = matches!(outcome, Outcome::Declined { .. });
        let is_open = !self.is_declined() || self.conflict.is_some();
        self.found_open = declined && is_open && !self.is_forgone();
        self.found = Some(if declined {
            Stage::Declined
        } else {
            Stage::Done
        });
        self.overruled = self.conflict.take().or(self.overruled);
        match (outcome, asked) {
            // Others were told that the money came, and are told now that it was none.
            (Outcome::Declined { .. }, Asked::Take(amount)) if self.is_done() => {
                self.moved = Some(Money::zero(amount.currency()));
            }
            (Outcome::Declined { code }, _) => {
                self.stage = Stage::Declined;
                self.code = Some(code.clone());
            }
            _ => {
                self.stage = Stage::Done;
                self.code = None;
            }
        }
        self.refer(outcome.reference());
        self.heard = None;
        self.breach = None;
        self.decided = true;
    }

    /// Takes it for declined, as a person has found, although it was taken for done.
    pub(crate) fn take_for_declined(&mut self, code: &DeclineCode) {
        self.stage = Stage::Declined;
        self.code = Some(code.clone());
        self.moved = None;
    }

    fn close(&mut self, stage: Stage, code: Option<&DeclineCode>, asked: Asked) {
        if self.stage.is_known() && self.stage != stage && self.stage == asked.last_word() {
            self.contest(stage, asked);
            return;
        }
        self.code = match (&self.code, code) {
            (Some(one), Some(other)) => Some(lesser(one, other)),
            (_, code) => code.cloned(),
        };
        self.stage = stage;
        self.heard = None;
        self.breach = None;
    }

    /// Takes note that the backend says for good the opposite of what a person had found: that person
    /// or another has to look again.
    fn contest(&mut self, told: Stage, asked: Asked) {
        if !self.decided || self.is_found(told) {
            return;
        }
        if let Some(amount) = asked.amount() {
            let moved = match told {
                Stage::Done => amount,
                _ => Money::zero(amount.currency()),
            };
            self.contradict(moved);
        }
    }

    /// Takes note that the backend tells of another amount; of several, of the greatest. What a person
    /// has judged is not put before anybody again.
    pub(crate) fn contradict(&mut self, other: Money) {
        if self.overruled == Some(other) {
            return;
        }
        let order = |money: &Money| (money.minor(), money.currency().code());
        self.conflict = match self.conflict {
            Some(known) if order(&known) >= order(&other) => Some(known),
            _ => Some(other),
        };
        if !self.stage.is_known() {
            self.stage = Stage::Conflicted;
        }
    }

    fn hear(&mut self, heard: Heard) {
        if self.stage.is_known() {
            return;
        }
        self.heard = self.heard.max(Some(heard));
        if self.stage != Stage::Conflicted {
            self.stage = Stage::Pending;
        }
    }

    /// Takes note that the call ended without an answer.
    pub(crate) fn doubt(&mut self) {
        if self.stage == Stage::Sent {
            self.stage = self.open_stage();
        }
    }

    /// Keeps one of the names that the backend has told, whichever came first: what is open is asked
    /// about, captured and let go of by it.
    pub(super) fn refer(&mut self, told: Option<&Reference>) {
        self.reference = match (self.reference.take(), told) {
            (Some(known), Some(told)) => Some(known.min(told.clone())),
            (known, told) => known.or_else(|| told.cloned()),
        };
    }
}

fn lesser(one: &DeclineCode, other: &DeclineCode) -> DeclineCode {
    one.min(other).clone()
}

#[cfg(test)]
mod tests {
    use mp_core::{Timestamp, amount::Currency};

    use super::*;
    use crate::backend::NextAction;

    const fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    /// Everything that a backend can say, with contradictions.
    fn words() -> Vec<Outcome> {
        let name = |text: &str| Reference::new(text).expect("a reference");
        let code = |text: &str| DeclineCode::new(text).expect("a code");
        let awaits = || NextAction::AwaitNotification { until: None };
        vec![
            Outcome::settled(name("a")),
            Outcome::settled(name("b")).with_amount(eur(100)),
            Outcome::settled(name("a")).with_amount(eur(90)),
            Outcome::settled(name("a")).with_amount(Money::new(100, Currency::USD)),
            Outcome::declined(code("first")),
            Outcome::declined(code("second")),
            Outcome::accepted(),
            Outcome::accepted().with_reference(name("c")),
            Outcome::needs_action(awaits()),
            Outcome::needs_action(awaits()).with_reference(name("a")),
            Outcome::Unknown,
        ]
    }

    /// Calls `f` with every sequence of `length` out of `words`.
    fn sequences(words: &[Outcome], length: usize, f: &mut impl FnMut(&[&Outcome])) {
        let mut picked = vec![0; length];
        loop {
            let sequence: Vec<&Outcome> = picked.iter().map(|at| &words[*at]).collect();
            f(&sequence);
            let Some(place) = picked.iter().rposition(|at| at + 1 < words.len()) else {
                return;
            };
            picked[place] += 1;
            picked[place + 1..].fill(0);
        }
    }

    /// Every sequence of up to four words, with repetitions, is compared with the sorted set of its
    /// words, each once.
    #[test]
    fn any_order_and_repetition_of_up_to_four_words_come_to_the_same() {
        let words = words();
        let mut sent = Operation::planned();
        sent.send(Timestamp::MIN);
        let mut cases = 0;
        for asked in [Asked::Take(eur(100)), Asked::Give(eur(100)), Asked::Release] {
            for length in 1..=4 {
                sequences(&words, length, &mut |sequence| {
                    let learnt = |heard: &mut dyn Iterator<Item = &Outcome>| {
                        let mut operation = sent.clone();
                        heard.for_each(|outcome| operation.learn(outcome, asked));
                        operation
                    };
                    let given = learnt(&mut sequence.iter().copied());
                    let in_set = |word: &&Outcome| sequence.contains(word);
                    let sorted = learnt(&mut words.iter().filter(in_set));
                    assert_eq!(given, sorted, "{asked:?} {sequence:?}");
                    cases += 1;
                });
            }
        }
        assert_eq!(cases, 3 * (11 + 121 + 1_331 + 14_641));
    }

    #[test]
    fn another_amount_is_never_settled_silently() {
        let name = Reference::new("a").expect("a reference");
        let asked = Asked::Take(eur(100));
        let mut operation = Operation::planned();
        operation.send(Timestamp::MIN);
        let told = Outcome::settled(name).with_amount(eur(90));
        operation.learn(&told, asked);
        assert_eq!(operation.stage, Stage::Conflicted);
        assert_eq!(operation.conflict, Some(eur(90)));
        operation.decide(&told, asked);
        let found = (operation.stage, operation.conflict, operation.moved);
        assert_eq!(found, (Stage::Done, None, Some(eur(90))));
        operation.learn(&told, asked);
        assert_eq!(operation.conflict, None, "it was decided");
    }

    fn found(outcome: &Outcome, asked: Asked) -> Operation {
        let mut operation = Operation::planned();
        operation.send(Timestamp::MIN);
        operation.decide(outcome, asked);
        operation
    }

    fn paid(cents: i64) -> Outcome {
        Outcome::settled(Reference::new("a").expect("a reference")).with_amount(eur(cents))
    }

    fn failed() -> Outcome {
        Outcome::declined(DeclineCode::of("failed"))
    }

    fn open() -> Outcome {
        Outcome::accepted().with_reference(Reference::new("0").expect("a reference"))
    }

    #[test]
    fn what_is_open_is_known_by_the_name_that_was_told_for_it() {
        let mut operation = Operation::planned();
        operation.send(Timestamp::MIN);
        let asked = Asked::Take(eur(100));
        operation.learn(&open(), asked);
        assert_eq!(
            (operation.stage, &operation.reference),
            (Stage::Pending, &open().reference().cloned())
        );
        operation.learn(&Outcome::accepted(), asked);
        operation.learn(&failed(), asked);
        assert_eq!(
            operation.reference.as_ref(),
            open().reference(),
            "nothing takes it away"
        );
    }

    #[test]
    fn what_a_person_has_found_is_contested_by_its_opposite_alone() {
        let asked = [Asked::Take(eur(100)), Asked::Give(eur(100))];
        let [take, give] = asked;
        for (asked, word, told, conflict) in [
            (give, failed(), paid(100), Some(eur(100))),
            (give, failed(), failed(), None),
            // What was given back has come back.
            (give, paid(100), failed(), None),
            (give, paid(100), paid(100), None),
            (take, paid(100), failed(), Some(eur(0))),
            (take, paid(100), paid(100), None),
            (take, paid(100), paid(90), None),
            // The money is with us after all, and has to be given back.
            (take, failed(), paid(100), None),
            (take, failed(), paid(90), Some(eur(90))),
        ] {
            let mut operation = found(&word, asked);
            operation.learn(&told, asked);
            assert_eq!(operation.conflict, conflict, "{asked:?} {word:?} {told:?}");
            for again in [&word, &failed(), &paid(100)] {
                // Whatever a person says to that, its repetition is not put before one again.
                let mut judged = operation.clone();
                judged.decide(again, asked);
                judged.learn(&told, asked);
                let opposite = conflict.is_none() && judged.conflict.is_some();
                assert!(judged.conflict.is_none() || opposite, "{asked:?} {told:?}");
            }
        }
    }

    #[test]
    fn what_a_person_has_let_go_of_is_owed_no_more_whatever_is_told_later() {
        let asked = Asked::Give(eur(100));
        let mut operation = found(&failed(), asked);
        assert!(!operation.is_forgone(), "it was open");
        operation.decide(&failed(), asked);
        assert!(operation.is_forgone());
        operation.learn(&paid(100), asked);
        assert_eq!(operation.conflict, Some(eur(100)));
        operation.decide(&failed(), asked);
        assert!(operation.is_forgone() && operation.conflict.is_none());
    }

    #[test]
    fn what_comes_after_a_persons_word_comes_to_the_same_in_any_order() {
        let words = [paid(100), paid(90), paid(80), failed(), open()];
        for asked in [Asked::Take(eur(100)), Asked::Give(eur(100))] {
            for word in [paid(100), paid(90), failed()] {
                let first = found(&word, asked);
                for one in &words {
                    for other in &words {
                        let learnt = |told: [&Outcome; 2]| {
                            let mut operation = first.clone();
                            for outcome in told {
                                operation.learn(outcome, asked);
                            }
                            operation
                        };
                        let case = format!("{asked:?} {word:?}: {one:?}, {other:?}");
                        assert_eq!(learnt([one, other]), learnt([other, one]), "{case}");
                    }
                }
            }
        }
    }
}
