//! How webhooks stand in their partition: the page as root, `e/{period}/{name}` events,
//! `r/{period}/{name}.{edition}` their bytes, `~o/pay.webhook/…` what waits to be handled,
//! `~t/pay.webhook_lapse/…` what will be forgotten.

use mp_core::{Command, Decision, Document, Edits, Error, Family, Timestamp, id::AppId, id::Name};
use serde::{Deserialize, Serialize};

use super::{
    Accepted, WebhookId, WebhookRefusal,
    entry::{Arrived, Entry, Handled, Handling},
    id::{entry_key, page_of, period_of, raw_key, start_of},
    raw::Raw,
};
use crate::backend::Reference;

/// The root: how many webhooks of the page wait.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Page {
    /// How many were accepted and neither handled nor dismissed.
    pub(super) waiting: u32,
    /// The last period whose end of use is scheduled.
    pub(super) lapses: u64,
}

impl Document for Page {
    const KIND: &'static str = "webhook_page";
    const FORMAT: u32 = 1;
}

/// The outbox message that keeps a webhook from being forgotten until it is handled.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct HandleDue {
    pub(super) webhook: WebhookId,
}

impl Document for HandleDue {
    const KIND: &'static str = "pay.webhook";
    const FORMAT: u32 = 1;
}

/// The timer after which the events of a period are not needed any more.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct LapseDue {
    pub(super) period: u64,
}

impl Document for LapseDue {
    const KIND: &'static str = "pay.webhook_lapse";
    const FORMAT: u32 = 1;
}

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
    /// How many may wait on one page.
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
        if let Arrived::Due { at, new, waits } = arrived {
            if waits && page.waiting >= self.waiting_max {
                return Err(WebhookRefusal::Busy);
            }
            page.waiting += u32::from(waits);
            if new {
                // Of an edition that was never there, there are no bytes either.
                edits.declare_new(&answer.webhook.raw_key());
                edits.put(&answer.webhook.raw_key(), self.raw.clone());
                page.schedule_lapse(period, &mut edits);
            }
            put_due(&answer.webhook, at, &mut edits);
        }
        edits.put(&answer.webhook.entry_key(), entry);
        edits.put_root(page);
        Ok(edits.answer(answer))
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

impl Page {
    fn schedule_lapse(&mut self, period: u64, edits: &mut Edits) {
        if self.lapses != period {
            self.lapses = period;
            let id = format!("{period:06}");
            edits.schedule(&id, start_of(period + 2), &LapseDue { period });
        }
    }
}

fn put_due(webhook: &WebhookId, at: Timestamp, edits: &mut Edits) {
    let due = HandleDue {
        webhook: webhook.clone(),
    };
    edits.send(&webhook.due_id(), at, &due);
}

pub(super) fn read_page(family: &Family) -> Result<Page, Error> {
    let page = family.root::<Page>()?;
    Ok(page.map_or_else(Page::default, |page| Page::clone(&page)))
}

/// Addresses one webhook.
pub(super) fn command(app: &AppId, webhook: &WebhookId) -> Result<Command, Error> {
    let page = Command::on(webhook.partition(app)?);
    Ok(page.key(&webhook.entry_key()))
}

/// Takes note that a webhook that was heard so many times is handled, and takes it out of the
/// outbox; returns whether it rests now. One that was heard again meanwhile goes on waiting.
pub(super) fn finish(
    family: &Family,
    webhook: &WebhookId,
    heard: Option<u32>,
    outcome: Handling,
    now: Timestamp,
) -> Result<Decision<bool>, Error> {
    let Some(entry) = family.get::<Entry>(&webhook.entry_key())? else {
        return Ok(Decision::unchanged(true));
    };
    let mut entry = Entry::clone(&entry);
    let Some(edition) = entry.editions.get_mut(&webhook.edition) else {
        return Ok(Decision::unchanged(true));
    };
    if edition.handled.is_some() {
        return Ok(Decision::unchanged(true));
    }
    if heard.is_some_and(|heard| heard != edition.times) {
        return Ok(Decision::unchanged(false));
    }
    edition.handled = Some(Handled { at: now, outcome });
    let mut page = read_page(family)?;
    page.waiting = page.waiting.saturating_sub(1);
    let mut edits = Edits::new();
    edits.unsend::<HandleDue>(&webhook.due_id());
    edits.put(&webhook.entry_key(), entry);
    edits.put_root(page);
    Ok(edits.answer(true))
}

/// Forgets these events with all their bytes, as far as they are handled, and returns whether all
/// of them were.
pub(super) fn forget(
    family: &Family,
    period: u64,
    names: &[String],
) -> Result<Decision<bool>, Error> {
    let mut edits = Edits::new();
    let mut all = true;
    for name in names {
        let Some(entry) = family.get::<Entry>(&entry_key(period, name))? else {
            continue;
        };
        if !entry.is_handled() {
            all = false;
            continue;
        }
        edits.delete(&entry_key(period, name));
        for edition in entry.editions.keys() {
            edits.delete(&raw_key(period, name, *edition));
        }
    }
    if edits.is_empty() {
        return Ok(Decision::unchanged(all));
    }
    edits.put_root(read_page(family)?);
    Ok(edits.answer(all))
}
