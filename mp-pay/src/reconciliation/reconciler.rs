use mp_core::Error;

use super::{
    Carry, Difference, Differing, Direction, Expected, Extra, ExtraReason, LineKind, Listed,
    Movement, Reconciled, Report, ReportLine, Window,
    payouts::Payouts,
    slot::{Before, Slot, Turn, Verdict},
    slots::{Meant, Slots},
    sums::Sums,
};

/// Matches the lines of a report with what our journal says has moved: pure, one line at a time.
///
/// It keeps what is expected and, of each, what was told; a line itself is kept only if it is
/// [extra](Report::extra) or told twice, and no more than [`FINDINGS_MAX`](super::FINDINGS_MAX) of
/// those. So it grows with our own movements, by some 300 bytes each, and not with the file. The
/// report is the same in whatever order movements are expected; and in whatever order lines come,
/// unless several could each be the one that is meant.
///
/// ```
/// use mp_core::{Timestamp, amount::{Currency, Money}};
/// use mp_pay::reconciliation::{Expected, LineKind, Reconciler, ReportLine, Subject, Window};
///
/// let day = Window::new("2026-11-20T00:00:00Z".parse()?, "2026-11-21T00:00:00Z".parse()?)?;
/// let at: Timestamp = "2026-11-20T12:00:00Z".parse()?;
/// let key = "pi_01HF7YAT000000000000000000-c1".parse()?;
/// let ten = Money::new(10_00, Currency::EUR);
///
/// let mut reconciler = Reconciler::new(day, None);
/// reconciler.expect(Expected::moved(Subject::Operation(key), LineKind::Charge, ten, at));
/// let nine = Money::new(9_00, Currency::EUR);
/// reconciler.take(ReportLine::new(1, LineKind::Charge, nine).with_key(key).with_fee(39))?;
/// let report = reconciler.finish()?.report;
/// assert_eq!((report.matched, report.differing.count), (0, 1));
/// assert_eq!(report.totals[0].difference, Money::new(-1_00, Currency::EUR));
/// assert_eq!(report.totals[0].fees, Money::new(39, Currency::EUR));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reconciler {
    window: Window,
    before: Option<Before>,
    slots: Slots,
    lines: u64,
    extra: Listed<Extra>,
    twice: Listed<Differing>,
    sums: Sums,
    payouts: Payouts,
}

impl Reconciler {
    /// Starts with nothing expected but what the report before this one has left pending.
    #[must_use]
    pub fn new(window: Window, before: Option<Carry>) -> Self {
        let carry = before.is_some();
        let Carry { pending, seen } = before.unwrap_or_default();
        let movements = pending.iter().map(Expected::movement).collect();
        let before = carry.then_some(Before {
            pending: movements,
            seen,
        });
        let mut reconciler = Self {
            window,
            before,
            slots: Slots::default(),
            lines: 0,
            extra: Listed::default(),
            twice: Listed::default(),
            sums: Sums::default(),
            payouts: Payouts::default(),
        };
        pending.into_iter().for_each(|it| reconciler.expect(it));
        reconciler
    }

    /// Expects a movement. What lies outside of the window need not be told; if it is, that is
    /// [late](Difference::Late) where it is known what the report before has left.
    pub fn expect(&mut self, expected: Expected) {
        let turn = Turn::of(&expected, &self.window, self.before.as_ref());
        self.slots.expect(expected, turn);
    }

    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// `too_many` if the report names more than [`PAYOUTS_MAX`](super::PAYOUTS_MAX) payouts.
    pub fn take(&mut self, line: ReportLine) -> Result<(), Error> {
        self.take_as(line, ExtraReason::NotOurs)
    }

    /// Takes the next line; if it is extra, for this reason.
    pub(super) fn take_as(&mut self, line: ReportLine, why: ExtraReason) -> Result<(), Error> {
        self.lines += 1;
        self.payouts.add_line(&line)?;
        self.sums.add_line(&line);
        if matches!(line.kind, LineKind::Fee | LineKind::Payout) {
            return Ok(());
        }
        match self.slots.meant_by(&line) {
            Meant::Untold(movement) => {
                if let Some(slot) = self.slots.get_mut(&movement) {
                    slot.tell(&line);
                }
            }
            Meant::Told(movement) => self.told_again(&movement, &line),
            Meant::Nothing => self.extra.push(Extra { line, why }),
        }
        Ok(())
    }

