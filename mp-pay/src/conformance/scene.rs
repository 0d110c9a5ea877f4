//! What the clauses act on: a fresh backend, and charges under keys of their own.

use std::sync::Arc;

use mp_core::{
    amount::Money,
    entropy::{Entropy, SystemEntropy},
};

use super::{
    BackendFactory, Fault, Joined, Provider, Skip, Violation,
    ask::{Ask, Made},
    stop::{Stop, declared},
    violation::ensure,
};
use crate::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, CaptureRequest, ChargeRequest, Charged,
        IncreaseRequest, Lookup, Outcome, PaymentBackend, Reference,
    },
    intent::IntentId,
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
    refund::RefundId,
};

/// What most clauses charge, in minor units.
pub(super) const WHOLE: i64 = 1_000;
/// A part of it, more than half.
pub(super) const PART: i64 = 600;
/// The rest.
pub(super) const REST: i64 = WHOLE - PART;

/// How often it is asked what became of an operation, each time after some time has passed.
const PATIENCE: u32 = 100;

/// One backend, its provider, and where the provider's books stood at the beginning.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) backend: Arc<dyn PaymentBackend>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) can: Capabilities,
    entropy: SystemEntropy,
    taken: Option<Money>,
    held: Option<Money>,
}

impl Scene {
    pub(super) async fn open(factory: &dyn BackendFactory) -> Self {
        let Joined { backend, provider } = factory.open().await;
        let currency = provider.currency();
        Self {
            can: backend.capabilities(),
            entropy: SystemEntropy::new(),
            taken: provider.taken(currency).await,
            held: provider.held(currency).await,
            backend,
            provider,
        }
    }

