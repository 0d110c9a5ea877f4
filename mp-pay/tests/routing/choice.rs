//! Where a payment goes.

use mp_core::{
    Error, ErrorKind,
    amount::{Currency, Money},
    host::Host,
};
use mp_pay::{
    PayError, Payments,
    backend::{Capabilities, MinorUnits, Rule, sandbox::Behaviour},
    intent::IntentStatus,
    method::FixedMethods,
    payments::{ConfirmIntent, CreateIntent},
    routing::{Backends, CircuitOptions, Misfit, Routing, RoutingRule, RoutingRules, Standing},
};
use serde_json::json;

use super::{
    able,
    support::{
        World, app, eur,
        fleet::{Fleet, NOTHING, name, object},
        idem, mei, method, staff,
    },
};

fn rules(rules: impl IntoIterator<Item = RoutingRule>) -> RoutingRules {
    RoutingRules::new(rules).expect("rules")
}

fn to(text: &str) -> RoutingRule {
    RoutingRule::to([name(text)])
}

/// Pays one euro, or what is asked for instead, and returns which backend it went to.
async fn way(
    world: &World,
    key: &str,
    create: CreateIntent,
    confirm: impl FnOnce(ConfirmIntent) -> ConfirmIntent,
) -> String {
    let create = create.with_payment_method(method("pm_ok"));
    let created = world
        .payments
        .create_intent(&mei(), create, &idem(key))
        .await;
    let id = created.expect("creates").id;
    let confirm = confirm(ConfirmIntent::of(id));
    let confirmed = world.payments.confirm(&mei(), confirm, &idem(key)).await;
    assert_eq!(confirmed.expect("confirms").status, IntentStatus::Succeeded);
    let attempts = world.payments.attempts(&staff(), id).await.expect("reads");
    attempts[0]
        .backend
        .as_ref()
        .map_or("none", |it| it.as_str())
        .to_owned()
}

#[tokio::test]
async fn the_rules_go_by_type_country_currency_and_amount() {
    let mut fleet = Fleet::new(able(), able());
    let of_type = |text: &str| text.parse().expect("a type");
    let country = |text: &str| text.parse().expect("a country");
    fleet.rules = rules([
        to("birch").of_types([of_type("wechat_pay")]),
        to("birch").in_countries([country("CN")]),
        to("birch").in_currencies([Currency::CNY]),
        to("birch").from_amount(eur(500)),
        to("acme"),
    ]);
    let world = fleet.world();
    let order = || CreateIntent::of(eur(100));
    let as_it_is = |confirm| confirm;
    let wechat = |confirm: ConfirmIntent| confirm.with_payment_method_type(of_type("wechat_pay"));
    let card = |confirm: ConfirmIntent| confirm.with_payment_method(method("pm_ok"));
    let german = |confirm: ConfirmIntent| confirm.with_country(country("DE"));
    assert_eq!(way(&world, "a", order(), as_it_is).await, "acme");
    assert_eq!(way(&world, "b", order(), wechat).await, "birch");
    let typed = || order().with_payment_method_type(of_type("wechat_pay"));
    assert_eq!(way(&world, "c", typed(), as_it_is).await, "birch");
    // What was said of one payment method is not true of another.
    assert_eq!(way(&world, "d", typed(), card).await, "acme");
    let chinese = || order().with_country(country("CN"));
    assert_eq!(way(&world, "e", chinese(), card).await, "birch");
    assert_eq!(way(&world, "f", chinese(), german).await, "acme");
    let yuan = CreateIntent::of(Money::new(100, Currency::CNY));
    assert_eq!(way(&world, "g", yuan, as_it_is).await, "birch");
    assert_eq!(
        way(&world, "h", CreateIntent::of(eur(500)), as_it_is).await,
        "birch"
    );
}

