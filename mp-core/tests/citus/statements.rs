//! Where statements are carried out: each on the one worker that has its slot.

use mp_core::{
    Timestamp,
    store::{Batch, CommitId, Key, Partition, PostgresOptions, Store, Version, Write},
};

use crate::tables::Tables;

/// The negative control of all tests here: what asks every shard is refused in their sessions.
#[tokio::test]
async fn a_statement_that_asks_every_shard_is_found_out() {
    let test = "a_statement_that_asks_every_shard_is_found_out";
    let Some(tables) = Tables::make(test).await else {
        return;
    };
    let client = tables.strict_client().await;
    let of_one = "SELECT count(*) FROM mp_partition WHERE slot = 7";
    client.query_one(of_one, &[]).await.expect("asks one shard");
    let of_all = client.query_one("SELECT count(*) FROM mp_partition", &[]);
    of_all.await.expect_err("asks every shard");
}

/// The coordinator's own copy of the function is broken, so only a worker can carry it out; more
/// often than it takes for a plan to be kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_delegated_whole_to_a_worker() {
    let Some(tables) = Tables::make("a_commit_is_delegated_whole_to_a_worker").await else {
        return;
    };
    break_on_the_coordinator(&tables, "mp_commit_v2").await;
    let store = tables.open(PostgresOptions::default()).await;
    let partition = Partition::parse("market/group/1").expect("a valid id");
    let mut head = Version::ABSENT;
    for _ in 0..20 {
        let committed = store.commit(&partition, batch(head)).await;
        head = committed.expect("is carried out elsewhere");
    }
}

fn batch(expect: Version) -> Batch {
    let value = || "{}".into();
    let at = Timestamp::from_micros(1_795_284_000_000_000);
    let key = |key| Key::new(key).expect("a valid key");
    Batch {
        expect,
        commit_id: CommitId::random(),
        at,
        writes: vec![
            Write::put(Key::root(), value()),
            Write::put(key("m/1"), value()),
            Write::deliver(key("~o/mail/1"), value(), at),
        ],
    }
}

async fn break_on_the_coordinator(tables: &Tables, function: &str) {
    let client = tables.client().await;
    let definition = format!("SELECT pg_get_functiondef('{function}'::regproc)");
    let row = client.query_one(&definition, &[]).await.expect("is there");
    let definition: String = row.get(0);
    let broken = definition.replacen("BEGIN", "BEGIN RAISE 'not delegated';", 1);
    let replace = format!("SET citus.enable_ddl_propagation = off; {broken}");
    client.batch_execute(&replace).await.expect("breaks it");
}