    pub(super) fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.provider.currency())
    }

    /// Returns a charge that takes the money at once, under a key of its own.
    pub(super) fn charge(&self, minor: i64) -> Ask {
        self.charge_of(self.provider.accepted(), self.money(minor), true)
    }

    pub(super) fn charge_of(&self, token: PaymentMethodToken, amount: Money, take: bool) -> Ask {
        Ask::Charge(ChargeRequest {
            key: OperationKey {
                intent: IntentId::from_bytes(self.chance()),
                step: Step::Charge(1),
            },
            app: self.provider.app(),
            payer: self.provider.payer(),
            amount,
            payment_method: token,
            capture: take,
        })
    }

    /// Returns a charge whose payer is asked to do something first.
    pub(super) fn charge_of_acting(&self) -> Result<Ask, Skip> {
        declared(!self.can.next_actions.is_empty(), "next_actions")?;
        let token = self.provider.acting();
        let token = token.ok_or(Skip::NotProvided("acting"))?;
        Ok(self.charge_of(token, self.money(WHOLE), true))
    }

    fn chance(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Takes money.
    pub(super) async fn take(&self, minor: i64) -> Result<Made, Stop> {
        self.make(self.charge(minor)).await
    }

    /// Holds money, if the backend can.
    pub(super) async fn hold(&self, minor: i64) -> Result<Made, Stop> {
        declared(self.can.separate_capture, "separate_capture")?;
        let hold = self.charge_of(self.provider.accepted(), self.money(minor), false);
        self.make(hold).await
    }

    /// Makes a charge, which must succeed.
    pub(super) async fn make(&self, ask: Ask) -> Result<Made, Stop> {
        let outcome = self.settle(&ask).await?;
        Ok(self.made(ask, reference_of(outcome)))
    }

    /// Returns a charge as later operations point at it.
    pub(super) fn made(&self, ask: Ask, reference: Option<Reference>) -> Made {
        let charge = Charged {
            app: self.provider.app(),
            key: ask.key(),
            reference,
        };
        Made { ask, charge }
    }

    pub(super) fn capture(&self, hold: &Made, number: u32, minor: i64, last: bool) -> Ask {
        Ask::Capture(CaptureRequest {
            key: key_of(hold, Step::Capture(1, number)),
            charge: hold.charge.clone(),
            amount: self.money(minor),
            last,
        })
    }

    pub(super) fn increase(&self, hold: &Made, number: u32, total: i64) -> Ask {
        Ask::Increase(IncreaseRequest {
            key: key_of(hold, Step::Increase(1, number)),
            charge: hold.charge.clone(),
            total: self.money(total),
        })
    }

    pub(super) fn void(charge: &Made) -> Ask {
        Ask::Void {
            key: key_of(charge, Step::Void(1, 1)),
            charge: charge.charge.clone(),
        }
    }

    pub(super) fn refund(&self, charge: &Made, minor: i64) -> Ask {
        let refund = RefundId::from_bytes(self.chance());
        Ask::Refund {
            key: key_of(charge, Step::Refund(refund)),
            charge: charge.charge.clone(),
            amount: self.money(minor),
        }
    }

    /// Returns something of each kind that the backend does, ready to be asked.
    pub(super) async fn one_of_each(&self) -> Result<Vec<Ask>, Stop> {
        let mut asks = vec![self.charge(WHOLE)];
        asks.push(self.refund(&self.take(WHOLE).await?, WHOLE));
        if self.can.separate_capture {
            asks.push(self.capture(&self.hold(WHOLE).await?, 1, WHOLE, true));
            asks.push(Self::void(&self.hold(WHOLE).await?));
        }
        if self.can.increases_max > 0 {
            asks.push(self.increase(&self.hold(WHOLE).await?, 1, WHOLE + REST));
        }
        Ok(asks)
    }

    /// Asks once.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Result<Outcome, BackendError>, Violation> {
        let answer = tokio::time::timeout(self.provider.call_max(), ask.of(&*self.backend)).await;
        answer.map_err(|_| Violation::new(format!("{ask} was not answered in time")))
    }

    /// Asks, and finds out what becomes of it by whatever ability the backend has.
    pub(super) async fn outcome(&self, ask: &Ask) -> Result<Outcome, Stop> {
        let answer = self.ask(ask).await?;
        let outcome = answer.map_err(|error| unforced(ask, &error))?;
        self.known(ask, outcome).await
    }

    /// Finds out what becomes of what was asked.
    async fn known(&self, ask: &Ask, outcome: Outcome) -> Result<Outcome, Stop> {
        if self.can.answers_queries {
            self.looked_up(ask, outcome).await
        } else if self.can.replays_keys.is_some() {
            self.replayed(ask, outcome).await
        } else {
            self.told(ask, outcome).await
        }
    }

    /// Looks an operation up until its outcome is known.
    pub(super) async fn looked_up(&self, ask: &Ask, first: Outcome) -> Result<Outcome, Stop> {
        let mut outcome = first;
        for _ in 0..PATIENCE {
            if outcome.is_known() {
                return Ok(outcome);
            }
            self.pass_time(&outcome).await?;
            if let Lookup::Found(found) = self.look_up(ask.key()).await? {
                outcome = found;
            }
        }
        Err(open(ask, &outcome).into())
    }

    /// Repeats an operation until its outcome is known.
    pub(super) async fn replayed(&self, ask: &Ask, first: Outcome) -> Result<Outcome, Stop> {
        let mut outcome = first;
        for _ in 0..PATIENCE {
            if outcome.is_known() {
                return Ok(outcome);
            }
            self.pass_time(&outcome).await?;
            if let Ok(answer) = self.ask(ask).await? {
                outcome = answer;
            }
        }
        Err(open(ask, &outcome).into())
    }

    /// Waits until the provider tells by itself what became of an operation.
    async fn told(&self, ask: &Ask, first: Outcome) -> Result<Outcome, Stop> {
        let mut outcome = first;
        for _ in 0..PATIENCE {
            if outcome.is_known() {
                return Ok(outcome);
            }
            self.pass_time(&outcome).await?;
            let notices = self.provider.notices().await;
            let notices = notices.ok_or(Skip::NotProvided("notices"))?;
            let mut mine = notices.into_iter().filter(|it| it.operation == ask.key());
            if let Some(notice) = mine.rfind(|notice| notice.outcome.is_known()) {
                outcome = notice.outcome;
            }
        }
        Err(open(ask, &outcome).into())
    }

    async fn pass_time(&self, outcome: &Outcome) -> Result<(), Skip> {
        let waits_for_payer = matches!(outcome, Outcome::NeedsAction { .. });
        if waits_for_payer && !self.provider.act_as_payer().await {
            return Err(Skip::NotProvided("act_as_payer"));
        }
        self.provider.wait().await;
        Ok(())
    }

    /// Asks for what must be done.
    pub(super) async fn settle(&self, ask: &Ask) -> Result<Outcome, Stop> {
        let outcome = self.outcome(ask).await?;
        let seen = || format!("{ask} was to be done, and came to {}", short(&outcome));
        ensure(is_done(&outcome), seen)?;
        Ok(outcome)
    }

    /// Asks for what must be declined, or refused unsent as something the backend never does.
    pub(super) async fn decline(&self, ask: &Ask, why: &str) -> Result<(), Stop> {
        let outcome = match self.ask(ask).await? {
            Err(error) if error.kind() == BackendErrorKind::Unsupported => return Ok(()),
            Err(error) => return Err(unforced(ask, &error).into()),
            Ok(outcome) => self.known(ask, outcome).await?,
        };
        let declined = matches!(outcome, Outcome::Declined { .. });
        let seen = || format!("{ask} {why}, and came to {}", short(&outcome));
        Ok(ensure(declined, seen)?)
    }

    pub(super) async fn look_up(&self, key: OperationKey) -> Result<Lookup, Violation> {
        let app = self.provider.app();
        let call_max = self.provider.call_max();
        match tokio::time::timeout(call_max, self.backend.lookup(&app, &key)).await {
            Ok(Ok(lookup)) => Ok(lookup),
            // "Any error: it is asked again later."
            Ok(Err(_)) => Ok(Lookup::CannotTell),
            Err(_) => Err(Violation::new("a lookup was not answered in time")),
        }
    }

    /// Goes on only if the provider's books can be read.
    pub(super) fn books(&self) -> Result<Money, Skip> {
        self.taken.ok_or(Skip::NotProvided("taken"))
    }

    /// Returns how much was taken since the beginning, less what was given back.
    pub(super) async fn taken(&self) -> Result<i64, Skip> {
        let before = self.books()?;
        let now = self.provider.taken(before.currency()).await;
        let now = now.ok_or(Skip::NotProvided("taken"))?;
        Ok(now.minor().saturating_sub(before.minor()))
    }

    /// Demands that the provider's books show this much taken.
    pub(super) async fn ensure_taken(&self, what: &str, minor: i64) -> Result<(), Stop> {
        let taken = self.money(self.taken().await?);
        let promised = self.money(minor);
        Ok(ensure(taken == promised, || {
            format!("{what}: {promised} was to be taken in all, the provider has taken {taken}")
        })?)
    }

    /// Demands that the provider's books show this much held.
    pub(super) async fn ensure_held(&self, what: &str, minor: i64) -> Result<(), Stop> {
        let before = self.held.ok_or(Skip::NotProvided("held"))?;
        let now = self.provider.held(before.currency()).await;
        let now = now.ok_or(Skip::NotProvided("held"))?;
        let held = self.money(now.minor().saturating_sub(before.minor()));
        let promised = self.money(minor);
        Ok(ensure(held == promised, || {
            format!("{what}: promised {promised}, the provider holds {held}")
        })?)
    }

    /// Makes the next request go wrong, if the provider can.
    pub(super) async fn inflict(&self, fault: Fault) -> Result<(), Skip> {
        if self.provider.inflict(&fault).await {
            Ok(())
        } else {
            Err(Skip::NotProvided("inflict"))
        }
    }
}

fn key_of(charge: &Made, step: Step) -> OperationKey {
    let intent = charge.charge.key.intent;
    OperationKey { intent, step }
}

pub(super) fn reference_of(outcome: Outcome) -> Option<Reference> {
    match outcome {
        Outcome::Settled { reference, .. } | Outcome::Authorized { reference, .. } => {
            Some(reference)
        }
        _ => None,
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
        Outcome::Accepted => "Accepted".to_owned(),
        Outcome::Declined { code } => format!("Declined as {code}"),
        Outcome::Unknown => "Unknown".to_owned(),
    }
}

fn unforced(ask: &Ask, error: &BackendError) -> Violation {
    let kind = error.kind();
    Violation::new(format!(
        "{ask} failed although nothing went wrong ({kind:?}): {error}"
    ))
}

fn open(ask: &Ask, outcome: &Outcome) -> Violation {
    let outcome = short(outcome);
    Violation::new(format!("{ask} was still {outcome} after a long time"))
}
