//! Payouts: what is asked of them, what becomes of them, and who may know, on every store.

mod faces;
mod hints;
mod late;
#[path = "../payout/mod.rs"]
mod payout;
#[path = "../support/spoil.rs"]
mod spoil;
#[path = "../support/stores.rs"]
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod telling;
#[path = "../support/unread.rs"]
mod unread;
mod unreadable;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Caller, Error, ErrorKind, Scope,
    amount::{Currency, Money},
    host::{Effect, Host},
    idempotency::IDEMPOTENCY_MEMORY,
    port::{Declined, PaidOut, Payout, PayoutStatus, Receiver},
    retention::{FileArchive, Retention},
    store::MemoryStore,
};
use mp_pay::{
    SandboxBackend,
    backend::{
        BackendError, BackendErrorKind, Capabilities, DeclineCode, Lookup, NextAction, Outcome,
        Reference, WebhookTrust, sandbox::Behaviour,
    },
    operation::{Breach, Stage},
    payout::{
        CancelPayout, ClosedPayouts, CreatePayout, FixedDestinations, PayoutBackend,
        PayoutCapabilities, PayoutError, PayoutEvent, PayoutInstruction, PayoutLookupRequest,
        PayoutNotice, Payouts, PayoutsOptions, ResolvePayout,
    },
};
use serde_json::json;

use self::{
    payout::{Bank, MEI, create, id, request, to},
    stores::Shared,
    support::{CLASSES, World, app, engine, eur, idem, mei, process::resolvable, staff},
};

fn declined(code: &str) -> PaidOut {
    PaidOut::Declined(Declined { code: code.into() })
}

#[tokio::test]
async fn a_receiver_is_paid_once_whoever_asks_how_often() {
    for shared in Shared::all("a_receiver_is_paid_once_whoever_asks_how_often").await {
        for (class, can) in [CLASSES[0], CLASSES[2]].into_iter().enumerate() {
            let [one, two] = shared.worlds(can);
            let bank = |world: World| Bank::on(&world.engine, &world.sandbox, &world.clock);
            let (one, two) = (bank(one), bank(two));
            let asked = request(&format!("reward-{class}"));
            for bank in [&one, &two, &one] {
                let paid = bank.payouts.pay_out(&asked).await;
                assert_eq!(paid.expect("pays"), PaidOut::Paid, "{}", shared.name);
            }
            let rush = request(&format!("rush-{class}"));
            let at_once = (0..6).map(|number| {
                let payouts = [&one, &two][number % 2].payouts.clone();
                let rush = rush.clone();
                tokio::spawn(async move { payouts.pay_out(&rush).await })
            });
            for asked in at_once.collect::<Vec<_>>() {
                let told = asked.await.expect("no panic").expect("answers");
                // Whoever comes while another calls is told to ask again.
                let told = matches!(told, PaidOut::Paid | PaidOut::Unknown);
                assert!(told, "{}", shared.name);
            }
            assert_eq!(one.moved().await, [500, 500], "{}", shared.name);
            let status = two.payouts.status(&app(), &rush.key).await;
            assert_eq!(status.expect("reads"), PayoutStatus::Paid);
        }
    }
}

#[tokio::test]
async fn a_key_is_good_for_one_payout() {
    let bank = Bank::new(CLASSES[0]);
    bank.payouts
        .pay_out(&request("reward"))
        .await
        .expect("pays");
    let mut other = request("reward");
    other.amount = eur(501);
    let error = bank.payouts.pay_out(&other).await.expect_err("is refused");
    assert_eq!(error.code(), "idempotency_conflict");
    let other = CreatePayout {
        amount: eur(501),
        ..create("reward")
    };
    let error = bank
        .payouts
        .create(&staff(), other, &idem("k"))
        .await
        .expect_err("is refused");
    assert_eq!(Error::from(error).code(), "idempotency_conflict");
    // The same payout by another way is the same payout.
    let same = bank
        .payouts
        .create(&staff(), create("reward"), &idem("k2"))
        .await;
    assert_eq!(same.expect("answers").status, PayoutStatus::Paid);
    assert_eq!(bank.moved().await, [500]);
}

#[tokio::test]
async fn what_is_declined_is_final() {
    let bank = Bank::new(CLASSES[1]);
    let closed = to("closed", "po_declined");
    let nobody = {
        let mut request = request("nobody");
        request.receiver = Receiver::user("kim".parse().expect("a user"));
        request
    };
    for (asked, code) in [(closed, "account_closed"), (nobody, "no_destination")] {
        for _ in 0..2 {
            let told = bank.payouts.pay_out(&asked).await.expect("answers");
            assert_eq!(told, declined(code));
        }
        bank.let_time_pass(3).await;
        let status = bank.payouts.status(&app(), &asked.key).await;
        assert_eq!(status.expect("reads"), PayoutStatus::Declined);
    }
    assert_eq!(bank.moved().await, [0; 0]);
    assert_eq!(bank.dead().await, 0);
}

