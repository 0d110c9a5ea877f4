//! For every invariant some tampering, by plain SQL, with an evening that passes: each check bites.

mod copy;

use self::copy::{Copy, delete, entry_with, insert, remove, set, set_at};
use super::invariant::Invariant::{self, *};

/// Asserts that the audit names the invariant, in a sentence that names a partition of the kind.
fn assert_named(invariant: Invariant, kind: &str, statement: &str) {
    let verdict = Copy::tampered(&[statement]).verdict();
    let findings = verdict.findings();
    assert!(!verdict.invariants()[&invariant], "{findings:?}");
    let names =
        |finding: &&str| finding.starts_with(&format!("{invariant}: temple-street/{kind}/"));
    assert!(findings.iter().any(names), "{findings:?}");
}

#[test]
fn an_untouched_evening_passes() {
    let verdict = Copy::tampered(&[]).verdict();
    assert!(verdict.holds(), "{:?}", verdict.findings());
    assert!(verdict.findings().is_empty());
    assert_eq!(verdict.counts.visitors, copy::VISITORS);
}

#[test]
fn money_in_equals_money_out() {
    let moved = "json_array_length(value, '$.movements') = 1";
    let cent_more = "json_extract(value, '$.movements[0].amount.amount') + 1";
    let booked = set(
        "sandbox",
        "o/*",
        moved,
        "$.movements[0].amount.amount",
        cent_more,
    );
    assert_named(MoneyInEqualsMoneyOut, "pay", &booked);
    assert_named(MoneyInEqualsMoneyOut, "sandbox", &booked);

    let received = "json_extract(value, '$.state.intent.amount_received.amount')";
    let taken = format!("{received} > 0");
    let said = set(
        "pay",
        "",
        &taken,
        "$.state.intent.amount_received.amount",
        &format!("{received} + 1"),
    );
    assert_named(MoneyInEqualsMoneyOut, "pay", &said);

    let settled = entry_with("$.journal", "$.event.outcome.outcome", "settled");
    assert_named(MoneyInEqualsMoneyOut, "pay", &remove("pay", "", &settled));
    assert_named(
        MoneyInEqualsMoneyOut,
        "pay",
        &delete("sandbox", "o/*", moved),
    );
}

#[test]
fn refunded_le_captured() {
    let taken = "json_extract(value, '$.state.intent.amount_received.amount') > 0";
    let more = "json_extract(value, '$.state.intent.amount_received.amount') + 1";
    let said = set(
        "pay",
        "",
        taken,
        "$.state.intent.amount_refunded.amount",
        more,
    );
    assert_named(RefundedLeCaptured, "pay", &said);

    let back = "json_extract(value, '$.movements[0].amount.amount') < 0";
    let tenfold = "json_extract(value, '$.movements[0].amount.amount') * 10";
    let booked = set(
        "sandbox",
        "o/*",
        back,
        "$.movements[0].amount.amount",
        tenfold,
    );
    assert_named(RefundedLeCaptured, "sandbox", &booked);

    let asked = entry_with("$.journal", "$.event.type", "refund_asked");
    let amount = format!("{asked} || '.event.amount.amount'");
    let tenfold = format!("json_extract(value, {amount}) * 10");
    assert_named(
        RefundedLeCaptured,
        "pay",
        &set_at("pay", "", &amount, &tenfold),
    );
}

#[test]
fn a_journal_is_read_from_its_pages_too() {
    let settled = |list| entry_with(list, "$.event.outcome.outcome", "settled");
    let takes = format!("{} IS NOT NULL", settled("$.journal"));
    let page = "json_object('entries', json_extract(value, '$.journal'))";
    let paged = insert("pay", "", &takes, "partition", "'j/000001'", page);
    let cut = set("pay", "", &takes, "$.journal", "json('[]')");
    assert!(Copy::tampered(&[&paged, &cut]).verdict().holds());

    let lost = remove("pay", "j/*", &settled("$.entries"));
    for tampered in [&[&*paged, &*cut, &*lost][..], &[&*cut]] {
        let verdict = Copy::tampered(tampered).verdict();
        let found = verdict.findings();
        assert!(!verdict.invariants()[&MoneyInEqualsMoneyOut], "{found:?}");
    }
}

/// A user's record whose member has a seat for good.
const SEATED: &str = "EXISTS (SELECT 1 FROM json_each(entry.value, '$.members') AS member
    WHERE json_extract(member.value, '$.state') = 'confirmed')";

