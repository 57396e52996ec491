"""Much work of one kind that is due at once is done in one transaction, and none of it pays for another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from jobs import queues
from jobs.relay import Relay
from jobs.work import handler, perform_together
from kernel.refusals import Conflict
from persistence import clock as database_clock
from persistence import due
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.drain import drain_what_was_asked_for as drain
from tests.escrow.story import enrol, look, money, submitted, told
from tests.threads import together

done = []


class NotToday(Conflict):
    """It is refused, for a test."""

    code = "not_today"


def note_all(works):
    if any(work.subject == "poison" for work in works):
        raise NotToday("One of us is poison.")
    done.append(sorted(work.subject for work in works))
    ids = [work.id for work in works if work.subject != "left"]
    atomically(due.complete_all, ids)
    return ids


@handler("note_all", together=note_all)
def note_one(work):
    if work.subject == "poison":
        raise NotToday("I am poison.")
    done.append(work.subject)


@pytest.fixture(autouse=True)
def nothing_done(clock):
    done.clear()
    # Far from the turn of an hour and of a day, at which housekeeping falls due once more.
    clock.set((datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=20))


def schedule(*subjects):
    def write(session):
        for subject in subjects:
            instant = database_clock.now(session)
            due.schedule(session, kind="note_all", subject=subject, due_at=instant, key=subject)

    atomically(write)


def states(kind="note_all"):
    query = select(DueWork.subject, DueWork.state).where(DueWork.kind == kind)
    return reading(lambda session: dict(session.execute(query).all()))


def test_all_that_is_due_is_one_job(database, redis_url):
    schedule("a", "b", "c")
    with queues.connect(redis_url) as redis:
        known = queues.queues(redis)
        Relay(known, {}, {}).turn()
        jobs = [
            job for queue in known.values() for job in queue.jobs if "note" in str(job) or len(job.args) == 1
        ]
    assert [len(job.args[0]) for job in jobs] == [3]
    drain(redis_url)
    assert done == [["a", "b", "c"]]
    assert states() == {"a": "done", "b": "done", "c": "done"}


def test_one_that_is_due_alone_is_done_as_ever(database, redis_url):
    schedule("a")
    drain(redis_url)
    assert done == ["a"]


def test_one_that_fails_fails_alone(database, redis_url):
    schedule("a", "poison", "b")
    drain(redis_url)
    assert sorted(done) == ["a", "b"]
    assert states() == {"a": "done", "b": "done", "poison": "due"}


def test_what_is_left_is_done_alone(database, redis_url):
    schedule("a", "left", "b")
    drain(redis_url)
    assert done == [["a", "b", "left"], "left"]
    assert set(states().values()) == {"done"}


def test_what_was_handed_out_anew_meanwhile_is_left_to_whoever_has_it_now(database):
    schedule("a", "b", "c")
    leased = {work.id: work.attempts for work in atomically(due.lease) if work.kind == "note_all"}
    late = next(iter(leased))
    perform_together({**leased, late: leased[late] - 1})
    assert [len(subjects) for subjects in done] == [2]
    assert sorted(states().values()) == ["done", "done", "due"]


def test_what_was_begun_before_and_never_heard_of_is_done_alone(database):
    schedule("a", "b", "c")
    leased = {work.id: work.attempts for work in atomically(due.lease) if work.kind == "note_all"}
    began = next(iter(leased))
    atomically(due.take_up, began)
    perform_together(leased)
    assert [type(subject) for subject in done] == [list, str]
    assert set(states().values()) == {"done"}


def test_the_same_job_at_two_workers_is_done_once(database):
    schedule(*"abcdefgh")
    leased = {work.id: work.attempts for work in atomically(due.lease) if work.kind == "note_all"}
    perform_together(leased)
    together(lambda: perform_together(leased), people=2)
    assert done == [list("abcdefgh")]


def test_windows_that_close_at_once_are_released_at_once(database, redis_url, clock):
    atomically(enrol)
    milestones = [submitted("10.00") for _ in range(7)]
    clock.advance(hours=73)
    drain(redis_url)
    assert [look(milestone).state for milestone in milestones] == ["released"] * 7
    assert told()["milestone.released"] == 7
    assert money()["wallet"] == "63.00"
    assert set(states("release_by_time").values()) == {"done"}
