//! What an offer's stock promises as a participant of plans.

mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mp_core::{
    Caller, Command, ErrorKind, Timestamp,
    port::{Confirmed, Participant, Reserved},
    store::{Batch, CommitId, Key, Partition, Query, Selection, Store, Write},
};
use mp_share::{
    Offers,
    offer::{HOLD_MAX, OfferId, Terms},
};
use proptest::prelude::*;

use self::world::{Process, World, app, nobody, terms, user};

/// An offer of some pieces, and its participant.
struct Shop {
    world: World,
    process: Process,
    offer: OfferId,
}

impl Shop {
    async fn with(pieces: u32, each_max: Option<u32>) -> Self {
        let world = World::new();
        let process = world.process();
        let terms = Terms {
            pieces,
            each_max,
            ..terms(2)
        };
        let offer = process.offer(terms).await;
        Self {
            world,
            process,
            offer,
        }
    }

    fn stock(&self) -> &Offers {
        self.process.groups.offers()
    }

    fn key(&self, step: u32) -> String {
        format!("{}.{step}", self.offer)
    }

    fn now(&self) -> Timestamp {
        self.process.engine.now()
    }

    async fn reserve(&self, step: u32, owner: &str, seconds: u64) -> Reserved {
        let user = user(owner);
        let request = Offers::request(user.user_id().expect("a user"), 1);
        let request = request.expect("serialises").value();
        let until = self.now().plus(Duration::from_secs(seconds));
        let (app, key) = (app(), self.key(step));
        let reserved = self.stock().reserve(&app, &key, &request, until).await;
        reserved.expect("a healthy store")
    }

    async fn confirm(&self, step: u32) -> Confirmed {
        let confirmed = self.stock().confirm(&app(), &self.key(step)).await;
        confirmed.expect("a healthy store")
    }

    async fn release(&self, step: u32) {
        let released = self.stock().release(&app(), &self.key(step)).await;
        released.expect("a healthy store");
    }

    /// Writes what is held under a key as somebody else would have.
    async fn rewrite(&self, step: u32, from: &str, to: &str) {
        let partition = Partition::new(&app(), "offer", &self.offer.to_string());
        let partition = partition.expect("a partition");
        let key = Key::new(&format!("r/{}", self.key(step))).expect("a key");
        let select = vec![Selection::Key(key.clone())];
        let query = Query { select, limit: 10 };
        let store = &self.world.store;
        let view = store.read(&partition, &query).await.expect("reads");
        let record = view.records.iter().find(|record| record.key == key);
        let text = String::from_utf8(record.expect("is held").value.to_vec()).expect("JSON");
        assert!(text.contains(from), "{text}");
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: view.at,
            writes: vec![Write::put(key, text.replace(from, to).into())],
        };
        store.commit(&partition, batch).await.expect("commits");
    }

    /// Returns how many closed keys are remembered.
    async fn closed(&self) -> usize {
        let partition = Partition::new(&app(), "offer", &self.offer.to_string());
        let command = Command::on(partition.expect("a partition")).prefix("c/");
        let family = self.process.engine.read(command).await.expect("reads");
        family.count("c/").expect("selected")
    }

    /// Returns how many pieces are held and how many are sold.
    async fn counts(&self) -> (u32, u32) {
        self.process.stock(self.offer).await
    }
}

fn refused(code: &str) -> Reserved {
    Reserved::Refused(code.to_owned())
}

#[tokio::test]
async fn every_call_may_be_repeated() {
    let shop = Shop::with(2, None).await;
    for _ in 0..2 {
        assert_eq!(shop.reserve(1, "mei", 60).await, Reserved::Reserved);
        assert_eq!(shop.counts().await, (1, 0));
    }
    for _ in 0..2 {
        assert_eq!(shop.confirm(1).await, Confirmed::Confirmed);
        assert_eq!(shop.counts().await, (0, 1));
    }
    assert_eq!(shop.reserve(1, "mei", 60).await, Reserved::Reserved);
    for _ in 0..2 {
        shop.release(1).await;
        assert_eq!(shop.counts().await, (0, 0), "what was confirmed is undone");
    }
}

#[tokio::test]
async fn a_released_key_is_refused_also_if_it_had_never_been_seen() {
    let shop = Shop::with(2, None).await;
    shop.reserve(1, "mei", 60).await;
    for step in [1, 2] {
        shop.release(step).await;
        assert_eq!(shop.reserve(step, "mei", 60).await, refused("released"));
        assert_eq!(
            shop.confirm(step).await,
            Confirmed::Refused("released".into())
        );
    }
    assert_eq!(shop.counts().await, (0, 0));
}

