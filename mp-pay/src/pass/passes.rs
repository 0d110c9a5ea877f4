use std::{collections::BTreeMap, sync::Arc};

use mp_core::{
    Caller, Command, Decision, Edits, Engine, Error, ErrorKind, Family, Scope, Timestamp,
    id::{AppId, IdempotencyKey, Name, UserId},
    idempotency::{Idempotency, key_reused},
    store::Partition,
};

use super::{
    Act, EarnPoints, EntryId, LoyaltyPass, OpenPass, PassEntry, PassId, Program, Redeem, StampPass,
};
use crate::{error::PayError, payments::broke_off};

/// The right to open one's own passes and redeem from them.
pub const PASS_WRITE: Scope = Scope::of("pass:write");

/// The right to read one's own passes.
pub const PASS_READ: Scope = Scope::of("pass:read");

/// The right to stamp and credit every pass of the app; staff have it.
pub const PASS_MANAGE: Scope = Scope::of("pass:manage");

/// Loyalty passes and what is collected on them.
///
/// ```
/// use std::sync::Arc;
/// use mp_core::{Caller, Engine, Scope, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
/// use mp_pay::{Passes, pass::{OpenPass, Program, StampPass}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
/// let passes = Passes::new(&engine).with(Program::new("coffee".parse()?, 10)?);
/// let mei = Caller::user("market".parse()?, "mei".parse()?);
/// let stall = Caller::app("market".parse()?).with_scope(Scope::STAFF);
///
/// let open = OpenPass { program: "coffee".parse()?, owner: None };
/// let pass = passes.open(&mei, open, &"k1".parse()?).await?;
/// let stamp = StampPass { pass: pass.id, stamps: 12 };
/// let pass = passes.stamp(&stall, stamp, &"k2".parse()?).await?;
/// assert_eq!((pass.rewards, pass.stamps), (1, 2));
/// # Ok(()) }
/// ```
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passes {
    engine: Engine,
    programs: Arc<BTreeMap<Name, Program>>,
}

