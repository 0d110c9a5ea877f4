use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mp_core::{
    Error, Timestamp, document,
    retention::{Archive, Archived},
};
use mp_pay::ledger::{
    BalanceAt, ChainHash, Entry, NamedTransfer, NewTransfer, ReadStatement, Side,
};

use super::world::{World, code, euros, office};

#[derive(Debug, Default)]
struct Attic(Mutex<Vec<Archived>>);

#[async_trait]
impl Archive for Attic {
    async fn keep(&self, aggregates: Vec<Archived>, _: Timestamp) -> Result<String, Error> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(aggregates);
        Ok("attic".to_owned())
    }
}

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(crate) async fn closing_keeps_chain_and_balances(world: World) {
    let wallet = world.funded("mei", 100_000).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let near = world.own("mei/near", Side::Credit).await;
    let pay = |number: u32, to: &mp_pay::ledger::AccountId| {
        let request = NewTransfer::of(wallet.clone(), to.clone(), euros(i64::from(number)));
        let world = &world;
        async move { world.moves(&format!("sale-{number}"), request).await }
    };
    let day = 24 * 60 * 60;
    let open = NewTransfer::of(wallet.clone(), near.clone(), euros(5)).pending_for_s(40 * day);
    let open = world.moves("open", open).await.expect("is held");
    for number in 1..=250 {
        let to = if number % 10 == 0 { &sales } else { &near };
        pay(number, to).await.expect("moves");
    }
    let (office, book, attic) = (office(), wallet.book(), Attic::default());
    let before = world.ledger.account(&office, &wallet).await.expect("is");
    let close = || world.ledger.close(&office, &book, MONTH, &attic);
    assert_eq!(close().await.expect("is too young"), 0);

    world.clock.advance(MONTH);
    assert_eq!(close().await.expect("is not done with"), 0);
    let void = NamedTransfer {
        book: open.home,
        transfer: open.id,
    };
    world.ledger.void(&office, void).await.expect("is given up");
    assert_eq!(close().await.expect("is too young again"), 0);
    world.clock.advance(MONTH);
    let sold_at = world.engine.now();
    let held = NewTransfer::of(wallet.clone(), near.clone(), euros(5)).pending_for_s(60);
    world.moves("held", held).await.expect("is held");
    let mut closed = 0;
    loop {
        match close().await.expect("closes") {
            0 => break,
            some => closed += some,
        }
    }
    assert_eq!(closed, 199, "two stretches, the first without entry 0");

    let after = world.ledger.account(&office, &wallet).await.expect("is");
    assert_eq!(after.balance.debits_posted, before.balance.debits_posted);
    let verified = world.ledger.verify(&office, &book).await.expect("verifies");
    assert_eq!((verified.closed, verified.broken), (199, None));
    world.pass(1);
    pay(251, &near).await.expect("the chain goes on");
    world.audit().await;

    let page = |after| ReadStatement {
        account: wallet.clone(),
        after,
    };
    assert_eq!(
        code(world.ledger.statement(&office, page(0)).await),
        "closed"
    );
    let rest = world.ledger.statement(&office, page(199)).await;
    let rest = rest.expect("reads");
    assert_eq!(rest.closing.minor(), world.posted(&wallet).await);
    let when = BalanceAt {
        account: wallet.clone(),
        at: sold_at,
    };
    let told = world.ledger.balance_at(&office, when).await.expect("tells");
    assert_eq!(told.minor(), before.posted());

    // What was moved out still chains to what is left.
    let kept = attic.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hash = ChainHash::START;
    let entries = kept.iter().flat_map(|archived| &archived.records);
    for record in entries.filter(|record| record.key.as_str().starts_with("j/")) {
        let (entry, _) = document::decode::<Entry>(&record.value).expect("reads");
        assert_eq!(entry.chained_to(&hash), entry.hash, "{}", entry.number);
        hash = entry.hash;
    }
    let first = rest.lines.first().expect("a line").number;
    assert_eq!(first, 200);
}
