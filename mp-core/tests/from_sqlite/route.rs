use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mp_core::store::{
    Durability, Partition, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore,
};
use rusqlite::Connection;
use tempfile::TempDir;
use throwaway_postgres::{Database, database};

/// A file, and the database that it is moved to.
pub(crate) struct Route {
    folder: TempDir,
    database: Database,
}

impl Route {
    /// Makes both, or says that a test is skipped and why.
    pub(crate) async fn plan(test: &str) -> Option<Self> {
        for tool in ["sqlite3", "psql"] {
            if Command::new(tool).arg("--version").output().is_err() {
                println!("skipped: {test}: there is no {tool} on the path");
                return None;
            }
        }
        let database = database(test).await?;
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { folder, database })
    }

    /// Opens the store in the file.
    pub(crate) fn start(&self) -> SqliteStore {
        // Nobody pulls the plug here.
        let options = SqliteOptions::default().with_durability(Durability::Normal);
        SqliteStore::open(self.file(), options).expect("opens")
    }

    /// Opens the store in the database, whose tables are made by that.
    pub(crate) async fn end(&self) -> PostgresStore {
        let store = PostgresStore::connect(self.database.url(), PostgresOptions::default()).await;
        store.expect("connects")
    }

    /// Removes the file, and what is in the tables of the database.
    pub(crate) async fn clear(&self) {
        let file = self.file();
        for name in ["mp.db", "mp.db-wal", "mp.db-shm"] {
            let _ = std::fs::remove_file(file.with_file_name(name));
        }
        self.execute("TRUNCATE mp_partition, mp_record, mp_delivery")
            .await;
    }

    /// Moves what is in the file to the database; fails with what the script says.
    pub(crate) fn travel(&self) -> Result<(), String> {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres/from_sqlite.sh");
        let mut command = Command::new("bash");
        command
            .arg(script)
            .arg(self.file())
            .arg(self.database.url());
        let output = command.output().expect("there is a bash");
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Changes the file behind the store's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let file = Connection::open(self.file()).expect("opens");
        file.execute_batch(sql).expect("changes");
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let done = self.database.client().await.batch_execute(sql).await;
        done.expect("executes");
    }

    /// Counts the rows of the three tables in the database.
    pub(crate) async fn rows(&self) -> i64 {
        let sql = "SELECT (SELECT count(*) FROM mp_partition) + (SELECT count(*) FROM mp_record)
                       + (SELECT count(*) FROM mp_delivery)";
        let row = self.database.client().await.query_one(sql, &[]).await;
        row.expect("counts").get(0)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("mp.db")
    }
}

pub(crate) fn group() -> Partition {
    Partition::parse("market/group/gb_01").expect("a valid id")
}
