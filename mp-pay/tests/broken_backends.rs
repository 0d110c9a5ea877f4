//! The conformance kit bites: every backend that is wrong on purpose fails the clauses about it,
//! and no others.
#![cfg(feature = "conformance")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use mp_pay::{
    backend::{
        BackendError, Capabilities, Charged, DeclineCode, Lookup, LookupRequest, MinorUnits,
        Outcome, PaymentBackend, Rule, sandbox::REPLAY_WINDOW,
    },
    conformance::{
        BackendFactory, CLAUSES, Joined, Provider, Report, SandboxFactory, Verdict, broken::*,
        check_all,
    },
    method::PaymentMethodToken,
    operation::{OperationKey, Step},
};

type Looked = Result<Lookup, BackendError>;

/// Each broken backend, and the clauses that catch it: all of them, unless what is broken is so basic
/// that it brings others along.
macro_rules! broken_backends {
    ($($bug:ident $(($others:ident others))?: $($clause:ident),+;)*) => {
        vec![$(Case {
            bug: stringify!($bug),
            factory: Box::new(BrokenFactory::<$bug>::default()),
            named: BTreeSet::from([$(stringify!($clause)),+]),
            brings_others: !concat!($(stringify!($others))?).is_empty(),
        }),*]
    };
}

struct Case {
    bug: &'static str,
    factory: Box<dyn BackendFactory>,
    named: BTreeSet<&'static str>,
    brings_others: bool,
}

