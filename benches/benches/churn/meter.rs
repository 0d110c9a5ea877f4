use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};
use tokio_postgres::Client;

/// How large a store is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Size {
    /// Aggregates that are there, and marks of those that were retired.
    pub(crate) live: u64,
    pub(crate) marks: u64,
    /// What it takes up on the disk, in bytes.
    pub(crate) total: u64,
    /// What of that is free to be used again: empty pages, and room that the engine knows of in others.
    pub(crate) free: u64,
    pub(crate) relations: Vec<Relation>,
}

/// A table or an index.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// How much of its pages is filled, from 0 to 1, if the engine tells.
    pub(crate) filled: Option<f64>,
}

impl Size {
    /// Returns the bytes of the table of heads, in which the marks are, and of its index.
    pub(crate) fn heads(&self) -> u64 {
        self.bytes_where(|name| name.contains(HEADS))
    }

    /// Returns the bytes of the tables and indexes of everything else: records and deliveries.
    pub(crate) fn others(&self) -> u64 {
        self.bytes_where(|name| !name.contains(HEADS))
    }

    fn bytes_where(&self, is_meant: impl Fn(&str) -> bool) -> u64 {
        let meant = |relation: &&Relation| is_meant(&relation.name);
        let meant = self.relations.iter().filter(meant);
        meant.map(|relation| relation.bytes).sum()
    }
}

const HEADS: &str = "mp_partition";

/// Measures a store from outside.
#[derive(Debug)]
pub(crate) enum Meter {
    Sqlite(PathBuf),
    Postgres {
        client: Client,
        /// Whether the extension `pgstattuple` is there.
        looks_inside: bool,
    },
}

const SQLITE_RELATIONS: &str = "
SELECT name, sum(pgsize), 1.0 - sum(unused) * 1.0 / sum(pgsize)
FROM dbstat WHERE name LIKE '%mp!_%' ESCAPE '!' GROUP BY name ORDER BY name";

const SQLITE_COUNTS: &str = r#"
SELECT count(*) FILTER (WHERE NOT retired), count(*) FILTER (WHERE retired)
FROM (SELECT value LIKE '{"kind":"retired"%' AS retired FROM mp_partition)"#;

const POSTGRES_RELATIONS: &str = "
SELECT c.relname::text, pg_relation_size(c.oid), c.relkind = 'i'
FROM pg_class c WHERE c.relname LIKE 'mp!_%' ESCAPE '!' AND c.relkind IN ('r', 'i')
    AND c.relnamespace = 'public'::regnamespace
ORDER BY 1";

const POSTGRES_VACUUM: &str = "VACUUM mp_partition, mp_record, mp_delivery";

const POSTGRES_COUNTS: &str = r#"
SELECT count(*) FILTER (WHERE NOT retired), count(*) FILTER (WHERE retired)
FROM (
    SELECT substr(value, 1, 17) = '{"kind":"retired"'::bytea AS retired FROM mp_partition
) AS p"#;

impl Meter {
    pub(crate) fn sqlite(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }

    /// A day here takes seconds, so autovacuum looks every second as well, and what it has no time
    /// for is vacuumed before the size is taken.
    pub(crate) async fn postgres(client: Client) -> Self {
        for setting in [
            "ALTER SYSTEM SET autovacuum_naptime = '1s'",
            "SELECT pg_reload_conf()",
        ] {
            if let Err(error) = client.batch_execute(setting).await {
                println!("autovacuum runs as the server has it: {error}");
            }
        }
        let made = client.batch_execute("CREATE EXTENSION pgstattuple").await;
        Self::Postgres {
            client,
            looks_inside: made.is_ok(),
        }
    }

    pub(crate) async fn size(&self) -> Size {
        match self {
            Self::Sqlite(path) => sqlite_size(path).expect("the file can be looked at"),
            Self::Postgres {
                client,
                looks_inside,
            } => postgres_size(client, *looks_inside)
                .await
                .expect("the tables can be looked at"),
        }
    }
}

fn sqlite_size(path: &Path) -> rusqlite::Result<Size> {
    let connection = Connection::open(path)?;
    // Else the file may lag behind the log.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let pragma = |name: &str| -> rusqlite::Result<u64> {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| count(row, 0))
    };
    let page = pragma("page_size")?;
    let (live, marks) = connection.query_row(SQLITE_COUNTS, [], |row| {
        Ok((count(row, 0)?, count(row, 1)?))
    })?;
    let mut relations = connection.prepare(SQLITE_RELATIONS)?;
    let relations = relations.query_map([], |row| {
        Ok(Relation {
            name: row.get(0)?,
            bytes: count(row, 1)?,
            filled: row.get(2)?,
        })
    })?;
    Ok(Size {
        live,
        marks,
        total: page * pragma("page_count")?,
        free: page * pragma("freelist_count")?,
        relations: relations.collect::<rusqlite::Result<_>>()?,
    })
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    Ok(count.unsigned_abs())
}

async fn postgres_size(client: &Client, looks_inside: bool) -> Result<Size, tokio_postgres::Error> {
    client.batch_execute(POSTGRES_VACUUM).await?;
    let counts = client.query_one(POSTGRES_COUNTS, &[]).await?;
    let mut size = Size {
        live: counts.get::<_, i64>(0).unsigned_abs(),
        marks: counts.get::<_, i64>(1).unsigned_abs(),
        ..Size::default()
    };
    for row in client.query(POSTGRES_RELATIONS, &[]).await? {
        let (name, bytes, index): (String, i64, bool) = (row.get(0), row.get(1), row.get(2));
        let bytes = bytes.unsigned_abs();
        let mut filled = None;
        if looks_inside && bytes > 0 {
            let inside = match index {
                true => {
                    "SELECT coalesce(nullif(avg_leaf_density, 'NaN'), 0) FROM pgstatindex($1::text)"
                }
                false => {
                    "SELECT 100 - free_percent - dead_tuple_percent FROM pgstattuple($1::text)"
                }
            };
            let percent: f64 = client.query_one(inside, &[&name]).await?.get(0);
            filled = Some(percent / 100.0);
        }
        size.total += bytes;
        size.free += (bytes as f64 * (1.0 - filled.unwrap_or(1.0))) as u64;
        size.relations.push(Relation {
            name,
            bytes,
            filled,
        });
    }
    Ok(size)
}
