"""The worker: one process, one job at a time; scale by running more of them.

Without a fork for each job: a job costs a third, and nothing the process holds (database connections, the gateway's
TLS session) is shared across a fork. A job that takes the process with it costs its lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rq import SimpleWorker
from rq.serializers import JSONSerializer

from jobs.queues import queues
from jobs.work import handlers

if TYPE_CHECKING:
    from redis import Redis

_MAINTENANCE_SECONDS = 60


def worker(redis: Redis) -> SimpleWorker:
    """A worker for every queue, money first; `work()` goes on until SIGTERM and finishes the job it has."""
    # Before the first job, not during it: a module that cannot be imported must not start at all.
    handlers()
    return SimpleWorker(
        list(queues(redis).values()),
        connection=redis,
        serializer=JSONSerializer,
        maintenance_interval=_MAINTENANCE_SECONDS,
        log_job_description=False,
    )
