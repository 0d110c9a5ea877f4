use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    counts::Counts, error::AuditError, file::Family, findings::Findings,
    invariant::Invariant::EveryEffectOnce, records::Records,
};

/// The record of the evening itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Evening {
    pub(super) seed: u64,
    pub(super) visitors: u32,
    pub(super) tick: u32,
    pub(super) clock: String,
    pub(super) over: bool,
}

#[derive(Deserialize)]
struct Tick {
    done: Done,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
struct Done {
    operations: u64,
    locates: u64,
    links_verified: u64,
}

/// Who came: everybody whom some tick notes as done with their visit.
#[derive(Debug, Default)]
pub(super) struct Arrivals(BTreeSet<u32>);

impl Evening {
    /// Returns the evening that a store holds.
    pub(super) fn of(records: &dyn Records) -> Result<Self, AuditError> {
        let mut evening = None;
        records.each("*/evening/tonight", &mut |family| {
            evening = Some(family.root()?);
            Ok(())
        })?;
        evening.ok_or(AuditError::NoEvening)
    }
}

impl Arrivals {
    /// Adds up what was done in a tick, and who did it.
    pub(super) fn tick(
        &mut self,
        family: &Family,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> Result<(), AuditError> {
        let mut sum = Done::default();
        for (who, done) in family.shelf::<Done>("d/")? {
            sum.operations += done.operations;
            sum.locates += done.locates;
            sum.links_verified += done.links_verified;
            let visitor = who.strip_prefix('v').and_then(|number| number.parse().ok());
            let again = visitor.is_some_and(|number| !self.0.insert(number));
            let problem = format_args!("{who} is done in another tick as well");
            findings.expect(!again, EveryEffectOnce, &family.partition, problem);
        }
        let noted = family.root::<Tick>()?.done;
        let problem = "its sum is not that of those who were done in it";
        findings.expect(noted == sum, EveryEffectOnce, &family.partition, problem);
        counts.operations += sum.operations;
        counts.locates += sum.locates;
        counts.links_verified += sum.links_verified;
        Ok(())
    }

    /// Finds out who did not come although the evening is over.
    pub(super) fn check(&self, evening: &Evening, counts: &mut Counts, findings: &mut Findings) {
        counts.visitors = self.0.len() as u64;
        let missing = (0..evening.visitors).filter(|number| !self.0.contains(number));
        for number in missing {
            let problem = format_args!("visitor {number} is not done in any tick");
            findings.add(EveryEffectOnce, "tick", problem);
        }
    }
}
