"""Drives the sandbox with Stripe's own client: drive.py URL."""

import sys
import threading

import stripe

client = stripe.StripeClient("sk_test_12345", base_addresses={"api": sys.argv[1]})
intents, refunds = client.v1.payment_intents, client.v1.refunds


def order(key=None, amount=1000, **params):
    options = {"idempotency_key": key} if key else {}
    params = {"amount": amount, "currency": "eur", **params}
    return intents.create(params=params, options=options)


def refused(error, call):
    """Returns the error that the call must raise."""
    try:
        done = call()
    except error as raised:
        return raised
    raise AssertionError(f"no {error.__name__}, but {done}")


def an_intent_is_created_confirmed_and_retrieved():
    intent = order(customer="cus_mei", description="Noodles",
                   automatic_payment_methods={"enabled": True, "allow_redirects": "never"})
    assert intent.object == "payment_intent" and intent.id.startswith("pi_"), intent
    assert intent.status == "requires_payment_method", intent
    assert (intent.amount, intent.currency, intent.customer) == (1000, "eur", "cus_mei"), intent
    paid = intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded" and paid.amount_received == 1000, paid
    assert intents.retrieve(intent.id) == paid
    assert order(confirm=True, payment_method="pm_card_visa").status == "succeeded"


def a_part_is_captured_and_the_rest_let_go():
    held = order(capture_method="manual", confirm=True, payment_method="pm_card_visa")
    assert held.status == "requires_capture" and held.amount_capturable == 1000, held
    too_much = refused(stripe.InvalidRequestError,
                       lambda: intents.capture(held.id, params={"amount_to_capture": 1001}))
    assert too_much.code == "amount_too_large", too_much
    taken = intents.capture(held.id, params={"amount_to_capture": 600})
    assert taken.status == "succeeded", taken
    assert (taken.amount_received, taken.amount_capturable) == (600, 0), taken
    again = refused(stripe.InvalidRequestError, lambda: intents.capture(held.id))
    assert again.http_status == 400, again
    assert again.code == "payment_intent_unexpected_state", again
    assert again.error.payment_intent.id == held.id, again