#[tokio::test]
async fn what_was_accepted_is_carried_on() {
    let bank = Bank::new(CLASSES[1]);
    let slow = to("slow", "po_slow");
    assert_eq!(
        bank.payouts.pay_out(&slow).await.expect("answers"),
        PaidOut::Accepted
    );
    bank.let_time_pass(3).await;
    let status = bank.payouts.status(&app(), &slow.key).await;
    assert_eq!(status.expect("reads"), PayoutStatus::Paid);
    assert_eq!(bank.moved().await, [500]);
}

#[tokio::test]
async fn what_was_accepted_is_known_by_the_banks_own_name_at_once() {
    let bank = Bank::new(CLASSES[1]);
    let slow = to("slow", "po_slow");
    bank.payouts.pay_out(&slow).await.expect("answers");
    let id = Payouts::id_of(&app(), &slow.key);
    let name = || async {
        let order = bank.payouts.payout(&staff(), id).await.expect("reads");
        order.operation.reference
    };
    let told = name().await;
    assert!(told.is_some());
    bank.let_time_pass(3).await;
    assert_eq!(name().await, told);
}

#[tokio::test]
async fn an_unknown_outcome_is_left_by_the_declared_ability() {
    for can in CLASSES {
        for token in ["po_timeout_before", "po_timeout_after"] {
            let bank = Bank::new(can);
            let asked = to("lost", token);
            let told = bank.payouts.pay_out(&asked).await.expect("answers");
            assert_eq!(told, PaidOut::Unknown);
            bank.let_time_pass(3).await;
            let status = bank
                .payouts
                .status(&app(), &asked.key)
                .await
                .expect("reads");
            let waiting = bank
                .payouts
                .unresolved(&staff(), None, 10)
                .await
                .expect("lists");
            if resolvable(can) {
                assert_eq!((status, waiting.len()), (PayoutStatus::Paid, 0), "{token}");
                assert_eq!(bank.moved().await, [500], "{token}");
            } else {
                assert_eq!(
                    (status, waiting.len()),
                    (PayoutStatus::Pending, 1),
                    "{token}"
                );
                assert_eq!(waiting[0].id, id("lost"));
            }
        }
    }
}

#[tokio::test]
async fn a_payout_is_called_off_until_it_is_sent() {
    let bank = Bank::new(CLASSES[0]);
    bank.sandbox.script(Behaviour::Unavailable);
    let told = bank
        .payouts
        .pay_out(&request("late"))
        .await
        .expect("answers");
    assert_eq!(told, PaidOut::Unknown, "the backend could not be reached");
    let cancel = CancelPayout { payout: id("late") };
    for key in ["k", "k", "again"] {
        let order = bank
            .payouts
            .cancel(&staff(), cancel.clone(), &idem(key))
            .await;
        assert_eq!(order.expect("cancels").status, PayoutStatus::Canceled);
    }
    bank.let_time_pass(3).await;
    let told = bank
        .payouts
        .pay_out(&request("late"))
        .await
        .expect("answers");
    assert_eq!(told, declined("canceled"));
    assert_eq!(bank.moved().await, [0; 0]);

    bank.payouts
        .pay_out(&request("reward"))
        .await
        .expect("pays");
    let cancel = CancelPayout {
        payout: id("reward"),
    };
    let refused = bank.payouts.cancel(&staff(), cancel, &idem("k3")).await;
    let refused = refused.expect_err("is refused");
    assert!(
        matches!(refused, PayoutError::TooLate(PayoutStatus::Paid)),
        "{refused}"
    );
}

#[tokio::test]
async fn what_was_paid_may_come_back() {
    let bank = Bank::new(CLASSES[1]);
    let asked = to("back", "po_returned");
    assert_eq!(
        bank.payouts.pay_out(&asked).await.expect("pays"),
        PaidOut::Paid
    );
    bank.let_time_pass(2).await;
    let outcome = Outcome::declined(DeclineCode::new("account_closed").expect("a code"));
    let notice = PayoutNotice {
        payout: id("back"),
        outcome,
    };
    for _ in 0..2 {
        let order = bank.payouts.observe(&staff(), notice.clone()).await;
        assert_eq!(order.expect("observes").status, PayoutStatus::Returned);
    }
    let told = bank.payouts.pay_out(&asked).await.expect("answers");
    assert_eq!(
        told,
        declined("account_closed"),
        "to pay after all takes another key"
    );
}

