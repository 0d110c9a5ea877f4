//! The service: reads our journals, for a reconciler.

use std::{collections::BTreeSet, sync::Arc};

use mp_core::{
    Caller, Error, Scope,
    id::{AppId, Name},
    store::{Listing, Partition},
};

use super::{
    Carry, Expected, ExtraReason, Reconciled, Reconciler, ReportLine, Subject, Window,
    moved::movements,
};
use crate::{
    Payments,
    error::PayError,
    intent::IntentId,
    operation::Step,
    payment::{self, Payment, load},
};

/// How many partitions are listed at a time.
const PAGE: u32 = 1_000;

/// Reconciles a provider's settlement reports with the payments' journals.
///
/// With a [`Listing`] it reads every payment of the app that is in the store, and so finds what is
/// missing. Without one it reads those that the report names by our keys, and finds what is missing
/// of these only. Either way it reads payments one after the other and keeps of each what may stand
/// in the report.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    payments: Payments,
    window: Window,
    before: Option<Carry>,
    listing: Option<Arc<dyn Listing>>,
    backend: Option<Name>,
}

impl Reconciliation {
    /// Reconciles a report that covers this time.
    #[must_use]
    pub fn new(payments: &Payments, window: Window) -> Self {
        Self {
            payments: payments.clone(),
            window,
            before: None,
            listing: None,
            backend: None,
        }
    }

    /// Reconciles the report of one of [several backends](crate::routing): what went to the others
    /// is not expected in it.
    #[must_use]
    pub fn of_backend(mut self, backend: Name) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Takes up what the report before this one has left.
    #[must_use]
    pub fn after(mut self, carry: Carry) -> Self {
        self.before = Some(carry);
        self
    }

    /// Finds out by a listing of the store what is missing in the report.
    #[must_use]
    pub fn with_listing(mut self, listing: Arc<dyn Listing>) -> Self {
        self.listing = Some(listing);
        self
    }

    /// Matches the lines of a report, which are read one at a time.
    ///
    /// Reading lines from a file blocks the task for as long as that takes.
    ///
    /// # Errors
    ///
    /// `forbidden` for anybody but staff, the first error among the lines, `too_many` payouts, the
    /// store's errors.
    pub async fn run<E: Into<Error>>(
        &self,
        caller: &Caller,
        lines: impl IntoIterator<Item = Result<ReportLine, E>, IntoIter: Send> + Send,
    ) -> Result<Reconciled, PayError> {
        caller.require(&Scope::STAFF)?;
        let mut run = Run {
            service: self,
            app: caller.app_id(),
            reconciler: Reconciler::new(self.window, self.before.clone()),
            read: BTreeSet::new(),
            archived: BTreeSet::new(),
        };
        run.take_up().await?;
        if let Some(listing) = &self.listing {
            run.list(&**listing).await?;
        }
        for line in lines {
            let line = line.map_err(Into::into)?;
            run.take(line).await?;
        }
        Ok(run.reconciler.finish()?)
    }
}

struct Run<'a> {
    service: &'a Reconciliation,
    app: &'a AppId,
    reconciler: Reconciler,
    /// What was read already and is expected whole.
    read: BTreeSet<IntentId>,
    /// What is not in the store any more.
    archived: BTreeSet<IntentId>,
}

impl Run<'_> {
    /// Reads what the report before has left, as it stands now.
    async fn take_up(&mut self) -> Result<(), PayError> {
        let Some(carry) = &self.service.before else {
            return Ok(());
        };
        let pending = carry.pending.iter().map(|it| it.subject.intent());
        let seen = carry.seen.iter().map(|it| it.subject.intent());
        for intent in pending.chain(seen) {
            self.read(intent, |_| true).await?;
        }
        Ok(())
    }

    /// Reads every payment that something in the report may be about.
    async fn list(&mut self, listing: &dyn Listing) -> Result<(), PayError> {
        let prefix = format!("{}/pay/", self.app);
        // No intent's id sorts before this.
        let mut after = Partition::parse(&format!("{prefix}+"))?;
        let limit = PAGE.min(listing.limits().read_max).max(1);
        loop {
            let page = listing.partitions(Some(&after), limit).await;
            let page = page.map_err(Error::from)?;
            for partition in &page {
                if !partition.id().starts_with(&prefix) {
                    return Ok(());
                }
                self.read_listed(partition).await?;
            }
            let Some(last) = page.into_iter().next_back() else {
                return Ok(());
            };
            after = last;
        }
    }

    async fn read_listed(&mut self, partition: &Partition) -> Result<(), PayError> {
        let window = self.service.window;
        match partition.local_id().parse::<IntentId>() {
            Ok(intent) => self.read(intent, |it| window.may_tell(it)).await,
            Err(_) => Ok(()),
        }
    }

    async fn take(&mut self, line: ReportLine) -> Result<(), PayError> {
        let mut why = ExtraReason::NotOurs;
        if let Some(key) = line.key {
            self.read(key.intent, |_| true).await?;
            if self.archived.contains(&key.intent) {
                why = ExtraReason::Archived;
            }
        }
        Ok(self.reconciler.take_as(line, why)?)
    }

    /// Expects of a payment what is wanted of it.
    async fn read(
        &mut self,
        intent: IntentId,
        wanted: impl Fn(&Expected) -> bool + Send,
    ) -> Result<(), PayError> {
        if self.read.contains(&intent) {
            return Ok(());
        }
        let found = match self.movements_of(intent).await {
            Err(error) if error.code() == "archived" => {
                self.archived.insert(intent);
                Vec::new()
            }
            found => found?,
        };
        let all = found.len();
        let wanted: Vec<Expected> = found.into_iter().filter(wanted).collect();
        if wanted.len() == all {
            self.read.insert(intent);
        }
        wanted.into_iter().for_each(|it| self.reconciler.expect(it));
        Ok(())
    }

    async fn movements_of(&self, intent: IntentId) -> Result<Vec<Expected>, Error> {
        let command = payment::command(self.app, intent)?;
        let family = self.service.payments.engine().read(command).await?;
        let Some(payment) = load(&family)? else {
            return Ok(Vec::new());
        };
        let mut movements = movements(&payment, &payment::journal(&family)?);
        if let Some(backend) = &self.service.backend {
            let routing = self.service.payments.routing();
            movements.retain(|it| routing.is_of(backend, &payment, step_of(&payment, it.subject)));
        }
        Ok(movements)
    }
}

/// Returns what was asked of the backend that something is about; a dispute that tells no attempt is
/// about the charge that counts.
fn step_of(payment: &Payment, subject: Subject) -> Step {
    match subject {
        Subject::Operation(key) => key.step,
        Subject::Dispute { dispute, .. } => {
            let dispute = payment.disputes.get(&dispute);
            payment.disputed_charge(dispute.and_then(|it| it.attempt))
        }
    }
}
