"""The PayPal adapter against the peer, over HTTP: every call, and what each answer becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateways.contract import (
    VANISHED,
    AnswerNotUnderstood,
    Captures,
    Converted,
    CustomerFound,
    CustomerOrder,
    PaymentState,
    PaysOut,
    RefundOrder,
    RefundState,
    Rejected,
    TakesCards,
    Unknown,
)
from kernel.ids import new_id
from kernel.money import Money


def usd(amount):
    return Money.parse(amount, "USD")


def order_of(peer, payment):
    return peer.state()["objects"][payment.gateway_id]


def test_the_app_is_told_how_to_speak_to_paypal(paypal, paypal_connected, paypal_peer):
    known = {"client_id": paypal_peer.credentials["client_id"]}
    assert paypal.client_settings() == known | {"environment": "sandbox"}
    assert (paypal.name, paypal.livemode) == ("paypal", False)
    live = paypal_connected(api_base=None)
    assert live.client_settings() == known | {"environment": "live"}
    assert live.livemode
    assert not paypal_connected(api_base="https://api-m.sandbox.paypal.com").livemode


def test_it_captures_and_pays_out_and_takes_no_cards(paypal):
    assert isinstance(paypal, Captures)
    assert not isinstance(paypal, TakesCards)
    assert all(hasattr(paypal, name) for name in vars(PaysOut) if not name.startswith("_"))


def test_names_of_people_are_read_as_they_are_written(paypal, paypal_peer, paypal_payment):
    paypal_peer.change(paypal_payment.gateway_id, payer={"name": {"surname": "Łukasz 山田"}})
    assert paypal.payment(paypal_payment.gateway_id) == paypal_payment


def test_a_client_is_known_by_a_form_of_our_own_id_and_paypal_is_not_asked(paypal, paypal_peer):
    order = CustomerOrder(new_id("cu"), new_id("us"), "client@example.com")
    found = paypal.create_customer(order)
    assert isinstance(found, CustomerFound)
    assert len(found.gateway_id) == 22
    assert paypal.create_customer(order) == found == paypal.find_customer(order)
    assert paypal.create_customer(replace(order, customer_id=new_id("cu"))) != found
    assert paypal_peer.journal() == []


def test_a_payment_begins_with_a_page_for_its_payer(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    assert (made.state, made.amount, made.charge) == (PaymentState.NEEDS_ACTION, usd("100.00"), None)
    assert (made.payment_id, made.livemode) == (paypal_order.payment_id, False)
    assert made.client_secret == f"{paypal_peer.api_base}/hosted/checkoutnow?token={made.gateway_id}"
    assert paypal.create_payment(paypal_order) == made == paypal.payment(made.gateway_id)


def test_our_ids_go_with_the_order(paypal, paypal_peer, paypal_order):
    unit = order_of(paypal_peer, paypal.create_payment(paypal_order))["purchase_units"][0]
    assert (unit["custom_id"], unit["invoice_id"]) == (paypal_order.payment_id, paypal_order.payment_id)
    assert (unit["reference_id"], unit["description"]) == (paypal_order.milestone_id, "A logo")


def test_the_payer_is_sent_back_to_where_the_app_says(paypal_connected, paypal_peer, paypal_order):
    paypal = paypal_connected(return_url="https://example.com/back", cancel_url="https://example.com/no")
    order = order_of(paypal_peer, paypal.create_payment(replace(paypal_order, description="x" * 300)))
    assert order["_wallet"]["experience_context"] == {
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
        "return_url": "https://example.com/back",
        "cancel_url": "https://example.com/no",
    }
    assert order["purchase_units"][0]["description"] == "x" * 127


def test_the_money_comes_when_it_is_asked_for(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.approve(made.gateway_id)
    agreed = paypal.payment(made.gateway_id)
    assert (agreed.state, agreed.charge) == (PaymentState.APPROVED, None)
    assert paypal.balance("USD").available == usd("0.00")
    paid = paypal.capture_payment(made.gateway_id, key="py_1.capture")
    assert paid.state is PaymentState.SUCCEEDED
    assert (paid.charge.amount, paid.charge.fee, paid.charge.settled) == (usd("100.00"), usd("3.98"), True)
    assert paid.charge.gateway_id == paid.charge.balance_transaction
    assert (paid.charge.card_brand, paid.charge.card_last4, paid.client_secret) == (None, None, None)
    now = datetime.fromtimestamp(paypal_peer.now(), UTC)
    assert abs(paid.charge.available_on - now) < timedelta(minutes=1)
    assert paypal.payment(made.gateway_id) == paid


@pytest.mark.parametrize("key", ["py_1.capture", "py_1.capture.2"])
def test_a_payment_is_collected_once_under_the_same_key_and_under_another(
    paypal, paypal_payment, paypal_peer, key
):
    for _ in range(2):
        assert paypal.capture_payment(paypal_payment.gateway_id, key=key) == paypal_payment
    assert paypal.balance("USD").available == usd("96.02")


def test_what_was_collected_before_and_cannot_be_looked_at_now_is_unknown(
    paypal, paypal_peer, paypal_payment
):
    paypal_peer.fault("status", status=429, retry_after=9, method="GET", path="/v2/checkout/orders/.*")
    assert isinstance(paypal.capture_payment(paypal_payment.gateway_id, key="another"), Unknown)


def test_what_the_payer_has_not_agreed_to_is_not_collected(paypal, paypal_order):
    made = paypal.create_payment(paypal_order)
    refused = paypal.capture_payment(made.gateway_id, key="py_1.capture")
    assert (refused.code, refused.temporary) == ("ORDER_NOT_APPROVED", True)
    assert paypal.balance("USD").available == usd("0.00")


def test_a_payer_who_was_declined_chooses_again(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.approve(made.gateway_id, instrument="declined")
    declined = paypal.capture_payment(made.gateway_id, key="py_1.capture")
    assert (declined.code, declined.temporary) == ("INSTRUMENT_DECLINED", False)
    assert declined.message == "PayPal declined this way of paying. Choose another one there."
    # PayPal still calls it approved, and the way back to its page is there.
    waiting = paypal.payment(made.gateway_id)
    assert (waiting.state, waiting.client_secret) == (PaymentState.APPROVED, made.client_secret)
    paypal_peer.approve(made.gateway_id)
    paid = paypal.capture_payment(made.gateway_id, key="py_1.capture.2")
    assert (paid.state, paid.client_secret) == (PaymentState.SUCCEEDED, None)


def test_an_echeck_is_on_its_way_and_then_there(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.approve(made.gateway_id, instrument="echeck")
    waiting = paypal.capture_payment(made.gateway_id, key="py_1.capture")
    assert (waiting.state, waiting.charge, waiting.client_secret) == (PaymentState.PROCESSING, None, None)
    assert paypal.cancel_payment(made.gateway_id) == waiting
    (capture,) = [each for each in paypal_peer.state()["objects"].values() if each["object"] == "capture"]
    paypal_peer.complete_capture(capture["id"])
    paid = paypal.payment(made.gateway_id)
    assert (paid.state, paid.charge.gateway_id) == (PaymentState.SUCCEEDED, capture["id"])


def test_an_echeck_that_does_not_arrive_ends_the_payment(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.approve(made.gateway_id, instrument="denied")
    over = paypal.capture_payment(made.gateway_id, key="py_1.capture")
    assert (over.state, over.decline_code, over.charge) == (PaymentState.CANCELED, "DECLINED", None)
    assert over.decline_message == "PayPal refused this payment. Choose another way of paying."


def test_a_payment_cannot_be_found_by_its_order_and_is_not_begun_twice(paypal, paypal_order):
    made = paypal.create_payment(paypal_order)
    assert paypal.find_payment(paypal_order) is None
    assert paypal.create_payment(paypal_order) == made


def test_a_second_attempt_is_an_order_of_its_own_and_only_one_of_them_is_paid(
    paypal, paypal_peer, paypal_order
):
    first, second = (paypal.create_payment(replace(paypal_order, attempt=each)) for each in (1, 2))
    assert (second.gateway_id != first.gateway_id, second.payment_id) == (True, first.payment_id)
    for each in (first, second):
        paypal_peer.approve(each.gateway_id)
    assert paypal.capture_payment(second.gateway_id, key="c2").state is PaymentState.SUCCEEDED
    refused = paypal.capture_payment(first.gateway_id, key="c1")
    assert (refused.code, refused.temporary) == ("DUPLICATE_INVOICE_ID", False)
    assert paypal.balance("USD").available == usd("96.02")


@pytest.mark.parametrize("agreed", [True, False])
def test_an_unpaid_payment_is_cancelled_by_us_alone(paypal, paypal_peer, paypal_order, agreed):
    made = paypal.create_payment(paypal_order)
    if agreed:
        paypal_peer.approve(made.gateway_id)
    cancelled = paypal.cancel_payment(made.gateway_id)
    assert (cancelled.state, cancelled.client_secret) == (PaymentState.CANCELED, None)
    assert paypal.cancel_payment(made.gateway_id) == cancelled


def test_a_paid_payment_stays_as_it_is(paypal, paypal_payment):
    assert paypal.cancel_payment(paypal_payment.gateway_id) == paypal_payment


def test_an_order_that_paypal_calls_void_is_over(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.change(made.gateway_id, status="VOIDED")
    over = paypal.payment(made.gateway_id)
    assert (over.state, over.client_secret) == (PaymentState.CANCELED, None)


def test_an_order_nobody_approves_in_time_is_one_that_paypal_does_not_have(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(paypal_order)
    paypal_peer.advance(4 * 3_600)
    for outcome in (
        paypal.payment(made.gateway_id),
        paypal.cancel_payment(made.gateway_id),
        paypal.capture_payment(made.gateway_id, key="py_1.capture"),
    ):
        assert outcome == VANISHED


def test_the_payers_account_is_kept_while_paying(paypal, paypal_peer, paypal_order):
    customer = paypal.create_customer(CustomerOrder(new_id("cu"), new_id("us"), "a@example.com")).gateway_id
    order = replace(paypal_order, save_card=True, customer=customer)
    made = paypal.create_payment(order)
    assert not made.saves_card
    paypal_peer.approve(made.gateway_id)
    assert paypal.capture_payment(made.gateway_id, key="c").saves_card
    (token,) = [each for each in paypal_peer.state()["objects"].values() if each["object"] == "payment_token"]
    assert token["customer"]["id"] == customer


def test_held_money_is_given_back_once(paypal, paypal_payment):
    order = RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("40.00"))
    assert paypal.find_refund(order) is None
    refund = paypal.create_refund(order)
    assert (refund.amount, refund.refund_id, refund.state) == (
        usd("40.00"),
        order.refund_id,
        RefundState.SUCCEEDED,
    )
    assert paypal.create_refund(order) == refund == paypal.find_refund(order)
    assert paypal.refund(refund.gateway_id) == refund
    assert paypal.find_refund(replace(order, refund_id=new_id("rf"))) is None
    assert paypal.balance("USD").available == usd("56.02")
    assert paypal.payment(paypal_payment.gateway_id) == paypal_payment


def test_what_somebody_named_at_paypal_by_hand_is_nothing_of_ours(paypal, paypal_peer, paypal_payment):
    refund = paypal.create_refund(RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("1.00")))
    paypal_peer.change(refund.gateway_id, custom_id=paypal_payment.payment_id)
    assert paypal.refund(refund.gateway_id).refund_id is None


def test_more_than_was_paid_is_not_given_back(paypal, paypal_payment):
    refused = paypal.create_refund(RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("100.01")))
    assert (refused.code, refused.temporary) == ("REFUND_AMOUNT_EXCEEDED", False)
    assert paypal.balance("USD").available == usd("96.02")


def test_what_is_not_there_is_given_back_later(paypal, paypal_payment):
    # PayPal keeps its fee, so the whole of one payment is more than what came of it.
    refused = paypal.create_refund(RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("100.00")))
    assert (refused.code, refused.temporary) == ("REFUND_FAILED_INSUFFICIENT_FUNDS", True)
    assert refused.message == "The payment provider has not released the money yet."


def test_what_was_never_paid_cannot_be_given_back(paypal, paypal_order):
    made = paypal.create_payment(paypal_order)
    refused = paypal.create_refund(RefundOrder(new_id("rf"), made.gateway_id, usd("1.00")))
    assert (refused.code, refused.temporary) == ("NOT_CAPTURED", False)


def test_a_refund_waits_and_fails_and_is_followed_by_another(paypal, paypal_peer, paypal_payment):
    paypal_peer.prices(refunds_pending=1)
    order = RefundOrder(new_id("rf"), paypal_payment.gateway_id, usd("40.00"))
    waiting = paypal.create_refund(order)
    assert (waiting.state, waiting.pending_reason) == (RefundState.PENDING, "ECHECK")
    paypal_peer.fail_refund(waiting.gateway_id)
    failed = paypal.refund(waiting.gateway_id)
    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "FAILED")
    assert paypal.find_refund(order) == failed
    again = paypal.create_refund(replace(order, attempt=2))
    assert paypal.find_refund(order) == again
    paypal_peer.complete_refund(again.gateway_id)
    assert paypal.refund(again.gateway_id).state is RefundState.SUCCEEDED


def test_yen_are_written_without_decimals(paypal, paypal_peer, paypal_order):
    made = paypal.create_payment(replace(paypal_order, amount=Money(5_000, "JPY")))
    assert made.amount == Money(5_000, "JPY")
    amount = order_of(paypal_peer, made)["purchase_units"][0]["amount"]
    assert amount == {"currency_code": "JPY", "value": "5000"}


@pytest.mark.parametrize("amount", [Money(1_010, "KWD"), Money(5_000, "KRW")])
def test_a_currency_paypal_does_not_take_is_refused_before_it_is_asked(
    paypal, paypal_peer, paypal_order, amount
):
    refused = paypal.create_payment(replace(paypal_order, amount=amount))
    assert (refused.code, refused.temporary) == ("CURRENCY_NOT_SUPPORTED", False)
    assert isinstance(paypal.create_refund(RefundOrder("rf_1", "X", amount)), Rejected)
    assert paypal_peer.journal() == []


def test_what_paypal_does_not_have_is_refused(paypal):
    assert paypal.payment("NOPE") == VANISHED
    for outcome in (paypal.refund("NOPE"), paypal.chargeback("NOPE")):
        assert (outcome.code, outcome.temporary) == ("INVALID_RESOURCE_ID", False)
        assert outcome.message == "The payment provider knows nothing of this."


@pytest.mark.parametrize("word", ["REVERSED", "completed", ""])
def test_a_word_nobody_knows_is_not_guessed_at(paypal, paypal_peer, paypal_payment, word):
    paypal_peer.change(paypal_payment.charge.gateway_id, status=word)
    with pytest.raises(AnswerNotUnderstood):
        paypal.payment(paypal_payment.gateway_id)
    paypal_peer.change(paypal_payment.gateway_id, status=word)
    with pytest.raises(AnswerNotUnderstood):
        paypal.payment(paypal_payment.gateway_id)


def test_money_that_was_converted_is_told_in_both_currencies(paypal, paypal_peer, paypal_payment):
    breakdown = {
        "gross_amount": {"currency_code": "PLN", "value": "380.00"},
        "paypal_fee": {"currency_code": "PLN", "value": "15.00"},
        "receivable_amount": {"currency_code": "USD", "value": "92.23"},
        "exchange_rate": {"source_currency": "PLN", "target_currency": "USD", "value": "0.252685"},
    }
    paypal_peer.change(paypal_payment.charge.gateway_id, seller_receivable_breakdown=breakdown)
    charge = paypal.payment(paypal_payment.gateway_id).charge
    assert (charge.amount, charge.fee) == (Money(38_000, "PLN"), Money(1_500, "PLN"))
    assert charge.received == Converted(Money(9_223, "USD"), "0.252685")


def test_a_charge_whose_fee_is_not_written_yet_comes_with_a_later_look(paypal, paypal_peer, paypal_payment):
    paypal_peer.change(paypal_payment.charge.gateway_id, seller_receivable_breakdown=None)
    found = paypal.payment(paypal_payment.gateway_id)
    assert (found.state, found.charge) == (PaymentState.SUCCEEDED, None)