#[tokio::test]
async fn what_was_refused_once_is_refused_also_when_there_is_room() {
    let shop = Shop::with(2, Some(1)).await;
    shop.reserve(1, "mei", 60).await;
    shop.reserve(2, "ada", 60).await;
    assert_eq!(shop.reserve(3, "bo", 60).await, refused("sold_out"));
    assert_eq!(shop.reserve(4, "mei", 60).await, refused("owner_limit"));
    shop.release(1).await;
    for _ in 0..2 {
        assert_eq!(shop.reserve(3, "bo", 60).await, refused("sold_out"));
        assert_eq!(shop.reserve(4, "mei", 60).await, refused("owner_limit"));
        shop.release(3).await;
    }
    let confirmed = shop.confirm(3).await;
    assert_eq!(confirmed, Confirmed::Refused("sold_out".into()));
    assert_eq!(shop.counts().await, (1, 0));
    assert_eq!(shop.reserve(5, "bo", 60).await, Reserved::Reserved);
}

/// Another process, whose clock is behind, may ask as well.
#[tokio::test]
async fn what_was_refused_as_lapsed_is_refused_also_by_a_clock_that_is_behind() {
    for asks_to_confirm in [false, true] {
        let shop = Shop::with(2, None).await;
        shop.reserve(1, "mei", 60).await;
        shop.world.clock.advance(Duration::from_secs(60));
        if asks_to_confirm {
            assert_eq!(shop.confirm(1).await, Confirmed::Refused("lapsed".into()));
        } else {
            assert_eq!(shop.reserve(1, "mei", 60).await, refused("lapsed"));
        }
        shop.world
            .clock
            .set(shop.now().minus(Duration::from_secs(1)));
        assert_eq!(shop.confirm(1).await, Confirmed::Refused("lapsed".into()));
        assert_eq!(shop.reserve(1, "mei", 60).await, refused("lapsed"));
        assert_eq!(shop.counts().await, (0, 0));
    }
}

#[tokio::test]
async fn what_is_held_until_a_time_can_be_confirmed_before_it_and_not_after() {
    let shop = Shop::with(2, None).await;
    shop.reserve(1, "mei", 60).await;
    shop.reserve(2, "mei", 60).await;
    shop.world.clock.advance(Duration::from_micros(59_999_999));
    assert_eq!(shop.confirm(1).await, Confirmed::Confirmed);
    shop.world.clock.advance(Duration::from_micros(1));
    assert_eq!(shop.confirm(2).await, Confirmed::Refused("lapsed".into()));
}

