use serde::Serialize;

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
