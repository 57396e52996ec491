"""Money in and back through the adapter, against the peer over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateways.contract import (
    CustomerOrder,
    PaymentOrder,
    PaymentState,
    RefundOrder,
    RefundState,
    Rejected,
    Unknown,
)
from kernel.ids import new_id
from kernel.money import Money

USD_10 = Money(1_000, "USD")


def test_a_client_is_known_by_our_own_id_and_nothing_is_asked(adyen, adyen_peer):
    order = CustomerOrder(new_id("cu"), new_id("us"), "client@example.com")
    assert adyen.create_customer(order).gateway_id == order.customer_id
    assert adyen.find_customer(order).gateway_id == order.customer_id
    assert adyen_peer.journal() == []


def test_a_payment_begins_as_a_session_of_which_all_goes_to_our_account(adyen, adyen_peer, payment_order):
    made = adyen.create_payment(replace(payment_order, save_card=True))
    assert (made.state, made.amount, made.payment_id) == (
        PaymentState.NEEDS_METHOD,
        Money(10_000, "USD"),
        payment_order.payment_id,
    )
    assert (made.gateway_id, made.saves_card) == (f"ay_{payment_order.payment_id}.10000USD", True)
    (request,) = adyen_peer.journal()
    assert request["idempotency_key"] == payment_order.key
    asked = request["parameters"]
    assert (asked["reference"], asked["shopperReference"], asked["captureDelayHours"]) == (
        payment_order.payment_id,
        payment_order.customer,
        0,
    )
    ours = adyen_peer.settings.balance_account
    assert [(each["type"], each["account"], each["reference"]) for each in asked["splits"]] == [
        ("BalanceAccount", ours, payment_order.payment_id),
        ("PaymentFee", ours, payment_order.payment_id),
    ]
    assert asked["storePaymentMethod"] is True
    assert "shopperEmail" not in asked


def test_the_same_order_again_has_the_same_session_and_its_secret(adyen, begun, payment_order):
    assert adyen.create_payment(payment_order) == begun
    session, _, data = begun.client_secret.partition(":")
    assert session.startswith("CS")
    assert data.startswith("Ab02b4c0!")


def test_nobody_has_paid_yet(adyen, begun, payment_order):
    now = adyen.payment(begun.gateway_id)
    assert (now.state, now.amount, now.client_secret, now.charge) == (
        PaymentState.NEEDS_METHOD,
        Money(10_000, "USD"),
        None,
        None,
    )
    assert now.gateway_id == begun.gateway_id
    assert adyen.find_payment(payment_order) is None


def test_a_payment_has_its_charge_with_the_fee_and_settles_two_days_later(adyen, begun, payment, clock):
    assert (payment.state, payment.gateway_id) == (PaymentState.SUCCEEDED, begun.gateway_id)
    charge = payment.charge
    assert (charge.amount, charge.fee, charge.settled) == (Money(10_000, "USD"), Money(320, "USD"), False)
    assert charge.available_on > clock.now()
    clock.advance(days=2)
    assert adyen.payment(payment.gateway_id).charge == replace(charge, settled=True)


def test_a_payment_is_found_without_its_amount_as_adyens_news_may_name_it(adyen, payment, payment_order):
    assert adyen.payment(f"ay_{payment_order.payment_id}") == payment
    assert adyen.find_payment(payment_order) == payment


def test_what_was_authorised_is_not_yet_ours(adyen, adyen_peer, begun, clock):
    adyen_peer.prices(capture_seconds=600)
    adyen_peer.pay(begun.client_secret)
    now = adyen.payment(begun.gateway_id)
    assert (now.state, now.charge) == (PaymentState.PROCESSING, None)
    clock.advance(minutes=10)
    assert adyen.payment(begun.gateway_id).state is PaymentState.SUCCEEDED


def test_what_a_bank_has_said_yes_to_is_not_given_up_though_nothing_is_listed_yet(
    adyen, payment, payment_order, inbox
):
    about = (payment_order.payment_id, [], payment.amount)
    assert adyen._read_payment(*about).state is PaymentState.NEEDS_METHOD
    inbox.hear(adyen)
    waiting = adyen._read_payment(*about)
    assert (waiting.state, waiting.charge) == (PaymentState.PROCESSING, None)


def test_what_was_stopped_after_a_bank_had_said_yes_is_open_again(
    adyen, adyen_peer, begun, payment_order, inbox
):
    adyen_peer.prices(capture_seconds=600)
    adyen_peer.pay(begun.client_secret)
    adyen.cancel_payment(begun.gateway_id)
    inbox.hear(adyen)
    assert adyen._read_payment(payment_order.payment_id, [], begun.amount).state is PaymentState.NEEDS_METHOD


def test_a_refused_card_is_no_yes(adyen, adyen_peer, begun, inbox):
    adyen_peer.pay(begun.client_secret, refuse="Not enough balance")
    inbox.hear(adyen)
    assert adyen.payment(begun.gateway_id).state is PaymentState.NEEDS_METHOD


@pytest.fixture
def parts(adyen_peer, payment):
    """The two transfers of a payment: what was paid, and what Adyen takes of it."""
    found = [each for each in adyen_peer.state()["objects"].values() if each.get("type") == "capture"]
    return sorted(found, key=lambda each: each["direction"])


def test_until_adyen_has_booked_its_fee_the_charge_is_not_known(adyen, parts, payment_order, payment):
    sale, fee = parts
    unbooked = fee | {"events": [each for each in fee["events"] if "transactionId" not in each]}
    now = adyen._read_payment(payment_order.payment_id, [sale, unbooked], None)
    assert (now.state, now.charge) == (PaymentState.SUCCEEDED, None)
    assert adyen._read_payment(payment_order.payment_id, [sale, fee], None) == payment


def test_what_settled_without_a_fee_came_free(adyen, parts, payment_order, clock):
    sale, _ = parts
    assert adyen._read_payment(payment_order.payment_id, [sale], None).charge is None
    clock.advance(days=2)
    assert adyen._read_payment(payment_order.payment_id, [sale], None).charge.fee == Money(0, "USD")


def test_what_another_session_cost_is_not_this_ones_fee(adyen, parts, payment_order, payment):
    sale, fee = parts
    data = fee["categoryData"] | {"pspPaymentReference": "X" * 16}
    other = fee | {"categoryData": data, "status": "cancelled"}
    assert adyen._read_payment(payment_order.payment_id, [sale, fee, other], None) == payment


def test_a_refused_card_leaves_the_session_open_for_another(adyen, adyen_peer, begun):
    adyen_peer.pay(begun.client_secret, refuse="Not enough balance")
    assert adyen.payment(begun.gateway_id).state is PaymentState.NEEDS_METHOD
    adyen_peer.pay(begun.client_secret)
    assert adyen.payment(begun.gateway_id).state is PaymentState.SUCCEEDED


@pytest.mark.parametrize(
    ("succeeds", "state"), [(True, PaymentState.SUCCEEDED), (False, PaymentState.NEEDS_METHOD)]
)
def test_a_bank_that_wants_to_see_who_it_is(adyen, adyen_peer, begun, succeeds, state):
    adyen_peer.pay(begun.client_secret, challenge=True)
    assert adyen.payment(begun.gateway_id).state is PaymentState.NEEDS_METHOD
    adyen_peer.authenticate(begun.client_secret, succeeds=succeeds)
    assert adyen.payment(begun.gateway_id).state is state


def test_a_payment_nobody_has_paid_is_given_up(adyen, begun):
    stopped = adyen.cancel_payment(begun.gateway_id)
    assert (stopped.state, stopped.gateway_id) == (PaymentState.CANCELED, begun.gateway_id)


def test_what_was_authorised_and_not_captured_is_stopped(adyen, adyen_peer, begun, clock):
    adyen_peer.prices(capture_seconds=600)
    adyen_peer.pay(begun.client_secret)
    assert adyen.cancel_payment(begun.gateway_id).state is PaymentState.CANCELED
    clock.advance(minutes=10)
    assert adyen.payment(begun.gateway_id).state is PaymentState.NEEDS_METHOD
    assert adyen.balance("USD").pending == Money(0, "USD")


def test_a_payment_that_succeeded_stays_as_it_is(adyen, payment):
    assert adyen.cancel_payment(payment.gateway_id) == payment


def test_what_is_paid_after_it_was_given_up_is_found_all_the_same(adyen, adyen_peer, begun):
    adyen.cancel_payment(begun.gateway_id)
    adyen_peer.pay(begun.client_secret)
    assert adyen.payment(begun.gateway_id).state is PaymentState.SUCCEEDED


def test_an_order_that_was_paid_twice_is_for_a_person_to_look_at(adyen, adyen_peer, payment_order):
    for attempt in (1, 2):
        made = adyen.create_payment(replace(payment_order, attempt=attempt))
        adyen_peer.pay(made.client_secret)
    with pytest.raises(Exception, match="captured more than once"):
        adyen.payment(made.gateway_id)


@pytest.mark.parametrize("gateway_id", ["", "..", "ay_", "pi_1", "ay_py_1", "ay_rf_" + "0" * 26, "ay_../x"])
def test_what_is_no_payment_is_not_asked_for(adyen, adyen_peer, gateway_id):
    assert adyen.payment(gateway_id).code == "resource_missing"
    assert adyen.cancel_payment(gateway_id).code == "resource_missing"
    assert adyen_peer.journal() == []


def test_an_amount_that_no_network_moves_is_refused(adyen, adyen_peer, payment_order):
    refused = adyen.create_payment(replace(payment_order, amount=Money(1_001, "KWD")))
    assert (refused.code, refused.temporary) == ("amount_not_representable", False)
    assert adyen_peer.journal() == []


def test_amounts_without_decimals_are_counted_as_adyen_counts_them(adyen, adyen_peer, payment_order):
    made = adyen.create_payment(replace(payment_order, amount=Money(5_000, "JPY")))
    adyen_peer.pay(made.client_secret)
    assert adyen.payment(made.gateway_id).charge.amount == Money(5_000, "JPY")


# -- giving back


@pytest.fixture
def refund_order(payment) -> RefundOrder:
    """10.00 USD of the payment."""
    return RefundOrder(new_id("rf"), payment.gateway_id, USD_10)


def test_a_refund_is_pending_until_it_is_booked(adyen, refund_order, clock):
    made = adyen.create_refund(refund_order)
    assert (made.state, made.pending_reason, made.refund_id) == (
        RefundState.PENDING,
        "received",
        refund_order.refund_id,
    )
    assert made.gateway_id == f"ay_{refund_order.refund_id}.1000USD"
    assert adyen.refund(made.gateway_id).state is RefundState.PENDING
    clock.advance(minutes=2)
    begun = adyen.refund(made.gateway_id)
    assert (begun.state, begun.pending_reason) == (RefundState.PENDING, "authorised")
    assert adyen.find_refund(refund_order) == begun
    clock.advance(days=1)
    done = adyen.refund(made.gateway_id)
    assert (done.state, done.amount, done.failure_reason) == (RefundState.SUCCEEDED, USD_10, None)


def test_a_refund_is_taken_from_our_account_under_our_reference(adyen, adyen_peer, refund_order):
    adyen.create_refund(refund_order)
    asked = adyen_peer.journal()[-1]
    assert asked["idempotency_key"] == refund_order.key
    (split,) = asked["parameters"]["splits"]
    assert (split["account"], split["reference"], split["amount"]) == (
        adyen_peer.settings.balance_account,
        refund_order.refund_id,
        {"value": 1_000},
    )


def test_a_refund_that_a_bank_sends_back_weeks_later_has_failed(
    adyen, adyen_peer, refund_order, clock, inbox
):
    made = adyen.create_refund(refund_order)
    clock.advance(days=2)
    assert adyen.refund(made.gateway_id).state is RefundState.SUCCEEDED
    inbox.hear(adyen)
    clock.advance(days=35)
    adyen_peer.fail_refund(refund_order.refund_id)
    failed = adyen.refund(made.gateway_id)
    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "refundReversed")
    inbox.hear(adyen)
    assert adyen.refund(made.gateway_id).state is RefundState.FAILED
    assert adyen.balance("USD").available == Money(9_680, "USD")


def test_a_refund_that_fails_before_it_is_booked_has_failed(adyen, adyen_peer, refund_order, clock):
    made = adyen.create_refund(refund_order)
    clock.advance(minutes=2)
    adyen_peer.fail_refund(refund_order.refund_id)
    failed = adyen.refund(made.gateway_id)
    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "refusedByCounterpartyBank")


def test_a_refund_that_adyen_refuses_later_is_known_only_from_what_it_tells(
    adyen, refund_order, payment, clock, inbox
):
    order = replace(refund_order, amount=Money(10_001, "USD"))
    made = adyen.create_refund(order)
    clock.advance(minutes=2)
    assert adyen.refund(made.gateway_id).state is RefundState.PENDING
    assert adyen.find_refund(order) is None
    inbox.hear(adyen)
    failed = adyen.refund(made.gateway_id)
    assert (failed.state, failed.failure_reason) == (RefundState.FAILED, "Insufficient balance on payment")
    assert adyen.find_refund(order) == failed


def test_of_a_payment_that_adyen_does_not_list_nothing_can_be_given_back_yet(adyen, begun):
    refused = adyen.create_refund(RefundOrder(new_id("rf"), begun.gateway_id, USD_10))
    assert (refused.code, refused.temporary, refused.at_the_door) == ("payment_not_listed", True, True)


def test_a_refund_nobody_has_heard_of_is_unknown_when_not_even_its_amount_is_said(adyen):
    assert isinstance(adyen.refund(f"ay_{new_id('rf')}"), Unknown)
    assert adyen.refund("re_1") == Rejected("resource_missing", "The payment provider knows nothing of this.")


def test_two_refunds_of_one_payment_are_two(adyen, refund_order, clock):
    other = replace(refund_order, refund_id=new_id("rf"), amount=Money(500, "USD"))
    first, second = adyen.create_refund(refund_order), adyen.create_refund(other)
    clock.advance(days=2)
    assert adyen.refund(first.gateway_id).amount == USD_10
    assert adyen.refund(second.gateway_id).amount == Money(500, "USD")


def test_a_payment_long_ago_is_still_found(adyen, payment, clock):
    clock.advance(days=170)
    assert adyen.payment(payment.gateway_id).state is PaymentState.SUCCEEDED


def test_an_order_of_somebody_else_is_not_taken_for_ours(adyen, payment):
    other = PaymentOrder(
        new_id("py"), new_id("ms"), Money(10_000, "USD"), "cu_x", save_card=False, description=""
    )
    assert adyen.find_payment(other) is None
