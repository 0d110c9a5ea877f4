//! How a payment stands in its partition.
//!
//! The root holds the intent, its attempts and the tail of its journal, as every commit changes two
//! of them at least. Beside it stand `f/{id}` refunds, `d/{id}` disputes, `j/{number}` the pages of a
//! journal that has outgrown its tail, by the number of their first entry, and
//! `~o/pay.operation/…` what is not known yet.
//!
//! The formats 1 to 3 kept each attempt in a record `a/{n}`, and each entry of the journal in a
//! `j/{number}`. The next commit takes the attempts into the root; the entries stay, pages of one.

use std::{collections::BTreeMap, sync::Arc};

use mp_core::{Command, Error, Family, id::AppId, store::Partition};

use super::{Kept, Payment, Root};
use crate::{
    attempt::Attempt,
    dispute::Dispute,
    intent::{IntentId, IntentStatus},
    journal::{JournalEntry, JournalPage},
    refund::Refund,
};

/// Addresses everything of an intent that decisions read.
pub(crate) fn command(app: &AppId, intent: IntentId) -> Result<Command, Error> {
    let partition = Partition::new(app, "pay", &intent.to_string())?;
    Ok(on(partition))
}

fn on(partition: Partition) -> Command {
    Command::on(partition)
        .prefix("a/")
        .prefix("d/")
        .prefix("f/")
        .prefix("j/")
}

/// Reads a payment; `None` if there is none.
pub(crate) fn load(family: &Family) -> Result<Option<Payment>, Error> {
    match family.root::<Root>()?.as_deref() {
        Some(Root::Intent(kept)) => kept.payment(family).map(Some),
        _ => Ok(None),
    }
}

/// Reads the whole journal of a payment, in order; nothing if there is none.
pub(crate) fn journal(family: &Family) -> Result<Vec<JournalEntry>, Error> {
    let mut journal = Vec::new();
    for page in pages(family)? {
        journal.extend(page.entries().entries()?);
    }
    if let Some(Root::Intent(kept)) = family.root::<Root>()?.as_deref() {
        journal.extend(kept.journal.entries()?);
    }
    Ok(journal)
}

/// Returns the pages of a payment's journal, in order.
pub(super) fn pages(family: &Family) -> Result<Vec<Arc<JournalPage>>, Error> {
    let pages = family.scan::<JournalPage>("j/")?;
    Ok(pages.into_iter().map(|(_, page)| page).collect())
}

impl Kept {
    /// Returns the payment of which this is the root.
    pub(super) fn payment(&self, family: &Family) -> Result<Payment, Error> {
        let refunds = family.scan::<Refund>("f/")?;
        let disputes = family.scan::<Dispute>("d/")?;
        Ok(Payment {
            intent: self.state.intent.clone(),
            attempts: match self.state.attempts.is_empty() {
                true => self.attempts_beside(family)?,
                false => self.state.attempts.clone(),
            },
            refunds: refunds.into_iter().map(|(_, it)| (it.id, it)).collect(),
            disputes: disputes.into_iter().map(|(_, it)| (it.id, it)).collect(),
        })
    }

    /// Reads the attempts of the formats 1 to 3.
    fn attempts_beside(&self, family: &Family) -> Result<BTreeMap<u32, Arc<Attempt>>, Error> {
        let intent = &self.state.intent;
        let awaits_payer = intent.status == IntentStatus::RequiresAction;
        let complete = |attempt: &Attempt| {
            let mut attempt = attempt.clone();
            let live = intent.attempt == Some(attempt.number) && awaits_payer;
            attempt.complete(live.then_some(intent.next_action.as_ref()).flatten());
            (attempt.number, Arc::new(attempt))
        };
        let attempts = family.scan::<Attempt>("a/")?;
        Ok(attempts.iter().map(|(_, it)| complete(it)).collect())
    }
}
