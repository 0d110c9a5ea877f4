//! Stores that are wrong on purpose, each in one way and named after it.
//!
//! They show that the clauses bite: each is some correct store in the hands of a [`Bug`].

mod alone;
mod bug;
mod changing;
mod committing;
mod leasing;
mod limiting;
mod listing;
mod many;
mod racing;
mod reading;
mod reopening;
mod settling;
mod taking_turns;
mod timing;
mod unheard;

pub use self::{
    alone::{LeasesForItself, LocksForItself},
    bug::{Broken, BrokenFactory, Bug},
    changing::{
        CutsInsideACommit, FollowsDeliveries, ForgetsDeletions, HidesTheLapse, RepeatsChanges,
        StartsFromTheBeginning,
    },
    committing::{
        AcceptsAnyBatch, AnswersTheOldVersion, AppliesTwice, BelievesWhatIsCalledNew,
        ChecksOnlyWrittenKeys, CountsFromOne, CreatesForAnyExpectation, IgnoresTheHead,
        KeepsDeletedDeliveries, KeepsDeletedRecords, KeepsWhatItRefused, OverwritesOnCreate,
        TearsTheBatch, TrimsValues,
    },
    leasing::{
        CutsBeforeItSorts, ForgetsAttempts, ForgetsTheError, HidesTheDueTime, IgnoresTheKind,
        IgnoresTheSlots, LeasesMoreThanAsked, LeasesShortestDueFirst, LeasesTooEarly, LeasesTwice,
        MovesTheHeadWhenLeasing, NeverLeasesAgain,
    },
    limiting::{AcceptsAnyLimit, TakesSmallBatches},
    listing::{ListsByPosition, ListsBySlot, SkipsAtThePageEdge},
    many::{
        AnswersInAnotherOrder, ChecksNoHeadOfMany, DropsTheRest, FailsTogether,
        TakesAPartitionTwice,
    },
    racing::{ChecksBeforeItWrites, ReportsUnknownAsConflict},
    reading::{
        ExceedsTheLimit, FailsOnAbsence, ForgetsTheCommitId, HidesTheCut, IncludesTheEnd,
        LeavesOutTheRoot, ReadsInTwoSnapshots, RepeatsRecords, ShowsDeliveries, SortsBackwards,
        StampsEveryRecord,
    },
    reopening::{ForgetsEverything, ForgetsLeases},
    settling::{
        BuriesTheDead, CountsOn, DropsWhatIsPutOff, ForgetsTheFence, HoldsTheDead,
        JudgesBeforeItSettles, KeepsWhatIsDone, LeasesTheDead, LetsTheDeadLie,
        ListsTheDeadFromTheStart, MovesTheHeadWhenSettling, SaysItSettled,
    },
    taking_turns::{LocksTheHead, NeverEndsATurn, TakesTurnsBlindly},
    timing::{DatesDeletionsByTheCaller, RunsTimeBack, UsesItsOwnClock},
    unheard::{CarriesOutLate, WritesInTwoGoes},
};
