//! What the PostgreSQL store promises about the server's disk.
#![cfg(feature = "postgres")]

mod group;

use mp_core::store::{PostgresOptions, PostgresStore, Version};
use throwaway_postgres::{Database, database};
use tokio_postgres::Client;

use self::group::{batch, fill, group, put};

/// Notes for what each commit waits, at its very end.
const NOTES: &str = "
    CREATE TABLE waits (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO waits VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON mp_partition
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()";

#[tokio::test]
async fn a_commit_waits_for_the_disk_whatever_the_database_prescribes() {
    let test = "a_commit_waits_for_the_disk_whatever_the_database_prescribes";
    for (prescribed, expected) in [("off", "on"), ("local", "local")] {
        let Some(database) = database_with(test, prescribed).await else {
            return;
        };
        fill(&connect(&database).await).await;
        assert_eq!(waits(&database.client().await).await, [expected; 2]);
    }
}

#[tokio::test]
async fn a_hosts_own_transaction_with_a_batch_waits_for_the_disk() {
    let test = "a_hosts_own_transaction_with_a_batch_waits_for_the_disk";
    for (prescribed, expected) in [("off", "on"), ("local", "local")] {
        let Some(database) = database_with(test, prescribed).await else {
            return;
        };
        let store = connect(&database).await;
        let batch = batch(Version::ABSENT, vec![put("", b"{}")]);
        let mut host = database.client().await;
        let mut transaction = host.transaction().await.expect("begins");
        let applied = store.commit_in(&mut transaction, &group(), &batch).await;
        applied.expect("applies");
        transaction.commit().await.expect("commits");
        assert_eq!(waits(&host).await, [expected]);
        let after = host.query_one("SHOW synchronous_commit", &[]).await;
        assert_eq!(after.expect("shows").get::<_, &str>(0), prescribed);
    }
}

/// Returns a database with the tables, which prescribes for what a commit waits.
async fn database_with(test: &str, prescribed: &str) -> Option<Database> {
    let database = database(test).await?;
    connect(&database).await;
    let client = database.client().await;
    client.batch_execute(NOTES).await.expect("notes");
    let name = database.name();
    let prescribe = format!("ALTER DATABASE {name} SET synchronous_commit = {prescribed}");
    client.batch_execute(&prescribe).await.expect("prescribes");
    Some(database)
}

async fn connect(database: &Database) -> PostgresStore {
    let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
    store.expect("connects")
}

/// Returns for what each commit has waited.
async fn waits(client: &Client) -> Vec<String> {
    let waits = client.query("SELECT what FROM waits", &[]).await;
    let waits = waits.expect("tells").into_iter();
    waits.map(|row| row.get(0)).collect()
}
