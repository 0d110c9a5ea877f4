//! Two processes drive one plan, and the one that was refused its piece tells so late.

mod world;

use std::{sync::Arc, time::Duration};

use mp_core::{
    conformance::{Call, HookedStore, Phase},
    store::Partition,
};
use mp_share::{group::GroupId, member::MemberState, offer::OfferId};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use self::world::{Books, Process, World, terms, user};

/// A process whose commits to groups wait for the test to let each go.
struct Stalled {
    process: Arc<Process>,
    held: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

impl Stalled {
    fn of(world: &World) -> Self {
        let (sender, held) = mpsc::unbounded_channel();
        let hold = move |call, phase, partition: Option<&Partition>| {
            let is_group = partition.is_some_and(|it| it.kind() == "group");
            let waits = is_group && (call, phase) == (Call::Commit, Phase::Before);
            let sender = sender.clone();
            async move {
                let (go, gone) = oneshot::channel();
                if waits && sender.send(go).is_ok() {
                    // Who is not waited for any more goes on as well.
                    let _ = gone.await;
                }
                Ok(())
            }
        };
        let store = HookedStore::new(world.store.clone(), hold);
        Self {
            process: Arc::new(world.process_on(Arc::new(store))),
            held,
        }
    }

    /// Waits for the next commit to be held.
    async fn next(&mut self) -> oneshot::Sender<()> {
        let held = timeout(Duration::from_secs(10), self.held.recv()).await;
        held.expect("a commit is sent").expect("the process runs")
    }

    /// Lets every commit go from here on, the one that is held and those to come.
    async fn go_on<T>(mut self, held: oneshot::Sender<()>, task: JoinHandle<T>) -> T {
        self.held.close();
        drop(held);
        task.await.expect("ends")
    }
}

/// An offer of three pieces: Mei and Ada hold one each in a group, Cy one in another.
async fn sold_out(world: &World) -> (Process, OfferId, GroupId) {
    let process = world.process();
    let mut scarce = terms(3);
    scarce.pieces = 3;
    let offer = process.offer(scarce).await;
    let group = process.open("mei", offer).await.group;
    process.join("ada", group).await.expect("joins");
    process.open("cy", offer).await;
    (process, offer, group)
}

/// Has Bo open a group in a process that is stalled once he was refused his piece.
async fn refused_and_stalled(
    world: &World,
    offer: OfferId,
) -> (Stalled, oneshot::Sender<()>, JoinHandle<GroupId>) {
    let mut caller = Stalled::of(world);
    let process = caller.process.clone();
    let opening = tokio::spawn(async move { process.open("bo", offer).await.group });
    let opens = caller.next().await;
    opens.send(()).expect("waits for it");
    let tells = caller.next().await;
    (caller, tells, opening)
}

/// Asserts that Bo has nothing, and that nothing is held for him.
async fn has_nothing(world: &World, process: &Process, offer: OfferId, group: GroupId) {
    process.pass(world, 2).await;
    let member = process.member("bo", group).await;
    assert_eq!(member, Some(MemberState::Released));
    assert_eq!(world.bank.live("bo"), 0, "nobody would give his money back");
    let others = 2;
    assert_eq!(process.stock(offer).await, (others, 0), "nor his piece");
    let held = i64::from(others) * world::GROUP_PRICE;
    assert_eq!(world.bank.books(), Books { held, taken: 0 });
}

#[tokio::test]
async fn a_refusal_that_comes_late_to_its_plan_leaves_no_piece_held() {
    let world = World::new();
    let (process, offer, group) = sold_out(&world).await;
    let (caller, tells, opening) = refused_and_stalled(&world, offer).await;
    process.leave("ada", group).await.expect("makes room");
    process.worker.drain().await.expect("a healthy store");
    let group = caller.go_on(tells, opening).await;
    has_nothing(&world, &process, offer, group).await;
}

#[tokio::test]
async fn a_refusal_that_comes_late_to_its_plan_leaves_no_money_held() {
    let world = World::new();
    let (process, offer, group) = sold_out(&world).await;
    let (caller, tells, opening) = refused_and_stalled(&world, offer).await;
    process.leave("ada", group).await.expect("makes room");
    let mut worker = Stalled::of(&world);
    let other = worker.process.clone();
    let working = tokio::spawn(async move { other.worker.drain().await });
    // It tells of the piece it got; by the next commit it would have the money as well.
    let first = worker.next().await;
    first.send(()).expect("waits for it");
    let second = timeout(Duration::from_secs(1), worker.held.recv()).await;
    let group = caller.go_on(tells, opening).await;
    worker.held.close();
    drop(second);
    working.await.expect("ends").expect("a healthy store");
    has_nothing(&world, &process, offer, group).await;
}

#[tokio::test]
async fn a_refusal_holds_for_the_attempt_and_not_for_the_person() {
    let world = World::new();
    let (process, offer, group) = sold_out(&world).await;
    let refused = process.open("bo", offer).await;
    process.leave("ada", group).await.expect("makes room");
    let key = "again".parse().expect("a key");
    let view = process.groups.join(&user("bo"), refused.group, &key).await;
    let own = view.expect("joins anew").membership.expect("his");
    assert_eq!(own.state, MemberState::Secured);
}
