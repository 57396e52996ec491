from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from persistence import clock as database_clock
from persistence import due
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.books import nothing_moves
from tests.threads import together


def test_work_is_not_handed_out_before_it_is_due(database, clock):
    _schedule("release_by_time", after=timedelta(hours=72))
    clock.advance(hours=71, minutes=59)
    assert _leased() == []
    clock.advance(minutes=1, seconds=1)
    assert _leased() == ["release_by_time"]


def test_late_work_is_still_handed_out(database, clock):
    _schedule("release_by_time", after=timedelta(hours=72))
    clock.advance(days=365)
    assert _leased() == ["release_by_time"]


def test_the_oldest_work_comes_first(database, clock):
    for name, hours in (("second", 2), ("third", 3), ("first", 1)):
        _schedule(name, after=timedelta(hours=hours))
    clock.advance(hours=4)
    assert [_leased(limit=1), _leased(limit=1), _leased(limit=1), _leased(limit=1)] == [
        ["first"],
        ["second"],
        ["third"],
        [],
    ]


def test_work_scheduled_twice_under_one_key_is_done_once_as_first_said(database):
    _schedule("settle_charge", key="settle:py_1", payload={"first": True})
    with nothing_moves():
        _schedule("settle_charge", key="settle:py_1", after=timedelta(hours=1), payload={"first": False})
    (work,) = atomically(due.lease)
    assert work.payload == {"first": True}


def test_work_that_was_done_is_not_scheduled_again_under_its_key(database):
    _schedule("settle_charge", key="settle:py_1")
    (work,) = atomically(due.lease)
    atomically(due.complete, work.id)
    with nothing_moves():
        _schedule("settle_charge", key="settle:py_1")


def test_eight_who_schedule_the_same_work_at_once_schedule_it_once(database):
    together(lambda: _schedule("settle_charge", key="settle:py_1"), people=8)
    assert _leased() == ["settle_charge"]


def test_leased_work_is_nobody_elses_until_the_lease_runs_out(database, clock):
    _schedule("send_refund")
    assert _leased() == ["send_refund"]
    clock.advance(seconds=59)
    assert _leased() == []
    clock.advance(seconds=2)
    assert _leased() == ["send_refund"]


def test_a_lease_begins_with_the_work_whatever_it_waited_in_a_queue(database, clock):
    _schedule("send_refund")
    (work,) = atomically(due.lease)
    clock.advance(seconds=59)
    assert atomically(due.take_up, work.id, attempt=1) == replace(work, begun=1)
    clock.advance(seconds=59)
    assert _leased() == []
    clock.advance(seconds=2)
    assert _leased() == ["send_refund"]


def test_work_that_waited_in_a_queue_until_it_was_handed_out_again_is_done_by_one(database, clock):
    _schedule("send_refund")
    (late,) = atomically(due.lease)
    clock.advance(seconds=61)
    (work,) = atomically(due.lease)
    with nothing_moves():
        assert atomically(due.take_up, late.id, attempt=late.attempts) is None
    assert atomically(due.take_up, work.id, attempt=work.attempts) == replace(work, begun=1)


def test_work_put_off_is_not_done_early_by_whoever_still_holds_an_old_lease(database, clock):
    _schedule("settle_charge")
    (late,) = atomically(due.lease)
    clock.advance(seconds=61)
    (work,) = atomically(due.lease)
    atomically(due.defer, work.id, until=reading(database_clock.now) + timedelta(days=2))
    with nothing_moves():
        assert atomically(due.take_up, late.id, attempt=late.attempts) is None
    clock.advance(days=2, minutes=1)
    (again,) = atomically(due.lease)
    # A number of its own for each lease: the queue takes a job with an old one for the job it had.
    assert again.attempts == 3


def test_completed_work_never_comes_back(database, clock):
    _schedule("send_refund")
    (work,) = atomically(due.lease)
    assert atomically(due.take_up, work.id) == replace(work, begun=1)
    atomically(due.complete, work.id)
    clock.advance(days=30)
    assert _leased() == []
    assert atomically(due.take_up, work.id) is None
    atomically(due.complete, work.id)
    assert _leased() == []


