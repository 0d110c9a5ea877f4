//! `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>…]`: HMAC-SHA256 over `{t}.{body}`.

use std::{fmt, time::Duration};

use mp_core::{
    Error, Timestamp,
    sign::{TAG_LENGTH_MAX, Tag},
};
use ring::hmac::{Context, HMAC_SHA256, Key};
use zeroize::Zeroizing;

use super::TOLERANCE;
use crate::webhook::{WebhookRefusal, hex};

/// The shortest secret, in bytes.
const SECRET_LENGTH_MIN: usize = 16;

/// The most signatures of one header: one for each secret that is in use.
const SIGNATURES_MAX: usize = 16;

/// An endpoint's signing secret, as Stripe shows it: the whole text with its `whsec_` is the key.
///
/// It prints as `***`, and its bytes are overwritten when it is dropped. The state that its algorithm
/// computes from them is as good as the secret, and is not: so none is kept, and each signature
/// computes it anew, for a tenth of a microsecond. Until something else is written there, it stands on
/// the stack of whoever has verified a webhook: a core dump of the process is secret all the same, as
/// is the text that this was made of.
///
/// ```
/// use mp_core::Timestamp;
/// use mp_pay::webhook::stripe::StripeSecret;
///
/// let secret = StripeSecret::new("whsec_test_secret")?;
/// let at = Timestamp::from_micros(1_700_000_000_000_000);
/// assert_eq!(
///     secret.sign(br#"{"id":"evt_test_webhook","object":"event"}"#, at),
///     "t=1700000000,v1=d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990",
/// );
/// # Ok::<(), mp_core::Error>(())
/// ```
#[derive(Clone)]
pub struct StripeSecret(Zeroizing<Vec<u8>>);

impl StripeSecret {
    /// Takes the text that Stripe shows.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is shorter than 16 bytes.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.len() < SECRET_LENGTH_MIN {
            return Err(Error::invalid("secret", "is shorter than 16 bytes"));
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }

    /// Returns the header that a body is sent with, signed at this time: for a sandbox, and for a
    /// host's own tests.
    #[must_use]
    pub fn sign(&self, body: &[u8], at: Timestamp) -> String {
        let at = (at.as_millis() / 1_000).to_string();
        let tag = hex::encode(self.mac(&at, body).as_ref());
        format!("t={at},v1={tag}")
    }

    fn mac(&self, at: &str, body: &[u8]) -> ring::hmac::Tag {
        let mut context = Context::with_key(&Key::new(HMAC_SHA256, &self.0));
        for part in [at.as_bytes(), b".", body] {
            context.update(part);
        }
        context.sign()
    }

    /// Compares in a time that does not tell where two tags differ.
    fn has_signed(&self, at: &str, body: &[u8], tags: &[Tag]) -> bool {
        let made = Tag::from_bytes(self.mac(at, body).as_ref());
        made.is_ok_and(|made| tags.contains(&made))
    }
}

impl fmt::Debug for StripeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the header says.
pub(super) struct Signature<'a> {
    /// When it was signed, in the digits that were signed.
    at: &'a str,
    /// What it may have been signed with; schemes other than `v1` count for nothing.
    tags: Vec<Tag>,
}

impl<'a> Signature<'a> {
    pub(super) fn parse(header: &'a str) -> Result<Self, WebhookRefusal> {
        let wrong = |problem| Err(WebhookRefusal::Malformed(problem));
        let (mut at, mut tags) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", digits)) if at.is_none() => at = Some(digits),
                Some(("t", _)) => return wrong("its signature has two times"),
                Some(("v1", digits)) => tags.extend(tag(digits)),
                _ => {}
            }
            if tags.len() > SIGNATURES_MAX {
                return wrong("it has more than 16 signatures");
            }
        }
        match at {
            Some(at) if seconds(at).is_some() => Ok(Self { at, tags }),
            _ => wrong("its signature has no time"),
        }
    }

    /// Checks who has signed, then when: whoever cannot sign is not told what the time is.
    pub(super) fn check(
        &self,
        secrets: &[StripeSecret],
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), WebhookRefusal> {
        let signed = |secret: &StripeSecret| secret.has_signed(self.at, body, &self.tags);
        if !secrets.iter().any(signed) {
            return Err(WebhookRefusal::BadSignature);
        }
        let signed_at = seconds(self.at).unwrap_or(Timestamp::MIN);
        let off = now.since(signed_at).max(signed_at.since(now));
        if off > TOLERANCE {
            return Err(WebhookRefusal::OutsideWindow);
        }
        Ok(())
    }
}

/// Reads a whole tag: a shortened one would be weaker than the scheme.
fn tag(digits: &str) -> Option<Tag> {
    let bytes = hex::decode(digits).filter(|bytes| bytes.len() == TAG_LENGTH_MAX)?;
    Tag::from_bytes(&bytes).ok()
}

/// Reads a time in whole seconds since 1970.
fn seconds(digits: &str) -> Option<Timestamp> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = canonical && (1..=DIGITS_MAX).contains(&digits.len());
    let seconds: u64 = fits.then(|| digits.parse().ok())??;
    Some(Timestamp::MIN.plus(Duration::from_secs(seconds)))
}