def a_hold_is_raised_captured_twice_and_another_canceled():
    held = order(capture_method="manual", confirm=True, payment_method="pm_card_visa")
    raised = intents.increment_authorization(held.id, params={"amount": 1500})
    assert (raised.amount, raised.amount_capturable) == (1500, 1500), raised
    part = intents.capture(held.id, params={"amount_to_capture": 500, "final_capture": False})
    assert (part.status, part.amount_capturable) == ("requires_capture", 1000), part
    whole = intents.capture(held.id)
    assert (whole.status, whole.amount_received) == ("succeeded", 1500), whole
    other = order(capture_method="manual", confirm=True, payment_method="pm_card_visa")
    canceled = intents.cancel(other.id, params={"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0), canceled
    assert canceled.cancellation_reason == "abandoned" and canceled.canceled_at, canceled


def refunds_never_exceed_what_was_taken():
    paid = order(confirm=True, payment_method="pm_card_visa")
    part = refunds.create(params={"payment_intent": paid.id, "amount": 300,
                                  "reason": "requested_by_customer"})
    assert (part.object, part.status, part.amount) == ("refund", "succeeded", 300), part
    assert refunds.retrieve(part.id) == part
    refused(stripe.InvalidRequestError,
            lambda: refunds.create(params={"payment_intent": paid.id, "amount": 701}))
    rest = refunds.create(params={"charge": paid.latest_charge})
    assert rest.amount == 700, rest
    nothing_left = refused(stripe.InvalidRequestError,
                           lambda: refunds.create(params={"payment_intent": paid.id}))
    assert nothing_left.code == "charge_already_refunded", nothing_left


def refunds_at_once_never_exceed_what_was_taken():
    paid = order(amount=100, confirm=True, payment_method="pm_card_visa")
    given = []

    def refund():
        try:
            given.append(refunds.create(params={"payment_intent": paid.id, "amount": 60}))
        except stripe.InvalidRequestError:
            pass

    threads = [threading.Thread(target=refund) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 1, given


def a_decline_is_a_card_error_and_leaves_the_intent_to_be_paid():
    declined = refused(stripe.CardError,
                       lambda: order(confirm=True, payment_method="pm_card_chargeDeclined"))
    assert declined.http_status == 402 and declined.code == "card_declined", declined
    assert declined.error.decline_code == "generic_decline", declined
    intent = declined.error.payment_intent
    assert intent.status == "requires_payment_method", intent
    assert intent.last_payment_error.code == "card_declined", intent
    poor = "pm_card_visa_chargeDeclinedInsufficientFunds"
    declined = refused(stripe.CardError,
                       lambda: intents.confirm(intent.id, params={"payment_method": poor}))
    assert declined.error.decline_code == "insufficient_funds", declined
    paid = intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded" and paid.last_payment_error is None, paid


def a_card_with_3_d_secure_waits_for_its_payer():
    intent = order(confirm=True, payment_method="pm_card_threeDSecure2Required",
                   return_url="https://example.com/back")
    assert intent.status == "requires_action", intent
    assert intent.next_action.type == "redirect_to_url", intent
    assert intent.next_action.redirect_to_url.url.startswith("https://"), intent


def a_key_is_answered_as_the_first_time():
    paying = {"confirm": True, "payment_method": "pm_card_visa"}
    first = order("order-17", **paying)
    again = order("order-17", **paying)
    assert first == again and first.last_response.body == again.last_response.body
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    refunds.create(params={"payment_intent": first.id})
    assert order("order-17", **paying) == first, "also once the intent has moved on"
    for _ in range(2):
        declined = refused(stripe.CardError, lambda: order(
            "order-18", confirm=True, payment_method="pm_card_chargeDeclined"))
    assert declined.headers["idempotent-replayed"] == "true", "a decline is an answer too"


def a_key_is_of_one_request():
    order("order-19")
    other = refused(stripe.IdempotencyError, lambda: order("order-19", amount=1001))
    assert other.http_status == 400 and other.error.type == "idempotency_error", other
    intent = order()
    refused(stripe.IdempotencyError,
            lambda: intents.cancel(intent.id, options={"idempotency_key": "order-19"}))
    refused(stripe.InvalidRequestError, lambda: order("order-20", amount=0))
    assert order("order-20").id, "what is malformed does not use up its key"


def what_is_wrong_is_told_in_stripes_words():
    missing = refused(stripe.InvalidRequestError,
                      lambda: intents.create(params={"currency": "eur"}))
    assert (missing.code, missing.param) == ("parameter_missing", "amount"), missing
    unknown = refused(stripe.InvalidRequestError, lambda: order(metadata={"order": "17"}))
    assert (unknown.code, unknown.param) == ("parameter_unknown", "metadata[order]"), unknown
    nowhere = refused(stripe.InvalidRequestError, lambda: intents.retrieve("pi_none"))
    assert (nowhere.http_status, nowhere.code) == (404, "resource_missing"), nowhere
    nowhere = refused(stripe.InvalidRequestError, lambda: refunds.retrieve("re_none"))
    assert (nowhere.http_status, nowhere.code) == (404, "resource_missing"), nowhere
    live = stripe.StripeClient("sk_live_12345", base_addresses={"api": sys.argv[1]})
    refused(stripe.AuthenticationError, lambda: live.v1.payment_intents.retrieve("pi_none"))
    refused(stripe.InvalidRequestError, lambda: client.v1.customers.list())


def amounts_are_counted_as_stripe_does():
    yen = order(amount=500, currency="jpy", confirm=True, payment_method="pm_card_visa")
    assert (yen.amount_received, yen.currency) == (500, "jpy"), yen
    kronur = refused(stripe.InvalidRequestError, lambda: order(amount=550, currency="isk"))
    assert kronur.param == "amount", kronur
    assert order(amount=500, currency="isk").amount == 500


for check in [
    an_intent_is_created_confirmed_and_retrieved,
    a_part_is_captured_and_the_rest_let_go,
    a_hold_is_raised_captured_twice_and_another_canceled,
    refunds_never_exceed_what_was_taken,
    refunds_at_once_never_exceed_what_was_taken,
    a_decline_is_a_card_error_and_leaves_the_intent_to_be_paid,
    a_card_with_3_d_secure_waits_for_its_payer,
    a_key_is_answered_as_the_first_time,
    a_key_is_of_one_request,
    what_is_wrong_is_told_in_stripes_words,
    amounts_are_counted_as_stripe_does,
]:
    check()
    print(f"ok: {check.__name__}")
