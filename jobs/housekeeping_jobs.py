"""Keeping the house in order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateways import inbox
from identity import sessions, throttle
from jobs.queues import DEFAULT
from jobs.work import handler
from persistence import clock, due, idempotency, outbox
from persistence.unit_of_work import atomically, reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from persistence.due import Work

# No gateway sends an event again after a month, and no key of work is used again after its cause was told. What is
# told longer than that to anybody is in the ledger and in the rows of the business.
_KEPT = timedelta(days=90)
_BATCH = 500
# What is left over is the next hour's.
_MOST_BATCHES = 20


@handler("forget_expired_keys", queue=DEFAULT)
def forget_expired_keys(_work: Work) -> None:
    """Drop the idempotency keys that nobody will send again."""
    atomically(idempotency.forget_expired)


@handler("forget_old_sessions", queue=DEFAULT)
def forget_old_sessions(_work: Work) -> None:
    """Drop the sessions that ended long ago, and the counts of attempts to sign in that no longer matter."""
    atomically(sessions.forget_old_sessions)
    atomically(throttle.forget_old_attempts)


@handler("forget_what_is_over", queue=DEFAULT)
def forget_what_is_over(_work: Work) -> None:
    """Drop work that was done, events that were told and webhooks that were handled, all three months ago."""
    before = reading(clock.now) - _KEPT
    for forget in (due.forget_done, outbox.forget_told, inbox.forget_handled):
        _in_batches(forget, before=before)


def _in_batches(forget: Callable[..., int], *, before: datetime) -> None:
    for _ in range(_MOST_BATCHES):
        if atomically(forget, before=before, limit=_BATCH) < _BATCH:
            return
