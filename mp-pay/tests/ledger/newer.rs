//! What a newer release has brought into a state of its own is left to it.

use mp_pay::ledger::{NamedTransfer, NewTransfer, PostTransfer, Side, Transfer, TransferStatus};

use super::{
    reading::{tamper, tamper_in},
    world::{World, euros, id, office},
};

const DAY: u64 = 24 * 60 * 60;
const HELD: &str = r#""state":"held""#;
const UNHEARD_OF: &str = r#""state":"unheard_of""#;

/// A transfer of 60 to another book that got stuck on its way there, and what becomes of it in the end.
struct Stuck {
    name: &'static str,
    made: Transfer,
    ends: TransferStatus,
}

impl Stuck {
    async fn found(&self, world: &World) -> Transfer {
        let (office, made) = (office(), &self.made);
        let found = world.ledger.transfer_of(&office, &made.home, made.id);
        found.await.expect("is there")
    }
}

/// Gets three transfers stuck: one that asks to be held elsewhere, one to be posted, one to be let go of.
async fn stuck(world: &World) -> [Stuck; 3] {
    let wallet = world.funded("mei", 180).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let request = || NewTransfer::of(wallet.clone(), sales.clone(), euros(60));
    let cut_off = world.cut_off("mei", 1);
    let moving = cut_off.transfer(&office(), id("moving"), request()).await;
    let made = moving.expect("is carried on later");
    let moving = Stuck {
        name: "moving",
        made,
        ends: TransferStatus::Posted,
    };

    let held = world.moves("posting", request().pending_for_s(DAY)).await;
    let held = held.expect("is held");
    let post = PostTransfer {
        book: held.home,
        transfer: held.id,
        amount: None,
    };
    let posting = world.cut_off("stall", 0).post(&office(), post).await;
    let posting = Stuck {
        name: "posting",
        made: posting.expect("is carried on later"),
        ends: TransferStatus::Posted,
    };

    let held = world.moves("voided", request().pending_for_s(DAY)).await;
    let held = held.expect("is held");
    let void = NamedTransfer {
        book: held.home,
        transfer: held.id,
    };
    let voided = world.cut_off("stall", 0).void(&office(), void).await;
    let voided = Stuck {
        name: "voided",
        made: voided.expect("is carried on later"),
        ends: TransferStatus::Voided,
    };
    [moving, posting, voided]
}

pub(crate) async fn what_a_newer_release_holds_is_refused_to_nobody(world: World) {
    let all = stuck(&world).await;
    let statuses = all.each_ref().map(|it| it.made.status);
    let [moving, posting] = [TransferStatus::Moving, TransferStatus::Posting];
    assert_eq!(statuses, [moving, posting, TransferStatus::Voided]);
    for it in &all {
        let key = format!("h/{}", it.made.id);
        tamper_in(&world, "stall", &key, r#""format":1"#, r#""format":2"#).await;
        tamper_in(&world, "stall", &key, HELD, UNHEARD_OF).await;
    }
    let carrier = world.carrier();
    for _ in 0..3 {
        world.pass(60);
        assert_eq!(carrier.drain().await.expect("works"), 3, "is tried again");
    }
    assert_eq!(carrier.dead(10).await.expect("lists"), []);
    for it in &all {
        assert_eq!(it.found(&world).await, it.made, "{}", it.name);
        let key = format!("h/{}", it.made.id);
        tamper_in(&world, "stall", &key, UNHEARD_OF, HELD).await;
    }
    world.pass(600);
    carrier.drain().await.expect("works");
    for it in &all {
        assert_eq!(it.found(&world).await.status, it.ends, "{}", it.name);
    }
    world.audit().await;
}

pub(crate) async fn what_a_newer_release_lets_wait_expires_in_the_end(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("mei/sales", Side::Credit).await;
    let request = NewTransfer::of(wallet.clone(), sales, euros(60));
    let made = world.moves("it", request.pending_for_s(60)).await;
    let made = made.expect("is held");
    let key = format!("x/{}", made.id);
    let (pending, unheard_of) = (r#""status":"pending""#, r#""status":"unheard_of""#);
    tamper(&world, &key, r#""format":1"#, r#""format":2"#).await;
    tamper(&world, &key, pending, unheard_of).await;
    world.pass(60);
    let worker = world.worker();
    assert_eq!(
        worker.drain().await.expect("works"),
        1,
        "no more for a while"
    );
    assert_eq!(world.available(&wallet).await, 40, "that release knows");

    tamper(&world, &key, unheard_of, pending).await;
    world.pass(600);
    assert_eq!(worker.drain().await.expect("works"), 1);
    assert_eq!(world.available(&wallet).await, 100);
    world.audit().await;
}
