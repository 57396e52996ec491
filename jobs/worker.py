"""The worker: one process, one job at a time; scale by running more of them.

Without a fork for each job: a job costs a third, and nothing the process holds (database connections, the gateway's
TLS session) is shared across a fork. A job that takes the process with it costs its lease.
"""

from __future__ import annotations

import signal
from threading import Event
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from jobs.queues import queues
from jobs.work import handlers

if TYPE_CHECKING:
    from redis import Redis

_MAINTENANCE_SECONDS = 60
_OUTAGE_SECONDS = 3

_log = structlog.get_logger("holdfast.worker")


class Worker(SimpleWorker):
    """One of rq's, which says that it was told to end."""

    told_to_end = Event()

    def handle_warm_shutdown_request(self) -> None:
        """What is called on SIGTERM, whatever the worker is doing and whether Redis answers or not."""
        self.told_to_end.set()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


def worker(redis: Redis) -> Worker:
    """A worker for every queue, money first; `work()` goes on until SIGTERM and finishes the job it has."""
    # Before the first job, not during it: a module that cannot be imported must not start at all.
    handlers()
    return Worker(
        list(queues(redis).values()),
        connection=redis,
        serializer=JSONSerializer,
        maintenance_interval=_MAINTENANCE_SECONDS,
        log_job_description=False,
    )


def work(redis: Redis, *, burst: bool) -> None:
    """Do what the relay hands over until SIGTERM; an outage of Redis, which ends rq's worker, is waited out."""
    told_to_end = Worker.told_to_end
    while not told_to_end.is_set():
        _listen()
        try:
            worker(redis).work(burst=burst)
        except RedisError as error:
            if burst:
                raise
            _log.warning("worker_waits", reason=type(error).__name__)
        if burst:
            return
        _listen()
        told_to_end.wait(_OUTAGE_SECONDS)


def _listen() -> None:
    # A worker of rq's listens for itself while it works; in between, what it left behind would ask Redis first.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: Worker.told_to_end.set())
