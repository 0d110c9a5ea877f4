//! The sandbox as a payout backend.

use async_trait::async_trait;
use mp_core::{Command, Decision, Error, Family, Timestamp, id::AppId, store::Partition};

use super::{
    Behaviour, DELAY, PAGES, PayoutMovement, SandboxBackend,
    payout_book::{AskedPayout, read},
    replays::Replays,
};
use crate::{
    backend::{BackendError, BackendErrorKind, Capabilities, DeclineCode, Lookup, Outcome},
    payout::{PayoutBackend, PayoutCapabilities, PayoutId, PayoutInstruction, PayoutLookupRequest},
};

impl Behaviour {
    /// Returns what a destination makes a payout do: `po_declined` is declined as `account_closed`,
    /// `po_slow` is accepted and paid after [`DELAY`], `po_returned` is paid and comes back after
    /// [`DELAY`], `po_timeout_before` and `po_timeout_after` are not answered the first time, any
    /// other is paid.
    fn of_destination(destination: &str) -> Self {
        match destination {
            "po_declined" => Self::Decline(DeclineCode::of("account_closed")),
            "po_slow" => Self::Delay(DELAY),
            "po_returned" => Self::FailLater(DELAY),
            "po_timeout_before" => Self::TimeoutBefore,
            "po_timeout_after" => Self::TimeoutAfter,
            _ => Self::Succeed,
        }
    }
}

impl SandboxBackend {
    /// Returns every movement that payouts of an app have made, by payout.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn payout_movements(&self, app: &AppId) -> Result<Vec<PayoutMovement>, Error> {
        let mut movements = Vec::new();
        for page in 0..PAGES {
            let reads = Command::on(self.page(app, page)?).prefix("p/");
            let family = self.engine.read(reads).await?;
            for (_, asked) in family.scan::<AskedPayout>("p/")? {
                movements.extend(asked.movements.iter().cloned());
            }
        }
        movements.sort_by_key(|movement| movement.payout);
        Ok(movements)
    }

    fn page_of_payout(&self, app: &AppId, id: PayoutId) -> Result<Partition, Error> {
        let [.., last] = id.to_bytes();
        self.page(app, last % PAGES)
    }

    /// Returns what this call does, if it is not what the destination makes it do.
    fn told_to(&self, op: &'static str) -> Result<Option<Behaviour>, BackendError> {
        match self.scripted() {
            Some(Behaviour::Unavailable) => {
                let kind = BackendErrorKind::Unavailable;
                Err(BackendError::new(kind, op, "the sandbox was told to be"))
            }
            scripted => Ok(scripted),
        }
    }
}

#[async_trait]
impl PayoutBackend for SandboxBackend {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        let Capabilities {
            replays_keys,
            queries,
            webhooks,
            minor_units,
            ..
        } = self.can;
        let mut can = PayoutCapabilities::neither()
            .with_webhooks(webhooks)
            .with_minor_units(minor_units);
        (can.replays_keys, can.queries) = (replays_keys, queries);
        can
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        let counted = self.can.minor_units.to_wire(instruction.amount).is_ok();
        self.declared("pay_out", counted)?;
        let scripted = self.told_to("pay_out")?;
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, "pay_out", error);
        let (id, amount) = (instruction.id, instruction.amount);
        let page = self.page_of_payout(&instruction.app, id).map_err(lost)?;
        let command = Command::on(page).key(&format!("p/{id}"));
        let (chance, replays) = (self.chance, Replays::of(self.can));
        let usual = Behaviour::of_destination(instruction.destination.as_str());
        let take = move |family: &Family, now: Timestamp| {
            let mut asked =
                read(family, id, now)?.unwrap_or_else(|| AskedPayout::first(amount, now));
            asked.calls += 1;
            let drawn = chance.and_then(|(seed, per_mille)| {
                Behaviour::of_chance(seed, per_mille, &id.to_string(), asked.calls)
            });
            let usual = usual.clone().of_call(asked.calls);
            let behaviour = scripted.clone().or(drawn).unwrap_or(usual);
            let earlier = replays.answer(&asked.answered(), now);
            let answer = match (earlier, behaviour) {
                (Some(_), Behaviour::TimeoutBefore | Behaviour::TimeoutAfter) => Outcome::Unknown,
                (Some(outcome), _) => outcome,
                (None, behaviour) => asked.carry_out(id, behaviour, now),
            };
            Ok::<_, Error>(asked.put(family, id)?.answer(answer))
        };
        let answer = self.engine.run(command, take).await;
        answer.map(|committed| committed.answer).map_err(lost)
    }

    async fn lookup_payout(&self, request: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        if !self.can.queries.find(request.reference.as_ref()) {
            return Ok(Lookup::CannotTell);
        }
        let lost = |error: Error| BackendError::new(BackendErrorKind::Unknown, "lookup", error);
        let id = request.id;
        let page = self.page_of_payout(&request.app, id).map_err(lost)?;
        let command = Command::on(page).key(&format!("p/{id}"));
        let look = move |family: &Family, now: Timestamp| match read(family, id, now)? {
            None => Ok::<_, Error>(Decision::unchanged(None)),
            Some(asked) => {
                let outcome = asked.outcome.clone();
                Ok(asked.put(family, id)?.answer(outcome))
            }
        };
        let found = self.engine.run(command, look).await.map_err(lost)?;
        Ok(match found.answer {
            Some(outcome) if request.fits(&outcome) => Lookup::Found(outcome),
            Some(_) => Lookup::CannotTell,
            None => Lookup::NotFound,
        })
    }
}