#[tokio::test]
async fn what_is_paid_although_a_person_has_found_it_declined_is_put_before_a_person_again() {
    // Nobody can tell but a person, and later the provider by itself.
    let bank = Bank::new(CLASSES[2]);
    bank.payouts
        .pay_out(&to("lost", "po_timeout_after"))
        .await
        .expect("answers");
    bank.let_time_pass(3).await;
    let code = DeclineCode::new("never_came").expect("a code");
    let never = ResolvePayout::declined(id("lost"), code);
    let say_never = async || {
        let never = never.clone();
        bank.payouts.resolve(&staff(), never, &idem("k")).await
    };
    let resolved = say_never().await;
    assert_eq!(resolved.expect("resolves").status, PayoutStatus::Declined);
    bank.clock.advance(IDEMPOTENCY_MEMORY * 3);
    let repeated = say_never().await;
    assert_eq!(repeated.expect("answers").status, PayoutStatus::Declined);
    let reference = || Reference::new("bank-17").expect("a reference");
    let notice = PayoutNotice {
        payout: id("lost"),
        outcome: Outcome::settled(reference()),
    };
    for _ in 0..2 {
        let order = bank.payouts.observe(&staff(), notice.clone()).await;
        let status = order.expect("observes").status;
        assert_eq!(
            status,
            PayoutStatus::Declined,
            "others have acted upon that"
        );
    }
    bank.let_time_pass(1).await;
    let waiting = bank.payouts.unresolved(&staff(), None, 10).await;
    let waiting = waiting.expect("lists");
    assert_eq!((waiting.len(), waiting[0].id), (1, id("lost")));
    assert_eq!(waiting[0].operation.conflict, Some(eur(500)));
    // The first word is not said again by its repetition.
    say_never().await.expect("answers");
    let still = bank.payouts.unresolved(&staff(), None, 10).await;
    assert_eq!(still.expect("lists"), waiting);
    let paid = ResolvePayout::settled(id("lost"), reference());
    let another = bank
        .payouts
        .resolve(&staff(), paid.clone(), &idem("k"))
        .await;
    let another = Error::from(another.expect_err("is refused"));
    assert_eq!(another.kind(), ErrorKind::KeyReused);
    let resolved = bank.payouts.resolve(&staff(), paid, &idem("k2")).await;
    assert_eq!(resolved.expect("resolves").status, PayoutStatus::Paid);
    let waiting = bank.payouts.unresolved(&staff(), None, 10).await;
    assert_eq!(waiting.expect("lists"), []);
}

#[tokio::test]
async fn what_the_backend_tells_otherwise_waits_for_a_person() {
    let bank = Bank::new(CLASSES[1]);
    bank.sandbox.script(Behaviour::Misstate(eur(450)));
    let told = bank
        .payouts
        .pay_out(&request("other"))
        .await
        .expect("answers");
    assert_eq!(told, PaidOut::Unknown);
    let action = NextAction::AwaitNotification { until: None };
    bank.sandbox
        .script(Behaviour::Asks(action, Duration::from_secs(3600)));
    bank.payouts
        .pay_out(&request("asks"))
        .await
        .expect("answers");
    bank.let_time_pass(2).await;
    let waiting = bank
        .payouts
        .unresolved(&staff(), None, 10)
        .await
        .expect("lists");
    assert_eq!(waiting.len(), 2);
    let of = |name: &str| {
        waiting
            .iter()
            .find(|it| it.id == id(name))
            .expect("is listed")
    };
    assert_eq!(of("other").operation.conflict, Some(eur(450)));
    assert_eq!(of("asks").operation.breach, Some(Breach::UndeclaredAction));

    let reference = Reference::new("bank-17").expect("a reference");
    let mut found = ResolvePayout::settled(id("other"), reference);
    found.amount = Some(eur(450));
    let order = bank
        .payouts
        .resolve(&staff(), found.clone(), &idem("k"))
        .await
        .expect("resolves");
    assert_eq!(
        (order.status, order.operation.moved),
        (PayoutStatus::Paid, Some(eur(450)))
    );
    let code = DeclineCode::new("never_came").expect("a code");
    let never = ResolvePayout::declined(id("asks"), code);
    let order = bank
        .payouts
        .resolve(&staff(), never, &idem("k2"))
        .await
        .expect("resolves");
    assert_eq!(order.status, PayoutStatus::Declined);
    assert!(
        bank.payouts
            .unresolved(&staff(), None, 10)
            .await
            .expect("lists")
            .is_empty()
    );
    let again = bank.payouts.resolve(&staff(), found, &idem("k3")).await;
    let again = again.expect_err("is refused");
    assert!(matches!(again, PayoutError::NotUnresolved(_)), "{again}");
}
