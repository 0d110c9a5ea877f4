//! What a synchronous standby costs: commits on a PostgreSQL alone, and on one that waits for a
//! standby on the same machine, at 1, 128 and 1,024 tasks, each on partitions of its own and with an
//! outbox record.
//!
//! Promise: at 128 and 1,024 tasks, waiting until a standby has a commit on its disk leaves at least
//! half of the throughput, both servers on one machine and one disk. What group commit shares is one
//! wait for the standby as well.

use std::{sync::Arc, time::Duration};

use mp_benches::{Bound, Committer, Load, Promise, Side, Table, Throughput, take_turns, tuned};
use mp_core::store::{PostgresOptions, PostgresStore};
use throwaway_postgres::{Database, Server};
use tokio::runtime::Runtime;

const TASKS: [usize; 3] = [1, 128, 1_024];
const SPAN: Duration = Duration::from_millis(500);
const ROUNDS: usize = 3;

const ALONE: &str = "no standby";
const WRITTEN: &str = "on the standby's disk (on)";
const APPLIED: &str = "seen by its readers (remote_apply)";

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let alone = Server::start(&tuned()).expect("a PostgreSQL that starts");
    let primary = Server::start(&tuned()).expect("a PostgreSQL that starts");
    let standby = primary.start_standby(&tuned()).expect("a standby");
    let rigs = runtime.block_on(async {
        let rigs = [
            Rig::set_up(ALONE, &alone, "on").await,
            Rig::set_up(WRITTEN, &primary, "on").await,
            Rig::set_up(APPLIED, &primary, "remote_apply").await,
        ];
        wait_for_the_standby(&rigs[1].database).await;
        rigs
    });
    let mut sides = Vec::new();
    for rig in &rigs {
        for tasks in TASKS {
            let runtime = &runtime;
            let round = move || rig.round(runtime, tasks);
            sides.push(Side::new(name(rig.name, tasks), round));
        }
    }
    let table = take_turns("Commits that wait for a standby", ROUNDS, sides);
    println!("{table}");
    for promise in promises(&table) {
        println!("{promise}");
    }
    drop(standby);
}

fn name(kind: &str, tasks: usize) -> String {
    format!("{kind}, {tasks} tasks")
}

/// A database whose commits wait for so much.
struct Rig {
    name: &'static str,
    database: Database,
    ours: Committer,
}

impl Rig {
    async fn set_up(name: &'static str, server: &Server, synchronous_commit: &str) -> Self {
        let database = server.create_database().await;
        let wait = format!(
            "ALTER DATABASE {} SET synchronous_commit = '{synchronous_commit}'",
            database.name()
        );
        execute(&database, &wait).await;
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let [.., tasks] = TASKS;
        let ours = Committer::new(Arc::new(store.expect("connects")), tasks);
        ours.seed().await;
        execute(&database, "VACUUM ANALYZE").await;
        Self {
            name,
            database,
            ours,
        }
    }

    fn round(&self, runtime: &Runtime, tasks: usize) -> Throughput {
        // As if what was sent had been delivered meanwhile.
        runtime.block_on(execute(&self.database, "TRUNCATE mp_delivery"));
        self.ours.round(runtime, Load { tasks, span: SPAN }, true)
    }
}

async fn wait_for_the_standby(database: &Database) {
    execute(database, "ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    execute(database, "SELECT pg_reload_conf()").await;
    let client = database.client().await;
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')";
    while !client
        .query_one(waits, &[])
        .await
        .expect("answers")
        .get::<_, bool>(0)
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn execute(database: &Database, sql: &str) {
    let done = database.client().await.batch_execute(sql).await;
    done.expect("the server does as it is told");
}

fn promises(table: &Table) -> Vec<Promise> {
    let per_second = |kind, tasks| Some(table.of(&name(kind, tasks))?.per_second);
    let kept = |tasks| Some(per_second(WRITTEN, tasks)? / per_second(ALONE, tasks)?);
    vec![
        Promise::new(
            "with a synchronous standby at 128 tasks, of without",
            kept(128),
            Bound::Times(0.5),
        ),
        Promise::new(
            "with a synchronous standby at 1,024 tasks, of without",
            kept(1_024),
            Bound::Times(0.5),
        ),
    ]
}
