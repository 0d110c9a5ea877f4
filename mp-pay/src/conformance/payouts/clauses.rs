use super::{JoinedPayouts, ask::PayoutScene as Scene, found, lasting, paid};
use crate::conformance::{
    Clause, answered, bounded, declared, discreet, fixed, honest, named, replayed,
};

/// Hands the list of all clauses, written nowhere else, to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __payout_clauses {
    ($then:ident $argument:tt) => {
        $crate::$then! {
            $argument
            1 paid a_payout_pays_its_amount_once
                "send one request for a call, and let no client library repeat it without its id";
            1 paid a_declined_payout_pays_nothing
                "look at how the provider's answer to a decline is read";
            1 paid payouts_at_once_do_not_mix
                "keep nothing of one call where another call finds it";
            2 paid a_payout_is_replayed
                "send the id as the provider's idempotency key, the same each time";
            2 replayed a_decline_is_replayed
                "remember a decline under its id: another try comes under another id";
            2 replayed a_key_with_another_amount_moves_nothing
                "compare what comes under a used id with what came first, or pass the refusal on";
            2 replayed replays_at_once_act_once
                "claim the id before paying, not after";
            2 replayed a_lost_answer_is_learnt_by_replay
                "make the key the same in the first call and in the repetition";
            2 replayed a_lost_request_is_made_good_by_replay
                "remember an id as used only once something was done under it";
            3 found a_lookup_finds_a_payout
                "send the id as your reference with the payout, and look it up by that";
            3 answered a_lookup_tells_no_decline_as_done
                "read the status of what is found, not only that it is there";
            3 answered what_never_came_is_not_found
                "compare the reference exactly: no prefix, and not the latest of all";
            3 answered a_lookup_does_nothing
                "look up with a request that only reads";
            3 found a_lookup_meanwhile_contradicts_nothing
                "tell what is still under way as accepted, or answer CannotTell";
            3 answered a_lost_answer_is_learnt_by_lookup
                "answer CannotTell for as long as the provider's search may lag behind";
            3 answered what_has_no_name_is_not_said_never_to_have_come
                "answer CannotTell to who asks without the name that you would find it by";
            3 answered a_lost_request_is_not_found_done
                "look at the provider, not at what was meant to be done";
            3 answered what_is_not_found_never_comes
                "answer CannotTell while a call under the id may still be on its way";
            4 honest a_lost_answer_is_no_decline
                "answer a timeout, and an answer that cannot be read, as Unknown";
            4 honest a_lost_request_is_no_decline
                "answer a connection that breaks as Unknown";
            4 honest an_outage_is_no_decline
                "answer a connection that is refused as Unavailable";
            4 honest what_is_told_as_done_was_done
                "tell as paid only what the provider has answered as paid";
            4 honest an_error_that_denies_acting_is_true
                "answer Unavailable only if nothing can have been sent; else Unknown";
            5 fixed what_is_done_stays_done
                "tell of a payout the same whenever it is asked about";
            5 fixed what_is_declined_stays_declined
                "tell a decline as a decline: another try comes under another id";
            5 lasting what_came_back_stays_declined
                "read a payout's status as `returned` or `reversed` as Declined";
            6 bounded a_dropped_call_acts_at_most_once
                "begin nothing anew because a call was dropped";
            6 lasting a_payout_dropped_at_any_moment_is_made_at_most_once
                "send one request for a call, and nothing that makes another at any await";
            6 bounded a_dropped_call_can_be_replayed
                "claim an id so that a call that was dropped does not keep it claimed";
            6 bounded a_dropped_call_can_be_asked_about
                "look up what the provider knows, not what the dropped call had noted";
            6 bounded a_dropped_call_keeps_no_other_waiting
                "hold no lock over an await, or one that is let go of when it is dropped";
            7 paid a_payout_tells_what_it_paid
                "tell what was paid, by MinorUnits::from_wire, and not what is left after a fee";
            7 paid declared_currencies_are_paid_exactly
                "send MinorUnits::to_wire of the amount, or declare other minor_units";
            8 lasting nobody_has_to_act_for_a_payout
                "decline what cannot be paid without its receiver's help";
            8 lasting what_was_accepted_is_paid_in_the_end
                "tell as Settled what the provider has paid: Authorized is as good as accepted";
            9 declared capabilities_are_steady
                "decide when the backend is made what it can do";
            9 declared an_uncounted_amount_is_refused_unsent
                "refuse what MinorUnits::to_wire refuses before anything is sent";
            10 found a_payout_is_told_under_its_own_id
                "look a payout up by its own id, and not by its receiver";
            10 found notices_name_their_payout
                "read the payout's own id from the webhook";
            10 named the_name_of_another_finds_nothing_of_it
                "compare the id that the provider keeps with what is found by its own name";
            11 discreet debug_shows_no_secret
                "write Debug by hand, or keep secrets in a type that prints as ***";
            11 discreet errors_show_no_secret
                "leave the request, its URL and its headers out of errors and their sources";
            11 discreet outcomes_show_no_secret
                "use a reference of the provider's that is no credential";
        }
    };
}

/// Makes one `#[tokio::test]` of every clause of the contract of a
/// [`PayoutBackend`](crate::payout::PayoutBackend).
///
/// The argument makes a
/// [`BackendFactory`](crate::conformance::BackendFactory)`<`[`JoinedPayouts`](crate::conformance::payouts::JoinedPayouts)`>`
/// for each test. The crate that calls this needs `mp-pay` with `conformance`, `tokio` with `macros`
/// and `rt-multi-thread`, and `async-trait` for the factory.
///
/// ```
/// use mp_pay::{backend::Capabilities, conformance::payouts::SandboxPayouts};
///
/// mp_pay::payout_conformance!(SandboxPayouts::new(Capabilities::neither().with_queries()));
/// ```
#[macro_export]
macro_rules! payout_conformance {
    ($factory:expr) => {
        $crate::__payout_clauses! {
            __backend_clause_tests ($crate::conformance::payouts::CLAUSES, $factory)
        }
    };
}

__payout_clauses! { __backend_clause_table (JoinedPayouts) }
