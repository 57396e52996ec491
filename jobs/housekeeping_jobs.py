"""Keeping the house in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identity import sessions, throttle
from jobs.queues import DEFAULT
from jobs.work import handler
from persistence import idempotency
from persistence.unit_of_work import atomically

if TYPE_CHECKING:
    from persistence.due import Work


@handler("forget_expired_keys", queue=DEFAULT)
def forget_expired_keys(_work: Work) -> None:
    """Drop the idempotency keys that nobody will send again."""
    atomically(idempotency.forget_expired)


@handler("forget_old_sessions", queue=DEFAULT)
def forget_old_sessions(_work: Work) -> None:
    """Drop the sessions that ended long ago, and the counts of attempts to sign in that no longer matter."""
    atomically(sessions.forget_old_sessions)
    atomically(throttle.forget_old_attempts)
