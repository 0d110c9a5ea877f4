use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Request;
use crate::{
    amount::Money,
    clock::Timestamp,
    error::Error,
    id::{AppId, UserId},
    port::{
        Confirmed, Participant, Reserved, SecureRequest, Secured, Settled, Settlement,
        SettlementKey,
    },
};

/// Takes part in plans with a payment: reserving secures it, confirming settles it, releasing gives
/// it back.
///
/// Its request is `{"payer": …, "amount": {"amount": …, "currency": …}}`.
#[derive(Clone, Debug)]
pub struct PaymentParticipant(Arc<dyn Settlement>);

/// It stands in plans, so it may have members that a newer release knows.
#[derive(Deserialize, Serialize)]
struct Payment {
    payer: UserId,
    amount: Money,
}

impl PaymentParticipant {
    /// The name by which plans call it.
    pub const NAME: &'static str = "payment";

    /// Takes part through this settlement.
    #[must_use]
    pub fn new(settlement: Arc<dyn Settlement>) -> Self {
        Self(settlement)
    }

    /// Returns the request for a step that pays.
    ///
    /// # Errors
    ///
    /// As [`Request::new`].
    pub fn request(payer: &UserId, amount: Money) -> Result<Request, Error> {
        let payer = payer.clone();
        Request::new(&Payment { payer, amount })
    }
}

#[async_trait]
impl Participant for PaymentParticipant {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn reserve(
        &self,
        app: &AppId,
        key: &str,
        request: &Value,
        until: Timestamp,
    ) -> Result<Reserved, Error> {
        let Payment { payer, amount } = Payment::deserialize(request)
            .map_err(|error| Error::invalid("request", "is not a payment").with_source(error))?;
        let key = SettlementKey::new(key)?;
        let request = SecureRequest {
            key,
            app: app.clone(),
            payer,
            amount,
            deadline: until,
        };
        Ok(match self.0.secure(&request).await? {
            Secured::Secured => Reserved::Reserved,
            Secured::NeedsAction(action) => Reserved::Pending(action),
            Secured::Declined(declined) => Reserved::Refused(declined.code),
            // An error would be counted until the work is dead, though nothing has failed; so it is
            // asked again until the time for reserving ends, and released then.
            Secured::Unknown => Reserved::Pending(Value::Null),
        })
    }

    async fn confirm(&self, app: &AppId, key: &str) -> Result<Confirmed, Error> {
        Ok(match self.0.settle(app, &SettlementKey::new(key)?).await? {
            Settled::Settled => Confirmed::Confirmed,
            Settled::Declined(declined) => Confirmed::Refused(declined.code),
            Settled::Unknown => Confirmed::Pending,
        })
    }

    async fn release(&self, app: &AppId, key: &str) -> Result<(), Error> {
        match SettlementKey::new(key) {
            Ok(key) => self.0.release(app, &key).await,
            // Nothing was ever secured under what is no key.
            Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{error::ErrorKind, port::SettlementStatus};

    /// A settlement that nobody asks for anything.
    #[derive(Debug)]
    struct Unasked;

    #[async_trait]
    impl Settlement for Unasked {
        async fn secure(&self, _: &SecureRequest) -> Result<Secured, Error> {
            Err(unknown())
        }

        async fn settle(&self, _: &AppId, _: &SettlementKey) -> Result<Settled, Error> {
            Err(unknown())
        }

        async fn release(&self, _: &AppId, _: &SettlementKey) -> Result<(), Error> {
            Err(unknown())
        }

        async fn give_back(
            &self,
            _: &AppId,
            _: &SettlementKey,
            _: &SettlementKey,
            _: Money,
        ) -> Result<(), Error> {
            Err(unknown())
        }

        async fn status(&self, _: &AppId, _: &SettlementKey) -> Result<SettlementStatus, Error> {
            Err(unknown())
        }
    }

    fn unknown() -> Error {
        Error::new(ErrorKind::Unknown, "unasked", "nobody is asked")
    }

    #[tokio::test]
    async fn a_key_that_no_payment_can_have_is_released() {
        let participant = PaymentParticipant::new(Arc::new(Unasked));
        let app = "market".parse().expect("an app");
        participant.release(&app, "no/key.0").await.expect("is Ok");
        let asked = participant.release(&app, "a-key.0").await;
        assert_eq!(asked.expect_err("is asked").code(), "unasked");
    }

    #[test]
    fn a_request_with_a_member_of_a_newer_release_is_read() {
        let amount = json!({"amount": 12_800, "currency": "HKD"});
        let request = json!({"payer": "ann", "amount": amount, "memo": "bowls"});
        let read = Payment::deserialize(&request).expect("reads");
        assert_eq!(read.payer.as_str(), "ann");
    }
}
