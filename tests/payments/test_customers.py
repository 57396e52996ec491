from __future__ import annotations

import pytest

from gateways.contract import Busy, CustomerFound, Rejected, Unknown
from payments.answers import GatewayRefused, GatewayUnavailable, found
from payments.customers import NoCardsYet, customer_of, order_customer, record_customer, remember_default
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import CLIENT, WORKER
from tests.threads import together

_NO_ANSWERS = [Unknown("no answer"), Busy(7), Rejected("email_invalid", "This e-mail is invalid.")]


def test_a_client_is_made_known_to_the_gateway_once():
    order = _order(WORKER)
    atomically(record_customer, intent=order, outcome=CustomerFound("cus_new"))
    with nothing_moves():
        assert _order(WORKER) is None
    assert reading(customer_of, user_id=WORKER.id, gateway="stripe").gateway_id == "cus_new"


def test_ten_requests_at_once_order_the_same_record():
    orders = together(lambda: _order(WORKER), people=10)
    assert len({order.order.customer_id for order in orders}) == 1


@pytest.mark.parametrize("outcome", _NO_ANSWERS)
def test_without_an_answer_the_same_order_is_sent_again(outcome):
    order = _order(WORKER)
    with nothing_moves(besides=frozenset({"payment_customers"})):
        assert atomically(record_customer, intent=order, outcome=outcome) is outcome
    again = _order(WORKER)
    assert again.order.customer_id == order.order.customer_id
    with expect_refusal(NoCardsYet):
        reading(customer_of, user_id=WORKER.id, gateway="stripe")


def test_each_gateway_has_its_own_record():
    assert _order(CLIENT) is None
    with expect_refusal(NoCardsYet):
        reading(customer_of, user_id=CLIENT.id, gateway="adyen")


def test_the_card_offered_first_is_remembered_and_forgotten():
    for card in ("pm_1", None):
        atomically(remember_default, user_id=CLIENT.id, gateway="stripe", card=card)
        assert reading(customer_of, user_id=CLIENT.id, gateway="stripe").default_card == card
    with nothing_moves():
        atomically(remember_default, user_id=WORKER.id, gateway="stripe", card="pm_1")


@pytest.mark.parametrize(
    ("outcome", "refusal", "details"),
    [
        (Unknown("no answer"), GatewayUnavailable, {"retry_after_seconds": 5}),
        (Busy(7), GatewayUnavailable, {"retry_after_seconds": 7}),
        (Rejected("email_invalid", "No."), GatewayRefused, {"gateway_code": "email_invalid"}),
    ],
)
def test_an_answer_that_is_none_is_a_refusal_in_the_persons_words(outcome, refusal, details):
    with expect_refusal(refusal) as caught:
        found(outcome)
    assert caught.value.details == details
    assert found(CustomerFound("cus_1")) == CustomerFound("cus_1")


def _order(actor):
    return atomically(order_customer, user_id=actor.id, email="ann@example.com", gateway="stripe")