impl Passes {
    /// Creates the service without programs.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            programs: Arc::default(),
        }
    }

    /// Adds a program, or replaces it for passes that are opened from now on.
    #[must_use]
    pub fn with(mut self, program: Program) -> Self {
        let programs = Arc::make_mut(&mut self.programs);
        programs.insert(program.name().clone(), program);
        self
    }

    /// Opens a user's pass in a program, or returns the one there is.
    ///
    /// # Errors
    ///
    /// `not_found` for a program that was not set up, `forbidden` for somebody else's pass if the
    /// caller is not staff, `invalid_field` in an app whose id cannot be part of a unit,
    /// `idempotency_conflict`, `outcome_unknown` if it was opened and cannot be read, the store's errors.
    pub async fn open(
        &self,
        caller: &Caller,
        request: OpenPass,
        key: &IdempotencyKey,
    ) -> Result<LoyaltyPass, PayError> {
        let once = Idempotency::new(caller, "pass.open", key, &request)?;
        let owner = match request.owner {
            Some(owner) if caller.user_id() != Some(&owner) => {
                caller.require(&PASS_MANAGE)?;
                owner
            }
            _ => caller.signed_in()?.clone(),
        };
        let program = self.programs.get(&request.program).cloned();
        let program = program.ok_or_else(|| Error::not_found("program"))?;
        let app = caller.app_id().clone();
        let id = Self::id_of(&app, &owner, program.name());
        let command = Command::on(partition(&app, id)?).once(once);
        let open = move |family: &Family, now: Timestamp| {
            let mut edits = Edits::new();
            if family.root::<LoyaltyPass>()?.is_none() {
                let (app, owner) = (app.clone(), owner.clone());
                edits.put_root(LoyaltyPass::open(id, app, owner, &program, now)?);
            }
            Ok::<_, Error>(edits.answer(()))
        };
        self.engine.run(command, open).await?;
        let opened = self.read(caller.app_id(), id).await;
        opened.map_err(|error| match Error::from(error) {
            // It was opened: this does not say otherwise.
            error if error.kind() == ErrorKind::Unavailable => broke_off(error).into(),
            error => error.into(),
        })
    }

    /// Returns the id of a user's pass in a program.
    #[must_use]
    pub fn id_of(app: &AppId, owner: &UserId, program: &Name) -> PassId {
        PassId::derived(&[app.as_str(), owner.as_str(), program.as_str()])
    }

    /// Puts stamps on a pass. Full cards become rewards; stamps over count towards the next. However late
    /// it is called again with its key, it puts them on once; once the answer is forgotten, it answers the
    /// pass as it stands then.
    ///
    /// # Errors
    ///
    /// `forbidden`, `not_found`, `invalid_field`, `idempotency_conflict`, the store's errors.
    pub async fn stamp(
        &self,
        caller: &Caller,
        request: StampPass,
        key: &IdempotencyKey,
    ) -> Result<LoyaltyPass, PayError> {
        caller.require(&PASS_MANAGE)?;
        let act = Act::Stamp(request.stamps);
        self.act(caller, request.pass, "pass.stamp", act, key).await
    }

    /// Adds points to a pass, once per key as [`stamp`](Self::stamp).
    ///
    /// # Errors
    ///
    /// As [`stamp`](Self::stamp).
    pub async fn earn(
        &self,
        caller: &Caller,
        request: EarnPoints,
        key: &IdempotencyKey,
    ) -> Result<LoyaltyPass, PayError> {
        caller.require(&PASS_MANAGE)?;
        let act = Act::Earn(request.points);
        self.act(caller, request.pass, "pass.earn", act, key).await
    }

    /// Redeems rewards or points, once per key as [`stamp`](Self::stamp).
    ///
    /// # Errors
    ///
    /// `not_found` for a pass that is not there or not the caller's, [`PayError::NotEnough`],
    /// `idempotency_conflict`, the store's errors.
    pub async fn redeem(
        &self,
        caller: &Caller,
        request: Redeem,
        key: &IdempotencyKey,
    ) -> Result<LoyaltyPass, PayError> {
        let act = Act::Redeem(request.redeem);
        self.act(caller, request.pass, "pass.redeem", act, key)
            .await
    }

    /// Returns a pass with its balances.
    ///
    /// # Errors
    ///
    /// `not_found` for a pass that is not there or not the caller's, the store's errors.
    pub async fn balance(&self, caller: &Caller, pass: PassId) -> Result<LoyaltyPass, PayError> {
        let pass = self.read(caller.app_id(), pass).await?;
        owns(caller, &pass)?;
        Ok(pass)
    }

    /// Returns a pass's entries in their order.
    ///
    /// # Errors
    ///
    /// As [`balance`](Self::balance).
    pub async fn entries(&self, caller: &Caller, pass: PassId) -> Result<Vec<PassEntry>, PayError> {
        let command = Command::on(partition(caller.app_id(), pass)?).prefix("e/");
        let family = self.engine.read(command).await?;
        let root = family.root::<LoyaltyPass>()?;
        owns(caller, &*root.ok_or_else(|| Error::not_found("pass"))?)?;
        let entries = family.scan::<PassEntry>("e/")?;
        let mut entries: Vec<PassEntry> = entries
            .into_iter()
            .map(|(_, entry)| PassEntry::clone(&entry))
            .collect();
        entries.sort_by_key(|entry| entry.number);
        Ok(entries)
    }

    async fn read(&self, app: &AppId, pass: PassId) -> Result<LoyaltyPass, PayError> {
        let family = self.engine.read(Command::on(partition(app, pass)?)).await?;
        let root = family.root::<LoyaltyPass>()?;
        let root = root.ok_or_else(|| Error::not_found("pass"))?;
        Ok(LoyaltyPass::clone(&root))
    }

    async fn act(
        &self,
        caller: &Caller,
        pass: PassId,
        operation: &'static str,
        act: Act,
        key: &IdempotencyKey,
    ) -> Result<LoyaltyPass, PayError> {
        let once = Idempotency::new(caller, operation, key, &(pass, act))?;
        // An entry is named by the call that makes it, so that it can be written without reading
        // the others.
        let (id, whose) = (pass.to_string(), caller.key_segment());
        let entry = EntryId::derived(&[&id, whose, operation, key.as_str()]);
        let path = format!("e/{entry}");
        let command = Command::on(partition(caller.app_id(), pass)?)
            .key(&path)
            .once(once);
        let caller_of = caller.clone();
        let decide = move |family: &Family, now: Timestamp| {
            let root = family.root::<LoyaltyPass>()?;
            let mut pass = LoyaltyPass::clone(&*root.ok_or_else(|| Error::not_found("pass"))?);
            owns(&caller_of, &pass)?;
            // The answer may have been forgotten since; the entry was not.
            if let Some(entry) = family.get::<PassEntry>(&path)? {
                return match entry.is_of(act, &pass)? {
                    true => Ok(Decision::unchanged(pass)),
                    false => Err(PayError::Core(key_reused())),
                };
            }
            let entry = pass.act(act, now)?;
            let mut edits = Edits::new();
            edits.put(&path, entry);
            edits.put_root(pass.clone());
            Ok(edits.answer(pass))
        };
        let pass: LoyaltyPass = self.engine.run(command, decide).await?.answer;
        // An answer that is remembered was not decided on anew.
        owns(caller, &pass)?;
        Ok(pass)
    }
}

fn partition(app: &AppId, pass: PassId) -> Result<Partition, Error> {
    Partition::new(app, "pass", &pass.to_string())
}

fn owns(caller: &Caller, pass: &LoyaltyPass) -> Result<(), Error> {
    if caller.app_id() == &pass.app && caller.has(&PASS_MANAGE) {
        return Ok(());
    }
    caller.require_owner("pass", &pass.app, &pass.owner)
}
