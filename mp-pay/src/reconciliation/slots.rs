//! The movements of ours that a report may tell, and which of them a line means.

use std::collections::{BTreeMap, BTreeSet};

use mp_core::amount::Money;

use super::{
    Direction, Expected, LineKind, Movement, ReportLine, Standing, Subject,
    slot::{Slot, Turn},
};
use crate::{
    backend::Reference,
    intent::IntentId,
    operation::{OperationKey, Step},
};

/// The movements of ours that a report may tell.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: BTreeMap<Movement, Slot>,
    names: BTreeSet<(Reference, Movement)>,
}

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// A movement of which nothing was told yet.
    Untold(Movement),
    /// A movement that another line has told.
    Told(Movement),
    /// Nothing of ours.
    Nothing,
}

impl Slots {
    /// Expects a movement; what was told of it stands.
    pub(super) fn expect(&mut self, expected: Expected, turn: Turn) {
        let movement = expected.movement();
        if let Some(reference) = &expected.reference {
            self.names.insert((reference.clone(), movement));
        }
        let told = self.slots.remove(&movement).and_then(|slot| slot.told);
        let slot = Slot {
            expected,
            told,
            turn,
        };
        self.slots.insert(movement, slot);
    }

    pub(super) fn get(&self, movement: &Movement) -> Option<&Slot> {
        self.slots.get(movement)
    }

    pub(super) fn get_mut(&mut self, movement: &Movement) -> Option<&mut Slot> {
        self.slots.get_mut(movement)
    }

