//! What is told of a payout, and what it says about it.

use super::{unread::unread_once_written, *};

#[tokio::test]
async fn what_was_written_is_not_told_as_unavailable() {
    let (clock, store) = (support::clock(), Arc::new(MemoryStore::new()));
    // Nobody can tell but a person.
    let sandbox = payout::provider(&clock, CLASSES[2]);
    let bank = Bank::on(&engine(store.clone(), &clock), &sandbox, &clock);
    let unread = || {
        let engine = unread_once_written(store.clone(), &clock);
        payout::payouts(&engine, Arc::new(sandbox.clone()))
    };
    sandbox.script(Behaviour::Unavailable);
    let late = bank.payouts.pay_out(&request("late")).await;
    assert_eq!(late.expect("answers"), PaidOut::Unknown);
    let cancel = || CancelPayout { payout: id("late") };
    let told = unread().cancel(&staff(), cancel(), &idem("k")).await;
    assert_eq!(kind(told), ErrorKind::Unknown);
    let order = bank.payouts.cancel(&staff(), cancel(), &idem("k")).await;
    assert_eq!(order.expect("again").status, PayoutStatus::Canceled);

    let lost = bank.payouts.pay_out(&to("lost", "po_timeout_before")).await;
    assert_eq!(lost.expect("answers"), PaidOut::Unknown);
    bank.let_time_pass(3).await;
    let code = DeclineCode::new("never_came").expect("a code");
    let never = ResolvePayout::declined(id("lost"), code);
    let told = unread().resolve(&staff(), never.clone(), &idem("r")).await;
    assert_eq!(kind(told), ErrorKind::Unknown);
    let order = bank.payouts.resolve(&staff(), never, &idem("r")).await;
    assert_eq!(order.expect("again").status, PayoutStatus::Declined);
}

fn kind<T: std::fmt::Debug>(told: Result<T, PayoutError>) -> ErrorKind {
    Error::from(told.expect_err("cannot be read")).kind()
}

#[tokio::test]
async fn what_is_known_and_told_again_is_no_change() {
    for trust in [WebhookTrust::Signed, WebhookTrust::HintOnly] {
        let bank = Bank::new(CLASSES[1].with_webhooks(trust));
        bank.payouts.pay_out(&request("paid")).await.expect("pays");
        let read = async || {
            let order = bank.payouts.payout(&staff(), id("paid")).await;
            let journal = bank.payouts.journal(&staff(), id("paid")).await;
            (order.expect("reads"), journal.expect("reads"))
        };
        let before = read().await;
        assert_eq!(before.0.status, PayoutStatus::Paid);
        let reference = before.0.operation.reference.clone();
        let notice = PayoutNotice {
            payout: id("paid"),
            outcome: Outcome::settled(reference.expect("has a name")),
        };
        for _ in 0..2 {
            bank.clock.advance(Duration::from_secs(61));
            let told = bank.payouts.observe(&staff(), notice.clone()).await;
            assert_eq!(told.expect("observes"), before.0);
        }
        assert_eq!(read().await, before);
    }
}
