//! Payout backends that are wrong on purpose, each in one way and named after it.
//!
//! Each is a sandbox in the hands of a [`PayoutBug`]. What reads an answer wrong, or tells a secret,
//! does so whatever was asked for: those bugs are [the same](crate::conformance::broken) as for
//! payments.

mod acting;
mod bug;
mod declaring;
mod dropping;
mod factory;
mod looking;
mod replaying;
mod telling;

pub use self::{
    acting::{
        AsksReceiversToSignIn, CountsYenInHundredths, LeavesPayoutsAuthorized, MixesUpPayouts,
        PaysTwice, PaysWhatItDeclines,
    },
    bug::{BrokenPayouts, PayoutBug, PayoutInner},
    declaring::{AsksBeforeItRefuses, LearnsWhatItCan, PaysWhatItCannotCount},
    dropping::{
        BeginsAnewWhatWasDropped, KeepsItsLock, KeepsTheIdClaimed, SendsAnewWhatWasNotConfirmed,
    },
    factory::BrokenPayoutFactory,
    looking::{
        FindsByTheNameAlone, FindsNoPayout, FindsTheLatest, FindsWhatItMeantToDo, LooksByReceiver,
        LooksIntoItsOwnNotes, LooksOnlyWhetherItIsThere, PaysWhatItLooksFor, ReadsPendingAsFailed,
        SaysNotFoundOfWhatIsOnItsWay, SaysNotFoundWithoutAName, SearchLagsBehind,
    },
    replaying::{
        ChecksTheIdBeforeItPays, DropsTheId, ForgetsTheIdOfWhatFailed, KeysByAmountToo,
        MarksTheIdTooEarly, ReplaysADeclineAsPaid,
    },
    telling::{
        DropsEveryWebhook, ForgivesDeclines, InventsReferences, ReadsReturnedAsPaid,
        ReadsWebhooksAsAboutTheFirst, TellsPayoutsWithoutTheFee,
    },
};
pub use crate::conformance::broken::{
    PrintsItsRequest, PrintsItsSecret, ReadsATimeoutAsADecline, ReadsATimeoutAsAnOutage,
    ReadsATimeoutAsDone, ReadsAnOutageAsADecline, RefersByItsSecret, RefusesAsUnavailable,
    Unbroken,
};
