use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AmountFormat, CurrencyOf, Sign, TimeOf};
use crate::reconciliation::LineKind;

/// Which column of a provider's report means what, and how it writes amounts and times.
///
/// Columns are named as in the report's first line. One that is named here and is not in the report
/// is an error, but for the `references`: of those there must be one, unless there is a `key`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Mapping {
    /// What stands between two cells, an ASCII character; a comma unless told.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// What encloses a cell that has a delimiter in it, an ASCII character; a double quote unless
    /// told, and `null` if cells are never enclosed.
    #[serde(default = "double_quote")]
    pub quote: Option<char>,
    /// What stands before every cell and is no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell_prefix: Option<char>,
    /// How the first cell after the last line begins, if a summary follows. A report that breaks off
    /// before it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// How amounts are written.
    #[serde(default)]
    pub amounts: AmountFormat,
    /// The column that says what a line is about.
    pub kind: String,
    /// What its texts mean.
    pub kinds: BTreeMap<String, KindRule>,
    /// The texts of it whose lines are passed over, because they move nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ignored: BTreeSet<String>,
    /// What its other texts mean; without this they are an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<KindRule>,
    /// The column of the amount, before fees.
    pub amount: String,
    /// The column of what the provider keeps of it; above zero is what it keeps, unless
    /// [`fee_sign`](Self::fee_sign) says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// What the sign of a fee means: [`Negated`](Sign::Negated) where the report writes what the
    /// provider keeps below zero.
    #[serde(default, skip_serializing_if = "is_as_is")]
    pub fee_sign: Sign,
    /// What the amounts are counted in.
    pub currency: CurrencyOf,
    /// The column of our key. What is no key of ours is passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The columns of the provider's own names, the most particular first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// The column of the payout that a line is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
    /// The column of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeOf>,
}

impl Mapping {
    /// Returns a mapping of the least that a report has: what, how much, of which currency.
    #[must_use]
    pub fn new(kind: &str, amount: &str, currency: CurrencyOf) -> Self {
        Self {
            delimiter: comma(),
            quote: double_quote(),
            cell_prefix: None,
            ends_at: None,
            amounts: AmountFormat::default(),
            kind: kind.to_owned(),
            kinds: BTreeMap::new(),
            ignored: BTreeSet::new(),
            otherwise: None,
            amount: amount.to_owned(),
            fee: None,
            fee_sign: Sign::AsIs,
            currency,
            key: None,
            references: Vec::new(),
            payout: None,
            time: None,
        }
    }

    /// Tells what the sign of a fee means.
    #[must_use]
    pub const fn with_fee_sign(mut self, sign: Sign) -> Self {
        self.fee_sign = sign;
        self
    }

    /// Returns the rule for what stands in the column of kinds, unless there is none.
    pub(super) fn rule(&self, text: &str) -> Option<&KindRule> {
        self.kinds.get(text).or(self.otherwise.as_ref())
    }
}

/// What a text in the column of kinds means.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KindRule {
    /// What the line is about.
    pub kind: LineKind,
    /// What the sign of its amount means.
    #[serde(default)]
    pub sign: Sign,
    /// The column of its amount, if not that of other lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The column of our key, if not that of other lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl KindRule {
    /// Returns a rule for lines whose amounts stand in the usual column, with the usual sign.
    #[must_use]
    pub const fn of(kind: LineKind) -> Self {
        Self {
            kind,
            sign: Sign::AsIs,
            amount: None,
            key: None,
        }
    }

    /// Tells what the sign of the amount means.
    #[must_use]
    pub const fn with_sign(mut self, sign: Sign) -> Self {
        self.sign = sign;
        self
    }

    /// Names another column for the amount.
    #[must_use]
    pub fn with_amount(mut self, column: &str) -> Self {
        self.amount = Some(column.to_owned());
        self
    }

    /// Names another column for our key.
    #[must_use]
    pub fn with_key(mut self, column: &str) -> Self {
        self.key = Some(column.to_owned());
        self
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "it is asked for with a reference"
)]
const fn is_as_is(sign: &Sign) -> bool {
    matches!(sign, Sign::AsIs)
}

const fn comma() -> char {
    ','
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the default of an optional field"
)]
const fn double_quote() -> Option<char> {
    Some('"')
}
