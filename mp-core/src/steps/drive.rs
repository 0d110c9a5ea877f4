use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use super::{Drive, Home, Next, Plan, Seen, Verb, plan_key, put};
use crate::{
    clock::Timestamp,
    engine::{Command, Edits, Engine, Family},
    error::{Error, ErrorKind},
    id::AppId,
    port::{Confirmed, Participant, Reserved},
    store::Partition,
    work::{self, Done, Handler, HandlerError},
};

/// Drives the plans of one kind of home.
pub struct Steps<H> {
    engine: Engine,
    participants: Arc<BTreeMap<&'static str, Arc<dyn Participant>>>,
    home: PhantomData<fn() -> H>,
}

/// What a call on a participant came to.
enum Called {
    Saw(Seen),
    /// An error of this code, which no repetition mends.
    Failed(&'static str),
    Later(Timestamp),
}

impl<H: Home> Steps<H> {
    /// Drives plans with these participants.
    pub fn new(
        engine: &Engine,
        participants: impl IntoIterator<Item = Arc<dyn Participant>>,
    ) -> Self {
        let by_name = participants.into_iter().map(|each| (each.name(), each));
        let participants = Arc::new(by_name.collect());
        Self {
            engine: engine.clone(),
            participants,
            home: PhantomData,
        }
    }

    /// Returns the handler of the work that drives plans.
    #[must_use]
    pub fn handler(&self) -> Arc<dyn Handler> {
        let steps = self.clone();
        work::on(move |delivery, drive: Drive<H>| {
            let steps = steps.clone();
            async move { Ok::<_, HandlerError>(steps.drive(&delivery.partition, &drive.plan).await?) }
        })
    }

    /// Drives a plan as far as it goes: the same path for a person who waits and for due work.
    ///
    /// A step of a participant that is not known here is left to a process that knows it, of a newer
    /// release for instance, for as long as the step has time. So is a plan that is not
    /// [recognized](Plan::is_recognized), for as long as any of its steps has.
    ///
    /// # Errors
    ///
    /// Transient ones: drive it again. `unknown_participant` after a step's time, and `newer_release` after
    /// that of all steps, either of which makes the work dead in the end.
    pub async fn drive(&self, partition: &Partition, id: &str) -> Result<Done, Error> {
        let app =
            AppId::new(partition.app()).map_err(|error| Error::invalid("partition", error))?;
        loop {
            let Some(plan) = self.plan(partition, id).await? else {
                return Ok(Done::Finished);
            };
            let now = self.engine.now();
            match plan.next(now) {
                Next::Rest if !plan.is_recognized() => return left_to_newer(id, &plan, now),
                Next::Rest => return Ok(Done::Finished),
                // Asked of the plan as it then stands: it may have been confirmed meanwhile.
                Next::Expire => self.commit(partition, id, Plan::expire).await?,
                Next::Call(step, verb) => {
                    match self.call(&app, id, &plan, step, verb, now).await? {
                        Called::Saw(seen) => {
                            let waits = matches!(seen, Seen::Pending(_));
                            self.commit(partition, id, move |plan, _| plan.observe(step, &seen))
                                .await?;
                            if waits {
                                return Ok(Done::Again(plan.ask_again_at(step, now)));
                            }
                        }
                        Called::Failed(code) => {
                            // It is released once that is decided, and no sooner: another process
                            // may have had an answer, and confirmed it meanwhile.
                            self.commit(partition, id, move |plan, _| plan.fail(step, verb, code))
                                .await?;
                        }
                        Called::Later(at) => return Ok(Done::Again(at)),
                    }
                }
            }
        }
    }

    /// Gives up a plan because what one of its steps had reserved is [held no more](Plan::lose). The work
    /// that drives it is sent if it was at rest; whoever calls may [drive](Self::drive) it at once.
    ///
    /// # Errors
    ///
    /// The store's: call it again.
    pub async fn lose(
        &self,
        partition: &Partition,
        id: &str,
        step: usize,
        code: &'static str,
    ) -> Result<(), Error> {
        self.commit(partition, id, move |plan, _| plan.lose(step, code))
            .await
    }

    async fn plan(&self, partition: &Partition, id: &str) -> Result<Option<Arc<Plan>>, Error> {
        let key = plan_key(id);
        self.engine
            .read(Command::on(partition.clone()).key(&key))
            .await?
            .get(&key)
    }

