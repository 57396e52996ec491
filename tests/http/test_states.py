"""Every act in every state in which it is not possible, and every amount that is not there: refused, nothing moves."""

from __future__ import annotations

import pytest

from api.openapi import document
from escrow.states import CONTRACT, MILESTONE, REFUND_REQUEST
from payments.states import REFUND
from payouts.states import TRANSFER
from tests.books import nothing_moves
from tests.http.answers import KEYS, refused
from tests.http.mistakes import resolved
from tests.http.orders import ORDERS, operations
from tests.http.town import MAKERS, usd

_PROCESSES = {"milestone_id": MILESTONE, "contract_id": CONTRACT, "request_id": REFUND_REQUEST}
# Each operation that acts on something: the acts of the process it may take, and where else it is possible.
_ACTS = {
    "editOffer": ((), {"offered"}),
    "acceptContract": (("accept",), set()),
    "declineContract": (("decline",), set()),
    "cancelContract": (("cancel",), set()),
    # Whoever was interrupted while paying goes on.
    "beginCheckout": (("begin_funding",), {"funding"}),
    "giveUpFunding": (("give_up_funding",), set()),
    "submitWork": (("submit",), set()),
    "requestChanges": (("request_changes",), set()),
    "releaseMilestone": (("release", "release_part"), set()),
    "refundMilestone": (("refund", "refund_part"), set()),
    "giveBack": (("give_back",), set()),
    "requestRefund": ((), {"funded"}),
    "openDispute": (("dispute",), set()),
    "settleDispute": (("settle_for_worker", "settle_for_client", "settle_by_split"), set()),
    "agreeToRefund": (("agree",), set()),
    "declineRefund": (("decline",), set()),
    "withdrawRefundRequest": (("withdraw",), set()),
}
_OVER, _ABROAD = {**usd("100.01")}, {"amount": "10.00", "currency": "EUR"}
_NOTHING = usd("0.00")
# More than there is, nothing, and another currency: status, code and field of each.
_NOT_HELD = {
    "over": (_OVER, 409, "amount_not_held", "/amount"),
    "nothing": (_NOTHING, 422, "validation_failed", "/amount/amount"),
    "abroad": (_ABROAD, 422, "other_currency", "/amount"),
}
_AMOUNTS = {
    "releaseMilestone": ("amount", _NOT_HELD),
    "refundMilestone": ("amount", _NOT_HELD),
    "giveBack": (
        "amount",
        {
            "over": (_OVER, 409, "amount_not_released", "/amount"),
            "nothing": (_NOTHING, 422, "validation_failed", "/amount/amount"),
            "abroad": (_ABROAD, 422, "other_currency", "/amount"),
        },
    ),
    "requestRefund": ("amount", _NOT_HELD),
    "settleDispute": (
        "to_worker",
        {
            "more": (usd("40.01"), 422, "split_does_not_add_up", "/to_client"),
            "over": (_OVER, 422, "split_does_not_add_up", "/to_worker"),
            "abroad": (_ABROAD, 422, "split_does_not_add_up", "/to_worker"),
        },
    ),
    "requestPayout": (
        "amount",
        {
            "over": (usd("999999.99"), 409, "not_enough_available", "/amount"),
            "nothing": (_NOTHING, 422, "validation_failed", "/amount/amount"),
            "abroad": (_ABROAD, 409, "not_enough_available", "/amount"),
        },
    ),
    "payDebt": (
        "amount",
        {
            "over": (_OVER, 409, "not_owed", "/amount"),
            "nothing": (_NOTHING, 422, "validation_failed", "/amount/amount"),
            "abroad": (_ABROAD, 409, "not_owed", "/amount"),
        },
    ),
    "changePayoutSchedule": (
        "minimum",
        {
            "nothing": (_NOTHING, 422, "validation_failed", "/minimum/amount"),
            "too fine": ({"amount": "1.001", "currency": "KWD"}, 422, "amount_not_movable", "/minimum"),
        },
    ),
    "forgiveDebt": (
        "amount",
        {
            "over": (_OVER, 409, "not_owed", "/amount"),
            "nothing": (_NOTHING, 422, "validation_failed", "/amount/amount"),
            "abroad": (_ABROAD, 409, "not_owed", "/amount"),
        },
    ),
    "proposeOwnPayout": (
        "amount",
        {
            "over": (usd("999999.99"), 409, "platform_payout_blocked", None),
            "nothing": (_NOTHING, 422, "validation_failed", "/amount/amount"),
            "abroad": (_ABROAD, 409, "platform_payout_blocked", None),
        },
    ),
    "proposeAdjustment": (
        "postings",
        {
            "uneven": (usd("2.00"), 422, "adjustment_unbalanced", "/postings"),
            "nothing": (_NOTHING, 422, "validation_failed", "/postings/0/amount/amount"),
            "abroad": (_ABROAD, 422, "adjustment_unbalanced", "/postings"),
        },
    ),
    "offerContract": (
        "milestones",
        {
            "over": (usd("1000000.00"), 422, "price_out_of_range", "/milestones/0/price"),
            "too little": (usd("0.99"), 422, "price_out_of_range", "/milestones/0/price"),
            "nothing": (_NOTHING, 422, "validation_failed", "/milestones/0/price/amount"),
            "abroad": (_ABROAD, 422, "price_out_of_range", "/milestones/0/price"),
        },
    ),
}


