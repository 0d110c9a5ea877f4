use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::error::{Error, ErrorKind};

/// What a plan asks of a participant: any JSON, kept as its text.
///
/// A hot partition holds thousands of plans in memory, and the text takes a tenth of the room of the
/// tree.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Request(Box<RawValue>);

impl Request {
    /// Keeps a request.
    ///
    /// # Errors
    ///
    /// `request_not_json` if it does not serialise, such as a map whose keys are no text.
    pub fn new(request: &impl Serialize) -> Result<Self, Error> {
        let kept = serde_json::value::to_raw_value(request);
        kept.map(Self).map_err(|error| {
            let message = "the request of a step does not serialise as JSON";
            Error::new(ErrorKind::Invalid, "request_not_json", message).with_source(error)
        })
    }

    /// Returns the request as a participant gets it.
    #[must_use]
    pub fn value(&self) -> Value {
        // The text was JSON when it was kept; `Null` is what no participant takes.
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl From<Value> for Request {
    fn from(request: Value) -> Self {
        let text = RawValue::from_string(request.to_string());
        Self(text.expect("a JSON value writes itself as JSON"))
    }
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}
