use serde::Deserialize;

/// An amount in the market's one currency, in cents; a record in any other cannot be read.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Money")]
pub(super) struct Cents(pub(super) i64);

#[derive(Deserialize)]
struct Money {
    amount: i64,
    currency: String,
}

impl TryFrom<Money> for Cents {
    type Error = String;

    fn try_from(money: Money) -> Result<Self, String> {
        match money.currency.as_str() {
            "HKD" => Ok(Self(money.amount)),
            other => Err(format!("the market takes HKD, not {other}")),
        }
    }
}
