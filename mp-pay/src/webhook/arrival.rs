//! A webhook that comes in: kept with what is to be done about it, unless it is known.

use mp_core::{Command, Decision, Edits, Error, Family, Timestamp, id::AppId, id::Name};

use super::{
    Accepted, WebhookId, WebhookRefusal,
    entry::{Arrived, Entry, Standing},
    id::{entry_key, page_of, period_of},
    page::{HandleDue, Page, read_page},
    raw::Raw,
};
use crate::backend::Reference;

/// A webhook that was verified.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) source: Name,
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) event: Option<Reference>,
    pub(super) hint: bool,
    pub(super) raw: Raw,
    /// The periods in which it may be filed; the clocks of two processes may differ.
    pub(super) periods: [u64; 3],
    /// How many may wait on one page, and how many may lie dead there.
    pub(super) waiting_max: u32,
}

impl Arrival {
    /// Returns the periods to look in at this time.
    pub(super) fn periods(now: Timestamp) -> [u64; 3] {
        let period = period_of(now);
        [period.saturating_sub(1), period, period + 1]
    }

    pub(super) fn command(&self, app: &AppId) -> Result<Command, Error> {
        let page = Command::on(page_of(app, &self.source, &self.name)?);
        let keys = self.periods.map(|period| entry_key(period, &self.name));
        Ok(keys.iter().fold(page, |command, key| command.key(key)))
    }

    /// Keeps the webhook and what is to be done about it, unless it is known.
    pub(super) fn take(
        &self,
        family: &Family,
        now: Timestamp,
    ) -> Result<Decision<Accepted>, WebhookRefusal> {
        let (period, mut entry) = self.find(family, now)?;
        let (edition, arrived) = entry.arrive(&self.digest, self.hint, now)?;
        let webhook = self.id(period, edition);
        let duplicate = !matches!(arrived, Arrived::Due { new: true, .. });
        let answer = Accepted { webhook, duplicate };
        if arrived == Arrived::Known {
            return Ok(Decision::unchanged(answer));
        }
        let mut edits = Edits::new();
        let mut page = read_page(family)?;
        if let Arrived::Due { at, new, before } = arrived {
            if before != Standing::Waits && !self.has_room(&page) {
                return Err(WebhookRefusal::Busy);
            }
            page.count(before, Standing::Waits);
            if new {
                // Of an edition that was never there, there are no bytes either.
                edits.declare_new(&answer.webhook.raw_key());
                edits.put(&answer.webhook.raw_key(), self.raw.clone());
                page.schedule_lapse(period, &mut edits);
            }
            put_due(&answer.webhook, at, new, &mut edits);
        }
        edits.put(&answer.webhook.entry_key(), entry);
        edits.put_root(page);
        Ok(edits.answer(answer))
    }

    /// Returns whether one more may wait. What is signed may lie dead in the end, and waits until
    /// there is room for that too; a hint needs none.
    const fn has_room(&self, page: &Page) -> bool {
        page.waiting < self.waiting_max && (self.hint || page.dead < self.waiting_max)
    }

    fn find(&self, family: &Family, now: Timestamp) -> Result<(u64, Entry), Error> {
        for period in self.periods {
            if let Some(entry) = family.get::<Entry>(&entry_key(period, &self.name))? {
                return Ok((period, Entry::clone(&entry)));
            }
        }
        // Time runs forward in a partition, perhaps ahead of this process' own.
        let [first, .., last] = self.periods;
        let period = period_of(now).clamp(first, last);
        Ok((period, Entry::new(self.event.clone())))
    }

    fn id(&self, period: u64, edition: u32) -> WebhookId {
        WebhookId {
            source: self.source.clone(),
            period,
            name: self.name.clone(),
            edition,
        }
    }
}

fn put_due(webhook: &WebhookId, at: Timestamp, new: bool, edits: &mut Edits) {
    let due = HandleDue {
        webhook: webhook.clone(),
    };
    match new {
        true => edits.send_new(&webhook.due_id(), at, &due),
        // What is handled anew may wait already.
        false => edits.send(&webhook.due_id(), at, &due),
    }
}