/// The most digits of a time: enough for as long as a [`Timestamp`] can tell.
const DIGITS_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_test_webhook","object":"event"}"#;
    /// Made with Stripe's official Python library, 16.1.0.
    const TAG: &str = "d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990";
    const SIGNED_AT: i64 = 1_700_000_000;

    fn secret(text: &str) -> StripeSecret {
        StripeSecret::new(text).expect("a secret")
    }

    fn ours() -> Vec<StripeSecret> {
        vec![secret("whsec_another_secret"), secret("whsec_test_secret")]
    }

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn check(header: &str, body: &[u8], now: i64) -> Result<(), &'static str> {
        let checked = Signature::parse(header).and_then(|it| it.check(&ours(), body, at(now)));
        checked.map_err(|refusal| refusal.code())
    }

    #[test]
    fn stripes_own_signature_is_taken_by_any_secret_that_is_set_up() {
        let zeros = "0".repeat(64);
        for header in [
            format!("t={SIGNED_AT},v1={TAG}"),
            format!("v1={TAG},t={SIGNED_AT}"),
            format!("t={SIGNED_AT},v1={zeros},v1={TAG}"),
            format!("t={SIGNED_AT},v1={TAG},v1={zeros},v0={zeros}"),
            format!("t={SIGNED_AT}, v1={TAG}"),
            format!("t={SIGNED_AT},v1=,v1={TAG},v2=x,y"),
        ] {
            assert_eq!(check(&header, BODY, SIGNED_AT), Ok(()), "{header}");
        }
    }

    #[test]
    fn every_other_signature_is_refused() {
        let upper = TAG.to_ascii_uppercase();
        for (header, body) in [
            (format!("t={SIGNED_AT},v0={TAG}"), BODY),
            (format!("t={SIGNED_AT},v1={upper}"), BODY),
            (format!("t={SIGNED_AT},v1={}", &TAG[..62]), BODY),
            (format!("t={SIGNED_AT},v1={TAG}00"), BODY),
            (format!("t={SIGNED_AT}"), BODY),
            (format!("t={SIGNED_AT},v1={TAG}"), b"{}".as_slice()),
            (format!("t={SIGNED_AT},v1={TAG}"), &BODY[1..]),
            (format!("t=0{SIGNED_AT},v1={TAG}"), BODY),
            (format!("t={},v1={TAG}", SIGNED_AT + 1), BODY),
        ] {
            assert_eq!(
                check(&header, body, SIGNED_AT),
                Err("bad_signature"),
                "{header}"
            );
        }
        for header in [
            String::new(),
            format!("v1={TAG}"),
            format!("t=,v1={TAG}"),
            format!("t=-1,v1={TAG}"),
            format!("t=+{SIGNED_AT},v1={TAG}"),
            format!("t={SIGNED_AT}.5,v1={TAG}"),
            format!("t=1{SIGNED_AT}000,v1={TAG}"),
            format!("t={SIGNED_AT},t={SIGNED_AT},v1={TAG}"),
            format!(
                "t={SIGNED_AT}{}",
                format!(",v1={TAG}").repeat(SIGNATURES_MAX + 1)
            ),
        ] {
            assert_eq!(
                check(&header, BODY, SIGNED_AT),
                Err("malformed"),
                "{header}"
            );
        }
    }

    #[test]
    fn the_window_is_closed_on_both_sides_and_only_the_signer_hears_of_it() {
        let header = format!("t={SIGNED_AT},v1={TAG}");
        let tolerance = TOLERANCE.as_secs().cast_signed();
        for (off, expected) in [
            (-tolerance - 1, Err("outside_window")),
            (-tolerance, Ok(())),
            (0, Ok(())),
            (tolerance, Ok(())),
            (tolerance + 1, Err("outside_window")),
        ] {
            assert_eq!(check(&header, BODY, SIGNED_AT + off), expected, "{off}");
        }
        let forged = format!("t={SIGNED_AT},v1={}", "0".repeat(64));
        assert_eq!(check(&forged, BODY, 0), Err("bad_signature"));
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let header = format!("t={SIGNED_AT},v1={TAG}");
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                check(&header, &body, SIGNED_AT),
                Err("bad_signature"),
                "{bit}"
            );
        }
    }

    #[test]
    fn a_secret_is_not_printed_and_has_a_length() {
        assert_eq!(format!("{:?}", secret("whsec_test_secret")), "***");
        assert!(StripeSecret::new("whsec_123456789").is_err());
    }

    proptest! {
        #[test]
        fn what_is_signed_here_verifies_here(body: Vec<u8>, seconds in 0..4_000_000_000_i64) {
            let header = secret("whsec_test_secret").sign(&body, at(seconds));
            prop_assert_eq!(check(&header, &body, seconds), Ok(()));
        }

        #[test]
        fn no_header_makes_it_panic(header: String, pairs in "(t|v1|v0|=|,|[0-9a-f]){0,200}") {
            for header in [header, pairs] {
                prop_assert!(check(&header, BODY, SIGNED_AT).is_err());
            }
        }
    }
}
