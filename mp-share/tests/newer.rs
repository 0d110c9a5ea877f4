//! What a newer release has written of a member is left to it.

mod world;

use std::time::Duration;

use mp_core::store::{Batch, CommitId, Key, Partition, Query, Selection, Store, Write};
use mp_share::{
    group::{GroupId, GroupState},
    member::MemberState,
};
use serde_json::Value;

use self::world::{Process, World, nobody, pass_deadline, terms, user};

/// Writes what Ada has in a group, as a newer release would or as it was; returns what stood there.
async fn overwrite(
    world: &World,
    process: &Process,
    group: GroupId,
    value: Option<Value>,
) -> Value {
    let partition = format!("market/group/{group}");
    let partition = Partition::parse(&partition).expect("an id");
    let key = Key::new("m/ada").expect("a key");
    let query = Query {
        select: vec![Selection::Key(key)],
        limit: 1,
    };
    let view = world.store.read(&partition, &query).await.expect("reads");
    let ada = view.records.iter().find(|it| it.key.as_str() == "m/ada");
    let ada = ada.expect("is a member");
    let before: Value = serde_json::from_slice(&ada.value).expect("is JSON");
    let value = value.unwrap_or_else(|| {
        let mut newer = before.clone();
        newer["format"] = 9.into();
        newer["members"]["2"]["state"] = "invited".into();
        newer
    });
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: process.engine.now(),
        writes: vec![Write::put(ada.key.clone(), value.to_string().into())],
    };
    let committed = world.store.commit(&partition, batch).await;
    committed.expect("commits");
    before
}

async fn state(process: &Process, group: GroupId) -> GroupState {
    let group = process.groups.group(&nobody(), group).await;
    group.expect("reads").state
}

#[tokio::test]
async fn a_group_with_a_member_in_a_state_of_a_newer_release_is_ended_by_that_release() {
    let world = World::new();
    let process = world.process();
    let offer = process.offer(terms(3)).await;
    let group = process.open("mei", offer).await.group;
    process.join("ada", group).await.expect("joins");
    let before = overwrite(&world, &process, group, None).await;
    let refused = process.groups.cancel(&user("merchant"), group).await;
    assert_eq!(refused.expect_err("is left").code(), "newer_release");
    pass_deadline(&world);
    process.worker.drain().await.expect("works");
    assert_eq!(state(&process, group).await, GroupState::Open);

    overwrite(&world, &process, group, Some(before)).await;
    world.clock.advance(Duration::from_secs(60));
    process.pass(&world, 1).await;
    assert_eq!(state(&process, group).await, GroupState::Expired);
    for name in ["mei", "ada"] {
        let member = process.member(name, group).await;
        assert_eq!(member, Some(MemberState::Released), "{name}");
    }
    assert!(!world.work_is_left().await);
}