    /// Returns all of them, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Movement, &Slot)> {
        self.slots.iter()
    }

    /// Returns which movement a line means: first what it names, then what of the same payment has
    /// the same kind and amount, then what it calls otherwise than we do. Of several it is the one
    /// whose turn it is, and which is nearest in time.
    pub(super) fn meant_by(&self, line: &ReportLine) -> Meant {
        if line.kind == LineKind::Reversal {
            return self.reversed_by(line);
        }
        let named = self.named(line);
        let akin: Vec<Movement> = named
            .iter()
            .copied()
            .filter(|it| self.fits(it, line))
            .collect();
        let untold = || akin.iter().copied().filter(|it| self.is_untold(it));
        let same = untold().filter(|it| self.has_amount(it, line.amount));
        let meant = self.nearest(line, same);
        match meant.or_else(|| self.nearest(line, untold())) {
            Some(movement) => Meant::Untold(movement),
            None if !akin.is_empty() => Meant::Told(akin[0]),
            None => self.kindred(line, &named),
        }
    }

    /// Looks among what a line does not name but may mean.
    fn kindred(&self, line: &ReportLine, named: &BTreeSet<Movement>) -> Meant {
        let captured = self.captured_by(line);
        let equal = |it: &Movement| self.is_untold(it) && self.has_amount(it, line.amount);
        let of_payment = self.of_payments(line, named).into_iter();
        let akin = of_payment.filter(|it| self.fits(it, line) && equal(it));
        // Nobody can have told what was not asked for yet.
        let akin = akin.filter(|it| !self.is_ahead(it));
        let found = self
            .nearest(line, akin)
            .or(captured)
            .or_else(|| self.nearest(line, named.iter().copied().filter(equal)));
        found.map_or(Meant::Nothing, Meant::Untold)
    }

    fn nearest(
        &self,
        line: &ReportLine,
        movements: impl Iterator<Item = Movement>,
    ) -> Option<Movement> {
        movements.min_by_key(|it| self.slots.get(it).map(|slot| slot.distance(line)))
    }

    /// Returns what carries a name that the line has.
    fn named(&self, line: &ReportLine) -> BTreeSet<Movement> {
        let by_key = line.key.into_iter().flat_map(both_ways);
        let by_key = by_key.filter(|it| self.slots.contains_key(it));
        let by_reference = line.references.iter().flat_map(|it| self.called(it));
        by_key.chain(by_reference).collect()
    }

    fn called<'a>(&'a self, name: &'a Reference) -> impl Iterator<Item = Movement> + 'a {
        let from = (name.clone(), FIRST);
        let found = self.names.range(from..);
        found
            .take_while(move |(reference, _)| reference == name)
            .map(|(_, movement)| *movement)
    }

    /// Returns everything of the payments that a line names.
    fn of_payments(&self, line: &ReportLine, named: &BTreeSet<Movement>) -> Vec<Movement> {
        let keyed = line.key.map(|key| key.intent);
        let called = named.iter().map(|movement| movement.subject.intent());
        let intents: BTreeSet<IntentId> = keyed.into_iter().chain(called).collect();
        let of = |intent| {
            let operations = self.slots.range(first_operation(intent)..);
            let disputes = self.slots.range(first_dispute(intent)..);
            let mine = move |it: &Movement| it.subject.intent() == intent;
            let operations = operations.map(|(it, _)| *it).take_while(mine);
            operations.chain(disputes.map(|(it, _)| *it).take_while(mine))
        };
        intents.into_iter().flat_map(of).collect()
    }

    /// Returns the one capture of the hold that a line calls a charge: providers may tell the whole
    /// hold first, and then reverse what was not captured.
    fn captured_by(&self, line: &ReportLine) -> Option<Movement> {
        let key = line
            .key
            .filter(|_| Direction::of(line.amount) == Direction::In)?;
        let Step::Charge(attempt) = key.step else {
            return None;
        };
        let is_capture = |it: &Movement| match it.subject {
            Subject::Operation(OperationKey {
                step: Step::Capture(of, _),
                ..
            }) => of == attempt,
            _ => false,
        };
        let payments = self.of_payments(line, &BTreeSet::new());
        let mut captures = payments.into_iter().filter(is_capture);
        let only = captures.next().filter(|_| captures.next().is_none())?;
        let fits = self.fits(&only, line) && self.is_untold(&only);
        fits.then_some(only)
    }

    fn reversed_by(&self, line: &ReportLine) -> Meant {
        let charged = |it: &Movement| {
            let slot = self.slots.get(it);
            slot.is_some_and(|slot| {
                let expected = &slot.expected;
                expected.kind.is_akin_to(LineKind::Charge)
                    && it.direction == Direction::In
                    && expected.amount.currency() == line.amount.currency()
            })
        };
        let named = self.named(line);
        let of_payment = || self.of_payments(line, &named).into_iter();
        let found = named.iter().copied().find(charged);
        let found = found.or_else(|| of_payment().find(charged));
        found.map_or(Meant::Nothing, Meant::Untold)
    }

    fn fits(&self, movement: &Movement, line: &ReportLine) -> bool {
        movement.direction == Direction::of(line.amount)
            && self
                .slots
                .get(movement)
                .is_some_and(|slot| line.kind.is_akin_to(slot.expected.kind))
    }

    fn is_untold(&self, movement: &Movement) -> bool {
        self.slots.get(movement).is_some_and(Slot::is_untold)
    }

    fn is_ahead(&self, movement: &Movement) -> bool {
        let slot = self.slots.get(movement);
        slot.is_some_and(|slot| slot.turn == Turn::Ahead)
    }

    /// Returns whether a movement that happened is of this amount.
    fn has_amount(&self, movement: &Movement, amount: Money) -> bool {
        self.slots.get(movement).is_some_and(|slot| {
            slot.expected.amount == amount && slot.expected.standing == Standing::Moved
        })
    }
}

fn both_ways(key: OperationKey) -> impl Iterator<Item = Movement> {
    let subject = Subject::Operation(key);
    [Direction::In, Direction::Out]
        .into_iter()
        .map(move |direction| Movement { subject, direction })
}

/// Sorts before every movement.
const FIRST: Movement = first_operation(IntentId::from_bytes([0; 16]));

const fn first_operation(intent: IntentId) -> Movement {
    Movement {
        subject: Subject::Operation(OperationKey {
            intent,
            step: Step::Charge(0),
        }),
        direction: Direction::In,
    }
}

const fn first_dispute(intent: IntentId) -> Movement {
    Movement {
        subject: Subject::dispute(intent, crate::dispute::DisputeId::from_bytes([0; 16])),
        direction: Direction::In,
    }
}
