//! What is promised about webhooks of payouts that anybody could have sent.

use mp_core::amount::JSON_INTEGER_MAX;

use super::{payout::payouts, *};

#[tokio::test]
async fn a_hint_is_looked_into_and_not_believed() {
    let can = CLASSES[1].with_webhooks(WebhookTrust::HintOnly);
    let bank = Bank::new(can);
    let asked = to("slow", "po_slow");
    bank.payouts.pay_out(&asked).await.expect("answers");
    let outcome = Outcome::declined(DeclineCode::new("a_lie").expect("a code"));
    let notice = PayoutNotice {
        payout: id("slow"),
        outcome,
    };
    let order = bank
        .payouts
        .observe(&staff(), notice.clone())
        .await
        .expect("observes");
    assert_eq!(order.status, PayoutStatus::Pending);
    bank.clock.advance(Duration::from_secs(61));
    let order = bank
        .payouts
        .observe(&staff(), notice)
        .await
        .expect("observes");
    assert_eq!(order.status, PayoutStatus::Paid);
}

#[tokio::test]
async fn what_has_no_name_is_asked_about_by_the_one_in_a_hint() {
    let can = Capabilities::neither().with_queries_by_reference();
    let bank = Bank::new(can.with_webhooks(WebhookTrust::HintOnly));
    let lost = bank.payouts.pay_out(&to("lost", "po_timeout_after")).await;
    assert_eq!(lost.expect("answers"), PaidOut::Unknown);
    bank.let_time_pass(3).await;
    let banks_own = format!("sb_{}.0", id("lost"));
    let hint = async |name: &str| {
        let name = Reference::new(name).expect("a reference");
        let notice = PayoutNotice {
            payout: id("lost"),
            outcome: Outcome::accepted().with_reference(name),
        };
        let order = bank.payouts.observe(&staff(), notice).await;
        order.map(|order| order.status).map_err(Error::from)
    };
    let forged = hint("forged").await.expect_err("tells nothing");
    assert_eq!(forged.code(), "backend_cannot_tell");
    assert_eq!(hint(&banks_own).await.expect("tells"), PayoutStatus::Paid);
    assert_eq!(bank.moved().await, [500]);
}

#[tokio::test]
async fn an_amount_that_no_record_holds_is_put_before_a_person() {
    let bank = Bank::new(CLASSES[2].with_webhooks(WebhookTrust::Signed));
    let lost = bank.payouts.pay_out(&to("lost", "po_timeout_after")).await;
    assert_eq!(lost.expect("answers"), PaidOut::Unknown);
    let name = Reference::new("bank-17").expect("a reference");
    let outcome = Outcome::settled(name).with_amount(eur(i64::MAX));
    let payout = id("lost");
    let told = PayoutNotice { payout, outcome };
    let order = bank.payouts.observe(&staff(), told).await.expect("hears");
    assert_eq!(order.operation.conflict, Some(eur(JSON_INTEGER_MAX)));
    bank.let_time_pass(1).await;
    let listed = bank.payouts.unresolved(&staff(), None, 9).await;
    assert_eq!(listed.expect("lists").len(), 1);
}

/// Reads as "it never came" that nothing has the name which it is asked by.
#[derive(Debug)]
struct FindsNothing(SandboxBackend);

#[async_trait]
impl PayoutBackend for FindsNothing {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.0.payout_capabilities()
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        self.0.pay_out(instruction).await
    }

    async fn lookup_payout(&self, _: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        Ok(Lookup::NotFound)
    }
}

#[tokio::test]
async fn nothing_is_sent_again_because_a_name_was_not_found() {
    let can = Capabilities::neither().with_queries_by_reference();
    let bank = Bank::new(can.with_webhooks(WebhookTrust::HintOnly));
    let engine = engine(Arc::new(MemoryStore::new()), &bank.clock);
    let payouts = payouts(&engine, Arc::new(FindsNothing(bank.sandbox.clone())));
    let lost = payouts.pay_out(&to("lost", "po_timeout_after")).await;
    assert_eq!(lost.expect("answers"), PaidOut::Unknown);
    let forged = Reference::new("forged").expect("a reference");
    let notice = PayoutNotice {
        payout: id("lost"),
        outcome: Outcome::accepted().with_reference(forged),
    };
    let order = payouts.observe(&staff(), notice).await;
    assert_eq!(order.expect("observes").status, PayoutStatus::Pending);
    assert_eq!(bank.moved().await, [500]);
}

/// Cannot tell of anything what became of it.
#[derive(Debug)]
struct TellsNothing(SandboxBackend);

#[async_trait]
impl PayoutBackend for TellsNothing {
    fn payout_capabilities(&self) -> PayoutCapabilities {
        self.0.payout_capabilities()
    }

    async fn pay_out(&self, instruction: &PayoutInstruction) -> Result<Outcome, BackendError> {
        self.0.pay_out(instruction).await
    }

    async fn lookup_payout(&self, _: &PayoutLookupRequest) -> Result<Lookup, BackendError> {
        Ok(Lookup::CannotTell)
    }
}

#[tokio::test]
async fn of_what_a_backend_cannot_tell_the_id_is_sent_again_while_it_is_remembered() {
    let window = Duration::from_secs(300);
    for (can, waits, status) in [
        (CLASSES[1].with_replay(window), 0, PayoutStatus::Paid),
        (CLASSES[1].with_replay(window), 2, PayoutStatus::Pending),
        (CLASSES[1], 0, PayoutStatus::Pending),
    ] {
        let mut bank = Bank::new(can);
        bank.payouts = payouts(&bank.engine, Arc::new(TellsNothing(bank.sandbox.clone())));
        bank.sandbox.script(Behaviour::TimeoutAfter);
        let told = bank.payouts.pay_out(&request("lost")).await;
        assert_eq!(told.expect("answers"), PaidOut::Unknown);
        bank.clock.advance(window * waits);
        bank.let_time_pass(2).await;
        let order = bank.payouts.payout(&staff(), id("lost")).await;
        assert_eq!(order.expect("reads").status, status);
        assert_eq!(bank.moved().await, [500]);
    }
}
