"""What belongs to others is not there: for everybody, on every route, and in the same words as what never was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from api.openapi import document
from identity.permissions import PERMISSIONS, Permission, Role
from kernel.ids import new_id
from tests.books import nothing_moves
from tests.http.answers import KEYS, but_its_id, refused
from tests.http.orders import ORDERS, operations
from tests.http.town import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.orders import Operation, Order

_ID = re.compile(r"(?P<prefix>[a-z]{2})_[0-9a-z]{26}")
# Whose ids are not a secret that a request could be tried with.
_OPEN_TO_ALL = {"offerContract": "every client may hire every worker"}
# Where the other side, or staff, may do the same as the one who does it here.
_ALSO = {
    "assignBreak": {"frank"},
    "resolveBreak": {"frank"},
    "cancelContract": {"walt"},
    "openDispute": {"clara"},
    "orderTransferAgain": set(),
    "orderRefundAgain": {"fiona", "frank", "ada"},
    "dismissWarning": {"mia", "frank"},
    "forgiveDebt": {"frank"},
    "giveBack": {"fiona", "frank", "ada"},
    "draftEvidence": {"fiona", "frank"},
    "handInEvidence": {"fiona", "frank"},
}


@pytest.fixture(scope="module")
def described(town):
    return document(town.app)


@pytest.fixture
def operation(described, name):
    return operations(described)[name]


@pytest.fixture
def order(town, name):
    return ORDERS[name](town, town.one)


@pytest.mark.parametrize("name", ORDERS)
def test_a_stranger_cannot_tell_a_thing_of_others_from_none(town, operation, order):
    for stranger in strangers(operation):
        theirs = order.but(by=stranger)
        for about, made_up in without_things(theirs):
            with nothing_moves(besides=KEYS):
                found, nothing = operation.send(town, theirs), operation.send(town, made_up)
            seen = (operation.name, stranger, about, found.text, nothing.text)
            assert found.status_code == nothing.status_code, seen
            if found.status_code == 200:
                assert found.json == nothing.json == {"data": [], "next_cursor": None}, seen
            else:
                refusal = refused(operation, found)
                assert refusal["status"] == 404, seen
                assert but_its_id(refusal) == but_its_id(refused(operation, nothing)), seen


@pytest.mark.parametrize("name", ORDERS)
def test_its_owner_is_told_the_same_of_a_thing_that_is_none(town, operation, order):
    for about, made_up in without_things(order):
        with nothing_moves(besides=KEYS):
            response = operation.send(town, made_up)
        if response.status_code == 200:
            # Staff asks for the wallet of anybody, and nobody's is empty.
            assert response.json["data"] == [], about
        else:
            refused(operation, response, about=about)


@pytest.mark.parametrize("name", ORDERS)
def test_an_id_that_is_none_is_not_found(town, operation, order):
    for place, thing in order.places.items():
        for none in (
            "x",
            thing.upper(),
            thing[:-1],
            thing + "0",
            f"xx{thing[2:]}",
            "0" * 2000,
            "\u00e4",
            "%00",
            "..",
        ):
            if none == thing:
                # A month has no other spelling.
                continue
            with nothing_moves(besides=KEYS):
                response = operation.send(town, order.but(places={**order.places, place: none}))
            assert response.status_code in {404, 405}, (operation.name, none, response.text)
            assert response.json["code"] in {*operation.codes(404), "method_not_allowed"}, response.text


@pytest.mark.parametrize("name", ORDERS)
def test_nobody_else_can_do_it(town, operation, order):
    if operation.method == "GET" or not list(without_things(order)) or operation.name in _OPEN_TO_ALL:
        return
    for person in set(PEOPLE) - {order.by} - _ALSO.get(operation.name, set()):
        with nothing_moves(besides=KEYS):
            response = operation.send(town, order.but(by=person))
        assert refused(operation, response, about=person)["status"] in {403, 404}, response.text


def strangers(operation: Operation) -> list[str]:
    """Those who may do such things, but have nothing to do with Clara and Walt."""
    permission = operation.described.get("x-permission")
    if permission is None or operation.name in _OPEN_TO_ALL:
        return []
    roles = {"otto": Role.CLIENT, "wanda": Role.WORKER}
    return [name for name, role in roles.items() if Permission(permission) in PERMISSIONS[role]]


def without_things(order: Order) -> Iterator[tuple[str, Order]]:
    """The same request about nothing: each of its ids in turn is one that nothing has."""
    for part in ("places", "query", "body"):
        named = getattr(order, part)
        for name, value in named.items() if isinstance(named, dict) else ():
            other = nothing_like(value)
            if other is not None:
                yield f"{part}.{name}", order.but(**{part: {**named, name: other}})


def nothing_like(value: Any) -> str | None:
    """An id of the same kind that nothing has."""
    if isinstance(value, str) and (found := _ID.fullmatch(value)):
        return new_id(found["prefix"])
    return "pm_1QnothingHasThisId" if isinstance(value, str) and value.startswith("pm_") else None