@pytest.fixture(scope="module")
def described(town):
    return document(town.app)


def test_every_operation_that_acts_on_something_is_in_the_table(described):
    acting = {
        name
        for name, operation in operations(described).items()
        if operation.method != "GET" and set(operation.named_in("path")) & set(_PROCESSES)
    }
    assert acting == set(_ACTS)


def test_there_is_a_thing_in_every_state():
    kinds = {f"{process.name} {state}" for process in _PROCESSES.values() for state in process.states}
    assert kinds <= set(MAKERS)


@pytest.mark.parametrize("name", _ACTS)
def test_an_act_in_a_state_that_does_not_allow_it(town, described, name):
    operation, order = operations(described)[name], ORDERS[name](town, town.one)
    (place,) = operation.named_in("path")
    process, (acts, also) = _PROCESSES[place], _ACTS[name]
    allowed = also | {state for state, act in process.table if act in acts}
    late = [state for state in process.states if state not in allowed]
    assert late
    for state in late:
        thing = town.one(f"{process.name} {state}")["id"]
        with nothing_moves(besides=KEYS):
            response = operation.send(town, order.but(places={place: thing}))
        document = refused(operation, response, about=state)
        assert (document["status"], document["code"]) == (409, "act_not_possible"), (state, response.text)
        assert document["details"]["state"] == state


def test_a_contract_for_which_money_is_held_is_not_cancelled(town, described):
    operation = operations(described)["cancelContract"]
    contract = town.one("milestone funded")["contract_id"]
    order = ORDERS["cancelContract"](town, town.one).but(places={"contract_id": contract})
    with nothing_moves():
        assert refused(operation, operation.send(town, order))["code"] == "money_still_held"


def test_only_a_transfer_that_failed_is_ordered_again(town, described):
    operation = operations(described)["orderTransferAgain"]
    assert [state for state, act in TRANSFER.table if act == "order_again"] == ["failed"]
    order = ORDERS["orderTransferAgain"](town, town.one)
    sent = order.but(places={"transfer_id": town.one("transfer")["id"]})
    with nothing_moves():
        assert refused(operation, operation.send(town, sent))["code"] == "transfer_not_failed"


def test_only_a_refund_that_failed_is_ordered_again(town, described):
    operation = operations(described)["orderRefundAgain"]
    assert [state for state, act in REFUND.table if act == "order_again"] == ["failed"]
    order = ORDERS["orderRefundAgain"](town, town.one)
    milestone = town.one("milestone refunded")["id"]
    (under_way,) = town.clara.get(f"/v1/milestones/{milestone}").json["refunds"]
    with nothing_moves(besides=KEYS):
        response = operation.send(town, order.but(places={"refund_id": under_way["id"]}))
    assert refused(operation, response)["code"] == "act_not_possible"


def test_every_operation_that_takes_an_amount_is_in_the_table(described):
    schemas = described["components"]["schemas"]
    taking = {
        name for name, each in operations(described).items() if each.body and takes_money(each.body, schemas)
    }
    assert taking == set(_AMOUNTS)


@pytest.mark.parametrize("name", _AMOUNTS)
def test_an_amount_that_is_not_there(town, described, name):
    operation, order = operations(described)[name], ORDERS[name](town, town.one)
    field, amounts = _AMOUNTS[name]
    for about, (amount, status, code, at) in amounts.items():
        value = [{"title": "All of it", "price": amount}] if field == "milestones" else amount
        if field == "postings":
            first, *others = order.body[field]
            value = [{**first, "amount": amount}, *others]
        with nothing_moves(besides=KEYS):
            response = operation.send(town, order.but(body={**order.body, field: value}))
        document = refused(operation, response, about=about)
        assert (document["status"], document["code"], document.get("field")) == (status, code, at), (
            response.text
        )


def takes_money(schema, schemas):
    schema = resolved(schema, schemas)
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return set(schema.get("properties", {})) == {"amount", "currency"} or any(
        takes_money(each, schemas) for each in below
    )
