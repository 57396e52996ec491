"""Asking about an instant: what was recorded until then, and the same answer for ever.

A posting carries the instant at which its accounts were locked, and is seen by others when it commits, which is later.
Whoever asks meanwhile would be answered without it, and with it when asking again. So everybody who is posting is
waited for before the question is read, and nobody waits for the reading.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kernel.refusals import Invalid
from ledger.lanes import wait_for_posters
from persistence import clock
from persistence.unit_of_work import rehearse

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

_MICROSECOND = timedelta(microseconds=1)


class InstantNotReached(Invalid):
    """What will have been recorded at an instant to come cannot be known yet."""

    code = "instant_not_reached"


def settled(at: datetime | None = None) -> datetime:
    """The instant to ask about, the present one without `at`, once nothing can be recorded at or before it any more."""
    instant = rehearse(_passed, at)
    # On SQLite this waited for whoever was writing when it began.
    rehearse(wait_for_posters)
    return instant


def _passed(session: Session, at: datetime | None) -> datetime:
    # What is recorded while the clock shows an instant is recorded at that instant, so it has to have moved on.
    begun = clock.now(session)
    if at is not None and at > begun:
        raise InstantNotReached("This instant is still to come. Ask about one that has passed.", field="at")
    while (ticked := clock.now(session)) == begun:
        pass
    return ticked - _MICROSECOND if at is None else at
