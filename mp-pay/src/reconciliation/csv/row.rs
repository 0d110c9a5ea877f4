//! One row of a report, read through a mapping.

use ::csv::ByteRecord;
use chrono::{
    NaiveTime,
    format::{self, Parsed, StrftimeItems},
};
use mp_core::{
    Timestamp,
    amount::{Currency, Money},
};

use super::{
    CurrencyOf, KindRule, Mapping, Problem, ReadError, Sign, TimeFormat, header::Header, number,
};
use crate::{
    backend::{MinorUnits, Reference},
    reconciliation::ReportLine,
};

/// One row of a report.
pub(super) struct Row<'a> {
    pub(super) record: &'a ByteRecord,
    pub(super) line: u64,
    pub(super) header: &'a Header,
    pub(super) mapping: &'a Mapping,
    pub(super) units: MinorUnits,
}

impl Row<'_> {
    /// Reads the row; `None` if the mapping passes over it.
    pub(super) fn read(&self) -> Result<Option<ReportLine>, ReadError> {
        let mapping = self.mapping;
        let text = self.cell(&mapping.kind)?;
        if mapping.ignored.contains(text) {
            return Ok(None);
        }
        let rule = mapping.rule(text);
        let rule = rule.ok_or_else(|| self.wrong(&mapping.kind, Problem::Kind))?;
        let currency = self.currency()?;
        let column = rule.amount.as_ref().unwrap_or(&mapping.amount);
        let amount = signed(self.amount(column, currency)?, rule.sign);
        let mut line = ReportLine::new(self.line, rule.kind, amount);
        if let Some(column) = &mapping.fee {
            line.fee = signed(self.amount(column, currency)?, mapping.fee_sign).minor();
        }
        line.key = self.key(rule)?;
        line.references = self.references()?;
        line.payout = match &mapping.payout {
            Some(column) => reference(self.cell(column)?),
            None => None,
        };
        line.at = self.time()?;
        Ok(Some(line))
    }

    fn key(&self, rule: &KindRule) -> Result<Option<crate::operation::OperationKey>, ReadError> {
        match rule.key.as_ref().or(self.mapping.key.as_ref()) {
            Some(column) => Ok(self.cell(column)?.parse().ok()),
            None => Ok(None),
        }
    }

    fn references(&self) -> Result<Vec<Reference>, ReadError> {
        let columns = self.mapping.references.iter();
        let there = columns.filter(|name| self.header.place(name).is_some());
        let cells = there.map(|name| self.cell(name).map(reference));
        let found = cells.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    fn currency(&self) -> Result<Currency, ReadError> {
        match &self.mapping.currency {
            CurrencyOf::Always(currency) => Ok(*currency),
            CurrencyOf::Column(column) => {
                let code = self.cell(column)?.to_ascii_uppercase();
                Currency::new(&code).map_err(|_| self.wrong(column, Problem::Currency))
            }
        }
    }

    fn amount(&self, column: &str, currency: Currency) -> Result<Money, ReadError> {
        let read = number::read(
            self.cell(column)?,
            self.mapping.amounts,
            self.units,
            currency,
        );
        read.map_err(|problem| self.wrong(column, problem))
    }

    fn time(&self) -> Result<Option<Timestamp>, ReadError> {
        let Some(time) = &self.mapping.time else {
            return Ok(None);
        };
        let text = self.cell(&time.column)?;
        let read = moment(text, &time.format);
        read.map(Some)
            .ok_or_else(|| self.wrong(&time.column, Problem::Time))
    }

    /// Returns the text of a cell, without blanks around it and what stands before every cell.
    fn cell(&self, column: &str) -> Result<&str, ReadError> {
        let place = self.header.place(column);
        let missing = || self.wrong(column, Problem::NoSuchColumn);
        let bytes = self.record.get(place.ok_or_else(missing)?);
        let text = std::str::from_utf8(bytes.ok_or_else(missing)?);
        let text = text.map_err(|_| self.wrong(column, Problem::NotUtf8))?;
        Ok(without_prefix(text.trim(), self.mapping.cell_prefix).trim())
    }

    fn wrong(&self, column: &str, problem: Problem) -> ReadError {
        ReadError::on(self.line, problem).in_column(column)
    }
}

pub(super) fn without_prefix(text: &str, prefix: Option<char>) -> &str {
    prefix.map_or(text, |it| text.strip_prefix(it).unwrap_or(text))
}

/// Reads a name of the provider's; nothing and a lone zero are none.
fn reference(text: &str) -> Option<Reference> {
    let named = !matches!(text, "" | "0");
    named.then(|| Reference::new(text).ok())?
}

const fn signed(amount: Money, sign: Sign) -> Money {
    let minor = amount.minor();
    // Amounts are within what JSON tells exactly, far from where a number has no opposite.
    let minor = match sign {
        Sign::AsIs => minor,
        Sign::Negated => minor.saturating_neg(),
        Sign::In => minor.saturating_abs(),
        Sign::Out => minor.saturating_abs().saturating_neg(),
    };
    Money::new(minor, amount.currency())
}

fn moment(text: &str, format: &TimeFormat) -> Option<Timestamp> {
    match format {
        TimeFormat::Rfc3339 => text.parse().ok(),
        TimeFormat::UnixSeconds => {
            let seconds = text.parse::<i64>().ok()?;
            within(seconds.checked_mul(1_000_000)?)
        }
        TimeFormat::Local {
            pattern,
            offset_minutes,
        } => local(text, pattern, *offset_minutes),
    }
}

/// Reads a time by its pattern: an offset that the text tells counts before the mapping's, and a day
/// without a time begins at midnight.
fn local(text: &str, pattern: &str, offset_minutes: i32) -> Option<Timestamp> {
    let mut parsed = Parsed::new();
    format::parse(&mut parsed, text, StrftimeItems::new(pattern)).ok()?;
    let ahead = match parsed.offset() {
        Some(seconds) => seconds,
        None => offset_minutes.checked_mul(60)?,
    };
    let local = match parsed.to_naive_datetime_with_offset(ahead) {
        Ok(local) => local,
        Err(_) if is_day(&parsed) => parsed.to_naive_date().ok()?.and_time(NaiveTime::MIN),
        Err(_) => return None,
    };
    let ahead = i64::from(ahead) * 1_000_000;
    within(local.and_utc().timestamp_micros().checked_sub(ahead)?)
}

/// Returns whether nothing was read of a time of day: what names an hour and no minute is no midnight.
fn is_day(parsed: &Parsed) -> bool {
    let half = parsed.hour_div_12().is_some();
    let hour = parsed.hour_mod_12().is_some();
    let rest = parsed.minute().or(parsed.second()).or(parsed.nanosecond());
    !half && !hour && rest.is_none() && parsed.timestamp().is_none()
}

fn within(micros: i64) -> Option<Timestamp> {
    let moment = Timestamp::from_micros(micros);
    (moment.as_micros() == micros).then_some(moment)
}
