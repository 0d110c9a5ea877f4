use mp_core::Caller;
use mp_pay::ledger::{
    AccountId, LedgerError, NamedTransfer, NewTransfer, PostTransfer, Side, Transfer,
    TransferStatus,
};

use super::world::{World, code, euros, id, office};

/// A pending transfer of 60 out of 100, and what may become of it.
struct Pending<'a> {
    world: &'a World,
    caller: Caller,
    made: Transfer,
}

impl<'a> Pending<'a> {
    async fn made(world: &'a World, name: &str, wallet: &AccountId, to: &AccountId) -> Self {
        let request = NewTransfer::of(wallet.clone(), to.clone(), euros(60)).pending_for_s(60);
        let made = world.moves(name, request).await.expect("is held");
        assert_eq!(made.status, TransferStatus::Pending);
        Self {
            world,
            caller: office(),
            made,
        }
    }

    async fn post(&self, amount: Option<i64>) -> Result<Transfer, LedgerError> {
        let request = PostTransfer {
            book: self.made.home.clone(),
            transfer: self.made.id,
            amount,
        };
        self.world.ledger.post(&self.caller, request).await
    }

    async fn void(&self) -> Result<Transfer, LedgerError> {
        let request = NamedTransfer {
            book: self.made.home.clone(),
            transfer: self.made.id,
        };
        self.world.ledger.void(&self.caller, request).await
    }

    async fn status(&self) -> TransferStatus {
        let found = self
            .world
            .ledger
            .transfer_of(&self.caller, &self.made.home, self.made.id);
        found.await.expect("is there").status
    }
}

/// An account to pay into, in the payer's book and in another one.
async fn payees(world: &World) -> [AccountId; 2] {
    [
        world.own("mei/sales", Side::Credit).await,
        world.own("stall/sales", Side::Credit).await,
    ]
}

pub(crate) async fn a_pending_transfer_is_resolved_at_most_once(world: World) {
    let wallet = world.funded("mei", 200).await;
    for payee in payees(&world).await {
        let name = payee.to_string();
        let pending = Pending::made(&world, &name, &wallet, &payee).await;
        let posted = pending.post(None).await.expect("posts");
        assert_eq!(posted.status, TransferStatus::Posted);
        assert_eq!(pending.post(None).await.expect("the same"), posted);
        assert_eq!(
            code(pending.post(Some(10)).await),
            "transfer_unexpected_status"
        );
        assert_eq!(code(pending.void().await), "transfer_unexpected_status");
        assert_eq!(world.posted(&payee).await, 60);

        let pending = Pending::made(&world, &format!("{name}-void"), &wallet, &payee).await;
        let voided = pending.void().await.expect("is given up");
        assert_eq!(voided.status, TransferStatus::Voided);
        assert_eq!(pending.void().await.expect("the same"), voided);
        assert_eq!(code(pending.post(None).await), "transfer_unexpected_status");
        world.pass(61);
        world.worker().drain().await.expect("works");
        assert_eq!(pending.status().await, TransferStatus::Voided);
        assert_eq!(world.posted(&payee).await, 60);
    }
    assert_eq!(world.available(&wallet).await, 80);
    world.audit().await;
}

pub(crate) async fn time_is_decided_by_the_clock_and_work_only_tidies(world: World) {
    let wallet = world.funded("mei", 100).await;
    for payee in payees(&world).await {
        let pending = Pending::made(&world, &payee.to_string(), &wallet, &payee).await;
        world.pass(60);
        assert_eq!(pending.status().await, TransferStatus::Expired);
        assert_eq!(code(pending.post(None).await), "transfer_unexpected_status");
        // Nobody has tidied up yet.
        assert_eq!(world.available(&wallet).await, 40);
        world.worker().drain().await.expect("works");
        assert_eq!(world.available(&wallet).await, 100);
        assert_eq!(pending.status().await, TransferStatus::Expired);
    }
    world.audit().await;
}

