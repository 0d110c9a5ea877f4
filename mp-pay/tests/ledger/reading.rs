use std::sync::atomic::Ordering::SeqCst;

use mp_core::store::{Batch, CommitId, Key, Query, Selection, Write};
use mp_pay::ledger::{
    Act, BalanceAt, LOOK_BACK_MAX, MOVES_MAX, NewTransfer, Problem, ReadStatement, Side,
};

use super::world::{World, account, code, each, euros, office};

/// Moves 1, 2, 3 … out of a wallet that begins with 100,000, a minute apart.
async fn busy(world: &World, count: i64) -> mp_pay::ledger::AccountId {
    let wallet = world.funded("mei", 100_000).await;
    let sales = world.own("mei/sales", Side::Credit).await;
    for minor in 1..=count {
        world.pass(60);
        let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(minor));
        world
            .moves(&format!("sale-{minor}"), request)
            .await
            .expect("moves");
    }
    wallet
}

pub(crate) async fn a_statement_has_every_posting_and_the_balance_after_it(world: World) {
    let wallet = busy(&world, 230).await;
    let page = |after| ReadStatement {
        account: wallet.clone(),
        after,
    };
    let statement = world.ledger.statement(&office(), page(0)).await;
    let statement = statement.expect("reads");
    assert_eq!((statement.lines.len(), statement.next), (231, None));
    assert_eq!(statement.opening, euros(0));
    let mut balance = 0;
    for line in &statement.lines {
        assert_eq!(line.act, Act::Posted);
        balance += line.change;
        assert_eq!(line.balance, balance);
    }
    assert_eq!(balance, world.posted(&wallet).await);
    let rest = world.ledger.statement(&office(), page(200)).await;
    let rest = rest.expect("reads");
    assert_eq!(rest.lines, statement.lines[200..]);
    assert_eq!(rest.opening.minor(), statement.lines[199].balance);
    let none = world.ledger.statement(&office(), page(231)).await;
    assert!(none.is_ok_and(|none| none.lines.is_empty() && none.closing == statement.closing));
}

pub(crate) async fn a_balance_is_told_as_it_was(world: World) {
    let start = world.engine.now();
    let wallet = busy(&world, 120).await;
    let at = |minute: u64, micros: u64| {
        let at = start.plus(std::time::Duration::from_secs(60 * minute));
        BalanceAt {
            account: wallet.clone(),
            at: at.plus(std::time::Duration::from_micros(micros)),
        }
    };
    for minute in [0, 1, 7, 99, 100, 101, 119, 120, 500] {
        let sold = minute.min(120);
        let expected = 100_000 - i64::try_from(sold * (sold + 1) / 2).expect("is small");
        for micros in [0, 59_999_999] {
            let told = world.ledger.balance_at(&office(), at(minute, micros)).await;
            assert_eq!(told.expect("tells").minor(), expected, "{minute} {micros}");
        }
    }
    let mut before = at(0, 0);
    before.at = start.minus(std::time::Duration::from_micros(1));
    let told = world.ledger.balance_at(&office(), before).await;
    assert_eq!(told.expect("tells"), euros(0));
}

/// Makes so many entries in mei's book that are not about her wallet, a minute apart for each 32.
async fn rush(world: &World, name: &str, entries: usize) {
    let (cash, sales) = (account("mei/cash"), account("mei/sales"));
    for number in 0..entries / MOVES_MAX {
        world.pass(60);
        let moves = std::iter::repeat_n(each(&cash, &sales, 1), MOVES_MAX);
        let name = format!("{name}-{number}");
        let moved = world.moves(&name, NewTransfer::linked(moves)).await;
        moved.expect("moves");
    }
}

pub(crate) async fn what_is_older_than_an_account_is_not_looked_through(world: World) {
    world.own("mei/cash", Side::Debit).await;
    world.own("mei/sales", Side::Credit).await;
    rush(&world, "before", 960).await;
    world.pass(60);
    let wallet = world.wallet("mei").await;
    rush(&world, "since", 160).await;
    let at = world.engine.now();
    world.pass(60);
    let fund = NewTransfer::of(account("mei/cash"), wallet.clone(), euros(100));
    world.moves("fund", fund).await.expect("funds");
    let (ledger, reads) = world.counted();
    let request = BalanceAt {
        account: wallet,
        at,
    };
    let told = ledger.balance_at(&office(), request).await;
    assert_eq!(told.expect("tells"), euros(0));
    // The account, eleven entries to find the moment among 1,121, and three hundreds of entries.
    let reads = reads.load(SeqCst);
    assert!(reads <= 15, "{reads}");
}

