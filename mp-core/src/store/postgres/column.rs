//! How the suite's values stand in columns, both ways, with every conversion checked.

use std::error::Error as StdError;

use bytes::{BufMut, Bytes, BytesMut};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked},
};

use crate::{
    clock::Timestamp,
    store::{CommitId, Key, Partition, StoreError, StoreErrorKind, Version},
};

type BoxError = Box<dyn StdError + Sync + Send>;

/// A commit id as the engine's `uuid`, most significant byte first.
#[derive(Debug)]
pub(super) struct Uuid(pub(super) CommitId);

impl ToSql for Uuid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        out.put_slice(&self.0.0.to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Uuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(CommitId(u128::from_be_bytes(raw.try_into()?))))
    }

    accepts!(UUID);
}

/// An array, sent as NULL while it is empty: then the functions do not even unpack it.
#[derive(Debug)]
pub(super) struct Array<T>(Vec<T>);

impl<T> Array<T> {
    pub(super) fn push(&mut self, item: T) {
        self.0.push(item);
    }
}

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: ToSql> ToSql for Array<T> {
    fn to_sql(&self, sql_type: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        if self.0.is_empty() {
            return Ok(IsNull::Yes);
        }
        self.0.to_sql(sql_type, out)
    }

    fn accepts(sql_type: &Type) -> bool {
        <Vec<T> as ToSql>::accepts(sql_type)
    }

    to_sql_checked!();
}

/// Returns a version as the engine's integer, or the greatest one there is if it is greater: no
/// version that the engine keeps is.
pub(super) fn integer(version: Version) -> i64 {
    i64::try_from(version.0).unwrap_or(i64::MAX)
}

/// Returns a partition's slot as the engine's integer.
pub(super) fn slot(partition: &Partition) -> i16 {
    slot_number(partition.slot())
}

/// Returns a slot as the engine's integer; slots are below 256.
pub(super) fn slot_number(slot: u16) -> i16 {
    i16::try_from(slot).unwrap_or(i16::MAX)
}

/// Reads the columns of one row.
#[derive(Debug)]
pub(super) struct Columns<'r> {
    row: &'r Row,
    op: &'static str,
}

impl<'r> Columns<'r> {
    pub(super) const fn new(row: &'r Row, op: &'static str) -> Self {
        Self { row, op }
    }

    pub(super) fn get<T: FromSql<'r>>(&self, column: usize) -> Result<T, StoreError> {
        self.row
            .try_get(column)
            .map_err(|error| self.corrupt(error))
    }

    pub(super) fn version(&self, column: usize) -> Result<Version, StoreError> {
        let value: i64 = self.get(column)?;
        let version = u64::try_from(value).map_err(|error| self.corrupt(error))?;
        Ok(Version(version))
    }

    pub(super) fn count(&self, column: usize) -> Result<u32, StoreError> {
        let value: i32 = self.get(column)?;
        u32::try_from(value).map_err(|error| self.corrupt(error))
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_micros)
    }

    pub(super) fn time_or_null(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = self.get(column)?;
        Ok(micros.map(Timestamp::from_micros))
    }

    pub(super) fn commit_id(&self, column: usize) -> Result<CommitId, StoreError> {
        self.get(column).map(|Uuid(id)| id)
    }

    pub(super) fn value(&self, column: usize) -> Result<Bytes, StoreError> {
        self.get(column).map(Bytes::copy_from_slice)
    }

    pub(super) fn value_or_null(&self, column: usize) -> Result<Option<Bytes>, StoreError> {
        let value: Option<&[u8]> = self.get(column)?;
        Ok(value.map(Bytes::copy_from_slice))
    }

    pub(super) fn partition(&self, column: usize) -> Result<Partition, StoreError> {
        Partition::parse(self.get(column)?).map_err(|error| self.corrupt(error))
    }

    pub(super) fn key(&self, column: usize) -> Result<Key, StoreError> {
        Key::new(self.get(column)?).map_err(|error| self.corrupt(error))
    }

    fn corrupt(&self, error: impl StdError + Send + Sync + 'static) -> StoreError {
        StoreError::new(StoreErrorKind::Corrupt, self.op, error)
    }
}
