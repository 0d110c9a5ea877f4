use std::{collections::BTreeMap, fmt};

use mp_core::{
    Document,
    id::{AppId, Name},
};
use serde::{Deserialize, Serialize};

use super::{WebhookRefusal, hex};

/// The longest body, in bytes; Stripe's and WeChat Pay's stay well below it.
pub const BODY_MAX: usize = 96 * 1024;

/// The longest body of a [hint](super::Identity::Hint), in bytes: anybody can send one, and it says
/// no more than what to ask about.
pub const HINT_BODY_MAX: usize = 8 * 1024;

/// The most headers of one webhook.
pub const HEADERS_MAX: usize = 64;

/// The longest that all names and values of the headers may be together, in bytes.
pub const HEADERS_LENGTH_MAX: usize = 16 * 1024;

/// A webhook as it came: nothing of it is believed yet.
///
/// ```
/// use mp_pay::webhook::RawWebhook;
///
/// let webhook = RawWebhook::new("market".parse()?, "stripe".parse()?, br#"{"id":"evt_1"}"#)
///     .with_header("Stripe-Signature", "t=1700000000,v1=00");
/// assert_eq!(webhook.header("stripe-signature"), Some("t=1700000000,v1=00"));
/// # Ok::<(), mp_core::id::ParseNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawWebhook {
    /// The app whose endpoint it came to.
    pub app: AppId,
    /// The source that the endpoint is for.
    pub source: Name,
    /// The bytes of the body, as they came.
    pub body: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

impl RawWebhook {
    /// Takes a body that came to the endpoint of an app and a source.
    #[must_use]
    pub fn new(app: AppId, source: Name, body: impl Into<Vec<u8>>) -> Self {
        Self {
            app,
            source,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header that came with it.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        let name = name.to_ascii_lowercase();
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the value of a header, by its name in lower case; `None` if it is not there, not
    /// text, or there more than once, since then nobody can tell which one was meant.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(found, _)| found == name);
        let (_, value) = named.next()?;
        let alone = named.next().is_none();
        alone.then(|| std::str::from_utf8(value).ok())?
    }

    /// Refuses what is larger than any provider sends.
    pub(super) fn check(&self) -> Result<(), WebhookRefusal> {
        let length = |(name, value): &(String, Vec<u8>)| name.len() + value.len();
        let headers: usize = self.headers.iter().map(length).sum();
        let too_large = |what, most| Err(WebhookRefusal::TooLarge { what, most });
        if self.body.len() > BODY_MAX {
            return too_large("bytes of body", BODY_MAX);
        }
        if self.headers.len() > HEADERS_MAX {
            return too_large("headers", HEADERS_MAX);
        }
        if headers > HEADERS_LENGTH_MAX {
            return too_large("bytes of headers", HEADERS_LENGTH_MAX);
        }
        Ok(())
    }

    /// Refuses what is larger than any provider sends that signs nothing.
    pub(super) fn check_hint(&self) -> Result<(), WebhookRefusal> {
        let (what, most) = ("bytes of a body that is not signed", HINT_BODY_MAX);
        match self.body.len() > most {
            true => Err(WebhookRefusal::TooLarge { what, most }),
            false => Ok(()),
        }
    }

    /// Returns what is kept of it: the body, and the headers that are named.
    pub(super) fn kept(&self, headers: &[&str]) -> Raw {
        let named = headers.iter().filter_map(|name| {
            let value = self.header(name)?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        let text = as_text(&self.body);
        Raw {
            headers: named.collect(),
            hex: text.is_none().then(|| hex::encode(&self.body)),
            text,
        }
    }
}

/// Tells how much came, never what: a body is about people and their money.
impl fmt::Debug for RawWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawWebhook")
            .field("app", &self.app)
            .field("source", &self.source)
            .field("headers", &self.headers.len())
            .field("body", &format_args!("*** of {} bytes", self.body.len()))
            .finish()
    }
}

/// What is kept of a webhook: its bytes, to the last one, as a person can read them where they are
/// text.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Raw {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The body in hexadecimal digits, if it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl Document for Raw {
    const KIND: &'static str = "webhook_raw";
    const FORMAT: u32 = 1;
}

