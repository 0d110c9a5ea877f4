//! A store's tables on the cluster that `MP_CITUS_URL` names.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{collections::BTreeSet, env, fmt, thread};

use mp_core::store::{PostgresOptions, PostgresStore};
use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls, Row};

/// Names the variable of the environment with the URL of a Citus database: on its coordinator, as a
/// role that may create schemas, without TLS.
const MP_CITUS_URL: &str = "MP_CITUS_URL";

/// Has the coordinator refuse whatever asks more than one shard.
const ONE_SHARD: &str = "-ccitus.multi_task_query_log_level%3Derror";

/// What all wait for that change tables: `mp_tests` in ASCII.
const ALONE: &str = "SELECT pg_advisory_lock(x'6d705f7465737473'::bit(64)::bigint)";

/// The tables of a store, distributed, in a schema that is dropped in the end.
pub(crate) struct Tables {
    url: String,
    schema: String,
}

impl Tables {
    /// Makes tables for a test, or says that it is skipped and why.
    pub(crate) async fn make(test: &str) -> Option<Self> {
        let Ok(cluster) = env::var(MP_CITUS_URL) else {
            println!("skipped: {test}: {MP_CITUS_URL} names no Citus cluster");
            return None;
        };
        let letters = std::iter::repeat_with(fastrand::lowercase).take(16);
        let schema = format!("mp_test_{}", letters.collect::<String>());
        execute(&cluster, &format!("CREATE SCHEMA {schema}")).await;
        let mark = if cluster.contains('?') { '&' } else { '?' };
        let url = format!("{cluster}{mark}options=-csearch_path%3D{schema}");
        let tables = Self { url, schema };
        let made = PostgresStore::connect(&tables.url, PostgresOptions::default()).await;
        drop(made.expect("makes its tables"));
        tables.distribute().await;
        Some(tables)
    }

    /// Opens a store on them that may ask one shard at a time only.
    pub(crate) async fn open(&self, options: PostgresOptions) -> PostgresStore {
        let store = PostgresStore::connect(&self.strict_url(), options).await;
        store.expect("connects")
    }

    /// Connects to the coordinator, in their schema.
    pub(crate) async fn client(&self) -> Client {
        connect(&self.url).await
    }

    /// Connects as stores do that may ask one shard at a time only.
    pub(crate) async fn strict_client(&self) -> Client {
        connect(&self.strict_url()).await
    }

    /// Returns the URL for those who may ask every shard.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL for stores that may ask one shard at a time only.
    pub(crate) fn strict_url(&self) -> String {
        format!("{}%20{ONE_SHARD}", self.url)
    }

    /// Empties them.
    pub(crate) async fn empty(&self) {
        execute(&self.url, "TRUNCATE mp_partition, mp_record, mp_delivery").await;
    }

    /// Takes the deliveries of the shard with this slot out of reach, and returns all its slots.
    pub(crate) async fn lose_shard_of(&self, slot: u16) -> BTreeSet<u16> {
        let client = self.client().await;
        let shard = "SELECT get_shard_id_for_distribution_column('mp_delivery', slot)";
        let slots = format!(
            "SELECT slot FROM generate_series(0, 255) AS slot WHERE ({shard}) =
                 (SELECT get_shard_id_for_distribution_column('mp_delivery', {slot}))"
        );
        let slots = client.query(&slots, &[]).await.expect("tells");
        let shard = format!("SELECT get_shard_id_for_distribution_column('mp_delivery', {slot})");
        let shard: i64 = client.query_one(&shard, &[]).await.expect("tells").get(0);
        let rename = format!(
            "SELECT run_command_on_workers('ALTER TABLE IF EXISTS {}.mp_delivery_{shard}
                 RENAME TO gone')",
            self.schema
        );
        client.query(&rename, &[]).await.expect("renames");
        let slot = |row: &Row| row.get::<_, i32>(0).try_into().expect("a slot");
        slots.iter().map(slot).collect()
    }

    /// Runs the statements that are shipped for it; a few shards are made faster than many.
    async fn distribute(&self) {
        let citus = include_str!("../../migrations/postgres/citus.sql");
        let distribute = format!("SET citus.shard_count = 8;\n{citus}");
        execute(&self.url, &distribute).await;
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tables({})", self.schema)
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        let sql = format!(
            "SET client_min_messages = warning; DROP SCHEMA {} CASCADE",
            self.schema
        );
        let url = self.url.clone();
        // A thread of its own: this one may be in the middle of a runtime.
        let dropped = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(execute(&url, &sql)))
        });
        let _ = dropped.join();
    }
}

/// Makes, distributes, empties or drops tables while nobody else does: on Citus such statements of
/// two sessions lock each other out, and one of them fails.
async fn execute(url: &str, sql: &str) {
    let client = connect(url).await;
    // It ends with the session.
    let alone = client.batch_execute(ALONE).await;
    alone.expect("the others come to an end");
    let done = client.batch_execute(sql).await;
    done.expect("the cluster does as it is told");
}

async fn connect(url: &str) -> Client {
    let connected = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) = connected.expect("the coordinator takes a connection");
    tokio::spawn(connection);
    client
}