#[tokio::test]
async fn a_balance_is_looked_for_no_further_back_than_it_says() {
    let world = World::in_memory();
    let wallet = world.funded("mei", 100).await;
    world.own("mei/sales", Side::Credit).await;
    let entries = usize::try_from(LOOK_BACK_MAX).expect("is small");
    rush(&world, "just", entries / MOVES_MAX * MOVES_MAX - MOVES_MAX).await;
    let request = |at| BalanceAt {
        account: wallet.clone(),
        at,
    };
    let near = request(world.engine.now());
    rush(&world, "over", 2 * MOVES_MAX).await;
    let far = request(world.engine.now());
    world.pass(60);
    let spend = NewTransfer::of(wallet.clone(), account("mei/sales"), euros(30));
    world.moves("spend", spend).await.expect("moves");
    let told = world.ledger.balance_at(&office(), near).await;
    assert_eq!(told.expect("tells"), euros(100));
    let (ledger, reads) = world.counted();
    let refused = ledger.balance_at(&office(), far).await;
    assert_eq!(code(refused), "too_far_back");
    let reads = reads.load(SeqCst);
    assert!(reads <= 1 + 14 + 101, "{reads}");
    let statement = ReadStatement {
        account: wallet,
        after: 0,
    };
    let statement = world.ledger.statement(&office(), statement).await;
    assert_eq!(statement.expect("reads").closing, euros(100));
}

pub(crate) async fn a_changed_entry_is_named(world: World) {
    let wallet = busy(&world, 120).await;
    let book = wallet.book();
    let office = office();
    assert_eq!(
        world
            .ledger
            .verify(&office, &book)
            .await
            .expect("verifies")
            .broken,
        None
    );
    let changes = [
        (57, r#""amount":56"#, r#""amount":57"#, Problem::Hash),
        (56, r#""debit_after":"#, r#""debit_after":1"#, Problem::Hash),
        (31, "posted", "pending", Problem::Hash),
        (4, "{", "[", Problem::Unreadable),
    ];
    for (number, from, to, problem) in changes {
        tamper(&world, &format!("j/{number:012}"), from, to).await;
        let verified = world.ledger.verify(&office, &book).await.expect("verifies");
        let broken = verified.broken.expect("is seen");
        assert_eq!((broken.entry, broken.problem), (number, problem));
    }

    let world = World::in_memory();
    let wallet = busy(&world, 3).await;
    tamper(
        &world,
        "a/wallet",
        r#""debits_posted":6"#,
        r#""debits_posted":5"#,
    )
    .await;
    let verified = world.ledger.verify(&office, &wallet.book()).await;
    let broken = verified.expect("verifies").broken.expect("is seen");
    assert_eq!((broken.entry, broken.problem), (4, Problem::Account));
    assert_eq!(
        code(world.ledger.verify(&super::world::user("mei"), &book).await),
        "forbidden"
    );
}

/// Changes a record behind the ledger's back.
pub(super) async fn tamper(world: &World, key: &str, from: &str, to: &str) {
    tamper_in(world, "mei", key, from, to).await;
}

pub(super) async fn tamper_in(world: &World, book: &str, key: &str, from: &str, to: &str) {
    let book = book.parse::<mp_pay::ledger::BookId>().expect("a book");
    let partition = book
        .partition(&"market".parse().expect("an app"))
        .expect("a partition");
    let key = Key::new(key).expect("a key");
    let query = Query {
        select: vec![Selection::Key(key.clone())],
        limit: 10,
    };
    let view = world.store.read(&partition, &query).await.expect("reads");
    let record = view.records.iter().find(|record| record.key == key);
    let text = String::from_utf8(record.expect("is there").value.to_vec()).expect("JSON");
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{from} is there");
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![Write::put(key, changed.into())],
    };
    world
        .store
        .commit(&partition, batch)
        .await
        .expect("commits");
}
