use mp_pay::conformance::Provider;

use super::*;

#[test]
fn it_all_stands_on_one_page() {
    assert!(include_str!("../custom_backend.rs").lines().count() < 150);
}

#[tokio::test]
async fn a_wrong_password_declines_nothing_and_tells_nothing_of_what_was_paid() {
    let desk = Desk::with_voucher("voucher-1", 100_000);
    let key = |text: &str| text.parse::<OperationKey>().expect("a key");
    let paid = key("pi_01HF7YAT000000000000000000-c1");
    let pay = || Request::Pay {
        voucher: "voucher-1".to_owned(),
        cents: 12_50,
    };
    let known = VoucherBackend(desk.line(PASSWORD));
    let settled = known.order(&paid, pay()).await.expect("pays");
    let request = LookupRequest::of("market".parse().expect("an app"), paid);
    let found = known.lookup(&request).await.expect("looks");
    assert_eq!(found, Lookup::Found(settled));

    let unknown = VoucherBackend(desk.line("changed"));
    let found = unknown.lookup(&request).await.expect("looks");
    assert_eq!(found, Lookup::CannotTell);
    let other = key("pi_01HF7YAT000000000000000001-c1");
    let refused = unknown
        .order(&other, pay())
        .await
        .expect_err("is not taken");
    assert_eq!(refused.kind(), BackendErrorKind::Unavailable);
    let taken = desk.taken(Currency::EUR).await;
    assert_eq!(taken, Some(Money::new(12_50, Currency::EUR)));
}
