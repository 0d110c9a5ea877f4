//! What the passes promise.

mod support;
#[path = "support/unread.rs"]
mod unread;

use std::sync::Arc;

use mp_core::{
    Caller, Engine, ErrorKind, clock::ManualClock, idempotency::IDEMPOTENCY_MEMORY,
    store::MemoryStore,
};
use mp_pay::{
    LoyaltyPass, Passes, PayError,
    pass::{EarnPoints, OpenPass, PassId, Program, Redeem, Redemption, StampPass},
};

use self::{
    support::{app, clock, engine, idem, mei, staff},
    unread::unread_once_written,
};

fn passes() -> Passes {
    passes_on(&engine(Arc::new(MemoryStore::new()), &clock()))
}

fn passes_on(engine: &Engine) -> Passes {
    let program = Program::new("coffee".parse().expect("a name"), 10);
    Passes::new(engine).with(program.expect("a program"))
}

async fn opened(passes: &Passes) -> LoyaltyPass {
    let program = "coffee".parse().expect("a name");
    let owner = None;
    let request = OpenPass { program, owner };
    let opened = passes.open(&mei(), request, &idem("open")).await;
    opened.expect("opens")
}

#[tokio::test]
async fn a_user_has_one_pass_per_program() {
    let passes = passes();
    let one = opened(&passes).await;
    let program = "coffee".parse().expect("a name");
    let owner = Some("mei".parse().expect("a user"));
    let again = OpenPass { program, owner };
    let two = passes.open(&staff(), again, &idem("other")).await;
    assert_eq!(two.expect("opens").id, one.id);
    let program = "tea".parse().expect("a name");
    let unknown = OpenPass {
        program,
        owner: None,
    };
    let refused = passes.open(&mei(), unknown, &idem("tea")).await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_pass_that_was_opened_is_not_told_as_unavailable() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let unread = passes_on(&unread_once_written(store.clone(), &clock));
    let program = "coffee".parse().expect("a name");
    let owner = None;
    let request = OpenPass { program, owner };
    let told = unread.open(&mei(), request, &idem("open")).await;
    assert_eq!(kind(told), ErrorKind::Unknown);
    opened(&passes_on(&engine(store, &clock))).await;
}

#[tokio::test]
async fn a_repeated_key_stamps_once() {
    let passes = passes();
    let pass = opened(&passes).await.id;
    for _ in 0..3 {
        let stamp = StampPass { pass, stamps: 4 };
        let stamped = passes.stamp(&staff(), stamp, &idem("s")).await;
        assert_eq!(stamped.expect("stamps").stamps, 4);
    }
    let other = StampPass { pass, stamps: 5 };
    let refused = passes.stamp(&staff(), other, &idem("s")).await;
    assert_eq!(kind(refused), ErrorKind::KeyReused);
    assert_eq!(passes.entries(&mei(), pass).await.expect("lists").len(), 1);
}

/// A pass with eight stamps, and the clock by which answers are forgotten.
async fn collected() -> (Passes, PassId, Arc<ManualClock>) {
    let clock = clock();
    let passes = passes_on(&engine(Arc::new(MemoryStore::new()), &clock));
    let pass = opened(&passes).await.id;
    let stamp = StampPass { pass, stamps: 8 };
    let stamped = passes.stamp(&staff(), stamp, &idem("first")).await;
    stamped.expect("stamps");
    (passes, pass, clock)
}