#[tokio::test]
async fn what_no_backend_takes_is_refused_before_anything_is_sent() {
    const YUAN: &[Rule] = &[Rule::as_iso("CNY")];
    let only_yuan = able().with_minor_units(MinorUnits::only(YUAN));
    let mut fleet = Fleet::new(able().without_separate_capture(), only_yuan);
    fleet.rules = rules([
        to("birch").in_currencies([Currency::USD]),
        RoutingRule::to(["acme", "birch"].map(name)).in_currencies([Currency::EUR, Currency::CNY]),
    ]);
    let world = fleet.world();
    let refused = |error: PayError| match error {
        PayError::NoRoute(no_route) => no_route.misfits,
        other => panic!("no route, not {other}"),
    };
    // Nobody could, whatever was said when confirming.
    let held = CreateIntent::of(eur(100)).with_manual_capture();
    let created = world
        .payments
        .create_intent(&mei(), held, &idem("held"))
        .await;
    let error = created.expect_err("refused");
    let core = Error::from(error.clone());
    assert_eq!(
        (core.kind(), core.code()),
        (ErrorKind::Unsupported, "no_route")
    );
    let misfits = refused(error);
    assert_eq!(misfits[0], (name("acme"), Misfit::SeparateCapture));
    assert!(
        matches!(misfits[1], (_, Misfit::Uncounted(_))),
        "{misfits:?}"
    );
    // Somebody could, but not by the rules.
    for (currency, count) in [(Currency::USD, 1), (Currency::JPY, 0)] {
        let order =
            CreateIntent::of(Money::new(100, currency)).with_payment_method(method("pm_ok"));
        let created = world
            .payments
            .create_intent(&mei(), order, &idem(currency.code()))
            .await;
        let id = created.expect("creates").id;
        let confirm = ConfirmIntent::of(id);
        let confirmed = world.payments.confirm(&mei(), confirm, &idem("k")).await;
        assert_eq!(refused(confirmed.expect_err("refused")).len(), count);
        let intent = world.intent(id).await;
        assert_eq!(
            (intent.status, intent.attempts),
            (IntentStatus::RequiresConfirmation, 0)
        );
    }
    assert_eq!(fleet.moved().await, NOTHING);
}

#[test]
fn backends_and_rules_that_do_not_fit_are_refused() {
    let fleet = Fleet::new(able(), able());
    let acme = || object(fleet.acme.clone());
    let twice = Backends::new(name("acme"), acme()).with(name("acme"), acme());
    let many = (0..33).fold(Backends::new(name("acme"), acme()), |all, number| {
        all.with(name(&format!("b{number}")), acme())
    });
    for (backends, rule, field) in [
        (fleet.backends(), to("cedar"), "rules"),
        (twice, to("acme"), "backends"),
        (many, to("acme"), "backends"),
    ] {
        let refused = Routing::new(backends, rules([rule])).expect_err("refused");
        assert_eq!(refused.field(), Some(field));
    }
}

#[tokio::test]
async fn a_backend_that_fails_comes_last_until_a_probe_succeeds() {
    let fleet = Fleet::new(Capabilities::neither(), able());
    let options = CircuitOptions::default().with_calls_min(2);
    let routing = Routing::new(fleet.backends(), fleet.rules.clone()).expect("fits");
    let world = fleet.world_on(fleet.store.clone(), routing.with_circuits(options));
    let standing = || world.payments.standings()[&name("acme")];
    let order = || CreateIntent::of(eur(100));
    let as_it_is = |confirm| confirm;
    for key in ["a", "b"] {
        assert_eq!(standing(), Standing::Well);
        fleet.acme.script(Behaviour::Unavailable);
        assert_eq!(way(&world, key, order(), as_it_is).await, "acme");
    }
    assert_eq!(standing(), Standing::Resting);
    assert_eq!(way(&world, "c", order(), as_it_is).await, "birch");
    assert_eq!(world.payments.standings()[&name("birch")], Standing::Well);
    fleet.clock.advance(options.rest);
    assert_eq!(standing(), Standing::Probed);
    fleet.acme.script(Behaviour::Unavailable);
    assert_eq!(way(&world, "d", order(), as_it_is).await, "acme");
    assert_eq!(standing(), Standing::Resting, "the probe has failed");
    fleet.clock.advance(options.rest);
    assert_eq!(way(&world, "e", order(), as_it_is).await, "acme");
    assert_eq!(standing(), Standing::Well);
    // Another process has seen nothing of it, and nothing of it stands in the store.
    assert_eq!(
        fleet.world().payments.standings()[&name("acme")],
        Standing::Well
    );
}

#[tokio::test]
async fn in_json_a_request_may_say_type_and_country_in_their_form_and_no_other() {
    let fleet = Fleet::new(able(), able());
    let world = fleet.world();
    let host = Host::new(&world.engine)
        .with(world.payments.operations())
        .expect("registers");
    let payer = ["pay:read", "pay:write"]
        .into_iter()
        .fold(mei(), |caller, scope| {
            caller.with_scope(mp_core::Scope::of(scope))
        });
    let order = json!({
        "amount": {"amount": 100, "currency": "EUR"},
        "payment_method": "pm_ok",
        "payment_method_type": "card",
        "country": "DE",
        "idempotency_key": "k",
    });
    let intent = host
        .call(&payer, "pay.create_intent", order.clone())
        .await
        .expect("creates");
    assert_eq!(
        (&intent["payment_method_type"], &intent["country"]),
        (&json!("card"), &json!("DE"))
    );
    let confirm = json!({"intent": intent["id"], "idempotency_key": "k", "payment_method_type": "card", "country": "DE"});
    for (operation, good) in [
        ("pay.create_intent", order),
        ("pay.confirm", confirm.clone()),
    ] {
        for (field, wrong) in [
            ("payment_method_type", json!("Card")),
            ("payment_method_type", json!("")),
            ("payment_method_type", json!(7)),
            ("country", json!("Germany")),
            ("country", json!("de")),
            ("country", json!(["DE"])),
        ] {
            let mut input = good.clone();
            input[field] = wrong;
            let refused = host
                .call(&payer, operation, input)
                .await
                .expect_err("refused");
            assert_eq!(
                (refused.kind(), refused.field()),
                (ErrorKind::Invalid, Some(field))
            );
        }
    }
    let paid = host
        .call(&payer, "pay.confirm", confirm)
        .await
        .expect("confirms");
    assert_eq!(paid["status"], "succeeded");
}

