//! The ledger keeps its promises, on every store: each promise is a function of a world.

mod closing;
mod deadline;
mod forgetting;
mod hearing;
mod lapsing;
mod moving;
mod newer;
mod reading;
mod releasing;
mod resolving;
mod rights;
mod securing;
mod settling;
mod telling;
#[path = "../support/unread.rs"]
mod unread;
mod world;
mod writing;

use self::world::World;

/// Runs the same function on each kind of store.
macro_rules! promises {
    ($($file:ident: $($promise:ident)*;)*) => {
        mod memory {
            $($(#[tokio::test]
            async fn $promise() {
                super::$file::$promise(super::World::in_memory()).await;
            })*)*
        }
        mod sqlite {
            $($(#[tokio::test]
            async fn $promise() {
                super::$file::$promise(super::World::on_sqlite()).await;
            })*)*
        }
        mod postgres {
            $($(#[tokio::test]
            async fn $promise() {
                if let Some(world) = super::World::on_postgres(stringify!($promise)).await {
                    super::$file::$promise(world).await;
                }
            })*)*
        }
    };
}

promises! {
    moving:
        accounts_and_transfers_are_immutable
        an_id_is_good_for_one_transfer
        debits_and_credits_come_to_the_same
        linked_moves_happen_all_or_none
        linked_moves_over_books_happen_all_or_none
        nothing_overflows
        what_is_held_can_be_counted_once_it_is_posted
        a_reversal_names_what_it_reverses_and_happens_once
        a_reversal_moves_back_what_was_posted_since_it_was_read
        a_reversal_may_have_the_key_of_what_it_reverses;
    newer:
        what_a_newer_release_holds_is_refused_to_nobody
        what_a_newer_release_lets_wait_expires_in_the_end;
    writing:
        what_was_written_is_told_though_it_cannot_be_read;
    resolving:
        a_pending_transfer_is_resolved_at_most_once
        time_is_decided_by_the_clock_and_work_only_tidies
        what_is_pending_is_reserved
        an_expired_transfer_is_neither_posted_nor_voided
        what_is_pending_is_let_go_never_early
        what_is_pending_is_let_go_though_a_clock_was_set_back
        part_is_posted_and_the_rest_restored;
    reading:
        a_statement_has_every_posting_and_the_balance_after_it
        a_balance_is_told_as_it_was
        what_is_older_than_an_account_is_not_looked_through
        a_changed_entry_is_named;
    closing:
        closing_keeps_chain_and_balances
        a_balance_from_before_the_closing_is_not_made_up
        what_is_closed_leaves_no_record_behind
        a_changed_closing_is_named;
    forgetting:
        an_id_that_was_closed_in_its_home_alone_moves_nothing
        what_its_home_has_not_heard_of_is_not_closed
        a_reversal_is_answered_again_when_what_it_reverses_is_closed
        what_is_being_reversed_is_not_closed
        what_was_refused_is_forgotten_once_it_is_old;
    settling:
        stored_value_is_secured_settled_and_given_back
        nobody_secures_what_is_not_theirs
        what_is_released_is_fenced
        a_settlement_that_is_over_is_retired
        a_payer_who_has_too_little_is_declined;
    lapsing:
        what_could_not_be_settled_in_time_is_settled_by_nobody
        what_was_released_after_its_time_is_settled_by_nobody
        what_is_told_to_have_lapsed_is_settled_by_nobody;
    deadline:
        what_is_begun_after_its_deadline_is_fenced
        who_secures_the_same_at_once_is_told_the_same;
    securing:
        who_pays_is_known_by_what_was_debited;
    releasing:
        a_release_that_was_refused_is_done_once_the_payee_can_pay
        a_release_is_done_when_nothing_is_on_its_way
        what_is_being_reversed_is_released_once_it_is_back
        what_was_reversed_is_released;
    hearing:
        whoever_had_stored_value_secured_hears_that_it_is_held_no_more
        whoever_lets_go_of_stored_value_is_told_nothing;
    telling:
        what_becomes_of_a_transfer_is_told_once
        what_lapses_before_it_is_held_is_told_as_expired
        without_a_feed_the_ledger_writes_nothing_for_one;
    rights:
        nobody_debits_or_reads_what_is_not_theirs
        a_payer_is_not_told_what_the_payee_has_room_for
        only_who_manages_the_ledger_holds_for_longer_than_a_card
        of_linked_moves_each_party_is_shown_their_own;
}
