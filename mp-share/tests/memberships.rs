//! Whatever people do in whatever order, each ends with a seat or with everything back.

mod world;

use std::time::Duration;

use mp_share::{
    group::{GroupId, GroupState},
    member::MemberState,
};
use proptest::prelude::*;

use self::world::{Books, GROUP_PRICE, Payer, Process, World, nobody, pass_deadline, terms, user};

const PEOPLE: usize = 6;
const SEATS: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Move {
    /// Takes a seat without waiting for its payment.
    Take(usize),
    /// Joins and waits.
    Join(usize),
    /// Asks once more what was asked for last, and waits.
    Repeat(usize),
    Leave(usize),
    /// So many seconds go by.
    Wait(u64),
    /// One round of due work.
    Turn,
    /// All due work.
    Work,
}

fn any_move() -> impl Strategy<Value = Move> {
    let person = 0..PEOPLE;
    prop_oneof![
        5 => person.clone().prop_map(Move::Take),
        2 => person.clone().prop_map(Move::Join),
        1 => person.clone().prop_map(Move::Repeat),
        2 => person.prop_map(Move::Leave),
        2 => (1..700_u64).prop_map(Move::Wait),
        1 => Just(Move::Turn),
        1 => Just(Move::Work),
    ]
}

fn name(person: usize) -> String {
    format!("u{person}")
}

/// A group, and how often each person has tried to get into it.
struct Evening {
    world: World,
    process: Process,
    group: GroupId,
    tries: [u32; PEOPLE],
}

impl Evening {
    async fn begin() -> Self {
        let world = World::new();
        let payers = [Payer::Pays, Payer::Dawdles(1), Payer::Declines, Payer::Pays];
        for (person, payer) in payers.into_iter().enumerate() {
            world.bank.set(&name(person), payer);
        }
        let process = world.process();
        let offer = process.offer(terms(SEATS)).await;
        let group = process.open(&name(0), offer).await.group;
        Self {
            world,
            process,
            group,
            tries: [0; PEOPLE],
        }
    }

    /// Makes a move; what is refused changes nothing.
    async fn make(&mut self, next: Move) {
        match next {
            Move::Take(person) | Move::Join(person) | Move::Leave(person) => {
                self.tries[person] += 1;
                self.ask(next, person).await;
            }
            Move::Repeat(person) => self.ask(Move::Join(person), person).await,
            Move::Wait(seconds) => self.world.clock.advance(Duration::from_secs(seconds)),
            Move::Turn => drop(self.process.worker.turn().await.expect("works")),
            Move::Work => drop(self.process.worker.drain().await.expect("works")),
        }
    }

    async fn ask(&self, next: Move, person: usize) {
        let (caller, groups) = (user(&name(person)), &self.process.groups);
        let key = format!("try-{}", self.tries[person]);
        let key = key.parse().expect("a key");
        match next {
            Move::Take(_) => drop(groups.take_seat(&caller, self.group, &key).await),
            Move::Join(_) => drop(groups.join(&caller, self.group, &key).await),
            _ => drop(groups.leave(&caller, self.group, &key).await),
        }
    }

    async fn state(&self, person: usize) -> Option<MemberState> {
        self.process.member(&name(person), self.group).await
    }

    /// Checks what holds at every moment.
    async fn check(&self) {
        let mut seated = 0;
        for person in 0..PEOPLE {
            let state = self.state(person).await;
            seated += u32::from(state.is_some_and(MemberState::has_seat));
        }
        let group = self.process.groups.group(&nobody(), self.group).await;
        let group = group.expect("reads");
        let seats = group.seats.quota("seats").expect("every group has it");
        assert_eq!(seats.reserved + seats.confirmed, seated);
        assert!(seated <= SEATS);
        assert!(group.planned <= group.attempts);
    }

    /// Lets the group's time go by, and checks what holds at rest.
    async fn end(self) {
        pass_deadline(&self.world);
        self.process.pass(&self.world, 3).await;
        let group = self.process.groups.group(&nobody(), self.group).await;
        let group = group.expect("reads");
        let mut kept = 0;
        for person in 0..PEOPLE {
            let state = self.state(person).await;
            let confirmed = state == Some(MemberState::Confirmed);
            let out = matches!(state, None | Some(MemberState::Released));
            assert!(confirmed || out, "u{person} is {state:?}");
            let live = self.world.bank.live(&name(person));
            assert_eq!(live, usize::from(confirmed), "u{person} is {state:?}");
            kept += u32::from(confirmed);
        }
        let filled = group.state == GroupState::Filled;
        assert_eq!(kept, if filled { SEATS } else { 0 });
        let taken = i64::from(kept) * GROUP_PRICE;
        assert_eq!(self.world.bank.books(), Books { held: 0, taken });
        assert_eq!(self.process.stock(group.offer).await, (0, kept));
        assert_eq!(self.world.store.overfull(), 0);
        assert!(!self.world.work_is_left().await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_payer_ends_with_a_seat_or_with_everything_back(
        moves in prop::collection::vec(any_move(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut evening = Evening::begin().await;
            for next in moves {
                evening.make(next).await;
                evening.check().await;
            }
            evening.end().await;
        });
    }
}
