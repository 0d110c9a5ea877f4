use async_trait::async_trait;
use mp_core::{
    Command, Decision, Edits, Engine, Error, ErrorKind, Family, Timestamp,
    id::AppId,
    label::Label,
    port::{Confirmed, Participant, Reserved},
    steps::{Plan, plan_key},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Act, BookId, Hold, HoldEvent, HoldState, HoldStep, LedgerError, Leg, Occasion,
    plan_id::PlanId,
    records::{command, desk, hold_key, save, transfer_in, transfer_key},
};

/// The books that a transfer touches beside its home, as participants of its plan.
#[derive(Clone, Debug)]
pub(super) struct FarBooks {
    engine: Engine,
}

/// What a far book is asked to hold.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FarLegs {
    pub(super) book: BookId,
    pub(super) legs: Vec<Leg>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memo: Option<Label>,
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
        asked: FarLegs,
        posted_part: Option<i64>,
        until: Option<Timestamp>,
    ) -> Result<Answer, Error> {
        let (plan, _) = PlanId::of_step(key).ok_or_else(|| Error::not_found("key"))?;
        let at = hold_key(plan.transfer);
        let (app, book) = (app.clone(), asked.book.clone());
        let command = command(&app, &book)?.key(&at);
        let decide = move |family: &Family, now: Timestamp| {
            let found = family.get::<Hold>(&at)?;
            let found = found.map_or_else(|| absent(&plan, &asked, now), |it| Hold::clone(&it));
            let late = until.is_some_and(|until| until <= now);
            let mut work = FarWork {
                hold: found,
                posted_part,
                late,
                now,
            };
            let mut desk = desk(family, &app, &asked.book, &work.hold.legs, now)?;
            if work.hold.home != plan.home {
                return Ok(Decision::unchanged(foreign(event)));
            }
            let before = work.hold.state;
            let answer = work.step(&mut desk, event)?;
            if work.hold.state == before {
                return Ok(Decision::unchanged(answer));
            }
            let mut edits = Edits::new();
            save(&mut desk, &mut edits);
            edits.put(&at, work.hold);
            Ok::<_, LedgerError>(edits.answer(answer))
        };
        Ok(self.engine.run(command, decide).await?.answer)
    }

    /// Returns what the plan's step asks for, and how much of it is posted, as the home says.
    async fn asked(&self, app: &AppId, key: &str) -> Result<(FarLegs, Option<i64>), Error> {
        let none = || Error::not_found("key");
        let (plan, number) = PlanId::of_step(key).ok_or_else(none)?;
        let at = plan_key(&plan.to_string());
        let reads = Command::on(plan.home.partition(app)?)
            .key(&at)
            .key(&transfer_key(plan.transfer));
        let family = self.engine.read(reads).await?;
        let stored = family.get::<Plan>(&at)?.ok_or_else(none)?;
        let step = stored.steps().get(number).ok_or_else(none)?;
        let asked = legs_of(&step.request.value())?;
        let transfer = transfer_in(&family, plan.transfer)?;
        Ok((asked, transfer.and_then(|transfer| transfer.posted_part)))
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
        match self.hold.state.next(event) {
            HoldStep::Stays => Ok(Answer::Done),
            HoldStep::Refuses => Ok(Answer::Refused(self.refusal())),
            HoldStep::Notes(state) => {
                self.come_to(state);
                Ok(Answer::Done)
            }
            HoldStep::Writes(Act::Pending, _) if self.late => Ok(self.refuse("expired")),
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

/// Answers a transfer of another home that has the same id as one that came here before.
fn foreign(event: HoldEvent) -> Answer {
    match event {
        HoldEvent::Release => Answer::Done,
        _ => Answer::Refused("transfer_id_taken".to_owned()),
    }
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

fn legs_of(request: &Value) -> Result<FarLegs, Error> {
    FarLegs::deserialize(request)
        .map_err(|error| Error::invalid("request", "is not about a book").with_source(error))
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
        let asked = legs_of(request)?;
        let event = HoldEvent::Reserve;
        let answer = self.ask(app, key, event, asked, None, Some(until)).await?;
        Ok(match answer {
            Answer::Done => Reserved::Reserved,
            Answer::Refused(code) => Reserved::Refused(code),
        })
    }

    async fn confirm(&self, app: &AppId, key: &str) -> Result<Confirmed, Error> {
        let (asked, part) = self.asked(app, key).await?;
        let event = HoldEvent::Confirm;
        Ok(match self.ask(app, key, event, asked, part, None).await? {
            Answer::Done => Confirmed::Confirmed,
            Answer::Refused(code) => Confirmed::Refused(code),
        })
    }

    async fn release(&self, app: &AppId, key: &str) -> Result<(), Error> {
        let (asked, _) = self.asked(app, key).await?;
        match self
            .ask(app, key, HoldEvent::Release, asked, None, None)
            .await?
        {
            Answer::Done => Ok(()),
            Answer::Refused(_) => {
                let message = "a newer release has written what is held here: let it go on";
                Err(Error::new(ErrorKind::Unavailable, "newer_release", message))
            }
        }
    }
}
