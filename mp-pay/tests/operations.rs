//! What a host can be asked, by name and in JSON.

mod support;

use mp_core::{
    Caller, Error, ErrorKind, Scope,
    host::{Effect, Host},
    port::PayoutStatus,
};
use mp_pay::{
    Passes, PayError,
    backend::PaymentBackend,
    ledger::{LedgerError, TransferStatus},
    pass::Program,
    payout::PayoutError,
    webhook::WebhookRefusal,
};
use serde_json::{Value, json};

use self::support::{CLASSES, World, mei, staff};

fn host(world: &World) -> Host {
    let coffee = Program::new("coffee".parse().expect("a name"), 10).expect("a program");
    let passes = Passes::new(&world.engine).with(coffee);
    let host = Host::new(&world.engine).with(world.payments.operations());
    let host = host.expect("registers").with(passes.operations());
    host.expect("registers")
}

fn payer() -> Caller {
    let scopes = ["pay:read", "pay:write", "pass:read", "pass:write"];
    let grant = |caller: Caller, scope: &&'static str| caller.with_scope(Scope::of(scope));
    scopes.iter().fold(mei(), grant)
}

fn manager() -> Caller {
    let scopes = ["pay:manage", "pass:manage"];
    let grant = |caller: Caller, scope: &&'static str| caller.with_scope(Scope::of(scope));
    scopes.iter().fold(staff(), grant)
}

#[tokio::test]
async fn a_payment_lives_its_life_in_json() {
    let world = World::new(CLASSES[0]);
    let host = host(&world);
    let create = json!({
        "amount": {"amount": 100, "currency": "EUR"},
        "capture_method": "manual",
        "payment_method": "pm_ok",
        "idempotency_key": "k",
    });
    let intent = host
        .call(&payer(), "pay.create_intent", create)
        .await
        .expect("creates");
    assert_eq!(intent["status"], "requires_confirmation");
    let of = |extra: Value| {
        let mut input = json!({"intent": intent["id"], "idempotency_key": "k"});
        let members = extra.as_object().cloned().unwrap_or_default();
        input.as_object_mut().expect("an object").extend(members);
        input
    };
    let held = host
        .call(&payer(), "pay.confirm", of(json!({})))
        .await
        .expect("confirms");
    assert_eq!(
        held["amount_capturable"],
        json!({"amount": 100, "currency": "EUR"})
    );
    let part = |cents: u32| json!({"amount": {"amount": cents, "currency": "EUR"}});
    let taken = host
        .call(&manager(), "pay.capture", of(part(80)))
        .await
        .expect("captures");
    assert_eq!(taken["status"], "succeeded");
    let refund = host
        .call(&manager(), "pay.refund", of(part(30)))
        .await
        .expect("refunds");
    assert_eq!(refund["operation"]["stage"], "done");
    assert_eq!(refund["status"], "succeeded");
    let refused = host
        .call(&manager(), "pay.cancel", of(json!({})))
        .await
        .expect_err("too late");
    assert_eq!(refused.code(), "payment_intent_unexpected_state");
    let read = json!({"intent": intent["id"]});
    let read = host
        .call(&payer(), "pay.intent", read)
        .await
        .expect("reads");
    assert_eq!(read["amount_refunded"]["amount"], 30);
}

#[tokio::test]
async fn staff_find_and_resolve_in_json_what_waits_for_a_person() {
    let world = World::new(CLASSES[2]);
    let host = host(&world);
    let waiting = world.pay("pm_timeout_after", false).await;
    world.let_time_pass(1).await;
    let listed = host.call(&manager(), "pay.unresolved", json!({})).await;
    let listed = listed.expect("lists");
    let operation = &listed[0]["operation"];
    assert_eq!(operation, &json!(format!("{}-c1", waiting.id)));
    let found = json!({"outcome": "settled", "reference": "ch_1"});
    let input = json!({"operation": operation, "found": found, "idempotency_key": "k"});
    let refused = host.call(&payer(), "pay.resolve", input.clone()).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Forbidden);
    for (amount, currency) in [(0, "EUR"), (-1, "EUR"), (100, "USD")] {
        let mut wrong = input.clone();
        wrong["idempotency_key"] = json!(format!("{amount}{currency}"));
        wrong["amount"] = json!({"amount": amount, "currency": currency});
        let refused = host.call(&manager(), "pay.resolve", wrong).await;
        assert_eq!(refused.expect_err("refused").field(), Some("amount"));
    }
    let nothing = json!({
        "operation": operation,
        "found": {"outcome": "declined", "code": "never_paid"},
        "amount": {"amount": 100, "currency": "EUR"},
        "idempotency_key": "nothing",
    });
    let refused = host.call(&manager(), "pay.resolve", nothing).await;
    assert_eq!(refused.expect_err("refused").field(), Some("amount"));
    for _ in 0..2 {
        let resolved = host.call(&manager(), "pay.resolve", input.clone()).await;
        assert_eq!(resolved.expect("resolves")["status"], "succeeded");
    }
    let listed = host.call(&manager(), "pay.unresolved", json!({})).await;
    assert_eq!(listed.expect("lists"), json!([]));
}