def test_four_workers_take_two_hundred_pieces_of_work_once_each(database):
    for number in range(200):
        _schedule("send_refund", payload={"number": number})

    def work():
        taken = []
        while some := atomically(due.lease, limit=7):
            taken += [piece.payload["number"] for piece in some]
            for piece in some:
                atomically(due.complete, piece.id)
        return taken

    numbers = [number for taken in together(work, people=4) for number in taken]
    assert sorted(numbers) == list(range(200))
    assert reading(_in_state, "done") == 200


def test_failing_work_is_tried_ever_more_slowly_and_then_left_to_staff(database, clock):
    _schedule("send_refund")
    waited = []
    for _ in range(11):
        (work,) = atomically(due.lease)
        atomically(due.postpone, work.id, reason="the gateway is down")
        waited.append(_wait_for_work(clock))
    assert waited == sorted(waited)
    assert waited[0] <= timedelta(seconds=5)
    assert timedelta(minutes=59) < waited[-1] <= timedelta(hours=1)

    (work,) = atomically(due.lease)
    atomically(due.postpone, work.id, reason="the gateway is down")
    clock.advance(days=30)
    assert _leased() == []
    assert reading(_in_state, "parked") == 1
    assert reading(due.backlog) == due.Backlog(due=0, parked=1, oldest_due_at=None)
    (parked,) = reading(due.parked)
    assert (parked.id, parked.kind, parked.reason) == (work.id, "send_refund", "the gateway is down")


def test_work_that_nobody_did_while_all_workers_were_down_has_not_failed(database, clock):
    _schedule("send_refund")
    for _ in range(30):
        (work,) = atomically(due.lease)
        clock.advance(seconds=61)
    atomically(due.postpone, work.id, reason="the gateway is down")
    clock.advance(seconds=5)
    assert _leased() == ["send_refund"]


def test_work_that_is_begun_again_and_again_and_never_heard_of_is_left_to_staff(database, clock):
    _schedule("send_refund")
    for _ in range(5):
        (work,) = atomically(due.lease)
        assert atomically(due.take_up, work.id, attempt=work.attempts) is not None
        clock.advance(seconds=61)
    (work,) = atomically(due.lease)
    assert atomically(due.take_up, work.id, attempt=work.attempts) is None
    (parked,) = reading(due.parked)
    assert (parked.id, parked.reason) == (work.id, "Nothing was heard of it after it was begun 5 times.")
    clock.advance(days=30)
    assert _leased() == []
    assert atomically(due.revive, work.id) is True
    assert atomically(due.take_up, work.id) is not None


def test_whatever_is_heard_of_work_says_that_it_does_not_kill(database, clock):
    _schedule("send_refund")
    for _ in range(3):
        for _ in range(4):
            (work,) = atomically(due.lease)
            assert atomically(due.take_up, work.id, attempt=work.attempts) is not None
            clock.advance(seconds=61)
        (work,) = atomically(due.lease)
        atomically(due.postpone, work.id, reason="the gateway is down", outage=True)
        clock.advance(hours=1)
    assert reading(_in_state, "due") == 1


def test_the_first_failure_of_its_own_after_a_long_outage_does_not_park_work(database, clock):
    _schedule("send_refund")
    (work,) = atomically(due.lease)
    for _ in range(170):
        assert atomically(due.postpone, work.id, reason="the gateway is down", outage=True) is False
    for _ in range(11):
        assert atomically(due.postpone, work.id, reason="not ready") is False
    # Nor does the outage after it begin where the last one ended.
    assert atomically(due.postpone, work.id, reason="the gateway is down", outage=True) is False
    assert atomically(due.postpone, work.id, reason="not ready") is True
    assert reading(_in_state, "parked") == 1


