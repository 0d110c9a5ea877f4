use mp_core::{
    Document,
    clock::ManualClock,
    entropy::SeededEntropy,
    store::MemoryStore,
    work::{self, DeadLetters, Done, HandlerError},
};
use mp_pay::backend::sandbox::DELAY;
use mp_share::{GroupId, group::GroupState, member::MemberState};

use super::*;
use crate::OPENS_AT;

/// The work that drives a member's plan, as somebody sees it who gives it up.
#[derive(serde::Deserialize, serde::Serialize)]
struct Steps {}

impl Document for Steps {
    const KIND: &'static str = "group.steps";
    const FORMAT: u32 = 1;
}

#[tokio::test]
async fn what_is_learnt_of_a_members_payment_reaches_the_group_though_its_work_is_dead()
-> Result<(), Box<dyn std::error::Error>> {
    let clock = Arc::new(ManualClock::at(OPENS_AT.parse()?));
    let (store, entropy) = (
        Arc::new(MemoryStore::new()),
        Arc::new(SeededEntropy::new(1)),
    );
    let engine = Engine::new(store, clock.clone(), entropy);
    let script = Arc::new(Script::new(1, 300));
    let market = Market::open(&engine, &script, None).await?;
    let mut visitors = 0..script.visitors();
    let slow = visitors.find(|number| script.card(*number) == Card::Slow);
    let payer = market.visitor(slow.ok_or("somebody's card is slow")?)?;
    let offer = market.stalls[0].offer.ok_or("the stall has an offer")?;
    let group = market
        .groups
        .open(&payer, offer, &key("open")?)
        .await?
        .group;
    assert_eq!(
        state(&market, &payer, group).await?,
        Some(MemberState::Reserved)
    );

    let given_up = work::on(|_, _: Steps| async {
        let error = Error::invalid("plan", "is given up");
        Err::<Done, _>(HandlerError::GiveUp(error))
    });
    clock.advance(Duration::from_secs(1));
    let worker = Worker::new(&engine, WorkerOptions::default()).with([given_up]);
    worker.drain().await?;
    assert_eq!(DeadLetters::of(&engine).list(None, 10).await?.len(), 1);
    assert_eq!(
        state(&market, &payer, group).await?,
        Some(MemberState::Reserved)
    );

    clock.advance(DELAY);
    market.worker.drain().await?;
    assert_eq!(
        state(&market, &payer, group).await?,
        Some(MemberState::Secured)
    );
    Ok(())
}

/// A card's hold ends after a week, and a group may stay open for a month.
#[tokio::test]
async fn a_seat_is_free_again_once_the_hold_that_paid_for_it_has_ended()
-> Result<(), Box<dyn std::error::Error>> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let clock = Arc::new(ManualClock::at(OPENS_AT.parse()?));
    let (store, entropy) = (
        Arc::new(MemoryStore::new()),
        Arc::new(SeededEntropy::new(1)),
    );
    let engine = Engine::new(store, clock.clone(), entropy);
    let script = Arc::new(Script::new(1, 300));
    let market = Market::open(&engine, &script, None).await?;
    let mut good = (0..script.visitors()).filter(|number| script.card(*number) == Card::Good);
    let mut visitor = || market.visitor(good.next().unwrap_or_default());
    let (payer, other) = (visitor()?, visitor()?);
    let long = Terms {
        group_size: 2,
        group_duration: DAY * 20,
        ..terms()?
    };
    let offer = market.offers.create(&payer, &long, &key("offer")?).await?;
    let group = market.groups.open(&payer, offer.id, &key("open")?).await?;
    let (secured, group) = (group.secured, group.group);
    assert_eq!(secured, 1);
    clock.advance(DAY * 8);
    market.worker.drain().await?;
    assert_eq!(
        state(&market, &payer, group).await?,
        Some(MemberState::Released)
    );
    let joined = market.groups.join(&other, group, &key("join")?).await?;
    assert_eq!((joined.state, joined.secured), (GroupState::Open, 1));
    let again = market.groups.join(&payer, group, &key("again")?).await?;
    assert_eq!((again.state, again.secured), (GroupState::Filled, 2));
    Ok(())
}

async fn state(
    market: &Market,
    caller: &Caller,
    group: GroupId,
) -> Result<Option<MemberState>, Box<dyn std::error::Error>> {
    let view = market.groups.status(caller, group).await?;
    Ok(view.membership.map(|membership| membership.state))
}
