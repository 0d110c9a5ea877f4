use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Serialize};

use super::{Plan, Standing};
use crate::{
    clock::Timestamp,
    document::Document,
    engine::{Command, Edits, Family},
    error::Error,
};

/// The aggregate in whose partition a plan stands.
pub trait Home: Send + Sync + 'static {
    /// The kind of the work that drives this home's plans, such as `group.steps`.
    const KIND: &'static str;

    /// Selects what [`react`](Self::react) reads beside the root and the plan.
    fn reads(command: Command, plan: &str) -> Command;

    /// Decides what the home does about a plan of which something was seen; its edits are committed
    /// together with the plan.
    ///
    /// `plan` stands as it will after the commit, and stood as `before` until now: often that is the
    /// same, because only one of its steps has moved on. To confirm or release it, return it changed.
    ///
    /// # Errors
    ///
    /// Only what no repetition mends, such as `corrupt_record`.
    fn react(
        family: &Family,
        id: &str,
        plan: Plan,
        before: Standing,
        now: Timestamp,
        edits: &mut Edits,
    ) -> Result<Plan, Error>;
}

/// The work of driving one plan.
#[derive(Deserialize, Serialize)]
#[serde(bound = "")]
pub struct Drive<H> {
    /// The plan's id.
    pub plan: String,
    #[serde(skip)]
    home: PhantomData<fn() -> H>,
}

impl<H: Home> Document for Drive<H> {
    const KIND: &'static str = H::KIND;
    const FORMAT: u32 = 1;
}

impl<H> fmt::Debug for Drive<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drive({})", self.plan)
    }
}

/// Returns the key under which a plan stands in its home's partition.
#[must_use]
pub fn plan_key(id: &str) -> String {
    format!("s/{id}")
}

/// Puts a plan, new or changed, into the home's edits, and the work that drives it.
///
/// `id` is unique within the app, because participants know the steps by `{id}.{number}`.
///
/// # Errors
///
/// `newer_release` if the plan is not [recognized](Plan::is_recognized): it is left to the release that
/// knows it.
pub fn put<H: Home>(edits: &mut Edits, id: &str, plan: Plan, now: Timestamp) -> Result<(), Error> {
    plan.demand_recognized()?;
    edits.put(&plan_key(id), plan);
    edits.send(
        id,
        now,
        &Drive::<H> {
            plan: id.to_owned(),
            home: PhantomData,
        },
    );
    Ok(())
}
