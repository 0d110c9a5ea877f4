//! An oracle: recomputes every invariant from the records in the store alone.
//!
//! It shares no code with the run, so that a mistake in one is no mistake in the other, and where
//! it can it takes another way to the same fact: amounts are folded from the journals and held
//! against the provider's books, seats are counted from the members, stock from what was sold.

mod booking;
mod counts;
mod database;
mod error;
mod evening;
mod file;
mod findings;
mod group;
mod invariant;
mod journal;
mod ledger;
mod line;
mod member;
mod money;
mod offer;
mod operation;
mod order;
mod pass;
mod payment;
mod records;
mod screen;
mod source;
mod stage;
mod verdict;
mod work;

use std::io::{self, Write};

pub(crate) use self::source::Source;
use self::{evening::Evening, verdict::Verdict};

/// Audits the evening in a store, shows what was found, and returns whether every invariant holds.
///
/// With `json` it prints one JSON object and nothing else. An evening that is not over is reported
/// as such: nothing is claimed about it, and it does not pass.
///
/// # Errors
///
/// If the store cannot be opened, is none, holds no evening, or has a record that no release of
/// the market would write.
pub(crate) fn show(source: &Source, json: bool) -> Result<bool, Box<dyn std::error::Error>> {
    audit(source, json, &mut io::stdout().lock())
}

/// Audits as [`show`] does, and writes what was found to `out`.
pub(crate) fn audit(
    source: &Source,
    json: bool,
    out: &mut impl Write,
) -> Result<bool, Box<dyn std::error::Error>> {
    let records = source.open()?;
    let evening = Evening::of(&*records)?;
    if !evening.over {
        screen::unfinished(source, &evening, json, out)?;
        return Ok(false);
    }
    let verdict = Verdict::on(&*records, &evening)?;
    screen::show(source, &verdict, json, out)?;
    Ok(verdict.holds())
}

#[cfg(test)]
mod tests;
