use std::{fmt, str::FromStr, time::Duration};

use mp_core::{Error, Timestamp, id::AppId, id::Name, store::Partition};
use ring::digest::{SHA256, digest};

use super::{entry::EDITIONS_MAX, hex, source::Identity};

/// For how long an event that comes again is known, at least, and what it said is kept: longer than
/// any provider goes on sending (Stripe for three days, WeChat Pay for a day).
///
/// Events are filed by the period in which they first came, which is as long, and leave the store
/// one period after its end.
pub const DEDUP_WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Over how many pages the webhooks of an app and a source are spread: each page is a partition
/// `{app}/hook/{source}.{page}`.
pub(super) const PAGES: u32 = 256;

/// How many digits of an event's hash name it: 128 bits, which no two events share by chance.
const NAME_LENGTH: usize = 32;

/// Names a webhook that was accepted.
///
/// The text form is the source, the number of the period it is filed in, the hash of what
/// identifies the event, and the number of the edition: `stripe:2951:0f…3c:1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId {
    pub(super) source: Name,
    pub(super) period: u64,
    pub(super) name: String,
    pub(super) edition: u32,
}

impl WebhookId {
    /// Returns which source it came from.
    #[must_use]
    pub const fn source(&self) -> &Name {
        &self.source
    }

    pub(super) fn partition(&self, app: &AppId) -> Result<Partition, Error> {
        page_of(app, &self.source, &self.name)
    }

    pub(super) fn entry_key(&self) -> String {
        entry_key(self.period, &self.name)
    }

    pub(super) fn raw_key(&self) -> String {
        raw_key(self.period, &self.name, self.edition)
    }

    /// Returns whether this body, which came under it, was taken for a hint.
    pub(super) fn is_hint(&self, body: &[u8]) -> bool {
        name_and_digest(&Identity::Hint, body).0 == self.name
    }

    /// Returns the id of its due work inside the page.
    pub(super) fn due_id(&self) -> String {
        format!("{:06}.{}.{}", self.period, self.name, self.edition)
    }
}

/// Returns the page on which everything about an event stands.
pub(super) fn page_of(app: &AppId, source: &Name, name: &str) -> Result<Partition, Error> {
    let page = name.get(..2).unwrap_or_default();
    Partition::new(app, "hook", &format!("{source}.{page}"))
}

pub(super) fn entry_key(period: u64, name: &str) -> String {
    format!("e/{period:06}/{name}")
}

pub(super) fn raw_key(period: u64, name: &str, edition: u32) -> String {
    format!("r/{period:06}/{name}.{edition}")
}

/// Returns the number of the period that a time is in.
pub(super) const fn period_of(at: Timestamp) -> u64 {
    at.as_millis() / 1_000 / DEDUP_WINDOW.as_secs()
}

/// Returns when a period begins.
pub(super) fn start_of(period: u64) -> Timestamp {
    let seconds = period.saturating_mul(DEDUP_WINDOW.as_secs());
    Timestamp::MIN.plus(Duration::from_secs(seconds))
}

/// Returns the name of an event, and the digest of these bytes.
pub(super) fn name_and_digest(identity: &Identity, body: &[u8]) -> (String, String) {
    let bytes = hash(&[body]);
    let name = match identity {
        Identity::Event(event) => hash(&[b"event/", event.as_str().as_bytes()]),
        Identity::Bytes => hash(&[b"bytes/", bytes.as_bytes()]),
        Identity::Hint => hash(&[b"hint/", bytes.as_bytes()]),
    };
    (name, bytes)
}

fn hash(parts: &[&[u8]]) -> String {
    let mut digits = hex::encode(digest(&SHA256, &parts.concat()).as_ref());
    digits.truncate(NAME_LENGTH);
    digits
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            period,
            name,
            edition,
        } = self;
        write!(f, "{source}:{period}:{name}:{edition}")
    }
}

impl FromStr for WebhookId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let id = parse(text).filter(|id| id.to_string() == text);
        id.ok_or_else(|| Error::invalid("webhook", EXPECTED))
    }
}

fn parse(text: &str) -> Option<WebhookId> {
    let mut parts = text.split(':');
    let id = WebhookId {
        source: parts.next()?.parse().ok()?,
        period: parts.next()?.parse().ok().filter(|it| *it < PERIODS_MAX)?,
        name: parts.next()?.to_owned(),
        edition: parts.next()?.parse().ok()?,
    };
    let named = id.name.len() == NAME_LENGTH && hex::decode(&id.name).is_some();
    let edition = (1..=EDITIONS_MAX).contains(&id.edition);
    (named && edition && parts.next().is_none()).then_some(id)
}

/// Periods are filed with six digits; the last of them lies beyond the time that a
/// [`Timestamp`] can tell.
const PERIODS_MAX: u64 = 1_000_000;

const EXPECTED: &str =
    "is not the id of a webhook such as stripe:2951:00112233445566778899aabbccddeeff:1";

mp_core::text_form!(
    WebhookId,
    expected: EXPECTED,
    pattern: "^[A-Za-z0-9._-]{1,64}:(0|[1-9][0-9]{0,5}):[0-9a-f]{32}:[1-4]$",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Reference;

    #[test]
    fn ids_are_read_back_and_nothing_else_is() {
        let text = "my.stripe-1:2951:00112233445566778899aabbccddeeff:4";
        let id: WebhookId = text.parse().expect("an id");
        assert_eq!((id.to_string().as_str(), id.edition), (text, 4));
        for wrong in [
            "",
            ":::",
            "s:1:00112233445566778899aabbccddeeff",
            "s:1:00112233445566778899aabbccddeeff:0",
            "s:1:00112233445566778899aabbccddeeff:5",
            "s:01:00112233445566778899aabbccddeeff:1",
            "s:+1:00112233445566778899aabbccddeeff:1",
            "s:1000000:00112233445566778899aabbccddeeff:1",
            "s:1:00112233445566778899AABBCCDDEEFF:1",
            "s:1:00112233445566778899aabbccddeef:1",
            "s/x:1:00112233445566778899aabbccddeeff:1",
            "s:1:00112233445566778899aabbccddeeff:1:1",
        ] {
            assert!(wrong.parse::<WebhookId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_period_is_the_dedup_window_and_fits_into_six_digits() {
        for period in [0, 1, 2951] {
            let start = start_of(period);
            assert_eq!(period_of(start), period);
            assert_eq!(period_of(start.plus(DEDUP_WINDOW)), period + 1);
        }
        assert!(period_of(Timestamp::MAX) < PERIODS_MAX);
    }

    #[test]
    fn no_identity_takes_the_place_of_another() {
        let event = Reference::new("evt_1").expect("a reference");
        let names = [Identity::Event(event), Identity::Bytes, Identity::Hint]
            .map(|identity| name_and_digest(&identity, b"evt_1").0);
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
        let pages = (0..2_000).map(|n| {
            let event = Reference::new(format!("evt_{n}")).expect("a reference");
            let (name, _) = name_and_digest(&Identity::Event(event), b"");
            let app = "market".parse().expect("an app");
            let source = "stripe".parse().expect("a name");
            page_of(&app, &source, &name).expect("a partition")
        });
        let pages: std::collections::BTreeSet<_> = pages.collect();
        assert_eq!(pages.len(), PAGES as usize, "events spread over all pages");
    }
}
