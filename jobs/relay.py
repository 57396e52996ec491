"""The relay: tells events, leases what is due and wakes the workers. It holds nothing, so any number may run."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jobs.queues import DEFAULT, enqueue
from jobs.schedule import plan
from jobs.work import handlers, reason_of
from kernel.refusals import Unavailable
from persistence import due, outbox
from persistence.unit_of_work import atomically
from runtime.readiness import absence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from threading import Event

    from rq import Queue

    from persistence.due import Work

_log = structlog.get_logger("holdfast.relay")

# More than this waiting for workers would only wait out its lease in Redis.
_MOST_QUEUED = 200
_OUTAGE_SECONDS = 3


class Relay:
    """Moves work from the tables to the queues."""

    def __init__(
        self,
        queues: Mapping[str, Queue],
        subscribers: Mapping[str, Sequence[str]],
        recurring: Mapping[str, timedelta],
    ) -> None:
        self._queues = queues
        self._subscribers = subscribers
        self._recurring = recurring

    def run(self, stop: Event, *, pause_seconds: float) -> None:
        """Go on until `stop` is set, pausing when there is nothing to do; an outage is waited out."""
        while not stop.is_set():
            done = self.turn_or_wait()
            if not done:
                stop.wait(pause_seconds if done is not None else _OUTAGE_SECONDS)

    def turn(self) -> int:
        """Tell what is untold and hand over what is due, as far as there is room; returns how much was done."""
        atomically(plan, self._recurring)
        told = atomically(outbox.fan_out, self._subscribers)
        room = _MOST_QUEUED - sum(queue.count for queue in self._queues.values())
        if room <= 0:
            return told
        leased = atomically(due.lease, limit=room)
        for works in _jobs(leased):
            enqueue(self._queue_of(works[0]), works)
        return told + len(leased)

    def turn_or_wait(self) -> int | None:
        """One turn; None when Redis or the database is not there."""
        try:
            return self.turn()
        except (RedisError, SQLAlchemyError, Unavailable) as error:
            # What was leased and not handed over is leased again; nothing is lost but time.
            _log.error("relay_waits", reason=absence(error) or reason_of(error))
            return None

    def _queue_of(self, work: Work) -> Queue:
        known = handlers().get(work.kind)
        return self._queues[known.queue if known is not None else DEFAULT]


def _jobs(leased: Iterable[Work]) -> Iterator[list[Work]]:
    """Work that can be done together is one job, and each other piece is one."""
    together = defaultdict(list)
    for work in leased:
        known = handlers().get(work.kind)
        # What was begun and never heard of may take a worker down, and with it all that was begun beside it.
        if known is None or known.together is None or work.begun:
            yield [work]
        else:
            together[work.kind].append(work)
    yield from together.values()
