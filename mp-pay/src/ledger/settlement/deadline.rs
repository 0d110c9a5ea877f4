//! What comes of a settlement that is begun before its deadline or after it, as a plain function of what
//! stands in its book.

use mp_core::{Decision, Family, Timestamp};

use super::{SETTLEMENT_HOLD, fence::Fence, securing::Begun};
use crate::ledger::{
    LedgerError, Transfer, authority::Authority, begin::begin, records::transfer_in,
};

/// Begins to hold what is asked for, until [`SETTLEMENT_HOLD`] after the deadline; fences it if the
/// deadline is over.
pub(super) fn begin_until(
    deadline: Timestamp,
    family: &Family,
    asked: &Transfer,
    now: Timestamp,
) -> Result<Decision<Begun>, LedgerError> {
    let found = transfer_in(family, asked.id)?;
    if found.is_none() {
        if let Some(fence) = Fence::found(family)? {
            return Ok(Decision::unchanged(Begun::Fenced(fence)));
        }
        if deadline <= now {
            let fence = Fence::put(family, &asked.app, &asked.home, "expired", now)?;
            return Ok(fence.map(Begun::Fenced));
        }
    }
    // Whoever has begun the same counts from then on.
    let since = found.map_or(now, |found| found.created_at);
    let lasts = deadline.plus(SETTLEMENT_HOLD).since(since);
    let transfer = Transfer {
        pending_for_s: Some(lasts.as_secs().max(1)),
        ..asked.clone()
    };
    let begun = begin(family, transfer, &Authority::All, now)?;
    Ok(begun.map(|begun| Begun::Transfer(Box::new(begun))))
}
