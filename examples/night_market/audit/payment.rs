use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    counts::Counts,
    error::AuditError,
    file::Family,
    findings::Findings,
    invariant::Invariant::{EveryEffectOnce, MoneyInEqualsMoneyOut, RefundedLeCaptured},
    journal::{Entry, Event, Outcome, Page},
    money::Cents,
    operation::Operation,
    stage::{Attempt, stages},
};

/// One intent, folded from its journal.
#[derive(Debug, Default)]
pub(super) struct Payment {
    pub(super) partition: String,
    /// The key under which another capability asked for it, if one did.
    pub(super) settlement: Option<String>,
    /// What was asked of the provider, by its name there: `pi_…-c1`, `-k1`, `-v1`, `-x1`, `-rf_…`.
    pub(super) operations: BTreeMap<String, Operation>,
    id: String,
    amount: i64,
    attempts: u32,
}

/// What the partition claims about the intent.
#[derive(Deserialize)]
struct Intent {
    status: String,
    amount_capturable: Cents,
    amount_received: Cents,
    amount_refunded: Cents,
    amount_reserved_for_refund: Cents,
}

#[derive(Deserialize)]
struct State {
    intent: Intent,
    #[serde(default)]
    attempts: BTreeMap<String, Attempt>,
}

/// The root of a partition: of a payment, or of one that was let go of before it was seen.
#[derive(Deserialize)]
#[serde(untagged)]
enum Head {
    Intent {
        state: State,
        /// What the journal has beyond its pages.
        journal: Vec<Entry>,
    },
    Fence {
        #[serde(rename = "fenced_at")]
        _fenced_at: String,
    },
}

