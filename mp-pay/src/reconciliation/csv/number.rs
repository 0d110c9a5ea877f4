//! Amounts as reports write them, read exactly.

use mp_core::amount::{Amount, AmountError, Currency, JSON_INTEGER_MAX, Money};

use super::{AmountFormat, Problem};
use crate::backend::MinorUnits;

/// Reads an amount. Nothing at all, and a lone dash, is no money.
pub(super) fn read(
    text: &str,
    format: AmountFormat,
    units: MinorUnits,
    currency: Currency,
) -> Result<Money, Problem> {
    let text = text.trim();
    if matches!(text, "" | "-") {
        return Ok(Money::zero(currency));
    }
    let text = unsigned(text).ok_or_else(not_decimal)?;
    let money = match format {
        AmountFormat::Decimal { point, grouping } => {
            let plain = plain(text, point, grouping, currency).map_err(Problem::Amount)?;
            let amount = Amount::parse_decimal(&plain, currency).map_err(Problem::Amount)?;
            Money::new(amount.minor(), currency)
        }
        AmountFormat::Minor => {
            let wire = text.parse::<i64>().map_err(|_| not_decimal())?;
            let money = units.from_wire(wire, currency);
            money.map_err(Problem::MinorUnits)?
        }
    };
    let told = (-JSON_INTEGER_MAX..=JSON_INTEGER_MAX).contains(&money.minor());
    told.then_some(money)
        .ok_or(Problem::Amount(AmountError::Overflow))
}

/// Returns a decimal number as [`Amount::parse_decimal`] reads it: with a point, without grouping,
/// and without zeros beyond what the currency has.
fn plain(
    text: &str,
    point: char,
    grouping: Option<char>,
    currency: Currency,
) -> Result<String, AmountError> {
    let (whole, decimals) = text.split_once(point).unwrap_or((text, ""));
    let whole: String = match grouping {
        Some(mark) => ungrouped(whole, mark).ok_or(AmountError::NotDecimal)?,
        None => whole.to_owned(),
    };
    if !is_whole(&whole) {
        return Err(AmountError::NotDecimal);
    }
    let most = usize::from(currency.exponent());
    let kept = match decimals.split_at_checked(most) {
        Some((kept, rest)) if rest.bytes().all(|digit| digit == b'0') => kept,
        _ => decimals,
    };
    let bare = text.ends_with(point);
    Ok(match (bare, kept) {
        (true, _) => return Err(AmountError::NotDecimal),
        (_, "") => whole,
        (_, kept) => format!("{whole}.{kept}"),
    })
}

/// Returns a number without the plus before its digits.
fn unsigned(text: &str) -> Option<&str> {
    match text.strip_prefix('+') {
        Some(number) => number
            .starts_with(|it: char| it.is_ascii_digit())
            .then_some(number),
        None => Some(text),
    }
}

/// Returns whether it is digits, perhaps behind a minus. A dot that is neither the point nor stands
/// between groups would be taken for the point otherwise, and a thousand for one.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit())
}

/// Returns the digits of a number in groups: the first of one to three, the others of three.
fn ungrouped(whole: &str, mark: char) -> Option<String> {
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let mut groups = digits.split(mark);
    let first = groups.next()?;
    let grouped = digits.contains(mark);
    let fits = !grouped || ((1..=3).contains(&first.len()) && groups.all(|it| it.len() == 3));
    fits.then(|| whole.chars().filter(|it| *it != mark).collect())
}

fn not_decimal() -> Problem {
    Problem::Amount(AmountError::NotDecimal)
}
