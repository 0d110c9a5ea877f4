//! The conformance kit bites: every store that is wrong on purpose fails the clause about it.
#![cfg(feature = "conformance")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use mp_core::{
    conformance::{CLAUSES, StoreFactory, Verdict, broken::*, check_all},
    store::{InTurn, Listing, MemoryStore, Partition, Query, Store, StoreError, Turn},
};

/// Each broken store, and the clauses that catch it.
macro_rules! broken_stores {
    ($($bug:ident: $($clause:ident),+;)*) => {
        vec![$((stringify!($bug), factory::<$bug>(), vec![$(stringify!($clause)),+])),*]
    };
}

fn factory<B: Bug>() -> Box<dyn StoreFactory> {
    Box::new(BrokenFactory::<B>::default())
}

fn broken_stores() -> Vec<(&'static str, Box<dyn StoreFactory>, Vec<&'static str>)> {
    broken_stores! {
        TearsTheBatch: a_batch_is_applied_whole;
        KeepsWhatItRefused: a_refused_batch_changes_nothing;
        BelievesWhatIsCalledNew: what_is_called_new_is_written_all_the_same;
        IgnoresTheHead: a_stale_head_conflicts;
        OverwritesOnCreate: a_partition_is_created_once;
        CreatesForAnyExpectation: an_absent_partition_has_no_head;
        ChecksOnlyWrittenKeys: every_commit_moves_the_head, records_only_read_are_covered,
            absent_records_are_covered, a_bound_on_a_count_holds;
        ChecksBeforeItWrites: of_concurrent_commits_one_wins, of_concurrent_creators_one_wins,
            concurrent_increments_all_count;
        LocksForItself: of_commits_through_two_handles_one_wins;
        ForgetsEverything: a_restart_keeps_commits;
        ForgetsLeases: a_restart_keeps_leases;
        AnswersTheOldVersion: each_commit_makes_a_greater_version;
        CountsFromOne: a_partition_starts_at_its_time;
        RunsTimeBack: time_never_runs_back;
        SortsBackwards: records_come_in_key_order;
        RepeatsRecords: each_record_comes_once;
        IncludesTheEnd: selections_end_where_they_say;
        ExceedsTheLimit: a_limit_cuts_and_says_so;
        HidesTheCut: a_limit_cuts_and_says_so;
        LeavesOutTheRoot: the_root_is_always_read;
        FailsOnAbsence: an_absent_partition_reads_as_empty;
        ShowsDeliveries: deliveries_are_never_read;
        StampsEveryRecord: records_keep_their_version;
        KeepsDeletedRecords: a_deleted_record_is_gone;
        TrimsValues: values_come_back_byte_for_byte;
        ReadsInTwoSnapshots: a_read_is_one_moment;
        ForgetsTheCommitId: the_head_keeps_the_commit_id;
        AppliesTwice: a_batch_sent_twice_applies_once;
        ReportsUnknownAsConflict: answers_are_true;
        WritesInTwoGoes: an_unheard_commit_is_whole_or_nothing;
        CarriesOutLate: what_became_of_an_unheard_commit_is_final;
        FailsTogether: batches_do_not_touch_each_other;
        ChecksNoHeadOfMany: a_stale_head_among_many_conflicts;
        AnswersInAnotherOrder: answers_come_in_order;
        TakesAPartitionTwice: a_partition_twice_is_invalid;
        DropsTheRest: many_batches_are_all_carried_out;
        LeasesShortestDueFirst: the_longest_due_comes_first;
        CutsBeforeItSorts: a_limit_takes_the_longest_due;
        HidesTheDueTime: a_delivery_is_told_whole;
        LeasesTooEarly: what_is_not_due_is_not_leased;
        IgnoresTheKind: only_the_asked_kind_is_leased;
        IgnoresTheSlots: only_asked_slots_are_leased;
        LeasesMoreThanAsked: a_limit_bounds_leases;
        LeasesTwice: a_lease_excludes_others, concurrent_callers_share_no_lease;
        LeasesForItself: a_lease_excludes_other_handles,
            a_lease_lost_to_another_handle_settles_nothing;
        NeverLeasesAgain: a_lease_ends;
        MovesTheHeadWhenLeasing: leasing_leaves_the_head_alone;
        ForgetsTheFence: a_lost_lease_settles_nothing, a_rewritten_delivery_stays;
        KeepsDeletedDeliveries: a_deleted_delivery_is_never_due;
        SaysItSettled: settling_says_what_it_did;
        JudgesBeforeItSettles: of_two_settlements_in_one_call_the_first_counts;
        KeepsWhatIsDone: what_is_done_is_removed;
        DropsWhatIsPutOff: what_is_put_off_comes_again;
        MovesTheHeadWhenSettling: settling_leaves_the_head_alone;
        ForgetsAttempts: attempts_count_leases;
        CountsOn: writing_counts_anew, redriving_counts_anew;
        LetsTheDeadLie: writing_over_the_dead_starts_anew;
        ForgetsTheError: the_last_error_is_kept;
        LeasesTheDead: the_dead_are_never_due;
        BuriesTheDead: the_dead_are_listed;
        ListsTheDeadFromTheStart: the_dead_are_listed_in_pages;
        HoldsTheDead: the_dead_can_be_redriven, the_dead_can_be_removed;
        ForgetsDeletions: puts_and_deletes_are_told, deletions_are_remembered;
        RepeatsChanges: only_the_last_change_is_told;
        StartsFromTheBeginning: changes_start_after_the_version;
        CutsInsideACommit: pages_of_changes_miss_nothing;
        FollowsDeliveries: deliveries_are_not_followed;
        DatesDeletionsByTheCaller: deletions_are_dated_by_the_head;
        HidesTheLapse: a_lapse_is_owned_up_to;
        AcceptsAnyBatch: a_key_written_twice_is_invalid, the_root_cannot_be_deleted,
            a_new_partition_needs_a_root, a_delivery_elsewhere_is_invalid,
            a_record_among_deliveries_is_invalid, a_value_too_long_is_invalid,
            too_many_writes_are_invalid;
        AcceptsAnyLimit: a_read_too_large_is_invalid, a_lease_too_large_is_invalid,
            a_page_too_large_is_invalid;
        TakesSmallBatches: no_limit_is_below_the_standard;
        UsesItsOwnClock: every_time_is_the_callers;
        SkipsAtThePageEdge: each_partition_is_on_one_page;
        ListsByPosition: a_listing_goes_on_while_partitions_are_made;
        TakesTurnsBlindly: what_a_turn_shows_is_read;
        LocksTheHead: a_turn_keeps_nobody_from_committing,
            a_turn_that_was_dropped_is_in_nobodys_way;
        NeverEndsATurn: a_turn_that_was_dropped_is_in_nobodys_way;
        ListsBySlot: pages_come_in_the_order_of_ids;
    }
}

