//! One call as the sandbox takes it: pure, on the records that it reads.

use mp_core::{Decision, Edits, Error, Family, Timestamp, id::AppId};

use super::{
    Behaviour,
    book::{Account, Act, Asked, Page, UnderWay},
    replays::Replays,
};
use crate::{
    backend::{DeclineCode, NextAction, Outcome},
    operation::OperationKey,
};

/// What is called for.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) app: AppId,
    pub(super) key: OperationKey,
    pub(super) charge: OperationKey,
    pub(super) act: Act,
}

/// Where in the books a call is written down.
pub(super) struct Paths {
    pub(super) asked: String,
    pub(super) charge: String,
    pub(super) account: String,
}

impl Paths {
    pub(super) fn of(call: &Call) -> Self {
        let (key, charge) = (call.key.text(), call.charge.text());
        Self {
            asked: ["o/", key.as_str()].concat(),
            charge: ["o/", charge.as_str()].concat(),
            account: ["c/", charge.as_str()].concat(),
        }
    }
}

/// What a call reads and writes.
struct Books {
    calls: u64,
    asked: Asked,
    /// What was asked under the charge's key, where that is another key.
    charge: Option<Asked>,
    account: Option<Account>,
}

impl Call {
    /// Takes the call: answers a key that is honoured as the first time, else acts.
    pub(super) fn take(
        &self,
        family: &Family,
        paths: &Paths,
        replays: Replays,
        behaviour: impl Fn(&Asked) -> Behaviour,
        now: Timestamp,
    ) -> Result<Decision<Outcome>, Error> {
        let mut books = Books::load(family, self, paths, now)?;
        books.asked.calls += 1;
        let earlier = replays.answer(&books.asked.answered(), now);
        let answer = match (earlier, behaviour(&books.asked)) {
            (Some(_), Behaviour::TimeoutBefore | Behaviour::TimeoutAfter) => Outcome::Unknown,
            (Some(outcome), _) => outcome,
            (None, behaviour) => books.carry_out(self, behaviour, now),
        };
        Ok(books.edits(paths).answer(answer))
    }
}

impl Books {
    /// Reads the books, with what has become due on them done.
    fn load(family: &Family, call: &Call, paths: &Paths, now: Timestamp) -> Result<Self, Error> {
        let mut account = read(family, &paths.account)?;
        let mine: Option<Asked> = read(family, &paths.asked)?;
        let mut mine = mine.unwrap_or_else(|| Asked::first(call.charge, now));
        mine.ripen(call.key, &mut account, now);
        let mut charge = if call.key == call.charge {
            None
        } else {
            read::<Asked>(family, &paths.charge)?
        };
        if let Some(charge) = &mut charge {
            charge.ripen(call.charge, &mut account, now);
        }
        Ok(Self {
            calls: family.root::<Page>()?.map_or(0, |page| page.calls),
            asked: mine,
            charge,
            account,
        })
    }

    fn carry_out(&mut self, call: &Call, behaviour: Behaviour, now: Timestamp) -> Outcome {
        match behaviour {
            Behaviour::TimeoutBefore | Behaviour::Unavailable => return Outcome::Unknown,
            Behaviour::Decline(code) => self.asked.decline(code),
            Behaviour::Succeed => self.act(call, now),
            Behaviour::TimeoutAfter => {
                self.act(call, now);
                return Outcome::Unknown;
            }
            Behaviour::Misstate(told) => {
                self.act(call, now);
                let outcome = self.asked.outcome.take();
                self.asked.outcome = outcome.map(|outcome| outcome.with_amount(told));
            }
            Behaviour::FailLater(delay) => {
                self.act(call, now);
                let ready_at = now.plus(delay);
                if let Act::Refund { amount } = call.act {
                    let act = Act::Fail { amount };
                    self.asked.under_way = Some(UnderWay { act, ready_at });
                }
            }
            Behaviour::Delay(delay) => self.put_off(call, Outcome::accepted(), now.plus(delay)),
            Behaviour::Asks(action, delay) => {
                self.put_off(call, Outcome::needs_action(action), now.plus(delay));
            }
            Behaviour::NeedsAction(delay) => {
                let url = format!("https://sandbox.invalid/{}", call.key);
                let action = NextAction::Redirect { url };
                self.put_off(call, Outcome::needs_action(action), now.plus(delay));
            }
        }
        self.asked.keep_first_answer();
        self.asked.outcome.clone().unwrap_or(Outcome::Unknown)
    }

    fn act(&mut self, call: &Call, now: Timestamp) {
        self.asked.act(call.key, call.act, &mut self.account, now);
        let voided = matches!(self.asked.outcome, Some(Outcome::Settled { .. }));
        if let (Act::Void, true) = (call.act, voided) {
            // A charge that is voided while it is under way, or before it comes, never comes.
            let charge = &mut self.charge;
            let charge = charge.get_or_insert_with(|| Asked::first(call.charge, now));
            if charge.under_way.is_some() || charge.outcome.is_none() {
                charge.decline(DeclineCode::of("canceled"));
            }
        }
    }

    fn put_off(&mut self, call: &Call, outcome: Outcome, ready_at: Timestamp) {
        let act = call.act;
        let later = UnderWay { act, ready_at };
        self.asked.put_off(call.key, outcome, later);
    }

    fn edits(self, paths: &Paths) -> Edits {
        let mut edits = Edits::new();
        let calls = self.calls + 1;
        edits.put_root(Page { calls });
        edits.put(&paths.asked, self.asked);
        if let Some(charge) = self.charge {
            edits.put(&paths.charge, charge);
        }
        if let Some(account) = self.account {
            edits.put(&paths.account, account);
        }
        edits
    }
}

/// Answers what became of a key, and writes down what has become due meanwhile.
pub(super) fn look_up(
    family: &Family,
    key: OperationKey,
    now: Timestamp,
) -> Result<Decision<Option<Outcome>>, Error> {
    let Some(mut asked) = read::<Asked>(family, &format!("o/{key}"))? else {
        return Ok(Decision::unchanged(None));
    };
    let path = format!("c/{}", asked.charge);
    let mut account = read::<Account>(family, &path)?;
    let mut edits = Edits::new();
    let ripe = asked.ripen(key, &mut account, now);
    let outcome = asked.outcome.clone();
    if ripe {
        edits.put(&format!("o/{key}"), asked);
        if let Some(account) = account {
            edits.put(&path, account);
        }
    }
    Ok(edits.answer(outcome))
}

fn read<D: mp_core::Document + Clone>(family: &Family, key: &str) -> Result<Option<D>, Error> {
    Ok(family.get::<D>(key)?.map(|found| D::clone(&found)))
}