    fn told_again(&mut self, movement: &Movement, line: &ReportLine) {
        let Some(slot) = self.slots.get(movement) else {
            return;
        };
        self.twice.push(Differing {
            subject: movement.subject,
            line: line.number,
            ours: slot.expected.amount,
            theirs: line.amount,
            what: Difference::Twice,
        });
    }

    /// Returns whether what did not happen by our journal was told both ways, and so comes to nothing
    /// there too; when it went out, an earlier report may have told.
    fn is_taken_back(&self, slot: &Slot) -> bool {
        let movement = slot.expected.movement();
        let other = movement.back();
        let both = self.slots.get(&other);
        let both = both.is_some_and(Slot::is_told_as_it_would_be);
        let earlier = |before: &Before| before.seen.contains(&other);
        let earlier =
            movement.direction == Direction::In && self.before.as_ref().is_some_and(earlier);
        slot.is_told_as_it_would_be() && (both || earlier)
    }

    /// Judges what was told and what was not.
    ///
    /// # Errors
    ///
    /// `invalid_field` if a total is beyond what JSON can tell exactly.
    pub fn finish(mut self) -> Result<Reconciled, Error> {
        let mut findings = Findings::new(std::mem::take(&mut self.sums));
        let mut carry = Carry::default();
        for (movement, slot) in self.slots.iter() {
            let verdict = match slot.judge(&self.window, self.before.as_ref()) {
                Verdict::Differs(Difference::NotMoved) if self.is_taken_back(slot) => {
                    Verdict::Matched
                }
                verdict => verdict,
            };
            let before = self.before.as_ref();
            let known = slot.told.is_some() || before.is_some_and(|it| it.seen.contains(movement));
            if known && self.window.may_stand_in_next(&slot.expected) {
                carry.seen.insert(*movement);
            }
            if verdict == Verdict::Pending {
                carry.pending.push(slot.expected.clone());
            }
            findings.add(verdict, slot);
        }
        let report = Report {
            from: self.window.from(),
            until: self.window.until(),
            lines: self.lines,
            matched: findings.matched,
            missing: findings.missing,
            pending: Listed::of(carry.pending.iter().cloned()),
            earlier: findings.earlier,
            extra: self.extra,
            differing: joined(findings.differing, self.twice),
            totals: findings.sums.totals()?,
            payouts: self.payouts.contents()?,
        };
        Ok(Reconciled { report, carry })
    }
}

/// What the movements come to, while they are judged.
#[derive(Debug)]
struct Findings {
    matched: u64,
    missing: Listed<Expected>,
    earlier: Listed<Expected>,
    differing: Vec<Differing>,
    sums: Sums,
}

impl Findings {
    fn new(sums: Sums) -> Self {
        Self {
            matched: 0,
            missing: Listed::default(),
            earlier: Listed::default(),
            differing: Vec::new(),
            sums,
        }
    }

    fn add(&mut self, verdict: Verdict, slot: &Slot) {
        let expected = &slot.expected;
        match verdict {
            Verdict::Matched => {
                self.matched += 1;
                self.sums.add_ours(expected.amount);
            }
            Verdict::Missing => {
                self.missing.push(expected.clone());
                self.sums.add_ours(expected.amount);
            }
            Verdict::Differs(what) => {
                if what.counts_as_ours() {
                    self.sums.add_ours(expected.amount);
                }
                self.differing.extend(slot.differing(what));
            }
            Verdict::Pending => self.sums.add_pending(expected.amount),
            Verdict::Earlier => self.earlier.push(expected.clone()),
            Verdict::Silent => {}
        }
    }
}

/// Lists what differs in the order of the lines.
fn joined(mut differing: Vec<Differing>, twice: Listed<Differing>) -> Listed<Differing> {
    let count = differing.len() as u64 + twice.count;
    differing.extend(twice.items);
    differing.sort_by_key(|differing| differing.line);
    let items = Listed::of(differing).items;
    Listed { count, items }
}
