from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kernel.time import FileOffset
from persistence import clock as database_clock
from persistence.engine import Database
from persistence.unit_of_work import atomically, reading


def test_the_time_is_that_of_the_database_in_utc(database):
    said = reading(database_clock.now)
    assert said.tzinfo is UTC
    assert abs(said - datetime.now(UTC)) < timedelta(hours=1)


def test_without_an_offset_a_turned_clock_means_nothing(database, database_url, clock):
    clock.advance(days=3)
    production = Database.connect(database_url)
    with production.sessions() as session:
        assert abs(database_clock.now(session) - datetime.now(UTC)) < timedelta(hours=1)
    production.engine.dispose()


def test_time_passes_within_a_transaction(database, clock):
    def wait(session):
        before = database_clock.now(session)
        clock.advance(hours=72)
        return database_clock.now(session) - before

    assert timedelta(hours=72) <= atomically(wait) < timedelta(hours=73)


def test_another_process_sees_the_same_turned_clock(database, database_url, clock):
    clock.advance(hours=72)
    other = Database.connect(database_url, offset=FileOffset(clock.path))
    with other.sessions() as session:
        theirs = database_clock.now(session)
    assert abs(reading(database_clock.now) - theirs) < timedelta(minutes=10)
    other.engine.dispose()
