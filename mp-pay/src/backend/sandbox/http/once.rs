//! Stripe's idempotency: what a key was answered first, it is answered again.

use axum::response::{IntoResponse, Response};
use mp_core::{
    Command, Decision, Edits, Error, ErrorKind, Family, Timestamp,
    id::IdempotencyKey,
    idempotency::{Idempotency, fingerprint},
    store::Partition,
};
use serde_json::Value;

use super::{super::book::Page, Gateway, answer::Answer, form::Form, refusal::Refusal};

/// One request that is done at most once.
#[derive(Clone, Debug)]
pub(super) struct Once {
    /// A hash of the key that was given, which may be of any characters.
    pub(super) key: IdempotencyKey,
    command: Command,
}

impl Once {
    pub(super) fn new(
        gateway: &Gateway,
        key: &str,
        path: &str,
        form: &Form,
    ) -> Result<Self, Error> {
        let hash = fingerprint(&key)?;
        let key = IdempotencyKey::new(&hash)
            .map_err(|error| Error::invalid("idempotency_key", "is none").with_source(error))?;
        let request = (path, form.fields());
        let once = Idempotency::new(&gateway.caller, "http", &key, &request)?;
        // A hash's first digits spread the keys over 256 pages.
        let page = hash.get(..2).unwrap_or_default();
        let partition = Partition::new(gateway.app(), "sandbox", &format!("http.{page}"))?;
        let command = Command::on(partition).once(once);
        Ok(Self { key, command })
    }

    /// Answers what the key was answered before, or does what is asked and keeps the answer.
    ///
    /// An answer that says that we broke down is not kept: a repetition goes on from there, as every
    /// step of what is asked is done under the same key.
    pub(super) async fn run(
        self,
        gateway: &Gateway,
        ask: impl Future<Output = Result<Value, Refusal>>,
    ) -> Result<Response, Refusal> {
        let taken = gateway.in_flight.take(&self.key);
        let _taken = taken.ok_or_else(Refusal::key_in_use)?;
        if let Some(answer) = self.answered(gateway).await? {
            return Ok(([("idempotent-replayed", "true")], answer).into_response());
        }
        let answer = ask.await.map_or_else(Refusal::into_answer, Answer::ok);
        if answer.status >= 500 {
            return Ok(answer.into_response());
        }
        Ok(self.keep(gateway, answer).await?.into_response())
    }

    /// Returns what was answered before. A decision that fails is not remembered, so that asking
    /// leaves no trace.
    async fn answered(&self, gateway: &Gateway) -> Result<Option<Answer>, Error> {
        let new = |_: &Family, _: Timestamp| Err::<Decision<Answer>, _>(Error::not_found("answer"));
        match gateway.engine().run(self.command.clone(), new).await {
            Ok(committed) => Ok(Some(committed.answer)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps an answer; if another process answered a request under the key first, returns that one's.
    async fn keep(self, gateway: &Gateway, answer: Answer) -> Result<Answer, Error> {
        let keep = move |family: &Family, _: Timestamp| {
            let mut edits = Edits::new();
            if !family.exists() {
                edits.put_root(Page { calls: 0 });
            }
            Ok::<_, Error>(edits.answer(answer.clone()))
        };
        Ok(gateway.engine().run(self.command, keep).await?.answer)
    }
}
