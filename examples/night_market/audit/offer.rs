use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    counts::Counts, error::AuditError, file::Family, findings::Findings,
    invariant::Invariant::StockNeverNegative,
};

/// What all offers have sold, by the key of the reservation, as far as no member has it yet.
#[derive(Debug, Default)]
pub(super) struct Sales(BTreeMap<String, Sale>);

#[derive(Debug)]
struct Sale {
    partition: String,
    pieces: u64,
}

#[derive(Deserialize)]
struct Offer {
    pieces: u64,
    each_max: Option<u64>,
    stock: Stock,
}

#[derive(Deserialize)]
struct Stock {
    quotas: BTreeMap<String, Quota>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Quota {
    size: u64,
    reserved: u64,
    confirmed: u64,
}

#[derive(Deserialize)]
struct Reservation {
    owner: String,
    takes: BTreeMap<String, u64>,
    state: String,
}

#[derive(Deserialize)]
struct Closed {
    reservation: Option<Reservation>,
}

#[derive(Deserialize)]
struct Holding {
    quantity: u64,
}

impl Reservation {
    fn pieces(&self) -> u64 {
        self.takes.values().sum()
    }
}

impl Sales {
    /// Recounts an offer's stock from what is held of it and what was sold.
    pub(super) fn audit(
        &mut self,
        family: &Family,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> Result<(), AuditError> {
        let offer: Offer = family.root()?;
        let in_flight = family.shelf::<Reservation>("r/")?;
        let mut sold = 0;
        let mut owners: BTreeMap<String, u64> = BTreeMap::new();
        for (key, closed) in family.shelf::<Closed>("c/")? {
            let bought = closed.reservation.filter(|it| it.state == "confirmed");
            let Some(bought) = bought else { continue };
            let pieces = bought.pieces();
            let partition = family.partition.clone();
            sold += pieces;
            *owners.entry(bought.owner).or_default() += pieces;
            self.0.insert(key.to_owned(), Sale { partition, pieces });
        }
        counts.sold += sold;
        let held: u64 = in_flight.iter().map(|(_, held)| held.pieces()).sum();
        offer.check(&family.partition, sold, held, findings);
        let holdings = family.shelf::<Holding>("u/")?;
        offer.check_owners(&family.partition, owners, &holdings, findings);
        Ok(())
    }

    /// Takes a member's pieces out of what was sold, and finds out whether it was as many.
    pub(super) fn deliver(
        &mut self,
        partition: &str,
        key: &str,
        pieces: u64,
        findings: &mut Findings,
    ) {
        let sold = self.0.remove(key).map_or(0, |sale| sale.pieces);
        let problem = format_args!("its offer has sold {sold} pieces as {key}, and not {pieces}");
        findings.expect(sold == pieces, StockNeverNegative, partition, problem);
    }

    /// Finds pieces that were sold to nobody who has a seat.
    pub(super) fn check_rest(&self, findings: &mut Findings) {
        for (key, sale) in &self.0 {
            let problem = format_args!("{} pieces were sold as {key} to nobody", sale.pieces);
            findings.add(StockNeverNegative, &sale.partition, problem);
        }
    }
}

impl Offer {
    fn check(&self, partition: &str, sold: u64, held: u64, findings: &mut Findings) {
        let quota = self.stock.quotas.get("stock").copied().unwrap_or_default();
        let (size, said) = (quota.size, quota.confirmed);
        let claims = [
            (
                size == self.pieces,
                format!("it has {size} pieces, and offers {}", self.pieces),
            ),
            (
                sold.max(said) <= self.pieces,
                format!("it has sold {} pieces of {}", sold.max(said), self.pieces),
            ),
            (
                sold == said,
                format!("it says that {said} pieces are sold, and has sold {sold}"),
            ),
            (
                held == 0 && quota.reserved == 0,
                format!("it still holds {held} pieces, and says {}", quota.reserved),
            ),
        ];
        for (holds, problem) in claims {
            findings.expect(holds, StockNeverNegative, partition, problem);
        }
    }

    /// Holds what the offer notes of each owner to what they bought, within what each may have.
    fn check_owners(
        &self,
        partition: &str,
        mut bought: BTreeMap<String, u64>,
        holdings: &[(&str, Holding)],
        findings: &mut Findings,
    ) {
        for (owner, holding) in holdings {
            let (noted, pieces) = (holding.quantity, bought.remove(*owner).unwrap_or_default());
            let problem = format_args!("{owner} is said to have {noted} pieces, and has {pieces}");
            findings.expect(noted == pieces, StockNeverNegative, partition, problem);
            let within = self.each_max.is_none_or(|max| pieces <= max);
            let problem = format_args!("{owner} has {pieces} pieces, more than each may have");
            findings.expect(within, StockNeverNegative, partition, problem);
        }
        for (owner, pieces) in bought {
            let problem = format_args!("{owner} has {pieces} pieces, and is said to have none");
            findings.add(StockNeverNegative, partition, problem);
        }
    }
}
