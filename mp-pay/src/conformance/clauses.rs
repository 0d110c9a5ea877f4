use super::{
    Clause, Joined, answered, bounded, covered, declared, discreet, exact, fixed, honest, keyed,
    named, once, replayed, scene::Scene, theirs,
};

/// Hands the list of all clauses, written nowhere else, to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __backend_clauses {
    ($then:ident $argument:tt) => {
        $crate::$then! {
            $argument
            1 once a_charge_takes_its_amount_once
                "send one request for a call, and let no client library repeat it without its key";
            1 once a_declined_charge_takes_nothing
                "look at how the provider's answer to a decline is read";
            1 once a_capture_takes_its_amount_once
                "send a hold as a hold, and a capture as one request";
            1 once a_refund_gives_its_amount_back_once
                "send one request for a refund, to the charge it is for";
            1 once a_part_is_refunded_and_no_more
                "send the amount of the request, not that of the charge";
            1 once charges_at_once_do_not_mix
                "keep nothing of one call where another call finds it";
            2 replayed a_charge_is_replayed
                "send the key as the provider's idempotency key, the same each time";
            2 replayed a_capture_is_replayed
                "send a capture's own key as its idempotency key, the same each time";
            2 replayed a_refund_is_replayed
                "send a refund's own key as its idempotency key, the same each time";
            2 replayed a_void_is_replayed
                "answer a void that comes again as the first, not as a charge that is gone";
            2 replayed an_increase_is_replayed
                "send an increase's own key as its idempotency key, the same each time";
            2 replayed a_decline_is_replayed
                "remember a decline under its key: another try comes under another key";
            2 replayed a_key_with_another_amount_moves_nothing
                "compare what comes under a used key with what came first, or pass the refusal on";
            2 replayed replays_at_once_act_once
                "claim the key before acting, not after";
            2 replayed a_lost_answer_is_learnt_by_replay
                "make the key the same in the first call and in the repetition";
            2 replayed a_lost_request_is_made_good_by_replay
                "remember a key as used only once something was done under it";
            3 answered a_lookup_finds_a_charge
                "send the key as your reference with the charge, and look it up by that";
            3 answered a_lookup_finds_a_hold
                "look among what is held too, not only among what was paid";
            3 answered a_lookup_finds_a_capture
                "keep a capture's key with it at the provider, or remember keys and answer CannotTell";
            3 answered a_lookup_finds_an_increase
                "keep an increase's key with it at the provider, or remember keys and answer CannotTell";
            3 answered a_lookup_finds_a_void
                "keep a void's key with it at the provider, or remember keys and answer CannotTell";
            3 answered a_lookup_finds_a_refund
                "keep a refund's key with it at the provider, or remember keys and answer CannotTell";
            3 answered a_lookup_tells_no_decline_as_done
                "read the status of what is found, not only that it is there";
            3 answered what_never_came_is_not_found
                "compare the reference exactly: no prefix, and not the latest of all";
            3 answered a_lookup_does_nothing
                "look up with a request that only reads";
            3 answered a_lost_answer_is_learnt_by_lookup
                "answer CannotTell for as long as the provider's search may lag behind";
            3 answered what_has_no_name_is_not_said_never_to_have_come
                "answer CannotTell to who asks without the name that you would find it by";
            3 answered a_lost_request_is_not_found_done
                "look at the provider, not at what was meant to be done";
            3 answered what_is_not_found_never_comes
                "answer CannotTell while a call under the key may still be on its way";
            4 honest a_lost_answer_is_no_decline
                "answer a timeout, and an answer that cannot be read, as Unknown";
            4 honest a_lost_request_is_no_decline
                "answer a connection that breaks as Unknown";
            4 honest an_outage_is_no_decline
                "answer a connection that is refused as Unavailable";
            4 honest what_is_told_as_done_was_done
                "tell as done only what the provider has answered as done";
            4 honest an_error_that_denies_acting_is_true
                "answer Unavailable only if nothing can have been sent; else Unknown";
            5 fixed what_is_done_stays_done
                "tell of an operation the same whenever it is asked about";
            5 fixed what_is_declined_stays_declined
                "tell a decline as a decline: another try comes under another key";
            5 fixed a_refund_leaves_its_charge_as_it_was
                "read a charge's status as `refunded` or `closed` as Settled still";
            5 fixed a_capture_leaves_its_hold_made
                "tell a hold that was captured as Authorized or Settled still";
            5 fixed a_refund_leaves_another_as_it_was
                "look refunds up by their own reference, not as the charge's latest";
            6 bounded a_dropped_call_acts_at_most_once
                "begin nothing anew because a call was dropped";
            6 bounded a_dropped_call_can_be_replayed
                "claim a key so that a call that was dropped does not keep it claimed";
            6 bounded a_dropped_call_can_be_asked_about
                "look up what the provider knows, not what the dropped call had noted";
            6 bounded a_dropped_call_keeps_no_other_waiting
                "hold no lock over an await, or one that is let go of when it is dropped";
            7 exact a_charge_tells_what_it_took
                "turn the provider's number back by MinorUnits::from_wire";
            7 exact a_hold_tells_what_it_holds
                "turn the provider's number back by MinorUnits::from_wire";
            7 exact a_capture_tells_what_it_took
                "tell what this capture took, not what was held or taken in all";
            7 exact an_increase_tells_what_is_held_in_all
                "tell all that is held now, not by how much it was raised";
            7 exact a_refund_tells_what_it_gave_back
                "tell what this refund gave back, as an amount above zero";
            7 exact declared_currencies_are_taken_exactly
                "send MinorUnits::to_wire of the amount, or declare other minor_units";
            8 declared capabilities_are_steady
                "decide when the backend is made what it can do";
            8 declared a_declared_hold_is_captured
                "declare without_separate_capture, or make holds";
            8 declared a_declared_part_is_captured
                "declare without_partial_capture, or capture parts";
            8 declared a_declared_further_capture_is_made
                "declare with_captures(1), or keep the hold unless it is the last";
            8 declared a_declared_increase_raises_the_hold
                "declare with_increases(0), or raise to the total that is asked for";
            8 declared a_declared_part_is_refunded
                "declare without_partial_refund, or refund parts";
            8 declared a_declared_further_refund_is_made
                "declare without_repeated_refund, or refund again";
            8 declared an_undeclared_hold_is_refused_unsent
                "refuse it as Unsupported before anything is sent";
            8 declared an_undeclared_further_capture_is_refused_unsent
                "refuse a capture that is not the last as Unsupported before anything is sent";
            8 declared an_undeclared_increase_is_refused_unsent
                "refuse it as Unsupported before anything is sent";
            8 declared an_uncounted_amount_is_refused_unsent
                "refuse what MinorUnits::to_wire refuses before anything is sent";
            8 declared a_payer_is_asked_only_for_what_is_declared
                "declare every kind of action that the provider may ask for";
            8 declared a_payer_is_sent_to_safe_pages_only
                "tell an https address of a named host, without credentials: HttpsUrl takes it";
            8 declared a_payer_who_acts_pays_once
                "ask the provider what came of the payer's action, and do not charge anew";
            9 keyed a_capture_is_told_under_its_own_key
                "look a capture up by its own key, and its hold by the hold's";
            9 keyed an_increase_is_told_under_its_own_key
                "look an increase up by its own key, and its hold by the hold's";
            9 keyed a_refund_is_told_under_its_own_key
                "look a refund up by its own key, and its charge by the charge's";
            9 keyed a_void_settles_no_charge
                "tell a hold that was voided as Declined, or as Authorized still";
            9 keyed notices_name_their_operation
                "read the operation's own key from the webhook, not that of its charge";
            10 covered a_capture_beyond_the_hold_is_declined
                "let the provider, or your own books, refuse it";
            10 covered nothing_is_captured_after_the_last
                "tell the provider which capture is the last";
            10 covered the_last_capture_lets_go_of_the_rest
                "tell the provider which capture is the last";
            10 covered nothing_is_captured_after_a_void
                "send the void, and read its answer";
            10 covered a_void_lets_go_of_the_hold
                "send the void, and read its answer";
            10 covered a_void_of_what_was_taken_is_declined
                "pass the provider's refusal on: what was taken is refunded, not voided";
            10 covered a_void_gives_up_a_charge_that_waits
                "cancel the payment at the provider, so that the payer's page takes nothing";
            10 covered a_refund_beyond_the_charge_is_declined
                "compare the refund with what its charge has taken, before it is made";
            10 covered a_refund_beyond_the_rest_is_declined
                "count earlier refunds, before another one is made";
            10 covered refunds_at_once_stay_within_the_charge
                "check and refund in one step, under a lock or in one transaction";
            10 covered captures_at_once_stay_within_the_hold
                "check and capture in one step, under a lock or in one transaction";
            10 covered a_declined_increase_leaves_the_hold
                "leave the hold as it is when a raise is declined";
            10 covered a_declined_refund_gives_nothing_back
                "count a refund only once it was made";
            11 discreet debug_shows_no_secret
                "write Debug by hand, or keep secrets in a type that prints as ***";
            11 discreet errors_show_no_secret
                "leave the request, its URL and its headers out of errors and their sources";
            11 discreet outcomes_show_no_secret
                "use a reference of the provider's that is no credential";
            12 theirs a_payment_method_of_another_is_declined
                "compare whose the payment method is with the payer of the request";
            13 named what_is_open_goes_by_the_name_of_what_follows
                "tell the id that the provider knows it by to the end, not that of a page or session";
            13 named the_name_of_another_finds_nothing_of_it
                "compare the key that the provider keeps with what is found by its own name";
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __backend_clause_table {
    (($joined:ty) $($number:literal $module:ident $name:ident $advice:literal;)*) => {
        /// Every clause, in the order of the contract.
        pub const CLAUSES: &[Clause<$joined>] = &[$(Clause {
            number: $number,
            name: stringify!($name),
            advice: $advice,
            run: |joined| Box::pin(async move {
                let scene: Scene = Scene::open(joined).await;
                $module::$name(&scene).await
            }),
        }),*];
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __backend_clause_tests {
    (($clauses:path, $factory:expr) $($number:literal $module:ident $name:ident $advice:literal;)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::conformance::demand($clauses, stringify!($name), &$factory).await;
            }
        )*
    };
}

/// Makes one `#[tokio::test]` of every clause of the backend contract.
///
/// The argument makes a [`BackendFactory`](crate::conformance::BackendFactory) for each test. The
/// crate that calls this needs `mp-pay` with `conformance`, `tokio` with `macros` and
/// `rt-multi-thread`, and `async-trait` for the factory.
///
/// ```
/// use mp_pay::{backend::Capabilities, conformance::SandboxFactory};
///
/// mp_pay::backend_conformance!(SandboxFactory::new(Capabilities::neither().with_queries()));
/// ```
#[macro_export]
macro_rules! backend_conformance {
    ($factory:expr) => {
        $crate::__backend_clauses! {
            __backend_clause_tests ($crate::conformance::CLAUSES, $factory)
        }
    };
}

__backend_clauses! { __backend_clause_table (Joined) }
