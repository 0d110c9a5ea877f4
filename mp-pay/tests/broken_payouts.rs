//! The conformance kit for payouts bites: every payout backend that is wrong on purpose fails the
//! clauses about it, and no others.
#![cfg(feature = "conformance")]

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use mp_core::port::Destination;
use mp_pay::{
    backend::{Capabilities, MinorUnits, Rule, sandbox::REPLAY_WINDOW},
    conformance::{
        BackendFactory, Joined, Report, Verdict,
        payouts::{CLAUSES, JoinedPayouts, PayoutProvider, SandboxPayouts, broken::*, check_all},
    },
};

/// Each broken backend, and the clauses that catch it: all of them, unless what is broken is so basic
/// that it brings others along.
macro_rules! broken_payouts {
    ($($bug:ident $(($others:ident others))?: $($clause:ident),+;)*) => {
        vec![$(Case {
            bug: stringify!($bug),
            factory: Box::new(BrokenPayoutFactory::<$bug>::default()),
            named: BTreeSet::from([$(stringify!($clause)),+]),
            brings_others: !concat!($(stringify!($others))?).is_empty(),
        }),*]
    };
}

struct Case {
    bug: &'static str,
    factory: Box<dyn BackendFactory<JoinedPayouts>>,
    named: BTreeSet<&'static str>,
    brings_others: bool,
}

fn broken_payouts() -> Vec<Case> {
    broken_payouts! {
        PaysTwice (and others): a_payout_pays_its_amount_once;
        PaysWhatItDeclines: a_declined_payout_pays_nothing;
        MixesUpPayouts: payouts_at_once_do_not_mix;
        DropsTheId: a_payout_is_replayed, a_key_with_another_amount_moves_nothing,
            replays_at_once_act_once, a_lost_answer_is_learnt_by_replay,
            a_dropped_call_can_be_replayed;
        ReplaysADeclineAsPaid: a_decline_is_replayed;
        KeysByAmountToo: a_key_with_another_amount_moves_nothing;
        ChecksTheIdBeforeItPays: replays_at_once_act_once, a_dropped_call_can_be_replayed;
        ForgetsTheIdOfWhatFailed: a_lost_answer_is_learnt_by_replay;
        MarksTheIdTooEarly: a_lost_request_is_made_good_by_replay,
            an_error_that_denies_acting_is_true;
        FindsNoPayout (and others): a_lookup_finds_a_payout;
        LooksOnlyWhetherItIsThere: a_lookup_tells_no_decline_as_done,
            what_is_declined_stays_declined, what_came_back_stays_declined;
        FindsTheLatest: what_never_came_is_not_found, the_name_of_another_finds_nothing_of_it;
        PaysWhatItLooksFor: a_lookup_does_nothing;
        ReadsPendingAsFailed: a_lookup_meanwhile_contradicts_nothing,
            a_dropped_call_can_be_asked_about;
        SearchLagsBehind: a_lost_answer_is_learnt_by_lookup;
        FindsWhatItMeantToDo: a_lost_request_is_not_found_done;
        SaysNotFoundOfWhatIsOnItsWay: what_is_not_found_never_comes,
            a_dropped_call_can_be_asked_about;
        ReadsATimeoutAsADecline: a_lost_answer_is_no_decline, a_lost_request_is_no_decline,
            a_lost_answer_is_learnt_by_replay, a_lost_request_is_made_good_by_replay,
            a_lost_answer_is_learnt_by_lookup;
        ReadsAnOutageAsADecline: an_outage_is_no_decline;
        ReadsATimeoutAsDone: what_is_told_as_done_was_done, a_lost_request_is_made_good_by_replay;
        ReadsATimeoutAsAnOutage: an_error_that_denies_acting_is_true;
        InventsReferences: what_is_done_stays_done;
        ForgivesDeclines: what_is_declined_stays_declined, what_came_back_stays_declined;
        ReadsReturnedAsPaid: what_came_back_stays_declined;
        BeginsAnewWhatWasDropped: a_dropped_call_acts_at_most_once, a_dropped_call_can_be_replayed,
            a_payout_dropped_at_any_moment_is_made_at_most_once;
        SendsAnewWhatWasNotConfirmed: a_payout_dropped_at_any_moment_is_made_at_most_once;
        KeepsTheIdClaimed: a_dropped_call_can_be_replayed;
        LooksIntoItsOwnNotes: a_dropped_call_can_be_asked_about, what_is_not_found_never_comes;
        KeepsItsLock: a_dropped_call_keeps_no_other_waiting, a_dropped_call_can_be_replayed;
        TellsPayoutsWithoutTheFee (and others): a_payout_tells_what_it_paid;
        CountsYenInHundredths: declared_currencies_are_paid_exactly;
        AsksReceiversToSignIn: nobody_has_to_act_for_a_payout,
            what_was_accepted_is_paid_in_the_end;
        LeavesPayoutsAuthorized: what_was_accepted_is_paid_in_the_end;
        LearnsWhatItCan: capabilities_are_steady;
        AsksBeforeItRefuses: an_uncounted_amount_is_refused_unsent;
        RefusesAsUnavailable: an_uncounted_amount_is_refused_unsent;
        PaysWhatItCannotCount: an_uncounted_amount_is_refused_unsent;
        LooksByReceiver: a_payout_is_told_under_its_own_id,
            the_name_of_another_finds_nothing_of_it;
        SaysNotFoundWithoutAName: what_has_no_name_is_not_said_never_to_have_come,
            what_is_not_found_never_comes, a_dropped_call_can_be_asked_about;
        FindsByTheNameAlone: the_name_of_another_finds_nothing_of_it;
        ReadsWebhooksAsAboutTheFirst: notices_name_their_payout;
        PrintsItsSecret: debug_shows_no_secret;
        PrintsItsRequest: errors_show_no_secret;
        RefersByItsSecret: outcomes_show_no_secret, what_is_done_stays_done;
    }
}

