"""The table of payouts walked: whatever the gateway says, in whatever state, leads where it must and is booked once."""

from __future__ import annotations

import pytest

from gateways.contract import PayoutState, Rejected, Unknown
from payments.collecting import GatewayDisagrees
from payouts import withdrawals
from payouts.states import PAYOUT
from persistence.unit_of_work import atomically
from tests.books import expect_refusal, nothing_moves
from tests.payouts.story import (
    account,
    look,
    news,
    payout_about_to_send,
    places,
    usable,
    withdraw,
)

_NO = Rejected("no_account", "No such bank account.")
_NOT_NOW = Rejected("balance_insufficient", "Not now.", temporary=True)
_SILENCE = Unknown("no answer")

# What may be heard, and how: an answer to our order, or news of the payout.
_HEARD = {
    "pending": PayoutState.PENDING,
    "on its way": PayoutState.IN_TRANSIT,
    "paid": PayoutState.PAID,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.CANCELED,
    "refused": _NO,
    "put off": _NOT_NOW,
    "silence": _SILENCE,
}
_LEADS_TO = {
    "reserved": ("sent", "sent", "paid", "failed", "failed", "failed", "reserved", "unknown"),
    "unknown": ("sent", "sent", "paid", "failed", "failed", "failed", "reserved", "unknown"),
    "sent": ("sent", "sent", "paid", "failed", "failed", "sent", "sent", "sent"),
    "paid": ("paid", "paid", "paid", "returned", "returned", "paid", "paid", "paid"),
    "failed": ("failed",) * 8,
    "returned": ("returned",) * 8,
}
# Of 90.00 earned, 50.00 are withdrawn.
_THEN_IS_WHERE = {
    "reserved": {"connected": "90.00", "wallet": "90.00"},
    "unknown": {"connected": "90.00", "wallet": "90.00"},
    "sent": {"connected": "90.00", "wallet": "40.00", "in transit": "50.00"},
    "paid": {"connected": "40.00", "wallet": "40.00"},
    "failed": {"connected": "90.00", "wallet": "90.00"},
    "returned": {"connected": "90.00", "wallet": "90.00"},
}
_WAYS = {
    "reserved": (),
    "unknown": ("silence",),
    "sent": ("pending",),
    "paid": ("paid",),
    "failed": ("pending", "failed"),
    "returned": ("paid", "failed"),
}


@pytest.fixture
def requested():
    """A payout of 50.00, and the order for the gateway as it was taken."""
    account()
    usable()
    payout = withdraw("50.00")
    return payout, payout_about_to_send(payout)


def _hear(requested, what):
    payout, intent = requested
    heard = _HEARD[what]
    if isinstance(heard, PayoutState):
        news(payout, heard)
    else:
        atomically(withdrawals.record, intent=intent, outcome=heard)


def test_every_state_is_walked():
    assert set(_LEADS_TO) == set(_THEN_IS_WHERE) == set(_WAYS) == set(PAYOUT.states)


def test_every_step_of_the_table_is_walked():
    walked = {(start, to) for start, ends in _LEADS_TO.items() for to in ends if start != to}
    direct = {(start, step.to) for (start, _), step in PAYOUT.table.items() if start != step.to}
    # A payout of which nothing was heard for long may be found far ahead.
    assert walked - direct == {("reserved", "paid"), ("unknown", "paid")}
    assert direct <= walked


@pytest.mark.parametrize("state", _WAYS)
@pytest.mark.parametrize("what", _HEARD)
def test_what_is_heard_leads_where_it_must(requested, state, what):
    payout, _ = requested
    for step in _WAYS[state]:
        _hear(requested, step)
    assert look(payout).state == state
    _hear(requested, what)
    expected = _LEADS_TO[state][list(_HEARD).index(what)]
    assert look(payout).state == expected
    assert places() == _THEN_IS_WHERE[expected]


@pytest.mark.parametrize("state", _WAYS)
@pytest.mark.parametrize("what", ["paid", "failed", "refused"])
def test_what_is_heard_twice_is_booked_once(requested, state, what):
    for step in _WAYS[state]:
        _hear(requested, step)
    _hear(requested, what)
    if what == "failed" and state == "sent":
        # What a second hearing could change is nothing but the day on which it would have arrived.
        assert look(requested[0]).state == "failed"
    where, entries = places(), look(requested[0]).entry_ids
    _hear(requested, what)
    assert places() == where
    assert look(requested[0]).entry_ids == entries


def test_a_payout_that_the_gateway_had_refused_and_then_has_is_looked_at_by_a_person(requested):
    _hear(requested, "refused")
    with expect_refusal(GatewayDisagrees):
        _hear(requested, "paid")


@pytest.mark.parametrize("what", ["refused", "put off", "silence"])
def test_an_answer_that_comes_after_the_news_changes_nothing(requested, what):
    _hear(requested, "paid")
    with nothing_moves():
        _hear(requested, what)
