use std::sync::Arc;

use mp_core::{Caller, Error, Scope, store::Listing};
use serde::Serialize;

use super::{market::Market, progress::Progress, tally::Tally};

/// What an evening came to: what `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) visitors: u64,
    pub(crate) locates: u64,
    pub(crate) links_verified: u64,
    pub(crate) tickets: u64,
    pub(crate) quotes_kept_ratio: f64,
    pub(crate) intents: u64,
    /// In cents.
    pub(crate) captured: i64,
    /// In cents.
    pub(crate) refunded: i64,
    pub(crate) declined: u64,
    pub(crate) unknown_resolved: u64,
    pub(crate) groups_opened: u64,
    pub(crate) groups_filled: u64,
    pub(crate) groups_expired: u64,
    pub(crate) stamps: u64,
    pub(crate) seconds: f64,
    pub(crate) operations: u64,
    pub(crate) operations_per_second: f64,
    pub(crate) resumed_at_operation: u64,
    /// How many of the operations this process has done itself.
    pub(crate) own_operations: u64,
    /// How many processes have held the evening, one after the other or side by side.
    pub(crate) processes: usize,
    pub(crate) books_balanced: bool,
    pub(crate) invariants: Invariants,
    /// The file, or the URL of the database without its password, that the evening is kept in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
}

/// What of the evening only this process can tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// How many operations were done when it came.
    pub(crate) before: u64,
    /// How many it has done itself.
    pub(crate) own: u64,
    /// For how long it was there.
    pub(crate) seconds: f64,
}

impl Report {
    /// Counts everything from the records, as anybody could who finds the file.
    pub(crate) async fn of(
        market: &Market,
        listing: &Arc<dyn Listing>,
        progress: &Progress,
        share: &Share,
        path: Option<String>,
    ) -> Result<Self, Error> {
        let tally = Tally::of(market, listing).await?;
        let books = market.acquirer.movements(&market.app).await?;
        let staff = Caller::app(market.app.clone()).with_scope(Scope::STAFF);
        let open = market.payments.unresolved(&staff, None, 10).await?.len();
        let dead = market.worker.dead(10).await?.len();
        let invariants = tally.invariants(&books, open, dead);
        let evening = progress.tonight().await?;
        let evening = evening.ok_or_else(|| Error::not_found("evening"))?;
        let done = progress.total(&evening).await?;
        let now = done.operations - share.before;
        Ok(Self {
            visitors: u64::from(evening.visitors),
            locates: done.locates,
            links_verified: done.links_verified,
            tickets: tally.tickets,
            quotes_kept_ratio: tally.quotes_kept as f64 / tally.quotes_given.max(1) as f64,
            intents: tally.intents,
            captured: tally.captured,
            refunded: tally.refunded,
            declined: tally.declined,
            unknown_resolved: tally.unknown_resolved,
            groups_opened: tally.groups_opened,
            groups_filled: tally.groups_filled,
            groups_expired: tally.groups_expired,
            stamps: tally.stamps,
            seconds: share.seconds,
            operations: done.operations,
            operations_per_second: now as f64 / share.seconds,
            resumed_at_operation: share.before,
            own_operations: share.own,
            processes: progress.roster().await?.len(),
            books_balanced: invariants.money_in_equals_money_out && invariants.refunded_le_captured,
            invariants,
            path,
        })
    }
}

/// What must hold at the end of every evening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Invariants {
    /// What the provider took less what it gave back is what our records say.
    pub(crate) money_in_equals_money_out: bool,
    /// No payment gave back more than it took, in our records and in the provider's books.
    pub(crate) refunded_le_captured: bool,
    /// No group has more members with a seat than it has seats.
    pub(crate) no_group_over_full: bool,
    /// Whoever paid for a group has a seat in a filled one, or everything back.
    pub(crate) no_payer_without_seat_or_refund: bool,
    /// No stock was given out beyond what there was, and none is held any more.
    pub(crate) stock_never_negative: bool,
    /// In no lane was a later ticket called before an earlier one that was waiting.
    pub(crate) tickets_served_in_order: bool,
    /// Every pass holds the sum of its entries, and none is below zero.
    pub(crate) passes_sum: bool,
    /// No outside effect happened twice, and none is still open.
    pub(crate) every_effect_once: bool,
    /// No work was given up.
    pub(crate) no_dead_letters: bool,
}

impl Invariants {
    /// Returns every invariant by its name.
    pub(crate) fn each(&self) -> [(&'static str, bool); 9] {
        [
            ("money_in_equals_money_out", self.money_in_equals_money_out),
            ("refunded_le_captured", self.refunded_le_captured),
            ("no_group_over_full", self.no_group_over_full),
            (
                "no_payer_without_seat_or_refund",
                self.no_payer_without_seat_or_refund,
            ),
            ("stock_never_negative", self.stock_never_negative),
            ("tickets_served_in_order", self.tickets_served_in_order),
            ("passes_sum", self.passes_sum),
            ("every_effect_once", self.every_effect_once),
            ("no_dead_letters", self.no_dead_letters),
        ]
    }

    /// Returns whether all of them hold.
    pub(crate) fn hold(&self) -> bool {
        self.each().iter().all(|(_, holds)| *holds)
    }
}