#[tokio::test]
async fn a_call_repeated_after_its_answer_is_forgotten_is_made_once() {
    let (passes, pass, clock) = collected().await;
    let stamp = |stamps| {
        let request = StampPass { pass, stamps };
        let passes = passes.clone();
        async move { passes.stamp(&staff(), request, &idem("k")).await }
    };
    let earn = |points| {
        let request = EarnPoints { pass, points };
        let passes = passes.clone();
        async move { passes.earn(&staff(), request, &idem("k")).await }
    };
    let redeem = |redeem, key: &'static str| {
        let request = Redeem { pass, redeem };
        let passes = passes.clone();
        async move { passes.redeem(&mei(), request, &idem(key)).await }
    };
    let rewards = |count| redeem(Redemption::Rewards { count }, "rewards");
    let points = |count| redeem(Redemption::Points { count }, "points");
    for time in 0..3 {
        // The first fills two cards, and leaves fewer stamps than there were.
        let told = [
            stamp(15).await,
            earn(50).await,
            rewards(2).await,
            points(20).await,
        ];
        let [.., last] = told.map(|told| told.expect("answers"));
        let held = (last.stamps, last.rewards, last.points, last.entries);
        assert_eq!(held, (3, 0, 30, 5), "time {time}");
        clock.advance(IDEMPOTENCY_MEMORY * 3);
    }
    let as_points = redeem(Redemption::Points { count: 2 }, "rewards").await;
    let nothing = redeem(Redemption::Rewards { count: 0 }, "points").await;
    let others = [
        stamp(5).await,
        stamp(25).await,
        earn(51).await,
        rewards(1).await,
    ];
    let others = others
        .into_iter()
        .chain([points(21).await, as_points, nothing]);
    for (number, other) in others.enumerate() {
        assert_eq!(kind(other), ErrorKind::KeyReused, "{number}");
    }
    assert_eq!(passes.entries(&mei(), pass).await.expect("lists").len(), 5);
}

#[tokio::test]
async fn concurrent_redemptions_never_take_more_than_is_held() {
    let passes = passes();
    let pass = opened(&passes).await.id;
    let earn = EarnPoints { pass, points: 100 };
    passes
        .earn(&staff(), earn, &idem("e"))
        .await
        .expect("earns");
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let passes = passes.clone();
        tasks.spawn(async move {
            let redeem = Redemption::Points { count: 30 };
            let request = Redeem { pass, redeem };
            passes
                .redeem(&mei(), request, &idem(&format!("r{number}")))
                .await
        });
    }
    let redeemed = tasks.join_all().await;
    assert_eq!(
        redeemed.iter().filter(|redeemed| redeemed.is_ok()).count(),
        3
    );
    let balance = passes.balance(&mei(), pass).await.expect("reads");
    assert_eq!(balance.points, 10);
    let entries = passes.entries(&mei(), pass).await.expect("lists");
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[tokio::test]
async fn only_staff_gives_and_only_the_owner_or_staff_takes() {
    let passes = passes();
    let pass = opened(&passes).await.id;
    let stamp = StampPass { pass, stamps: 1 };
    let refused = passes.stamp(&mei(), stamp, &idem("s")).await;
    assert_eq!(kind(refused), ErrorKind::Forbidden);
    let earn = EarnPoints { pass, points: 1 };
    passes
        .earn(&staff(), earn, &idem("e"))
        .await
        .expect("earns");
    let bo = Caller::user(app(), "bo".parse().expect("a user"));
    let redeem = Redemption::Points { count: 1 };
    let request = Redeem { pass, redeem };
    let refused = passes.redeem(&bo, request, &idem("r")).await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
    assert_eq!(kind(passes.balance(&bo, pass).await), ErrorKind::NotFound);
    assert_eq!(kind(passes.entries(&bo, pass).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_repeated_redemption_is_answered_to_nobody_who_could_not_make_it() {
    let passes = passes();
    let pass = opened(&passes).await.id;
    let earn = EarnPoints { pass, points: 7 };
    let earned = passes.earn(&staff(), earn, &idem("earn")).await;
    earned.expect("earns");
    let redeem = async |caller: Caller| {
        let redeem = Redemption::Points { count: 7 };
        let request = Redeem { pass, redeem };
        passes.redeem(&caller, request, &idem("k")).await
    };
    redeem(staff()).await.expect("redeems");
    let refused = redeem(Caller::app(app())).await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
    redeem(staff()).await.expect("is answered");
}

fn kind<T: std::fmt::Debug>(answer: Result<T, PayError>) -> ErrorKind {
    mp_core::Error::from(answer.expect_err("refused")).kind()
}
