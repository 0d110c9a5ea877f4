//! Random days at the counter, held to a naive count of who waits.

mod market;

use std::{collections::BTreeMap, time::Duration};

use mp_queue::{CallFrom, Ticket, TicketId, TicketState};
use proptest::prelude::*;

use self::market::{GRACE, Market};

#[derive(Clone, Copy, Debug)]
enum Step {
    Join { user: u8, party: u32 },
    Call(Option<&'static str>),
    Serve(usize),
    NoShow(usize),
    Leave(usize),
    Recall(usize),
    Requeue(usize),
    Wait(u64),
    Work,
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..64_usize;
    prop_oneof![
        6 => (0..24_u8, 1..=8_u32).prop_map(|(user, party)| Step::Join { user, party }),
        3 => prop_oneof![Just(None), Just(Some("A")), Just(Some("B"))].prop_map(Step::Call),
        2 => any.clone().prop_map(Step::Serve),
        1 => any.clone().prop_map(Step::NoShow),
        2 => any.clone().prop_map(Step::Leave),
        1 => any.clone().prop_map(Step::Recall),
        1 => any.prop_map(Step::Requeue),
        2 => (1..240_u64).prop_map(Step::Wait),
        1 => Just(Step::Work),
    ]
}

/// The day as somebody with a pencil would keep it: the last that was seen of every ticket.
#[derive(Default)]
struct Pencil {
    tickets: BTreeMap<TicketId, Ticket>,
    taken: Vec<TicketId>,
    last_called: BTreeMap<String, u32>,
    ahead: BTreeMap<TicketId, u32>,
}

impl Pencil {
    fn pick(&self, index: usize) -> Option<TicketId> {
        let taken = self.taken.len().max(1);
        self.taken.get(index % taken).copied()
    }

    fn note(&mut self, ticket: Ticket) {
        if !self.tickets.contains_key(&ticket.id) {
            self.taken.push(ticket.id);
        }
        self.tickets.insert(ticket.id, ticket);
    }

    fn waiting_before(&self, ticket: &Ticket) -> usize {
        let before = |other: &&Ticket| {
            other.state == TicketState::Waiting
                && other.lane == ticket.lane
                && other.sequence < ticket.sequence
        };
        self.tickets.values().filter(before).count()
    }

    /// Refuses a call that overtakes somebody of the lane, or goes back in its numbers.
    fn note_call(&mut self, called: Ticket) {
        assert_eq!(
            self.waiting_before(&called),
            0,
            "{called:?} overtook somebody"
        );
        if called.calls == 1 {
            let last = self.last_called.entry(called.lane.to_string()).or_default();
            assert!(
                called.number.ordinal() > *last,
                "numbers are called in their order"
            );
            *last = called.number.ordinal();
        }
        self.note(called);
    }

    fn note_lapses(&mut self, market: &Market) {
        let now = market.engine.now();
        for ticket in self.tickets.values_mut() {
            ticket.state = ticket.state_at(now);
        }
    }
}

async fn take(market: &Market, pencil: &mut Pencil, step: Step) {
    let picked = |index| pencil.pick(index);
    let moved = match step {
        Step::Join { user, party } => {
            let name = format!("u{user}");
            market.join(&name, party).await.map(|joined| joined.ticket)
        }
        Step::Call(lane) => {
            let lane = lane.map(|letter| CallFrom::Lane(letter.parse().expect("a letter")));
            let from = lane.unwrap_or(CallFrom::LongestWaiting);
            if let Ok(called) = market.call_from(from).await {
                pencil.note_call(called);
            }
            return;
        }
        Step::Wait(seconds) => {
            market.clock.advance(Duration::from_secs(seconds));
            return pencil.note_lapses(market);
        }
        Step::Work => return assert!(market.work().await < 1_000),
        Step::Serve(index) => match picked(index) {
            Some(ticket) => market.serve(ticket).await,
            None => return,
        },
        Step::NoShow(index) => match picked(index) {
            Some(ticket) => market.no_show(ticket).await,
            None => return,
        },
        Step::Leave(index) => match picked(index) {
            Some(ticket) => market.leave(ticket).await,
            None => return,
        },
        Step::Recall(index) => match picked(index) {
            Some(ticket) => market.recall(ticket).await,
            None => return,
        },
        Step::Requeue(index) => match picked(index) {
            Some(ticket) => market.requeue(ticket).await,
            None => return,
        },
    };
    if let Ok(ticket) = moved {
        pencil.note(ticket);
    }
}

async fn check(market: &Market, pencil: &mut Pencil, step: Step) {
    let mut ahead = BTreeMap::new();
    for ticket in pencil.tickets.values() {
        let position = market.position(ticket.id).await;
        assert_eq!(position.state, ticket.state, "{step:?}");
        if ticket.state == TicketState::Waiting {
            assert_eq!(
                position.ahead as usize,
                pencil.waiting_before(ticket),
                "{step:?}"
            );
            ahead.insert(ticket.id, position.ahead);
        }
    }
    let may_grow = matches!(step, Step::Recall(_) | Step::Requeue(_));
    for (ticket, now) in &ahead {
        let before = pencil.ahead.get(ticket).copied().unwrap_or(u32::MAX);
        assert!(may_grow || *now <= before, "{step:?} made a position grow");
    }
    pencil.ahead = ahead;
    check_counts(market, pencil).await;
}

async fn check_counts(market: &Market, pencil: &Pencil) {
    let line = market.board().await;
    for lane in &line.lanes {
        assert!(lane.counts.is_balanced(), "{:?}", lane.counts);
        let count = |state| {
            let of_lane = pencil
                .tickets
                .values()
                .filter(|ticket| ticket.lane == lane.letter);
            of_lane.filter(|ticket| ticket.state == state).count()
        };
        let counts = lane.counts;
        assert_eq!(counts.waiting as usize, count(TicketState::Waiting));
        assert_eq!(counts.served as usize, count(TicketState::Served));
        assert_eq!(counts.left as usize, count(TicketState::Left));
        // A lapsed call counts as called until somebody has written the lapse down.
        let gone = count(TicketState::Called) + count(TicketState::NoShow);
        assert_eq!((counts.called + counts.no_show) as usize, gone);
    }
}

fn spend_a_day(steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let market = Market::open().await;
        let mut pencil = Pencil::default();
        for step in steps {
            take(&market, &mut pencil, step).await;
            check(&market, &mut pencil, step).await;
        }
        market.clock.advance(GRACE);
        pencil.note_lapses(&market);
        market.work().await;
        let called = market
            .board()
            .await
            .lanes
            .iter()
            .map(|lane| lane.counts.called)
            .sum::<u32>();
        assert_eq!(called, 0, "every lapse is written down in the end");
        check_counts(&market, &pencil).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_overtaken_positions_are_exact_and_counts_balance(
        steps in proptest::collection::vec(step(), 1..90),
    ) {
        spend_a_day(steps);
    }
}
