use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};
use serde::de::DeserializeOwned;

use super::{
    error::AuditError,
    records::{Gathering, Records},
};

/// A store's file, opened for reading only, as it was at one moment.
#[derive(Debug)]
pub(super) struct File(Connection);

/// The records of one partition, in the order of their keys, without remembered answers.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) partition: String,
    records: Vec<(String, String)>,
}

/// Work that is not done.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) partition: String,
    pub(super) key: String,
    pub(super) dead: bool,
    /// When it comes up next, written like the times in the records.
    pub(super) at: String,
}

/// Answers remembered under idempotency keys (`i/…`) say nothing that other records do not.
const RECORDS: &str = "
    SELECT partition, '' AS key, value FROM mp_partition WHERE partition GLOB ?1
    UNION ALL
    SELECT partition, key, record.value
    FROM mp_record AS record JOIN mp_partition ON mp_partition.id = partition_id
    WHERE record.value IS NOT NULL AND key NOT GLOB 'i/*' AND partition GLOB ?1
    ORDER BY partition, key";

const WORK: &str = "SELECT partition, key, state = 'dead', at FROM mp_work";

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        let failed = |source| AuditError::Open {
            path: path.to_owned(),
            source,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        // One transaction, so that all is read as of one moment even while an evening goes on.
        connection.execute_batch("BEGIN").map_err(failed)?;
        Ok(Self(connection))
    }
}

impl Records for File {
    fn each(
        &self,
        pattern: &str,
        visit: &mut dyn FnMut(&Family) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        let mut statement = self.0.prepare(RECORDS)?;
        let mut rows = statement.query([pattern])?;
        let mut gathering = Gathering::default();
        while let Some(row) = rows.next()? {
            if let Some(family) = gathering.take(row.get(0)?, row.get(1)?, row.get(2)?) {
                visit(&family)?;
            }
        }
        gathering.end().iter().try_for_each(visit)
    }

    fn work(&self) -> Result<Vec<Work>, AuditError> {
        let work = |row: &Row<'_>| {
            Ok(Work {
                partition: row.get(0)?,
                key: row.get(1)?,
                dead: row.get(2)?,
                at: row.get(3)?,
            })
        };
        let mut statement = self.0.prepare(WORK)?;
        let found = statement.query_map([], work)?.collect::<Result<_, _>>()?;
        Ok(found)
    }
}

impl Family {
    /// Begins a family without records.
    pub(super) const fn new(partition: String) -> Self {
        let records = Vec::new();
        Self { partition, records }
    }

    /// Adds the record that comes next in the order of the keys; the root comes first.
    pub(super) fn add(&mut self, key: String, value: String) {
        self.records.push((key, value));
    }

    /// Returns what the partition is, such as `pay`: the second segment of its name.
    pub(super) fn kind(&self) -> &str {
        self.partition.split('/').nth(1).unwrap_or_default()
    }

    /// Returns the last segment of the partition's name.
    pub(super) fn id(&self) -> &str {
        self.partition.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the record that the partition's head is.
    pub(super) fn root<T: DeserializeOwned>(&self) -> Result<T, AuditError> {
        match self.records.first() {
            Some((key, value)) if key.is_empty() => self.parse(key, value),
            _ => Err(AuditError::NoRoot {
                partition: self.partition.clone(),
            }),
        }
    }

    /// Returns the records whose keys start with a prefix, by the rest of their keys.
    pub(super) fn shelf<T: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(&str, T)>, AuditError> {
        let named = |(key, value): &'_ (String, String)| -> Option<Result<_, AuditError>> {
            key.starts_with(prefix).then(|| self.parse(key, value))
        };
        let mut shelf = Vec::new();
        for record in &self.records {
            if let Some(value) = named(record) {
                shelf.push((&record.0[prefix.len()..], value?));
            }
        }
        Ok(shelf)
    }

    fn parse<T: DeserializeOwned>(&self, key: &str, value: &str) -> Result<T, AuditError> {
        serde_json::from_str(value).map_err(|source| AuditError::Record {
            partition: self.partition.clone(),
            key: key.to_owned(),
            source,
        })
    }
}
