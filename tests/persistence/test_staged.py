from __future__ import annotations

import pytest

from gateways.contract import CustomerFound, Unknown
from kernel.ids import new_id
from payments.customers import customer_of, order_customer, record_customer
from persistence.unit_of_work import reading, staged
from tests.books import nothing_moves
from tests.persistence.deaths import dying_at
from tests.threads import together

_BEGIN = "payments.customers.order_customer"
_RECORD = "payments.customers.record_customer"
_STEPS = [
    ("before_commit", _BEGIN),
    ("committed", _BEGIN),
    ("before_call", _BEGIN),
    ("after_call", _BEGIN),
    ("before_commit", _RECORD),
    ("committed", _RECORD),
]


class Register:
    """A gateway's customers: the same order twice is one customer, as gateways keep it by our id."""

    def __init__(self):
        self.made = {}
        self.calls = 0

    def create_customer(self, intent):
        self.calls += 1
        return CustomerFound(self.made.setdefault(intent.order.customer_id, f"cus_{len(self.made)}"))


@pytest.fixture
def register():
    return Register()


@pytest.fixture
def client_id():
    return new_id("us")


@pytest.mark.parametrize(("stage", "name"), _STEPS)
def test_a_process_that_dies_at_any_step_leaves_what_the_next_one_finishes(
    database, register, client_id, stage, name
):
    with dying_at(stage, name):
        _make(register, client_id)
    _make(register, client_id)
    assert reading(customer_of, user_id=client_id, gateway="stripe").gateway_id == "cus_0"
    assert list(register.made.values()) == ["cus_0"]


def test_a_process_that_dies_before_the_intent_is_written_never_calls(database, register, client_id):
    with nothing_moves(), dying_at("before_commit", _BEGIN):
        _make(register, client_id)
    assert register.calls == 0


def test_what_is_done_already_is_not_asked_for_again(database, register, client_id):
    _make(register, client_id)
    with nothing_moves():
        assert _make(register, client_id) is None
    assert register.calls == 1


def test_an_answer_that_never_came_leaves_the_order_to_be_sent_again(database, register, client_id):
    staged(
        begin=order_customer,
        call=lambda _order: Unknown("no answer"),
        record=record_customer,
        user_id=client_id,
        email="ann@example.com",
        gateway="stripe",
    )
    _make(register, client_id)
    assert reading(customer_of, user_id=client_id, gateway="stripe").gateway_id == "cus_0"


def test_nothing_is_open_while_the_gateway_is_asked(database, register, client_id):
    seen = []

    def ask(order):
        # The intent can be read by others, so it is committed; and a writer gets through at once.
        seen.append(_make(register, new_id("us")))
        return register.create_customer(order)

    staged(
        begin=order_customer,
        call=ask,
        record=record_customer,
        user_id=client_id,
        email="ann@example.com",
        gateway="stripe",
    )
    assert seen == [CustomerFound("cus_0")]
    assert reading(customer_of, user_id=client_id, gateway="stripe").gateway_id == "cus_1"


def test_eight_requests_at_once_make_one_customer(database, register, client_id):
    together(lambda: _make(register, client_id), people=8)
    assert list(register.made.values()) == ["cus_0"]
    assert reading(customer_of, user_id=client_id, gateway="stripe").gateway_id == "cus_0"


def _make(register, user_id):
    return staged(
        begin=order_customer,
        call=register.create_customer,
        record=record_customer,
        user_id=user_id,
        email="ann@example.com",
        gateway="stripe",
    )
