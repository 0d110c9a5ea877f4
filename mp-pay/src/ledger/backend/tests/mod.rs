//! The backend keeps the clauses of [`PaymentBackend`](crate::PaymentBackend)'s contract, on every
//! store: each is a function of a scene.

mod clauses;
mod flight;
mod retiring;
mod scene;
mod wallets;

use self::scene::Scene;

/// Runs the same function on each kind of store.
macro_rules! on_every_store {
    ($($file:ident: $($promise:ident)*;)*) => {
        mod memory {
            $($(#[tokio::test]
            async fn $promise() {
                super::$file::$promise(super::Scene::in_memory().await).await;
            })*)*
        }
        mod sqlite {
            $($(#[tokio::test]
            async fn $promise() {
                super::$file::$promise(super::Scene::on_sqlite().await).await;
            })*)*
        }
        mod postgres {
            $($(#[tokio::test]
            async fn $promise() {
                if let Some(scene) = super::Scene::on_postgres(stringify!($promise)).await {
                    super::$file::$promise(scene).await;
                }
            })*)*
        }
    };
}

on_every_store! {
    clauses:
        one_call_acts_at_most_once
        a_key_is_replayed_and_answered_the_same
        what_acted_is_found_and_what_has_not_come_is_not
        what_is_known_never_changes
        an_amount_is_what_has_moved
        what_is_not_declared_is_unsupported
        each_outcome_is_told_under_its_own_key;
    flight:
        a_call_that_was_looked_for_on_its_way_never_acts
        a_call_that_was_looked_for_while_its_host_was_asked_never_acts
        a_call_that_was_looked_for_while_it_carried_on_never_acts
        a_call_that_is_dropped_is_found_or_never_acts
        a_call_whose_answer_is_lost_is_never_declined;
    wallets:
        nobody_pays_from_an_account_that_is_not_theirs
        a_payer_who_has_too_little_is_declined
        what_counts_something_else_is_declined
        a_hold_is_captured_in_part_and_the_rest_let_go
        a_hold_lapses_by_the_clock
        a_void_before_its_charge_forestalls_it
        no_more_is_refunded_than_was_taken
        a_payee_who_has_too_little_gives_nothing_back
        an_intent_is_paid_and_refunded_from_a_wallet
        an_intents_payment_is_moved_by_nobody_but_the_intent
        what_is_over_is_retired_and_never_acts_again;
    retiring:
        what_was_declined_is_kept_to_be_confirmed_again
        what_is_asked_of_a_retired_payment_is_put_before_a_person;
}
