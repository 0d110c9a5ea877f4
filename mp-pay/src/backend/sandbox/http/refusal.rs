use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mp_core::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use crate::{
    backend::{DeclineCode, MinorUnitsError},
    error::PayError,
};

/// The longest name of a parameter that is told back.
const PARAM_LENGTH_MAX: usize = 64;

/// A request that is not done, in Stripe's error envelope.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: Map<String, Value>,
}

impl Refusal {
    fn of(status: StatusCode, kind: &str, message: impl Into<String>) -> Self {
        let mut error = Map::new();
        error.insert("type".to_owned(), kind.into());
        error.insert("message".to_owned(), message.into().into());
        Self { status, error }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(super) fn unauthenticated() -> Self {
        let message = "Provide a test key as 'Authorization: Bearer sk_test_…'.";
        Self::of(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    pub(super) fn missing(what: &str, param: &str) -> Self {
        let refusal = Self::invalid(format!("No such {what}.")).code("resource_missing");
        refusal.param(param).status(StatusCode::NOT_FOUND)
    }

    pub(super) fn key_reused() -> Self {
        let message = "Keys for idempotent requests can only be used with the same parameters \
                       they were first used with.";
        Self::of(StatusCode::BAD_REQUEST, "idempotency_error", message)
    }

    /// Turns a request away whose key another one is being done under; official SDKs come again.
    pub(super) fn key_in_use() -> Self {
        let message = "Another request with this key is in progress. Try again in a moment.";
        let refusal = Self::invalid(message).code("idempotency_key_in_use");
        refusal.status(StatusCode::CONFLICT)
    }

    /// Tells of a decline, which leaves the intent as it is shown.
    pub(super) fn declined(code: &DeclineCode, intent: Value) -> Self {
        let mut refusal = Self::of(StatusCode::PAYMENT_REQUIRED, "card_error", "");
        refusal.error = card_error(code);
        refusal.intent(intent)
    }

    pub(super) const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn code(self, code: &str) -> Self {
        self.with("code", code.into())
    }

    /// Names the parameter, cut short: its name comes from outside.
    pub(super) fn param(self, name: &str) -> Self {
        let name: String = name.chars().take(PARAM_LENGTH_MAX).collect();
        self.with("param", name.into())
    }

    pub(super) fn intent(self, intent: Value) -> Self {
        self.with("payment_intent", intent)
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.error.insert(name.to_owned(), value);
        self
    }

    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.error.get("code").is_some_and(|found| found == code)
    }

    /// Returns the answer, to be kept and told.
    pub(super) fn into_answer(self) -> Answer {
        Answer {
            status: self.status.as_u16(),
            body: json!({"error": self.error}),
        }
    }
}

/// Tells of a decline as Stripe does: most are `card_declined`, with the bank's reason beside it.
pub(super) fn card_error(declined: &DeclineCode) -> Map<String, Value> {
    let declined = declined.as_str();
    let (code, reason) = match declined {
        "card_declined" => ("card_declined", "generic_decline"),
        "authentication_required" | "expired_card" | "incorrect_cvc" | "processing_error" => {
            (declined, declined)
        }
        reason => ("card_declined", reason),
    };
    let members = [
        ("type", "card_error"),
        ("code", code),
        ("decline_code", reason),
        ("message", "Your card was declined."),
    ];
    let members = members.map(|(name, value)| (name.to_owned(), value.into()));
    members.into_iter().collect()
}

impl From<PayError> for Refusal {
    fn from(error: PayError) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<MinorUnitsError> for Refusal {
    fn from(error: MinorUnitsError) -> Self {
        Self::from(PayError::from(error))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let refusal = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Refused | ErrorKind::Unsupported => {
                Self::invalid(error.to_string())
            }
            ErrorKind::NotFound => return Self::missing("payment_intent", "intent"),
            ErrorKind::KeyReused => return Self::key_reused(),
            ErrorKind::Unavailable => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Self::of(status, "api_error", error.to_string());
            }
            _ => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Self::of(status, "api_error", error.to_string());
            }
        };
        let refusal = match error.field() {
            Some(field) => refusal.param(field),
            None => refusal,
        };
        match error.code() {
            // Those of ours that are Stripe's too.
            "amount_too_large" | "invalid_charge_amount" | "payment_intent_unexpected_state" => {
                refusal.code(error.code())
            }
            _ => refusal,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.into_answer().into_response()
    }
}
