use std::{cmp::Ordering, fmt};

use mp_core::{Timestamp, document, web::HttpsUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest that a payer is asked for, in bytes of its JSON: four times what browsers are sure to
/// take for an address ([RFC 9110], section 4.1).
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#section-4.1
pub const ACTION_LENGTH_MAX: usize = 8_000;

/// How deep objects and lists are nested at most in what a client's SDK is handed: half of what a stored
/// value may be ([`document::DEPTH_MAX`]), so that it is read back whatever it stands in.
pub const ACTION_DEPTH_MAX: usize = 64;

/// What the payer has to do.
///
/// `Debug` leaves out what whoever has it could pay with: an address's path and query, the data of a
/// client's SDK, a code.
#[derive(Clone, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NextAction {
    /// Open a page.
    Redirect {
        /// Which, in the form of an [`HttpsUrl`]: another is shown to no payer.
        url: String,
    },
    /// Hand data to the backend's own code on the payer's device: Stripe's client secret, the
    /// arguments of `wx.requestPayment`.
    ClientSdk {
        /// The data, as that code wants it.
        payload: Value,
    },
    /// Scan a code.
    QrCode {
        /// What the code says.
        content: String,
        /// Until when it can be scanned, if the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// Follow instructions, such as a bank transfer's account and reference.
    DisplayInstructions {
        /// What to show, line by line.
        text: String,
        /// Until when to follow them, if the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// Wait: the payer is asked elsewhere, such as in their banking app, or it is not known yet for what.
    /// Who does not say until when asks for nothing here, and need not have declared it.
    AwaitNotification {
        /// Until when, if the backend tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

/// A kind of [`NextAction`], for a backend to declare what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NextActionKind {
    /// [`NextAction::Redirect`].
    Redirect,
    /// [`NextAction::ClientSdk`].
    ClientSdk,
    /// [`NextAction::QrCode`].
    QrCode,
    /// [`NextAction::DisplayInstructions`].
    DisplayInstructions,
    /// [`NextAction::AwaitNotification`].
    AwaitNotification,
}

impl NextActionKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Redirect,
        Self::ClientSdk,
        Self::QrCode,
        Self::DisplayInstructions,
        Self::AwaitNotification,
    ];
}

impl NextAction {
    /// Returns its kind; `None` for one that a newer release wrote.
    #[must_use]
    pub const fn kind(&self) -> Option<NextActionKind> {
        Some(match self {
            Self::Redirect { .. } => NextActionKind::Redirect,
            Self::ClientSdk { .. } => NextActionKind::ClientSdk,
            Self::QrCode { .. } => NextActionKind::QrCode,
            Self::DisplayInstructions { .. } => NextActionKind::DisplayInstructions,
            Self::AwaitNotification { .. } => NextActionKind::AwaitNotification,
            Self::Unrecognized => return None,
        })
    }

    /// Returns whether a payer can follow it safely: a page is one on the web by [`HttpsUrl`]'s rules,
    /// and nothing is longer than [`ACTION_LENGTH_MAX`], or nested deeper than [`ACTION_DEPTH_MAX`].
    #[must_use]
    pub fn is_safe(&self) -> bool {
        let leads_well = match self {
            Self::Redirect { url } => url.parse::<HttpsUrl>().is_ok(),
            _ => true,
        };
        leads_well && self.is_shallow() && self.is_short()
    }

    fn is_shallow(&self) -> bool {
        match self {
            Self::ClientSdk { payload } => document::depth(payload) <= ACTION_DEPTH_MAX,
            _ => true,
        }
    }

    fn is_short(&self) -> bool {
        self.json().len() <= ACTION_LENGTH_MAX
    }

    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns what is written down of one that was refused: of one that is too long or too deep, no more
    /// than shows that.
    pub(crate) fn curtailed(self) -> Self {
        if self.is_short() {
            return self.pruned();
        }
        match self {
            Self::Redirect { url } => Self::Redirect { url: cut(url) },
            Self::ClientSdk { payload } => Self::ClientSdk {
                payload: Value::String(cut(payload.to_string())),
            },
            Self::QrCode {
                content,
                expires_at,
            } => Self::QrCode {
                content: cut(content),
                expires_at,
            },
            Self::DisplayInstructions { text, expires_at } => Self::DisplayInstructions {
                text: cut(text),
                expires_at,
            },
            short @ (Self::AwaitNotification { .. } | Self::Unrecognized) => short,
        }
    }

    fn pruned(mut self) -> Self {
        if let Self::ClientSdk { payload } = &mut self {
            prune(payload, ACTION_DEPTH_MAX + 1);
        }
        self
    }

    /// Returns until when it is of use, if the backend has told.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::QrCode { expires_at, .. } | Self::DisplayInstructions { expires_at, .. } => {
                *expires_at
            }
            Self::AwaitNotification { until } => *until,
            Self::Redirect { .. } | Self::ClientSdk { .. } | Self::Unrecognized => None,
        }
    }

    /// Returns whether it asks the payer for nothing that they could do here: all that is known is that
    /// they have to act. What a backend tells by itself may come to no more.
    pub(crate) const fn is_bare(&self) -> bool {
        matches!(self, Self::AwaitNotification { until: None })
    }

    /// Returns the one of two that is shown, whichever came first: the one that lasts longer, as a
    /// code does that was made anew; else either, but always the same, and a bare one only if both are.
    pub(crate) fn join(self, other: Self) -> Self {
        let order = (!self.is_bare()).cmp(&!other.is_bare());
        let order = order.then_with(|| self.expires_at().cmp(&other.expires_at()));
        match order.then_with(|| self.json().cmp(&other.json())) {
            Ordering::Less => other,
            Ordering::Equal | Ordering::Greater => self,
        }
    }
}

