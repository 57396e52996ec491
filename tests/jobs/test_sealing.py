"""The books are sealed by themselves, every few minutes, and whoever seals them may die and come again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from jobs import ledger_jobs
from jobs.schedule import RECURRING
from ledger.sealing import head, seal_stretch
from ledger.tables import seal_leaves
from persistence.unit_of_work import atomically, reading
from runtime import books, wiring
from runtime.settings import Settings
from tests.drain import drain
from tests.ledger.words import earned


@pytest.fixture(autouse=True)
def wired(database, database_url, clock):
    made = wiring.build(Settings(ENVIRONMENT="test", DATABASE_URL=database_url, CLOCK_FILE=clock.path))
    yield made
    made.database.engine.dispose()


def sealed():
    return reading(lambda session: session.scalar(select(func.count()).select_from(seal_leaves)))


def test_what_is_posted_is_sealed_within_five_minutes(redis_url, clock):
    drain(redis_url)
    assert reading(head) is None
    earned("us_worker", "10.00")
    clock.advance(minutes=5)
    drain(redis_url)
    assert sealed() == 1
    assert reading(head).number == 1
    assert reading(books.verify) == []


def test_it_is_asked_for_every_five_minutes_and_thoroughly_every_day():
    assert RECURRING["seal_entries"] == timedelta(minutes=5)
    assert RECURRING["seal_late_entries"] == timedelta(days=1)


@pytest.mark.parametrize("job", [ledger_jobs.seal_entries, ledger_jobs.seal_late_entries])
def test_a_job_that_is_done_twice_seals_once(job):
    earned("us_worker", "10.00")
    job(None)
    job(None)
    assert (sealed(), reading(head).number) == (1, 1)


def test_a_job_goes_on_where_another_one_died(wired):
    for _ in range(3):
        earned("us_worker", "10.00")
    atomically(seal_stretch, signer=wired.sealing_key, most=1)
    ledger_jobs.seal_entries(None)
    assert (sealed(), reading(head).number) == (3, 2)
    assert reading(books.verify) == []
