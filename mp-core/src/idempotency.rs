//! One effect per key: what a repeated call is answered.
//!
//! The rules are those of the Agentic Commerce Protocol, section 6: equality is that of the
//! canonical JSON of the typed command after its defaults, a key that comes back with another
//! command is refused for good, and only answers are remembered, never transient failures. The
//! record stands in the partition that the command changes and is written in the same commit.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    caller::Caller,
    clock::{Timestamp, write_digits},
    document::Document,
    error::{Error, ErrorKind},
    id::IdempotencyKey,
    text::Short,
};

/// For how long an answer is remembered, at least; for up to twice as long at most.
pub const IDEMPOTENCY_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// The prefix of the records that remember answers.
pub const IDEMPOTENCY_PREFIX: &str = "i/";

/// A caller's promise that calls with this key are one and the same.
///
/// ```
/// use mp_core::{caller::Caller, idempotency::Idempotency};
///
/// let caller = Caller::user("market".parse()?, "mei".parse()?);
/// let key = "order-17".parse()?;
/// let first = Idempotency::new(&caller, "pay.capture", &key, &serde_json::json!({"amount": 5}))?;
/// let other = Idempotency::new(&caller, "pay.capture", &key, &serde_json::json!({"amount": 6}))?;
/// assert_ne!(first, other);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    path: String,
    fingerprint: String,
}

impl Idempotency {
    /// Joins the caller, the operation and its typed command under a key.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the command does not serialise as JSON.
    pub fn new(
        caller: &Caller,
        operation: &str,
        key: &IdempotencyKey,
        command: &impl Serialize,
    ) -> Result<Self, Error> {
        let path = [caller.key_segment(), "/", operation, "/", key.as_str()];
        Ok(Self {
            path: path.concat(),
            fingerprint: fingerprint(command)?,
        })
    }

    /// Returns the command's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the keys under which an answer may stand that is remembered at `now`: the one that a
    /// new answer is written to first.
    pub(crate) fn keys(&self, now: Timestamp) -> [String; 2] {
        let period = Self::period(now);
        [period, period.saturating_sub(1)].map(|period| {
            let period = period_text(period);
            [IDEMPOTENCY_PREFIX, period.as_str(), "/", &self.path].concat()
        })
    }

    /// Returns the key before which every remembered answer has lapsed at `now`.
    pub(crate) fn lapsed_before(now: Timestamp) -> String {
        let last = Self::period(now).saturating_sub(1);
        [IDEMPOTENCY_PREFIX, period_text(last).as_str()].concat()
    }

    /// Returns which stretch of [`IDEMPOTENCY_MEMORY`] a moment lies in; the keys of one stretch are
    /// the same.
    pub(crate) fn period(now: Timestamp) -> u64 {
        now.as_millis() / 1_000 / IDEMPOTENCY_MEMORY.as_secs()
    }

    pub(crate) fn remember<T: Serialize>(&self, answer: &T) -> Result<Remembered, Error> {
        let answer = serde_json::value::to_raw_value(answer).map_err(|error| {
            Error::invalid("answer", "does not serialise as JSON").with_source(error)
        })?;
        Ok(Remembered {
            fingerprint: self.fingerprint.clone(),
            answer,
        })
    }

    pub(crate) fn recall<T: DeserializeOwned>(&self, remembered: &Remembered) -> Result<T, Error> {
        if remembered.fingerprint != self.fingerprint {
            return Err(key_reused());
        }
        serde_json::from_str(remembered.answer.get()).map_err(|error| {
            let message = "a remembered answer does not read back";
            Error::new(ErrorKind::Corrupt, "corrupt_record", message).with_source(error)
        })
    }
}

/// The error of a key that comes back with another command or another target.
#[must_use]
pub fn key_reused() -> Error {
    let message = "the idempotency key was used before for something else: take a new key";
    Error::new(ErrorKind::KeyReused, "idempotency_conflict", message).with_field("idempotency_key")
}

/// Returns the SHA-256 of the command's canonical JSON (members sorted by name) in hexadecimal.
///
/// # Errors
///
/// `invalid_field` if the command does not serialise as JSON.
pub fn fingerprint(command: &impl Serialize) -> Result<String, Error> {
    let failed = |error| Error::invalid("command", "does not serialise as JSON").with_source(error);
    let mut canonical = serde_json::to_value(command).map_err(failed)?;
    // They are, unless some crate of the host's has `serde_json` keep the order they came in.
    canonical.sort_all_objects();
    let canonical = serde_json::to_vec(&canonical).map_err(failed)?;
    let hash = digest(&SHA256, &canonical);
    Ok(hexadecimal(hash.as_ref()))
}

/// Returns the number of a period in eight digits, which is enough for [`Timestamp::MAX`].
fn period_text(period: u64) -> Short<16> {
    let mut text = [0; 8];
    write_digits(&mut text, u32::try_from(period).unwrap_or(u32::MAX));
    Short::of_ascii(text)
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(nibble)]));
        }
    }
    text
}

/// An answer that was given, and for which command.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Remembered {
    fingerprint: String,
    answer: Box<RawValue>,
}

impl Document for Remembered {
    const KIND: &'static str = "answer";
    const FORMAT: u32 = 1;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fingerprint_of_an_older_release_is_that_of_the_same_command() {
        let command = serde_json::json!({
            "intent": "pi_01HF7YAT000000000000000000",
            "amount": { "currency": "EUR", "amount": 1250 },
            "note": "Größe \"L\"\n", "tags": [null, true, -1, 0.5],
        });
        assert_eq!(
            fingerprint(&command).expect("is JSON"),
            "1ac47e57bb06e4e6de7afade92a5d8cc9f61d186e28be979bee0dfa179629735"
        );
    }

    proptest! {
        #[test]
        fn a_period_is_written_in_eight_digits(micros in 0..=Timestamp::MAX.as_micros()) {
            for now in [Timestamp::from_micros(micros), Timestamp::MIN, Timestamp::MAX] {
                let period = Idempotency::period(now);
                let text = period_text(period);
                prop_assert_eq!(text.as_str(), format!("{period:08}"));
            }
        }

        #[test]
        fn hexadecimal_is_two_digits_a_byte(bytes in any::<[u8; 32]>()) {
            let plain: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(hexadecimal(&bytes), plain);
        }
    }
}
