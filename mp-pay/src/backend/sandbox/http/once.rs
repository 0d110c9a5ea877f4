//! Stripe's idempotency: what a key was answered first, it is answered again.

use axum::response::{IntoResponse, Response};
use mp_core::{
    Command, Decision, Document, Edits, Error, Family, Timestamp,
    id::{AppId, IdempotencyKey},
    idempotency::fingerprint,
    store::Partition,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Gateway, answer::Answer, form::Form, refusal::Refusal};

/// One request that is done at most once.
#[derive(Clone, Debug)]
pub(super) struct Once {
    /// A hash of the key that was given, which may be of any characters.
    pub(super) key: IdempotencyKey,
    fingerprint: String,
}

/// What is kept of a key.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    /// What it was first used for.
    fingerprint: String,
    /// What was answered, once it was.
    #[serde(default)]
    answer: Option<Answer>,
}

impl Document for Kept {
    const KIND: &'static str = "sandbox_http_answer";
    const FORMAT: u32 = 1;
}

/// How a key is found.
#[derive(Clone, Debug, Deserialize, Serialize)]
enum Found {
    /// It is new, or what it was used for broke off: every step of that is safe to repeat.
    Open,
    Answered(Answer),
    /// It was used for something else.
    Reused,
}

impl Once {
    pub(super) fn new(key: &str, path: &str, form: &Form) -> Result<Self, Error> {
        let hash = fingerprint(&key)?;
        let key = IdempotencyKey::new(&hash)
            .map_err(|error| Error::invalid("idempotency_key", "is none").with_source(error))?;
        let fingerprint = fingerprint(&(path, form.fields()))?;
        Ok(Self { key, fingerprint })
    }

    /// Answers what the key was answered before, or does what is asked and keeps the answer.
    ///
    /// An answer that says that we broke down is not kept: a repetition goes on from there.
    pub(super) async fn run(
        self,
        gateway: &Gateway,
        ask: impl Future<Output = Result<Value, Refusal>>,
    ) -> Result<Response, Refusal> {
        match self.begin(gateway).await? {
            Found::Answered(answer) => {
                return Ok(([("idempotent-replayed", "true")], answer).into_response());
            }
            Found::Reused => return Err(Refusal::key_reused()),
            Found::Open => {}
        }
        let answer = ask.await.map_or_else(Refusal::into_answer, Answer::ok);
        if answer.status < 500 {
            self.keep(gateway, answer.clone()).await?;
        }
        Ok(answer.into_response())
    }

    async fn begin(&self, gateway: &Gateway) -> Result<Found, Error> {
        let (at, mine) = (self.record(), self.fingerprint.clone());
        let look = move |family: &Family, _: Timestamp| {
            let kept = family.get::<Kept>(&at)?;
            let Some(kept) = kept else {
                let kept = Kept {
                    fingerprint: mine.clone(),
                    answer: None,
                };
                let mut edits = Edits::new();
                edits.put(&at, kept);
                return Ok(edits.answer(Found::Open));
            };
            Ok::<_, Error>(Decision::unchanged(match &kept.answer {
                _ if kept.fingerprint != mine => Found::Reused,
                Some(answer) => Found::Answered(answer.clone()),
                None => Found::Open,
            }))
        };
        let command = self.command(gateway.app())?;
        Ok(gateway.engine().run(command, look).await?.answer)
    }

    async fn keep(&self, gateway: &Gateway, answer: Answer) -> Result<(), Error> {
        let (at, fingerprint) = (self.record(), self.fingerprint.clone());
        let keep = move |_: &Family, _: Timestamp| {
            let kept = Kept {
                fingerprint: fingerprint.clone(),
                answer: Some(answer.clone()),
            };
            let mut edits = Edits::new();
            edits.put(&at, kept);
            Ok::<_, Error>(edits.answer(()))
        };
        let command = self.command(gateway.app())?;
        gateway.engine().run(command, keep).await?;
        Ok(())
    }

    fn record(&self) -> String {
        format!("k/{}", self.key)
    }

    fn command(&self, app: &AppId) -> Result<Command, Error> {
        // A hash's first digits spread the keys over 256 pages.
        let page = self.key.as_str().get(..2).unwrap_or_default();
        let partition = Partition::new(app, "sandbox", &format!("http.{page}"))?;
        Ok(Command::on(partition).key(&self.record()))
    }
}