#[tokio::test]
async fn a_pass_lives_its_life_in_json() {
    let world = World::new(CLASSES[0]);
    let host = host(&world);
    let open = json!({"program": "coffee", "idempotency_key": "k"});
    let pass = host.call(&payer(), "pass.open", open).await.expect("opens");
    let id = &pass["id"];
    let stamp = json!({"pass": id, "stamps": 11, "idempotency_key": "k"});
    host.call(&manager(), "pass.stamp", stamp)
        .await
        .expect("stamps");
    let earn = json!({"pass": id, "points": 7, "idempotency_key": "k"});
    host.call(&manager(), "pass.earn", earn)
        .await
        .expect("earns");
    let redeem = json!({"of": "rewards", "count": 1});
    let redeem = json!({"pass": id, "redeem": redeem, "idempotency_key": "k"});
    host.call(&payer(), "pass.redeem", redeem)
        .await
        .expect("redeems");
    let read = json!({"pass": id});
    let read = host
        .call(&payer(), "pass.balance", read)
        .await
        .expect("reads");
    assert_eq!(
        (&read["stamps"], &read["rewards"], &read["points"]),
        (&json!(1), &json!(0), &json!(7))
    );
}

#[tokio::test]
async fn what_moves_value_is_of_the_money_class_and_needs_a_scope_and_known_members() {
    let world = World::new(CLASSES[0]);
    let host = host(&world);
    for operation in host.operations() {
        let expected = match operation.name() {
            "pay.intent" | "pay.receipt" | "pay.unresolved" | "pass.balance" => Effect::Read,
            "pass.open" => Effect::Reversible,
            _ => Effect::Money,
        };
        assert_eq!(operation.effect(), expected, "{}", operation.name());
        let nobody = host.call(&mei(), operation.name(), json!({})).await;
        assert_eq!(nobody.expect_err("refused").kind(), ErrorKind::Forbidden);
    }
    let more = json!({"intent": "pi_01HF7YAT000000000000000000", "tip": 1});
    let refused = host
        .call(&payer(), "pay.intent", more)
        .await
        .expect_err("refused");
    assert_eq!(refused.field(), Some("tip"));
}

#[tokio::test]
async fn no_request_gives_a_reason_that_says_that_nobody_asked() {
    let world = World::new(CLASSES[0]);
    let (host, intent) = (host(&world), world.pay("pm_ok", false).await);
    for (operation, reasons) in [
        ("pay.cancel", ["automatic", "unrecognized", "whim"]),
        ("pay.refund", ["released", "unrecognized", "whim"]),
    ] {
        for reason in reasons {
            let input = json!({"intent": intent.id, "reason": reason, "idempotency_key": "k"});
            let refused = host.call(&manager(), operation, input).await;
            let refused = refused.expect_err("refused");
            assert_eq!(refused.field(), Some("reason"), "{operation} {reason}");
        }
    }
}

#[test]
fn the_traits_can_be_objects() {
    fn _backend(_: &dyn PaymentBackend) {}
    fn _methods(_: &dyn mp_pay::method::PaymentMethods) {}
}

#[test]
fn an_error_is_of_the_kind_that_its_caller_is_told() {
    let busy = || Error::new(ErrorKind::Unavailable, "busy", "is busy");
    let backend = "acme".parse().expect("a name");
    for (error, kind) in [
        (PayError::Unsupported("hold"), ErrorKind::Unsupported),
        (PayError::BackendMissing(backend), ErrorKind::Unavailable),
        (
            PayError::NotEnough {
                unit: "stamps",
                held: 1,
                asked: 2,
            },
            ErrorKind::Refused,
        ),
        (busy().into(), ErrorKind::Unavailable),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
    for (error, kind) in [
        (PayoutError::TooLate(PayoutStatus::Paid), ErrorKind::Refused),
        (busy().into(), ErrorKind::Unavailable),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
    let status = TransferStatus::Voided;
    for (error, kind) in [
        (LedgerError::NotPosted { status }, ErrorKind::Refused),
        (busy().into(), ErrorKind::Unavailable),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
    for (error, kind) in [
        (WebhookRefusal::UnknownSource, ErrorKind::NotFound),
        (WebhookRefusal::BadSignature, ErrorKind::Forbidden),
        (busy().into(), ErrorKind::Unavailable),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(Error::from(error).kind(), kind);
    }
}
