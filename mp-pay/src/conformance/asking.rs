//! Asking a backend, and finding out what became of it.

use std::fmt::Display;

use super::{
    Skip, Violation,
    contract::{Behind, Contract},
    scene::Scene,
    stop::Stop,
    violation::ensure,
};
use crate::backend::{BackendError, BackendErrorKind, Lookup, Outcome, Queries, Reference};

/// How often it is asked what became of an operation, each time after some time has passed.
const PATIENCE: u32 = 100;

impl<C: Contract> Scene<C> {
    /// Asks once.
    pub(super) async fn ask(
        &self,
        ask: &C::Ask,
    ) -> Result<Result<Outcome, BackendError>, Violation> {
        let answer =
            tokio::time::timeout(self.provider.call_max(), C::ask(&*self.backend, ask)).await;
        let answer =
            answer.map_err(|_| Violation::new(format!("{ask} was not answered in time")))?;
        self.names.learn(C::key(ask), answer.as_ref().ok());
        Ok(answer)
    }

    /// Asks, and finds out what becomes of it by whatever ability the backend has.
    pub(super) async fn outcome(&self, ask: &C::Ask) -> Result<Outcome, Stop> {
        let answer = self.ask(ask).await?;
        let outcome = answer.map_err(|error| unforced(ask, &error))?;
        self.known(ask, outcome).await
    }

    /// Finds out what becomes of what was asked.
    pub(super) async fn known(&self, ask: &C::Ask, outcome: Outcome) -> Result<Outcome, Stop> {
        if self.finds(ask) {
            self.looked_up(ask, outcome).await
        } else if C::replays_keys(self.can) {
            self.replayed(ask, outcome).await
        } else {
            self.told(ask, outcome).await
        }
    }

    /// Looks an operation up until its outcome is known.
    pub(super) async fn looked_up(&self, ask: &C::Ask, first: Outcome) -> Result<Outcome, Stop> {
        let mut outcome = first;
        for _ in 0..PATIENCE {
            if C::is_known(&outcome) {
                return Ok(outcome);
            }
            self.pass_time(&outcome).await?;
            let untold = outcome == Outcome::Unknown && C::may_go_untold(ask);
            outcome = match self.look_up(ask).await? {
                Lookup::Found(found) => found,
                Lookup::CannotTell if untold && C::replays_keys(self.can) => {
                    self.ask(ask).await?.unwrap_or(outcome)
                }
                Lookup::NotFound | Lookup::CannotTell => outcome,
            };
        }
        Err(open(ask, &outcome).into())
    }

    /// Returns whether what became of an operation can be asked, by what was told of it.
    pub(super) fn finds(&self, ask: &C::Ask) -> bool {
        C::queries(self.can).find(self.names.of(&C::key(ask)).as_ref())
    }

    /// Repeats an operation until its outcome is known; at a backend that answers as the first time,
    /// until it has told a name to ask by.
    pub(super) async fn replayed(&self, ask: &C::Ask, first: Outcome) -> Result<Outcome, Stop> {
        let mut outcome = first;
        for _ in 0..PATIENCE {
            if C::is_known(&outcome) {
                return Ok(outcome);
            }
            self.pass_time(&outcome).await?;
            let by_name = C::queries(self.can) == Queries::ByReference && self.finds(ask);
            outcome = match by_name {
                true => return self.looked_up(ask, outcome).await,
                false => self.ask(ask).await?.unwrap_or(outcome),
            };
        }
        Err(open(ask, &outcome).into())
    }

    /// Waits until the provider tells by itself what became of an operation.
    async fn told(&self, ask: &C::Ask, first: Outcome) -> Result<Outcome, Stop> {
        let mut outcome = first;
        for _ in 0..PATIENCE {
            if C::is_known(&outcome) {
                return Ok(outcome);
            }
            self.pass_time(&outcome).await?;
            let told = C::told(&self.provider, ask).await;
            let mut told = told.ok_or(Skip::NotProvided("notices"))?.into_iter();
            if let Some(last) = told.rfind(C::is_known) {
                outcome = last;
            }
        }
        Err(open(ask, &outcome).into())
    }

    async fn pass_time(&self, outcome: &Outcome) -> Result<(), Stop> {
        if let Outcome::NeedsAction { .. } = outcome {
            C::act(&self.provider).await?;
        }
        self.provider.wait().await;
        Ok(())
    }

    /// Asks for what must be done.
    pub(super) async fn settle(&self, ask: &C::Ask) -> Result<Outcome, Stop> {
        let outcome = self.outcome(ask).await?;
        let seen = || format!("{ask} was to be done, and came to {}", short(&outcome));
        ensure(C::is_done(&outcome), seen)?;
        Ok(outcome)
    }

    /// Asks for what must be declined, or refused unsent as something the backend never does.
    pub(super) async fn decline(&self, ask: &C::Ask, why: &str) -> Result<(), Stop> {
        let outcome = match self.ask(ask).await? {
            Err(error) if error.kind() == BackendErrorKind::Unsupported => return Ok(()),
            Err(error) => return Err(unforced(ask, &error).into()),
            Ok(outcome) => self.known(ask, outcome).await?,
        };
        let declined = matches!(outcome, Outcome::Declined { .. });
        let seen = || format!("{ask} {why}, and came to {}", short(&outcome));
        Ok(ensure(declined, seen)?)
    }

    /// Asks what became of an operation, by all names that were told of it.
    pub(super) async fn look_up(&self, ask: &C::Ask) -> Result<Lookup, Violation> {
        let key = C::key(ask);
        let lookup = self.look_up_by(ask, self.names.of(&key)).await?;
        if let Lookup::Found(outcome) = &lookup {
            self.names.learn(key, Some(outcome));
        }
        Ok(lookup)
    }

    /// Asks what became of an operation, by this name.
    pub(super) async fn look_up_by(
        &self,
        ask: &C::Ask,
        name: Option<Reference>,
    ) -> Result<Lookup, Violation> {
        let app = self.provider.app();
        let lookup = C::look_up(&*self.backend, &app, ask, name);
        match tokio::time::timeout(self.provider.call_max(), lookup).await {
            Ok(Ok(lookup)) => Ok(lookup),
            // "Any error: it is asked again later."
            Ok(Err(_)) => Ok(Lookup::CannotTell),
            Err(_) => Err(Violation::new("a lookup was not answered in time")),
        }
    }
}

pub(super) const fn is_done(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Settled { .. } | Outcome::Authorized { .. }
    )
}

/// Says what an outcome is, in a word or two.
pub(super) fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Settled { .. } => "Settled".to_owned(),
        Outcome::Authorized { .. } => "Authorized".to_owned(),
        Outcome::NeedsAction { .. } => "NeedsAction".to_owned(),
        Outcome::Accepted { .. } => "Accepted".to_owned(),
        Outcome::Declined { code } => format!("Declined as {code}"),
        Outcome::Unknown => "Unknown".to_owned(),
    }
}

fn unforced(ask: &impl Display, error: &BackendError) -> Violation {
    let kind = error.kind();
    Violation::new(format!(
        "{ask} failed although nothing went wrong ({kind:?}): {error}"
    ))
}

fn open(ask: &impl Display, outcome: &Outcome) -> Violation {
    let outcome = short(outcome);
    Violation::new(format!("{ask} was still {outcome} after a long time"))
}
