"""The table of payouts walked: whatever the gateway says, in whatever state, leads where it must and is booked once."""

from __future__ import annotations

from itertools import permutations

import pytest

from gateways.contract import PayoutState, Rejected, Unknown
from payments.collecting import GatewayDisagrees
from payouts import queries, withdrawals
from payouts.states import PAYOUT
from persistence.unit_of_work import atomically, rehearse
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import WORKER
from tests.payouts.story import account, hear, payout_about_to_send, places_in, usable, withdraw

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
    "never heard of": None,
}
_LEADS_TO = {
    "reserved": ("sent", "sent", "paid", "failed", "failed", "failed", "reserved", "unknown", "reserved"),
    "unknown": ("sent", "sent", "paid", "failed", "failed", "failed", "reserved", "unknown", "reserved"),
    "sent": ("sent", "sent", "paid", "failed", "failed", "sent", "sent", "sent", "sent"),
    "paid": ("paid", "paid", "paid", "returned", "returned", "paid", "paid", "paid", "paid"),
    "failed": ("failed",) * 9,
    "returned": ("returned",) * 9,
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


# When no call can be out any more, and when the gateway has forgotten the key.
_WHEN = {"refused": {"minutes": 11}, "put off": {"minutes": 11}, "never heard of": {"hours": 24}}


@pytest.fixture
def requested(clock):
    """A payout of 50.00, and the order for the gateway as it was taken."""
    account()
    usable()
    payout = withdraw("50.00")
    return payout, payout_about_to_send(payout), clock


def _hear(session, requested, what):
    payout, intent, clock = requested
    heard = _HEARD[what]
    if isinstance(heard, PayoutState):
        hear(session, payout, heard)
    else:
        clock.advance(**_WHEN.get(what, {}))
        again = withdrawals.to_send(session, payout_id=payout.id)
        withdrawals.record(session, intent=again or intent, outcome=heard)


def _story(requested, *heard):
    """Where the payout and the money are after this was heard, and the entries; all of it is taken back."""

    def told(session):
        for what in heard:
            _hear(session, requested, what)
        payout = queries.payout(session, payout_id=requested[0].id, by=WORKER)
        return payout.state, places_in(session), payout.entry_ids

    return rehearse(told)


def test_every_state_is_walked():
    assert set(_LEADS_TO) == set(_THEN_IS_WHERE) == set(_WAYS) == set(PAYOUT.states)


def test_every_step_of_the_table_is_walked():
    walked = {(start, to) for start, ends in _LEADS_TO.items() for to in ends if start != to}
    direct = {(start, step.to) for (start, _), step in PAYOUT.table.items() if start != step.to}
    # A payout of which nothing was heard for long may be found far ahead.
    assert walked - direct == {("reserved", "paid"), ("unknown", "paid")}
    assert direct <= walked


@pytest.mark.parametrize("state", _WAYS)
def test_whatever_is_heard_leads_where_it_must(requested, state):
    assert _story(requested, *_WAYS[state])[0] == state
    for what, expected in zip(_HEARD, _LEADS_TO[state], strict=True):
        found, money, _ = _story(requested, *_WAYS[state], what)
        assert (what, found) == (what, expected)
        assert money == _THEN_IS_WHERE[expected]


@pytest.mark.parametrize("state", _WAYS)
def test_what_is_heard_twice_is_booked_once(requested, state):
    for what in ("pending", "paid", "failed", "canceled"):
        found, money, entries = _story(requested, *_WAYS[state], what)
        again, still, same = _story(requested, *_WAYS[state], what, what)
        assert (money, len(entries)) == (still, len(same))
        # What was paid and is then told to have failed has come back; told again, nothing more happens.
        assert found == again


def test_answers_that_overtake_each_other_end_in_the_same_place(requested):
    for answers in permutations(["pending", "on its way", "paid", "failed"]):
        found, money, _ = _story(requested, *answers)
        assert found in {"failed", "returned"}
        assert money == _THEN_IS_WHERE[found] == {"connected": "90.00", "wallet": "90.00"}


def test_a_payout_that_arrived_stays_arrived(requested):
    for answers in permutations(["pending", "on its way", "paid", "silence"]):
        assert _story(requested, *answers)[:2] == ("paid", {"connected": "40.00", "wallet": "40.00"})


def test_a_payout_that_the_gateway_had_refused_and_then_has_is_looked_at_by_a_person(requested):
    with expect_refusal(GatewayDisagrees):
        _story(requested, "refused", "paid")


@pytest.mark.parametrize("what", ["refused", "put off", "silence", "never heard of"])
def test_an_answer_that_comes_after_the_news_changes_nothing(requested, what):
    atomically(_hear, requested, "paid")
    with nothing_moves():
        atomically(_hear, requested, what)
