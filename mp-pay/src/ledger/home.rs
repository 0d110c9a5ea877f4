use mp_core::{
    Command, Edits, Error, Family, Timestamp,
    feed::Feed,
    steps::{Home, Plan, Standing},
};

use super::{
    Act, LedgerError, Occasion, Transfer, TransferEvent, TransferStatus,
    expiry::ExpiryDue,
    far::EXPIRED,
    news::tell,
    plan_id::PlanId,
    records::{ACCOUNTS, desk, save, transfer_in, transfer_key},
    settlement::FactDue,
};

/// The book that a transfer over several books stands in, as the home of its plan.
pub(crate) struct HomeBook;

impl Home for HomeBook {
    const KIND: &'static str = "ledger.steps";

    fn reads(command: Command, plan: &str) -> Command {
        let Some(plan) = PlanId::parse(plan) else {
            return command;
        };
        let command = Feed::reads_of_any(command)
            .prefix(ACCOUNTS)
            .key(&transfer_key(plan.transfer));
        match plan.original {
            Some(original) => command.key(&transfer_key(original)),
            None => command,
        }
    }

    fn react(
        family: &Family,
        id: &str,
        plan: Plan,
        _before: Standing,
        now: Timestamp,
        edits: &mut Edits,
    ) -> Result<Plan, Error> {
        let Some(mut work) = HomeWork::load(family, id, now)? else {
            return Ok(plan);
        };
        let plan = work.react(plan)?;
        if let Some(transfer) = work.changed {
            put(family, transfer, now, edits)?;
        }
        edits.extend(work.edits);
        Ok(plan)
    }
}

/// A transfer of which something was seen elsewhere.
struct HomeWork<'a> {
    family: &'a Family,
    transfer: Transfer,
    changed: Option<Transfer>,
    edits: Edits,
    now: Timestamp,
}

impl<'a> HomeWork<'a> {
    fn load(family: &'a Family, id: &str, now: Timestamp) -> Result<Option<Self>, Error> {
        let Some(plan) = PlanId::parse(id) else {
            return Ok(None);
        };
        let transfer = transfer_in(family, plan.transfer)?;
        Ok(transfer.map(|transfer| Self {
            family,
            transfer,
            changed: None,
            edits: Edits::new(),
            now,
        }))
    }

    fn react(&mut self, plan: Plan) -> Result<Plan, Error> {
        use TransferStatus::{Moving, Pending, Posting};
        match (plan.standing(), self.transfer.status) {
            (Standing::Reserved, Moving) if self.transfer.has_lapsed(self.now) => {
                self.step(TransferEvent::Expire)?;
                Ok(plan.release())
            }
            (Standing::Reserved, Moving) if self.transfer.is_two_phase() => {
                self.step(TransferEvent::Hold)?;
                Ok(plan)
            }
            (Standing::Reserved, Moving) => {
                self.step(TransferEvent::Post)?;
                plan.confirm()
            }
            (Standing::Confirmed, Posting) => {
                self.step(TransferEvent::Keep)?;
                Ok(plan)
            }
            (Standing::Releasing | Standing::Released, Moving | Pending | Posting) => {
                self.give_up(plan.refusal().unwrap_or(EXPIRED))?;
                Ok(plan)
            }
            _ => Ok(plan),
        }
    }

    /// Gives up what its plan has given up. Where nothing but time has refused it, it has expired, as it
    /// was shown.
    fn give_up(&mut self, why: &str) -> Result<(), Error> {
        if why == EXPIRED && self.transfer.has_lapsed(self.now) {
            return self.step(TransferEvent::Expire);
        }
        self.transfer.refusal = Some(why.to_owned());
        self.step(TransferEvent::Refuse)
    }

    fn step(&mut self, event: TransferEvent) -> Result<(), Error> {
        let edits = take_step(self.family, &mut self.transfer, event, self.now)?;
        self.edits.extend(edits);
        self.changed = Some(self.transfer.clone());
        Ok(())
    }
}

/// Moves a transfer on, and does in its home what follows from that.
pub(super) fn take_step(
    family: &Family,
    transfer: &mut Transfer,
    event: TransferEvent,
    now: Timestamp,
) -> Result<Edits, LedgerError> {
    transfer.step(event, now)?;
    let mut edits = Edits::new();
    let legs = transfer.legs_in(&transfer.home);
    let occasion = occasion(transfer, now);
    let mut desk = desk(family, &transfer.app, &transfer.home, &legs, now)?;
    match event {
        TransferEvent::Keep => desk.keep(&legs, &occasion, |leg| transfer.posted_of(leg))?,
        TransferEvent::Void | TransferEvent::Refuse => {
            desk.let_go(&legs, &occasion, Act::VoidedPending)?;
        }
        TransferEvent::Expire => {
            desk.let_go(&legs, &occasion, Act::ExpiredPending)?;
            FactDue::tell(transfer, now, &mut edits);
        }
        TransferEvent::Hold | TransferEvent::Post => {}
    }
    if !desk.entries().is_empty() {
        save(&mut desk, &mut edits);
    }
    let waits = matches!(
        transfer.status,
        TransferStatus::Moving | TransferStatus::Pending
    );
    if !waits {
        edits.unschedule::<ExpiryDue>(&transfer.id.to_string());
    }
    Ok(edits)
}

/// Writes a transfer, and frees what it meant to give back if it does not.
pub(super) fn put(
    family: &Family,
    transfer: Transfer,
    now: Timestamp,
    edits: &mut Edits,
) -> Result<(), Error> {
    let gives_back = transfer.reverses.or(transfer.returns);
    let failed = transfer.status.is_final() && transfer.status != TransferStatus::Posted;
    if let Some(original) = gives_back.filter(|_| failed)
        && let Some(mut original) = transfer_in(family, original)?
    {
        if original.reversed_by == Some(transfer.id) {
            original.reversed_by = None;
        }
        if transfer.returns.is_some() {
            original.returned -= transfer.posted_amount();
        }
        original.changed_at = now;
        edits.put(&transfer_key(original.id), original);
    }
    tell(family, &transfer, now, edits)?;
    edits.put(&transfer_key(transfer.id), transfer);
    Ok(())
}

pub(super) fn occasion(transfer: &Transfer, now: Timestamp) -> Occasion {
    Occasion {
        transfer: transfer.id,
        memo: transfer.memo.clone(),
        at: now,
    }
}