#[tokio::test]
async fn what_a_newer_release_holds_is_not_refused() {
    let shop = Shop::with(2, None).await;
    let (reserved, newer) = (r#""state":"reserved""#, r#""state":"auctioned""#);
    shop.reserve(1, "mei", 60).await;
    shop.rewrite(1, reserved, newer).await;
    let confirmed = shop.stock().confirm(&app(), &shop.key(1)).await;
    let error = confirmed.expect_err("is left to that release");
    assert_eq!(error.code(), "newer_release");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    shop.rewrite(1, newer, reserved).await;
    assert_eq!(shop.confirm(1).await, Confirmed::Confirmed);
}

#[tokio::test]
async fn what_has_lapsed_makes_room_for_whoever_is_short_of_it() {
    let shop = Shop::with(2, Some(1)).await;
    for (step, owner) in [(1, "mei"), (2, "ada")] {
        shop.reserve(step, owner, 60).await;
    }
    assert_eq!(shop.reserve(3, "bo", 60).await, refused("sold_out"));
    shop.world.clock.advance(Duration::from_secs(60));
    assert_eq!(
        shop.reserve(4, "mei", 60).await,
        Reserved::Reserved,
        "her own lapsed too"
    );
    assert_eq!(shop.counts().await, (1, 0));
    assert_eq!(shop.reserve(1, "mei", 60).await, refused("lapsed"));
}

/// Another process, whose clock is ahead, may have written last.
#[tokio::test]
async fn what_has_lapsed_makes_room_also_for_a_clock_that_is_behind() {
    let shop = Shop::with(2, None).await;
    for (step, owner) in [(1, "mei"), (2, "ada")] {
        shop.reserve(step, owner, 60).await;
    }
    shop.world.clock.advance(Duration::from_secs(60));
    shop.release(3).await;
    shop.world
        .clock
        .set(shop.now().minus(Duration::from_secs(1)));
    assert_eq!(shop.reserve(4, "bo", 60).await, Reserved::Reserved);
}

#[tokio::test]
async fn what_has_lapsed_is_given_back_by_a_timer() {
    let shop = Shop::with(2, None).await;
    shop.reserve(1, "mei", 60).await;
    shop.process.pass(&shop.world, 2).await;
    assert_eq!(shop.counts().await, (0, 0));
    assert!(!shop.world.work_is_left().await);
}

#[tokio::test]
async fn a_closed_key_is_remembered_as_long_as_anything_can_be_held() {
    let shop = Shop::with(2, None).await;
    let too_long = HOLD_MAX.as_secs() + 1;
    assert_eq!(
        shop.reserve(1, "mei", too_long).await,
        refused("held_too_long")
    );
    assert_eq!(
        shop.reserve(4, "mei", too_long - 1).await,
        Reserved::Reserved
    );
    assert_eq!(shop.reserve(2, "ada", 60).await, Reserved::Reserved);
    shop.confirm(2).await;
    shop.release(4).await;
    shop.release(3).await;
    shop.world.clock.advance(HOLD_MAX - Duration::from_secs(1));
    shop.process.pass(&shop.world, 0).await;
    assert_eq!(shop.closed().await, 4);
    shop.world.clock.advance(Duration::from_secs(1));
    shop.process.pass(&shop.world, 0).await;
    assert_eq!(shop.closed().await, 1, "what is sold is never forgotten");
    shop.release(2).await;
    assert_eq!(shop.counts().await, (0, 0));
}

#[tokio::test]
async fn a_closed_offer_takes_no_new_reservations_and_honours_those_it_has() {
    let shop = Shop::with(2, None).await;
    shop.reserve(1, "mei", 60).await;
    let stranger = shop.stock().close(&user("mei"), shop.offer).await;
    assert_eq!(stranger.expect_err("not hers").code(), "not_found");
    shop.stock()
        .close(&user("merchant"), shop.offer)
        .await
        .expect("closes");
    assert_eq!(shop.reserve(2, "ada", 60).await, refused("offer_closed"));
    assert_eq!(shop.confirm(1).await, Confirmed::Confirmed);
    let open = "open".parse().expect("a key");
    let group = shop
        .process
        .groups
        .open(&user("mei"), shop.offer, &open)
        .await;
    assert_eq!(group.expect_err("closed").code(), "offer_closed");
}

#[tokio::test]
async fn an_offer_and_a_group_are_there_for_callers_of_their_app_alone() {
    let shop = Shop::with(2, None).await;
    let group = shop.process.open("mei", shop.offer).await.group;
    let groups = &shop.process.groups;
    let found = groups.offers().offer(&nobody(), shop.offer).await;
    assert_eq!(found.expect("is the app's").id, shop.offer);
    let found = groups.group(&nobody(), group).await;
    assert_eq!(found.expect("is the app's").id, group);
    let elsewhere = Caller::app("bazaar".parse().expect("an app id"));
    let none = groups.offers().offer(&elsewhere, shop.offer).await;
    assert_eq!(none.expect_err("another app's").code(), "not_found");
    let none = groups.group(&elsewhere, group).await;
    assert_eq!(none.expect_err("another app's").code(), "not_found");
}

/// Longer than any answer is remembered.
const LONG: Duration = Duration::from_secs(60 * 24 * 60 * 60);

#[tokio::test]
async fn a_key_is_good_for_one_offer_and_one_group_also_when_its_answer_is_forgotten() {
    let shop = Shop::with(30, None).await;
    let (groups, merchant) = (&shop.process.groups, user("merchant"));
    let key = "other".parse().expect("a key");
    let other = groups.offers().create(&merchant, &terms(3), &key).await;
    let other = other.expect("a sound offer").id;
    let group = shop.process.open("mei", shop.offer).await.group;
    shop.world.clock.advance(LONG);

    let reused = groups.offers().create(&merchant, &terms(4), &key).await;
    assert_eq!(reused.expect_err("another").code(), "idempotency_conflict");
    let again = groups.offers().create(&merchant, &terms(3), &key).await;
    assert_eq!(again.expect("the same").id, other);

    let key = "open".parse().expect("a key");
    let reused = groups.open(&user("mei"), other, &key).await;
    assert_eq!(reused.expect_err("another").code(), "idempotency_conflict");
    assert_eq!(shop.process.open("mei", shop.offer).await.group, group);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_errors_that_no_repetition_mends() {
    let shop = Shop::with(2, None).await;
    let until = shop.now().plus(Duration::from_secs(60));
    let (stock, app) = (shop.stock(), app());
    let nothing = serde_json::json!({});
    let error = stock.reserve(&app, &shop.key(1), &nothing, until).await;
    assert_eq!(error.expect_err("no owner").field(), Some("request"));
    let request = serde_json::json!({ "owner": "mei", "quantity": 0 });
    let zero = stock.reserve(&app, &shop.key(1), &request, until).await;
    assert_eq!(zero.expect("answers"), refused("empty_reservation"));
    let error = stock.reserve(&app, "not-an-offer.1", &request, until).await;
    assert_eq!(error.expect_err("no offer").field(), Some("key"));
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Reserve(u32, u8, u64),
    Confirm(u32),
    Release(u32),
    Wait(u64),
    Work,
}

fn any_move() -> impl Strategy<Value = Move> {
    // As refused keys are closed, there have to be enough of them.
    let step = 0..16_u32;
    prop_oneof![
        4 => (step.clone(), 0..3_u8, 1..90_u64).prop_map(|(s, o, t)| Move::Reserve(s, o, t)),
        2 => step.clone().prop_map(Move::Confirm),
        2 => step.prop_map(Move::Release),
        1 => (1..60_u64).prop_map(Move::Wait),
        1 => Just(Move::Work),
    ]
}

/// What ought to be held and sold, by key.
#[derive(Default)]
struct Model {
    held: BTreeMap<u32, (String, Timestamp)>,
    sold: BTreeMap<u32, String>,
    refused: BTreeSet<u32>,
}

impl Model {
    /// Returns how many pieces are held and sold at a time: of everybody, or of one owner.
    fn live(&self, owner: Option<&str>, now: Timestamp) -> usize {
        let theirs = |each: &str| owner.is_none_or(|owner| owner == each);
        let held = self.held.values();
        let held = held.filter(|(each, until)| theirs(each) && *until > now);
        held.count() + self.sold.values().filter(|each| theirs(each)).count()
    }

    /// Checks a refusal, which must not rest on what has lapsed, unless it was refused before; and
    /// that nothing is reserved that was refused before.
    fn reserved(
        &mut self,
        step: u32,
        owner: &str,
        until: Timestamp,
        now: Timestamp,
        seen: &Reserved,
    ) {
        let before = self.refused.contains(&step);
        if let Reserved::Refused(_) = seen {
            self.refused.insert(step);
        }
        match seen {
            Reserved::Reserved if before => panic!("{step} was refused before"),
            Reserved::Refused(_) if before => {}
            Reserved::Reserved if !self.sold.contains_key(&step) => {
                self.held.entry(step).or_insert((owner.to_owned(), until));
            }
            Reserved::Refused(code) if code == "sold_out" => assert_eq!(self.live(None, now), 3),
            Reserved::Refused(code) if code == "owner_limit" => {
                assert_eq!(self.live(Some(owner), now), 2);
            }
            _ => {}
        }
    }
}

/// Plays the moves; returns how many pieces ought to be sold, and the shop at rest.
async fn play(moves: Vec<Move>) -> (usize, Shop) {
    let shop = Shop::with(3, Some(2)).await;
    let mut model = Model::default();
    for next in moves {
        match next {
            Move::Reserve(step, owner, seconds) => {
                let owner = ["mei", "ada", "bo"][usize::from(owner)];
                let seen = shop.reserve(step, owner, seconds).await;
                let until = shop.now().plus(Duration::from_secs(seconds));
                model.reserved(step, owner, until, shop.now(), &seen);
            }
            Move::Confirm(step) => {
                if shop.confirm(step).await == Confirmed::Confirmed {
                    let held = model.held.remove(&step);
                    model.sold.extend(held.map(|(owner, _)| (step, owner)));
                }
            }
            Move::Release(step) => {
                shop.release(step).await;
                model.held.remove(&step);
                model.sold.remove(&step);
            }
            Move::Wait(seconds) => shop.world.clock.advance(Duration::from_secs(seconds)),
            Move::Work => shop.process.pass(&shop.world, 0).await,
        }
    }
    shop.process.pass(&shop.world, 3).await;
    (model.sold.len(), shop)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn at_rest_nothing_is_held_and_what_was_confirmed_is_sold(
        moves in prop::collection::vec(any_move(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (confirmed, counts, overfull, left) = runtime.block_on(async {
            let (confirmed, shop) = play(moves).await;
            let left = shop.world.work_is_left().await;
            (confirmed, shop.counts().await, shop.world.store.overfull(), left)
        });
        prop_assert_eq!(counts, (0, u32::try_from(confirmed).expect("at most sixteen")));
        prop_assert_eq!((overfull, left), (0, false));
    }
}
