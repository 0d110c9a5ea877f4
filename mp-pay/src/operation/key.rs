use std::{
    fmt::{self, Write},
    str::FromStr,
};

use mp_core::{Error, text::Short};

use crate::{intent::IntentId, refund::RefundId};

/// What of an intent is asked of the backend.
///
/// Attempts are numbered from 1, and so are the captures, voids and the like of each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The charge of an attempt.
    Charge(u32),
    /// Of an attempt's hold, the raise of this number.
    Increase(u32, u32),
    /// Of an attempt's hold, the capture of this number.
    Capture(u32, u32),
    /// Letting go of an attempt's hold, or of the attempt itself; the time of this number.
    Void(u32, u32),
    /// Giving back what an attempt took after it was given up; the time of this number.
    Return(u32, u32),
    /// A refund.
    Refund(RefundId),
}

impl Step {
    /// Returns the number of the attempt that it belongs to; `None` for a refund.
    #[must_use]
    pub const fn attempt(self) -> Option<u32> {
        match self {
            Self::Charge(n)
            | Self::Increase(n, _)
            | Self::Capture(n, _)
            | Self::Void(n, _)
            | Self::Return(n, _) => Some(n),
            Self::Refund(_) => None,
        }
    }
}

/// Names one operation, at us and at the backend: its idempotency key and our reference there.
///
/// The text form is the intent's id, then `-c1` for the charge of attempt 1, `-k1` for its first
/// capture and `-k1.2` for its second, in the same way `-i1` for its first increase, `-v1` for its
/// void and `-x1` for its return, or `-` and a refund's id. A charge's key has 32 characters, which
/// is the most that WeChat Pay takes as an `out_trade_no`; a refund's has 59, within the 64 of its
/// `out_refund_no`.
///
/// ```
/// use mp_pay::operation::{OperationKey, Step};
///
/// let key: OperationKey = "pi_01HF7YAT000000000000000000-c1".parse()?;
/// assert_eq!(key.step, Step::Charge(1));
/// assert_eq!(key.to_string().len(), 32);
/// # Ok::<(), mp_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey {
    /// The intent.
    pub intent: IntentId,
    /// What of it.
    pub step: Step,
}

impl OperationKey {
    /// Returns the text form, put together without a formatter: each record of an operation has it a few
    /// times. Nothing of it is left out, as the longest text fits.
    pub(crate) fn text(&self) -> Short<TEXT_LENGTH_MAX> {
        let mut text = Short::new();
        text.push(self.intent.text().as_str());
        let (letter, attempt, number) = match self.step {
            Step::Charge(n) => ("-c", n, 1),
            Step::Increase(n, number) => ("-i", n, number),
            Step::Capture(n, number) => ("-k", n, number),
            Step::Void(n, number) => ("-v", n, number),
            Step::Return(n, number) => ("-x", n, number),
            Step::Refund(refund) => {
                text.push("-");
                text.push(refund.text().as_str());
                return text;
            }
        };
        text.push(letter);
        push_number(&mut text, attempt);
        if number != 1 {
            text.push(".");
            push_number(&mut text, number);
        }
        text
    }
}

fn push_number(text: &mut Short<TEXT_LENGTH_MAX>, number: u32) {
    match char::from_digit(number, 10) {
        Some(digit) => {
            text.push(digit.encode_utf8(&mut [0; 4]));
        }
        None => {
            let _ = write!(text, "{number}");
        }
    }
}

impl fmt::Display for OperationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl FromStr for OperationKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::invalid("operation", EXPECTED))
    }
}

fn parse(text: &str) -> Option<OperationKey> {
    let (intent, step) = text.split_once('-')?;
    let intent = intent.parse().ok()?;
    let letter = step.chars().next()?;
    let step = match letter {
        'c' | 'i' | 'k' | 'v' | 'x' => numbered(letter, step.get(1..)?)?,
        _ => Step::Refund(step.parse().ok()?),
    };
    Some(OperationKey { intent, step })
}

/// Reads `1` or `1.2`; each number has one text, so the first is never written.
fn numbered(letter: char, numbers: &str) -> Option<Step> {
    let (attempt, number) = match numbers.split_once('.') {
        Some((attempt, number)) => (attempt, canonical(number, 2).filter(|n| *n > 1)?),
        None => (numbers, 1),
    };
    let attempt = canonical(attempt, 1)?;
    match letter {
        'c' => (number == 1).then_some(Step::Charge(attempt)),
        'i' => Some(Step::Increase(attempt, number)),
        'k' => Some(Step::Capture(attempt, number)),
        'v' => Some(Step::Void(attempt, number)),
        _ => Some(Step::Return(attempt, number)),
    }
}

fn canonical(text: &str, digits_max: usize) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits && text.len() <= digits_max && !text.starts_with('0');
    fits.then(|| text.parse().ok())?
}

const EXPECTED: &str = "is not an operation such as pi_01HF7YAT000000000000000000-c1";

/// The longest text, in bytes: two ids, or an id and two numbers of any size.
const TEXT_LENGTH_MAX: usize = 64;

mp_core::text_form!(
    OperationKey,
    text: Self::text,
    expected: EXPECTED,
    pattern: "^pi_[0-7][0-9A-HJKMNP-TV-Z]{25}-(c[1-9]|[ikvx][1-9](\\.([2-9]|[1-9][0-9]))?|rf_[0-7][0-9A-HJKMNP-TV-Z]{25})$",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_nothing_else_is() {
        let intent = IntentId::at(1_700_000_000_000, [9; 10]);
        let refund = RefundId::at(1_700_000_000_000, [8; 10]);
        let steps = [
            Step::Charge(1),
            Step::Increase(1, 2),
            Step::Capture(9, 1),
            Step::Capture(9, 50),
            Step::Void(2, 2),
            Step::Return(3, 1),
            Step::Refund(refund),
        ];
        for step in steps {
            let key = OperationKey { intent, step };
            assert_eq!(key.to_string().parse::<OperationKey>().ok(), Some(key));
            assert!(key.to_string().len() <= 64);
        }
        for text in ["", "-", "pi_", "c1", "é"] {
            assert!(text.parse::<OperationKey>().is_err(), "{text}");
        }
        for step in [
            "c0", "c", "c10", "c+1", "z1", "é1", "", "c1 ", "rf_1", "c1.2", "k1.1", "k1.0",
            "k1.02", "k1.", "k.2", "k1.2.3", "k1.100",
        ] {
            let text = format!("{intent}-{step}");
            assert!(text.parse::<OperationKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_text_has_room_for_every_key() {
        let intent = IntentId::at(1_700_000_000_000, [9; 10]);
        let text = |step| OperationKey { intent, step }.to_string();
        for n in [1, 2, 9, 10, 99, u32::MAX] {
            assert_eq!(text(Step::Charge(n)), format!("{intent}-c{n}"));
            for attempt in [1, 9, u32::MAX] {
                let number = if n == 1 {
                    String::new()
                } else {
                    format!(".{n}")
                };
                for (step, letter) in [
                    (Step::Increase(attempt, n), 'i'),
                    (Step::Capture(attempt, n), 'k'),
                    (Step::Void(attempt, n), 'v'),
                    (Step::Return(attempt, n), 'x'),
                ] {
                    assert_eq!(text(step), format!("{intent}-{letter}{attempt}{number}"));
                }
            }
        }
        let refund = RefundId::from_bytes([255; 16]);
        assert_eq!(text(Step::Refund(refund)), format!("{intent}-{refund}"));
    }
}