/// Writes the members of such a record with another state.
fn members(state: &str) -> String {
    let members = "json_extract(value, '$.members')";
    format!(r#"json(replace({members}, '"state":"confirmed"', '"state":"{state}"'))"#)
}

#[test]
fn no_group_over_full() {
    let other = "json_set(value, '$.user', 'somebody')";
    let one_more = insert("group", "m/*", SEATED, "partition", "'m/somebody'", other);
    assert_named(NoGroupOverFull, "group", &one_more);

    let filled = "json_extract(value, '$.state') = 'filled'";
    let smaller = set("group", "", filled, "$.group_size", "2");
    assert_named(NoGroupOverFull, "group", &smaller);
}

#[test]
fn no_payer_without_seat_or_refund() {
    let put_out = set("group", "m/*", SEATED, "$.members", &members("released"));
    assert_named(NoPayerWithoutSeatOrRefund, "group", &put_out);

    let of_group = "json_extract(value, '$.standing') = 'confirmed'";
    let lost = delete("group", "s/*", of_group);
    assert_named(NoPayerWithoutSeatOrRefund, "group", &lost);
    assert_named(NoPayerWithoutSeatOrRefund, "pay", &lost);
    let waits = set("group", "m/*", SEATED, "$.members", &members("reserved"));
    assert_named(NoPayerWithoutSeatOrRefund, "group", &waits);
}

#[test]
fn who_was_let_go_of_before_a_plan_was_made_is_settled_without_one() {
    let let_go = "json_extract(value, '$.standing') = 'released'";
    let verdict = Copy::tampered(&[&delete("group", "s/*", let_go)]).verdict();
    assert!(verdict.holds(), "{:?}", verdict.findings());
}

#[test]
fn stock_never_negative() {
    let sold = "json_extract(value, '$.stock.quotas.stock.confirmed') > 0";
    let confirmed = "$.stock.quotas.stock.confirmed";
    let oversold = set("offer", "", sold, confirmed, "60001");
    assert_named(StockNeverNegative, "offer", &oversold);

    let bought = "json_extract(value, '$.reservation.state') = 'confirmed'";
    let lost = delete("offer", "c/*", bought);
    assert_named(StockNeverNegative, "offer", &lost);
    assert_named(StockNeverNegative, "group", &lost);

    let reservation = "json_set(json_extract(value, '$.reservation'), '$.state', 'reserved')";
    let held = insert(
        "offer",
        "c/*",
        bought,
        "partition",
        "'r/of.gb.1.0'",
        reservation,
    );
    assert_named(StockNeverNegative, "offer", &held);
    let owned = set("offer", "u/*", "TRUE", "$.quantity", "4");
    assert_named(StockNeverNegative, "offer", &owned);
}

#[test]
fn tickets_served_in_order() {
    let first = "json_extract(value, '$.sequence') = 1 AND json_extract(value, '$.calls') = 1";
    let overtaken = set(
        "line",
        "d/*",
        first,
        "$.called_at",
        "'2026-11-22T00:00:00.000000Z'",
    );
    assert_named(TicketsServedInOrder, "line", &overtaken);
    assert_named(TicketsServedInOrder, "line", &delete("line", "d/*", "TRUE"));
    let waits = set("line", "d/*", "TRUE", "$.state", "'waiting'");
    assert_named(TicketsServedInOrder, "line", &waits);
}

#[test]
fn passes_sum() {
    let points = "json_extract(value, '$.points')";
    let more = set("pass", "", "TRUE", "$.points", &format!("{points} + 1"));
    assert_named(PassesSum, "pass", &more);
    assert_named(PassesSum, "pass", &delete("pass", "e/*", "TRUE"));
    let negative = set("pass", "e/*", "TRUE", "$.changes[0].amount", "-1000");
    assert_named(PassesSum, "pass", &negative);
}

#[test]
fn every_effect_once_with_the_provider() {
    let moved = "json_array_length(value, '$.movements') = 1";
    let again = "json_extract(value, '$.movements[0]')";
    let twice = set(
        "sandbox",
        "o/*",
        moved,
        "$.movements[#]",
        &format!("json({again})"),
    );
    assert_named(EveryEffectOnce, "sandbox", &twice);
    let called = set("sandbox", "o/*", moved, "$.calls", "9");
    assert_named(EveryEffectOnce, "sandbox", &called);
    let unplanned = "'o/pi_00000000000000000000000000-c1'";
    let unplanned = insert("sandbox", "o/*", moved, "partition", unplanned, "value");
    assert_named(EveryEffectOnce, "sandbox", &unplanned);
    let held = set("sandbox", "c/*", "TRUE", "$.held.amount", "1");
    assert_named(EveryEffectOnce, "sandbox", &held);
    let charge = "$.state.attempts.1.charge.stage";
    let charged = format!("json_extract(value, '{charge}') IS NOT NULL");
    let open = set("pay", "", &charged, charge, "'unknown'");
    assert_named(EveryEffectOnce, "pay", &open);
}

#[test]
fn every_effect_once_with_orders_plans_and_visits() {
    let fulfilled = "json_extract(value, '$.state') = 'fulfilled'";
    let unpaid = set("order", "", fulfilled, "$.state", "'canceled'");
    assert_named(EveryEffectOnce, "order", &unpaid);
    let dearer = set("order", "", fulfilled, "$.lines[0].count", "9");
    assert_named(EveryEffectOnce, "order", &dearer);
    let returned = set("order", "", fulfilled, "$.state", "'returned'");
    assert_named(EveryEffectOnce, "order", &returned);
    let moving = set("group", "s/*", "TRUE", "$.standing", "'releasing'");
    assert_named(EveryEffectOnce, "group", &moving);
    let nothing = "json_set(value, '$.operations', 0, '$.locates', 0, '$.links_verified', 0)";
    let later = "'temple-street/tick/70.0'";
    let again = insert("tick", "d/v*", "TRUE", later, "key", nothing);
    assert_named(EveryEffectOnce, "tick", &again);
    assert_named(EveryEffectOnce, "tick", &delete("tick", "d/v*", "TRUE"));
}

#[test]
fn every_effect_once_leaves_no_work_that_was_due() {
    let message = copy::work("~o/pay.operation/x", "0");
    assert_named(EveryEffectOnce, "pay", &message);
    let due = copy::work("~t/queue.no_show/x", "0");
    assert_named(EveryEffectOnce, "pay", &due);
    let later = copy::work("~t/queue.no_show/x", "4102444800000000");
    assert!(Copy::tampered(&[&later]).verdict().holds());
}

#[test]
fn no_dead_letters() {
    let dead = copy::work("~o/pay.operation/x", "NULL");
    assert_named(NoDeadLetters, "pay", &dead);
}

#[test]
fn an_unfinished_evening_is_told_to_be_run_to_its_end_and_blamed_for_nothing() {
    let unfinished = set("evening", "", "TRUE", "$.over", "json('false')");
    let oversold = set(
        "offer",
        "",
        "TRUE",
        "$.stock.quotas.stock.confirmed",
        "60001",
    );
    let (passed, said) = Copy::tampered(&[&unfinished, &oversold]).audit();
    assert!(!passed);
    assert_eq!(said["over"], false);
    let sentence = said["unfinished"].as_str().expect("a sentence");
    assert!(
        sentence.contains("run it to its end with --visitors"),
        "{sentence}"
    );
    assert!(said.get("invariants").is_none() && said.get("findings").is_none());
}

#[test]
fn json_is_one_object_with_every_invariant_by_its_name_and_at_most_twenty_findings() {
    let all = "UPDATE entry SET value = json_set(value, '$.points', -1)
        WHERE partition GLOB '*/pass/*' AND key = ''";
    let (passed, said) = Copy::tampered(&[all]).audit();
    assert!(!passed);
    for invariant in Invariant::ALL {
        let holds = invariant != PassesSum;
        assert_eq!(said["invariants"][invariant.name()], holds, "{invariant}");
    }
    assert_eq!(
        said["invariants"].as_object().map(serde_json::Map::len),
        Some(9)
    );
    assert_eq!(said["findings"].as_array().map(Vec::len), Some(20));
    assert!(said["counts"]["captured"].as_i64() > Some(0));
}

#[test]
fn a_file_that_holds_no_evening_is_refused() {
    let nobody = delete("evening", "", "TRUE");
    assert!(
        Copy::tampered(&[&nobody])
            .refusal()
            .contains("holds no evening")
    );
    let nothing = super::Source::File("/nowhere/at/all".into());
    assert!(super::show(&nothing, true).is_err());
}
