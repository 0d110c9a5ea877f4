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
    AccountId, BalanceAt, ChainHash, Entry, NamedTransfer, NewTransfer, Problem, ReadStatement,
    Side,
};

use super::{
    reading::tamper,
    world::{World, account, code, euros, id, office},
};

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

pub(super) const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(crate) async fn closing_keeps_chain_and_balances(world: World) {
    let wallet = world.funded("mei", 100_000).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let near = world.own("mei/near", Side::Credit).await;
    let pay = |number: u32, to: &AccountId| {
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

/// Makes as many entries in a book as the first stretch takes, by moves out of an account and back.
pub(super) async fn fill(world: &World, one: &AccountId, other: &AccountId) {
    for number in 0..50 {
        for (from, to) in [(one, other), (other, one)] {
            let name = format!("fill-{from}-{number}");
            let request = NewTransfer::of(from.clone(), to.clone(), euros(1));
            world.moves(&name, request).await.expect("moves");
        }
    }
}

/// Closes all that can be closed of a book, and returns how many entries that were.
pub(super) async fn close_all(world: &World, of: &AccountId) -> u64 {
    let (office, book, attic) = (office(), of.book(), Attic::default());
    let mut closed = 0;
    loop {
        let some = world.ledger.close(&office, &book, MONTH, &attic).await;
        match some.expect("closes") {
            0 => return closed,
            some => closed += some,
        }
    }
}

pub(crate) async fn a_balance_from_before_the_closing_is_not_made_up(world: World) {
    let wallet = world.funded("mei", 100).await;
    let idle = world.own("mei/idle", Side::Credit).await;
    let start = world.engine.now();
    for (name, minor) in [("first", 5), ("second", 7)] {
        let request = NewTransfer::of(wallet.clone(), idle.clone(), euros(minor));
        world.moves(name, request).await.expect("moves");
        world.pass(60);
    }
    let late = world.own("mei/late", Side::Credit).await;
    let request = NewTransfer::of(wallet.clone(), late.clone(), euros(9));
    world.moves("late", request).await.expect("moves");
    fill(&world, &account("mei/cash"), &wallet).await;
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &wallet).await, 99);

    let (office, ledger) = (office(), &world.ledger);
    let told = |account: &AccountId, seconds| BalanceAt {
        account: account.clone(),
        at: start.plus(Duration::from_secs(seconds)),
    };
    let refused = ledger.balance_at(&office, told(&idle, 30)).await;
    assert_eq!(code(refused), "closed", "it had 5 then and has 12 now");
    for (account, seconds, minor) in [(&idle, 120, 12), (&late, 30, 0), (&late, 120, 9)] {
        let told = ledger.balance_at(&office, told(account, seconds)).await;
        assert_eq!(told.expect("tells"), euros(minor), "{account} {seconds}");
    }
}

pub(crate) async fn what_is_closed_leaves_no_record_behind(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let cash = world.own("stall/cash", Side::Debit).await;
    let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(60));
    let made = world.moves("it", request).await.expect("moves");
    let named = NamedTransfer {
        book: made.home,
        transfer: made.id,
    };
    let reversed = world.ledger.reverse(&office(), id("back"), named).await;
    reversed.expect("reverses");
    fill(&world, &account("mei/cash"), &wallet).await;
    fill(&world, &cash, &sales).await;
    world.clock.advance(MONTH);
    assert_eq!(world.keys(&wallet.book(), "s/").await.len(), 2, "plans");
    assert_eq!(world.keys(&sales.book(), "h/").await.len(), 2, "holds");
    for account in [&wallet, &sales] {
        assert_eq!(close_all(&world, account).await, 99);
        let book = account.book();
        for prefix in ["s/", "h/"] {
            assert_eq!(world.keys(&book, prefix).await, [] as [String; 0]);
        }
        let left = world.keys(&book, "j/").await.len();
        assert_eq!(
            world.keys(&book, "x/").await.len(),
            left,
            "one for each entry"
        );
    }
    world.audit().await;
}

pub(crate) async fn a_changed_closing_is_named(world: World) {
    let wallet = world.funded("mei", 100).await;
    let idle = world.own("mei/idle", Side::Credit).await;
    let request = NewTransfer::of(wallet.clone(), idle, euros(12));
    world.moves("it", request).await.expect("moves");
    fill(&world, &account("mei/cash"), &wallet).await;
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &wallet).await, 99);
    let (office, book) = (office(), wallet.book());
    let broken = || async {
        let verified = world.ledger.verify(&office, &book).await;
        let broken = verified.expect("verifies").broken;
        broken.map(|it| (it.entry, it.problem))
    };
    let named = Some((99, Problem::Closing));
    assert_eq!(broken().await, None);
    let changes = [
        (r#""place":"attic""#, r#""place":"cellar""#),
        (r#""through":99"#, r#""through":98"#),
        (r#""credits_posted":12"#, r#""credits_posted":13"#),
    ];
    for (from, to) in changes {
        tamper(&world, "closing", from, to).await;
        assert_eq!(broken().await, named, "{to}");
        tamper(&world, "closing", to, from).await;
    }
    assert_eq!(broken().await, None);

    // An earlier release told nothing of the closing.
    tamper(&world, "", r#""seal":"#, r#""unsealed":"#).await;
    assert_eq!(broken().await, None);
    tamper(
        &world,
        "closing",
        r#""credits_posted":12"#,
        r#""credits_posted":13"#,
    )
    .await;
    assert_eq!(broken().await, named, "it does not sum to zero");
}
