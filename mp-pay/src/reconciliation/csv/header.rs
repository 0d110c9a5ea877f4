//! The first line of a report: where the columns stand that a mapping names.

use std::collections::BTreeMap;

use ::csv::ByteRecord;

use super::{COLUMNS_MAX, CurrencyOf, KindRule, Mapping, Problem, ReadError};

/// Where the columns stand that the mapping names, by their names.
#[derive(Debug)]
pub(super) struct Header {
    places: BTreeMap<String, usize>,
    /// How many columns there are.
    pub(super) width: usize,
}

impl Header {
    pub(super) fn read(
        record: &ByteRecord,
        line: u64,
        mapping: &Mapping,
    ) -> Result<Self, ReadError> {
        let width = record.len();
        if width > COLUMNS_MAX {
            return Err(ReadError::on(line, Problem::TooManyColumns));
        }
        let mut header = Self {
            places: BTreeMap::new(),
            width,
        };
        for name in required(mapping) {
            if !header.find(record, name, line)? {
                return Err(ReadError::on(line, Problem::NoSuchColumn).in_column(name));
            }
        }
        let mut named = !keys(mapping).is_empty();
        for name in &mapping.references {
            named |= header.find(record, name, line)?;
        }
        match mapping.references.first() {
            Some(name) if !named => Err(ReadError::on(line, Problem::NoSuchColumn).in_column(name)),
            _ => Ok(header),
        }
    }

    /// Returns where a column stands.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    fn find(&mut self, record: &ByteRecord, name: &str, line: u64) -> Result<bool, ReadError> {
        let cells = record.iter().enumerate();
        let mut found = cells.filter(|(_, cell)| cell.trim_ascii() == name.as_bytes());
        let place = found.next().map(|(place, _)| place);
        if found.next().is_some() {
            return Err(ReadError::on(line, Problem::ColumnTwice).in_column(name));
        }
        if let Some(place) = place {
            self.places.insert(name.to_owned(), place);
        }
        Ok(place.is_some())
    }
}

/// Returns the columns that have to be there.
fn required(mapping: &Mapping) -> Vec<&str> {
    let currency = match &mapping.currency {
        CurrencyOf::Column(name) => Some(name),
        CurrencyOf::Always(_) => None,
    };
    let time = mapping.time.as_ref().map(|time| &time.column);
    let optional = [&mapping.fee, &mapping.payout].map(Option::as_ref);
    let amounts = rules(mapping).filter_map(|rule| rule.amount.as_ref());
    let always = [&mapping.kind, &mapping.amount].into_iter();
    let named = always.chain(currency).chain(time).chain(amounts);
    let named = named.chain(optional.into_iter().flatten());
    named.chain(keys(mapping)).map(String::as_str).collect()
}

fn keys(mapping: &Mapping) -> Vec<&String> {
    let of_rules = rules(mapping).filter_map(|rule| rule.key.as_ref());
    mapping.key.iter().chain(of_rules).collect()
}

fn rules(mapping: &Mapping) -> impl Iterator<Item = &KindRule> {
    mapping.kinds.values().chain(&mapping.otherwise)
}
