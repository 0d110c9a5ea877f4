use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mp_core::{
    Caller, Command, Error, ErrorKind, Scope,
    port::SettlementKey,
    store::{Listing, Partition},
};
use mp_pay::{
    LoyaltyPass,
    backend::{Outcome, sandbox::Movement},
    intent::IntentId,
    journal::Event,
    pass::PassEntry,
};
use mp_queue::{Ticket, line::Line};
use mp_share::{
    group::{Group, GroupState, SEATS},
    member::{Member, MemberNumber, MemberState, Memberships},
    offer::{Offer, STOCK},
};

use super::{market::Market, report::Invariants};

/// How many partitions are listed at a time.
const PAGE: u32 = 1_000;

/// Where a line keeps its tickets: those that wait, those that were called, those that are done.
const TICKETS: [&str; 3] = ["w/", "c/", "d/"];

/// Everything that the evening has come to, counted from its records.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) intents: u64,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) declined: u64,
    pub(crate) unknown_resolved: u64,
    pub(crate) tickets: u64,
    pub(crate) quotes_given: u64,
    pub(crate) quotes_kept: u64,
    pub(crate) groups_opened: u64,
    pub(crate) groups_filled: u64,
    pub(crate) groups_expired: u64,
    pub(crate) stamps: u64,
    over_refunded: bool,
    over_full: bool,
    overtaken: bool,
    pass_wrong: bool,
    /// What is still held of every offer's stock, or given out beyond it.
    stock_wrong: bool,
    /// What each payment that a capability asked for has kept, by its key.
    kept: BTreeMap<SettlementKey, i64>,
    /// What each group member should have paid, by the payment's key.
    owed: BTreeMap<SettlementKey, i64>,
    unsettled_members: bool,
    nets: BTreeMap<IntentId, i64>,
    sold: BTreeMap<String, u32>,
    bought: BTreeMap<String, u32>,
}

impl Tally {
    /// Reads every partition of the market.
    pub(crate) async fn of(market: &Market, listing: &Arc<dyn Listing>) -> Result<Self, Error> {
        let mut tally = Self::default();
        let mut last: Option<Partition> = None;
        loop {
            let page = listing.partitions(last.as_ref(), PAGE).await?;
            let Some(end) = page.last().cloned() else {
                return Ok(tally);
            };
            for partition in &page {
                tally.count(market, partition).await?;
            }
            last = Some(end);
        }
    }

    async fn count(&mut self, market: &Market, partition: &Partition) -> Result<(), Error> {
        let kind = partition.id().split('/').nth(1).unwrap_or_default();
        match kind {
            "pay" => self.payment(market, partition).await,
            "pass" => self.pass(market, partition).await,
            "line" => self.line(market, partition).await,
            "group" => self.group(market, partition).await,
            "offer" => self.offer(market, partition).await,
            _ => Ok(()),
        }
    }

    async fn payment(&mut self, market: &Market, partition: &Partition) -> Result<(), Error> {
        let staff = Caller::app(market.app.clone()).with_scope(Scope::STAFF);
        let id: IntentId = partition
            .local_id()
            .parse()
            .map_err(|error| Error::invalid("intent", error))?;
        let intent = match market
            .payments
            .intent(&staff, id)
            .await
            .map_err(Error::from)
        {
            Ok(intent) => intent,
            // The mark of a payment that was let go of before it was seen is no intent.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let (taken, back) = (
            intent.amount_received.minor(),
            intent.amount_refunded.minor(),
        );
        self.intents += 1;
        self.captured += taken;
        self.refunded += back;
        self.over_refunded |= back > taken;
        self.nets.insert(intent.id, taken - back);
        if let Some(mark) = &intent.settlement {
            self.kept.insert(mark.key.clone(), taken - back);
        }
        let mut doubted = BTreeSet::new();
        let mut declined = false;
        for entry in market.payments.journal(&staff, id).await? {
            let Event::Observed {
                operation, outcome, ..
            } = &entry.event
            else {
                continue;
            };
            match outcome {
                Outcome::Unknown => {
                    doubted.insert(*operation);
                }
                Outcome::Declined { .. } => {
                    declined = true;
                    self.unknown_resolved += u64::from(doubted.remove(operation));
                }
                Outcome::Settled { .. } | Outcome::Authorized { .. } => {
                    self.unknown_resolved += u64::from(doubted.remove(operation));
                }
                _ => {}
            }
        }
        self.declined += u64::from(declined);
        Ok(())
    }

    async fn pass(&mut self, market: &Market, partition: &Partition) -> Result<(), Error> {
        let command = Command::on(partition.clone()).prefix("e/");
        let family = market.engine.read(command).await?;
        let Some(pass) = family.root::<LoyaltyPass>()? else {
            return Ok(());
        };
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for (_, entry) in family.scan::<PassEntry>("e/")? {
            for change in &entry.changes {
                *sums.entry(change.unit().to_string()).or_default() += change.minor();
            }
        }
        for held in [pass.stamps()?, pass.points()?, pass.rewards()?] {
            let sum = sums.remove(&held.unit().to_string()).unwrap_or_default();
            self.pass_wrong |= sum != held.minor() || held.is_negative();
        }
        self.stamps += pass.stamps + pass.rewards * u64::from(pass.stamps_per_reward);
        Ok(())
    }