/// Time is the runtime's own here, so that no busy machine is late for a call that is to be dropped.
#[tokio::test(start_paused = true)]
async fn every_broken_payout_backend_is_caught_by_the_clauses_named_after_its_bug() {
    let mut wrong = Vec::new();
    for case in broken_payouts() {
        let report = check_all(&*case.factory).await;
        let broken = broken(&report);
        let missed: Vec<_> = case.named.difference(&broken).collect();
        let others: Vec<_> = broken.difference(&case.named).collect();
        if !missed.is_empty() || !(case.brings_others || others.is_empty()) {
            let bug = case.bug;
            wrong.push(format!(
                "{bug} passed {missed:?} and failed {others:?}:\n{report}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_clause_has_a_payout_backend_that_breaks_it() {
    let caught: BTreeSet<_> = broken_payouts()
        .into_iter()
        .flat_map(|case| case.named)
        .collect();
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name()).collect();
    assert_eq!(caught, clauses);
}

#[test]
fn every_number_of_the_contract_has_a_clause() {
    let numbers: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.number()).collect();
    assert_eq!(numbers, (1..=11).collect());
    assert!(CLAUSES.is_sorted_by_key(|clause| clause.number()));
}

/// Three sandboxes between which there is something to try for every clause.
const ABILITIES: [Capabilities; 3] = [
    Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries(),
    Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries_by_reference(),
    Capabilities::neither().with_minor_units(MinorUnits::only(&[Rule::as_iso("EUR")])),
];

#[tokio::test(start_paused = true)]
async fn what_is_not_broken_passes_and_every_clause_is_tried() {
    let mut kept = BTreeSet::new();
    for can in ABILITIES {
        let report = check_all(&BrokenPayoutFactory::<Unbroken>::of(can)).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.untried().count(), 0, "{report}");
        let outcomes = report.outcomes();
        let tried = outcomes.filter(|(_, outcome)| **outcome == Ok(Verdict::Kept));
        kept.extend(tried.map(|(clause, _)| clause.name()));
    }
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name()).collect();
    assert_eq!(kept, clauses);
}

/// A provider that shows and does nothing but what it must.
#[derive(Debug)]
struct Blind(Arc<dyn PayoutProvider>);

#[async_trait]
impl PayoutProvider for Blind {
    fn accepted(&self) -> Destination {
        self.0.accepted()
    }
}

#[async_trait]
impl BackendFactory<JoinedPayouts> for Blind {
    async fn open(&self) -> JoinedPayouts {
        let Joined {
            backend, provider, ..
        } = SandboxPayouts::new(ABILITIES[0]).open().await;
        Joined::new(backend, Arc::new(Self(provider)))
    }
}

#[tokio::test]
async fn what_cannot_be_tried_is_told_and_counted() {
    let joined = SandboxPayouts::new(ABILITIES[0]).open().await;
    let report = check_all(&Blind(joined.provider)).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.untried().count() > 10, "{report}");
    let text = report.to_string();
    assert!(text.contains("UNTRIED, as the factory's provider has no paid"));
    let untried = format!(" {} untried, 0 broken", report.untried().count());
    assert!(text.ends_with(&untried), "{text}");
}

/// A reader that reads nothing tells nothing wrong.
#[tokio::test(start_paused = true)]
async fn a_reader_that_drops_every_webhook_leaves_its_clause_untried() {
    let report = check_all(&BrokenPayoutFactory::<DropsEveryWebhook>::default()).await;
    assert!(report.is_clean(), "{report}");
    let untried = report.untried().map(|clause| clause.name());
    assert_eq!(Vec::from_iter(untried), ["notices_name_their_payout"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_a_destination_in_a_report() {
    let report = check_all(&BrokenPayoutFactory::<PaysTwice>::default()).await;
    assert!(!report.is_clean());
    assert!(!report.to_string().contains("po_ok"), "{report}");
}

fn broken(report: &Report<JoinedPayouts>) -> BTreeSet<&'static str> {
    let outcomes = report.outcomes();
    let broken = outcomes.filter(|(_, outcome)| outcome.is_err());
    broken.map(|(clause, _)| clause.name()).collect()
}