    async fn call(
        &self,
        app: &AppId,
        id: &str,
        plan: &Plan,
        position: usize,
        verb: Verb,
        now: Timestamp,
    ) -> Result<Called, Error> {
        let step = &plan.steps()[position];
        let later = || Called::Later(plan.ask_again_at(position, now));
        let name = step.participant.as_str();
        let Some(participant) = self.participants.get(name) else {
            tracing::warn!(
                plan = id,
                participant = name,
                "left to a process that knows it"
            );
            return match now < step.until {
                true => Ok(later()),
                false => Err(unknown_participant(name)),
            };
        };
        let key = format!("{id}.{position}");
        Ok(match verb {
            Verb::Reserve => {
                match participant
                    .reserve(app, &key, &step.request.value(), step.until)
                    .await
                {
                    Ok(Reserved::Reserved) => Called::Saw(Seen::Reserved),
                    Ok(Reserved::Pending(detail)) => Called::Saw(Seen::Pending(detail)),
                    Ok(Reserved::Refused(code)) => Called::Saw(Seen::Refused(code)),
                    Err(error) => Called::Failed(final_code(error)?),
                }
            }
            Verb::Confirm => match participant.confirm(app, &key).await {
                Ok(Confirmed::Confirmed) => Called::Saw(Seen::Confirmed),
                Ok(Confirmed::Pending) => later(),
                Ok(Confirmed::Refused(code)) => Called::Saw(Seen::Refused(code)),
                Err(error) => Called::Failed(final_code(error)?),
            },
            Verb::Release => {
                participant.release(app, &key).await?;
                Called::Saw(Seen::Released)
            }
        })
    }

    /// Commits a change of the plan, and what the home does about it.
    ///
    /// A plan at rest has no work that drives it any more: what takes it out of rest, such as a refusal that
    /// comes late, sends it anew, for whoever makes the change may not live to see it through.
    async fn commit(
        &self,
        partition: &Partition,
        id: &str,
        change: impl Fn(&Plan, Timestamp) -> Plan + Send + 'static,
    ) -> Result<(), Error> {
        let key = plan_key(id);
        let command = H::reads(Command::on(partition.clone()).key(&key), id);
        let id = id.to_owned();
        let decide = move |family: &Family, now: Timestamp| {
            let mut edits = Edits::new();
            let Some(plan) = family.get::<Plan>(&key)? else {
                return Ok(edits.answer(()));
            };
            let changed = change(&plan, now);
            if changed == *plan {
                return Ok(edits.answer(()));
            }
            let before = plan.standing();
            let changed = H::react(family, &id, changed, before, now, &mut edits)?;
            if plan.next(now) == Next::Rest && changed.next(now) != Next::Rest {
                put::<H>(&mut edits, &id, changed, now)?;
            } else {
                edits.put(&key, changed);
            }
            Ok::<_, Error>(edits.answer(()))
        };
        self.engine.run(command, decide).await?;
        Ok(())
    }
}

/// Leaves a plan that is not known here to the release that wrote it, while there is time for that; then
/// the work fails, so that it is listed in the end if no such release takes it up.
fn left_to_newer(id: &str, plan: &Plan, now: Timestamp) -> Result<Done, Error> {
    tracing::warn!(plan = id, "left to the newer release that moved it on");
    if plan.steps().iter().all(|step| step.until <= now) {
        plan.demand_recognized()?;
    }
    Ok(Done::Again(plan.ask_again_at(0, now)))
}

/// The error of a step that no process which knows its participant has taken up in time.
fn unknown_participant(name: &str) -> Error {
    let message = format!("no participant is named {name} here: hand it to Steps::new");
    Error::new(ErrorKind::Unavailable, "unknown_participant", message)
}

/// Returns the code of an error that no repetition mends; the others stay errors.
fn final_code(error: Error) -> Result<&'static str, Error> {
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::Refused | ErrorKind::Unsupported | ErrorKind::KeyReused => {
            Ok(error.code())
        }
        _ => Err(error),
    }
}

impl<H> Clone for Steps<H> {
    fn clone(&self) -> Self {
        let (engine, participants) = (self.engine.clone(), self.participants.clone());
        Self {
            engine,
            participants,
            home: PhantomData,
        }
    }
}

impl<H> fmt::Debug for Steps<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps")
            .field("participants", &self.participants.keys())
            .finish_non_exhaustive()
    }
}
