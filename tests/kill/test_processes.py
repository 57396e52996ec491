"""The web process, the relay and the worker die at every point there is: once all is done, it was done once."""

from __future__ import annotations

import signal
import uuid
from dataclasses import replace
from functools import partial

import pytest
import requests
from sqlalchemy import func, select

from ledger.tables import entries, seal_leaves
from persistence.unit_of_work import reading
from tests.kill import acts, points

# They keep house, or run with everything; the relay's own points have a test of their own.
_ASIDE = (
    "identity.",
    "jobs.schedule.",
    "persistence.due.",
    "persistence.outbox.",
    "persistence.idempotency.forget",
    "forget_",
    "gateways.inbox.forget",
    "ledger.sealing.",
    "gateways.sweeps.",
    "jobs.sweeping.",
    "jobs.sweep_jobs.",
    "jobs.reconciling.",
    "sweep_events",
    "reconciliation.",
    "reconcile",
    "seal_",
    "payouts.connected.",
    "payouts.schedules.",
    "look_at_balance",
    "jobs.payouts_jobs._schedule_looks",
    "start_scheduled_payouts",
    "remind_of_unclaimed",
)


def cases(known):
    """One for each point of each act, named after both."""
    return [
        pytest.param(act, point, id=f"{act}: {point[0]} {point[1]}")
        for act, its_points in known.items()
        for point in points.deaths(its_points)
    ]


@pytest.mark.parametrize(("act", "point"), cases(points.REQUESTS))
def test_the_web_process_dies_at(world, act, point):
    with world.at_stake():
        asked = acts.REQUESTS[act](world.people)
        key = uuid.uuid4().hex
        web = world.launcher.start("web", die_at=point)
        with pytest.raises(requests.ConnectionError):
            ask(asked, key, at=web.address)
        assert web.ended() == -signal.SIGKILL
        world.leases_run_out()
        answer = ask(asked, key, at=world.house.web)
        world.house.settle()
        asked.check(answer)


@pytest.mark.parametrize(("act", "point"), cases(points.WORK))
def test_the_worker_dies_at(world, act, point):
    with world.at_stake():
        check = acts.WORK[act](world.people)
        assert world.launcher.start("background", die_at=point).ended() == -signal.SIGKILL
        world.leases_run_out()
        check()


@pytest.mark.parametrize("point", points.RELAY, ids=" ".join)
def test_the_relay_dies_at(world, point):
    with world.at_stake():
        check = acts.transfer(world.people)
        assert world.launcher.start("background", die_at=point).ended() == -signal.SIGKILL
        world.leases_run_out()
        check()


@pytest.mark.parametrize("point", points.SEALER, ids=" ".join)
def test_the_sealer_dies_at(world, point):
    with world.at_stake():
        check = acts.transfer(world.people)
        world.house.settle()
        posted = count(entries)
        world.house.clock.advance(minutes=6)
        assert world.launcher.start("background", die_at=point).ended() == -signal.SIGKILL
        world.leases_run_out()
        check()
        # A leaf for every entry, whose id is its key; that the seals are right is part of what `at_stake` verifies.
        assert count(seal_leaves) >= posted


@pytest.mark.parametrize("act", points.REQUESTS)
@pytest.mark.sqlite
def test_no_point_of_a_request_is_missing(world, act):
    with world.at_stake():
        asked = acts.REQUESTS[act](world.people)
        web = world.launcher.start("web", record=True)
        answer = ask(asked, uuid.uuid4().hex, at=web.address)
        web.kill()
        world.house.settle()
        asked.check(answer)
        assert passed(world) == points.REQUESTS[act]


@pytest.mark.parametrize("act", points.WORK)
@pytest.mark.sqlite
def test_no_point_of_work_is_missing(world, act):
    with world.at_stake():
        check = acts.WORK[act](world.people)
        # News is on the road for as long as it likes, and what it brings is recorded, too.
        replace(world.house, work=partial(work_off, world.launcher)).settle()
        check()
        assert (
            set(points.WORK[act])
            <= set(passed(world))
            <= {point for known in points.WORK.values() for point in known}
        )


def work_off(launcher, _redis_url):
    assert launcher.start("burst", record=True).ended() == 0


def count(table):
    return reading(lambda session: session.scalar(select(func.count()).select_from(table)))


def ask(asked, key, *, at):
    asked.who.web, before = at, asked.who.web
    try:
        return asked.who.post(asked.path, asked.body, key=key)
    finally:
        asked.who.web = before


def passed(world):
    return [point for point in world.launcher.recorded() if not point[1].startswith(_ASIDE)]
