//! An oracle: recomputes every invariant from the records in the file alone.
//!
//! It shares no code with the run, so that a mistake in one is no mistake in the other, and where
//! it can it takes another way to the same fact: amounts are folded from the journals and held
//! against the provider's books, seats are counted from the members, stock from what was sold.

mod booking;
mod counts;
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
mod screen;
mod stage;
mod verdict;
mod work;

use std::{
    io::{self, Write},
    path::Path,
};

use self::{evening::Evening, file::File, verdict::Verdict};

/// Audits the evening in a file, shows what was found, and returns whether every invariant holds.
///
/// With `json` it prints one JSON object and nothing else. An evening that is not over is reported
/// as such: nothing is claimed about it, and it does not pass.
///
/// # Errors
///
/// If the file cannot be opened, is no store, holds no evening, or has a record that no release of
/// the market would write.
pub(crate) fn show(path: &Path, json: bool) -> Result<bool, Box<dyn std::error::Error>> {
    audit(path, json, &mut io::stdout().lock())
}

fn audit(
    path: &Path,
    json: bool,
    out: &mut impl Write,
) -> Result<bool, Box<dyn std::error::Error>> {
    let file = File::open(path)?;
    let evening = Evening::in_file(&file)?;
    if !evening.over {
        screen::unfinished(path, &evening, json, out)?;
        return Ok(false);
    }
    let verdict = Verdict::on(&file, &evening)?;
    screen::show(path, &verdict, json, out)?;
    Ok(verdict.holds())
}

#[cfg(test)]
mod tests;
