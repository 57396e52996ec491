"""Every operation with everything that can be wrong with a request: a problem names the field, and nothing moves."""

from __future__ import annotations

import pytest

from api.openapi import document
from tests.books import nothing_moves
from tests.http import mistakes
from tests.http.answers import KEYS, refused
from tests.http.orders import ORDERS, Operation, Order, operations


@pytest.fixture(scope="module")
def described(town):
    return document(town.app)


@pytest.fixture
def operation(described, name):
    return operations(described)[name]


@pytest.fixture
def order(town, name):
    return ORDERS[name](town, town.one)


def test_there_is_an_order_for_every_operation(described):
    assert set(ORDERS) == set(operations(described))


@pytest.mark.parametrize("name", ORDERS)
def test_whatever_is_wrong_with_the_body(town, described, operation, order):
    refuse_each(town, operation, mistakes.of_body(operation, order, described["components"]["schemas"]))


@pytest.mark.parametrize("name", ORDERS)
def test_whatever_is_wrong_with_the_query(town, operation, order):
    refuse_each(town, operation, mistakes.of_query(operation, order))


@pytest.mark.parametrize("name", ORDERS)
def test_whatever_is_wrong_with_the_headers(town, operation, order):
    refuse_each(town, operation, mistakes.of_headers(operation, order, town.one("used key")))


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_that_was_spoilt_is_otherwise_carried_out(town, operation, name):
    response = operation.send(town, ORDERS[name](town, town.fresh))
    assert 200 <= response.status_code < 300, response.text
    assert str(response.status_code) in operation.described["responses"]


def test_a_planted_field_brings_its_mistakes():
    schema = {
        "type": "object",
        "properties": {"tip": {"type": "string", "maxLength": 3}},
        "required": ["tip"],
    }
    body = {"content": {"application/json": {"schema": schema}}}
    planted = Operation("POST", "/planted", {"operationId": "plant", "parameters": [], "requestBody": body})
    found = {each.about: each for each in mistakes.of_body(planted, Order(None, body={"tip": "x"}), {})}
    assert found["/tip: integer instead of string"].order.body == {"tip": 7}
    assert found["/tip: no tip"].order.body == {}
    assert found["/tip: 'xxxx'"].order.body == {"tip": "xxxx"}
    assert found["/tip: a card number"].code == "card_number_refused"
    assert found["/surplus: a field nobody asked for"].field == "/surplus"


def test_a_planted_order_that_leaves_a_field_out_is_found():
    schema = {"type": "object", "properties": {"tip": {"type": "string"}, "note": {"type": "string"}}}
    body = {"content": {"application/json": {"schema": schema}}}
    planted = Operation("POST", "/planted", {"operationId": "plant", "parameters": [], "requestBody": body})
    with pytest.raises(AssertionError, match="the order shows every field"):
        list(mistakes.of_body(planted, Order(None, body={"tip": "x"}), {}))


def refuse_each(town, operation, spoilt):
    """All are tried before any is complained of."""
    wrong = []
    with nothing_moves(besides=KEYS):
        for mistake in spoilt:
            response = operation.send(town, mistake.order)
            document = refused(operation, response, about=mistake.about)
            expected = (mistake.status, mistake.code or document["code"])
            named = mistake.field is None or document.get("field", "-").startswith(mistake.field)
            if (document["status"], document["code"]) != expected or not named:
                wrong.append(f"{mistake.about}: {response.text}")
        assert not wrong, "\n".join(wrong)
