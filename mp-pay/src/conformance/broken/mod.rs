//! Backends that are wrong on purpose, each in one way and named after it.
//!
//! They show that the clauses bite: each is a sandbox in the hands of a [`Bug`].

mod acting;
mod asking;
mod bug;
mod changing;
mod covering;
mod declaring;
mod dropping;
mod factory;
mod looking;
mod naming;
pub(in crate::conformance) mod notes;
mod replaying;
mod telling;

pub(in crate::conformance) use self::declaring::PLAIN;
pub use self::{
    acting::{
        CapturesTwice, ChargesAnewOnceThePayerActed, ChargesTwice, CountsYenInHundredths,
        MixesUpCharges, RaisesNothing, RefundsTwice, TakesWhatIsAnothers, TakesWhatItDeclines,
        TakesWhatItWasToHold, TellsRefundsAsDone,
    },
    asking::{
        AsksForMoreWhenAskedAbout, AsksForWhatItDidNotDeclare, AsksThoughItDeclaredNothing,
        ReadsAnotherActionFromWebhooks, SendsPayersToItsTestServer,
    },
    bug::{Answer, Broken, Bug, Inner, SECRET, Unbroken},
    changing::{
        AnswersUnderTheChargesKey, FindsTheLatestRefund, ForgivesDeclines, ReadsCapturedAsDeclined,
        ReadsRefundedAsDeclined, SettlesWhatItVoids,
    },
    covering::{
        CapturesBeyondTheHold, ChecksBeforeItCaptures, ChecksBeforeItRefunds,
        CountsDeclinedRefunds, ForgetsEarlierRefunds, ForgetsWhatItCannotVoid,
        LetsGoOfWhatItCannotRaise, RefundsBeyondTheCharge, RefundsWhatItCannotVoid, VoidsNothing,
    },
    declaring::{
        AsksBeforeItRefuses, CapturesOnlyTheWhole, DeclinesHolds, LearnsWhatItCan, RefundsOnce,
        RefundsOnlyTheWhole, RefusesAsUnavailable, TakesEveryCaptureForTheLast,
        TakesNoCaptureForTheLast, TakesWhatItCannotHold,
    },
    dropping::{BeginsAnewWhatWasDropped, KeepsItsLock, KeepsTheKeyClaimed},
    factory::BrokenFactory,
    looking::{
        ChargesWhatItLooksFor, FindsNoCapture, FindsNoCharge, FindsNoHold, FindsNoIncrease,
        FindsNoRefund, FindsNoVoid, FindsTheLatest, FindsWhatItMeantToDo, LooksIntoItsOwnNotes,
        LooksOnlyWhetherItIsThere, SaysNotFoundOfWhatIsOnItsWay, SaysNotFoundWithoutAName,
        SearchLagsBehind,
    },
    naming::{
        FindsByTheNameAlone, FindsRefundsByTheNameAlone, InventsReferences, NamesThePageItSendsTo,
        RefersByItsSecret,
    },
    replaying::{
        ChecksTheKeyBeforeItActs, DeclinesASecondIncrease, DeclinesASecondVoid, DropsACapturesKey,
        DropsARefundsKey, DropsTheKey, ForgetsTheKeyOfWhatFailed, KeysByAmountToo,
        MarksTheKeyTooEarly, ReplaysADeclineAsDone,
    },
    telling::{
        DropsEveryWebhook, PrintsItsRequest, PrintsItsSecret, ReadsATimeoutAsADecline,
        ReadsATimeoutAsAnOutage, ReadsATimeoutAsDone, ReadsAnOutageAsADecline,
        ReadsAnOutageAsUnsupported, ReadsWebhooksAsAboutTheCharge, TellsChargesWithoutTheFee,
        TellsHoldsAsNothing, TellsTheChargesAmount,
    },
};
