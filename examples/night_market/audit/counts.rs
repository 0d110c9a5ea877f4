use serde::Serialize;

/// What was counted in the records, under the names that a run reports where it has them.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) visitors: u64,
    pub(super) operations: u64,
    pub(super) locates: u64,
    pub(super) links_verified: u64,
    pub(super) tickets: u64,
    pub(super) intents: u64,
    /// In cents.
    pub(super) captured: i64,
    /// In cents.
    pub(super) refunded: i64,
    pub(super) declined: u64,
    pub(super) unknown_resolved: u64,
    pub(super) provider_calls: u64,
    pub(super) provider_movements: u64,
    pub(super) orders: u64,
    pub(super) orders_paid: u64,
    pub(super) orders_returned: u64,
    pub(super) groups_opened: u64,
    pub(super) groups_filled: u64,
    pub(super) groups_expired: u64,
    pub(super) seats: u64,
    pub(super) sold: u64,
    pub(super) passes: u64,
    pub(super) stamps: u64,
}
