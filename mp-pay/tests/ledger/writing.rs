use mp_pay::ledger::{NamedTransfer, NewTransfer, PostTransfer, Side, TransferStatus};

use super::world::{World, euros, id, office};

pub(crate) async fn what_was_written_is_told_though_it_cannot_be_read(world: World) {
    let wallet = world.funded("mei", 100).await;
    let far = world.own("stall/sales", Side::Credit).await;
    let request = || NewTransfer::of(wallet.clone(), far.clone(), euros(10));
    let unread = world.unread();
    let moved = unread.transfer(&office(), id("moved"), request()).await;
    assert_eq!(moved.expect("is told").status, TransferStatus::Moving);

    let held = world.moves("posted", request().pending_for_s(60)).await;
    let held = held.expect("is held");
    let post = PostTransfer {
        book: held.home,
        transfer: held.id,
        amount: None,
    };
    let posted = world.unread().post(&office(), post).await;
    assert_eq!(posted.expect("is told").status, TransferStatus::Posting);

    let held = world.moves("voided", request().pending_for_s(60)).await;
    let held = held.expect("is held");
    let void = NamedTransfer {
        book: held.home,
        transfer: held.id,
    };
    let voided = world.unread().void(&office(), void).await;
    assert_eq!(voided.expect("is told").status, TransferStatus::Voided);

    world.worker().drain().await.expect("works");
    assert_eq!(
        (world.posted(&wallet).await, world.posted(&far).await),
        (80, 20)
    );
    world.audit().await;
}