/// Returns a body as text, if it is some. Control characters would grow sixfold in JSON, and with
/// them a body beyond what a store keeps in one record; everything else at most doubles.
fn as_text(body: &[u8]) -> Option<String> {
    let odd = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    let text = std::str::from_utf8(body).ok()?;
    (!text.contains(odd)).then(|| text.to_owned())
}

impl Raw {
    /// Returns the bytes of the body; `None` if they do not read back.
    pub(super) fn body(&self) -> Option<Vec<u8>> {
        match (&self.text, &self.hex) {
            (Some(text), None) => Some(text.as_bytes().to_vec()),
            (None, Some(digits)) => hex::decode(digits),
            _ => None,
        }
    }

    /// Returns it as it came, as far as it was kept; `None` if it does not read back.
    pub(super) fn revive(&self, app: AppId, source: Name) -> Option<RawWebhook> {
        let webhook = RawWebhook::new(app, source, self.body()?);
        let with = |webhook: RawWebhook, (name, value): (&String, &String)| {
            webhook.with_header(name, value.as_str())
        };
        Some(self.headers.iter().fold(webhook, with))
    }
}

#[cfg(test)]
mod tests {
    use mp_core::{document, store::Limits};
    use proptest::prelude::*;

    use super::*;

    fn webhook(body: impl Into<Vec<u8>>) -> RawWebhook {
        let app = "market".parse().expect("a name");
        RawWebhook::new(app, "stripe".parse().expect("a name"), body)
    }

    #[test]
    fn a_header_that_came_twice_counts_as_none() {
        let once = webhook("").with_header("Signature", "a");
        assert_eq!(once.header("signature"), Some("a"));
        let twice = once.clone().with_header("SIGNATURE", "a");
        assert_eq!(twice.header("signature"), None);
        assert_eq!(once.with_header("time", [0xff]).header("time"), None);
    }

    #[test]
    fn each_limit_is_the_last_that_is_let_in() {
        let sized = |count: usize, length: usize| {
            let value = vec![b'v'; length - 1];
            (0..count).fold(webhook(""), |webhook, _| {
                webhook.with_header("n", value.clone())
            })
        };
        let full = HEADERS_LENGTH_MAX / 4;
        for (webhook, fits) in [
            (webhook(vec![b' '; BODY_MAX]), true),
            (webhook(vec![b' '; BODY_MAX + 1]), false),
            (sized(HEADERS_MAX, 1), true),
            (sized(HEADERS_MAX + 1, 1), false),
            (sized(4, full), true),
            (sized(4, full + 1), false),
        ] {
            assert_eq!(webhook.check().is_ok(), fits, "{webhook:?}");
        }
    }

    #[test]
    fn the_worst_that_is_let_in_fits_into_a_record() {
        let value = vec![b'"'; HEADERS_LENGTH_MAX - 1];
        for byte in [b'"', 0, 0xff, b'\n', 0x7f] {
            let webhook = webhook(vec![byte; BODY_MAX]).with_header("h", value.clone());
            webhook.check().expect("is let in");
            let stored = document::encode(&webhook.kept(&["h"]), None).expect("encodes");
            assert!(stored.len() <= Limits::STANDARD.value_max, "{byte}");
        }
    }

    #[test]
    fn nothing_of_what_came_is_printed() {
        let webhook = webhook("mei@example.org").with_header("authorization", "secret");
        let printed = format!("{webhook:?}");
        assert!(!printed.contains("mei") && !printed.contains("secret"));
    }

    proptest! {
        #[test]
        fn every_byte_reads_back(body: Vec<u8>, text: String) {
            for body in [body, text.into_bytes()] {
                let came = webhook(body).with_header("kept", "1").with_header("other", "2");
                let stored = document::encode(&came.kept(&["kept"]), None).expect("encodes");
                let (raw, _) = document::decode::<Raw>(&stored).expect("reads");
                let back = raw.revive(came.app.clone(), came.source.clone()).expect("revives");
                prop_assert_eq!(&back.body, &came.body);
                prop_assert_eq!((back.header("kept"), back.header("other")), (Some("1"), None));
            }
        }
    }
}
