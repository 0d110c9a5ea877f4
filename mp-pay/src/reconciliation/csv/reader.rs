use std::{io::Read, sync::Arc};

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::{
    Mapping, Problem, ReadError,
    bounded::Bounded,
    header::Header,
    row::{Row, without_prefix},
};
use crate::{backend::MinorUnits, reconciliation::ReportLine};

/// The longest row that is read, in bytes; a little more where it was buffered already.
pub const ROW_MAX: usize = 64 * 1024;

/// The most columns that a report may have.
pub const COLUMNS_MAX: usize = 512;

/// The most lines that a report may have.
pub const LINES_MAX: u64 = 10_000_000;

/// Reads the lines of a report, one at a time, by a mapping.
///
/// A cell that cannot be read is the error of its line, and the lines after it are read all the
/// same; after any other error there are none. A [reconciliation](crate::reconciliation::Reconciliation)
/// stops at the first. Of the file no more is kept than one row.
#[derive(Debug)]
pub struct ReportReader<R> {
    csv: Reader<Bounded<R>>,
    record: ByteRecord,
    header: Header,
    mapping: Mapping,
    units: MinorUnits,
    lines: u64,
    over: bool,
}

impl<R: Read> ReportReader<R> {
    /// Reads the first line and finds the columns.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the file cannot be read or has not the mapping's columns.
    pub fn new(file: R, mapping: &Mapping) -> Result<Self, ReadError> {
        let ascii = |of: char, what| u8::try_from(of).ok().filter(u8::is_ascii).ok_or(what);
        let wrong = |what| ReadError::on(1, Problem::Mapping(what));
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true);
        builder.delimiter(ascii(mapping.delimiter, "delimiter").map_err(wrong)?);
        match mapping.quote {
            Some(quote) => builder.quote(ascii(quote, "quote").map_err(wrong)?),
            None => builder.quoting(false),
        };
        let mut csv = builder.from_reader(Bounded::new(file, ROW_MAX));
        let mut record = ByteRecord::new();
        next(&mut csv, &mut record)?;
        let header = Header::read(&record, line_of(&record), mapping)?;
        Ok(Self {
            csv,
            record,
            header,
            mapping: mapping.clone(),
            units: MinorUnits::ISO_4217,
            lines: 0,
            over: false,
        })
    }

    /// Counts whole numbers of [minor units](super::AmountFormat::Minor) as a provider does that
    /// differs from ISO 4217.
    #[must_use]
    pub const fn with_minor_units(mut self, units: MinorUnits) -> Self {
        self.units = units;
        self
    }

    /// Reads the next row that is not passed over; `None` at the end.
    fn read(&mut self) -> Result<Option<ReportLine>, ReadError> {
        while self.advance()? {
            let row = Row {
                record: &self.record,
                line: line_of(&self.record),
                header: &self.header,
                mapping: &self.mapping,
                units: self.units,
            };
            if let Some(line) = row.read()? {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Reads the next row; returns whether there is one. After an error there is none.
    fn advance(&mut self) -> Result<bool, ReadError> {
        let going = std::mem::replace(&mut self.over, true);
        if going {
            return Ok(false);
        }
        let read = next(&mut self.csv, &mut self.record)?;
        let line = line_of(&self.record);
        match &self.mapping.ends_at {
            Some(_) if !read => return Err(ReadError::on(self.lines + 1, Problem::BrokenOff)),
            Some(end) if self.begins_with(end) => return Ok(false),
            _ if !read => return Ok(false),
            _ => {}
        }
        if self.lines == LINES_MAX {
            return Err(ReadError::on(line, Problem::TooManyLines));
        }
        self.lines += 1;
        self.over = false;
        let (found, expected) = (self.record.len(), self.header.width);
        if found != expected {
            return Err(ReadError::on(line, Problem::Cells { found, expected }));
        }
        Ok(true)
    }

    /// Returns whether the first cell begins like this.
    fn begins_with(&self, text: &str) -> bool {
        let first = self.record.get(0).unwrap_or_default();
        let first = std::str::from_utf8(first).unwrap_or_default().trim();
        without_prefix(first, self.mapping.cell_prefix).starts_with(text)
    }
}

impl<R: Read> Iterator for ReportReader<R> {
    type Item = Result<ReportLine, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Reads one row, of no more than [`ROW_MAX`]; returns whether there was one.
fn next<R: Read>(csv: &mut Reader<Bounded<R>>, record: &mut ByteRecord) -> Result<bool, ReadError> {
    csv.get_mut().allow(ROW_MAX);
    let line = csv.position().line();
    csv.read_byte_record(record).map_err(|error| {
        let problem = match error.into_kind() {
            ErrorKind::Io(_) if csv.get_ref().is_spent() => Problem::RowTooLong,
            ErrorKind::Io(error) => Problem::Unreadable(Arc::new(error)),
            // A row of bytes, of any number of cells, cannot be wrong in another way.
            other => Problem::Unreadable(Arc::new(std::io::Error::other(format!("{other:?}")))),
        };
        ReadError::on(line, problem)
    })
}

fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(1, ::csv::Position::line)
}
