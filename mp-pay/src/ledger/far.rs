use async_trait::async_trait;
use mp_core::{
    Command, Decision, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    id::AppId,
    port::{Confirmed, Participant, Reserved},
    steps::{Plan, plan_key},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Act, Hold, HoldEvent, HoldState, HoldStep, LedgerError, Leg, Occasion,
    asked::{Asked, FarLegs},
    forgetting::ForgetDue,
    plan_id::PlanId,
    records::{command, desk, hold_key, save, transfer_in, transfer_key},
};

/// Why a book refuses what comes too late to be held, or is not asked any more.
pub(super) const EXPIRED: &str = "expired";

/// The books that a transfer touches beside its home, as participants of its plan.
#[derive(Clone, Debug)]
pub(super) struct FarBooks {
    engine: Engine,
}

/// What was decided in a far book.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Answer {
    Done,
    Refused(String),
}

impl FarBooks {
    pub(super) const NAME: &'static str = "book";

    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
        }
    }

    /// Asks a far book, and commits what comes of it.
    async fn ask(
        &self,
        app: &AppId,
        key: &str,
        event: HoldEvent,
        asked: Asked,
    ) -> Result<Answer, Error> {
        let (plan, _) = PlanId::of_step(key).ok_or_else(|| Error::not_found("key"))?;
        let at = hold_key(plan.transfer);
        let (app, book) = (app.clone(), asked.legs.book.clone());
        let command = command(&app, &book)?.key(&at);
        let decide = move |family: &Family, now: Timestamp| {
            let found = family.get::<Hold>(&at)?;
            let found = match found {
                Some(found) if !asked.is_of(&plan, &found) => {
                    return Ok(Decision::unchanged(foreign(event)));
                }
                Some(found) => Hold::clone(&found),
                None => absent(&plan, &asked.legs, now),
            };
            let mut work = FarWork {
                hold: found,
                posted_part: asked.posted_part,
                late: asked.until <= now,
                now,
            };
            let mut desk = desk(family, &app, &asked.legs.book, &work.hold.legs, now)?;
            let before = work.hold.state;
            let answer = work.step(&mut desk, event)?;
            if work.hold.state == before {
                return Ok(Decision::unchanged(answer));
            }
            let mut edits = Edits::new();
            if desk.entries().is_empty() {
                work.forget_later(&app, &asked.legs, &mut edits);
            }
            save(&mut desk, &mut edits);
            edits.put(&at, work.hold);
            Ok::<_, LedgerError>(edits.answer(answer))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Returns what the plan's step asks for.
    async fn asked(&self, app: &AppId, key: &str) -> Result<Asked, Error> {
        let none = || Error::not_found("key");
        let (plan, number) = PlanId::of_step(key).ok_or_else(none)?;
        let at = plan_key(&plan.to_string());
        let reads = Command::on(plan.home.partition(app)?)
            .key(&at)
            .key(&transfer_key(plan.transfer));
        let family = self.engine.read(reads).await?;
        let stored = family.get::<Plan>(&at)?.ok_or_else(none)?;
        let step = stored.steps().get(number).ok_or_else(none)?;
        let transfer = transfer_in(&family, plan.transfer)?;
        Ok(Asked {
            legs: FarLegs::of(&step.request.value())?,
            until: step.until,
            posted_part: transfer.and_then(|transfer| transfer.posted_part),
        })
    }
}

/// One request to one far book: a plain function of what stands there.
struct FarWork {
    hold: Hold,
    posted_part: Option<i64>,
    late: bool,
    now: Timestamp,
}

impl FarWork {
    fn step(&mut self, desk: &mut super::Desk, event: HoldEvent) -> Result<Answer, LedgerError> {
        // It may hold or have posted: that release alone can say, and home must not take it for refused.
        if self.hold.state == HoldState::Unrecognized {
            return Err(newer_release().into());
        }
        match self.hold.state.next(event) {
            HoldStep::Stays => Ok(Answer::Done),
            HoldStep::Refuses => Ok(Answer::Refused(self.refusal())),
            HoldStep::Notes(state) => {
                self.come_to(state);
                Ok(Answer::Done)
            }
            HoldStep::Writes(Act::Pending, _) if self.late => Ok(self.refuse(EXPIRED)),
            HoldStep::Writes(act, state) => match self.write(desk, act) {
                Ok(()) => {
                    self.come_to(state);
                    Ok(Answer::Done)
                }
                // A refusal is kept, for it is final; what is broken is not a refusal.
                Err(LedgerError::Core(error)) => Err(error.into()),
                Err(refused) if act == Act::Pending => Ok(self.refuse(refused.code())),
                Err(error) => Err(error),
            },
        }
    }

    fn write(&mut self, desk: &mut super::Desk, act: Act) -> Result<(), LedgerError> {
        let occasion = Occasion {
            transfer: self.hold.transfer,
            memo: self.hold.memo.clone(),
            at: self.now,
        };
        let legs = self.hold.legs.clone();
        if act == Act::PostedPending {
            self.hold.posted_part = self.posted_part;
        }
        let part = self.hold.posted_part;
        let posted = |leg: &Leg| part.unwrap_or(leg.amount);
        match act {
            Act::Pending => desk.hold(&legs, &occasion),
            Act::PostedPending => desk.keep(&legs, &occasion, posted),
            Act::Undone => desk.undo(&legs, &occasion, posted),
            _ => desk.let_go(&legs, &occasion, act),
        }
    }

    fn forget_later(&self, app: &AppId, asked: &FarLegs, edits: &mut Edits) {
        let due = ForgetDue {
            app: app.clone(),
            book: asked.book.clone(),
            transfer: self.hold.transfer,
        };
        due.schedule(self.now, edits);
    }

    fn refuse(&mut self, code: &str) -> Answer {
        self.hold.refusal = Some(code.to_owned());
        self.come_to(HoldState::Refused);
        Answer::Refused(code.to_owned())
    }

    fn refusal(&self) -> String {
        let code = match self.hold.state {
            HoldState::LetGo => Some("released"),
            _ => self.hold.refusal.as_deref(),
        };
        code.unwrap_or("not_found").to_owned()
    }

    fn come_to(&mut self, state: HoldState) {
        self.hold.state = state;
        self.hold.changed_at = self.now;
    }
}

/// Answers a transfer that has the same id as another one that came here before.
fn foreign(event: HoldEvent) -> Answer {
    match event {
        HoldEvent::Release => Answer::Done,
        _ => Answer::Refused("transfer_id_taken".to_owned()),
    }
}

fn newer_release() -> Error {
    let message = "a newer release has written what is held here: let it go on";
    Error::new(ErrorKind::Unavailable, "newer_release", message)
}

fn absent(plan: &PlanId, asked: &FarLegs, now: Timestamp) -> Hold {
    Hold {
        home: plan.home.clone(),
        transfer: plan.transfer,
        legs: asked.legs.clone(),
        memo: asked.memo.clone(),
        state: HoldState::Absent,
        posted_part: None,
        refusal: None,
        changed_at: now,
    }
}

#[async_trait]
impl Participant for FarBooks {
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
        let asked = Asked {
            legs: FarLegs::of(request)?,
            until,
            posted_part: None,
        };
        Ok(match self.ask(app, key, HoldEvent::Reserve, asked).await? {
            Answer::Done => Reserved::Reserved,
            Answer::Refused(code) => Reserved::Refused(code),
        })
    }

    async fn confirm(&self, app: &AppId, key: &str) -> Result<Confirmed, Error> {
        let asked = self.asked(app, key).await?;
        Ok(match self.ask(app, key, HoldEvent::Confirm, asked).await? {
            Answer::Done => Confirmed::Confirmed,
            Answer::Refused(code) => Confirmed::Refused(code),
        })
    }

    async fn release(&self, app: &AppId, key: &str) -> Result<(), Error> {
        let asked = self.asked(app, key).await?;
        match self.ask(app, key, HoldEvent::Release, asked).await? {
            Answer::Done => Ok(()),
            // No state that is known here refuses to be let go of.
            Answer::Refused(_) => Err(newer_release()),
        }
    }
}
