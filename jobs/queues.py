"""The queues: Redis only carries ids to whoever is free; losing all of it loses nothing but a little time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis import Redis
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from persistence.due import LEASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from persistence.due import Work

MONEY = "money"
DEFAULT = "default"
# In the order in which a worker looks into them.
NAMES = (MONEY, DEFAULT)

_LEASE_SECONDS = int(LEASE.total_seconds())
# The lease begins anew with the job: one that hangs is ended before its work is leased to somebody else.
_JOB_SECONDS = _LEASE_SECONDS - 5
_CONNECT_SECONDS = 2
_ANSWER_SECONDS = 5


def connect(url: str) -> Redis:
    """The Redis at `url` (`redis://…`, `rediss://…` or `unix:///path`); nothing is sent before the first use."""
    return Redis.from_url(url, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_ANSWER_SECONDS)


def queues(redis: Redis) -> dict[str, Queue]:
    """Every queue by its name."""
    # JSON, because whoever can write to Redis could run anything through a pickle.
    return {name: Queue(name, connection=redis, serializer=JSONSerializer) for name in NAMES}


def enqueue(queue: Queue, works: Sequence[Work]) -> bool:
    """Hand leased work to the workers, several of one kind as one job; false when it was handed over already."""
    first = works[0]
    job: tuple[str, tuple[object, ...]] = ("jobs.work.perform", (first.id, first.attempts))
    if len(works) > 1:
        job = ("jobs.work.perform_together", ({work.id: work.attempts for work in works},))
    function, arguments = job
    try:
        queue.enqueue_call(
            function,
            args=arguments,
            job_id=f"{first.id}-{first.attempts}",
            unique=True,
            timeout=_JOB_SECONDS,
            # What waited longer than its lease is leased and enqueued anew; then the old job is only in the way.
            ttl=_LEASE_SECONDS,
            failure_ttl=_LEASE_SECONDS,
            result_ttl=0,
        )
    except DuplicateJobError:
        return False
    return True
