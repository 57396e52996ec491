"""The relay and the worker as they are started in production, and how they stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from persistence import clock as database_clock
from persistence import due, idempotency
from persistence.idempotency import Answer, Request
from persistence.tables import DueWork, IdempotencyKey
from persistence.unit_of_work import atomically, reading
from tests import servers
from tests.schema import ROOT
from tests.waiting import until


@pytest.fixture
def environment(database, database_url, redis_url, clock):
    """What a process of Holdfast is told."""
    clock.advance(seconds=1)
    return os.environ | {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CLOCK_FILE": str(clock.path),
    }


@contextmanager
def running(environment, *command, module=("flask", "--app", "wsgi")):
    process = subprocess.Popen(
        [sys.executable, "-m", *module, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        # Shown when the test fails.
        sys.stdout.write(process.communicate()[0])


def state_of(key):
    return reading(lambda session: session.scalar(select(DueWork.state).where(DueWork.dedup_key == key)))


def expired_keys():
    return reading(lambda session: session.query(IdempotencyKey).count())


def test_what_is_due_is_done_and_both_end_when_they_are_told(environment, clock):
    request = Request(owner="us_1", client_key="key_1", fingerprint=b"0" * 32)
    idempotency.answered_once(request, lambda _session: Answer(200, "{}"), lambda _refusal: None)
    clock.advance(days=31)
    assert expired_keys() == 1
    with (
        running(environment, "jobs", "relay", "--pause", "0.05") as relay,
        running(environment, "jobs", "work") as worker,
    ):
        until(lambda: expired_keys() == 0)
        atomically(
            lambda session: due.schedule(
                session,
                kind="forget_expired_keys",
                subject="once_more",
                due_at=database_clock.now(session),
                key="again",
            )
        )
        until(lambda: state_of("again") == "done")
        for process in (relay, worker):
            process.send_signal(signal.SIGTERM)
        assert [relay.wait(30), worker.wait(30)] == [0, 0]


def test_a_worker_may_end_with_its_queue(environment):
    with running(environment, "jobs", "work", "--burst") as worker:
        assert worker.wait(30) == 0


@pytest.mark.parametrize("command", ["relay", "work"])
def test_without_redis_named_nothing_starts(environment, command):
    del environment["REDIS_URL"]
    with running(environment, "jobs", command) as process:
        assert process.wait(30) == 1
        assert "REDIS_URL is missing" in process.stdout.read()


def test_a_worker_whose_redis_dies_during_a_job_goes_on_when_it_is_back(environment):
    def schedule(session, *, kind, subject):
        due.schedule(session, kind=kind, subject=subject, due_at=database_clock.now(session), key=kind)

    with servers.redis() as redis:
        told = environment | {"REDIS_URL": redis.url}
        atomically(schedule, kind="end_redis", subject=str(redis.process.number))
        with (
            running(told, "jobs", "relay", "--pause", "0.05") as relay,
            running(told, module=("tests.jobs.patient",)) as worker,
        ):
            until(lambda: state_of("end_redis") == "done")
            redis.process.start()
            atomically(schedule, kind="go_on", subject="thing_1")
            until(lambda: state_of("seen:thing_1") is not None)
            for process in (relay, worker):
                process.send_signal(signal.SIGTERM)
            assert [relay.wait(30), worker.wait(30)] == [0, 0]


def test_a_worker_that_waits_for_its_redis_ends_when_it_is_told_to(environment):
    nobody = environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with running(nobody, "jobs", "work") as worker:
        assert any("worker_waits" in line for line in iter(worker.stdout.readline, ""))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
