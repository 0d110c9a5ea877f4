use mp_core::Document;
use serde::{Deserialize, Serialize};

use super::Order;

/// The message from a basket that was emptied: create this order, unless it is there.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Placement {
    pub(super) order: Order,
}

impl Document for Placement {
    const KIND: &'static str = "order.place";
    const FORMAT: u32 = 1;
}