/// Leaves of a text as much as is too long in any case.
fn cut(mut text: String) -> String {
    text.truncate(text.ceil_char_boundary(ACTION_LENGTH_MAX));
    text
}

/// Leaves of a value so many levels, and nothing in those that would go deeper.
fn prune(value: &mut Value, levels: usize) {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, levels - 1)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| prune(member, levels - 1)),
        _ => {}
    }
}

impl fmt::Debug for NextAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect { url } => match url.parse::<HttpsUrl>() {
                Ok(url) => write!(f, "Redirect({url:?})"),
                Err(_) => f.write_str("Redirect(***)"),
            },
            Self::ClientSdk { .. } => f.write_str("ClientSdk(***)"),
            Self::QrCode { expires_at, .. } => write!(f, "QrCode(***, {expires_at:?})"),
            Self::DisplayInstructions { expires_at, .. } => {
                write!(f, "DisplayInstructions(***, {expires_at:?})")
            }
            Self::AwaitNotification { until } => write!(f, "AwaitNotification({until:?})"),
            Self::Unrecognized => f.write_str("Unrecognized"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One of each kind that says something, so long.
    fn saying(length: usize) -> [NextAction; 4] {
        let (text, expires_at) = ("ä".repeat(length / 2), None);
        [
            NextAction::Redirect {
                url: format!("https://bank.example/{text}"),
            },
            NextAction::ClientSdk {
                payload: json!({ "secret": text }),
            },
            NextAction::QrCode {
                content: text.clone(),
                expires_at,
            },
            NextAction::DisplayInstructions { text, expires_at },
        ]
    }

    #[test]
    fn what_is_too_long_is_not_safe_and_no_more_of_it_is_kept_than_shows_that() {
        for length in [ACTION_LENGTH_MAX, 10 * ACTION_LENGTH_MAX] {
            for long in saying(length) {
                assert!(!long.is_safe(), "{long:?}");
                let kept = long.curtailed();
                assert!(!kept.is_safe(), "{kept:?}");
                assert!(kept.json().len() < 2 * ACTION_LENGTH_MAX, "{kept:?}");
            }
        }
        for short in &saying(ACTION_LENGTH_MAX / 2)[1..] {
            assert!(short.is_safe(), "{short:?}");
            assert_eq!(&short.clone().curtailed(), short);
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_not_safe_and_no_more_of_it_is_kept_than_shows_that() {
        for levels in [ACTION_DEPTH_MAX, ACTION_DEPTH_MAX + 1, 1_000] {
            let payload = (0..levels).fold(Value::Null, |inner, level| match level % 2 {
                0 => json!([inner]),
                _ => json!({ "in": inner, "secret": "s" }),
            });
            let deep = levels > ACTION_DEPTH_MAX;
            let action = NextAction::ClientSdk { payload };
            assert_eq!(action.is_safe(), !deep, "{levels}");
            let kept = action.clone().curtailed();
            assert_eq!(kept.is_safe(), !deep, "{levels}");
            assert_eq!(kept == action, levels <= ACTION_DEPTH_MAX + 1, "{levels}");
            let read = serde_json::from_str(&kept.json()).expect("is read back");
            assert_eq!(kept, read, "{levels}");
        }
    }

    #[test]
    fn what_asks_for_nothing_yields_to_whatever_asks_for_something() {
        let bare = NextAction::AwaitNotification { until: None };
        let until = Some(Timestamp::MIN);
        let others = saying(10).into_iter();
        for other in others.chain([
            NextAction::AwaitNotification { until },
            NextAction::Unrecognized,
        ]) {
            assert_eq!(bare.clone().join(other.clone()), other);
            assert_eq!(other.clone().join(bare.clone()), other);
        }
    }

    #[test]
    fn debug_shows_nothing_to_pay_with() {
        let actions = [
            NextAction::Redirect {
                url: "https://bank.example/pay?client_secret=pi_1_secret_2".into(),
            },
            NextAction::Redirect {
                url: "weixin://pay_secret".into(),
            },
            NextAction::ClientSdk {
                payload: json!({"client_secret": "pi_1_secret_2"}),
            },
            NextAction::QrCode {
                content: "weixin://wxpay/secret".into(),
                expires_at: None,
            },
            NextAction::DisplayInstructions {
                text: "pay to the account secret".into(),
                expires_at: None,
            },
        ];
        for action in actions {
            let shown = format!("{action:?} {action:#?}");
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
}