#[tokio::test]
async fn every_broken_store_is_caught_by_the_clause_named_after_its_bug() {
    for (bug, factory, clauses) in broken_stores() {
        for name in clauses {
            let clause = CLAUSES.iter().find(|clause| clause.name() == name);
            let outcome = clause.expect(name).check(&*factory).await;
            assert!(outcome.is_err(), "{bug} passed {name}");
        }
    }
}

#[test]
fn every_clause_has_a_store_that_breaks_it() {
    let caught: BTreeSet<_> = broken_stores()
        .into_iter()
        .flat_map(|(.., names)| names)
        .collect();
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name()).collect();
    assert_eq!(caught, clauses);
}

#[test]
fn every_number_of_the_contract_has_a_clause() {
    let numbers: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.number()).collect();
    assert_eq!(numbers, (1..=16).collect());
}

/// A store that is right for as long as there is one handle to it is caught for nothing else.
#[tokio::test]
async fn a_store_of_one_process_is_caught_with_two_handles_only() {
    let report = check_all(&*factory::<LocksForItself>()).await;
    let broken = report.outcomes().filter(|(_, outcome)| outcome.is_err());
    let names: Vec<_> = broken.map(|(clause, _)| clause.name()).collect();
    assert_eq!(names, ["of_commits_through_two_handles_one_wins"]);
}

/// The reference store, kept over a restart by whoever has it, and giving turns as loosely as may be.
#[derive(Debug, Default)]
struct Kept(Mutex<Arc<MemoryStore>>);

/// No bug: nobody need be kept waiting.
#[derive(Debug, Default)]
struct GivesTurns;

#[async_trait]
impl Bug for GivesTurns {
    async fn take_turn(
        &self,
        store: &Arc<dyn Store>,
        partition: &Partition,
        query: &Query,
    ) -> Result<Option<InTurn>, StoreError> {
        let view = store.read(partition, query).await?;
        let turn = Box::new(Loose);
        Ok(Some(InTurn { view, turn }))
    }
}

#[derive(Debug)]
struct Loose;

impl Turn for Loose {}

#[async_trait]
impl StoreFactory for Kept {
    async fn open(&self) -> Arc<dyn Store> {
        let store = Arc::new(MemoryStore::new());
        *self.0.lock().expect("no test has died") = store.clone();
        Arc::new(Broken::<GivesTurns>::new(store))
    }

    async fn open_again(&self) -> Option<Arc<dyn Store>> {
        let store = self.0.lock().expect("no test has died").clone();
        Some(Arc::new(Broken::<GivesTurns>::new(store)))
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        Some(store)
    }

    async fn open_listing(&self) -> Option<Arc<dyn Listing>> {
        Some(Arc::new(MemoryStore::new()))
    }
}

#[tokio::test]
async fn a_good_store_passes_every_clause() {
    let report = check_all(&Kept::default()).await;
    assert!(report.is_clean(), "{report}");
    assert!(
        report
            .outcomes()
            .all(|(_, outcome)| *outcome == Ok(Verdict::Kept)),
        "{report}"
    );
}
