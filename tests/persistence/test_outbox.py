from __future__ import annotations

import pytest
from sqlalchemy import func, select

from kernel.refusals import Conflict
from persistence import due, outbox
from persistence.tables import DueWork, OutboxEvent
from persistence.unit_of_work import atomically, reading, rehearse
from tests.books import nothing_moves
from tests.threads import together

_SUBSCRIBERS = {"milestone.released": ("send_transfer", "notify"), "contract.accepted": ("notify",)}


class Refused(Conflict):
    """It is refused, for a test."""

    code = "refused_by_a_test"


def test_an_event_becomes_one_piece_of_work_for_each_subscriber(database):
    atomically(_publish, name="milestone.released", payload={"amount_minor": 9000})
    assert atomically(outbox.fan_out, _SUBSCRIBERS) == 1
    assert [(work.kind, work.subject, work.payload) for work in _leased()] == [
        ("notify", "ms_1", {"amount_minor": 9000, "event": "milestone.released"}),
        ("send_transfer", "ms_1", {"amount_minor": 9000, "event": "milestone.released"}),
    ]


def test_an_event_is_told_once(database):
    atomically(_publish, name="milestone.released")
    assert atomically(outbox.fan_out, _SUBSCRIBERS) == 1
    with nothing_moves():
        assert atomically(outbox.fan_out, _SUBSCRIBERS) == 0


def test_an_event_nobody_asked_for_is_told_to_nobody_and_not_kept_waiting(database):
    atomically(_publish, name="payment.unknown")
    assert atomically(outbox.fan_out, _SUBSCRIBERS) == 1
    assert _leased() == []
    assert atomically(outbox.fan_out, _SUBSCRIBERS) == 0


def test_a_cause_that_was_taken_back_is_told_to_nobody(database):
    def refuse(session):
        _publish(session, name="milestone.released")
        raise Refused("no")

    with pytest.raises(Refused):
        atomically(refuse)
    rehearse(_publish, name="milestone.released")
    assert atomically(outbox.fan_out, _SUBSCRIBERS) == 0


def test_a_relay_that_fails_tells_the_event_next_time(database):
    atomically(_publish, name="milestone.released")

    def fail(session):
        outbox.fan_out(session, _SUBSCRIBERS)
        raise Refused("no")

    with nothing_moves(), pytest.raises(Refused):
        atomically(fail)
    assert atomically(outbox.fan_out, _SUBSCRIBERS) == 1
    assert [work.kind for work in _leased()] == ["notify", "send_transfer"]


def test_only_so_many_events_are_told_at_a_time(database):
    for _ in range(5):
        atomically(_publish, name="contract.accepted")
    assert [atomically(outbox.fan_out, _SUBSCRIBERS, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert len(_leased()) == 5


def test_four_relays_tell_a_hundred_events_once_each(database):
    for number in range(100):
        atomically(_publish, name="contract.accepted", payload={"number": number})

    def relay():
        told = 0
        while some := atomically(outbox.fan_out, _SUBSCRIBERS, limit=7):
            told += some
        return told

    # A relay that found the rest held by the others leaves it to them.
    assert sum(together(relay, people=4)) == 100
    assert reading(_untold) == 0
    assert sorted(work.payload["number"] for work in _leased()) == list(range(100))


def _publish(session, *, name, payload=None):
    return outbox.publish(session, name=name, subject="ms_1", payload=payload)


def _leased():
    return sorted(atomically(due.lease, limit=1000), key=lambda work: work.kind)


def _untold(session):
    assert session.scalar(select(func.count()).select_from(DueWork)) == 100
    return session.scalar(select(func.count()).where(OutboxEvent.told_at.is_(None)))