pub(crate) async fn what_is_pending_is_reserved(world: World) {
    let wallet = world.funded("mei", 100).await;
    for payee in payees(&world).await {
        let pending = Pending::made(&world, &payee.to_string(), &wallet, &payee).await;
        let more = NewTransfer::of(wallet.clone(), payee.clone(), euros(41));
        assert_eq!(
            code(world.moves("more", more).await),
            "balance_insufficient"
        );
        pending
            .post(None)
            .await
            .expect("what it needs is kept free");
        assert_eq!(world.posted(&wallet).await, 40);
        let back = NewTransfer::of(payee.clone(), wallet.clone(), euros(60));
        let name = format!("{payee}-back");
        world.moves(&name, back).await.expect("moves back");
    }
    world.audit().await;
}

pub(crate) async fn an_expired_transfer_is_neither_posted_nor_voided(world: World) {
    let wallet = world.funded("mei", 100).await;
    for payee in payees(&world).await {
        let pending = Pending::made(&world, &payee.to_string(), &wallet, &payee).await;
        world.pass(60);
        for tidied in [false, true] {
            if tidied {
                world.worker().drain().await.expect("works");
            }
            for refused in [pending.post(None).await, pending.void().await] {
                let refused = refused.expect_err("is too late").to_string();
                assert!(refused.contains("is expired"), "{refused}");
            }
        }
    }
    world.audit().await;
}

pub(crate) async fn what_is_pending_is_let_go_never_early(world: World) {
    let wallet = world.funded("mei", 100).await;
    for payee in payees(&world).await {
        let pending = Pending::made(&world, &payee.to_string(), &wallet, &payee).await;
        world
            .clock
            .advance(std::time::Duration::from_micros(59_999_999));
        world.worker().drain().await.expect("works");
        assert_eq!(world.available(&wallet).await, 40);
        pending.post(None).await.expect("is in time");
        let back = NewTransfer::of(payee.clone(), wallet.clone(), euros(60));
        world
            .moves(&format!("{payee}-back"), back)
            .await
            .expect("moves back");
    }
    world.audit().await;
}

pub(crate) async fn what_is_pending_is_let_go_though_a_clock_was_set_back(world: World) {
    let wallet = world.funded("mei", 100).await;
    for payee in payees(&world).await {
        let pending = Pending::made(&world, &payee.to_string(), &wallet, &payee).await;
        world.pass(60);
        let early = world.set_back(std::time::Duration::from_secs(5));
        early.drain().await.expect("works");
        assert_eq!(pending.status().await, TransferStatus::Pending);
        assert_eq!(world.available(&wallet).await, 40);
        world.pass(5);
        world.worker().drain().await.expect("works");
        assert_eq!(world.available(&wallet).await, 100);
        assert_eq!(pending.status().await, TransferStatus::Expired);
    }
    world.audit().await;
}

pub(crate) async fn part_is_posted_and_the_rest_restored(world: World) {
    let wallet = world.funded("mei", 100).await;
    let mut left = 100;
    for payee in payees(&world).await {
        let name = payee.to_string();
        let pending = Pending::made(&world, &name, &wallet, &payee).await;
        assert_eq!(code(pending.post(Some(61)).await), "amount_too_large");
        assert_eq!(code(pending.post(Some(0)).await), "invalid_field");
        let posted = pending.post(Some(15)).await.expect("posts a part");
        assert_eq!(posted.status, TransferStatus::Posted);
        left -= 15;
        assert_eq!(world.posted(&wallet).await, left);
        assert_eq!(world.available(&wallet).await, left);
        assert_eq!(world.posted(&payee).await, 15);
        let back = NamedTransfer {
            book: posted.home.clone(),
            transfer: posted.id,
        };
        let back_id = id(&format!("{name}-back"));
        world
            .ledger
            .reverse(&office(), back_id, back)
            .await
            .expect("what was posted goes back");
        left += 15;
        assert_eq!(world.posted(&wallet).await, left);
    }
    world.audit().await;
}
