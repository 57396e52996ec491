"""The connection dies at COMMIT, or brings an error: whether it was obeyed is not known, and the same key tells."""

from __future__ import annotations

import pytest
from sqlalchemy import func, make_url, select

from kernel.money import Money
from ledger import chart, movements
from ledger.balances import balance
from ledger.integrity import verify
from ledger.posting import post
from persistence import outbox, unit_of_work
from persistence.engine import Database
from persistence.idempotency import Answer, Request, RequestInProgress, answered_once, begun_once
from persistence.tables import OutboxEvent
from persistence.unit_of_work import OutcomeUnknown, atomically, reading
from tests.persistence.proxy import proxy_to

pytestmark = pytest.mark.mariadb

_ASKED = Request("us_1", "key-1", b"f" * 32)
_MILESTONE = "ms_06f3k00000000000000000000a"
_HELD_AFTER = {"before": 0, "after": 10_000}


@pytest.fixture
def wire(database, database_url, schema):
    server = make_url(schema._server.tcp_url("holdfast_test", "holdfast"))
    with proxy_to(server.port) as proxy:
        through = Database.connect(server.set(port=proxy.port), offset=database.offset)
        unit_of_work.bind(through)
        yield proxy
        through.engine.dispose()
        unit_of_work.bind(database)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_was_never_answered_is_unknown_and_not_tried_again_blindly(wire, when):
    wire.cut(when)
    with pytest.raises(OutcomeUnknown):
        atomically(_fund, price=Money(10_000, "USD"))
    assert not wire.waits_for_commit
    assert reading(_held) == Money(_HELD_AFTER[when], "USD")


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_same_entry_told_again_is_in_the_books_once(wire, when):
    wire.cut(when)
    with pytest.raises(OutcomeUnknown):
        atomically(_fund, price=Money(10_000, "USD"))
    atomically(_fund, price=Money(10_000, "USD"))
    assert reading(_held) == Money(10_000, "USD")
    assert reading(verify) == []


# What a server says that goes down, has lost the others, turned read-only, or cannot tell.
@pytest.mark.parametrize("number", [1047, 1053, 1290, 1836, 3100, 1180])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_error_a_commit_is_answered_with_the_money_is_moved_once(wire, when, number):
    wire.refuse(when, number)
    with pytest.raises(OutcomeUnknown):
        atomically(_fund, price=Money(10_000, "USD"))
    assert reading(_held) == Money(_HELD_AFTER[when], "USD")
    atomically(_fund, price=Money(10_000, "USD"))
    assert reading(_held) == Money(10_000, "USD")
    assert reading(verify) == []


# Deadlock and certification conflict of Galera, lock wait, row changed; group replication's; TiDB's write conflicts.
@pytest.mark.parametrize("number", [1213, 1205, 1020, 3101, 8002, 8005, 8022, 8028, 9007])
def test_a_conflict_at_commit_is_tried_again_and_the_money_is_moved_once(wire, number):
    wire.refuse("before", number)
    atomically(_fund_and_tell)
    assert not wire.waits_for_commit
    assert reading(_held) == Money(10_000, "USD")
    assert reading(_told) == 1
    assert reading(verify) == []


@pytest.mark.parametrize("cuts", [["before"], ["after"], ["before", "before", "after"], ["after", "after"]])
def test_a_request_sent_until_it_is_answered_moves_the_money_once(wire, cuts):
    for when in cuts:
        wire.cut(when)
    answer = _sent_until_answered()
    assert not wire.waits_for_commit
    assert (answer.status, answer.body) == (200, "held")
    assert reading(_held) == Money(10_000, "USD")
    assert reading(_told) == 1
    assert reading(verify) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_answer_after_a_lost_commit_says_whether_it_is_a_repetition(wire, when):
    wire.cut(when)
    with pytest.raises(OutcomeUnknown):
        answered_once(_ASKED, _fund_and_tell, _keep_none)
    assert answered_once(_ASKED, _fund_and_tell, _keep_none).replayed is (when == "after")
    assert reading(_told) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_perhaps_begun_is_gone_on_with_at_once_and_was_begun_once(wire, when):
    wire.cut(when)
    with pytest.raises(OutcomeUnknown):
        begun_once(_ASKED, _begin, _keep_none)
    begun = begun_once(_ASKED, _begin, _keep_none)
    assert begun.resource_id == _MILESTONE
    assert reading(_held) == Money(10_000, "USD")
    assert reading(_told) == 1
    with pytest.raises(RequestInProgress):
        begun_once(_ASKED, _begin, _keep_none)


def _sent_until_answered():
    for _ in range(10):
        try:
            return answered_once(_ASKED, _fund_and_tell, _keep_none)
        except OutcomeUnknown:
            pass
    raise AssertionError


def _fund_and_tell(session):
    _fund(session, price=Money(10_000, "USD"))
    outbox.publish(session, name="milestone.funded", subject=_MILESTONE)
    return Answer(200, "held")


def _begin(session):
    _fund_and_tell(session)
    return _MILESTONE


def _keep_none(_refusal):
    return None


def _fund(session, *, price):
    post(
        session,
        movements.milestone_funded("stripe", _MILESTONE, price=price, client_fee=Money(0, "USD")),
        key="py_1:funded",
        reference=_MILESTONE,
        actor="us_1",
    )


def _held(session):
    return balance(session, chart.escrow(_MILESTONE, "USD")).posted


def _told(session):
    return session.scalar(select(func.count()).select_from(OutboxEvent))