impl Payment {
    /// Folds the journal of an intent, and holds the other records of its partition to it; `None`
    /// for a partition that only keeps a key from being used.
    pub(super) fn audit(
        family: &Family,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> Result<Option<Self>, AuditError> {
        let Head::Intent { state, journal } = family.root()? else {
            return Ok(None);
        };
        let mut payment = Self {
            partition: family.partition.clone(),
            id: family.id().to_owned(),
            ..Self::default()
        };
        let pages = family.shelf::<Page>("j/")?.into_iter();
        let paged = pages.flat_map(|(_, page)| page.entries);
        for (entry, place) in paged.chain(journal).zip(1..) {
            let problem = format_args!("its journal has entry {} at place {place}", entry.number);
            let whole = entry.number == place;
            findings.expect(whole, MoneyInEqualsMoneyOut, &family.partition, problem);
            payment.apply(&entry.event, findings);
        }
        payment.check_intent(&state.intent, findings);
        payment.check_stages(&stages(state.attempts, family)?, findings);
        payment.count(counts);
        Ok(Some(payment))
    }

    fn apply(&mut self, event: &Event, findings: &mut Findings) {
        match event {
            Event::Created { amount, settlement } => {
                self.amount = amount.0;
                self.settlement = settlement.as_ref().map(|mark| mark.key.clone());
            }
            Event::Confirmed => {
                self.attempts += 1;
                self.plan(&format!("c{}", self.attempts), self.amount);
            }
            Event::CaptureAsked { amount } => self.plan(&format!("k{}", self.attempts), amount.0),
            Event::RefundAsked { refund, amount } => {
                let (asked, left) = (amount.0, self.left());
                let problem = format_args!("{asked} cents were to go back, and {left} were left");
                findings.expect(asked <= left, RefundedLeCaptured, &self.partition, problem);
                self.plan(refund, -asked);
            }
            Event::Sent { operation } => self.operation(operation).sent += 1,
            Event::Observed { operation, outcome } => self.operation(operation).observe(*outcome),
            Event::Other => {}
        }
    }

    fn plan(&mut self, step: &str, cents: i64) {
        let key = format!("{}-{step}", self.id);
        self.operations.insert(key, Operation::asked(cents));
    }

    /// Returns an operation of the journal; one that it does not ask for by itself follows from a
    /// wish to let go: of a hold, of what an attempt took, or of all that is left.
    fn operation(&mut self, key: &str) -> &mut Operation {
        let step = key.strip_prefix(&self.id).unwrap_or_default();
        let cents = match step.get(..2) {
            Some("-x") => -self.taken_by(step.get(2..).unwrap_or_default()),
            Some("-r") => -self.left(),
            _ => 0,
        };
        let follows = || Operation::asked(cents);
        self.operations
            .entry(key.to_owned())
            .or_insert_with(follows)
    }

    fn taken_by(&self, attempt: &str) -> i64 {
        let keys = ["c", "k"].map(|step| format!("{}-{step}{attempt}", self.id));
        keys.iter()
            .filter_map(|key| self.operations.get(key))
            .map(Operation::moved)
            .sum()
    }

    /// Returns what was taken and no refund has claimed: one that was declined claims nothing.
    fn left(&self) -> i64 {
        let left = self.operations.values().map(|operation| {
            let claims = operation.cents < 0 && operation.outcome != Outcome::Declined;
            if claims {
                operation.cents
            } else {
                operation.moved()
            }
        });
        left.sum()
    }

    /// Returns what operations have moved whose steps begin like one of these.
    fn sum(&self, steps: &[&str]) -> i64 {
        let of_steps = self.operations.iter().filter(|(key, _)| {
            let step = key.get(self.id.len()..).unwrap_or_default();
            steps.iter().any(|wanted| step.starts_with(wanted))
        });
        of_steps.map(|(_, operation)| operation.moved()).sum()
    }

    /// Returns what was taken for good, without what came back because the attempt was given up.
    fn captured(&self) -> i64 {
        self.sum(&["-c", "-k", "-x"])
    }

    fn refunded(&self) -> i64 {
        -self.sum(&["-rf_"])
    }

    fn check_intent(&self, intent: &Intent, findings: &mut Findings) {
        let partition = &self.partition;
        let amounts = [
            ("captured", intent.amount_received.0, self.captured()),
            ("refunded", intent.amount_refunded.0, self.refunded()),
        ];
        for (what, kept, folded) in amounts {
            let problem =
                format_args!("the intent says {kept} cents {what}, and its journal {folded}");
            findings.expect(kept == folded, MoneyInEqualsMoneyOut, partition, problem);
        }
        for (of, refunded, captured) in [
            (
                "the intent",
                intent.amount_refunded.0,
                intent.amount_received.0,
            ),
            ("the journal", self.refunded(), self.captured()),
        ] {
            let problem =
                format_args!("by {of} {refunded} cents went back, and {captured} were taken");
            findings.expect(refunded <= captured, RefundedLeCaptured, partition, problem);
        }
        let reserved = intent.amount_capturable.0 != 0 || intent.amount_reserved_for_refund.0 != 0;
        let moving = ["processing", "requires_action", "requires_capture"];
        let open = reserved || moving.contains(&intent.status.as_str());
        let problem = format_args!("the intent is {}, and money is still moving", intent.status);
        findings.expect(!open, EveryEffectOnce, partition, problem);
    }

    /// Holds the progress that attempts and refunds note to what the journal has observed.
    fn check_stages(&self, stages: &[(String, String)], findings: &mut Findings) {
        let partition = &self.partition;
        let mut noted = BTreeSet::new();
        for (step, stage) in stages {
            let key = format!("{}-{step}", self.id);
            let observed = self.operations.get(&key);
            let happened = observed.is_some_and(|operation| operation.outcome.happened());
            let known = stage == "done" || stage == "declined";
            let problem = format_args!("the outcome of {step} is open: it is {stage}");
            findings.expect(known, EveryEffectOnce, partition, problem);
            let problem = format_args!("{step} is {stage}, and its journal says otherwise");
            let agrees = happened == (stage == "done");
            findings.expect(agrees, MoneyInEqualsMoneyOut, partition, problem);
            noted.insert(key);
        }
        for key in self.operations.keys().filter(|key| !noted.contains(*key)) {
            let problem = format_args!("nothing notes the progress of {key}");
            findings.add(EveryEffectOnce, partition, problem);
        }
    }

    fn count(&self, counts: &mut Counts) {
        let operations = || self.operations.values();
        let declined = operations().any(|operation| operation.outcome == Outcome::Declined);
        let found =
            operations().filter(|operation| operation.doubted && operation.outcome.is_known());
        counts.intents += 1;
        counts.captured += self.captured();
        counts.refunded += self.refunded();
        counts.declined += u64::from(declined);
        counts.unknown_resolved += found.count() as u64;
    }
}
