"""The fixtures keep their word: real databases, empty at the start, with the clock of the test."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import func, select, text

from persistence import clock as database_clock
from persistence import due
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading


@pytest.mark.parametrize("run", ["first", "second"])
def test_every_test_finds_the_database_empty(database, run):
    assert reading(_pieces_of_work) == 0
    atomically(_schedule_work, key=run)
    assert reading(_pieces_of_work) == 1


def test_the_database_can_be_emptied_between_the_examples_of_a_property(database, empty_database):
    atomically(_schedule_work, key="once")
    empty_database()
    assert reading(_pieces_of_work) == 0
    atomically(_schedule_work, key="once")
    assert reading(_pieces_of_work) == 1


def test_turning_the_clock_turns_the_time_of_the_database(session, clock):
    before = database_clock.now(session)
    clock.advance(hours=72)
    assert timedelta(hours=72) <= database_clock.now(session) - before < timedelta(hours=73)


def test_the_clock_can_be_set_to_an_instant(session, clock):
    instant = clock.now() + timedelta(days=400)
    clock.set(instant)
    assert timedelta() <= database_clock.now(session) - instant < timedelta(hours=1)


@pytest.mark.mariadb
def test_the_service_cannot_change_the_schema(database):
    with pytest.raises(Exception, match="denied"), database.engine.connect() as connection:
        connection.execute(text("DROP TABLE due_work"))


@pytest.mark.parametrize("run", ["first", "second"])
def test_every_test_finds_redis_empty(redis_url, run):
    with Redis.from_url(redis_url) as redis:
        assert redis.dbsize() == 0
        redis.set(run, "here")


def _schedule_work(session, *, key):
    due.schedule(session, kind="probe", subject="ms_1", due_at=database_clock.now(session), key=key)


def _pieces_of_work(session):
    return session.scalar(select(func.count()).select_from(DueWork))
