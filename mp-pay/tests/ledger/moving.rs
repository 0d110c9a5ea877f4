use mp_core::host::Host;
use mp_pay::ledger::{
    AccountId, LEDGER_WRITE, LedgerError, NamedTransfer, NewTransfer, OpenAccount, PostTransfer,
    SUM_MAX, Side, TransferStatus,
};
use serde_json::json;

use super::world::{World, account, code, each, euro, euros, id, office};

pub(crate) async fn accounts_and_transfers_are_immutable(world: World) {
    let wallet = world.funded("mei", 100).await;
    let opened = world.ledger.account(&office(), &wallet).await.expect("is");
    let mut other = OpenAccount::wallet(wallet.clone(), euro(), "mei".parse().expect("a user"));
    world
        .ledger
        .open(&office(), other.clone())
        .await
        .expect("again");
    other.least = None;
    assert_eq!(
        code(world.ledger.open(&office(), other).await),
        "idempotency_conflict"
    );
    let after = world.ledger.account(&office(), &wallet).await.expect("is");
    assert_eq!(opened, after);

    let sales = world.own("mei/sales", Side::Credit).await;
    let request = NewTransfer::of(wallet, sales, euros(30));
    let made = world.moves("one", request).await.expect("moves");
    let reversal = NamedTransfer {
        book: made.home.clone(),
        transfer: made.id,
    };
    world
        .ledger
        .reverse(&office(), id("back"), reversal)
        .await
        .expect("reverses");
    let after = world
        .ledger
        .transfer_of(&office(), &made.home, made.id)
        .await;
    let after = after.expect("is there");
    assert!(made.asks_as(&after));
    assert_eq!(after.status, TransferStatus::Posted);
    world.audit().await;
}

pub(crate) async fn an_id_is_good_for_one_transfer(world: World) {
    let wallet = world.funded("mei", 100).await;
    for (name, sales) in [("near", "mei/sales"), ("far", "stall/sales")] {
        let sales = world.own(sales, Side::Credit).await;
        let before = world.posted(&wallet).await;
        let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(20));
        let first = world.moves(name, request.clone()).await.expect("moves");
        let again = world.moves(name, request).await.expect("is answered");
        assert_eq!(first, again, "{name}");
        assert_eq!(world.posted(&wallet).await, before - 20, "{name}");
        let other = NewTransfer::of(wallet.clone(), sales, euros(21));
        assert_eq!(code(world.moves(name, other).await), "idempotency_conflict");
    }
    world.audit().await;
}

pub(crate) async fn debits_and_credits_come_to_the_same(world: World) {
    let mei = world.funded("mei", 100).await;
    let ada = world.funded("ada", 100).await;
    let points = OpenAccount::own(
        account("mei/points"),
        "market:points".parse().expect("a unit"),
        Side::Credit,
    );
    world.ledger.open(&office(), points).await.expect("opens");
    for (number, minor) in [(1, 30), (2, 50), (3, 70)] {
        let (from, to) = if number == 2 {
            (&mei, &ada)
        } else {
            (&ada, &mei)
        };
        let request = NewTransfer::linked([each(from, to, minor)]);
        let request = match number {
            3 => request.pending_for_s(60),
            _ => request,
        };
        world
            .moves(&number.to_string(), request)
            .await
            .expect("moves");
        world.audit().await;
    }
    assert_eq!(
        (world.posted(&mei).await, world.posted(&ada).await),
        (80, 120)
    );
    assert_eq!(world.available(&ada).await, 50);
}

pub(crate) async fn linked_moves_happen_all_or_none(world: World) {
    let wallet = world.funded("mei", 100).await;
    let (sales, fees) = (
        world.own("mei/sales", Side::Credit).await,
        world.own("mei/fees", Side::Credit).await,
    );
    let linked =
        |minor| NewTransfer::linked([each(&wallet, &sales, 90), each(&wallet, &fees, minor)]);
    let refused = world.moves("too-much", linked(11)).await;
    match refused.expect_err("is too much") {
        LedgerError::Short {
            of_move,
            available,
            asked,
            ..
        } => assert_eq!((of_move, available, asked), (1, Some(euros(10)), euros(11))),
        other => panic!("{other}"),
    }
    assert_eq!(world.posted(&wallet).await, 100);
    // Nothing was written, so that the id is free.
    world
        .moves("too-much", linked(10))
        .await
        .expect("is enough");
    assert_eq!(world.posted(&wallet).await, 0);
    world.audit().await;
}

pub(crate) async fn linked_moves_over_books_happen_all_or_none(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let mut full = OpenAccount::own(account("house/fees"), euro(), Side::Credit);
    full.most = Some(5);
    world
        .ledger
        .open(&office(), full.clone())
        .await
        .expect("opens");
    let linked =
        |fee| NewTransfer::linked([each(&wallet, &sales, 50), each(&wallet, &full.account, fee)]);
    let refused = world.moves("six", linked(6)).await.expect("is answered");
    assert_eq!(refused.status, TransferStatus::Refused);
    assert_eq!(refused.refusal.as_deref(), Some("balance_limit"));
    assert_eq!(
        (world.posted(&wallet).await, world.posted(&sales).await),
        (100, 0)
    );
    world.worker().drain().await.expect("works");
    assert_eq!(world.available(&wallet).await, 100, "nothing is held");

    let moved = world.moves("five", linked(5)).await.expect("moves");
    assert_eq!(moved.status, TransferStatus::Posted);
    assert_eq!(
        (world.posted(&wallet).await, world.posted(&sales).await),
        (45, 50)
    );
    world.audit().await;
}