def test_work_put_off_until_an_instant_waits_for_it_and_has_not_failed(database, clock):
    _schedule("settle_charge")
    (work,) = atomically(due.lease)
    for _ in range(11):
        atomically(due.postpone, work.id, reason="the gateway is down")
    atomically(due.defer, work.id, until=reading(database_clock.now) + timedelta(days=2))
    clock.advance(days=1, hours=23)
    assert _leased() == []
    clock.advance(hours=2)
    assert _leased() == ["settle_charge"]
    atomically(due.postpone, work.id, reason="the gateway is down")
    clock.advance(seconds=5)
    assert _leased() == ["settle_charge"]


def test_parked_work_begins_anew_when_staff_say_so(database, clock):
    _schedule("send_refund")
    (work,) = atomically(due.lease)
    with nothing_moves():
        assert atomically(due.revive, work.id) is False
    _park(work.id, clock)

    assert atomically(due.revive, work.id) is True
    (again,) = atomically(due.lease)
    assert (again.id, again.attempts) == (work.id, 13)
    assert atomically(due.postpone, work.id, reason="the gateway is down") is False


def test_parked_work_is_not_postponed_into_life(database, clock):
    _schedule("send_refund")
    (work,) = atomically(due.lease)
    _park(work.id, clock)
    with nothing_moves():
        atomically(due.postpone, work.id, reason="a worker that was slow")


def test_a_long_reason_is_kept_as_far_as_it_fits(database):
    _schedule("send_refund")
    (work,) = atomically(due.lease)
    atomically(due.postpone, work.id, reason="Ärger " * 1000)
    assert reading(_last_error, work.id) == ("Ärger " * 1000)[:500]


def test_work_that_is_not_there_is_passed_over(database):
    with nothing_moves():
        atomically(due.complete, "du_00000000000000000000000000")
        atomically(due.postpone, "du_00000000000000000000000000", reason="gone")
        atomically(due.defer, "du_00000000000000000000000000", until=reading(database_clock.now))
        assert atomically(due.revive, "du_00000000000000000000000000") is False


def test_the_backlog_counts_what_is_due_and_since_when(database, clock):
    _schedule("later", after=timedelta(hours=1))
    assert reading(due.backlog) == due.Backlog(due=0, parked=0, oldest_due_at=None)
    _schedule("now")
    _schedule("too")
    backlog = reading(due.backlog)
    assert (backlog.due, backlog.parked) == (2, 0)
    assert backlog.oldest_due_at == reading(_due_at, "now")


def _schedule(kind, *, after=timedelta(), key=None, payload=None):
    def write(session):
        due.schedule(
            session,
            kind=kind,
            subject="ms_1",
            due_at=database_clock.now(session) + after,
            key=key or f"{kind}:{payload}",
            payload=payload,
        )

    atomically(write)


def _leased(limit=50):
    return [work.kind for work in atomically(due.lease, limit=limit)]


def _wait_for_work(clock):
    waiting = reading(_time_until_due)
    clock.advance(seconds=waiting.total_seconds() + 1)
    return waiting


def _park(work_id, clock):
    while reading(_in_state, "parked") == 0:
        atomically(due.postpone, work_id, reason="the gateway is down")
        clock.advance(hours=2)
        atomically(due.lease)


def _time_until_due(session):
    return session.scalar(select(DueWork.due_at)) - database_clock.now(session)


def _in_state(session, state):
    return session.scalar(select(func.count()).where(DueWork.state == state))


def _due_at(session, kind):
    return session.scalar(select(DueWork.due_at).where(DueWork.kind == kind))


def _last_error(session, work_id):
    return session.scalar(select(DueWork.last_error).where(DueWork.id == work_id))


@pytest.mark.sqlite
def test_the_embedded_database_hands_work_out_in_the_order_of_its_instants(database, clock):
    # Instants are text there: they sort like instants only as long as all have the same form.
    _schedule("whole_second", after=timedelta(seconds=1))
    _schedule("a_little_later", after=timedelta(seconds=1, microseconds=500))
    clock.advance(seconds=5)
    assert _leased() == ["whole_second", "a_little_later"]