    async fn line(&mut self, market: &Market, partition: &Partition) -> Result<(), Error> {
        let every_shelf = TICKETS
            .iter()
            .fold(Command::on(partition.clone()), |command, shelf| {
                command.prefix(shelf)
            });
        let family = market.engine.read(every_shelf).await?;
        let Some(line) = family.root::<Line>()? else {
            return Ok(());
        };
        self.quotes_given += line.quotes_given;
        self.quotes_kept += line.quotes_kept;
        let mut called = Vec::new();
        for shelf in TICKETS {
            for (_, ticket) in family.scan::<Ticket>(shelf)? {
                self.tickets += 1;
                if let Some(at) = ticket.called_at {
                    called.push((ticket.lane, ticket.sequence, at));
                }
            }
        }
        called.sort_unstable();
        let overtakes = |pair: &[_]| {
            let [(lane, _, first), (next, _, second)] = pair else {
                return false;
            };
            lane == next && first > second
        };
        self.overtaken |= called.windows(2).any(overtakes);
        Ok(())
    }

    async fn group(&mut self, market: &Market, partition: &Partition) -> Result<(), Error> {
        let family = market
            .engine
            .read(Command::on(partition.clone()).prefix("m/"))
            .await?;
        let Some(group) = family.root::<Group>()? else {
            return Ok(());
        };
        self.groups_opened += 1;
        self.groups_filled += u64::from(group.state == GroupState::Filled);
        self.groups_expired += u64::from(group.state == GroupState::Expired);
        let mut seated = 0;
        for (_, all) in family.scan::<Memberships>("m/")? {
            for (number, member) in &all.members {
                seated += u32::from(member.state.has_seat());
                self.member(&group, *number, member)?;
            }
        }
        let size = group.terms.group_size;
        let held = group
            .seats
            .quota(SEATS)
            .map_or(0, |seats| seats.reserved + seats.confirmed);
        self.over_full |= seated > size || held > size;
        Ok(())
    }

    fn member(
        &mut self,
        group: &Group,
        number: MemberNumber,
        member: &Member,
    ) -> Result<(), Error> {
        // The payment is the second step of the member's plan.
        let offer = group.offer;
        let payment = SettlementKey::new(format!("{offer}.{}.{number}.1", group.id))?;
        let price = group.terms.group_price.minor();
        let owes = match (member.state, group.state) {
            (MemberState::Confirmed, GroupState::Filled) => {
                *self.bought.entry(group.offer.to_string()).or_default() += 1;
                price
            }
            (MemberState::Released, _) => 0,
            // Somebody neither has a seat nor is out: at the end of an evening nobody is.
            _ => {
                self.unsettled_members = true;
                0
            }
        };
        self.owed.insert(payment, owes);
        Ok(())
    }

    async fn offer(&mut self, market: &Market, partition: &Partition) -> Result<(), Error> {
        let family = market.engine.read(Command::on(partition.clone())).await?;
        let Some(offer) = family.root::<Offer>()? else {
            return Ok(());
        };
        if let Some(stock) = offer.stock.quota(STOCK) {
            self.stock_wrong |= stock.reserved > 0 || stock.confirmed > stock.size;
            self.sold.insert(offer.id.to_string(), stock.confirmed);
        }
        Ok(())
    }

    /// Holds the records to each other and to the provider's books.
    pub(crate) fn invariants(&self, books: &[Movement], open: usize, dead: usize) -> Invariants {
        let mut provider: BTreeMap<IntentId, i64> = BTreeMap::new();
        let mut moved = BTreeSet::new();
        let mut twice = false;
        for movement in books {
            *provider.entry(movement.operation.intent).or_default() += movement.amount.minor();
            twice |= !moved.insert(movement.operation);
        }
        let net_of = |intent: &IntentId| self.nets.get(intent).copied().unwrap_or_default();
        let agrees = provider.iter().all(|(intent, net)| *net == net_of(intent));
        let booked: i64 = provider.values().sum();
        let paid_as_owed = self
            .owed
            .iter()
            .all(|(key, owes)| self.kept.get(key).copied().unwrap_or_default() == *owes);
        let sold_as_bought = self
            .sold
            .iter()
            .all(|(offer, sold)| self.bought.get(offer).copied().unwrap_or_default() == *sold);
        Invariants {
            money_in_equals_money_out: agrees && booked == self.captured - self.refunded,
            refunded_le_captured: !self.over_refunded && provider.values().all(|net| *net >= 0),
            no_group_over_full: !self.over_full,
            no_payer_without_seat_or_refund: paid_as_owed && !self.unsettled_members,
            stock_never_negative: !self.stock_wrong && sold_as_bought,
            tickets_served_in_order: !self.overtaken,
            passes_sum: !self.pass_wrong,
            every_effect_once: !twice && open == 0,
            no_dead_letters: dead == 0,
        }
    }
}
