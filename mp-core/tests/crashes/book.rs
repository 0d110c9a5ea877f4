use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind, Timestamp,
    id::AppId,
    port::{Confirmed, Participant, Reserved},
    steps::Verb,
};
use serde_json::Value;

use super::{
    faults::{Faults, Mode, Site},
    life::Manner,
};
use mp_core::conformance::Phase;

/// A participant that keeps its own books, outside the store, and obeys the contract.
#[derive(Debug)]
pub(crate) struct Book {
    name: &'static str,
    manner: Manner,
    /// Breaks the contract on purpose: it does not remember what was released.
    forgetful: bool,
    faults: Arc<Faults>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    effects: BTreeMap<(String, &'static str), u32>,
    calls: BTreeMap<(String, &'static str), u32>,
    /// Calls that the network still holds.
    late: Vec<(Verb, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entry {
    Held,
    Kept,
    LetGo,
}

impl Book {
    pub(crate) fn new(
        name: &'static str,
        manner: Manner,
        forgetful: bool,
        faults: Arc<Faults>,
    ) -> Self {
        Self {
            name,
            manner,
            forgetful,
            faults,
            state: Mutex::default(),
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<Entry> {
        self.state().entries.get(key).copied()
    }

    /// Returns an effect that some key had more than once.
    pub(crate) fn doubled(&self) -> Option<String> {
        let state = self.state();
        let doubled = state.effects.iter().find(|(_, times)| **times > 1)?;
        Some(format!("{}: {doubled:?}", self.name))
    }

    /// Lets the calls arrive that the network had held.
    pub(crate) fn deliver_late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for (verb, key) in late {
            match verb {
                Verb::Reserve => drop(self.reserve_now(&key)),
                Verb::Confirm => drop(self.confirm_now(&key)),
                Verb::Release => self.release_now(&key),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call<T>(
        &self,
        verb: Verb,
        key: &str,
        act: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.faults.pass(Site::Port, Phase::Before).await {
            Some(Mode::Fail) => return Err(fault(ErrorKind::Unavailable)),
            Some(Mode::Late) => {
                self.state().late.push((verb, key.to_owned()));
                return Err(fault(ErrorKind::Unknown));
            }
            Some(_) => return Err(fault(ErrorKind::Unknown)),
            None => {}
        }
        let answer = act();
        // Somebody else may have a turn before the answer is there.
        tokio::task::yield_now().await;
        match self.faults.pass(Site::Port, Phase::After).await {
            Some(_) => Err(fault(ErrorKind::Unknown)),
            None => answer,
        }
    }

    fn reserve_now(&self, key: &str) -> Result<Reserved, Error> {
        let mut state = self.state();
        match (state.entries.get(key), self.manner) {
            (Some(Entry::Held), Manner::Failing) => return Err(fault(ErrorKind::Unsupported)),
            (Some(Entry::Held | Entry::Kept), Manner::Pedantic) => {
                return Err(fault(ErrorKind::KeyReused));
            }
            (Some(Entry::Held | Entry::Kept), _) => return Ok(Reserved::Reserved),
            (Some(Entry::LetGo), _) if !self.forgetful => {
                return Ok(Reserved::Refused("released".into()));
            }
            _ => {}
        }
        let calls = state.called(key, "reserve");
        Ok(match self.manner {
            Manner::Refusing => Reserved::Refused("sold_out".into()),
            Manner::Waiting => Reserved::Pending(Value::Null),
            Manner::Hesitant if calls <= 2 => Reserved::Pending(Value::Null),
            manner => {
                state.enter(key, "reserve", Entry::Held);
                if manner == Manner::Failing {
                    return Err(fault(ErrorKind::Unsupported));
                }
                Reserved::Reserved
            }
        })
    }

    fn confirm_now(&self, key: &str) -> Result<Confirmed, Error> {
        let mut state = self.state();
        let calls = state.called(key, "confirm");
        Ok(match (state.entries.get(key), self.manner) {
            (Some(Entry::Held), Manner::Unfit) => return Err(fault(ErrorKind::Refused)),
            (Some(Entry::Kept), _) => Confirmed::Confirmed,
            (Some(Entry::Held), Manner::Lapsing) => {
                state.enter(key, "release", Entry::LetGo);
                Confirmed::Refused("lapsed".into())
            }
            (Some(Entry::Held), Manner::Slow) if calls == 1 => Confirmed::Pending,
            (Some(Entry::Held), _) => {
                state.enter(key, "confirm", Entry::Kept);
                Confirmed::Confirmed
            }
            (Some(Entry::LetGo) | None, _) => Confirmed::Refused("released".into()),
        })
    }

    fn release_now(&self, key: &str) {
        let mut state = self.state();
        match state.entries.get(key) {
            Some(Entry::Held | Entry::Kept) => state.enter(key, "release", Entry::LetGo),
            Some(Entry::LetGo) => {}
            None => drop(state.entries.insert(key.to_owned(), Entry::LetGo)),
        }
    }
}

impl State {
    fn enter(&mut self, key: &str, effect: &'static str, entry: Entry) {
        self.entries.insert(key.to_owned(), entry);
        *self.effects.entry((key.to_owned(), effect)).or_default() += 1;
    }

    fn called(&mut self, key: &str, verb: &'static str) -> u32 {
        let calls = self.calls.entry((key.to_owned(), verb)).or_default();
        *calls += 1;
        *calls
    }
}

#[async_trait]
impl Participant for Book {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn reserve(
        &self,
        _: &AppId,
        key: &str,
        _: &Value,
        _: Timestamp,
    ) -> Result<Reserved, Error> {
        self.call(Verb::Reserve, key, || self.reserve_now(key))
            .await
    }

    async fn confirm(&self, _: &AppId, key: &str) -> Result<Confirmed, Error> {
        self.call(Verb::Confirm, key, || self.confirm_now(key))
            .await
    }

    async fn release(&self, _: &AppId, key: &str) -> Result<(), Error> {
        let release = || {
            self.release_now(key);
            Ok(())
        };
        self.call(Verb::Release, key, release).await
    }
}

fn fault(kind: ErrorKind) -> Error {
    Error::new(kind, "fault", "a fault of the test")
}
