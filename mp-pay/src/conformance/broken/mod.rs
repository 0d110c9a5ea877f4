//! Backends that are wrong on purpose, each in one way and named after it.
//!
//! They show that the clauses bite: each is a sandbox in the hands of a [`Bug`].

mod acting;
mod bug;
mod covering;
mod declaring;
mod dropping;
mod looking;
mod notes;
mod replaying;
mod telling;

pub use self::{
    acting::{
        CapturesTwice, ChargesAnewOnceThePayerActed, ChargesTwice, CountsYenInHundredths,
        MixesUpCharges, RaisesNothing, RefundsTwice, TakesWhatItDeclines, TakesWhatItWasToHold,
        TellsRefundsAsDone,
    },
    bug::{Answer, Broken, BrokenFactory, Bug, Inner, SECRET, Unbroken},
    covering::{
        CapturesBeyondTheHold, ChecksBeforeItCaptures, ChecksBeforeItRefunds,
        CountsDeclinedRefunds, ForgetsEarlierRefunds, LetsGoOfWhatItCannotRaise,
        RefundsBeyondTheCharge, RefundsWhatItCannotVoid, VoidsNothing,
    },
    declaring::{
        AsksBeforeItRefuses, AsksForWhatItDidNotDeclare, CapturesOnlyTheWhole, DeclinesHolds,
        LearnsWhatItCan, RefundsOnce, RefundsOnlyTheWhole, RefusesAsUnavailable,
        SendsPayersToItsTestServer, TakesEveryCaptureForTheLast, TakesNoCaptureForTheLast,
        TakesWhatItCannotHold,
    },
    dropping::{BeginsAnewWhatWasDropped, KeepsItsLock, KeepsTheKeyClaimed},
    looking::{
        AnswersUnderTheChargesKey, ChargesWhatItLooksFor, FindsNoCapture, FindsNoCharge,
        FindsNoHold, FindsNoIncrease, FindsNoRefund, FindsNoVoid, FindsTheLatest,
        FindsTheLatestRefund, FindsWhatItMeantToDo, ForgivesDeclines, InventsReferences,
        LooksIntoItsOwnNotes, LooksOnlyWhetherItIsThere, ReadsCapturedAsDeclined,
        ReadsRefundedAsDeclined, SaysNotFoundOfWhatIsOnItsWay, SearchLagsBehind,
        SettlesWhatItVoids,
    },
    replaying::{
        ChecksTheKeyBeforeItActs, DeclinesASecondIncrease, DeclinesASecondVoid, DropsACapturesKey,
        DropsARefundsKey, DropsTheKey, ForgetsTheKeyOfWhatFailed, KeysByAmountToo,
        MarksTheKeyTooEarly, ReplaysADeclineAsDone,
    },
    telling::{
        PrintsItsRequest, PrintsItsSecret, ReadsATimeoutAsADecline, ReadsATimeoutAsAnOutage,
        ReadsATimeoutAsDone, ReadsAnOutageAsADecline, ReadsWebhooksAsAboutTheCharge,
        RefersByItsSecret, TellsChargesWithoutTheFee, TellsHoldsAsNothing, TellsTheChargesAmount,
    },
};
