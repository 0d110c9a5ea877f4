//! How the suite's values stand in columns, both ways, with every conversion checked.

use bytes::Bytes;
use rusqlite::{
    Error, Result, Row, ToSql,
    types::{FromSqlError, ToSqlOutput, Type, ValueRef},
};

use crate::{
    clock::Timestamp,
    store::{CommitId, Key, Partition, Version},
};

/// Binds bytes that were found to be UTF-8 as text, without looking at them again.
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// Returns a version as the engine's integer.
pub(super) fn integer(version: Version) -> Result<i64> {
    i64::try_from(version.0).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

/// Returns a version as the engine's integer, or the greatest one there is if it is greater.
pub(super) fn integer_at_most(version: Version) -> i64 {
    i64::try_from(version.0).unwrap_or(i64::MAX)
}

pub(super) fn version(row: &Row<'_>, column: usize) -> Result<Version> {
    let value: i64 = row.get(column)?;
    u64::try_from(value)
        .map(Version)
        .map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u32> {
    let value: i64 = row.get(column)?;
    u32::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

pub(super) fn time_or_null(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(Timestamp::from_micros))
}

pub(super) fn commit_id(row: &Row<'_>, column: usize) -> Result<CommitId> {
    row.get(column)
        .map(|bytes| CommitId(u128::from_be_bytes(bytes)))
}

pub(super) fn value(row: &Row<'_>, column: usize) -> Result<Bytes> {
    let bytes = text(row, column)?;
    Ok(Bytes::copy_from_slice(bytes))
}

pub(super) fn value_or_null(row: &Row<'_>, column: usize) -> Result<Option<Bytes>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => value(row, column).map(Some),
    }
}

pub(super) fn partition(row: &Row<'_>, column: usize) -> Result<Partition> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| unread(column, error))?;
    Partition::parse(text).map_err(|error| unread(column, error))
}

pub(super) fn key(row: &Row<'_>, column: usize) -> Result<Key> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| unread(column, error))?;
    Key::new(text).map_err(|error| unread(column, error))
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row [u8]> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) => Ok(bytes),
        _ => Err(unread(column, FromSqlError::InvalidType)),
    }
}

fn unread(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
