use std::ops::Range;

use fastrand::Rng;

/// How many ticks the evening has, from the first visitor to the last.
pub(crate) const TICKS: u32 = 60;

/// Over how many ticks after it was opened friends hear of a group.
const GROUP_TICKS: u32 = 2;

/// What happens in an evening, as far as the visitors' wishes go: a pure function of the seed.
#[derive(Debug)]
pub(crate) struct Script {
    seed: u64,
    visitors: u32,
    /// Who opens a group, by the tick of arrival.
    openers: Vec<Vec<u32>>,
    arrivals: Vec<Vec<u32>>,
}

/// What one visitor wishes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Visit {
    pub(crate) number: u32,
    /// Which place the visitor comes from.
    pub(crate) home: u32,
    /// Whether a friend's link led here.
    pub(crate) invited: bool,
    /// How the visitor pays.
    pub(crate) card: Card,
    pub(crate) purchase: Purchase,
    pub(crate) waiting: Waiting,
    pub(crate) grouping: Grouping,
}

/// How a visitor's card behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Card {
    Good,
    Declined,
    /// The provider does not answer, and has done nothing.
    LosesRequests,
    /// The provider does not answer, and has taken the money.
    LosesAnswers,
    /// The provider answers later.
    Slow,
}

/// What a visitor buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purchase {
    Nothing,
    /// Scans the table's code, orders and pays the order.
    Order {
        dishes: u32,
        returned: bool,
    },
    /// Scans a product and pays at once.
    Checkout {
        cents: i64,
        refund: Refund,
    },
}

/// What of a payment is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refund {
    Nothing,
    Part,
    All,
}

/// What a visitor does about the stall's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    Nothing,
    Waits,
    Leaves,
}

/// What a visitor does about group offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    Nothing,
    Opens,
    /// Joins the group that this visitor opened.
    Joins(u32),
}

impl Script {
    /// Writes the script of an evening.
    pub(crate) fn new(seed: u64, visitors: u32) -> Self {
        let mut script = Self {
            seed,
            visitors,
            openers: vec![Vec::new(); TICKS as usize],
            arrivals: vec![Vec::new(); TICKS as usize],
        };
        for number in 0..visitors {
            let tick = script.arrival(number) as usize;
            script.arrivals[tick].push(number);
            if script.opens(number) {
                script.openers[tick].push(number);
            }
        }
        script
    }

    /// Returns who arrives in a tick.
    pub(crate) fn arrivals(&self, tick: u32) -> &[u32] {
        self.arrivals.get(tick as usize).map_or(&[], Vec::as_slice)
    }

    pub(crate) const fn visitors(&self) -> u32 {
        self.visitors
    }

    /// Returns what a visitor wishes.
    pub(crate) fn visit(&self, number: u32) -> Visit {
        let mut chance = self.chance(number, "visit");
        Visit {
            number,
            home: chance.u32(..),
            invited: chance.u8(..100) < 40,
            card: card(&mut chance),
            purchase: purchase(&mut chance),
            waiting: waiting(&mut chance),
            grouping: self.grouping(number, &mut chance),
        }
    }

    /// Returns how a visitor's card behaves.
    pub(crate) fn card(&self, number: u32) -> Card {
        self.visit(number).card
    }

    /// Visitors arrive around the middle of the evening: the mean of two dice.
    fn arrival(&self, number: u32) -> u32 {
        let mut chance = self.chance(number, "arrival");
        u32::midpoint(chance.u32(..TICKS), chance.u32(..TICKS))
    }

    fn opens(&self, number: u32) -> bool {
        self.chance(number, "group").u8(..100) < 6
    }

    fn grouping(&self, number: u32, chance: &mut Rng) -> Grouping {
        if self.opens(number) {
            return Grouping::Opens;
        }
        if chance.u8(..100) >= 34 {
            return Grouping::Nothing;
        }
        let open = self.open_groups(self.arrival(number));
        // The smaller of two dice: some groups are talked about more than others, and fill.
        let place = chance
            .usize(..open.len().max(1))
            .min(chance.usize(..open.len().max(1)));
        open.get(place)
            .map_or(Grouping::Nothing, |opener| Grouping::Joins(*opener))
    }

    fn open_groups(&self, tick: u32) -> Vec<u32> {
        let heard: Range<usize> = tick.saturating_sub(GROUP_TICKS) as usize..tick as usize;
        self.openers[heard].concat()
    }

    fn chance(&self, number: u32, about: &str) -> Rng {
        // Any mixing will do; it only has to be the same in every run.
        let salt = about.bytes().fold(u64::from(number), |salt, byte| {
            salt.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        Rng::with_seed(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.rotate_left(17))
    }
}

fn card(chance: &mut Rng) -> Card {
    match chance.u8(..100) {
        0..84 => Card::Good,
        84..90 => Card::Declined,
        90..93 => Card::LosesRequests,
        93..96 => Card::LosesAnswers,
        _ => Card::Slow,
    }
}

fn purchase(chance: &mut Rng) -> Purchase {
    match chance.u8(..100) {
        0..15 => Purchase::Nothing,
        15..65 => Purchase::Order {
            dishes: chance.u32(1..=4),
            returned: chance.u8(..100) < 6,
        },
        _ => Purchase::Checkout {
            cents: chance.i64(300..9_000),
            refund: refund(chance),
        },
    }
}

fn refund(chance: &mut Rng) -> Refund {
    match chance.u8(..100) {
        0..88 => Refund::Nothing,
        88..95 => Refund::Part,
        _ => Refund::All,
    }
}

fn waiting(chance: &mut Rng) -> Waiting {
    match chance.u8(..100) {
        0..25 => Waiting::Nothing,
        25..90 => Waiting::Waits,
        _ => Waiting::Leaves,
    }
}
