use std::time::Duration;

use mp_core::{
    Caller, Error, ErrorKind,
    amount::{Currency, Money},
    label::Label,
};
use mp_examples::orders::{AddLine, PayOutcome};
use mp_location::Nearby;
use mp_pay::{
    intent::{IntentStatus, PaymentIntent},
    pass::{EarnPoints, OpenPass, Redeem, Redemption, StampPass},
    payments::{ConfirmIntent, CreateIntent, RefundIntent},
};
use mp_share::{
    link::{Campaign, Subject},
    links::NewLink,
};

use super::{
    market::{DISHES, Market, PROGRAM, closes_after, key, token},
    persist::persist,
    progress::Counts,
    script::{Card, Grouping, Purchase, Refund, Visit, Waiting},
};

/// How stale a search for stalls may be: they do not move within an evening.
const FRESHNESS: Duration = Duration::from_secs(3_600);

/// Lets a visitor do what the script says, from finding a stall to collecting stamps.
pub(crate) async fn carry_out(market: &Market, visit: &Visit) -> Result<Counts, Error> {
    let mut guest = Guest {
        market,
        visit,
        caller: market.visitor(visit.number)?,
        stall: 0,
        counts: Counts::default(),
    };
    guest.find_a_stall().await?;
    guest.scan_the_table().await?;
    guest.queue().await?;
    let bought = guest.buy().await?;
    if bought {
        guest.collect_a_stamp().await?;
    }
    guest.buy_together().await?;
    Ok(guest.counts)
}

struct Guest<'a> {
    market: &'a Market,
    visit: &'a Visit,
    caller: Caller,
    stall: usize,
    counts: Counts,
}

