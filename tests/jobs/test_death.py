"""A relay or a worker may die between any two lines; the work is done all the same, and its effect is there once."""

from __future__ import annotations

import multiprocessing
import signal

import pytest
from sqlalchemy import select

from jobs import work
from jobs.work import handler
from persistence import clock as database_clock
from persistence import due
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.drain import drain_what_was_asked_for as drain
from tests.jobs import mortal
from tests.jobs.mortal import leave_a_trace, leave_all

seen = []


@handler("seen")
def note(done):
    seen.append(done.subject)


# One process has everything imported, and the others come of it: to live again takes no time.
_LIVES = multiprocessing.get_context("forkserver")
_LIVES.set_forkserver_preload([mortal.__name__])


def ended(database_url, redis_url, clock, *, at):
    """How a relay and a worker ended that were to die at this point, if they came there."""
    life = _LIVES.Process(target=mortal.live, args=(database_url, redis_url, clock.path, at))
    life.start()
    life.join()
    return life.exitcode


@pytest.mark.parametrize(
    "point",
    [
        "before_commit persistence.due.lease",
        "committed persistence.due.lease",
        "before_commit persistence.due.take_up",
        "committed persistence.due.take_up",
        "before_commit tests.jobs.mortal.trace",
        "committed tests.jobs.mortal.trace",
        "before_done leave_a_trace",
        "before_commit persistence.due.complete",
        "committed persistence.due.complete",
    ],
)
def test_work_survives_whoever_does_it(database, database_url, redis_url, clock, point):
    seen.clear()
    # The worker that comes after has the same handlers as the one that dies.
    assert work.handlers()["leave_a_trace"].run is leave_a_trace
    atomically(
        lambda session: due.schedule(
            session, kind="leave_a_trace", subject="thing_1", due_at=database_clock.now(session), key="once"
        )
    )
    assert ended(database_url, redis_url, clock, at=point) == -signal.SIGKILL
    clock.advance(seconds=61)
    drain(redis_url)
    assert seen == ["thing_1"]
    states = reading(lambda session: dict(session.execute(select(DueWork.kind, DueWork.state)).all()))
    assert (states["leave_a_trace"], states["seen"]) == ("done", "done")


@pytest.mark.parametrize(
    "point",
    [
        "committed persistence.due.lease",
        "before_commit persistence.due.take_up_all",
        "committed persistence.due.take_up_all",
        "before_commit tests.jobs.mortal.traces",
        "committed tests.jobs.mortal.traces",
    ],
)
def test_work_that_is_done_together_survives_whoever_does_it(database, database_url, redis_url, clock, point):
    seen.clear()
    assert work.handlers()["leave_traces"].together is leave_all
    things = ["thing_1", "thing_2", "thing_3"]

    def write(session):
        for thing in things:
            instant = database_clock.now(session)
            due.schedule(session, kind="leave_traces", subject=thing, due_at=instant, key=thing)

    atomically(write)
    assert ended(database_url, redis_url, clock, at=point) == -signal.SIGKILL
    clock.advance(seconds=61)
    drain(redis_url)
    assert sorted(seen) == things
    states = select(DueWork.state).where(DueWork.kind.in_(["leave_traces", "seen"]))
    assert set(reading(lambda session: session.scalars(states).all())) == {"done"}


def test_work_that_kills_whoever_does_it_is_given_up_after_five(database, database_url, redis_url, clock):
    def write(session):
        instant = database_clock.now(session)
        due.schedule(session, kind="leave_a_trace", subject="thing_1", due_at=instant, key="deadly")

    atomically(write)
    ends = []
    for _ in range(6):
        ends.append(ended(database_url, redis_url, clock, at="before_commit tests.jobs.mortal.trace"))
        clock.advance(seconds=61)
    assert ends == [-signal.SIGKILL] * 5 + [0]
    (parked,) = reading(due.parked)
    assert (parked.kind, parked.reason) == (
        "leave_a_trace",
        "Nothing was heard of it after it was begun 5 times.",
    )


def test_work_that_kills_whoever_does_it_takes_nothing_along_that_was_due_with_it(
    database, database_url, redis_url, clock
):
    things = ["before", "deadly", "after", "long after"]

    def write(session):
        for thing in things:
            instant = database_clock.now(session)
            due.schedule(session, kind="leave_traces", subject=thing, due_at=instant, key=thing)

    atomically(write)
    for _ in range(6):
        ended(database_url, redis_url, clock, at="at deadly")
        clock.advance(seconds=61)
    states = select(DueWork.subject, DueWork.state).where(DueWork.kind == "leave_traces")
    assert reading(lambda session: dict(session.execute(states).all())) == {
        "before": "done",
        "deadly": "parked",
        "after": "done",
        "long after": "done",
    }
