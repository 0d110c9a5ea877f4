//! How webhooks stand in their partition: the page as root, `e/{period}/{name}` events,
//! `r/{period}/{name}.{edition}` their bytes, `~o/pay.webhook/…` what waits to be handled,
//! `~t/pay.webhook_lapse/…` what will be forgotten.

use mp_core::{Command, Decision, Document, Edits, Error, Family, Timestamp, id::AppId};
use serde::{Deserialize, Serialize};

use super::{
    WebhookId,
    entry::{Edition, Entry, HINT_PAUSE, Handled, Handling, Standing},
    id::{entry_key, raw_key, start_of},
    raw::Raw,
};

/// The root: how many webhooks of the page wait, and how many lie dead.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Page {
    /// How many were accepted and are neither handled, dismissed nor known to lie dead.
    pub(super) waiting: u32,
    /// How many were given up, and wait for a person.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) dead: u32,
    /// The last period whose end of use is scheduled.
    pub(super) lapses: u64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
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

impl Page {
    /// Takes note that a webhook has come from one standing to another.
    pub(super) const fn count(&mut self, before: Standing, after: Standing) {
        match before {
            Standing::Waits => self.waiting = self.waiting.saturating_sub(1),
            Standing::Dead => self.dead = self.dead.saturating_sub(1),
            Standing::Rests => {}
        }
        match after {
            Standing::Waits => self.waiting = self.waiting.saturating_add(1),
            Standing::Dead => self.dead = self.dead.saturating_add(1),
            Standing::Rests => {}
        }
    }

    pub(super) fn schedule_lapse(&mut self, period: u64, edits: &mut Edits) {
        if self.lapses != period {
            self.lapses = period;
            let id = format!("{period:06}");
            edits.schedule(&id, start_of(period + 2), &LapseDue { period });
        }
    }
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
    let Some((entry, edition)) = unhandled(family, webhook)? else {
        return Ok(Decision::unchanged(true));
    };
    if heard.is_some_and(|heard| heard != edition.times) {
        return Ok(Decision::unchanged(false));
    }
    let handled = Handled { at: now, outcome };
    Ok(rest(family, webhook, entry, edition, handled)?.answer(true))
}

/// Puts a webhook aside, whatever is heard meanwhile; one that rests already stays as it is.
pub(super) fn dismiss(
    family: &Family,
    webhook: &WebhookId,
    now: Timestamp,
) -> Result<Decision<Handled>, Error> {
    let Some((entry, edition)) = unhandled(family, webhook)? else {
        let handled = handled(family, webhook)?;
        let handled = handled.ok_or_else(|| Error::not_found("webhook"))?;
        return Ok(Decision::unchanged(handled));
    };
    let outcome = Handling::Dismissed;
    let handled = Handled { at: now, outcome };
    Ok(rest(family, webhook, entry, edition, handled)?.answer(handled))
}

/// Returns what became of a webhook; `None` while it waits.
pub(super) fn handled(family: &Family, webhook: &WebhookId) -> Result<Option<Handled>, Error> {
    let entry = family.get::<Entry>(&webhook.entry_key())?;
    let edition = entry
        .as_ref()
        .and_then(|entry| entry.editions.get(&webhook.edition));
    let edition = edition.ok_or_else(|| Error::not_found("webhook"))?;
    Ok(edition.handled)
}

/// Takes a webhook that waits, or lies dead, out of the outbox.
fn rest(
    family: &Family,
    webhook: &WebhookId,
    mut entry: Entry,
    mut edition: Edition,
    handled: Handled,
) -> Result<Edits, Error> {
    let mut page = read_page(family)?;
    page.count(edition.standing(), Standing::Rests);
    edition.handle(handled);
    entry.editions.insert(webhook.edition, edition);
    let mut edits = Edits::new();
    edits.unsend::<HandleDue>(&webhook.due_id());
    edits.put(&webhook.entry_key(), entry);
    edits.put_root(page);
    Ok(edits)
}

/// Takes note that the tries of a webhook that was heard so many times are over, so that it takes no
/// place of those that wait; returns whether nobody has to look now. A hint for which there is no room
/// among the dead is ignored: what anybody can send must not keep others from coming. One that was heard
/// again meanwhile is tried anew.
pub(super) fn give_up(
    family: &Family,
    webhook: &WebhookId,
    heard: Option<u32>,
    dead_max: u32,
    now: Timestamp,
) -> Result<Decision<bool>, Error> {
    let Some((mut entry, mut edition)) = unhandled(family, webhook)? else {
        return Ok(Decision::unchanged(true));
    };
    if edition.standing() == Standing::Dead {
        return Ok(Decision::unchanged(false));
    }
    if heard.is_some_and(|heard| heard != edition.times) {
        return try_anew(family, webhook, entry, edition, now.plus(HINT_PAUSE));
    }
    let mut page = read_page(family)?;
    if page.dead >= dead_max && is_hint(family, webhook)? {
        return finish(family, webhook, None, Handling::Ignored, now);
    }
    page.count(edition.standing(), Standing::Dead);
    edition.given_up_at = Some(now);
    entry.editions.insert(webhook.edition, edition);
    let mut edits = Edits::new();
    edits.put(&webhook.entry_key(), entry);
    edits.put_root(page);
    Ok(edits.answer(false))
}

/// Puts a webhook that waits into the outbox again, with all its tries before it.
fn try_anew(
    family: &Family,
    webhook: &WebhookId,
    mut entry: Entry,
    mut edition: Edition,
    at: Timestamp,
) -> Result<Decision<bool>, Error> {
    edition.sent_at = at;
    entry.editions.insert(webhook.edition, edition);
    let due = HandleDue {
        webhook: webhook.clone(),
    };
    let mut edits = Edits::new();
    edits.send(&webhook.due_id(), at, &due);
    edits.put(&webhook.entry_key(), entry);
    edits.put_root(read_page(family)?);
    Ok(edits.answer(true))
}

fn unhandled(family: &Family, webhook: &WebhookId) -> Result<Option<(Entry, Edition)>, Error> {
    let entry = family.get::<Entry>(&webhook.entry_key())?;
    let found = entry.and_then(|entry| {
        let edition = entry.editions.get(&webhook.edition)?.clone();
        Some((Entry::clone(&entry), edition))
    });
    Ok(found.filter(|(_, edition)| edition.standing() != Standing::Rests))
}

fn is_hint(family: &Family, webhook: &WebhookId) -> Result<bool, Error> {
    let raw = family.get::<Raw>(&webhook.raw_key())?;
    let body = raw.and_then(|raw| raw.body());
    Ok(body.is_some_and(|body| webhook.is_hint(&body)))
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
