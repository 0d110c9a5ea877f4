use std::time::Duration;

use super::{MinorUnits, NextAction, NextActionKind, Queries};
use crate::{attempt::INCREASES_MAX, capture::CAPTURES_MAX};

/// What a backend can do; asked before anything is planned, so that what it cannot do is refused
/// as [`PayError::Unsupported`](crate::PayError::Unsupported) before anything is written or sent.
///
/// # What gets out of an unknown outcome
///
/// | class | declared by | what is done |
/// |---|---|---|
/// | replays keys | [`replays_keys`](Self::replays_keys) | the same key is sent again within the window |
/// | answers queries | [`queries`](Self::queries), by our key | it is asked by our key, and by its own name where it has told one |
/// | answers by its own names | [`queries`](Self::queries), by reference | it is asked once it has told a name, and until then as if it answered none |
/// | neither | none of them | a person is asked |
///
/// In the last class nobody can promise more than that nothing is sent twice.
///
/// A call is made within [`call_max`](crate::PaymentsOptions::call_max) of the commit that claims it
/// or not at all, and counts as lost only later than that by any clock; so whoever finds by a query
/// that it did not come may call. One thing gets past that: a process that is stopped between its
/// last look at the clock and its request, for longer than that. A backend that answers queries
/// should therefore also refuse a key it has acted on, as those do that replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// For how long the same key, sent again, is answered with what became of it the first time, or,
    /// where [`queries`](Self::queries) find it by its name, with what was answered then; `None` if
    /// sending again may act again. Stripe promises 24 hours. After the window a replay
    /// would be a new charge, and is never sent.
    pub replays_keys: Option<Duration>,
    /// By which names [`PaymentBackend::lookup`](super::PaymentBackend::lookup) finds operations.
    pub queries: Queries,
    /// Whether money can be held first and taken later.
    pub separate_capture: bool,
    /// Whether less than everything that is held can be taken.
    pub partial_capture: bool,
    /// How often a hold can be captured: once, or more often as Stripe's up to 50 times.
    pub captures_max: u32,
    /// How often a hold can be raised; none at most backends, 10 at Stripe.
    pub increases_max: u32,
    /// For how long a hold stands unless the backend tells otherwise; `None` if it has no end.
    pub hold_life: Option<Duration>,
    /// Whether less than everything can be refunded; what was captured so far of a hold that can
    /// still be captured is not everything.
    pub partial_refund: bool,
    /// Whether there can be a second refund of the same charge.
    pub repeated_refund: bool,
    /// How far what the backend tells by itself is believed.
    pub webhooks: WebhookTrust,
    /// What it may ask of a payer. Whatever else it asks for is shown to no payer: the operation is
    /// put before a person, as one whose backend has [broken its
    /// contract](crate::operation::Breach::UndeclaredAction).
    pub next_actions: &'static [NextActionKind],
    /// How it counts amounts; what it cannot count is refused.
    pub minor_units: MinorUnits,
}

/// How far is believed what a backend tells by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookTrust {
    /// It is signed, and the host has checked the signature: what it tells is an observation.
    Signed,
    /// Anybody could have sent it: it is a reason to ask the backend, and nothing more.
    HintOnly,
}

impl Capabilities {
    /// Returns the abilities of a backend that can neither replay nor be asked, and else can do
    /// everything, raising holds ([`PaymentBackend::increase`](super::PaymentBackend::increase))
    /// included: what yours cannot do, take away by the methods below.
    #[must_use]
    pub const fn neither() -> Self {
        Self {
            replays_keys: None,
            queries: Queries::None,
            separate_capture: true,
            partial_capture: true,
            captures_max: CAPTURES_MAX,
            increases_max: INCREASES_MAX,
            hold_life: Some(Duration::from_secs(7 * 24 * 60 * 60)),
            partial_refund: true,
            repeated_refund: true,
            webhooks: WebhookTrust::Signed,
            next_actions: NextActionKind::ALL,
            minor_units: MinorUnits::ISO_4217,
        }
    }

    /// Replays keys within this window.
    #[must_use]
    pub const fn with_replay(mut self, window: Duration) -> Self {
        self.replays_keys = Some(window);
        self
    }

    /// Answers queries by our key, and by its own names.
    #[must_use]
    pub const fn with_queries(mut self) -> Self {
        self.queries = Queries::ByKey;
        self
    }

    /// Answers queries by its own names alone.
    #[must_use]
    pub const fn with_queries_by_reference(mut self) -> Self {
        self.queries = Queries::ByReference;
        self
    }

    /// Takes money at once or not at all.
    #[must_use]
    pub const fn without_separate_capture(mut self) -> Self {
        self.separate_capture = false;
        self
    }

    /// Takes all that is held or nothing.
    #[must_use]
    pub const fn without_partial_capture(mut self) -> Self {
        self.partial_capture = false;
        self.captures_max = 1;
        self
    }

    /// Lets a hold be captured this often.
    #[must_use]
    pub const fn with_captures(mut self, most: u32) -> Self {
        self.captures_max = most;
        self
    }

    /// Lets a hold be raised this often.
    #[must_use]
    pub const fn with_increases(mut self, most: u32) -> Self {
        self.increases_max = most;
        self
    }

    /// Lets holds lapse after so long; never if `None`.
    #[must_use]
    pub const fn with_hold_life(mut self, life: Option<Duration>) -> Self {
        self.hold_life = life;
        self
    }

    /// Refunds everything or nothing.
    #[must_use]
    pub const fn without_partial_refund(mut self) -> Self {
        self.partial_refund = false;
        self
    }

    /// Refunds once.
    #[must_use]
    pub const fn without_repeated_refund(mut self) -> Self {
        self.repeated_refund = false;
        self
    }

    /// Is believed this far when it tells something by itself.
    #[must_use]
    pub const fn with_webhooks(mut self, trust: WebhookTrust) -> Self {
        self.webhooks = trust;
        self
    }

    /// Asks nothing but this of a payer.
    #[must_use]
    pub const fn with_next_actions(mut self, kinds: &'static [NextActionKind]) -> Self {
        self.next_actions = kinds;
        self
    }

    /// Returns whether a payer may be asked for this.
    #[must_use]
    pub fn declares(&self, action: &NextAction) -> bool {
        action
            .kind()
            .is_some_and(|kind| self.next_actions.contains(&kind))
    }

    /// Counts amounts like this.
    #[must_use]
    pub const fn with_minor_units(mut self, units: MinorUnits) -> Self {
        self.minor_units = units;
        self
    }
}
