//! Reconciliation: a provider's settlement report beside what our journals say has moved.
//!
//! A provider pays out what it has collected, less its fees, and tells in a report what that is
//! made up of. [`Reconciliation`] reads the report line by line, finds for each [`ReportLine`] the
//! movement of ours that it means, and says in a [`Report`] what is missing, extra or differing,
//! what the fees come to and whether payouts add up; as data, and by [`Display`](std::fmt::Display)
//! as tables for people. Nothing is changed by it.
//!
//! # What is matched with what
//!
//! | a line | means |
//! |---|---|
//! | with our [key](crate::operation::OperationKey) | that operation |
//! | with the backend's [reference](crate::backend::Reference) | the operation or dispute it was told for |
//! | with the key or reference of a payment, as refunds and disputes have it at some | what of that payment is of the same kind and amount |
//! | a fee or a payout | nothing of ours: it is added up |
//! | anything else | nothing of ours: it is extra |
//!
//! Where several could be meant, it is the one whose turn it is in this report, and of those the
//! nearest in time. Each movement is told by one line. A second one that names the movement is
//! differing, as [told twice](Difference::Twice); one that names no more than the payment is
//! [extra](Report::extra), unless something else of that payment is equal to it. But a
//! [reversal](LineKind::Reversal) is added to the charge of which it takes back a part. What did not
//! happen by our journal and is told both ways, as a refund that was on its way and failed, has moved
//! nothing by either.
//!
//! # Days that overlap
//!
//! The provider's day ends when its clock says so, and an operation whose answer was lost is known
//! here later than there. So what moved near the end of the [`Window`] and is not in the report is
//! *pending*, and the [`Carry`] of one report is given to the next: over reports whose windows follow
//! on each other without a gap, a movement that is known here when its report is read is judged once:
//! matched, differing or missing.
//!
//! What a report tells of a movement whose turn was in an earlier one is neither: it is
//! [late](Difference::Late), whether that one has told it too or was found to miss it. To know that
//! takes the carry of the report before; a report that is read alone takes it for a match. And it
//! takes a line with our key: by the provider's name alone, what moved before the window is extra.
//!
//! # How much it keeps
//!
//! Lines are taken one at a time and not kept. What is kept grows with our own movements in the
//! window, not with the file; see [`Reconciler`]. Findings are listed up to [`FINDINGS_MAX`] of a
//! class, and counted and summed beyond that.
//!
//! # What it does not do
//!
//! It converts no currencies: where a provider settles in another currency than the payer paid in,
//! lines differ by their currency. It reads one provider's report against all payments in the store;
//! with several providers, say [whose it is](Reconciliation::of_backend), or each report finds those
//! of the others missing.

#[cfg(feature = "csv")]
pub mod csv;
mod expected;
mod line;
mod moved;
mod payouts;
mod reconciler;
mod report;
mod service;
mod slot;
mod slots;
mod sums;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod window;

pub use self::{
    expected::{Direction, Expected, Movement, Standing, Subject},
    line::{LineKind, ReportLine},
    payouts::{PAYOUTS_MAX, PayoutContent},
    reconciler::Reconciler,
    report::{Difference, Differing, Extra, ExtraReason, FINDINGS_MAX, Listed, Reconciled, Report},
    service::Reconciliation,
    sums::Total,
    table::{Column, Table},
    window::{Carry, Window},
};
