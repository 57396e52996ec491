"""Sealing the books, every few minutes and, once a day, looking further back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.queues import DEFAULT
from jobs.work import NotYet, handler
from ledger import sealing
from persistence import clock
from persistence.unit_of_work import atomically, reading
from runtime.wiring import wired

if TYPE_CHECKING:
    from datetime import timedelta

    from persistence.due import Work

# As many as are done within the lease of the work, which then goes on at once.
_MOST_SEALS = 20


@handler("seal_entries", queue=DEFAULT)
def seal_entries(_work: Work) -> None:
    """Seal whatever was posted since the last time."""
    _seal(sealing.SHORTLY)


@handler("seal_late_entries", queue=DEFAULT)
def seal_late_entries(_work: Work) -> None:
    """Seal what was recorded long before it was committed, and so was not there when its like were sealed."""
    _seal(sealing.THOROUGHLY)


def _seal(reaching_back: timedelta) -> None:
    for _ in range(_MOST_SEALS):
        if atomically(sealing.seal_stretch, signer=wired().sealing_key, reaching_back=reaching_back) is None:
            return
    raise NotYet(reading(clock.now))