#[tokio::test]
async fn one_backend_alone_is_named_by_nothing() {
    let fleet = Fleet::new(able(), able());
    let mut world = fleet.world();
    world.payments = Payments::new(&world.engine, object(fleet.acme.clone()));
    assert_eq!(
        way(&world, "a", CreateIntent::of(eur(100)), |it| it).await,
        "none"
    );
    assert!(world.payments.standings().is_empty());
}

/// The port that other capabilities have money secured by.
mod settlement {
    use std::{sync::Arc, time::Duration};

    use mp_core::port::{Declined, SecureRequest, Secured, Settled, Settlement, SettlementStatus};
    use mp_pay::{PaymentsSettlement, method::PaymentMethod};

    use super::{super::processing_error, *};

    fn request(world: &World, key: &str, amount: Money) -> SecureRequest {
        SecureRequest {
            key: key.parse().expect("a key"),
            app: app(),
            payer: "mei".parse().expect("a user"),
            amount,
            deadline: world.engine.now().plus(Duration::from_secs(600)),
        }
    }

    fn port(world: &World, method: impl Into<PaymentMethod>) -> PaymentsSettlement {
        PaymentsSettlement::new(&world.payments, Arc::new(FixedMethods::everybody(method)))
    }

    #[tokio::test]
    async fn money_is_secured_settled_and_released_where_it_went() {
        let mut fleet = Fleet::new(able().without_separate_capture(), able());
        let card = "card".parse().expect("a type");
        fleet.rules = rules([to("birch").of_types([card]), to("acme")]);
        let world = fleet.world();
        let typed = PaymentMethod::from(method("pm_ok")).of_type("card".parse().expect("a type"));
        let (held, taken) = (port(&world, typed), port(&world, method("pm_ok")));
        for (port, key, moved) in [
            (&held, "held", [vec![], vec![]]),
            (&taken, "taken", [vec![100], vec![]]),
        ] {
            let seat = request(&world, key, eur(100));
            assert_eq!(port.secure(&seat).await.expect("secures"), Secured::Secured);
            assert_eq!(fleet.moved().await, moved, "{key}");
        }
        let settled = held.settle(&app(), &"held".parse().expect("a key")).await;
        assert_eq!(settled.expect("settles"), Settled::Settled);
        let key = "taken".parse().expect("a key");
        taken.release(&app(), &key).await.expect("releases");
        assert_eq!(
            taken.status(&app(), &key).await.expect("tells"),
            SettlementStatus::Released
        );
        assert_eq!(fleet.moved().await, [vec![100, -100], vec![100]]);
    }

    #[tokio::test]
    async fn a_decline_is_final_once_nothing_else_is_to_be_tried() {
        let fleet = Fleet::new(able(), able());
        let world = fleet.world();
        let port = port(&world, method("pm_ok"));
        fleet.acme.script(processing_error());
        let seat = request(&world, "seat", eur(100));
        assert_eq!(port.secure(&seat).await.expect("secures"), Secured::Secured);
        fleet.acme.script(processing_error());
        fleet.birch.script(processing_error());
        let other = request(&world, "other", eur(100));
        let code = "processing_error".to_owned();
        let declined = Secured::Declined(Declined { code });
        assert_eq!(port.secure(&other).await.expect("answers"), declined);
        assert_eq!(port.secure(&other).await.expect("answers"), declined);
        assert_eq!(fleet.moved().await, NOTHING);
    }

    #[tokio::test]
    async fn what_no_backend_takes_is_declined() {
        let mut fleet = Fleet::new(able(), able());
        fleet.rules = rules([to("acme").in_currencies([Currency::EUR])]);
        let world = fleet.world();
        let port = port(&world, method("pm_ok"));
        let seat = request(&world, "seat", Money::new(100, Currency::USD));
        let declined = Secured::Declined(Declined {
            code: "no_route".to_owned(),
        });
        assert_eq!(port.secure(&seat).await.expect("answers"), declined);
        let key = "seat".parse().expect("a key");
        assert_eq!(
            port.status(&app(), &key).await.expect("tells"),
            SettlementStatus::Declined
        );
    }
}