fn broken_backends() -> Vec<Case> {
    broken_backends! {
        ChargesTwice (and others): a_charge_takes_its_amount_once;
        TakesWhatItDeclines: a_declined_charge_takes_nothing,
            a_payment_method_of_another_is_declined;
        CapturesTwice: a_capture_takes_its_amount_once, a_capture_is_replayed;
        TakesWhatItWasToHold (and others): a_capture_takes_its_amount_once;
        TellsRefundsAsDone (and others): a_refund_gives_its_amount_back_once;
        RefundsTwice: a_part_is_refunded_and_no_more, a_refund_is_replayed,
            a_declined_refund_gives_nothing_back, notices_name_their_operation;
        MixesUpCharges: charges_at_once_do_not_mix;
        DropsTheKey: a_charge_is_replayed, a_key_with_another_amount_moves_nothing,
            replays_at_once_act_once, a_lost_answer_is_learnt_by_replay,
            a_dropped_call_can_be_replayed;
        DropsACapturesKey: a_capture_is_replayed;
        DropsARefundsKey: a_refund_is_replayed;
        DeclinesASecondVoid: a_void_is_replayed;
        DeclinesASecondIncrease: an_increase_is_replayed;
        ReplaysADeclineAsDone: a_decline_is_replayed;
        KeysByAmountToo: a_key_with_another_amount_moves_nothing;
        ChecksTheKeyBeforeItActs: replays_at_once_act_once, a_dropped_call_can_be_replayed;
        ForgetsTheKeyOfWhatFailed: a_lost_answer_is_learnt_by_replay;
        MarksTheKeyTooEarly: a_lost_request_is_made_good_by_replay,
            an_error_that_denies_acting_is_true;
        FindsNoCharge (and others): a_lookup_finds_a_charge;
        FindsNoHold: a_lookup_finds_a_hold;
        FindsNoCapture: a_lookup_finds_a_capture, a_lost_answer_is_learnt_by_lookup,
            the_name_of_another_finds_nothing_of_it;
        FindsNoIncrease: a_lookup_finds_an_increase, a_lost_answer_is_learnt_by_lookup,
            the_name_of_another_finds_nothing_of_it;
        FindsNoVoid: a_lookup_finds_a_void, a_lost_answer_is_learnt_by_lookup,
            the_name_of_another_finds_nothing_of_it;
        FindsNoRefund: a_lookup_finds_a_refund, a_lost_answer_is_learnt_by_lookup,
            the_name_of_another_finds_nothing_of_it;
        LooksOnlyWhetherItIsThere: a_lookup_tells_no_decline_as_done,
            what_is_declined_stays_declined, a_void_gives_up_a_charge_that_waits;
        FindsTheLatest: what_never_came_is_not_found, the_name_of_another_finds_nothing_of_it;
        ChargesWhatItLooksFor: a_lookup_does_nothing;
        SearchLagsBehind: a_lost_answer_is_learnt_by_lookup;
        FindsWhatItMeantToDo: a_lost_request_is_not_found_done;
        SaysNotFoundWithoutAName: what_has_no_name_is_not_said_never_to_have_come,
            what_is_not_found_never_comes, a_dropped_call_can_be_asked_about;
        SaysNotFoundOfWhatIsOnItsWay: what_is_not_found_never_comes,
            a_dropped_call_can_be_asked_about;
        ReadsATimeoutAsADecline: a_lost_answer_is_no_decline, a_lost_request_is_no_decline,
            a_lost_answer_is_learnt_by_replay, a_lost_request_is_made_good_by_replay,
            a_lost_answer_is_learnt_by_lookup;
        ReadsAnOutageAsADecline: an_outage_is_no_decline;
        ReadsAnOutageAsUnsupported: an_outage_is_no_decline;
        ReadsATimeoutAsDone: what_is_told_as_done_was_done, a_lost_request_is_made_good_by_replay;
        ReadsATimeoutAsAnOutage: an_error_that_denies_acting_is_true;
        InventsReferences: what_is_done_stays_done, a_refund_leaves_its_charge_as_it_was,
            a_refund_leaves_another_as_it_was, what_is_open_goes_by_the_name_of_what_follows;
        ForgivesDeclines: what_is_declined_stays_declined;
        ReadsRefundedAsDeclined: a_refund_leaves_its_charge_as_it_was;
        ReadsCapturedAsDeclined: a_capture_leaves_its_hold_made;
        FindsTheLatestRefund: a_refund_leaves_another_as_it_was;
        BeginsAnewWhatWasDropped: a_dropped_call_acts_at_most_once, a_dropped_call_can_be_replayed;
        KeepsTheKeyClaimed: a_dropped_call_can_be_replayed;
        LooksIntoItsOwnNotes: a_dropped_call_can_be_asked_about, what_is_not_found_never_comes;
        KeepsItsLock: a_dropped_call_keeps_no_other_waiting, a_dropped_call_can_be_replayed;
        TellsChargesWithoutTheFee (and others): a_charge_tells_what_it_took;
        TellsHoldsAsNothing: a_hold_tells_what_it_holds;
        TellsTheChargesAmount: a_capture_tells_what_it_took, a_refund_tells_what_it_gave_back,
            an_increase_tells_what_is_held_in_all, what_is_done_stays_done,
            a_refund_leaves_another_as_it_was;
        CountsYenInHundredths: declared_currencies_are_taken_exactly,
            a_key_with_another_amount_moves_nothing;
        LearnsWhatItCan: capabilities_are_steady;
        DeclinesHolds (and others): a_declared_hold_is_captured;
        CapturesOnlyTheWhole (and others): a_declared_part_is_captured;
        TakesEveryCaptureForTheLast: a_declared_further_capture_is_made;
        RaisesNothing: a_declared_increase_raises_the_hold, a_lookup_finds_an_increase,
            a_lost_answer_is_learnt_by_lookup, a_declined_increase_leaves_the_hold,
            the_name_of_another_finds_nothing_of_it;
        RefundsOnlyTheWhole (and others): a_declared_part_is_refunded;
        RefundsOnce: a_declared_further_refund_is_made, a_refund_leaves_another_as_it_was;
        TakesWhatItCannotHold: an_undeclared_hold_is_refused_unsent;
        AsksBeforeItRefuses: an_undeclared_further_capture_is_refused_unsent,
            an_undeclared_increase_is_refused_unsent, an_uncounted_amount_is_refused_unsent;
        RefusesAsUnavailable: an_undeclared_further_capture_is_refused_unsent,
            an_undeclared_increase_is_refused_unsent, an_uncounted_amount_is_refused_unsent;
        AsksForWhatItDidNotDeclare: a_payer_is_asked_only_for_what_is_declared,
            a_payer_who_acts_pays_once;
        AsksThoughItDeclaredNothing: a_payer_is_asked_only_for_what_is_declared;
        AsksForMoreWhenAskedAbout: a_payer_is_asked_only_for_what_is_declared;
        ReadsAnotherActionFromWebhooks: a_payer_is_asked_only_for_what_is_declared;
        SendsPayersToItsTestServer: a_payer_is_sent_to_safe_pages_only;
        ChargesAnewOnceThePayerActed: a_payer_who_acts_pays_once,
            a_void_gives_up_a_charge_that_waits;
        AnswersUnderTheChargesKey: a_capture_is_told_under_its_own_key,
            an_increase_is_told_under_its_own_key, a_refund_is_told_under_its_own_key,
            what_is_done_stays_done, a_refund_leaves_another_as_it_was,
            the_name_of_another_finds_nothing_of_it;
        SettlesWhatItVoids: a_void_settles_no_charge, a_void_gives_up_a_charge_that_waits;
        ReadsWebhooksAsAboutTheCharge: notices_name_their_operation;
        CapturesBeyondTheHold: a_capture_beyond_the_hold_is_declined,
            nothing_is_captured_after_a_void;
        TakesNoCaptureForTheLast: nothing_is_captured_after_the_last,
            the_last_capture_lets_go_of_the_rest;
        VoidsNothing: nothing_is_captured_after_a_void, a_void_lets_go_of_the_hold,
            a_void_of_what_was_taken_is_declined, a_void_gives_up_a_charge_that_waits,
            a_lookup_finds_a_void, a_lost_answer_is_learnt_by_lookup,
            the_name_of_another_finds_nothing_of_it;
        ForgetsWhatItCannotVoid: a_void_gives_up_a_charge_that_waits;
        RefundsWhatItCannotVoid: a_void_of_what_was_taken_is_declined;
        RefundsBeyondTheCharge: a_refund_beyond_the_charge_is_declined,
            a_refund_beyond_the_rest_is_declined, refunds_at_once_stay_within_the_charge;
        ForgetsEarlierRefunds: a_refund_beyond_the_rest_is_declined,
            refunds_at_once_stay_within_the_charge;
        ChecksBeforeItRefunds: refunds_at_once_stay_within_the_charge;
        ChecksBeforeItCaptures: captures_at_once_stay_within_the_hold;
        LetsGoOfWhatItCannotRaise: a_declined_increase_leaves_the_hold;
        CountsDeclinedRefunds: a_declined_refund_gives_nothing_back;
        PrintsItsSecret: debug_shows_no_secret;
        PrintsItsRequest: errors_show_no_secret;
        RefersByItsSecret: outcomes_show_no_secret, what_is_done_stays_done,
            a_refund_leaves_its_charge_as_it_was, a_refund_leaves_another_as_it_was;
        TakesWhatIsAnothers: a_payment_method_of_another_is_declined;
        NamesThePageItSendsTo: what_is_open_goes_by_the_name_of_what_follows;
        FindsByTheNameAlone: the_name_of_another_finds_nothing_of_it;
        FindsRefundsByTheNameAlone: the_name_of_another_finds_nothing_of_it;
    }
}

