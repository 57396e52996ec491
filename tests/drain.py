"""Background work in a test: done by the real relay and a real worker, as far as it is due."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobs import queues
from jobs.relay import Relay
from jobs.schedule import RECURRING
from jobs.subscriptions import SUBSCRIBERS
from jobs.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

# Work that makes work that makes work ends; if it does not, the test shall not hang.
_MOST_ROUNDS = 50


def drain(
    redis_url: str,
    subscribers: Mapping[str, Sequence[str]] = SUBSCRIBERS,
    recurring: Mapping[str, timedelta] = RECURRING,
) -> None:
    """Do everything that is due now, and what comes of it, until nothing is due."""
    with queues.connect(redis_url) as redis, _signals_kept():
        relay = Relay(queues.queues(redis), subscribers, recurring)
        for _ in range(_MOST_ROUNDS):
            handed_over = relay.turn()
            worked = worker(redis).work(burst=True, logging_level="WARNING")
            if not handed_over and not worked:
                return
    msg = f"There is still work due after {_MOST_ROUNDS} rounds."
    raise AssertionError(msg)


def drain_what_was_asked_for(redis_url: str, subscribers: Mapping[str, Sequence[str]] = SUBSCRIBERS) -> None:
    """Like `drain`, where nothing recurs: what does needs the whole service around it."""
    drain(redis_url, subscribers, {})


@contextmanager
def _signals_kept() -> Iterator[None]:
    # The worker takes these for itself; pytest wants them back.
    taken = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(number) for number in taken]
    try:
        yield
    finally:
        for number, action in zip(taken, before, strict=True):
            signal.signal(number, action)
