"""When something is tried again that did not work out at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_SOONEST = timedelta(seconds=5)
_LATEST = timedelta(hours=1)


def next_try(*, now: datetime, since: datetime) -> datetime:
    """When to try again what has been tried since then: after as long again, but within the hour."""
    return now + min(max(now - since, _SOONEST), _LATEST)
