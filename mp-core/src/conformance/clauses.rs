use super::{
    Clause, Verdict, atomic, checked, counted, durable, fenced, followed, honest, in_turn,
    independent, leased, listed, monotonic, snapshot, strict, timeless, unheard,
};

/// Hands the list of all clauses, written nowhere else, to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_clauses {
    ($then:ident $argument:tt) => {
        $crate::$then! {
            $argument
            1 atomic a_batch_is_applied_whole;
            1 atomic a_refused_batch_changes_nothing;
            1 atomic what_is_called_new_is_written_all_the_same;
            2 checked a_stale_head_conflicts;
            2 checked a_partition_is_created_once;
            2 checked an_absent_partition_has_no_head;
            2 checked every_commit_moves_the_head;
            2 checked records_only_read_are_covered;
            2 checked absent_records_are_covered;
            2 checked of_concurrent_commits_one_wins;
            2 checked of_concurrent_creators_one_wins;
            2 checked of_commits_through_two_handles_one_wins;
            2 checked concurrent_increments_all_count;
            2 checked a_bound_on_a_count_holds;
            3 durable a_restart_keeps_commits;
            3 durable a_restart_keeps_leases;
            4 monotonic each_commit_makes_a_greater_version;
            4 monotonic a_partition_starts_at_its_time;
            4 monotonic time_never_runs_back;
            5 snapshot records_come_in_key_order;
            5 snapshot each_record_comes_once;
            5 snapshot selections_end_where_they_say;
            5 snapshot a_limit_cuts_and_says_so;
            5 snapshot the_root_is_always_read;
            5 snapshot an_absent_partition_reads_as_empty;
            5 snapshot deliveries_are_never_read;
            5 snapshot records_keep_their_version;
            5 snapshot a_deleted_record_is_gone;
            5 snapshot values_come_back_byte_for_byte;
            5 snapshot a_read_is_one_moment;
            6 honest the_head_keeps_the_commit_id;
            6 honest a_batch_sent_twice_applies_once;
            6 honest answers_are_true;
            6 unheard an_unheard_commit_is_whole_or_nothing;
            6 unheard what_became_of_an_unheard_commit_is_final;
            7 independent batches_do_not_touch_each_other;
            7 independent a_stale_head_among_many_conflicts;
            7 independent answers_come_in_order;
            7 independent a_partition_twice_is_invalid;
            7 independent many_batches_are_all_carried_out;
            8 leased the_longest_due_comes_first;
            8 leased a_limit_takes_the_longest_due;
            8 leased a_delivery_is_told_whole;
            8 leased what_is_not_due_is_not_leased;
            8 leased only_the_asked_kind_is_leased;
            8 leased only_asked_slots_are_leased;
            8 leased a_limit_bounds_leases;
            8 leased a_lease_excludes_others;
            8 leased a_lease_ends;
            8 leased concurrent_callers_share_no_lease;
            8 leased a_lease_excludes_other_handles;
            8 leased leasing_leaves_the_head_alone;
            9 fenced a_lost_lease_settles_nothing;
            9 fenced a_lease_lost_to_another_handle_settles_nothing;
            9 fenced a_rewritten_delivery_stays;
            9 fenced a_deleted_delivery_is_never_due;
            9 fenced settling_says_what_it_did;
            9 fenced of_two_settlements_in_one_call_the_first_counts;
            9 fenced what_is_done_is_removed;
            9 fenced what_is_put_off_comes_again;
            9 fenced settling_leaves_the_head_alone;
            10 counted attempts_count_leases;
            10 counted writing_counts_anew;
            10 counted writing_over_the_dead_starts_anew;
            10 counted redriving_counts_anew;
            10 counted the_last_error_is_kept;
            10 counted the_dead_are_never_due;
            10 counted the_dead_are_listed;
            10 counted the_dead_are_listed_in_pages;
            10 counted the_dead_can_be_redriven;
            10 counted the_dead_can_be_removed;
            11 followed puts_and_deletes_are_told;
            11 followed only_the_last_change_is_told;
            11 followed changes_start_after_the_version;
            11 followed pages_of_changes_miss_nothing;
            11 followed deliveries_are_not_followed;
            11 followed deletions_are_remembered;
            11 followed deletions_are_dated_by_the_head;
            11 followed a_lapse_is_owned_up_to;
            12 strict a_key_written_twice_is_invalid;
            12 strict the_root_cannot_be_deleted;
            12 strict a_new_partition_needs_a_root;
            12 strict a_delivery_elsewhere_is_invalid;
            12 strict a_record_among_deliveries_is_invalid;
            12 strict a_value_too_long_is_invalid;
            12 strict too_many_writes_are_invalid;
            12 strict no_limit_is_below_the_standard;
            12 strict a_read_too_large_is_invalid;
            12 strict a_lease_too_large_is_invalid;
            13 timeless every_time_is_the_callers;
            14 listed each_partition_is_on_one_page;
            14 listed a_listing_goes_on_while_partitions_are_made;
            15 listed pages_come_in_the_order_of_ids;
            15 listed a_page_too_large_is_invalid;
            16 in_turn what_a_turn_shows_is_read;
            16 in_turn a_turn_keeps_nobody_from_committing;
            16 in_turn a_turn_that_was_dropped_is_in_nobodys_way;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_clause_table {
    (() $($number:literal $module:ident $name:ident;)*) => {
        /// Every clause, in the order of the contract.
        pub const CLAUSES: &[Clause] = &[$(Clause {
            number: $number,
            name: stringify!($name),
            run: |factory| Box::pin(async move { $module::$name(factory).await.map(Verdict::from) }),
        }),*];
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_clause_tests {
    (($factory:expr) $($number:literal $module:ident $name:ident;)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::conformance::demand(stringify!($name), &$factory).await;
            }
        )*
    };
}

/// Makes one `#[tokio::test]` of every clause of the store contract.
///
/// The argument makes a [`StoreFactory`](crate::conformance::StoreFactory) for each test. The crate
/// that calls this needs three dev-dependencies: `mp-core` with `conformance`, `tokio` with `macros`
/// and `rt-multi-thread`, and `async-trait` for the factory.
///
/// ```
/// # use std::sync::Arc;
/// use mp_core::{conformance::StoreFactory, store::{MemoryStore, Store}};
///
/// #[derive(Debug)]
/// struct Memory;
///
/// #[async_trait::async_trait]
/// impl StoreFactory for Memory {
///     async fn open(&self) -> Arc<dyn Store> {
///         Arc::new(MemoryStore::new())
///     }
///
///     async fn reopen(&self, _: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
///         None
///     }
/// }
///
/// mp_core::store_conformance!(Memory);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($factory:expr) => {
        $crate::__store_clauses! { __store_clause_tests ($factory) }
    };
}

__store_clauses! { __store_clause_table () }