impl Guest<'_> {
    fn did(&mut self, operations: u64) {
        self.counts.operations += operations;
    }

    async fn find_a_stall(&mut self) -> Result<(), Error> {
        let here = Nearby::to(self.market.home(self.visit.home))
            .most(3)
            .fresh_to(FRESHNESS);
        let found = persist(|| self.market.places.nearby(&self.caller, &here)).await?;
        let stalls = self.market.stalls.iter();
        let owners = found
            .places
            .iter()
            .filter_map(|found| found.place.owner.as_ref());
        // The three nearest are all near; who is hungry goes where it looks best.
        let chosen = owners.cycle().nth(self.visit.number as usize % 3);
        let position = stalls
            .clone()
            .position(|stall| Some(&stall.owner) == chosen);
        self.stall = position.unwrap_or(self.visit.home as usize % stalls.len());
        self.counts.locates += 1;
        self.did(1);
        Ok(())
    }

    /// Scans the code on the table, which the stall has signed, and opens a friend's link.
    async fn scan_the_table(&mut self) -> Result<(), Error> {
        let now = self.market.engine.now();
        let staff = self.market.staff(self.stall)?;
        let page = "menu"
            .parse()
            .map_err(|error| Error::invalid("page", error))?;
        let sharer = if self.visit.invited {
            &staff
        } else {
            &Caller::app(self.market.app.clone())
        };
        let table = NewLink {
            subject: Subject::Page(page),
            campaign: campaign(u32::try_from(self.stall).unwrap_or_default())?,
            expires_at: now.plus(closes_after()),
        };
        let minted = persist(|| self.market.links.mint(sharer, table)).await?;
        let url = self.market.links.url(&minted.token);
        self.market.links.verify(&self.market.app, &url, now)?;
        if self.visit.invited {
            persist(|| self.market.links.open(&self.caller, &url)).await?;
            self.did(1);
        }
        self.counts.links_verified += 1;
        self.did(2);
        Ok(())
    }

    async fn queue(&mut self) -> Result<(), Error> {
        if self.visit.waiting == Waiting::Nothing {
            return Ok(());
        }
        let line = &self.market.stalls[self.stall].line;
        let party = 1 + self.visit.number % 6;
        let key = key("queue")?;
        let join = || self.market.queues.join(&self.caller, line, party, &key);
        let joined = persist(join).await?.answer;
        let queues = &self.market.queues;
        let ticket = joined.ticket.id;
        persist(|| queues.position(&self.caller, line, ticket, FRESHNESS)).await?;
        self.did(2);
        if self.visit.waiting == Waiting::Leaves {
            self.did(1);
            // Being called in the meantime is a reason to stay.
            refusable(persist(|| queues.leave(&self.caller, line, ticket)).await)?;
        }
        Ok(())
    }

    /// Returns whether something was bought and paid for.
    async fn buy(&mut self) -> Result<bool, Error> {
        match self.visit.purchase {
            Purchase::Nothing => Ok(false),
            Purchase::Order { dishes, returned } => self.order(dishes, returned).await,
            Purchase::Checkout { cents, refund } => self.check_out(cents, refund).await,
        }
    }

    async fn order(&mut self, dishes: u32, returned: bool) -> Result<bool, Error> {
        let orders = &self.market.orders;
        for number in 0..dishes {
            let (item, ..) = DISHES[number as usize];
            let line = AddLine {
                shop: self.market.stalls[self.stall].shop.clone(),
                item: item
                    .parse()
                    .map_err(|error| Error::invalid("item", error))?,
                count: 1 + (self.visit.number + number) % 2,
            };
            let key = key(&format!("dish-{number}"))?;
            persist(|| orders.add_line(&self.caller, &line, &key)).await?;
        }
        let place = key("order")?;
        let order = persist(|| orders.place(&self.caller, &place)).await?;
        self.did(u64::from(dishes) + 2);
        let paid = match persist(|| orders.pay(&self.caller, order.id())).await {
            Ok(PayOutcome::Paid { .. }) => true,
            Ok(_) => false,
            // What is not known yet becomes known later, and the order is told then.
            Err(error) if error.kind() == ErrorKind::Unknown => false,
            Err(error) => return Err(error),
        };
        if !paid {
            return Ok(false);
        }
        let staff = self.market.staff(self.stall)?;
        let key = key("order")?;
        persist(|| orders.fulfil(&staff, order.id(), &key)).await?;
        self.did(1);
        if returned {
            let reason =
                Label::new("It was cold").map_err(|error| Error::invalid("reason", error))?;
            let ask = || orders.request_return(&self.caller, order.id(), reason.clone(), &key);
            persist(ask).await?;
            // The refund's own outcome may be lost; asking again gives nothing back twice.
            persist(|| orders.take_back(&staff, order.id())).await?;
            self.did(2);
        }
        Ok(!returned)
    }

    async fn check_out(&mut self, cents: i64, refund: Refund) -> Result<bool, Error> {
        let payments = &self.market.payments;
        let amount = Money::new(cents, Currency::HKD);
        let request = CreateIntent::of(amount).with_payment_method(token(self.visit.card)?);
        let key = key("checkout")?;
        let intent =
            persist(|| payments.create_intent(&self.caller, request.clone(), &key)).await?;
        let confirm = ConfirmIntent::of(intent.id);
        let mut paid = persist(|| payments.confirm(&self.caller, confirm.clone(), &key)).await?;
        self.did(2);
        if paid.status == IntentStatus::RequiresPaymentMethod && self.visit.number.is_multiple_of(2)
        {
            paid = self.try_another_card(&paid).await?;
        }
        if paid.status != IntentStatus::Succeeded {
            return Ok(false);
        }
        self.give_back(&paid, refund).await?;
        Ok(true)
    }

    async fn try_another_card(&mut self, intent: &PaymentIntent) -> Result<PaymentIntent, Error> {
        let confirm = ConfirmIntent::of(intent.id).with_payment_method(token(Card::Good)?);
        let key = key("another-card")?;
        self.did(1);
        let payments = &self.market.payments;
        Ok(persist(|| payments.confirm(&self.caller, confirm.clone(), &key)).await?)
    }

    async fn give_back(&mut self, intent: &PaymentIntent, refund: Refund) -> Result<(), Error> {
        let amount = match refund {
            Refund::Nothing => return Ok(()),
            Refund::Part => Money::new(intent.amount.minor() / 3, intent.amount.currency()),
            Refund::All => intent.amount,
        };
        let request = RefundIntent::of(intent.id).with_amount(amount);
        let staff = self.market.staff(self.stall)?;
        let key = key(&format!("refund-{}", self.visit.number))?;
        self.did(1);
        persist(|| self.market.payments.refund(&staff, request.clone(), &key)).await?;
        Ok(())
    }

    async fn collect_a_stamp(&mut self) -> Result<(), Error> {
        let passes = &self.market.passes;
        let program = PROGRAM
            .parse()
            .map_err(|error| Error::invalid("program", error))?;
        let open = OpenPass {
            program,
            owner: None,
        };
        let key = key("evening")?;
        let pass = persist(|| passes.open(&self.caller, open.clone(), &key))
            .await?
            .id;
        let staff = self.market.staff(self.stall)?;
        let own = super::market::key(&format!("evening-{}", self.visit.number))?;
        let stamps = 1 + self.visit.number % 6;
        let stamp = || passes.stamp(&staff, StampPass { pass, stamps }, &own);
        let stamped = persist(stamp).await?;
        let earn = || passes.earn(&staff, EarnPoints { pass, points: 10 }, &own);
        persist(earn).await?;
        self.did(3);
        if stamped.rewards > 0 {
            let redeem = Redeem {
                pass,
                redeem: Redemption::Rewards { count: 1 },
            };
            persist(|| passes.redeem(&staff, redeem.clone(), &own)).await?;
            self.did(1);
        }
        Ok(())
    }

    async fn buy_together(&mut self) -> Result<(), Error> {
        match self.visit.grouping {
            Grouping::Nothing => Ok(()),
            Grouping::Opens => self.open_a_group().await,
            Grouping::Joins(opener) => self.join_the_group_of(opener).await,
        }
    }

    async fn open_a_group(&mut self) -> Result<(), Error> {
        let Some(offer) = self.market.stalls[self.stall].offer else {
            return Ok(());
        };
        let key = key("group")?;
        let open = || self.market.groups.open(&self.caller, offer, &key);
        let group = persist(open).await?.group;
        let url = self.share(&self.caller, Subject::Group(group)).await?;
        self.market.post(self.visit.number, url);
        self.did(2);
        Ok(())
    }

    /// Follows the link that the opener has posted.
    async fn join_the_group_of(&mut self, opener: u32) -> Result<(), Error> {
        let Some(url) = self.market.posted(opener) else {
            // The chat was in the memory of a process that is gone; the friend is asked again.
            return self.ask_again(opener).await;
        };
        self.join(&url).await
    }

    async fn join(&mut self, url: &str) -> Result<(), Error> {
        let opened = persist(|| self.market.links.open(&self.caller, url)).await?;
        self.counts.links_verified += 1;
        let Subject::Group(group) = opened.link.subject else {
            return Ok(());
        };
        let key = key("group")?;
        self.did(2);
        // A group that is full or over by now is a disappointment, not an error.
        refusable(persist(|| self.market.groups.join(&self.caller, group, &key)).await)?;
        Ok(())
    }

    async fn ask_again(&mut self, opener: u32) -> Result<(), Error> {
        let friend = self.market.visitor(opener)?;
        let group = mp_share::Groups::id_of(&friend, &key("group")?)?;
        let url = self.share(&friend, Subject::Group(group)).await?;
        self.market.post(opener, url.clone());
        self.join(&url).await
    }

    async fn share(&self, sharer: &Caller, subject: Subject) -> Result<String, Error> {
        let expires_at = self.market.engine.now().plus(closes_after());
        let link = NewLink {
            subject,
            campaign: campaign(GROUPS_CAMPAIGN)?,
            expires_at,
        };
        let minted = persist(|| self.market.links.mint(sharer, link)).await?;
        Ok(self.market.links.url(&minted.token))
    }
}

/// The campaign that group links count for; the stalls' own have the stalls' numbers.
const GROUPS_CAMPAIGN: u32 = 1_000;

fn campaign(number: u32) -> Result<Campaign, Error> {
    Campaign::try_from(number).map_err(|error| Error::invalid("campaign", error))
}

/// Takes a refusal for an answer; other errors stay errors.
fn refusable<T, E: Into<Error>>(outcome: Result<T, E>) -> Result<Option<T>, Error> {
    match outcome.map_err(Into::into) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