pub(crate) async fn nothing_overflows(world: World) {
    let cash = world.own("house/cash", Side::Debit).await;
    let debt = world.own("house/debt", Side::Credit).await;
    let request = |minor| NewTransfer::of(cash.clone(), debt.clone(), euros(minor));
    for minor in [0, -1, SUM_MAX + 1, i64::MAX, i64::MIN] {
        assert_eq!(
            code(world.moves("no", request(minor)).await),
            "invalid_field"
        );
    }
    world
        .moves("all", request(SUM_MAX))
        .await
        .expect("just fits");
    assert_eq!(
        code(world.moves("more", request(1)).await),
        "balance_overflow"
    );
    let held = request(1).pending_for_s(5);
    assert_eq!(code(world.moves("held", held).await), "balance_overflow");
    world.audit().await;
}

pub(crate) async fn what_is_held_can_be_counted_once_it_is_posted(world: World) {
    let cash = world.own("house/cash", Side::Debit).await;
    let debt = world.own("house/debt", Side::Credit).await;
    let far = world.own("stall/cash", Side::Debit).await;
    let other = world.own("stall/debt", Side::Credit).await;
    let of = |from: &AccountId, to: &AccountId, minor| {
        NewTransfer::of(from.clone(), to.clone(), euros(minor))
    };
    let almost = of(&cash, &debt, SUM_MAX - 1);
    world.moves("almost", almost).await.expect("just fits");
    let from_full = world.moves("from", of(&cash, &other, 2)).await;
    assert_eq!(code(from_full), "balance_overflow");
    let to_full = world.moves("to", of(&far, &debt, 2)).await;
    let to_full = to_full.expect("is answered");
    assert_eq!(to_full.status, TransferStatus::Refused);
    assert_eq!(to_full.refusal.as_deref(), Some("balance_overflow"));

    let held = of(&cash, &other, 1).pending_for_s(60);
    let held = world.moves("held", held).await.expect("just fits");
    let more = world.moves("more", of(&cash, &debt, 1)).await;
    assert_eq!(code(more), "balance_overflow");
    let post = PostTransfer {
        book: held.home,
        transfer: held.id,
        amount: None,
    };
    let posted = world.ledger.post(&office(), post).await.expect("posts");
    assert_eq!(posted.status, TransferStatus::Posted);
    world.worker().drain().await.expect("works");
    world.audit().await;
}

pub(crate) async fn a_reversal_names_what_it_reverses_and_happens_once(world: World) {
    let wallet = world.funded("mei", 100).await;
    for (name, sales) in [("near", "mei/sales"), ("far", "stall/sales")] {
        let sales = world.own(sales, Side::Credit).await;
        let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(40));
        let made = world.moves(name, request).await.expect("moves");
        let named = NamedTransfer {
            book: made.home.clone(),
            transfer: made.id,
        };
        let back = format!("back-{name}");
        let office = office();
        let reverse = |id| world.ledger.reverse(&office, id, named.clone());
        let reversal = reverse(id(&back)).await.expect("reverses");
        assert_eq!(reversal.status, TransferStatus::Posted);
        assert_eq!(reversal.reverses, Some(made.id));
        assert_eq!(reverse(id(&back)).await.expect("the same"), reversal);
        assert_eq!(code(reverse(id("another")).await), "already_reversed");
        assert_eq!(
            (world.posted(&wallet).await, world.posted(&sales).await),
            (100, 0)
        );
        let found = world.ledger.transfer_of(&office, &made.home, made.id);
        assert_eq!(found.await.expect("is there").reversed_by, Some(id(&back)));
    }
    world.audit().await;
}

pub(crate) async fn a_reversal_moves_back_what_was_posted_since_it_was_read(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("mei/sales", Side::Credit).await;
    let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(40));
    let held = world.moves("held", request.pending_for_s(60)).await;
    let held = held.expect("is held");
    let named = NamedTransfer {
        book: held.home.clone(),
        transfer: held.id,
    };
    let overtaken = world.overtaken(PostTransfer {
        book: held.home,
        transfer: held.id,
        amount: Some(15),
    });
    let office = office();
    let reversal = overtaken.reverse(&office, id("back"), named.clone());
    let reversal = reversal.await.expect("reverses");
    assert_eq!(reversal.moves, [each(&sales, &wallet, 15)]);
    assert_eq!(world.posted(&wallet).await, 100);
    assert_eq!(world.posted(&sales).await, 0);
    let again = world.ledger.reverse(&office, id("back"), named);
    assert_eq!(again.await.expect("the same"), reversal);
    world.audit().await;
}

pub(crate) async fn a_reversal_may_have_the_key_of_what_it_reverses(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("mei/sales", Side::Credit).await;
    let host = Host::new(&world.engine).with(world.ledger.operations());
    let host = host.expect("registers");
    let caller = office().with_scope(LEDGER_WRITE);
    let amount = json!({"amount": 40, "currency": "EUR"});
    let only = json!({"debit": wallet, "credit": sales, "amount": amount});
    let pay = json!({"moves": [only], "idempotency_key": "order-17"});
    let made = host.call(&caller, "ledger.transfer", pay).await;
    let made = made.expect("moves");
    let back = json!({
        "book": made["home"], "transfer": made["id"], "idempotency_key": "order-17",
    });
    for _ in 0..2 {
        let reversed = host.call(&caller, "ledger.reverse", back.clone()).await;
        assert_eq!(reversed.expect("reverses")["reverses"], made["id"]);
        assert_eq!(world.posted(&wallet).await, 100);
    }
    world.audit().await;
}