/// Time is the runtime's own here, so that no busy machine is late for a call that is to be dropped.
#[tokio::test(start_paused = true)]
async fn every_broken_backend_is_caught_by_the_clauses_named_after_its_bug() {
    let mut wrong = Vec::new();
    for case in broken_backends() {
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
fn every_clause_has_a_backend_that_breaks_it() {
    let caught: BTreeSet<_> = broken_backends()
        .into_iter()
        .flat_map(|case| case.named)
        .collect();
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name()).collect();
    assert_eq!(caught, clauses);
}

#[test]
fn every_number_of_the_contract_has_a_clause() {
    let numbers: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.number()).collect();
    assert_eq!(numbers, (1..=13).collect());
    assert!(CLAUSES.is_sorted_by_key(|clause| clause.number()));
}

/// Four sandboxes between which there is something to try for every clause.
const ABILITIES: [Capabilities; 4] = [
    Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries(),
    Capabilities::neither()
        .with_replay(REPLAY_WINDOW)
        .with_queries_by_reference(),
    Capabilities::neither()
        .without_partial_capture()
        .with_increases(0)
        .with_minor_units(MinorUnits::only(&[Rule::as_iso("EUR")])),
    Capabilities::neither()
        .without_separate_capture()
        .with_increases(0),
];

#[tokio::test(start_paused = true)]
async fn what_is_not_broken_passes_and_every_clause_is_tried() {
    let mut kept = BTreeSet::new();
    for can in ABILITIES {
        let report = check_all(&BrokenFactory::<Unbroken>::of(can)).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.untried().count(), 0, "{report}");
        let outcomes = report.outcomes();
        let tried = outcomes.filter(|(_, outcome)| **outcome == Ok(Verdict::Kept));
        kept.extend(tried.map(|(clause, _)| clause.name()));
    }
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name()).collect();
    assert_eq!(kept, clauses);
}

/// Cannot void what waits for its payer, and says so.
#[derive(Debug, Default)]
struct KeepsWhatWaits(Mutex<BTreeSet<OperationKey>>);

