use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

use crate::{
    error::PayError,
    operation::OperationKey,
    payment::{Change, Payment},
};

/// What was asked of a payment and is in the store: where it stands by that commit, and the call
/// that the same commit has claimed for this process.
///
/// It is remembered as nothing. Whoever is answered by a remembered one has claimed no call, and
/// reads where the payment stands by now.
#[derive(Debug, Default)]
pub(crate) struct Begun(Option<Box<(Payment, Option<OperationKey>)>>);

impl Begun {
    /// Takes note of where a payment stands, and leaves its calls to whoever claims them.
    pub(super) fn seen(change: &Change) -> Self {
        Self(Some(Box::new((change.payment().clone(), None))))
    }

    /// Claims the call that the change has planned, if it is one for a backend that is there. To
    /// plan it, to claim it and to call are then one commit and the call; nobody else sees a call
    /// that was planned and not sent.
    pub(crate) fn claimed(change: &mut Change) -> Result<Self, PayError> {
        let claimed = change.claim()?;
        Ok(Self(Some(Box::new((change.payment().clone(), claimed)))))
    }

    /// Returns whether it says where the payment stands.
    pub(crate) const fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// Returns where the payment stands and what was claimed, unless it was remembered.
    pub(crate) fn into_parts(self) -> Option<(Payment, Option<OperationKey>)> {
        self.0.map(|parts| *parts)
    }
}

impl Serialize for Begun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Begun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self::default())
    }
}
