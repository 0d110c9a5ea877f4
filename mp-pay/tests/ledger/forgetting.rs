//! What one book forgets that another may still know.

use mp_core::retention::AGE_MIN;
use mp_pay::ledger::{NamedTransfer, NewTransfer, OpenAccount, Side, TransferStatus};

use super::{
    closing::{MONTH, close_all, fill},
    world::{World, account, code, each, euro, euros, id, office},
};

pub(crate) async fn an_id_that_was_closed_in_its_home_alone_moves_nothing(world: World) {
    let wallet = world.funded("mei", 200).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let mut full = OpenAccount::own(account("full/fees"), euro(), Side::Credit);
    full.most = Some(5);
    world
        .ledger
        .open(&office(), full.clone())
        .await
        .expect("opens");
    let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(60));
    let linked = NewTransfer::linked([each(&wallet, &sales, 10), each(&wallet, &full.account, 6)]);
    let fits = NewTransfer::linked([each(&wallet, &sales, 10), each(&wallet, &full.account, 5)]);
    for (name, request) in [("once", &request), ("linked", &fits)] {
        let moved = world.moves(name, request.clone()).await.expect("moves");
        assert_eq!(moved.status, TransferStatus::Posted);
    }
    fill(&world, &account("mei/cash"), &wallet).await;
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &wallet).await, 99);

    for (name, request) in [("once", request), ("linked", linked)] {
        let again = world.moves(name, request).await.expect("is answered");
        assert_eq!(again.status, TransferStatus::Refused, "{name}");
        assert_eq!(again.refusal.as_deref(), Some("transfer_id_taken"));
    }
    world.worker().drain().await.expect("works");
    let posted = [&wallet, &sales, &full.account].map(|it| world.posted(it));
    let [wallet_has, sales_has, full_has] = posted;
    assert_eq!(
        (wallet_has.await, sales_has.await, full_has.await),
        (125, 70, 5)
    );
    assert_eq!(world.available(&wallet).await, 125, "nothing is held");
    world.audit().await;
}

pub(crate) async fn what_its_home_has_not_heard_of_is_not_closed(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let cash = world.own("stall/cash", Side::Debit).await;
    let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(60));
    let ledger = world.cut_off("mei", 2);
    let moved = ledger.transfer(&office(), id("it"), request).await;
    let moved = moved.expect("is carried on later");
    assert_eq!(moved.status, TransferStatus::Posting);
    assert_eq!(
        (world.posted(&wallet).await, world.posted(&sales).await),
        (100, 60)
    );
    fill(&world, &cash, &sales).await;
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &sales).await, 0, "its home asks again");

    world.worker().drain().await.expect("works");
    assert_eq!(
        (world.posted(&wallet).await, world.posted(&sales).await),
        (40, 60)
    );
    world.audit().await;
    assert_eq!(close_all(&world, &sales).await, 99);
    world.audit().await;
}

pub(crate) async fn a_reversal_is_answered_again_when_what_it_reverses_is_closed(world: World) {
    let wallet = world.funded("mei", 100).await;
    let (near, far) = (account("mei/sales"), account("stall/sales"));
    let mut all = Vec::new();
    for sales in [near, far] {
        world.own(&sales.to_string(), Side::Credit).await;
        let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(30));
        let name = sales.to_string();
        let made = world.moves(&name, request).await.expect("moves");
        let named = NamedTransfer {
            book: made.home,
            transfer: made.id,
        };
        all.push((format!("{name}-back"), named));
    }
    fill(&world, &account("mei/cash"), &wallet).await;
    let (office, ledger) = (office(), &world.ledger);
    let mut reversals = Vec::new();
    for (back, named) in &all {
        let reversal = ledger.reverse(&office, id(back), named.clone()).await;
        reversals.push(reversal.expect("reverses"));
    }
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &wallet).await, 99);
    for ((back, named), reversal) in all.iter().zip(&reversals) {
        let found = ledger.transfer_of(&office, &named.book, named.transfer);
        assert_eq!(code(found.await), "not_found", "is closed");
        let again = ledger.reverse(&office, id(back), named.clone()).await;
        assert_eq!(&again.expect("is answered again"), reversal, "{back}");
        for other in ["another", "fill-mei/wallet-49"] {
            let other = ledger.reverse(&office, id(other), named.clone()).await;
            assert_eq!(code(other), "not_found");
        }
    }
    assert_eq!(world.posted(&wallet).await, 100);
    world.audit().await;
}

pub(crate) async fn what_is_being_reversed_is_not_closed(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(60));
    let made = world.moves("it", request).await.expect("moves");
    fill(&world, &account("mei/cash"), &wallet).await;
    let named = NamedTransfer {
        book: made.home,
        transfer: made.id,
    };
    let reverses = world.cut_off("mei", 1);
    let reversal = reverses.reverse(&office(), id("back"), named.clone()).await;
    let reversal = reversal.expect("is carried on later");
    assert_eq!(reversal.status, TransferStatus::Moving);
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &wallet).await, 0, "it may fail");

    world.worker().drain().await.expect("works");
    let office = office();
    let found = world.ledger.transfer_of(&office, &named.book, made.id);
    let freed = found.await.expect("is there");
    assert_eq!(freed.reversed_by, None, "it could not be held in time");
    world.clock.advance(MONTH);
    assert_eq!(close_all(&world, &wallet).await, 99);
    world.audit().await;
}

pub(crate) async fn what_was_refused_is_forgotten_once_it_is_old(world: World) {
    let wallet = world.funded("mei", 100).await;
    let mut full = OpenAccount::own(account("full/fees"), euro(), Side::Credit);
    full.most = Some(5);
    let book = full.account.book();
    let request = NewTransfer::of(wallet.clone(), full.account.clone(), euros(6));
    world.ledger.open(&office(), full).await.expect("opens");
    for _ in 0..2 {
        let refused = world.moves("it", request.clone()).await;
        assert_eq!(refused.expect("is told").status, TransferStatus::Refused);
        world.worker().drain().await.expect("works");
        assert_eq!(
            world.keys(&book, "h/").await.len(),
            1,
            "it may be asked for"
        );
    }
    world.clock.advance(2 * AGE_MIN);
    world.worker().drain().await.expect("works");
    assert_eq!(world.keys(&book, "h/").await, [] as [String; 0]);
    let again = world.moves("it", request).await.expect("is told");
    assert_eq!(again.status, TransferStatus::Refused, "its home knows");
    world.audit().await;
}