impl KeepsWhatWaits {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<OperationKey>> {
        self.0.lock().expect("nobody panics")
    }
}

#[async_trait]
impl Bug for KeepsWhatWaits {
    fn answer(&self, key: &OperationKey, answer: Answer) -> Answer {
        if matches!(answer, Ok(Outcome::NeedsAction { .. })) {
            self.waiting().insert(*key);
        }
        answer
    }

    async fn void(&self, backend: &Inner, key: &OperationKey, charge: &Charged) -> Answer {
        if self.waiting().contains(&charge.key) {
            return Ok(Outcome::declined(
                DeclineCode::new("not_cancelable").expect("a code"),
            ));
        }
        backend.void(key, charge).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_may_decline_to_void_what_waits_for_its_payer() {
    for can in ABILITIES {
        let report = check_all(&BrokenFactory::<KeepsWhatWaits>::of(can)).await;
        assert!(report.is_clean(), "{report}");
        let mut outcomes = report.outcomes();
        let tried =
            outcomes.find(|(clause, _)| clause.name() == "a_void_gives_up_a_charge_that_waits");
        let (_, outcome) = tried.expect("it is a clause");
        assert_eq!(*outcome, Ok(Verdict::Kept), "{can:?}");
    }
}

/// A provider that shows and does nothing but what it must.
#[derive(Debug)]
struct Blind(Arc<dyn Provider>);

#[async_trait]
impl Provider for Blind {
    fn accepted(&self) -> PaymentMethodToken {
        self.0.accepted()
    }
}

#[async_trait]
impl BackendFactory for Blind {
    async fn open(&self) -> Joined {
        let can = ABILITIES[0];
        let Joined {
            backend, provider, ..
        } = SandboxFactory::new(can).open().await;
        Joined::new(backend, Arc::new(Self(provider)))
    }
}

#[tokio::test]
async fn what_cannot_be_tried_is_told_and_counted() {
    let joined = SandboxFactory::new(ABILITIES[0]).open().await;
    let report = check_all(&Blind(joined.provider)).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.untried().count() > 10, "{report}");
    let text = report.to_string();
    assert!(text.contains("UNTRIED, as the factory's provider has no taken"));
    let untried = format!(" {} untried, 0 broken", report.untried().count());
    assert!(text.ends_with(&untried), "{text}");
}

/// A reader that reads nothing tells nothing wrong.
#[tokio::test(start_paused = true)]
async fn a_reader_that_drops_every_webhook_leaves_its_clause_untried() {
    let report = check_all(&BrokenFactory::<DropsEveryWebhook>::default()).await;
    assert!(report.is_clean(), "{report}");
    let untried = report.untried().map(|clause| clause.name());
    assert_eq!(Vec::from_iter(untried), ["notices_name_their_operation"]);
}

/// Remembers keys, and can tell of charges alone what became of them, as many providers do.
#[derive(Debug, Default)]
struct TellsOfChargesAlone;

#[async_trait]
impl Bug for TellsOfChargesAlone {
    async fn lookup(&self, backend: &Arc<dyn PaymentBackend>, request: &LookupRequest) -> Looked {
        match request.key.step {
            Step::Charge(_) => backend.lookup(request).await,
            _ => Ok(Lookup::CannotTell),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_remembers_keys_need_not_tell_of_more_than_charges() {
    let report = check_all(&BrokenFactory::<TellsOfChargesAlone>::default()).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_report_is_read_by_programs_too() {
    let report = check_all(&BrokenFactory::<PrintsItsSecret>::default()).await;
    let json = serde_json::to_value(&report).expect("a report has no odd keys");
    let lines = json.as_array().expect("a list of clauses");
    assert_eq!(lines.len(), CLAUSES.len());
    let broken = lines.iter().find(|line| line["verdict"] == "broken");
    let expected = serde_json::json!({
        "number": 11,
        "clause": "debug_shows_no_secret",
        "verdict": "broken",
        "seen": "the backend's Debug shows a secret of the factory's",
        "advice": "write Debug by hand, or keep secrets in a type that prints as ***",
    });
    assert_eq!(broken, Some(&expected));
    assert!(!json.to_string().contains(SECRET));
}

fn broken(report: &Report) -> BTreeSet<&'static str> {
    let outcomes = report.outcomes();
    let broken = outcomes.filter(|(_, outcome)| outcome.is_err());
    broken.map(|(clause, _)| clause.name()).collect()
}
