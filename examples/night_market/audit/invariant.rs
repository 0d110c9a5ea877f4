use std::fmt;

use serde::Serialize;

/// What must hold at the end of every evening, by the names that a run reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Invariant {
    MoneyInEqualsMoneyOut,
    RefundedLeCaptured,
    NoGroupOverFull,
    NoPayerWithoutSeatOrRefund,
    StockNeverNegative,
    TicketsServedInOrder,
    PassesSum,
    EveryEffectOnce,
    NoDeadLetters,
}

impl Invariant {
    pub(super) const ALL: [Self; 9] = [
        Self::MoneyInEqualsMoneyOut,
        Self::RefundedLeCaptured,
        Self::NoGroupOverFull,
        Self::NoPayerWithoutSeatOrRefund,
        Self::StockNeverNegative,
        Self::TicketsServedInOrder,
        Self::PassesSum,
        Self::EveryEffectOnce,
        Self::NoDeadLetters,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::MoneyInEqualsMoneyOut => "money_in_equals_money_out",
            Self::RefundedLeCaptured => "refunded_le_captured",
            Self::NoGroupOverFull => "no_group_over_full",
            Self::NoPayerWithoutSeatOrRefund => "no_payer_without_seat_or_refund",
            Self::StockNeverNegative => "stock_never_negative",
            Self::TicketsServedInOrder => "tickets_served_in_order",
            Self::PassesSum => "passes_sum",
            Self::EveryEffectOnce => "every_effect_once",
            Self::NoDeadLetters => "no_dead_letters",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
