use std::sync::Arc;

use mp_core::{Error, ErrorKind, amount::AmountError};

use super::{COLUMNS_MAX, LINES_MAX, ROW_MAX};
use crate::backend::MinorUnitsError;

/// Why a report cannot be read: what is wrong, on which line, in which column.
#[derive(Clone, Debug, thiserror::Error)]
#[error("line {line}{}: {problem}", in_column(column.as_deref()))]
#[non_exhaustive]
pub struct ReadError {
    /// Which line of the file, from 1.
    pub line: u64,
    /// Which column, if it is about a cell.
    pub column: Option<String>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a report. What stood in the file is not repeated: it may be personal.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[source] Arc<std::io::Error>),
    /// A row goes on for too long; perhaps a quote is not closed.
    #[error("is longer than {ROW_MAX} bytes: is a quote left open?")]
    RowTooLong,
    /// The file has too many rows.
    #[error("is one more than the {LINES_MAX} lines that are read: split the file")]
    TooManyLines,
    /// The first line has too many columns.
    #[error("has more than {COLUMNS_MAX} columns")]
    TooManyColumns,
    /// The mapping cannot be followed.
    #[error("the mapping's {0} is not an ASCII character")]
    Mapping(&'static str),
    /// The mapping names a column that is not there.
    #[error("there is no such column: put the mapping right")]
    NoSuchColumn,
    /// The report has a column twice that the mapping names.
    #[error("there are two such columns")]
    ColumnTwice,
    /// A row has more or fewer cells than the first one.
    #[error("has {found} cells, and the first line {expected}")]
    Cells {
        /// How many it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A cell is no text in UTF-8.
    #[error("is not text in UTF-8")]
    NotUtf8,
    /// The mapping does not say what kind of line this is.
    #[error("is of a kind that the mapping does not name")]
    Kind,
    /// A cell is not an amount, or not exactly.
    #[error("is not an amount in this currency")]
    Amount(#[source] AmountError),
    /// A cell is not a number of minor units that the provider can tell.
    #[error("is not an amount in this currency")]
    MinorUnits(#[source] MinorUnitsError),
    /// A cell is not a code of ISO 4217.
    #[error("is not a currency")]
    Currency,
    /// A cell is not a time as the mapping has it.
    #[error("is not a time as the mapping writes it")]
    Time,
    /// The file ends before its summary.
    #[error("the file breaks off before its summary: fetch it again")]
    BrokenOff,
}

impl ReadError {
    pub(super) const fn on(line: u64, problem: Problem) -> Self {
        let column = None;
        Self {
            line,
            column,
            problem,
        }
    }

    pub(super) fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        let kind = match error.problem {
            Problem::Unreadable(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Invalid,
        };
        let message = error.to_string();
        Self::new(kind, "invalid_field", message)
            .with_field("report")
            .with_source(error)
    }
}

fn in_column(column: Option<&str>) -> String {
    column.map_or_else(String::new, |column| format!(", column {column}"))
}
